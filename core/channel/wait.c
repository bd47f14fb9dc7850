/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a channel.
 *
 * First the processor is given away for a while, as patience.c decides.  Then one
 * ppoll(2) over the transport's descriptors and the direction's bell, which cancel and
 * the other thread ring.  The bell is made before `canceled` and `turn` are looked at,
 * and rung after they are set, so no word is missed.
 */
#include "channel/channel.h"

#include <errno.h>

enum { PAUSE_MOST = 5000000 };

int channel_bell(wherry_channel *channel, enum wherry_direction direction)
{
    int bell = atomic_load(&channel->bell[direction]);
    if (bell >= 0)
        return bell;
    bell = os_bell_new();
    if (bell < 0)
        return failure_plain(bell, "no descriptor to wait with");
    atomic_store(&channel->bell[direction], bell);
    return bell;
}

static void ring(wherry_channel *channel, enum wherry_direction direction)
{
    int bell = atomic_load(&channel->bell[direction]);
    if (bell >= 0)
        os_bell_ring(bell);
}

void channel_nudge(wherry_channel *channel, enum wherry_direction direction)
{
    atomic_fetch_add(&channel->turn[direction], 1);
    if (atomic_load(&channel->waiting[direction]))
        ring(channel, direction);
}

void wherry_cancel(wherry_channel *channel)
{
    atomic_store(&channel->canceled, true);
    ring(channel, WHERRY_IN);
    ring(channel, WHERRY_OUT);
}

/* What one ppoll(2) watches: the bell first, then the transport's descriptors. */
struct watch {
    struct os_wait waits[OS_WAITS];
    size_t count;
};

static int add_waits(wherry_channel *channel, enum wherry_direction direction,
                     struct watch *watch)
{
    struct wherry_wait wanted[WHERRY_WAITS];
    int found = channel->moves->wait(channel->state, direction, wanted);
    for (int i = 0; i < found; i++)
        watch->waits[watch->count++] =
            (struct os_wait){.fd = wanted[i].fd, .events = wanted[i].events};
    return found < 0 ? found : 0;
}

// Waits in steps where there is something to do between them.
static int wait_in_steps(wherry_channel *channel, struct watch *watch,
                         wherry_deadline deadline, struct patience *patience)
{
    bool nothing_to_watch = watch->count == 1; // only the bell
    bool restless = patience->rest_after >= 0 && channel_is_restless(channel);
    if (!nothing_to_watch && !restless)
        return os_wait(watch->waits, watch->count, deadline);
    int64_t step =
        nothing_to_watch ? patience->pause : patience->rest_after - patience->waited;
    wherry_deadline until = deadline_sooner(deadline, deadline_add(wherry_now(), step));
    int r = os_wait(watch->waits, watch->count, until);
    if (r != -ETIMEDOUT)
        return r;
    patience->waited += step;
    if (restless && patience->waited >= patience->rest_after) {
        int64_t again = channel_rest(channel);
        patience->rest_after = again > 0 ? patience->waited + again : -1;
    }
    patience->pause =
        patience->pause * 2 > PAUSE_MOST ? PAUSE_MOST : patience->pause * 2;
    return until == deadline ? -ETIMEDOUT : 0;
}

static void tell_waited(wherry_channel *channel, enum wherry_direction direction,
                        enum wherry_waited what)
{
    if (channel->moves->waited)
        channel->moves->waited(channel->state, direction, what);
}

static int wait_with_bell(wherry_channel *channel, enum wherry_direction who,
                          struct watch *watch, wherry_deadline deadline,
                          struct patience *patience)
{
    int r = 0;
    atomic_store(&channel->waiting[who], true);
    bool news = atomic_load(&channel->turn[who]) != patience->turn;
    if (!news && !atomic_load(&channel->canceled))
        r = wait_in_steps(channel, watch, deadline, patience);
    atomic_store(&channel->waiting[who], false);
    if (atomic_load(&channel->canceled))
        return failure(-ECANCELED, "%s: the wait was cancelled", channel->address);
    if (watch->waits[0].happened)
        os_bell_clear(watch->waits[0].fd);
    patience->turn = atomic_load(&channel->turn[who]);
    if (r == -ETIMEDOUT)
        return failure(-ETIMEDOUT, "%s: the deadline passed", channel->address);
    return r < 0 ? failure_plain(r, channel->address) : 0;
}

