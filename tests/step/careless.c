/* SPDX-License-Identifier: MIT */
/*
 * Subjects around a lock and two numbers that should be equal: good ones, and some with
 * a planted bug each, for selftest.c to run: what the killer should find, it finds.
 */
#define _GNU_SOURCE
#include "careless.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

enum { MEET_MILLISECONDS = 5 };

/* The lock is 0, or whoever holds it: a process, or just 1. */
struct pair {
    atomic_int lock;
    volatile long first;
    volatile long second;
};

static void *make(const struct step_role *role)
{
    void *memory = mmap(NULL, sizeof(struct pair), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)role;
    CHECK(memory != MAP_FAILED);
    return memory;
}

static void unmake(void *shared)
{
    munmap(shared, sizeof(struct pair));
}

static uint64_t state(const struct step_scene *scene)
{
    const struct pair *pair = scene->shared;
    uint64_t is_locked = atomic_load(&pair->lock) != 0;
    return is_locked | (uint64_t)pair->first << 1 | (uint64_t)pair->second << 3;
}

static void add_one(struct pair *pair)
{
    pair->first = pair->first + 1;
    pair->second = pair->second + 1;
}

static struct step_finding compare(const struct pair *pair)
{
    if (pair->first != pair->second)
        return step_find(STEP_TORN, "the numbers are %ld and %ld", pair->first,
                         pair->second);
    return step_find(pair->first ? STEP_WHOLE : STEP_ABSENT, "the numbers are %ld",
                     pair->first);
}

static struct step_finding compare_only(struct step_scene *scene)
{
    return compare(scene->shared);
}

/* Two numbers, one after the other, and nothing that says so. */
static void add_without_order(struct step_scene *scene)
{
    add_one(scene->shared);
}

static void wait_for(atomic_int *word, int value, int milliseconds)
{
    struct timespec time = {.tv_nsec = milliseconds * 1000000L};
    syscall(SYS_futex, word, FUTEX_WAIT, value, milliseconds ? &time : NULL, NULL, 0);
}

/* Waits for the lock as long as somebody has it, whoever that was. */
static void lock_by(struct pair *pair, int name)
{
    for (int free = 0; !atomic_compare_exchange_strong(&pair->lock, &free, name);
         free = 0)
        wait_for(&pair->lock, free, 0);
}

static void unlock(struct pair *pair)
{
    atomic_store(&pair->lock, 0);
    syscall(SYS_futex, &pair->lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void add_without_name(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    lock_by(pair, 1);
    add_one(pair);
    unlock(pair);
}

static void add_slowly(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    lock_by(pair, 1);
    for (volatile int i = 0; i < 1000; i = i + 1)
        ;
    add_one(pair);
    unlock(pair);
}

static struct step_finding wait_and_compare(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    lock_by(pair, 1);
    struct step_finding finding = compare(pair);
    unlock(pair);
    return finding;
}

static struct step_finding spin_and_compare(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    while (atomic_load(&pair->lock))
        ;
    return compare(pair);
}

static void add_by_name(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    lock_by(pair, (int)getpid());
    add_one(pair);
    unlock(pair);
}

/* Takes the lock from the dead, and from nobody else; false if it is held. */
static bool take_over(struct pair *pair)
{
    int owner = atomic_load(&pair->lock);
    if (owner && (kill(owner, 0) == 0 || errno != ESRCH))
        return false;
    return atomic_compare_exchange_strong(&pair->lock, &owner, (int)getpid());
}

static void repair(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    if (!take_over(pair))
        return;
    pair->second = pair->first;
    unlock(pair);
}

/* As if the lock were what is to be repaired. */
static void repair_too_late(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    if (!take_over(pair))
        return;
    unlock(pair);
    pair->second = pair->first;
}

/* Whoever finds the lock free believes that all is well. */
static struct step_finding check_by_name(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    bool is_dirty = atomic_load(&pair->lock) != 0;
    if (!take_over(pair))
        return step_find(STEP_HUNG, "the lock is held by nobody");
    if (is_dirty)
        pair->second = pair->first;
    struct step_finding finding = compare(pair);
    unlock(pair);
    return finding;
}

static struct step_finding meet_by_name(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    int owner = atomic_load(&pair->lock);
    if (owner)
        wait_for(&pair->lock, owner, MEET_MILLISECONDS);
    return step_find(STEP_ABSENT, "the deadline was met");
}

/* A time that is over is no death. */
static struct step_finding meet_by_force(struct step_scene *scene)
{
    struct pair *pair = scene->shared;
    meet_by_name(scene);
    atomic_store(&pair->lock, (int)getpid());
    add_one(pair);
    unlock(pair);
    return step_find(STEP_WHOLE, "it took the lock");
}

static const struct step_role without_order[] = {{"add", .run = add_without_order}};
static const struct step_role without_name[] = {{"add", .run = add_without_name}};
static const struct step_role by_name[] = {{"add", .run = add_by_name}};

static const struct step_subject subjects[] = {
    {"careful", by_name, 1, STEP_NOTHING, make, unmake, state, repair, check_by_name,
     meet_by_name, NULL, NULL, NULL, NULL},
    {"torn", without_order, 1, STEP_NOTHING, make, unmake, state, NULL, compare_only,
     NULL, NULL, NULL, NULL, NULL},
    {"torn-told", without_order, 1, STEP_EVERYTHING, make, unmake, state, NULL,
     compare_only, NULL, NULL, NULL, NULL, NULL},
    {"nameless", without_name, 1, STEP_NOTHING, make, unmake, state, NULL,
     wait_and_compare, wait_and_compare, NULL, add_slowly, compare_only, NULL},
    {"spun-for", without_name, 1, STEP_NOTHING, make, unmake, state, NULL,
     spin_and_compare, NULL, NULL, NULL, NULL, NULL},
    {"repaired-late", by_name, 1, STEP_NOTHING, make, unmake, state, repair_too_late,
     check_by_name, NULL, NULL, NULL, NULL, NULL},
    {"impatient", by_name, 1, STEP_NOTHING, make, unmake, state, NULL, check_by_name,
     meet_by_force, NULL, NULL, NULL, NULL},
};

void harness_register(void)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        step_add(&subjects[i]);
    careless_operations();
}
