/* SPDX-License-Identifier: MIT */
/*
 * One descriptor for an event loop.
 *
 * For receiving it is a watch over the kernel's descriptors and one that is always
 * readable, which it looks at while user space holds a message (read ahead, passed
 * over) that the kernel no longer knows of.  For sending the kernel's own descriptor
 * says it all.
 */
#include "channel/channel.h"

#include <errno.h>

static void tell_polled(wherry_channel *channel, enum wherry_direction direction)
{
    if (channel->moves->waited)
        channel->moves->waited(channel->state, direction, WHERRY_WAITED_POLLS);
}

static unsigned changes_of(const wherry_channel *channel)
{
    const struct wherry_transport *moves = channel->moves;
    return moves->changes ? moves->changes(channel->state) : 0;
}

static int fill_watch(int watch, const struct ready *ready,
                      const struct wherry_wait *waits, int count)
{
    int r = os_watch_add(watch, ready_descriptor(ready), 0);
    for (int i = 0; i < count && r >= 0; i++)
        r = os_watch_add(watch, waits[i].fd, waits[i].events);
    return r;
}

static int make_watch(wherry_channel *channel)
{
    struct channel_in *in = &channel->in;
    struct wherry_wait waits[WHERRY_WAITS];
    struct ready *ready = NULL;
    int count = channel->moves->wait(channel->state, WHERRY_IN, waits);
    if (count <= 0)
        return count < 0 ? count : -ENOTSUP;
    int watch = os_watch_new();
    if (watch < 0)
        return watch;
    int r = ready_take(&ready);
    if (r >= 0)
        r = fill_watch(watch, ready, waits, count);
    // A file is always ready, so epoll(7) takes none.
    in->always_ready = r == -EPERM;
    if (r < 0 && !in->always_ready) {
        os_close(watch);
        ready_give(ready);
        return r;
    }
    tell_polled(channel, WHERRY_IN);
    in->watch = watch;
    in->ready = ready;
    in->shows_ready = false;
    in->changes = changes_of(channel);
    return 0;
}

// What it has already it has still, and what is gone was closed.  What the kernel
// refuses (epoll_ctl(2): ENOMEM, ENOSPC) is tried again at the next look: to say ready
// until then would keep the program's loop busy, perhaps for ever.
void watch_changes(wherry_channel *channel)
{
    struct channel_in *in = &channel->in;
    const unsigned changes = changes_of(channel);
    struct wherry_wait waits[WHERRY_WAITS];
    if (changes == in->changes)
        return;
    const int count = channel->moves->wait(channel->state, WHERRY_IN, waits);
    bool has_all = true;
    for (int i = 0; i < count; i++) {
        const int r = os_watch_add(in->watch, waits[i].fd, waits[i].events);
        has_all &= r >= 0 || r == -EEXIST;
    }
    if (has_all)
        in->changes = changes;
}

static int fd_in(wherry_channel *channel, wherry_native *out, short *events)
{
    int r = 0;
    os_lock_take(&channel->in.lock);
    if (channel->in.watch < 0)
        r = make_watch(channel);
    if (r >= 0) {
        channel_show_ready(channel);
        *out = channel->in.watch;
        *events = os_wait_in;
    }
    os_lock_give(&channel->in.lock);
    return r;
}

static int fd_out(wherry_channel *channel, wherry_native *out, short *events)
{
    struct wherry_wait waits[WHERRY_WAITS];
    int count = channel->moves->wait(channel->state, WHERRY_OUT, waits);
    if (count <= 0)
        return count < 0 ? count : -ENOTSUP;
    tell_polled(channel, WHERRY_OUT);
    *out = waits[0].fd;
    *events = waits[0].events;
    return 0;
}

int wherry_fd(wherry_channel *channel, enum wherry_direction direction,
              wherry_native *out, short *events)
{
    unsigned needed = direction == WHERRY_IN ? WHERRY_ABLE_RECV : WHERRY_ABLE_SEND;
    if (!(channel->abilities & needed))
        return channel_error(
            channel, failure(-EPERM, "%s: this end cannot do that", channel->address));
    int r = direction == WHERRY_IN ? fd_in(channel, out, events)
                                   : fd_out(channel, out, events);
    if (r == -ENOTSUP)
        r = failure(r, "%s: this mechanism has no descriptor to wait for",
                    channel->address);
    else if (r < 0)
        r = failure_plain(r, channel->address);
    return channel_error(channel, r);
}
