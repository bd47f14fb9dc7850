/* SPDX-License-Identifier: MIT */
/*
 * A robust mutex of the C library, around two numbers that are always equal.  The
 * kernel marks the word of a holder that dies, and the next one repairs what it finds.
 *
 * One that is killed when it was just woken takes the wake-up with it: whoever has
 * locked meanwhile sees no sleeper, and the others sleep on.  Seldom, under load.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "harness.h"
#include "kernel.h"

struct guarded {
    pthread_mutex_t mutex;
    volatile long first;
    volatile long second;
};

static void *make(const struct step_role *role)
{
    pthread_mutexattr_t attributes;
    struct guarded *guarded = kernel_memory(sizeof *guarded);
    (void)role;
    pthread_mutexattr_init(&attributes);
    CHECK_INT(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    CHECK_INT(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_INT(pthread_mutex_init(&guarded->mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
    return guarded;
}

static void unmake(void *guarded)
{
    munmap(guarded, sizeof(struct guarded));
}

/* The kernel's bits of the lock word, whose it is, and both numbers. */
static uint64_t state(const struct step_scene *scene)
{
    const struct guarded *guarded = scene->shared;
    uint32_t word = *(const volatile uint32_t *)&guarded->mutex;
    uint32_t owner = word & 0x3fffffff;
    uint64_t whose = owner == 0 ? 0 : owner == (uint32_t)scene->stepped ? 1 : 2;
    return word >> 30 | whose << 2 | (uint64_t)(guarded->first & 0xff) << 8 |
           (uint64_t)(guarded->second & 0xff) << 16;
}

/* What the next one does with what a lock says; false if it is not held then. */
static bool repair(struct guarded *guarded, int r)
{
    if (r != EOWNERDEAD)
        return r == 0;
    guarded->second = guarded->first;
    pthread_mutex_consistent(&guarded->mutex);
    return true;
}

static void add_one(struct guarded *guarded)
{
    guarded->first = guarded->first + 1;
    guarded->second = guarded->second + 1;
}

static void lock_and_add(struct step_scene *scene)
{
    struct guarded *guarded = scene->shared;
    if (!repair(guarded, pthread_mutex_lock(&guarded->mutex)))
        return;
    add_one(guarded);
    pthread_mutex_unlock(&guarded->mutex);
}

static void hold(struct step_scene *scene)
{
    struct guarded *guarded = scene->shared;
    CHECK_INT(pthread_mutex_lock(&guarded->mutex), 0);
}

static void add_and_unlock(struct step_scene *scene)
{
    struct guarded *guarded = scene->shared;
    add_one(guarded);
    pthread_mutex_unlock(&guarded->mutex);
}

static void recover(struct step_scene *scene)
{
    struct guarded *guarded = scene->shared;
    if (repair(guarded, pthread_mutex_lock(&guarded->mutex)))
        pthread_mutex_unlock(&guarded->mutex);
}

static struct step_finding check(struct step_scene *scene)
{
    struct guarded *guarded = scene->shared;
    struct timespec soon = kernel_soon();
    int r = pthread_mutex_timedlock(&guarded->mutex, &soon);
    if (!repair(guarded, r))
        return step_find(STEP_HUNG, "the lock says %s", harness_errno_name(r));
    long first = guarded->first;
    long second = guarded->second;
    long sleepers = scene->sleeper_is_back ? 1 : 0;
    pthread_mutex_unlock(&guarded->mutex);
    if (first != second)
        return step_find(STEP_TORN, "the numbers are %ld and %ld", first, second);
    if (scene->role->sleeper && !scene->sleeper_is_back)
        return step_find(STEP_HUNG, "the sleeper sleeps on, and the lock is free");
    if (first < sleepers || (scene->end == STEP_DONE && first != 1 + sleepers))
        return step_find(STEP_LOST, "the numbers are only %ld", first);
    return step_find(first > sleepers ? STEP_WHOLE : STEP_ABSENT, "the numbers are %ld",
                     first);
}

static struct step_finding meet(struct step_scene *scene)
{
    struct guarded *guarded = scene->shared;
    struct timespec soon = kernel_soon();
    int r = pthread_mutex_timedlock(&guarded->mutex, &soon);
    if (r == ETIMEDOUT)
        return step_find(STEP_ABSENT, "the deadline was met");
    if (r != 0) // nobody has died
        return step_find(STEP_TORN, "the lock says %s", harness_errno_name(r));
    pthread_mutex_unlock(&guarded->mutex);
    return step_find(STEP_WHOLE, "the lock was free");
}

static struct step_finding settle(struct step_scene *scene)
{
    struct guarded *guarded = scene->shared;
    struct timespec soon = kernel_soon();
    int r = pthread_mutex_timedlock(&guarded->mutex, &soon);
    if (!repair(guarded, r))
        return step_find(STEP_HUNG, "the lock says %s", harness_errno_name(r));
    pthread_mutex_unlock(&guarded->mutex);
    return step_find(guarded->first == guarded->second ? STEP_WHOLE : STEP_TORN,
                     "the numbers are %ld and %ld", guarded->first, guarded->second);
}

static const struct step_role roles[] = {
    {.name = "lock-write-unlock", .run = lock_and_add},
    {.name = "unlock-to-a-sleeper",
     .prepare = hold,
     .run = add_and_unlock,
     .sleeper = lock_and_add},
};

const struct step_subject robust_mutex = {
    .name = "robust-mutex",
    .only_told = STEP_SLEEPERS,
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .state = state,
    .recover = recover,
    .check = check,
    .meet = meet,
    .turn = lock_and_add,
    .settle = settle,
};
