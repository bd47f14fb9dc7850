/* SPDX-License-Identifier: MIT */
/*
 * Relay: what arrives on one channel is sent on another.
 *
 * Each direction is a lane that carries at most one message: the next is received when
 * the last is gone, so a slow reader at one end slows the writer at the other, and
 * nothing piles up between.
 */
#include "channel/channel.h"

#include <errno.h>

enum { TURN = 64 }; // messages of one lane, then it is the other's

struct lane {
    wherry_channel *from;
    wherry_channel *to;
    wherry_message *message; /* on its way */
    bool from_ended;
    bool done;  /* `to` has been told the end */
    bool holds; /* `to` has taken a message and not yet passed on all of it */
    int error;
};

struct relay {
    const struct wherry_relay_options *options;
    struct lane lanes[2];
    int count;
};

static void notice(const struct relay *relay, enum wherry_relay_event event,
                   const struct lane *lane, int error)
{
    if (!relay->options || !relay->options->notice)
        return;
    struct wherry_relay_notice what = {
        .event = event, .from = lane->from, .message = lane->message, .error = error};
    relay->options->notice(relay->options->user, &what);
}

static int end_lane(struct relay *relay, struct lane *lane)
{
    int r = wherry_finish(lane->to);
    if (r == -EAGAIN)
        return r;
    // What cannot be half closed ends with the whole channel, which is the caller's.
    lane->done = true;
    notice(relay, WHERRY_RELAY_LEFT, lane, lane->error);
    return 0;
}

static int take_one(struct relay *relay, struct lane *lane)
{
    int r = wherry_recv(lane->from, &lane->message, WHERRY_POLL);
    if (r == -EAGAIN)
        return r;
    if (r == 1) {
        notice(relay, WHERRY_RELAY_MOVED, lane, 0);
        return 0;
    }
    lane->from_ended = true;
    lane->error = r;
    return 0;
}

static int send_one(struct lane *lane)
{
    int r = wherry_send(lane->to, &lane->message, 0, WHERRY_POLL);
    lane->holds = r == 0;
    return r;
}

// What a channel has taken in part goes on without a further message to push it.
static int push_held(struct lane *lane)
{
    os_lock_take(&lane->to->out.lock);
    int r = channel_flush(lane->to);
    if (r < 0 && r != -EAGAIN)
        r = channel_explain(lane->to, r);
    channel_give_out(lane->to);
    lane->holds = r == -EAGAIN;
    return channel_error(lane->to, r);
}

// Moves a lane on until it would have to wait, or until it has had its turn: a peer
// that is never behind must not outlast the other lane, the deadline or a cancel.
static int move(struct relay *relay, struct lane *lane)
{
    int r = 0;
    for (int taken = 0; !lane->done && r >= 0;) {
        if (lane->message)
            r = send_one(lane);
        else if (lane->holds)
            r = push_held(lane);
        else if (lane->from_ended)
            r = end_lane(relay, lane);
        else if (taken++ < TURN)
            r = take_one(relay, lane);
        else
            break;
    }
    return r;
}

static int add_wait(struct os_wait *waits, int count, const struct lane *lane)
{
    bool sending = lane->message || lane->from_ended || lane->holds;
    wherry_channel *channel = sending ? lane->to : lane->from;
    struct os_wait *place = &waits[count];
    int r = wherry_fd(channel, sending ? WHERRY_OUT : WHERRY_IN, &place->fd,
                      &place->events);
    return r < 0 ? r : count + 1;
}

static int add_bell(struct os_wait *waits, int count, wherry_channel *channel)
{
    int bell = channel_bell(channel, WHERRY_IN);
    if (bell < 0)
        return bell;
    waits[count] = (struct os_wait){.fd = bell, .events = os_wait_in};
    if (atomic_load(&channel->canceled))
        return failure(-ECANCELED, "%s: the relay was cancelled", channel->address);
    return count + 1;
}

static int wait_for_lanes(struct relay *relay, wherry_deadline deadline)
{
    if (deadline == WHERRY_POLL)
        return -EAGAIN;
    // Looked at here too: what is always ready lets no wait pass its deadline.
    if (deadline != WHERRY_FOREVER && wherry_now() >= deadline)
        return failure(-ETIMEDOUT, "the relay's deadline passed");
    struct os_wait waits[OS_WAITS];
    int count = add_bell(waits, 0, relay->lanes[0].from);
    if (count >= 0)
        count = add_bell(waits, count, relay->lanes[0].to);
    for (int i = 0; i < relay->count && count >= 0; i++) {
        if (!relay->lanes[i].done)
            count = add_wait(waits, count, &relay->lanes[i]);
    }
    if (count < 0)
        return count;
    int r = os_wait(waits, (size_t)count, deadline);
    if (r == -ETIMEDOUT)
        return failure(r, "the relay's deadline passed");
    return r < 0 ? failure_plain(r, "the relay") : 0;
}

static bool is_done(const struct relay *relay)
{
    for (int i = 0; i < relay->count; i++) {
        if (!relay->lanes[i].done)
            return false;
    }
    return true;
}

static int run(struct relay *relay, wherry_deadline deadline)
{
    for (;;) {
        for (int i = 0; i < relay->count; i++) {
            int r = move(relay, &relay->lanes[i]);
            if (r < 0 && r != -EAGAIN)
                return r;
        }
        if (is_done(relay))
            return relay->lanes[0].error ? relay->lanes[0].error
                                         : relay->lanes[1].error;
        int r = wait_for_lanes(relay, deadline);
        if (r < 0)
            return r;
    }
}

// What could not be sent any more is the next that its channel receives.
static void give_back(struct lane *lane)
{
    if (!lane->message)
        return;
    os_lock_take(&lane->from->in.lock);
    list_prepend(&lane->from->in.held, lane->message);
    channel_show_ready(lane->from);
    os_lock_give(&lane->from->in.lock);
}

int wherry_relay(wherry_channel *first, wherry_channel *second,
                 const struct wherry_relay_options *options, wherry_deadline deadline)
{
    bool echo = !second || second == first;
    struct relay relay = {.options = options, .count = 1};
    relay.lanes[0] = (struct lane){.from = first, .to = echo ? first : second};
    if (!echo && !(options && options->one_way)) {
        relay.lanes[1] = (struct lane){.from = second, .to = first};
        relay.count = 2;
    }
    notice(&relay, WHERRY_RELAY_JOINED, &relay.lanes[0], 0);
    int r = run(&relay, deadline);
    for (int i = 0; i < relay.count; i++)
        give_back(&relay.lanes[i]);
    return r;
}
