/* SPDX-License-Identifier: MIT */
/*
 * A channel from its first moment to its last; opening is open.c's and listener.c's.
 */
#include "channel/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

wherry_channel *channel_blank(const char *address)
{
    wherry_channel *channel = calloc(1, sizeof(*channel));
    if (!channel)
        return NULL;
    channel->address = strdup(address);
    if (!channel->address) {
        free(channel);
        return NULL;
    }
    const size_t scheme = strcspn(address, ":?");
    assert(scheme < sizeof(channel->scheme));
    memcpy(channel->scheme, address, scheme);
    for (int direction = 0; direction < 2; direction++)
        atomic_init(&channel->bell[direction], -1);
    channel->in.watch = -1;
    channel->in.timer = -1;
    channel->in.room = SIZE_MAX;
    return channel;
}

void channel_free(wherry_channel *channel)
{
    if (!channel)
        return;
    free(channel->address);
    free(channel->error_text);
    free(channel);
}

void channel_fill(wherry_channel *channel, const struct endpoint *endpoint,
                  const struct channel_limits *limits)
{
    channel->moves = endpoint->moves;
    channel->state = endpoint->state;
    channel->store = endpoint->store;
    channel->attend = endpoint->attend;
    channel->nonblocking = endpoint->nonblocking;
    channel->abilities = endpoint->abilities;
    channel->words = endpoint->words;
    channel->layout = endpoint->layout;
    channel->framing = endpoint->framing;
    channel->mechanism_limit = endpoint->message_limit;
    channel->kind_least = endpoint->kind_least;
    if (endpoint->peer.trust == WHERRY_TRUST_KERNEL)
        atomic_store(&channel->peer_pid, endpoint->peer.pid);
    if (endpoint->abilities & WHERRY_ABLE_KINDS)
        channel->kind_limit = endpoint->kind_limit ? endpoint->kind_limit : INT64_MAX;
    channel->limits = *limits;
}

int channel_new(struct endpoint *endpoint, const struct channel_limits *limits,
                wherry_channel **out)
{
    wherry_channel *channel = channel_blank(endpoint->address);
    if (!channel) {
        endpoint->moves->close(endpoint->state);
        message_store_leave(endpoint->store);
        return failure_plain(-ENOMEM, "no memory for a channel");
    }
    channel_fill(channel, endpoint, limits);
    *out = channel;
    return 0;
}

int channel_keep_error(wherry_channel *channel, int error)
{
    if (error == -EAGAIN)
        return error;
    os_lock_take(&channel->error_lock);
    channel->error = error;
    free(channel->error_text);
    channel->error_text = strdup(wherry_error_text());
    os_lock_give(&channel->error_lock);
    return error;
}

int channel_check_count(wherry_channel *channel, const char *call, size_t count)
{
    if (count > 0 && count <= INT32_MAX)
        return 0;
    return channel_error(channel,
                         failure(-EINVAL, "%s: %s: %zu messages are none or too many",
                                 channel->address, call, count));
}

int channel_again(wherry_channel *channel, int error)
{
    os_lock_take(&channel->error_lock);
    const bool is_kept = channel->error == error && channel->error_text;
    const int r = is_kept ? failure(error, "%s", channel->error_text)
                          : failure_plain(error, channel->address);
    os_lock_give(&channel->error_lock);
    return r;
}

int channel_explain(wherry_channel *channel, int error)
{
    if (error == -EPIPE || error == -ECONNRESET) {
        int64_t pid = atomic_load(&channel->peer_pid);
        channel->out.broken = error;
        if (pid > 0)
            return failure(error, "%s: the peer (process %lld) has gone away",
                           channel->address, (long long)pid);
        return failure(error, "%s: nobody reads the other end any more",
                       channel->address);
    }
    if (error == -ENOTCONN || error == -EDESTADDRREQ)
        return failure(-EDESTADDRREQ, "%s: a message needs a destination here (to=)",
                       channel->address);
    if (error == -ETOOMANYREFS)
        return failure(error,
                       "%s: too many open files of this user are on their way; try "
                       "again later",
                       channel->address);
    if (error == -EPROTO && !channel->is_own) // and so it stays
        channel->out.broken = error;
    // The system says no sentence, and neither does a transport of the user's own.
    const bool told = error == -ENOTSUP || error == -EMSGSIZE || error == -EBADMSG ||
                      error == -ECHILD || error == -EPROTO;
    if (error == -ENOBUFS ? channel->out.broken == error : told && !channel->is_own)
        return failure_prefix(error, "%s", channel->address);
    return failure_plain(error, channel->address);
}

// Syncs whose messages have all been taken are answered before the end is said: the
// peer that drains must not take the end for a loss.  Whoever only listened so far says
// hello for it.
static void answer_last_syncs(wherry_channel *channel)
{
    wherry_message *message;
    bool may_answer = channel->words && !channel->out.finished && !channel->out.broken;
    if (!may_answer || channel->in.held.first)
        return;
    if (channel_pull(channel, &message) == 1)
        list_append(&channel->in.held, message);
}

// The end needs room, and a peer that is only slow is given `linger=` to make some.
static void say_end(wherry_channel *channel)
{
    if (channel->out.finished || channel->out.broken)
        return;
    wherry_deadline deadline = deadline_add(wherry_now(), channel->limits.linger);
    struct patience patience;
    patience_begin(channel, WHERRY_OUT, &patience);
    while (channel_say_end(channel) == -EAGAIN &&
           channel_wait(channel, WHERRY_OUT, deadline, &patience) >= 0)
        ;
}

enum { LAST_LOOKS = 4096 }; // at what has come and nobody received

// A TCP socket that is closed with bytes unread resets the connection, and what the
// peer had not yet received of ours is lost with it (tcp(7), RFC 1122 4.2.2.13).
static void leave_nothing_unread(wherry_channel *channel)
{
    const unsigned needed = WHERRY_ABLE_HOSTS | WHERRY_ABLE_FINISH | WHERRY_ABLE_RECV;
    if ((channel->abilities & needed) != needed)
        return;
    if (!channel->out.finished)
        (void)channel->moves->finish(channel->state);
    wherry_message *message;
    for (int i = 0; i < LAST_LOOKS && channel_pull(channel, &message) == 1; i++)
        wherry_message_free(message);
}

void wherry_close(wherry_channel *channel)
{
    if (!channel)
        return;
    // A copy that a fork(2) left to a process that never used it says nothing.
    int64_t self = os_self();
    if (channel->in.taker == self)
        answer_last_syncs(channel);
    if (channel->out.speaker == self) {
        say_end(channel);
        leave_nothing_unread(channel);
    }
    channel->moves->close(channel->state);
    list_free(&channel->out.queue);
    list_free(&channel->in.held);
    os_close(channel->in.timer);
    os_close(channel->in.watch);
    ready_give(channel->in.ready);
    os_close(atomic_load(&channel->bell[WHERRY_IN]));
    os_close(atomic_load(&channel->bell[WHERRY_OUT]));
    message_store_leave(channel->store);
    channel_free(channel);
}
