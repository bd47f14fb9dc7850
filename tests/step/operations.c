/* SPDX-License-Identifier: MIT */
/*
 * Operations that are hard to step: they sleep, spin, look at the clock, have many
 * turns; and those around them that fail.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "careless.h"
#include "harness.h"

enum { TURNS = 1000, TURNS_TOLD = 16, SPIN_NANOSECONDS = 50000000 };

struct thing {
    int bell;
    volatile int turns;
    volatile bool is_done;
};

static void *make(const struct step_role *role)
{
    struct thing *thing = mmap(NULL, sizeof *thing, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)role;
    CHECK(thing != MAP_FAILED);
    thing->bell = eventfd(0, EFD_CLOEXEC);
    return thing;
}

static void unmake(void *shared)
{
    struct thing *thing = shared;
    close(thing->bell);
    munmap(thing, sizeof *thing);
}

static struct step_finding look(struct step_scene *scene)
{
    const struct thing *thing = scene->shared;
    return step_find(thing->is_done ? STEP_WHOLE : STEP_ABSENT, "it was looked at");
}

/* The first turns are points of their own, if the state is asked for. */
static uint64_t turns(const struct step_scene *scene)
{
    const struct thing *thing = scene->shared;
    return (uint64_t)(thing->turns < TURNS_TOLD ? thing->turns : TURNS_TOLD);
}

static uint64_t different(const struct step_scene *scene)
{
    (void)scene;
    return (uint64_t)harness_now();
}

static void turn_often(struct step_scene *scene)
{
    struct thing *thing = scene->shared;
    while (thing->turns < TURNS)
        thing->turns = thing->turns + 1;
    thing->is_done = true;
}

static void look_at_its_stack(struct step_scene *scene)
{
    enum { SIXTEEN_BYTES = 4, PAGE = 12 };

    struct thing *thing = scene->shared;
    for (int bit = SIXTEEN_BYTES; bit < PAGE; bit++)
        if ((uintptr_t)&thing >> bit & 1)
            thing->turns = bit;
    thing->is_done = true;
}

static void spin_for_a_while(struct step_scene *scene)
{
    struct thing *thing = scene->shared;
    int64_t end = harness_now() + SPIN_NANOSECONDS;
    while (harness_now() < end)
        ;
    thing->is_done = true;
}

static void spin_for_ever(struct step_scene *scene)
{
    const struct thing *thing = scene->shared;
    while (!thing->is_done)
        ;
}

static void wait_for_the_bell(struct step_scene *scene)
{
    struct thing *thing = scene->shared;
    uint64_t count;
    thing->is_done = read(thing->bell, &count, sizeof count) > 0;
}

static void ring(struct step_scene *scene)
{
    const struct thing *thing = scene->shared;
    uint64_t one = 1;
    CHECK_INT(write(thing->bell, &one, sizeof one), sizeof one);
}

/* Not under its name before it is whole; the half of it has a name, too. */
static void make_a_file(struct step_scene *scene)
{
    struct thing *thing = scene->shared;
    const char *half = harness_path("half");
    const char *whole = harness_path("whole");
    close(open(half, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    rename(half, whole);
    thing->is_done = true;
}

static struct step_finding remove_the_whole(struct step_scene *scene)
{
    (void)scene;
    int r = unlink(harness_path("whole"));
    return step_find(r == 0 ? STEP_WHOLE : STEP_ABSENT, "it was removed");
}

static struct step_finding remove_both(struct step_scene *scene)
{
    unlink(harness_path("half"));
    return remove_the_whole(scene);
}

static struct step_finding leave_open(struct step_scene *scene)
{
    CHECK(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0);
    return look(scene);
}

static struct step_finding crash(struct step_scene *scene)
{
    const struct thing *thing = scene->shared;
    if (!thing->is_done)
        abort();
    return look(scene);
}

static struct step_finding do_nothing(struct step_scene *scene)
{
    (void)scene;
    return step_find(STEP_ABSENT, "nothing is to be done");
}

static const struct step_role often[] = {{"turn", .run = turn_often}};
static const struct step_role deep[] = {{"look", .run = look_at_its_stack}};
static const struct step_role spins[] = {{"spin", .run = spin_for_a_while}};
static const struct step_role endless[] = {{"spin", .run = spin_for_ever}};
static const struct step_role alone[] = {{"sleep", .run = wait_for_the_bell}};
static const struct step_role woken[] = {
    {"sleep", .run = wait_for_the_bell, .wake = ring}};
static const struct step_role files[] = {{"make", .run = make_a_file}};

static const struct step_subject subjects[] = {
    {.name = "turns", .roles = often, .check = look},
    {.name = "turns-told", .roles = often, .check = look, .state = turns},
    {.name = "turns-at-times", .roles = often, .check = look, .state = different},
    {.name = "looks-at-its-stack", .roles = deep, .check = look, .state = turns},
    {.name = "looks-at-the-clock", .roles = spins, .check = look},
    {.name = "spins-for-ever", .roles = endless, .check = look},
    {.name = "sleeps", .roles = alone, .check = look, .meet = do_nothing},
    {.name = "is-woken", .roles = woken, .check = look, .meet = do_nothing},
    {.name = "leaves-half", .roles = files, .check = remove_the_whole},
    {.name = "removes-half", .roles = files, .check = remove_both},
    {.name = "is-left-open", .roles = often, .check = leave_open},
    {.name = "ends-in-a-crash", .roles = often, .check = crash},
};

enum { SUBJECTS = sizeof subjects / sizeof *subjects };

void careless_operations(void)
{
    static struct step_subject whole[SUBJECTS];
    for (size_t i = 0; i < SUBJECTS; i++) {
        whole[i] = subjects[i];
        whole[i].role_count = 1;
        whole[i].make = make;
        whole[i].unmake = unmake;
        step_add(&whole[i]);
    }
}