// In the system's own call, where there is nothing else to wait for.
static int attend(wherry_channel *channel)
{
    int r = channel->attend(channel->state, channel->in.wanted, &channel->canceled);
    if (r == -ECANCELED)
        return failure(-ECANCELED, "%s: the wait was cancelled", channel->address);
    return r == -ENOTSUP ? r : 0;
}

// What this thread's own call is about: how many descriptors were added, or -EALREADY:
// there is something to receive.
static int add_own_waits(wherry_channel *channel, enum wherry_direction direction,
                         struct watch *watch)
{
    const struct wherry_transport *moves = channel->moves;
    struct os_lock *lock =
        direction == WHERRY_IN ? &channel->in.lock : &channel->out.lock;
    os_lock_take(lock);
    int r = add_waits(channel, direction, watch);
    if (r >= 0 && direction == WHERRY_IN && moves->ready &&
        moves->ready(channel->state))
        r = -EALREADY;
    os_lock_give(lock);
    return r;
}

// Another thread may finish meanwhile: then there is no way out, and nothing to wait
// for.
static void add_way_out(wherry_channel *channel, struct watch *watch)
{
    os_lock_take(&channel->out.lock);
    if (!channel->out.finished)
        (void)add_waits(channel, WHERRY_OUT, watch);
    os_lock_give(&channel->out.lock);
}

static bool spins_for_room(wherry_channel *channel,
                           const enum wherry_direction *directions,
                           struct patience *patience)
{
    if (!channel->moves->spin || directions[0] == WHERRY_IN)
        return false;
    os_lock_take(&channel->out.lock);
    bool found = patience_spins(channel, WHERRY_OUT, patience);
    channel_give_out(channel);
    return found;
}

static int wait_for(wherry_channel *channel, enum wherry_direction who,
                    const enum wherry_direction *directions, wherry_deadline deadline,
                    struct patience *patience)
{
    if (deadline == WHERRY_POLL)
        return -EAGAIN;
    if (spins_for_room(channel, directions, patience))
        return 0;
    if (patience_gives_way(channel, who, patience)) {
        os_yield();
        return 0;
    }
    // Looked at here too: a peer that keeps us busy with words must not outlast it.
    if (deadline != WHERRY_FOREVER && wherry_now() >= deadline)
        return failure(-ETIMEDOUT, "%s: the deadline passed", channel->address);
    if (channel->attend && deadline == WHERRY_FOREVER && who == WHERRY_IN) {
        int r = attend(channel);
        if (r != -ENOTSUP)
            return r;
    }
    int bell = channel_bell(channel, who);
    if (bell < 0)
        return bell;
    struct watch watch = {.waits = {{.fd = bell, .events = os_wait_in}}, .count = 1};
    int r = add_own_waits(channel, directions[0], &watch);
    if (r < 0)
        return r == -EALREADY ? 0 : failure_plain(r, channel->address);
    // What is to be said goes out as soon as there is room for it.
    if (directions[1] != directions[0])
        add_way_out(channel, &watch);
    r = wait_with_bell(channel, who, &watch, deadline, patience);
    tell_waited(channel, directions[0],
                r < 0 ? WHERRY_WAITED_ENOUGH : WHERRY_WAITED_AGAIN);
    return r;
}

int channel_wait(wherry_channel *channel, enum wherry_direction direction,
                 wherry_deadline deadline, struct patience *patience)
{
    bool answers = direction == WHERRY_IN && atomic_load(&channel->ack_due) > 0;

    enum wherry_direction directions[2] = {direction, answers ? WHERRY_OUT : direction};

    return wait_for(channel, direction, directions, deadline, patience);
}

int channel_wait_answer(wherry_channel *channel, bool wants_room,
                        wherry_deadline deadline, struct patience *patience)
{
    bool way_out = wants_room || atomic_load(&channel->ack_due) > 0;

    enum wherry_direction directions[2] = {WHERRY_IN, way_out ? WHERRY_OUT : WHERRY_IN};

    return wait_for(channel, WHERRY_OUT, directions, deadline, patience);
}
