/* SPDX-License-Identifier: MIT */
/*
 * Semaphores: the public calls, which each mechanism fills in with its ways.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "memory/memory.h"

void semaphore_start(wherry_semaphore *semaphore, const struct semaphore_ways *ways,
                     const char *scheme, const char *address)
{
    semaphore->ways = ways;
    semaphore->member = 0;
    semaphore->members = 1;
    atomic_init(&semaphore->canceled, false);
    snprintf(semaphore->scheme, sizeof(semaphore->scheme), "%s", scheme);
    snprintf(semaphore->address, sizeof(semaphore->address), "%s", address);
}

static int lacks(const wherry_semaphore *semaphore, const char *what)
{
    return failure(-ENOTSUP, "%s: %s", semaphore->scheme, what);
}

/* --- turns --------------------------------------------------------------- */

int wherry_acquire(wherry_semaphore *semaphore, uint32_t count,
                   wherry_deadline deadline)
{
    return count == 0
               ? failure(-EINVAL, "a count of 0 permits")
               : semaphore->ways->acquire(semaphore, count, deadline_sound(deadline));
}

int wherry_release(wherry_semaphore *semaphore, uint32_t count)
{
    return count == 0 ? failure(-EINVAL, "a count of 0 permits")
                      : semaphore->ways->release(semaphore, count);
}

int semaphore_check_undo(const struct wherry_semaphore_step *step)
{
    return step->undo >= -1 && step->undo <= 1
               ? 0
               : failure(-EINVAL, "undo is 1, 0 or -1, and not %d", step->undo);
}

// Where there are no sets, one operation is an acquire or a release.
static int operate_on_one(wherry_semaphore *semaphore,
                          const struct wherry_semaphore_step *step,
                          wherry_deadline deadline)
{
    if (step->member != 0)
        return failure(-ERANGE, "%s: has one member, 0, and no %u", semaphore->scheme,
                       (unsigned)step->member);
    int r = semaphore_check_undo(step);
    if (r < 0)
        return r;
    if (step->change == 0)
        return lacks(semaphore, "cannot wait until the value is 0: semv: can");
    return step->change > 0
               ? semaphore->ways->release(semaphore, (uint32_t)step->change)
               : semaphore->ways->acquire(semaphore, (uint32_t) - (int64_t)step->change,
                                          deadline_sound(deadline));
}

int wherry_semaphore_operate(wherry_semaphore *semaphore,
                             const struct wherry_semaphore_step *steps, size_t count,
                             wherry_deadline deadline)
{
    if (count == 0)
        return failure(-EINVAL, "no operation");
    if (semaphore->ways->operate)
        return semaphore->ways->operate(semaphore, steps, count,
                                        deadline_sound(deadline));
    return count == 1
               ? operate_on_one(semaphore, steps, deadline)
               : lacks(semaphore, "does one operation at once: semv: does several");
}

void wherry_semaphore_cancel(wherry_semaphore *semaphore)
{
    atomic_store(&semaphore->canceled, true);
    if (semaphore->ways->cancel)
        semaphore->ways->cancel(semaphore);
}

int wherry_semaphore_set(wherry_semaphore *semaphore, uint32_t member, uint32_t value)
{
    return semaphore->ways->set ? semaphore->ways->set(semaphore, member, value)
                                : lacks(semaphore, "has no value to be set: semv: has");
}

int wherry_semaphore_fd(wherry_semaphore *semaphore, uint32_t count, wherry_native *out,
                        short *events)
{
    if (!semaphore->ways->descriptor)
        return lacks(semaphore, "has no descriptor to wait for: lease: has");
    int r = semaphore->ways->descriptor(semaphore, count, out);
    if (r >= 0 && events)
        *events = os_wait_in;
    return r;
}

/* --- what is known ------------------------------------------------------- */

int wherry_semaphore_members(const wherry_semaphore *semaphore, uint32_t first,
                             struct wherry_semaphore_member *out, size_t most)
{
    if (first >= semaphore->members)
        return failure(-ERANGE, "%s: has %u members, and no %u", semaphore->scheme,
                       (unsigned)semaphore->members, (unsigned)first);
    int r = most == 0 ? 0 : semaphore->ways->look(semaphore, first, out, most);
    return r < 0 ? r : (int)(semaphore->members - first);
}

int64_t wherry_semaphore_value(const wherry_semaphore *semaphore)
{
    struct wherry_semaphore_member now;
    int r = semaphore->ways->look(semaphore, semaphore->member, &now, 1);
    return r < 0 ? r : now.value;
}

int wherry_semaphore_holders(const wherry_semaphore *semaphore,
                             struct wherry_semaphore_holder *out, size_t most)
{
    return semaphore->ways->holders
               ? semaphore->ways->holders(semaphore, out, most)
               : lacks(semaphore,
                       "nobody knows who has a permit: of a lease: it is known");
}

int wherry_semaphore_describe(const wherry_semaphore *semaphore,
                              struct wherry_semaphore_info *out, size_t size)
{
    struct wherry_semaphore_info whole = {.members = semaphore->members,
                                          .permits = -1,
                                          .value = -1,
                                          .waiters = -1,
                                          .held = -1,
                                          .attached = -1,
                                          .attached_most = -1,
                                          .uid = -1,
                                          .gid = -1,
                                          .operated_at = -1,
                                          .changed_at = -1};
    struct wherry_semaphore_member now;
    if (size == 0)
        return failure(-EINVAL, "a description of 0 bytes");
    memcpy(whole.scheme, semaphore->scheme, sizeof(whole.scheme));
    memcpy(whole.address, semaphore->address, sizeof(whole.address));
    if (semaphore->ways->look(semaphore, semaphore->member, &now, 1) >= 0) {
        whole.value = now.value;
        whole.waiters = now.waiters;
    }
    semaphore->ways->describe(semaphore, &whole); // what is not known says so
    memset(out, 0, size);
    memcpy(out, &whole, size < sizeof(whole) ? size : sizeof(whole));
    return 0;
}

void wherry_semaphore_close(wherry_semaphore *semaphore)
{
    if (semaphore)
        semaphore->ways->close(semaphore);
}
