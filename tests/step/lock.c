/* SPDX-License-Identifier: MIT */
/*
 * Our lock, around two numbers that are always equal: made, taken, given, recovered,
 * given up and made anew by processes that are killed at any instruction of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "step.h"

enum { SIZE = 4096, AT = 64, SOON_MILLISECONDS = 20, STATE_WORD = 9, MUTEX_WORD = 16 };

struct guarded {
    volatile long first;
    volatile long second;
    char room[AT - 2 * sizeof(long)];
    uint32_t lock[WHERRY_LOCK_ROOM / sizeof(uint32_t)];
};

/* What stands in a lock before the operation begins. */
enum before { NOTHING, FREE, DIED, SPOILED };

static struct guarded *guarded_of(const struct step_scene *scene)
{
    return wherry_region_data(scene->shared);
}

/* This process's handle: opened when it is first needed, closed by nobody. */
static wherry_lock *lock_of(const struct step_scene *scene)
{
    static wherry_lock *lock;
    if (!lock)
        CHECK_OK(wherry_lock_open(scene->shared, AT, &lock));
    return lock;
}

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(SOON_MILLISECONDS));
}

/* --- what is done with it ------------------------------------------------ */

static void add_one(struct guarded *guarded)
{
    guarded->first = guarded->first + 1;
    guarded->second = guarded->second + 1;
}

// What it says, and when that is not 0, whether it is held all the same, and repaired.
static bool gain(const struct step_scene *scene, wherry_deadline deadline, int *said)
{
    wherry_lock *lock = lock_of(scene);
    struct guarded *guarded = guarded_of(scene);
    *said = wherry_lock_take(lock, deadline);
    int r = *said == -ENOTRECOVERABLE ? wherry_lock_renew(lock, deadline) : *said;
    if (r < 0 && r != -EOWNERDEAD)
        return false;
    guarded->second = guarded->first;
    return r != -EOWNERDEAD || wherry_lock_recover(lock) >= 0;
}

static void take_and_add(struct step_scene *scene)
{
    int said;
    if (!gain(scene, WHERRY_FOREVER, &said))
        return;
    add_one(guarded_of(scene));
    wherry_lock_give(lock_of(scene));
}

static void recover(struct step_scene *scene)
{
    int said;
    if (gain(scene, WHERRY_FOREVER, &said))
        wherry_lock_give(lock_of(scene));
}

static void open_one(struct step_scene *scene)
{
    wherry_lock *lock = NULL;
    if (wherry_lock_open(scene->shared, AT, &lock) >= 0)
        wherry_lock_close(lock);
}

static void open_before(struct step_scene *scene)
{
    (void)lock_of(scene);
}

static void hold(struct step_scene *scene)
{
    int r = wherry_lock_take(lock_of(scene), soon());
    CHECK(r == 0 || r == -EOWNERDEAD);
}

static void add_and_give(struct step_scene *scene)
{
    add_one(guarded_of(scene));
    wherry_lock_give(lock_of(scene));
}

static void give_up(struct step_scene *scene)
{
    wherry_lock_give(lock_of(scene));
}

/* --- before -------------------------------------------------------------- */

static void die_with_it(void *region)
{
    struct step_scene scene = {.shared = region};
    hold(&scene);
}

static void spoil(void *region)
{
    struct step_scene scene = {.shared = region};
    hold(&scene);
    give_up(&scene);
}

static void open_as_first(void *region)
{
    struct step_scene scene = {.shared = region};
    open_one(&scene);
}

static enum before before_role(const struct step_role *role);

// In processes of their own: the one that forks those that are stepped has no lock.
static void *make(const struct step_role *role)
{
    const enum before before = before_role(role);
    wherry_region *region = NULL;
    CHECK_OK(wherry_region_open("memfd:?size=4K", &region));
    if (before == FREE)
        CHECK_INT(harness_wait(harness_child(open_as_first, region)), 0);
    if (before == DIED || before == SPOILED)
        CHECK_INT(harness_wait(harness_child(die_with_it, region)), 0);
    if (before == SPOILED)
        CHECK_INT(harness_wait(harness_child(spoil, region)), 0);
    return region;
}

static void unmake(void *region)
{
    wherry_region_close(region);
}

/* The kernel's bits of the mutex's word, whose it is, what is said of it, and both
 * numbers. */
static uint64_t state(const struct step_scene *scene)
{
    const struct guarded *guarded = guarded_of(scene);
    const uint32_t word = *(const volatile uint32_t *)&guarded->lock[MUTEX_WORD];
    const uint32_t owner = word & 0x3fffffff;
    const uint64_t whose = owner == 0 ? 0 : owner == (uint32_t)scene->stepped ? 1 : 2;
    const uint32_t spoiled = *(const volatile uint32_t *)&guarded->lock[STATE_WORD];
    return word >> 30 | whose << 2 | (uint64_t)(spoiled & 0xff) << 4 |
           (uint64_t)(guarded->first & 0xff) << 12 |
           (uint64_t)(guarded->second & 0xff) << 20;
}

