/* SPDX-License-Identifier: MIT */
/*
 * queue: - what its address says (shared_queue_numbers.c), how one is opened
 * (shared_queue.c), and how messages move then (shared_queue_moves.c).  Private to
 * core/transport.
 */
#ifndef TRANSPORT_SHARED_QUEUE_H
#define TRANSPORT_SHARED_QUEUE_H

#include "transport/transport.h"

/* --- shared_queue_numbers.c ---------------------------------------------- */

extern const struct wherry_option shared_queue_options[];

/* What one that is made has. */
void shared_queue_numbers(const struct address *, struct shared_queue_numbers *out);

/* One that is there has what it was made with, whatever the address asks for.  -EEXIST;
 * the sentence is set. */
int shared_queue_check_numbers(const struct address *, const struct shared_queue *);

/* --- shared_queue_moves.c ------------------------------------------------ */

/* One end. */
struct queue_end {
    struct shared_queue *queue;
    struct message_store *store;
    uint64_t message_limit;
    int64_t wanted; /* by the last try that failed: a kind, or a size */
    bool writes;
};

/* An end of an open queue, which it takes on success.  Errors: -ENOMEM; the sentence is
 * set. */
int shared_queue_endpoint(const struct address *, struct shared_queue *, bool writes,
                          struct endpoint *out);

#endif
