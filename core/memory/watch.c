/* SPDX-License-Identifier: MIT */
/*
 * The ends of others: who sleeps for long is told of them.
 *
 * Everybody who has a place is watched, not only who has a permit: a permit may go from
 * hand to hand meanwhile, places seldom do.  Whoever takes a place rings all who wait,
 * who look here then.
 */
#include "memory/lease.h"

#include <errno.h>

enum { AT_ONCE = 16 };

static void forget(struct lease *lease, struct lease_watched *one)
{
    if (one->owner == 0)
        return;
    os_watch_remove(lease->watch, one->pidfd);
    os_close(one->pidfd);
    one->owner = 0;
}

// Those whose end the kernel tells.
static void look_who_ended(struct lease *lease)
{
    int ready[AT_ONCE];
    int count = os_watch_ready(lease->watch, ready, AT_ONCE);
    for (uint32_t place = 0; count > 0 && place < lease->seats; place++) {
        struct lease_watched *one = &lease->watched[place];
        bool has_ended = false;
        for (int i = 0; i < count && one->owner != 0; i++)
            has_ended = has_ended || ready[i] == one->pidfd;
        if (!has_ended)
            continue;
        places_take_back(lease, one->owner);
        forget(lease, one);
    }
}

// Whether it has ended already.
static bool watch(struct lease *lease, struct lease_watched *one, uint64_t owner)
{
    int pidfd = places_open(lease, owner);
    if (pidfd == -ESRCH)
        return true;
    if (pidfd < 0 || os_watch_add(lease->watch, pidfd, os_wait_in) < 0) {
        os_close(pidfd);
        lease->is_blind = true;
        return false;
    }
    *one = (struct lease_watched){.owner = owner, .pidfd = pidfd};
    return false;
}

static void watch_new(struct lease *lease)
{
    const uint32_t used = places_used(lease);
    lease->is_blind = false;
    for (uint32_t place = 0; place < used; place++) {
        struct lease_watched *one = &lease->watched[place];
        bool left;
        const uint64_t owner = places_owner(lease, place, &left);
        if (left)
            places_take_back(lease, owner);
        if (left || owner == one->owner || owner == lease->owner)
            continue;
        forget(lease, one);
        if (owner != 0 && watch(lease, one, owner))
            places_take_back(lease, owner);
    }
}

void lease_watch(struct lease *lease)
{
    look_who_ended(lease);
    const uint64_t attached = atomic_load(&lease->line->attached);
    if (attached != lease->seen || lease->is_blind) {
        watch_new(lease);
        lease->seen = attached;
    }
    if (lease->is_blind)
        places_look(lease);
}

// A child of fork(2) closes its copy, and leaves the parent's watch as it is.
void lease_unwatch(struct lease *lease)
{
    for (uint32_t place = 0; lease->watched && place < lease->seats; place++)
        if (lease->watched[place].owner != 0)
            os_close(lease->watched[place].pidfd);
    os_close(lease->timer);
    os_close(lease->watch);
}
