/* SPDX-License-Identifier: MIT */
/*
 * What an end of queue: is to the queue itself.
 */
#ifndef QUEUE_INSIDE_H
#define QUEUE_INSIDE_H

#include "channel/channel.h"
#include "memory/shared_queue.h"
#include "transport/shared_queue.h"

static inline struct shared_queue *inside(wherry_channel *channel)
{
    return ((struct queue_end *)channel->state)->queue;
}

#endif
