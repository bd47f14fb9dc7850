/* SPDX-License-Identifier: MIT */
/*
 * One end of a queue of the kernel (mq:, sysv:): what they share.  Private to
 * core/transport.
 */
#ifndef TRANSPORT_QUEUE_H
#define TRANSPORT_QUEUE_H

#include "transport/transport.h"

struct queue;

/* The calls of one mechanism; none of them waits. */
struct queue_calls {
    size_t head; /* bytes before a message in memory that the calls need */

    /* Errors: -EAGAIN (full) …. */
    int (*send)(struct queue *, const wherry_message *);

    /* Takes the next message of the kind that is wanted (as wherry_recv_kind) into
     * `place`, which has room for the head and message_size bytes: its size, -EAGAIN,
     * or an error with its sentence. */
    int64_t (*receive)(struct queue *, uint8_t *place, int64_t wanted, int64_t *kind);

    /* Adds to a description. */
    void (*describe)(const struct queue *, struct wherry_channel_info *);

    void (*close)(struct queue *);
};

/* Which processes have an end that fork(2) may have copied: those that have the writing
 * end of a pipe that nobody writes to. */
struct queue_owner {
    struct os_descriptor reading; /* OS_DESCRIPTOR_NONE: it is nobody's */
    struct os_descriptor writing;
};

#define QUEUE_OWNER_NONE ((struct queue_owner){OS_DESCRIPTOR_NONE, OS_DESCRIPTOR_NONE})

int queue_own(struct queue_owner *out);

/* This process has it no more; whether it was the last one.  It is nobody's then. */
bool queue_disown(struct queue_owner *);

struct queue {
    const struct queue_calls *calls;
    int number;          /* its descriptor, or its identifier */
    bool writes;         /* for its calls */
    size_t message_size; /* of the largest that may come */
    uint64_t message_limit;
    struct message_store *store;

    /* the sender's, for its calls */
    bool was_full;
    int64_t room_left;  /* bytes, as far as it knows */
    uint8_t *letter;    /* a head and a message; NULL: none yet */
    size_t letter_room; /* bytes of the message */

    /* the receiver's: the next message comes into the block, or into the room, which
     * takes memory only as far as messages reach */
    wherry_message *block;    /* NULL: none */
    uint8_t *room;            /* NULL: none */
    bool are_large;           /* the last one filled most of a block */
    bool is_received;         /* one lies there that is not yet handed out */
    size_t size;              /* its */
    int64_t kind;             /* its */
    bool cuts;                /* one that is too large is cut, for its calls */
    struct queue_owner owner; /* of one that goes with this end, for its calls */
};

/* An end of the queue `number`, which it takes on success; NULL: no memory, the
 * sentence is set. */
struct queue *queue_new(const struct queue_calls *, int number,
                        const struct address *address);

/* Fills in `out` but for the limits and what only this mechanism can do. */
void queue_endpoint(struct queue *, const struct wherry_transport *moves, bool writes,
                    struct endpoint *out);

/* Where the next message is to be received.  Errors: -ENOMEM; the sentence is set. */
int queue_place(struct queue *, uint8_t **out);

/* It has been: the next recv hands it out. */
void queue_received(struct queue *, size_t size, int64_t kind);

/* Members of struct wherry_transport. */
int queue_send(void *state, wherry_message **message, unsigned flags);
int queue_recv(void *state, wherry_message **out);
int queue_recv_kind(void *state, int64_t kind, size_t room, wherry_message **out);
int queue_ready(void *state);
int64_t queue_rest(void *state);
void queue_describe(void *state, struct wherry_channel_info *info);
void queue_close(void *state);

#endif