/* --- the judgement ------------------------------------------------------- */

static bool can_be_spoiled(const struct step_role *role)
{
    return before_role(role) == SPOILED || (role && role->run == give_up);
}

static struct step_finding judge(const struct step_scene *scene, int said)
{
    const struct guarded *guarded = guarded_of(scene);
    const long first = guarded->first;
    const long second = guarded->second;
    const long sleepers = scene->sleeper_is_back ? 1 : 0;
    const bool adds =
        scene->role->run == take_and_add || scene->role->run == add_and_give;
    if (first != second)
        return step_find(STEP_TORN, "the numbers are %ld and %ld", first, second);
    if (scene->role->sleeper && !scene->sleeper_is_back)
        return step_find(STEP_HUNG, "the sleeper sleeps on, and the lock is free");
    if (first < sleepers ||
        (scene->end == STEP_DONE && first != sleepers + (adds ? 1 : 0)))
        return step_find(STEP_LOST, "the numbers are only %ld", first);
    const bool was_spoiled = before_role(scene->role) == SPOILED;
    const bool is_done =
        scene->end == STEP_DONE || first > sleepers ||
        (can_be_spoiled(scene->role) && (said == -ENOTRECOVERABLE) != was_spoiled);
    return step_find(is_done ? STEP_WHOLE : STEP_ABSENT, "the numbers are %ld", first);
}

static struct step_finding check(struct step_scene *scene)
{
    int said = 0;
    if (!gain(scene, soon(), &said))
        return step_find(STEP_HUNG, "the lock says %s", wherry_error_text());
    if (said == -ENOTRECOVERABLE && !can_be_spoiled(scene->role))
        return step_find(STEP_LOST, "the lock was spoiled by nobody");
    struct step_finding finding = judge(scene, said);
    wherry_lock_give(lock_of(scene));
    if (!gain(scene, soon(), &said) || said != 0)
        return step_find(STEP_LOST, "recovered, it says %s", harness_errno_name(said));
    wherry_lock_give(lock_of(scene));
    return finding;
}

// Nobody has died since the operation began.
static struct step_finding meet(struct step_scene *scene)
{
    int said = 0;
    const bool is_held = gain(scene, soon(), &said);
    if (is_held)
        wherry_lock_give(lock_of(scene));
    if (said == -ETIMEDOUT)
        return step_find(STEP_ABSENT, "the deadline was met");
    if (said == 0 || (said == -EOWNERDEAD && before_role(scene->role) == DIED) ||
        (said == -ENOTRECOVERABLE && can_be_spoiled(scene->role)))
        return step_find(is_held ? STEP_WHOLE : STEP_ABSENT, "the lock was free");
    return step_find(STEP_TORN, "the lock says %s", wherry_error_text());
}

static struct step_finding settle(struct step_scene *scene)
{
    const struct guarded *guarded = guarded_of(scene);
    int said = 0;
    if (!gain(scene, soon(), &said))
        return step_find(STEP_HUNG, "the lock says %s", wherry_error_text());
    wherry_lock_give(lock_of(scene));
    return step_find(guarded->first == guarded->second ? STEP_WHOLE : STEP_TORN,
                     "the numbers are %ld and %ld", guarded->first, guarded->second);
}

/* --- the roles ----------------------------------------------------------- */

static const struct step_role roles[] = {
    {.name = "make", .run = open_one},
    {.name = "open", .run = open_one},
    {.name = "take-write-give", .prepare = open_before, .run = take_and_add},
    {.name = "give-to-a-sleeper",
     .prepare = hold,
     .run = add_and_give,
     .sleeper = take_and_add},
    {.name = "recover", .prepare = open_before, .run = recover},
    {.name = "recover-write-give", .prepare = open_before, .run = take_and_add},
    {.name = "give-up", .prepare = hold, .run = give_up},
    {.name = "give-up-to-a-sleeper",
     .prepare = hold,
     .run = give_up,
     .sleeper = take_and_add},
    {.name = "make-anew", .prepare = open_before, .run = recover},
};

// By the name: a mode may have a copy of its own.
static enum before before_role(const struct step_role *role)
{
    static const enum before before[] = {NOTHING, FREE, FREE, FREE,   DIED,
                                         DIED,    DIED, DIED, SPOILED};

    size_t i = 0;
    while (role && strcmp(roles[i].name, role->name) != 0)
        i++;
    return role ? before[i] : FREE;
}

static const struct step_subject subject = {
    .name = "lock",
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .state = state,
    .recover = recover,
    .check = check,
    .meet = meet,
    .turn = take_and_add,
    .settle = settle,
};

void harness_register(void)
{
    step_add(&subject);
}
