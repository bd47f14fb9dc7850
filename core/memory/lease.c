/* SPDX-License-Identifier: MIT */
/*
 * The ways of a lease: acquire, release, and what is known of it.
 */
#include "memory/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GIVING = 1000 }; // searches for a permit that is there

static struct lease *of(wherry_semaphore *semaphore)
{
    return (struct lease *)(void *)semaphore;
}

static const struct lease *of_const(const wherry_semaphore *semaphore)
{
    return (const struct lease *)(const void *)semaphore;
}

static bool is_forked(const struct lease *lease)
{
    return !region_lives(&lease->life);
}

static int refuse_child(void)
{
    return failure(-ECHILD,
                   "the lease was opened before fork(2), by the parent: open it "
                   "in the child, too");
}

static int refuse_count(const struct lease *lease, uint32_t count)
{
    return failure(-EINVAL, "the lease never has %u permits: %u at most",
                   (unsigned)count, (unsigned)lease->permits);
}

/* --- permits ------------------------------------------------------------- */

// The first permit from the hint on that is `old`, exchanged for `owner`.
static bool exchange_one(struct lease *lease, uint64_t old, uint64_t owner)
{
    const uint32_t count = lease->permits;
    uint32_t at = atomic_load_explicit(&lease->hint, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++, at = at + 1 < count ? at + 1 : 0) {
        uint64_t found = old;
        if (atomic_load_explicit(&lease->owners[at], memory_order_relaxed) != old ||
            !atomic_compare_exchange_strong(&lease->owners[at], &found, owner))
            continue;
        if (i != 0)
            atomic_store_explicit(&lease->hint, at, memory_order_relaxed);
        return true;
    }
    return false;
}

static uint32_t count_of(const struct lease *lease, uint64_t owner)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < lease->permits; i++)
        count += atomic_load(&lease->owners[i]) == owner;
    return count;
}

uint32_t lease_free(const struct lease *lease)
{
    return count_of(lease, 0);
}

// Gives one back that this handle has.  One search can miss it, while other threads
// give back what is before and take what is behind; if many do, it is not there any
// more: somebody has written into the memory.
static bool give_one(struct lease *lease)
{
    bool is_given = false;
    for (int tries = 0; tries < GIVING && !is_given; tries++)
        is_given = exchange_one(lease, lease->places.owner, 0);
    return is_given;
}

static bool take_several(struct lease *lease, uint32_t count)
{
    uint32_t taken = 0;
    if (lease_free(lease) < count)
        return false;
    while (taken < count && exchange_one(lease, 0, lease->places.owner))
        taken++;
    if (taken == count)
        return true;
    while (taken-- > 0)
        (void)give_one(lease);
    line_wake(lease);
    return false;
}

bool lease_try(struct lease *lease, uint32_t count, bool is_patient)
{
    if (line_is_others(lease, is_patient))
        return false;
    const bool is_taken = count == 1 ? exchange_one(lease, 0, lease->places.owner)
                                     : take_several(lease, count);
    if (is_taken)
        atomic_fetch_add(&lease->held, count);
    return is_taken;
}

// What one thread is about to give back no other does.
static bool set_apart(struct lease *lease, uint32_t count)
{
    uint32_t held = atomic_load(&lease->held);
    while (held >= count &&
           !atomic_compare_exchange_weak(&lease->held, &held, held - count))
        ;
    return held >= count;
}

/* --- taking back --------------------------------------------------------- */

static void take_back(struct places *places, uint64_t owner)
{
    struct lease *lease = places->object;
    for (uint32_t i = 0; i < lease->permits; i++)
        if (atomic_load_explicit(&lease->owners[i], memory_order_relaxed) == owner)
            (void)word_clear(&lease->owners[i], owner);
    (void)word_clear(&lease->line->first, owner);
}

static void wake(struct places *places)
{
    line_wake(places->object);
}

