/* SPDX-License-Identifier: MIT */
/*
 * queue: - how one is opened (shared_queue.c) and how messages move then
 * (shared_queue_moves.c).  Private to core/transport.
 */
#ifndef TRANSPORT_SHARED_QUEUE_H
#define TRANSPORT_SHARED_QUEUE_H

#include "transport/transport.h"

/* An end of an open queue, which it takes on success.  Errors: -ENOMEM; the sentence is
 * set. */
int shared_queue_endpoint(const struct address *, struct shared_queue *, bool writes,
                          struct endpoint *out);

#endif
