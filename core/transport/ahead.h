/* SPDX-License-Identifier: MIT */
/*
 * What was read ahead, and cutting messages out of it: shared by streams and packets.
 * Private to core/transport.
 */
#ifndef TRANSPORT_AHEAD_H
#define TRANSPORT_AHEAD_H

#include "transport/transport.h"

enum {
    AHEAD_LEAST = 256,  /* what a quiet channel reads at once, if words travel on it */
    AHEAD_SMALL = 1024, /* else; or once that was full */
    AHEAD_LARGE = MESSAGE_READ,
    AHEAD_MORE = 2 /* no whole message there: read on */
};

/* How one channel's messages are cut. */
struct cutter {
    const struct framing *framing;
    struct message_store *store;
    uint64_t message_limit;
};

/* The bytes [start, end) of a block, which is a message of the store. */
struct ahead {
    wherry_message *block; /* may be NULL while nothing is there */
    size_t room;           /* what a new block should have */
    size_t start;
    size_t end;
    struct frame_scan scan;
};

static inline size_t ahead_size(const struct ahead *ahead)
{
    return ahead->end - ahead->start;
}

static inline const uint8_t *ahead_front(const struct ahead *ahead)
{
    return ahead->block->data + ahead->start;
}

/* Where more can be read to. */
static inline struct os_room ahead_room(struct ahead *ahead)
{
    return (struct os_room){ahead->block->data + ahead->end,
                            ahead->block->capacity - ahead->end};
}

void ahead_consume(struct ahead *, size_t size);

/* A block with room for `room` bytes; what is there moves into it.  Errors: -ENOMEM. */
int ahead_change(struct ahead *, const struct cutter *, size_t room);

/* Moves what is there to the front of the block. */
void ahead_compact(struct ahead *);

/* Cuts the next message: 1 with *out (word, kind and data set, its open files not yet)
 * and *frame, AHEAD_MORE (frame and place are set if place->head_size > 0), or an error
 * of the framing's scan. */
int ahead_cut(struct ahead *, const struct cutter *, struct frame *frame,
              struct frame_place *place, wherry_message **out);

/* Cuts up to `count` messages that are plain (no words, no open files, no padding) and
 * lie there whole; how many. */
size_t ahead_cut_plain(struct ahead *, const struct cutter *, wherry_message **out,
                       size_t count);

/* Cuts all that is there as one message: the last of a framing whose end completes it.
 */
int ahead_cut_rest(struct ahead *, const struct cutter *, wherry_message **out);

/* Whether ahead_cut would give a message or an error. */
bool ahead_ready(const struct ahead *, const struct cutter *);

/* Gives the block back if nothing is in it. */
void ahead_rest(struct ahead *);

/* --- sender.c ------------------------------------------------------------ */

/* Keeps what the kernel said of the first words' sender as the channel's peer, and ends
 * asking for it on `fd`. */
void sender_remember(struct message_store *, int fd, const struct os_arrival *);

#endif