void lease_look(struct lease *lease)
{
    uint8_t looked[LEASE_HANDLES / 8] = {0};
    bool any = false;
    for (uint32_t i = 0; i <= lease->permits; i++) {
        _Atomic(uint64_t) *word =
            i < lease->permits ? &lease->owners[i] : &lease->line->first;
        const uint64_t owner = atomic_load(word);
        const uint32_t number = owner_place(owner) % LEASE_HANDLES;
        const uint8_t bit = (uint8_t)(1u << number % 8);
        if (owner == 0 || owner == lease->places.owner || (looked[number / 8] & bit))
            continue;
        looked[number / 8] |= bit;
        if (!places_has_ended(&lease->places, owner))
            continue;
        places_take_back(&lease->places, owner);
        any = true;
    }
    if (any)
        line_wake(lease);
}

static void look_in_places(struct places *places)
{
    lease_look(places->object);
}

const struct places_ways lease_ways = {.noun = "lease",
                                       .magic = "wherry-l",
                                       .version = 2,
                                       .layout = sizeof(struct lease_header) << 16 |
                                                 sizeof(struct lease_line) << 8 |
                                                 sizeof(struct place),
                                       .take_back = take_back,
                                       .wake = wake,
                                       .look = look_in_places};

/* --- turns --------------------------------------------------------------- */

static int try_again(struct lease *lease, uint32_t count)
{
    if (atomic_load(&lease->wanted) != 0)
        return lease_try_in_line(lease, count);
    lease_look(lease);
    return lease_try(lease, count, true) ? 0 : lease_has_not(count);
}

static int acquire(wherry_semaphore *semaphore, uint32_t count,
                   wherry_deadline deadline)
{
    struct lease *lease = of(semaphore);
    if (is_forked(lease))
        return refuse_child();
    if (count > lease->permits)
        return refuse_count(lease, count);
    if (atomic_load(&lease->wanted) == 0 && lease_try(lease, count, false))
        return 0;
    return deadline == WHERRY_POLL ? try_again(lease, count)
                                   : lease_wait(lease, count, deadline);
}

static int refuse_release(uint32_t count)
{
    return failure(-EPERM,
                   "%u permits are given back, and this handle does not hold so many",
                   (unsigned)count);
}

static int release(wherry_semaphore *semaphore, uint32_t count)
{
    struct lease *lease = of(semaphore);
    if (is_forked(lease))
        return refuse_child();
    if (!set_apart(lease, count))
        return refuse_release(count);
    uint32_t given = 0;
    while (given < count && give_one(lease))
        given++;
    if (given > 0)
        line_wake(lease);
    return given == count ? 0 : refuse_release(count);
}

// The bell of a forked child is its parent's.
static void cancel(wherry_semaphore *semaphore)
{
    if (!is_forked(of(semaphore)))
        os_bell_ring(of(semaphore)->canceled);
}

static int descriptor(wherry_semaphore *semaphore, uint32_t count, int *out)
{
    struct lease *lease = of(semaphore);
    if (is_forked(lease))
        return refuse_child();
    if (count > lease->permits)
        return refuse_count(lease, count);
    return lease_poll(lease, count, out);
}

/* --- what is known ------------------------------------------------------- */

static uint32_t wants_of(const struct lease *lease, uint32_t place)
{
    return (uint32_t)(atomic_load(&lease->places.waits[place]) >> 1) &
           ((1u << LEASE_COUNT_BITS) - 1);
}

// What the dead hold is free for whoever asks, so it is free.
static int look(const wherry_semaphore *semaphore, uint32_t first,
                struct wherry_semaphore_member *out, size_t most)
{
    struct lease *lease = of((wherry_semaphore *)(uintptr_t)semaphore);
    (void)first;
    (void)most;
    if (is_forked(lease))
        return refuse_child();
    lease_look(lease);
    const uint32_t used = places_used(&lease->places);
    *out = (struct wherry_semaphore_member){
        .value = lease_free(lease), .waiters = 0, .zero = -1, .last = -1};
    for (uint32_t i = 0; i < used; i++)
        out->waiters += wants_of(lease, i) != 0;
    return 1;
}

static int holders(const wherry_semaphore *semaphore,
                   struct wherry_semaphore_holder *out, size_t most)
{
    const struct lease *lease = of_const(semaphore);
    if (is_forked(lease))
        return refuse_child();
    const uint32_t used = places_used(&lease->places);
    size_t count = 0;
    for (uint32_t i = 0; i < used; i++) {
        bool left;
        const uint64_t owner = places_owner(&lease->places, i, &left);
        if (owner == 0)
            continue;
        if (count < most)
            out[count] = (struct wherry_semaphore_holder){
                .pid = owner_pid(owner),
                .holds = count_of(lease, owner),
                .wants = wants_of(lease, i),
                .dead = left || places_has_ended(&lease->places, owner)};
        count++;
    }
    return (int)count;
}

