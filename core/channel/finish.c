/* SPDX-License-Identifier: MIT */
/*
 * Pushing on what is held, and the end of sending: the last word, then the direction is
 * closed.
 */
#include "channel/channel.h"

#include <errno.h>

int channel_flush(wherry_channel *channel)
{
    int r = queue_flush(channel);
    if (r >= 0 && channel->moves->flush)
        r = channel->moves->flush(channel->state);
    return r;
}

static int flush(wherry_channel *channel)
{
    if (channel->out.finished)
        return 0;
    if (channel->out.broken)
        return channel_again(channel, channel->out.broken);
    int r = channel_flush(channel);
    return r < 0 && r != -EAGAIN ? channel_explain(channel, r) : r;
}

int wherry_flush(wherry_channel *channel)
{
    if (!(channel->abilities & WHERRY_ABLE_SEND))
        return channel_error(channel, failure(-EPERM, "%s: this is the receiving end",
                                              channel->address));
    os_lock_take(&channel->out.lock);
    int r = flush(channel);
    channel_give_out(channel);
    if (r >= 0 && atomic_load(&channel->ack_due) > 0)
        r = -EAGAIN;
    return channel_error(channel, r);
}

int channel_say_end(wherry_channel *channel)
{
    int r = channel_flush(channel);
    if (r < 0 || channel->out.ending)
        return r;
    if (channel->words)
        r = words_say(channel, FRAME_END, 0);
    channel->out.ending = r >= 0;
    return r < 0 ? r : channel_flush(channel); // the word may have gone in part
}

/* Says the last word if it must be said, then closes the direction. */
static int finish(wherry_channel *channel)
{
    int r = words_say_hello(channel, WHERRY_MORE);
    if (r >= 0)
        r = channel_say_end(channel);
    if (r < 0)
        return r;
    r = channel->moves->finish ? channel->moves->finish(channel->state) : -ENOTSUP;
    // The word has been said: whether the descriptor can be half closed does not
    // matter.
    if (r == -ENOTSUP && channel->words)
        r = 0;
    channel->out.finished = r >= 0;
    if (r != -ENOTSUP)
        return r;
    // Nobody was told anything: sending goes on.
    channel->out.ending = false;
    return failure(r, "the other end cannot be told of an end here");
}

int wherry_finish(wherry_channel *channel)
{
    if (!(channel->abilities & WHERRY_ABLE_SEND))
        return channel_error(channel, failure(-EPERM, "%s: this is the receiving end",
                                              channel->address));
    os_lock_take(&channel->out.lock);
    int broken = channel->out.broken;
    int r = channel->out.finished || broken ? 0 : finish(channel);
    if (r < 0 && r != -EAGAIN)
        r = channel_explain(channel, r);
    if (broken && !channel->out.finished)
        r = channel_again(channel, broken);
    channel_give_out(channel);
    return channel_error(channel, r);
}
