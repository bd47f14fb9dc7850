/* SPDX-License-Identifier: MIT */
/*
 * The inside of a POSIX queue, between mq.c and mq_moves.c.
 */
#ifndef TRANSPORT_MQ_H
#define TRANSPORT_MQ_H

#include "transport/queue.h"

/* The endpoint of an open queue; the descriptor is taken, also on failure. */
int mq_end(const struct address *, struct os_descriptor, bool writes,
           struct endpoint *out);

#endif
