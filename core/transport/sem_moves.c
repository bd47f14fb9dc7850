/* SPDX-License-Identifier: MIT */
/*
 * How permits of a POSIX semaphore are taken and given.
 *
 * Several are taken one after the other.  Two that hold a part each of what both want
 * would wait for ever, so who has not got all after a while gives back what it holds,
 * steps aside, and begins anew.
 */
#include "transport/sem.h"

#include <errno.h>
#include <stdlib.h>

#include "base/base.h"

/* A semaphore of this mechanism. */
struct posix {
    wherry_semaphore turns;
    sem_t *at;
    wherry_region *region; /* its own, under its name; NULL: it lives in another's */
};

static void give_back(sem_t *at, uint32_t count)
{
    while (count-- > 0)
        (void)os_sem_give(at); // they were there before
}

/* How several are taken. */
struct haul {
    uint32_t count;
    wherry_deadline turn; // until when one that is missing is waited for
    wherry_deadline last; // until when those that are free are taken
};

enum {
    RUN = 512,           // permits that are taken between two looks at the clock
    BUSY = 10000000,     // nanoseconds that taking may last past the deadline
    PATIENCE = 40000000, // that a part is held, and half as many again
    ASIDE = 1000000      // that the others have
};

static int look_up(const struct posix *own, const struct haul *haul)
{
    if (atomic_load(&own->turns.canceled))
        return -ECANCELED;
    return wherry_now() < haul->last ? 0 : -ETIMEDOUT;
}

// One after the other; how many there are now in *held.
static int take(struct posix *own, const struct haul *haul, uint32_t *held)
{
    int r = 0;
    for (*held = 0; *held < haul->count && r >= 0; *held += r >= 0) {
        if (*held % RUN == RUN - 1 && (r = look_up(own, haul)) < 0)
            break;
        r = os_sem_try(own->at);
        if (r < 0 && haul->turn != WHERRY_POLL)
            r = os_sem_await(own->at, haul->turn, &own->turns.canceled);
    }
    return r;
}

// When who holds a part gives it back: not all at the same moment.
static wherry_deadline turn_back(wherry_deadline now)
{
    return deadline_add(now, PATIENCE + (now / 64 + os_self() * 7919) % (PATIENCE / 2));
}

// What is free is taken though the deadline has passed, but not for long.
static wherry_deadline last_of(wherry_deadline deadline)
{
    const wherry_deadline busy = deadline_add(wherry_now(), BUSY);
    return deadline == WHERRY_POLL ? WHERRY_FOREVER : deadline > busy ? deadline : busy;
}

static int take_all(struct posix *own, uint32_t count, wherry_deadline deadline)
{
    struct haul haul = {.count = count, .turn = deadline, .last = last_of(deadline)};
    uint32_t held;
    for (;;) {
        if (count > 1 && deadline != WHERRY_POLL)
            haul.turn = deadline_sooner(deadline, turn_back(wherry_now()));
        int r = take(own, &haul, &held);
        if (r >= 0)
            return 0;
        give_back(own->at, held);
        if (r != -ETIMEDOUT || wherry_now() >= deadline)
            return r;
        if (held > 0)
            (void)os_wait(NULL, 0, deadline_add(wherry_now(), ASIDE));
    }
}

static int explain(const struct posix *own, int error, uint32_t count)
{
    if (error == -EAGAIN)
        return failure(error, "%s: %u permits are not free now", own->turns.scheme,
                       (unsigned)count);
    if (error == -ETIMEDOUT)
        return failure(error,
                       "%s: the deadline passed before %u permits were free, or "
                       "somebody died with one: %lld are",
                       own->turns.scheme, (unsigned)count,
                       (long long)os_sem_value(own->at));
    if (error == -EOVERFLOW)
        return failure(error, "%s: %u permits more would be over %d", own->turns.scheme,
                       (unsigned)count, OS_SEM_MOST);
    return failure_plain(error, own->turns.scheme);
}

static int acquire_slowly(struct posix *own, uint32_t count, wherry_deadline deadline)
{
    if (count > OS_SEM_MOST)
        return failure(-EINVAL, "sem: never has %u permits: %d at most",
                       (unsigned)count, OS_SEM_MOST);
    // None is taken for nothing where there are not enough anyway.
    int r = deadline == WHERRY_POLL && os_sem_value(own->at) < count
                ? -EAGAIN
                : take_all(own, count, deadline);
    return r < 0 ? explain(own, r, count) : 0;
}

static int posix_acquire(wherry_semaphore *semaphore, uint32_t count,
                         wherry_deadline deadline)
{
    struct posix *own = (struct posix *)semaphore;
    if (count == 1 && os_sem_try(own->at) >= 0)
        return 0;
    return acquire_slowly(own, count, deadline);
}

static int release_several(struct posix *own, uint32_t count)
{
    int r = os_sem_value(own->at) > (int64_t)OS_SEM_MOST - count ? -EOVERFLOW : 0;
    uint32_t given = 0;
    while (r >= 0 && given < count && (r = os_sem_give(own->at)) >= 0)
        given++;
    // Others gave some meanwhile: as many as are still there are taken back.
    while (r < 0 && given-- > 0)
        (void)os_sem_try(own->at);
    return r < 0 ? explain(own, r, count) : 0;
}

static int posix_release(wherry_semaphore *semaphore, uint32_t count)
{
    struct posix *own = (struct posix *)semaphore;
    if (count == 1 && os_sem_give(own->at) >= 0)
        return 0;
    return release_several(own, count);
}

/* --- what is known ------------------------------------------------------- */

static int posix_look(const wherry_semaphore *semaphore, uint32_t first,
                      struct wherry_semaphore_member *out, size_t most)
{
    const struct posix *own = (const struct posix *)semaphore;
    (void)first, (void)most; // there is one
    *out = (struct wherry_semaphore_member){
        .value = os_sem_value(own->at), .waiters = -1, .zero = -1, .last = -1};
    return 0;
}

static void posix_describe(const wherry_semaphore *semaphore,
                           struct wherry_semaphore_info *out)
{
    const struct posix *own = (const struct posix *)semaphore;
    struct wherry_region_info region;
    if (!own->region ||
        wherry_region_describe(own->region, &region, sizeof(region)) < 0)
        return;
    out->uid = region.uid;
    out->gid = region.gid;
    out->mode = region.mode;
    out->removed = region.removed;
    out->changed_at = region.changed_at;
}

static void posix_close(wherry_semaphore *semaphore)
{
    struct posix *own = (struct posix *)semaphore;
    wherry_region_close(own->region);
    free(own);
}

static const struct semaphore_ways ways = {.acquire = posix_acquire,
                                           .release = posix_release,
                                           .close = posix_close,
                                           .look = posix_look,
                                           .describe = posix_describe};

/* --- making -------------------------------------------------------------- */

int sem_new(const char *address, wherry_semaphore **out)
{
    struct posix *own = calloc(1, sizeof(*own));
    if (!own)
        return -ENOMEM;
    semaphore_start(&own->turns, &ways, "sem", address);
    *out = &own->turns;
    return 0;
}

void sem_lives_in(wherry_semaphore *semaphore, wherry_region *own)
{
    ((struct posix *)semaphore)->region = own;
    sem_lives_at(semaphore, own->data);
}

void sem_lives_at(wherry_semaphore *semaphore, void *place)
{
    ((struct posix *)semaphore)->at = place;
}
