/* SPDX-License-Identifier: MIT */
/*
 * What happens to a message that the mechanism has no room for: a row of a table for
 * each `full=`.
 *
 * The private list is bounded by `queue=` bytes; a message larger than that is let in
 * alone. What the kernel or a ring has is past recall.
 */
#include "channel/channel.h"

#include <errno.h>
#include <string.h>

static bool over_limit(const wherry_channel *channel, size_t more)
{
    const struct message_list *queue = &channel->out.queue;
    return queue->count > 0 && queue->bytes + more > channel->limits.queue;
}

static void drop(wherry_channel *channel, wherry_message *message)
{
    wherry_message_free(message);
    atomic_fetch_add(&channel->out.dropped, 1);
}

// A borrowed message is the caller's bytes: the list keeps a copy.
static int own(wherry_channel *channel, wherry_message **message)
{
    wherry_message *given = *message;
    wherry_message *copy;
    if (!given->borrowed)
        return 0;
    int r = message_store_take(channel->store, WHERRY_OUT, given->size, &copy);
    if (r < 0)
        return r;
    if (given->size > 0)
        memcpy(copy->data, given->data, given->size);
    copy->kind = given->kind;
    *message = copy;
    return 0;
}

static int append(wherry_channel *channel, wherry_message **message)
{
    int r = own(channel, message);
    if (r < 0)
        return r;
    (*message)->queued_at = wherry_now();
    list_append(&channel->out.queue, *message);
    *message = NULL;
    return 0;
}

static int refuse(wherry_channel *channel, wherry_message **message)
{
    (void)channel;
    (void)message;
    return -EAGAIN;
}

static int drop_oldest(wherry_channel *channel, wherry_message **message)
{
    while (over_limit(channel, (*message)->size))
        drop(channel, list_take(&channel->out.queue, NULL));
    return append(channel, message);
}

static int drop_newest(wherry_channel *channel, wherry_message **message)
{
    if (!over_limit(channel, (*message)->size))
        return append(channel, message);
    bool borrowed = (*message)->borrowed;
    drop(channel, *message);
    if (!borrowed)
        *message = NULL;
    return 0;
}

static int keep_latest(wherry_channel *channel, wherry_message **message)
{
    while (channel->out.queue.first)
        drop(channel, list_take(&channel->out.queue, NULL));
    return append(channel, message);
}

static int cut(wherry_channel *channel, wherry_message **message)
{
    if (!over_limit(channel, (*message)->size))
        return append(channel, message);
    atomic_fetch_add(&channel->out.dropped, channel->out.queue.count);
    list_free(&channel->out.queue);
    channel->out.broken = -ENOBUFS;
    // Without the word `end`: the peer is to know that it did not get everything.
    // (Under `line` and `raw` there is no such word, and what it has of a message looks
    // whole.)
    if (channel->moves->finish)
        (void)channel->moves->finish(channel->state);
    return failure(-ENOBUFS,
                   "the peer is too slow: %llu bytes waited for it (queue=), and "
                   "full=disconnect cut it off",
                   (unsigned long long)channel->limits.queue);
}

static int (*const policies[])(wherry_channel *, wherry_message **) = {
    [FULL_BLOCK] = refuse,       [FULL_FAIL] = refuse,
    [FULL_OLDEST] = drop_oldest, [FULL_NEWEST] = drop_newest,
    [FULL_LATEST] = keep_latest, [FULL_CUT] = cut,
};

int queue_full(wherry_channel *channel, wherry_message **message)
{
    return policies[channel->limits.full](channel, message);
}

// What is no fault of the message, or of none alone: it may go another time, or never.
static bool is_of_the_channel(int error)
{
    static const int errors[] = {EAGAIN, ENOBUFS,    ENOMEM,       EMFILE, ENFILE,
                                 EPIPE,  ECONNRESET, ETOOMANYREFS, EIDRM};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (error == -errors[i])
            return true;
    return false;
}

// One by one and only into an empty transport: what it has taken can no longer be
// dropped.  One that can never go (its destination is gone, the framing has no way to
// carry it) is dropped and counted, so that those behind it go.
int queue_flush(wherry_channel *channel)
{
    struct message_list *queue = &channel->out.queue;
    while (queue->first) {
        int r = channel->moves->flush ? channel->moves->flush(channel->state) : 0;
        if (r < 0)
            return r;
        wherry_message *message = list_take(queue, NULL);
        r = channel->moves->send(channel->state, &message, 0);
        if (r < 0 && is_of_the_channel(r)) {
            list_prepend(queue, message);
            return r;
        }
        if (r < 0)
            atomic_fetch_add(&channel->out.dropped, 1);
        wherry_message_free(message); // unless it was taken
    }
    return 0;
}
