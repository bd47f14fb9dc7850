/* SPDX-License-Identifier: MIT */
/*
 * What only a busy channel needs is given back when it is idle.
 *
 * Whoever waits in a call does that between two steps of its wait (wait.c).  Whoever
 * waits by wherry_fd sleeps in a call that is not ours: a timer among what it watches
 * wakes it, and the recv that finds nothing then gives back what is due.  The timer is
 * there only from a burst until all is given back, so a channel that stays idle wakes
 * nobody.
 */
#include "channel/channel.h"

enum {
    REST_AGAIN = 100000000,   /* nanoseconds, where somebody sends just now */
    REST_POLLED = 1000000000, /* idle for that long, whoever polls is woken for it */
    MEMORY_OF_REST = 2048     /* what an idle channel may keep */
};

bool channel_is_restless(const wherry_channel *channel)
{
    return message_store_size(channel->store) > MEMORY_OF_REST;
}

int64_t channel_rest(wherry_channel *channel)
{
    int64_t again = REST_AGAIN;
    os_lock_take(&channel->in.lock);
    if (os_lock_try(&channel->out.lock)) {
        const struct wherry_transport *moves = channel->moves;
        again = moves->rest ? moves->rest(channel->state) : 0;
        message_store_trim(channel->store, WHERRY_IN);
        message_store_trim(channel->store, WHERRY_OUT);
        os_lock_give(&channel->out.lock);
    }
    os_lock_give(&channel->in.lock);
    return again;
}

/* --- of whoever polls ---------------------------------------------------- */

static void end_timer(struct channel_in *in)
{
    if (in->timer < 0)
        return;
    os_watch_remove(in->watch, in->timer);
    os_close(in->timer);
    in->timer = -1;
    in->rest_at = 0;
}

static int prepare_timer(struct channel_in *in)
{
    if (in->timer >= 0)
        return 0;
    in->timer = os_above_standard(os_timer_new());
    int r = in->timer < 0 ? in->timer : os_watch_add(in->watch, in->timer, os_wait_in);
    if (r < 0)
        end_timer(in);
    return r;
}

// Without a descriptor for it the next message tries again.
static void wake_after(struct channel_in *in, int64_t nanoseconds)
{
    if (prepare_timer(in) < 0)
        return;
    in->rest_at = deadline_add(wherry_now(), nanoseconds);
    os_timer_set(in->timer, in->rest_at);
}

void rest_expect(wherry_channel *channel)
{
    struct channel_in *in = &channel->in;
    const size_t size = message_store_size(channel->store);
    if (size < in->rested)
        in->rested = (uint32_t)size;
    // What it kept the last time it would keep again.
    if (in->rest_at == 0 && size > in->rested && channel_is_restless(channel))
        wake_after(in, REST_POLLED);
}

bool rest_is_due(const wherry_channel *channel)
{
    const struct channel_in *in = &channel->in;
    return in->rest_at != 0 && wherry_now() >= in->rest_at;
}

void rest_when_due(wherry_channel *channel)
{
    struct channel_in *in = &channel->in;
    const int64_t again = channel_rest(channel);
    os_lock_take(&in->lock);
    const size_t size = message_store_size(channel->store);
    in->rested = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    if (again > 0)
        wake_after(in, again);
    else
        end_timer(in);
    os_lock_give(&in->lock);
}
