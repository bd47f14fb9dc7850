/* SPDX-License-Identifier: MIT */
/*
 * Draining: waiting until the peer's program has taken what was sent.
 *
 * A sync goes out behind the messages; the peer's recv answers it when all before it
 * have been taken.  What arrives while this end waits for the answer is held for its
 * recv.
 */
#include "channel/channel.h"

#include <errno.h>

static int64_t unconfirmed(wherry_channel *channel)
{
    int64_t sent = (int64_t)atomic_load(&channel->out.messages);
    return sent - atomic_load(&channel->ack_heard);
}

static int count_of(int64_t number)
{
    return number > INT32_MAX ? INT32_MAX : (int)number;
}

// -EAGAIN: there is no room for it yet.
static int say_sync(wherry_channel *channel, int64_t serial)
{
    int r = words_say_hello(channel, WHERRY_MORE);
    if (r >= 0)
        r = channel_flush(channel);
    if (r >= 0)
        r = words_say(channel, FRAME_SYNC, serial);
    return r < 0 && r != -EAGAIN ? channel_explain(channel, r) : r;
}

static int ask(wherry_channel *channel, int64_t serial)
{
    int r;
    os_lock_take(&channel->out.lock);
    if (channel->out.broken)
        r = channel_again(channel, channel->out.broken);
    else if (channel->out.ending)
        r = failure(-ESHUTDOWN, "%s: this end has finished: drain comes before finish",
                    channel->address);
    else
        r = say_sync(channel, serial);
    channel_give_out(channel);
    return r;
}

// Reads what has come, so that the answer behind it is heard.
static int listen_for_answer(wherry_channel *channel, int64_t serial)
{
    int r = 0;
    bool held_any = false;
    os_lock_take(&channel->in.lock);
    while (r >= 0 && atomic_load(&channel->ack_heard) < serial) {
        if (held_is_full(channel)) {
            r = failure(
                -ENOBUFS,
                "%s: what arrives while draining no longer fits (held=): receive "
                "some of it first",
                channel->address);
            break;
        }
        wherry_message *message;
        r = channel_pull(channel, &message);
        if (r == 0)
            r = failure(-EPIPE,
                        "%s: the peer has finished and says nothing any more, not even "
                        "what it takes: drain before it finishes",
                        channel->address);
        else if (r == 1)
            list_append(&channel->in.held, message);
        held_any |= r == 1;
    }
    channel_show_ready(channel);
    os_lock_give(&channel->in.lock);
    if (held_any)
        channel_nudge(channel, WHERRY_IN);
    return r == -EAGAIN ? 0 : r;
}

static bool passed(int r)
{
    return r == -ETIMEDOUT || r == -EAGAIN;
}

// Listens before it speaks: the answer to an earlier sync may lie there already, from a
// peer that has gone since; and while it has no room to speak, for the peer may be
// waiting for room itself.
static int drain(wherry_channel *channel, wherry_deadline deadline)
{
    int64_t serial = (int64_t)atomic_load(&channel->out.messages);
    bool is_said = false;
    struct patience patience;
    patience_begin(channel, WHERRY_OUT, &patience);
    for (;;) {
        int r = listen_for_answer(channel, serial);
        if (atomic_load(&channel->ack_heard) >= serial)
            return 0;
        if (r >= 0 && !is_said) {
            r = ask(channel, serial);
            is_said = r >= 0;
        }
        if (r >= 0 || r == -EAGAIN)
            r = channel_wait_answer(channel, !is_said, deadline, &patience);
        if (r < 0)
            return passed(r) ? count_of(unconfirmed(channel)) : r;
    }
}

int wherry_drain(wherry_channel *channel, wherry_deadline deadline)
{
    if (!(channel->abilities & WHERRY_ABLE_DRAIN))
        return channel_error(
            channel,
            failure(-ENOTSUP,
                    "%s: nobody confirms here: drain needs the wherry framing and "
                    "both ways",
                    channel->address));
    return channel_error(channel, drain(channel, deadline));
}
