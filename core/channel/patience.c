/* SPDX-License-Identifier: MIT */
/*
 * How a call waits before it sleeps.
 *
 * A sleep and a wake cost more than most answers take.  So the processor is given away
 * first: on one core that lets the peer run, on two the answer comes meanwhile.  Two
 * things are learnt from what happened, each by the thread of its direction alone:
 * whether giving way was in vain (then the next waits sleep at once, ever more of
 * them), and whether an answer is there when a call begins (if never, the call gives
 * way before its first look, which would be in vain).
 */
#include "channel/channel.h"

#include <errno.h>

enum {
    SPIN = 50000,     /* nanoseconds; a sleep and a wake cost as much */
    SPIN_ONCE = 2000, /* what comes back later than that let somebody work */
    HOGGED = 250000,  /* and after that, somebody who is not the peer */
    SKIP_LEAST = 8,   /* waits */
    SKIP_MOST = 1024,
    PAUSE_LEAST = 50000, /* nanoseconds between tries where nothing can be waited for */
    REST_AFTER = 100000000, /* idle for that long: memory is given back */
    LATE_ENOUGH = 4,        /* answers not there at once, before that is expected */
    LOOK_AGAIN = 64         /* every so many calls that is put to the test */
};

void patience_begin(wherry_channel *channel, enum wherry_direction direction,
                    struct patience *patience)
{
    *patience = (struct patience){.pause = PAUSE_LEAST, .rest_after = REST_AFTER};
    patience->turn = atomic_load(&channel->turn[direction]);
}

// It was in vain: others use this core, or nothing comes that soon.  It is tried again
// after twice as many waits as the last time.
static void skip_more(struct giving_way *giving)
{
    unsigned skip = giving->last < SKIP_LEAST ? SKIP_LEAST : giving->last * 2;
    giving->last = skip > SKIP_MOST ? SKIP_MOST : skip;
    giving->skip = giving->last;
}

bool patience_gives_way(wherry_channel *channel, enum wherry_direction who,
                        struct patience *patience)
{
    struct giving_way *giving = &channel->giving_way[who];
    if (patience->gives_no_more)
        return false;
    if (patience->gave_at == 0 && giving->skip > 0) {
        giving->skip--;
        patience->gives_no_more = true;
        return false;
    }
    int64_t now = wherry_now();
    int64_t once = patience->gave_at > 0 ? now - patience->gave_at : 0;
    patience->gave_at = now;
    patience->spun += once < SPIN_ONCE ? once : SPIN_ONCE;
    if (patience->spun <= SPIN && once <= HOGGED)
        return true;
    patience->gives_no_more = true;
    skip_more(giving);
    return false;
}

void patience_rewarded(wherry_channel *channel, enum wherry_direction who,
                       struct patience *patience)
{
    struct giving_way *giving = &channel->giving_way[who];
    if (patience->gave_at > 0 && !patience->gives_no_more)
        giving->last = 0;
}

bool patience_spins(wherry_channel *channel, enum wherry_direction direction,
                    struct patience *patience)
{
    const struct wherry_transport *moves = channel->moves;
    int r = moves->spin ? moves->spin(channel->state, direction) : -ENOTSUP;
    if (r != -ENOTSUP)
        patience->gives_no_more = true;
    return r == 1;
}

void patience_expect_late(wherry_channel *channel)
{
    channel->giving_way[WHERRY_IN].skip = 1;
}

void expectation_begin(wherry_channel *channel, wherry_deadline deadline)
{
    struct expectation *seen = &channel->in.expectation;
    if (channel->moves->spin)
        return;
    uint64_t sent = atomic_load_explicit(&channel->out.messages, memory_order_relaxed);
    bool asked = sent != seen->sent;
    seen->sent = sent;
    seen->looked = !asked || seen->late < LATE_ENOUGH || ++seen->since >= LOOK_AGAIN;
    seen->looked |= channel->giving_way[WHERRY_IN].skip > 0;
    if (!seen->looked && deadline != WHERRY_POLL)
        os_yield();
}

void expectation_learn(wherry_channel *channel, bool found)
{
    struct expectation *seen = &channel->in.expectation;
    if (!seen->looked)
        return;
    seen->looked = false; // only a call's first look counts
    seen->since = 0;
    seen->late = found ? 0 : seen->late + (seen->late < LATE_ENOUGH);
}
