/* SPDX-License-Identifier: MIT */
/*
 * A POSIX semaphore in shared memory.  It counts and knows no holders: who dies between
 * wait and post takes the permit along, and nobody can tell.
 */
#define _GNU_SOURCE
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "harness.h"
#include "kernel.h"

enum { LOAD_PERMITS = 1000 };

struct permits {
    sem_t semaphore;
    atomic_int count; // how many there are, whoever holds them
};

static void *make(const struct step_role *role)
{
    struct permits *permits = kernel_memory(sizeof *permits);
    // Who waits for another begins when there is none.
    int count = !role ? LOAD_PERMITS : role->wake ? 0 : 1;
    CHECK_INT(sem_init(&permits->semaphore, 1, (unsigned)count), 0);
    atomic_store(&permits->count, count);
    return permits;
}

static void unmake(void *permits)
{
    munmap(permits, sizeof(struct permits));
}

/* The C library's own first words: the value, and how many wait. */
static uint64_t state(const struct step_scene *scene)
{
    return *(const volatile uint64_t *)scene->shared;
}

static void take(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    sem_wait(&permits->semaphore);
}

static void give(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    sem_post(&permits->semaphore);
}

static void take_and_give(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    sem_wait(&permits->semaphore);
    sem_post(&permits->semaphore);
}

static void give_one_more(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    atomic_fetch_add(&permits->count, 1);
    sem_post(&permits->semaphore);
}

static void try_and_give(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    if (sem_trywait(&permits->semaphore) == 0)
        sem_post(&permits->semaphore);
}

static struct step_finding check(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    int value = -1;
    int count = atomic_load(&permits->count);
    sem_getvalue(&permits->semaphore, &value);
    if (scene->sleeper_is_back) // with one, which it keeps
        count--;
    bool is_held = scene->end == STEP_DONE && scene->role->wake;
    if (value > count)
        return step_find(STEP_TORN, "there are %d permits of %d", value, count);
    if (value < count && !is_held)
        return step_find(STEP_LOST, "there are %d permits of %d", value, count);
    if (scene->role->sleeper && !scene->sleeper_is_back && value > 0)
        return step_find(STEP_HUNG, "the sleeper sleeps on, and a permit is there");
    bool is_done = scene->sleeper_is_back || count > 0;
    return step_find(is_done ? STEP_WHOLE : STEP_ABSENT, "%d permits are there", value);
}

static struct step_finding meet(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    struct timespec soon = kernel_soon();
    if (sem_timedwait(&permits->semaphore, &soon) < 0)
        return step_find(STEP_ABSENT, "the deadline was met");
    sem_post(&permits->semaphore);
    return step_find(STEP_WHOLE, "a permit was there");
}

static struct step_finding settle(struct step_scene *scene)
{
    struct permits *permits = scene->shared;
    int value = -1;
    sem_getvalue(&permits->semaphore, &value);
    if (value == LOAD_PERMITS)
        return step_find(STEP_WHOLE, "all permits are there");
    struct step_finding finding =
        step_find(STEP_LOST, "there are %d permits of %d", value, LOAD_PERMITS);
    finding.count = (unsigned long)(LOAD_PERMITS - value);
    return finding;
}

static const struct step_role roles[] = {
    {.name = "wait-and-post", .run = take_and_give},
    {.name = "wait-for-another", .run = take, .wake = give_one_more},
    {.name = "post-to-a-sleeper", .prepare = take, .run = give, .sleeper = take},
};

const struct step_subject posix_semaphore = {
    .name = "posix-semaphore",
    .only_told = STEP_EVERYTHING,
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .state = state,
    .recover = try_and_give,
    .check = check,
    .meet = meet,
    .turn = take_and_give,
    .settle = settle,
};
