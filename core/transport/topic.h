/* SPDX-License-Identifier: MIT */
/*
 * The inside of topics, between their files: local: with `fan=broadcast`.
 *
 * A topic is a listener that publishes: what it publishes goes into its own memory
 * (memory/fan.h), which all its readers have mapped.  Beside it each reader has a
 * socket of packets to the writer, its carrier.  It proves their lives and brings few
 * words, each of them one packet: the reader's page when it joins, the writer's memory
 * in answer, a bell for one that sleeps, and the end.
 *
 *   words     topic_word.c    over the carrier
 *   writing   topic.c         it is opened, published to, and looked at
 *             topic_seat.c    readers come and go
 *   reading   topic_join.c    a dialled channel,
 *             topic_carrier.c what it hears of the writer,
 *             topic_in.c      and reads of its memory
 *
 * A topic's socket stands under the same name as that of any local: listener, but is of
 * packets: by that a dialler knows what it has met.
 *
 * The writer's part is one thread's, but for the list of seats, which others look at
 * under `lock`.
 */
#ifndef TRANSPORT_TOPIC_H
#define TRANSPORT_TOPIC_H

#include "transport/local.h"

enum { TOPIC_READERS_MOST = 1024 };

/* Whether that is what the address says: `fan=broadcast`. */
bool local_is_topic(const struct address *);

/* --- topic_word.c -------------------------------------------------------- */

enum topic_what {
    TOPIC_JOIN = 1, /* a reader: here is my page */
    TOPIC_WELCOME,  /* the writer: here is my memory, and where you begin */
    TOPIC_BELL,     /* you sleep, and there is something */
    TOPIC_END,      /* no more will be published */
    TOPIC_REFUSED   /* there is no place for you */
};

struct topic_word {
    enum topic_what what;
    uint32_t full;   /* enum full_policy: as is wanted (FULL_BLOCK: as the writer has
                        it), or as it shall be */
    uint64_t head;   /* where a reader begins, */
    uint64_t number; /* and with which record */
    int file;        /* -1: none */
};

/* Says one, without waiting; its file stays the caller's.  Errors: -EAGAIN, -EPIPE ….
 */
int topic_say(struct os_descriptor *, const struct topic_word *);

/* Hears one: 1, and its file is the caller's; 0: the carrier has ended.  `*arrival`
 * says who spoke.  Errors: -EAGAIN, -EPROTO (the sentence is set) …. */
int topic_hear(struct os_descriptor *, struct topic_word *, struct os_arrival *arrival);

/* What `full=` says of a reader: FULL_BLOCK where it says nothing.  Errors: -EINVAL (it
 * would have the writer wait; the sentence is set). */
int topic_policy(const struct address *);

/* --- topic.c: members of struct transport, of a harbour ------------------- */

struct topic;

/* Makes the topic of a harbour that is open.  Errors: -ENOMEM, -EMFILE …. */
int topic_new(struct harbour *, struct topic **out);

/* Says the end to all readers; NULL is fine. */
void topic_close(struct topic *);

/* What to wait for beside the harbour: readable while there is something to hear of
 * readers. */
int topic_descriptor(const struct topic *);

int topic_admit(struct topic *);
int topic_publish(struct topic *, const wherry_message *, bool to_somebody);
int topic_readers(struct topic *, struct wherry_reader *out, size_t most);

/* --- topic_seat.c: the writer's end of one reader ------------------------ */

enum { TOPIC_COMING = 64 }; /* who has dialled and not said its first word */

struct topic_seat {
    struct os_descriptor carrier;
    struct ring_side page; /* the reader's; none until it has joined */
    int64_t until;         /* the end of its time to say its first word */
    int full;              /* enum full_policy */
    int64_t pid;
};

struct topic {
    struct harbour *harbour;
    struct ring_side own;
    int file; /* our memory, for others to map */
    struct fan_out fan;
    uint64_t message_limit;
    int full;          /* of readers that do not say */
    int64_t handshake; /* nanoseconds */
    int watch;         /* over all carriers */
    atomic_uint *life; /* 1; a child of fork(2) finds 0 */

    struct os_lock lock;
    size_t seat_limit;
    size_t seat_count;
    struct topic_seat *seats;               /* who has joined, */
    struct fan_sleeper *sleepers;           /* and their sleep, in the same order */
    struct topic_seat coming[TOPIC_COMING]; /* oldest first */
    size_t coming_count;

    int64_t
        looked_in;  /* the tick of the clock in which it was last looked for readers, */
    unsigned looks; /* and how often in that */
};

/* Admits who waits, and forgets who has gone.  Errors: -EMFILE, -ENFILE, -ENOMEM
 * (somebody waits on). */
int topic_look(struct topic *);

/* Lets all go. */
void topic_empty(struct topic *);

/* --- topic_join.c: a reader ----------------------------------------------- */

struct topic_reader {
    struct os_descriptor carrier;
    struct message_store *store;
    uint64_t message_limit;
    int full; /* enum full_policy; FULL_BLOCK: the writer's word on it is awaited */
    int64_t spin;
    struct spin_habit habit;
    struct ring_side own;
    struct ring_side theirs; /* none until it is welcome */
    int file;                /* our page, for others to look at; -1: none yet */
    struct fan_in fan;
    atomic_uint *life; /* 1; a child of fork(2) finds 0 */
    int pidfd;         /* of the writer; LOCAL_UNWATCHED: nobody has slept yet */
    bool has_died;     /* and it had ended before there could be one */
    bool has_slept;    /* since it was last looked whether it lives */
    bool has_ended;    /* the carrier has, and how */
    int end;
    uint64_t lost;    /* before the next message, for want of memory for them */
    uint64_t dropped; /* in all */
};

/* A reader's channel; takes the socket, also on failure.  Errors: -EINVAL, -ENOMEM …;
 * the sentence is set. */
int topic_join(const struct address *, struct os_descriptor, struct endpoint *out);

static inline bool topic_is_welcome(const struct topic_reader *reader)
{
    return reader->theirs.page;
}

/* Whether this is a child of fork(2) that does not have the memory: -ECHILD. */
int topic_check_life(const struct topic_reader *);

/* --- topic_carrier.c ----------------------------------------------------- */

/* 0: something was heard, or the carrier has ended.  Errors: -EAGAIN, -EPROTO …; the
 * sentence is set. */
int topic_hear_carrier(struct topic_reader *);

/* How it ended; the sentence is set. */
int topic_tell_end(const struct topic_reader *);

/* --- topic_in.c ---------------------------------------------------------- */

int topic_recv(void *state, wherry_message **out);
size_t topic_recv_ahead(void *state, wherry_message **messages, size_t count);
int topic_ready(void *state);
int topic_wait(void *state, enum wherry_direction direction,
               struct wherry_wait waits[WHERRY_WAITS]);
int topic_spin(void *state, enum wherry_direction direction);

#endif
