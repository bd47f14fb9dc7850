/* SPDX-License-Identifier: MIT */
/*
 * How permits of a System V set are taken and given: semop(2).
 *
 * An acquire or release is one operation on one member; others are as many as asked
 * for, which the kernel does all together or not at all.
 */
#include "transport/semv.h"

#include <errno.h>
#include <stdlib.h>

#include "base/base.h"

/* A set of this mechanism. */
struct set {
    wherry_semaphore turns;
    int id;
    bool undo;
    int64_t owner; /* the process that removes it when it closes it; 0: none */
};

/* --- operating ----------------------------------------------------------- */

static int refuse(const struct set *own, int error)
{
    struct os_semv_limits limits;
    const char *scheme = own->turns.scheme;
    os_semv_limits(&limits);
    if (error == -EAGAIN)
        return failure(error, "%s: it cannot be done now, without waiting", scheme);
    if (error == -EIDRM)
        return failure(error, "%s: the set was removed", scheme);
    if (error == -EACCES)
        return failure(error,
                       "%s: this user may look at the set, but not change it: "
                       "see who owns it, and its mode=",
                       scheme);
    if (error == -E2BIG)
        return failure(error,
                       "%s: the system does at most %lld operations at once "
                       "(kernel.sem, its third number)",
                       scheme, (long long)limits.operations);
    if (error == -ERANGE || error == -EOVERFLOW)
        return failure(error,
                       "%s: a value would be over %d, or more than that were to be "
                       "undone",
                       scheme, OS_SEMV_MOST);
    if (error == -ENOSPC)
        return failure(error, "%s: the system has no room to keep what is to be undone",
                       scheme);
    return failure_plain(error, scheme);
}

static int operate(struct set *own, const struct os_semv_step *steps, size_t count,
                   wherry_deadline deadline)
{
    return os_semv_operate(own->id, steps, count, deadline, &own->turns.canceled);
}

static int change(struct set *own, int16_t by, wherry_deadline deadline)
{
    const struct os_semv_step step = {(uint16_t)own->turns.member, by, own->undo};
    return operate(own, &step, 1, deadline);
}

static int semv_acquire(wherry_semaphore *semaphore, uint32_t count,
                        wherry_deadline deadline)
{
    struct set *own = (struct set *)semaphore;
    if (count > OS_SEMV_MOST)
        return failure(-EINVAL, "semv: never has %u permits: %d at most",
                       (unsigned)count, OS_SEMV_MOST);
    int r = change(own, (int16_t) - (int32_t)count, deadline);
    return r < 0 ? refuse(own, r) : 0;
}

static int semv_release(wherry_semaphore *semaphore, uint32_t count)
{
    struct set *own = (struct set *)semaphore;
    int r = count > OS_SEMV_MOST ? -ERANGE : change(own, (int16_t)count, WHERRY_POLL);
    return r < 0 ? refuse(own, r == -ERANGE ? -EOVERFLOW : r) : 0;
}

static int read_step(const struct set *own, const struct wherry_semaphore_step *step,
                     struct os_semv_step *out)
{
    if (step->member >= own->turns.members)
        return failure(-ERANGE, "semv: the set has %u members, and no %u",
                       (unsigned)own->turns.members, (unsigned)step->member);
    int r = semaphore_check_undo(step);
    if (r < 0)
        return r;
    if (step->change > OS_SEMV_MOST || step->change < -OS_SEMV_MOST)
        return refuse(own, -ERANGE);
    *out = (struct os_semv_step){.member = (uint16_t)step->member,
                                 .change = (int16_t)step->change,
                                 .undo = step->undo < 0 ? own->undo : step->undo};
    return 0;
}

