/* SPDX-License-Identifier: MIT */
/*
 * Who waits for a lease, and who is woken.
 *
 * Whoever comes may take a free permit before those who wait: a permit is never idle
 * while somebody is being woken for it.  The one that has waited longest is woken; once
 * it has waited for a millisecond without success its turn comes before all who come,
 * so that nobody waits for ever while others take turns.  That one may be stopped: when
 * it has not looked for a quarter of a second nobody minds it any longer.
 *
 * A wait is a word: its ticket, the permits that it wants, and whether it was rung and
 * has not looked since.
 */
#include "memory/lease.h"

enum { RUNG = 1, PATIENCE = 250 /* milliseconds */, NANOSECONDS = 1000000 };

static const int ticket_shift = 1 + LEASE_COUNT_BITS;

static uint64_t now(void)
{
    return (uint64_t)wherry_now() / NANOSECONDS;
}

/* --- waiting ------------------------------------------------------------- */

// Counted after it is written: who sees the count finds it.
void line_join(struct lease *lease, uint32_t count)
{
    const uint64_t ticket = atomic_fetch_add(&lease->line->tickets, 1) + 1;
    atomic_store(&lease->places.waits[lease->places.place],
                 ticket << ticket_shift | (uint64_t)count << 1);
    atomic_fetch_add(&lease->line->arrivals, 1);
}

void line_wakes(struct lease *lease)
{
    (void)atomic_fetch_and(&lease->places.waits[lease->places.place], ~(uint64_t)RUNG);
}

void line_leave(struct lease *lease)
{
    atomic_store(&lease->places.waits[lease->places.place], 0);
    (void)word_clear(&lease->line->first, lease->places.owner);
    if (lease_free(lease) > 0)
        line_wake(lease);
}

/* --- waking -------------------------------------------------------------- */

// Whose turn it is, or whoever has waited longest: its word, or 0.
static uint64_t find_next(const struct lease *lease, uint32_t *place)
{
    const uint64_t first = atomic_load(&lease->line->first);
    const uint32_t used = places_used(&lease->places);
    *place = owner_place(first);
    uint64_t next = first != 0 ? places_wait_of(&lease->places, *place) : 0;
    const bool is_turn = next != 0;
    for (uint32_t i = 0; i < used && !is_turn; i++) {
        const uint64_t wait = places_wait_of(&lease->places, i);
        if (wait == 0 || (next != 0 && wait > next))
            continue;
        next = wait;
        *place = i;
    }
    return next;
}

// One that was rung and has not looked will see this permit, too.
static void wake_next(struct lease *lease, uint64_t arrivals)
{
    for (uint32_t tries = 0; tries <= lease->places.seats; tries++) {
        uint32_t place;
        uint64_t wait = find_next(lease, &place);
        if (wait == 0) {
            atomic_store_explicit(&lease->quiet, arrivals, memory_order_relaxed);
            return;
        }
        if (wait & RUNG)
            return;
        if (atomic_compare_exchange_strong(&lease->places.waits[place], &wait,
                                           wait | RUNG)) {
            bells_ring_place(&lease->places, place);
            return;
        }
    }
}

void line_wake(struct lease *lease)
{
    const uint64_t arrivals = atomic_load(&lease->line->arrivals);
    if (arrivals != atomic_load_explicit(&lease->quiet, memory_order_relaxed))
        wake_next(lease, arrivals);
}

/* --- whose turn it is ---------------------------------------------------- */

static bool has_looked(const struct lease *lease)
{
    const uint64_t at =
        atomic_load_explicit(&lease->line->first_at, memory_order_relaxed);
    return now() - at < PATIENCE;
}

bool line_is_others(const struct lease *lease, bool is_patient)
{
    const uint64_t first = atomic_load(&lease->line->first);
    if (first == 0 || first == lease->places.owner)
        return false;
    if (!is_patient || has_looked(lease))
        return true;
    (void)word_clear(&lease->line->first, first);
    return false;
}

static bool has_waited_longest(const struct lease *lease)
{
    const uint32_t used = places_used(&lease->places);
    const uint64_t own = places_wait_of(&lease->places, lease->places.place);
    bool is_oldest = own != 0;
    for (uint32_t i = 0; i < used && is_oldest; i++) {
        const uint64_t wait =
            i == lease->places.place ? 0 : places_wait_of(&lease->places, i);
        is_oldest = wait == 0 || wait >> ticket_shift > own >> ticket_shift;
    }
    return is_oldest;
}

void line_insist(struct lease *lease)
{
    uint64_t first = atomic_load(&lease->line->first);
    if (first != 0 && first != lease->places.owner)
        return;
    if (first == 0 && !has_waited_longest(lease))
        return;
    atomic_store_explicit(&lease->line->first_at, now(), memory_order_relaxed);
    if (first == 0)
        (void)atomic_compare_exchange_strong(&lease->line->first, &first,
                                             lease->places.owner);
}
