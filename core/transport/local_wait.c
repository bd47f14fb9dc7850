/* SPDX-License-Identifier: MIT */
/*
 * local: - waiting: awake for as long as a sleep and a wake would cost, then asleep.
 *
 * Awake (spin.h) makes sense only while the other end runs on another processor: each
 * says in its page on which it is, whenever it waits, and now and then.
 *
 * Asleep is a ppoll(2) over the socket, which a bell, open files and the other end's
 * death make readable.  Who waits for room has a bell of its own: two threads that look
 * at one socket would take each other's.
 */
#include "transport/local.h"

#include <errno.h>

enum {
    WAKE_MOST = 1000000, // nanoseconds; what takes longer was no wake alone
    WAKE_LEAST = 2000,
    WAKE_SHARE = 4 // of the last wake in what is known of them
};

/* --- asleep -------------------------------------------------------------- */

static int add_life(struct local *local, int found, struct wherry_wait *waits)
{
    int pidfd = local_watch(local);
    if (found <= 0 || pidfd < 0)
        return found;
    waits[found] = (struct wherry_wait){.fd = pidfd, .events = os_wait_in};
    return found + 1;
}

static int wait_in(struct local *local, struct wherry_wait waits[WHERRY_WAITS])
{
    int found = local->carrier.moves->wait(local->carrier.state, WHERRY_IN, waits);
    if (found > 0 && atomic_load(&local->due) != 0)
        waits[0].events = (short)(waits[0].events | os_wait_out);
    local->in.has_slept = true;
    local->in.slept_at = wherry_now();
    return local->in.on_ring ? add_life(local, found, waits) : found;
}

int local_make_room_bell(struct local *local)
{
    struct local_out *out = &local->out;
    int theirs;
    if (out->room >= 0)
        return 0;
    int r = os_far_bell_new(&out->room, &theirs);
    if (r < 0)
        return r;
    os_lock_take(&local->speech);
    r = local_say(local, LOCAL_ROOM, theirs);
    os_lock_give(&local->speech);
    os_close(theirs);
    if (r >= 0)
        return 0;
    os_close(out->room);
    out->room = -1;
    return r;
}

// Sleeps anew: what was rung for before has been seen.
bool local_await_room(struct local *local)
{
    struct local_out *out = &local->out;
    if (out->is_asleep) {
        os_far_bell_clear(out->room);
        ring_out_wakes(&out->ring);
        local_loan_wakes(local);
    }
    out->is_asleep = true;
    return out->waits_for_block ? local_loan_sleeps(local)
                                : ring_out_sleeps(&out->ring);
}

static int wait_out(struct local *local, struct wherry_wait waits[WHERRY_WAITS])
{
    struct local_out *out = &local->out;
    const bool by_carrier =
        !out->on_ring || out->waits_for_files || local_check_life(local) < 0;
    if (!by_carrier && local_make_room_bell(local) < 0)
        return 0; // without a bell it is looked for from time to time
    // If there is room by now, the carrier says so: it has some.
    if (by_carrier || !local_await_room(local))
        return local->carrier.moves->wait(local->carrier.state, WHERRY_OUT, waits);
    const int bell = out->waits_for_block ? local->loans.own->watch : out->room;
    waits[0] = (struct wherry_wait){.fd = bell, .events = os_wait_in};
    waits[1] = (struct wherry_wait){.fd = local->socket.fd, .events = 0};
    return add_life(local, 2, waits);
}

int local_wait(void *state, enum wherry_direction direction,
               struct wherry_wait waits[WHERRY_WAITS])
{
    struct local *local = state;
    return direction == WHERRY_IN ? wait_in(local, waits) : wait_out(local, waits);
}

int local_ready(void *state)
{
    struct local *local = state;
    struct local_in *in = &local->in;
    if (!in->on_ring)
        return in->has_ended || local->carrier.moves->ready(local->carrier.state);
    if (local_check_life(local) < 0)
        return 1;
    if (in->awaits_carrier)
        return local->carrier.moves->ready(local->carrier.state);
    // A bell that was rung for what has been read meanwhile would show it as readable.
    if (ring_in_is_asleep(&in->ring) && !ring_has_next(&in->ring)) {
        wherry_message *message;
        int r = in->early_count > 0 ? -EAGAIN : local_look_at_carrier(local, &message);
        if (r != -EAGAIN && r != LOCAL_AGAIN)
            return 1;
    }
    const bool is_ready = !ring_in_sleeps(&in->ring) || in->has_ended;
    in->has_slept |= !is_ready; // in a call that is not ours
    return is_ready;
}

// Of those who read a ring the life is watched, too.
unsigned local_changes(void *state)
{
    const struct local *local = state;
    return local->in.changes;
}

/* --- awake --------------------------------------------------------------- */

// From their bell until now: they say when they rang it.
static void measure_wake(struct local_in *in)
{
    const int64_t rung_at =
        atomic_load_explicit(&in->ring.theirs->places.rung_at, memory_order_relaxed);
    if (rung_at > in->slept_at) {
        int64_t cost = wherry_now() - rung_at;
        if (cost >= 0 && cost <= WAKE_MOST) {
            const int64_t wake = atomic_load_explicit(&in->wake, memory_order_relaxed);
            cost = cost < WAKE_LEAST ? WAKE_LEAST : cost;
            cost = wake ? wake + (cost - wake) / WAKE_SHARE : cost;
            atomic_store_explicit(&in->wake, cost, memory_order_relaxed);
        }
    }
    in->slept_at = 0;
}

static int64_t spin_of(const struct local *local)
{
    const int64_t wake = atomic_load_explicit(&local->in.wake, memory_order_relaxed);
    return !local->spin_is_set && wake > 0 && wake < local->spin ? wake : local->spin;
}

int local_spin(void *state, enum wherry_direction direction)
{
    struct local *local = state;
    const bool on_ring =
        direction == WHERRY_IN ? local->in.on_ring : local->out.on_ring;
    if (!on_ring || local_check_life(local) < 0)
        return -ENOTSUP;
    if (direction == WHERRY_IN && !local->in.awaits_carrier) {
        struct ring_in *ring = &local->in.ring;
        if (local->in.slept_at > 0)
            measure_wake(&local->in);
        ring_in_wakes(ring);
        ring_in_tells_place(ring);
        return spin_on(
            &local->habits[direction],
            &(struct spin_sight){ring_next_word(ring), &ring->theirs->places.writer, 0},
            spin_of(local));
    }
    if (direction == WHERRY_OUT && local->out.waits_for_block) {
        const struct pool_out *pool = &local->loans.own->pool;
        return spin_on(&local->habits[direction],
                       &(struct spin_sight){&pool->returns->count,
                                            &local->theirs.page->places.reader,
                                            pool->taken},
                       spin_of(local));
    }
    if (direction == WHERRY_OUT && !local->out.waits_for_files) {
        struct ring_out *ring = &local->out.ring;
        const struct ring_page *theirs = ring->theirs;
        ring_out_tells_place(ring);
        return spin_on(&local->habits[direction],
                       &(struct spin_sight){&theirs->reader.head,
                                            &theirs->places.reader, ring->head_seen},
                       spin_of(local));
    }
    return -ENOTSUP;
}
