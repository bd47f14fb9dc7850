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
    atomic_store(&lease->waits[lease->place],
                 ticket << ticket_shift | (uint64_t)count << 1);
    atomic_fetch_add(&lease->line->arrivals, 1);
}

void line_wakes(struct lease *lease)
{
    (void)atomic_fetch_and(&lease->waits[lease->place], ~(uint64_t)RUNG);
}

void line_leave(struct lease *lease)
{
    atomic_store(&lease->waits[lease->place], 0);
    (void)lease_clear(&lease->line->first, lease->owner);
    if (lease_free(lease) > 0)
        line_wake(lease);
}

/* --- waking -------------------------------------------------------------- */

// The word of whoever waits in that place; 0: nobody.
static uint64_t wait_of(const struct lease *lease, uint32_t place)
{
    return place < lease->seats ? atomic_load(&lease->waits[place]) : 0;
}

// Whose turn it is, or whoever has waited longest: its word, or 0.
static uint64_t find_next(const struct lease *lease, uint32_t *place)
{
    const uint64_t first = atomic_load(&lease->line->first);
    const uint32_t used = places_used(lease);
    *place = lease_place_of(first);
    uint64_t next = first != 0 ? wait_of(lease, *place) : 0;
    const bool is_turn = next != 0;
    for (uint32_t i = 0; i < used && !is_turn; i++) {
        const uint64_t wait = wait_of(lease, i);
        if (wait == 0 || (next != 0 && wait > next))
            continue;
        next = wait;
        *place = i;
    }
    return next;
}

static void ring(struct lease *lease, uint32_t place)
{
    bool left;
    const uint64_t owner = places_owner(lease, place, &left);
    if (owner != 0)
        bells_ring(lease, owner);
}

// One that was rung and has not looked will see this permit, too.
static void wake_next(struct lease *lease, uint64_t arrivals)
{
    for (uint32_t tries = 0; tries <= lease->seats; tries++) {
        uint32_t place;
        uint64_t wait = find_next(lease, &place);
        if (wait == 0) {
            atomic_store_explicit(&lease->quiet, arrivals, memory_order_relaxed);
            return;
        }
        if (wait & RUNG)
            return;
        if (atomic_compare_exchange_strong(&lease->waits[place], &wait, wait | RUNG)) {
            ring(lease, place);
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

void line_wake_all(struct lease *lease)
{
    const uint32_t used = places_used(lease);
    for (uint32_t i = 0; i < used; i++)
        if (wait_of(lease, i) != 0)
            ring(lease, i);
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
    if (first == 0 || first == lease->owner)
        return false;
    if (!is_patient || has_looked(lease))
        return true;
    (void)lease_clear(&lease->line->first, first);
    return false;
}

static bool has_waited_longest(const struct lease *lease)
{
    const uint32_t used = places_used(lease);
    const uint64_t own = wait_of(lease, lease->place);
    bool is_oldest = own != 0;
    for (uint32_t i = 0; i < used && is_oldest; i++) {
        const uint64_t wait = i == lease->place ? 0 : wait_of(lease, i);
        is_oldest = wait == 0 || wait >> ticket_shift > own >> ticket_shift;
    }
    return is_oldest;
}

void line_insist(struct lease *lease)
{
    uint64_t first = atomic_load(&lease->line->first);
    if (first != 0 && first != lease->owner)
        return;
    if (first == 0 && !has_waited_longest(lease))
        return;
    atomic_store_explicit(&lease->line->first_at, now(), memory_order_relaxed);
    if (first == 0)
        (void)atomic_compare_exchange_strong(&lease->line->first, &first, lease->owner);
}
