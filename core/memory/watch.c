/* SPDX-License-Identifier: MIT */
/*
 * The ends of others: who sleeps for long is told of them.
 *
 * Everybody who has a place is watched, not only who holds something: that may go from
 * hand to hand meanwhile, places seldom do.  Whoever takes a place rings all who wait,
 * who look here then.
 */
#include "memory/places.h"

#include <errno.h>
#include <stdlib.h>

enum { AT_ONCE = 16 };

static void forget(struct places *places, struct places_watched *one)
{
    if (one->owner == 0)
        return;
    os_watch_remove(places->watch, one->pidfd);
    os_close(one->pidfd);
    one->owner = 0;
}

// Those whose end the kernel tells.
static void look_who_ended(struct places *places)
{
    int ready[AT_ONCE];
    int count = os_watch_ready(places->watch, ready, AT_ONCE);
    for (uint32_t place = 0; count > 0 && place < places->watched_count; place++) {
        struct places_watched *one = &places->watched[place];
        bool has_ended = false;
        for (int i = 0; i < count && one->owner != 0; i++)
            has_ended = has_ended || ready[i] == one->pidfd;
        if (!has_ended)
            continue;
        places_take_back(places, one->owner);
        forget(places, one);
    }
}

// Whether it has ended already.
static bool watch(struct places *places, struct places_watched *one, uint64_t owner)
{
    int pidfd = places_open(places, owner);
    if (pidfd == -ESRCH)
        return true;
    if (pidfd < 0 || os_watch_add(places->watch, pidfd, os_wait_in) < 0) {
        os_close(pidfd);
        places->is_blind = true;
        return false;
    }
    *one = (struct places_watched){.owner = owner, .pidfd = pidfd};
    return false;
}

// Room to remember so many.
static bool make_room(struct places *places, uint32_t count)
{
    if (count <= places->watched_count)
        return true;
    struct places_watched *watched =
        realloc(places->watched, count * sizeof(*places->watched));
    if (!watched)
        return false;
    for (uint32_t i = places->watched_count; i < count; i++)
        watched[i] = (struct places_watched){.owner = 0, .pidfd = -1};
    places->watched = watched;
    places->watched_count = count;
    return true;
}

static void watch_new(struct places *places)
{
    const uint32_t used = places_used(places);
    places->is_blind = !make_room(places, used);
    if (places->is_blind)
        return;
    for (uint32_t place = 0; place < used; place++) {
        struct places_watched *one = &places->watched[place];
        bool left;
        const uint64_t owner = places_owner(places, place, &left);
        if (left)
            places_take_back(places, owner);
        if (left || owner == one->owner || owner == places->owner)
            continue;
        forget(places, one);
        if (owner != 0 && watch(places, one, owner))
            places_take_back(places, owner);
    }
}

void places_watch(struct places *places)
{
    look_who_ended(places);
    const uint64_t attached = atomic_load(places->attached);
    if (attached != places->seen || places->is_blind) {
        watch_new(places);
        places->seen = attached;
    }
    if (places->is_blind)
        places->ways->look(places);
}

int places_prepare_timer(struct places *places)
{
    if (places->timer >= 0)
        return 0;
    int timer = os_above_standard(os_timer_new());
    int r = timer < 0 ? timer : os_watch_add(places->watch, timer, os_wait_in);
    if (r < 0) {
        os_close(timer);
        return failure_plain(r, "waiting by a descriptor");
    }
    places->timer = timer;
    return 0;
}

void places_look_at(const struct places *places, wherry_deadline at)
{
    if (places->timer >= 0)
        os_timer_set(places->timer, at);
}

// A child of fork(2) closes its copy, and leaves the parent's watch as it is.
void places_unwatch(struct places *places)
{
    for (uint32_t place = 0; place < places->watched_count; place++)
        if (places->watched[place].owner != 0)
            os_close(places->watched[place].pidfd);
    os_close(places->timer);
    os_close(places->watch);
    free(places->watched);
}
