/* SPDX-License-Identifier: MIT */
/*
 * local: - waiting: awake for as long as a sleep and a wake would cost, then asleep.
 *
 * Awake makes sense only while the other end runs on another processor: each says in
 * its page on which it was when it last wrote.  On the same one it is given way a few
 * times.  Where waiting awake was in vain the next waits sleep at once, ever more of
 * them.
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
    WAKE_SHARE = 4, // of the last wake in what is known of them
    LOOKS = 32,     // between two looks at the clock
    YIELDS = 5,     // of one processor to the other end on it
    SKIP_LEAST = 4,
    SKIP_MOST = 256
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

/* --- awake --------------------------------------------------------------- */

/* A word of theirs that changes, and on which processor they were then. */
struct sight {
    const _Atomic(uint64_t) *count;
    const _Atomic(uint32_t) *processor;
    uint64_t before;
};

static bool has_changed(const struct sight *sight)
{
    return WHERRY_LOAD(sight->count) != sight->before;
}

static bool give_way(const struct sight *sight)
{
    for (int i = 0; i < YIELDS; i++) {
        os_yield();
        if (has_changed(sight))
            return true;
    }
    return false;
}

static bool look_on(const struct sight *sight, int64_t spin)
{
    wherry_deadline until = 0;
    for (;;) {
        for (int i = 0; i < LOOKS; i++) {
            if (has_changed(sight))
                return true;
            os_relax();
        }
        const int64_t now = wherry_now();
        if (until == 0)
            until = now + spin;
        if (now >= until)
            return false;
    }
}

static bool skips(struct spin_habit *habit)
{
    if (habit->skip == 0)
        return false;
    habit->skip--;
    return true;
}

static void learn(struct spin_habit *habit, bool was_worth_it)
{
    if (was_worth_it) {
        habit->last = 0;
        return;
    }
    const unsigned more = habit->last < SKIP_LEAST ? SKIP_LEAST : habit->last * 2;
    habit->last = more > SKIP_MOST ? SKIP_MOST : more;
    habit->skip = habit->last;
}

// From their bell until now: they say when they rang it.
static void measure_wake(struct local_in *in)
{
    const int64_t rung_at =
        atomic_load_explicit(&in->ring.theirs->writer.rung_at, memory_order_relaxed);
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

static bool spin_on(struct local *local, enum wherry_direction direction,
                    const struct sight *sight)
{
    struct spin_habit *habit = &local->habits[direction];
    const int64_t spin = spin_of(local);
    if (has_changed(sight))
        return true;
    if (spin == 0 || skips(habit))
        return false;
    const uint32_t theirs =
        atomic_load_explicit(sight->processor, memory_order_relaxed);
    const bool is_shared = theirs == os_processor();
    const bool found = is_shared ? give_way(sight) : look_on(sight, spin);
    learn(habit, found);
    return found;
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
        const struct ring_writer *writer = &ring->theirs->writer;
        if (local->in.slept_at > 0)
            measure_wake(&local->in);
        ring_in_wakes(ring);
        return spin_on(local, direction,
                       &(struct sight){&writer->tail, &writer->processor, ring->head});
    }
    if (direction == WHERRY_OUT && local->out.waits_for_block) {
        const struct pool_out *pool = &local->loans.own->pool;
        return spin_on(local, direction,
                       &(struct sight){&pool->returns->count,
                                       &local->theirs.page->reader.processor,
                                       pool->taken});
    }
    if (direction == WHERRY_OUT && !local->out.waits_for_files) {
        const struct ring_out *ring = &local->out.ring;
        const struct ring_reader *reader = &ring->theirs->reader;
        return spin_on(
            local, direction,
            &(struct sight){&reader->head, &reader->processor, ring->head_seen});
    }
    return -ENOTSUP;
}