static int semv_operate(wherry_semaphore *semaphore,
                        const struct wherry_semaphore_step *steps, size_t count,
                        wherry_deadline deadline)
{
    enum { FEW = 8 }; // for which nothing is allocated

    struct set *own = (struct set *)semaphore;
    struct os_semv_step few[FEW] = {{0}};
    if (count > OS_SEMV_STEPS)
        return refuse(own, -E2BIG);
    struct os_semv_step *all = count <= FEW ? few : calloc(count, sizeof(*all));
    if (!all)
        return refuse(own, -ENOMEM);
    int r = 0;
    for (size_t i = 0; i < count && r >= 0; i++)
        r = read_step(own, &steps[i], &all[i]);
    if (r >= 0 && (r = operate(own, all, count, deadline)) < 0)
        r = refuse(own, r);
    if (all != few)
        free(all);
    return r;
}

static int semv_set(wherry_semaphore *semaphore, uint32_t member, uint32_t value)
{
    const struct set *own = (const struct set *)semaphore;
    if (member >= own->turns.members)
        return failure(-ERANGE, "semv: the set has %u members, and no %u",
                       (unsigned)own->turns.members, (unsigned)member);
    int r = os_semv_set(own->id, member, value);
    return r < 0 ? refuse(own, r) : 0;
}

/* --- what is known ------------------------------------------------------- */

// One number of a member; the first error stays.
static int64_t ask(const struct set *own, uint32_t member, enum os_semv_question what,
                   int *r)
{
    const int64_t answer = *r < 0 ? *r : os_semv_ask(own->id, member, what);
    *r = answer < 0 ? (int)answer : 0;
    return answer;
}

static int look_at_all(const struct set *own, uint16_t *values, uint32_t first,
                       struct wherry_semaphore_member *out, size_t most)
{
    int r = os_semv_values(own->id, values);
    for (uint32_t i = 0; r >= 0 && i < most && first + i < own->turns.members; i++)
        out[i] = (struct wherry_semaphore_member){
            .value = values[first + i],
            .waiters = ask(own, first + i, OS_SEMV_WAITERS, &r),
            .zero = ask(own, first + i, OS_SEMV_ZERO, &r),
            .last = ask(own, first + i, OS_SEMV_LAST, &r)};
    return r;
}

static int semv_look(const wherry_semaphore *semaphore, uint32_t first,
                     struct wherry_semaphore_member *out, size_t most)
{
    const struct set *own = (const struct set *)semaphore;
    uint16_t *values = malloc(OS_SEMV_MEMBERS * sizeof(*values));
    int r = values ? look_at_all(own, values, first, out, most) : -ENOMEM;
    free(values);
    return r < 0 ? refuse(own, r) : 0;
}

static void semv_describe(const wherry_semaphore *semaphore,
                          struct wherry_semaphore_info *out)
{
    const struct set *own = (const struct set *)semaphore;
    struct os_semv_state now;
    int r = os_semv_look(own->id, &now);
    out->undo = own->undo;
    out->temporary = own->owner != 0;
    out->removed = r == -EIDRM;
    if (r < 0)
        return;
    out->uid = now.uid;
    out->gid = now.gid;
    out->mode = now.mode;
    out->operated_at = now.operated_at;
    out->changed_at = now.changed_at;
}

static void semv_close(wherry_semaphore *semaphore)
{
    struct set *own = (struct set *)semaphore;
    if (own->owner == os_self())
        (void)os_semv_remove(own->id);
    free(own);
}

static const struct semaphore_ways ways = {.acquire = semv_acquire,
                                           .release = semv_release,
                                           .close = semv_close,
                                           .look = semv_look,
                                           .describe = semv_describe,
                                           .operate = semv_operate,
                                           .set = semv_set};

int semv_new(const struct semv_plan *plan, wherry_semaphore **out)
{
    struct set *own = malloc(sizeof(*own));
    if (!own)
        return -ENOMEM;
    *own = (struct set){.id = plan->id, .undo = plan->undo, .owner = plan->owner};
    semaphore_start(&own->turns, &ways, "semv", plan->address);
    own->turns.member = plan->member;
    own->turns.members = plan->members;
    *out = &own->turns;
    return 0;
}