static void look_at_file(const struct lease *lease, struct wherry_semaphore_info *out)
{
    struct wherry_region_info now;
    if (!lease->is_alone ||
        wherry_region_describe(lease->region, &now, sizeof(now)) < 0)
        return;
    out->uid = now.uid;
    out->gid = now.gid;
    out->mode = now.mode;
    out->removed = now.removed;
    out->changed_at = now.changed_at;
}

static void describe(const wherry_semaphore *semaphore,
                     struct wherry_semaphore_info *out)
{
    const struct lease *lease = of_const(semaphore);
    out->permits = lease->permits;
    out->attached_most = lease->places.seats;
    out->undo = true;
    if (is_forked(lease))
        return;
    out->held = count_of(lease, lease->places.owner);
    out->attached = holders(semaphore, NULL, 0);
    look_at_file(lease, out);
}

/* --- opening and closing ------------------------------------------------- */

static void release_all(struct lease *lease)
{
    places_unwatch(&lease->places);
    bells_close(&lease->places);
    os_close(lease->canceled);
    os_close(lease->turn);
    free(lease);
}

// A child has the descriptors, and neither the memory nor the place.
static void close_lease(wherry_semaphore *semaphore)
{
    struct lease *lease = of(semaphore);
    const bool is_child = is_forked(lease);
    if (is_child && lease->is_alone)
        region_forget(lease->region);
    if (!is_child)
        places_leave(&lease->places);
    region_let_go(lease->region);
    os_close(lease->places.directory);
    release_all(lease);
}

static const struct semaphore_ways ways = {
    .acquire = acquire,
    .release = release,
    .close = close_lease,
    .look = look,
    .describe = describe,
    .descriptor = descriptor,
    .holders = holders,
    .cancel = cancel,
};

static int make_bells(struct lease *lease)
{
    lease->canceled = os_above_standard(os_bell_new());
    lease->turn = os_above_standard(os_bell_new());
    if (lease->canceled < 0 || lease->turn < 0)
        return failure_plain(lease->turn < 0 ? lease->turn : lease->canceled,
                             "opening a lease");
    os_bell_ring(lease->turn);
    return 0;
}

int lease_new(const char *address, wherry_semaphore **out)
{
    struct lease *lease = calloc(1, sizeof(*lease));
    if (!lease)
        return failure_plain(-ENOMEM, "no memory for a lease");
    semaphore_start(&lease->base, &ways, "lease", address);
    lease->canceled = lease->turn = -1;
    atomic_init(&lease->quiet, UINT64_MAX);
    int r = places_start(&lease->places, &lease_ways, lease);
    if (r >= 0)
        r = make_bells(lease);
    if (r < 0) {
        release_all(lease);
        return r;
    }
    *out = &lease->base;
    return 0;
}

void lease_drop(wherry_semaphore *semaphore)
{
    release_all(of(semaphore));
}

static int attach(struct lease *lease, const struct lease_plan *plan)
{
    wherry_region *region = plan->region;
    int r = lease_take(lease, (void *)(region->data + plan->offset),
                       region->size - plan->offset);
    if (r < 0)
        return r;
    r = region_live(region, &lease->life);
    return r < 0 ? failure_plain(r, "opening a lease") : places_enter(&lease->places);
}

int lease_attach(wherry_semaphore *semaphore, const struct lease_plan *plan)
{
    struct lease *lease = of(semaphore);
    wherry_region *region = plan->region;
    lease->places.directory = plan->directory;
    lease->region = region;
    lease->is_alone = plan->is_alone;
    int r = attach(lease, plan);
    if (r < 0) {
        release_all(lease);
        return r;
    }
    if (plan->is_alone)
        os_map_without_child(region->data, region->size);
    else
        region_keep(region);
    return 0;
}

void lease_sweep(wherry_semaphore *semaphore)
{
    places_sweep(&of(semaphore)->places);
    line_wake(of(semaphore));
}
