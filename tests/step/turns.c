/* SPDX-License-Identifier: MIT */
/*
 * Semaphores of the kernel through Wherry: whoever dies while taking a permit or giving
 * one, while making a semaphore, opening or removing it.
 *
 * Of a POSIX one the permit of the dead is lost, and that is told, with how many; of a
 * System V one it comes back, which is demanded.  Likewise a named POSIX one is whole
 * or not there, which is demanded; a System V one has a moment between semget(2) and
 * semctl(2) in which it is there without its values, and that is told.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "kernel.h"

enum { ADDRESS = 128, LOAD_PERMITS = 1000, MADE_PERMITS = 3, BREATH = 20 };

/* What runs share: the name is the run's own. */
struct place {
    char base[ADDRESS];
    bool has_sets;    // semv:
    atomic_int count; // permits, whoever holds them
    atomic_uint next;
};

static void put_base(const char *scheme, struct place *place)
{
    static unsigned runs;
    runs++;
    place->has_sets = strcmp(scheme, "semv") == 0;
    if (place->has_sets)
        snprintf(place->base, ADDRESS, "semv:%u",
                 1490000000u + (unsigned)getpid() % 1000 * 10000 + runs % 10000);
    else
        snprintf(place->base, ADDRESS, "sem:/wherry-step-%ld-%06u", (long)getpid(),
                 runs);
}

static int open_with(const struct place *place, const char *options,
                     wherry_semaphore **out)
{
    char address[2 * ADDRESS];
    snprintf(address, sizeof address, "%s%s", place->base, options);
    return wherry_semaphore_open(address, out);
}

static int make_with(const struct place *place, int permits, const char *more,
                     wherry_semaphore **out)
{
    char options[ADDRESS];
    snprintf(options, sizeof options, "?%s%d%s",
             place->has_sets ? "members=1&initial=" : "permits=", permits, more);
    return open_with(place, options, out);
}

// One that keeps what it has when its process ends, whatever the mechanism.
static wherry_semaphore *open_to_keep(const struct place *place)
{
    wherry_semaphore *semaphore = NULL;
    CHECK_OK(open_with(place, place->has_sets ? "?create=no&undo=no" : "?create=no",
                       &semaphore));
    return semaphore;
}

// In a process of its own, as all that allocates: the heap of the one that forks those
// that are stepped is as it was in every run.
static void begin(void *argument)
{
    struct place *place = argument;
    wherry_semaphore *semaphore = NULL;
    CHECK_OK(
        make_with(place, atomic_load(&place->count), "&create=exclusive", &semaphore));
    wherry_semaphore_close(semaphore);
}

static void clear(void *argument)
{
    const struct place *place = argument;
    (void)wherry_remove(place->base);
}

static struct place *new_place(const char *scheme, int count)
{
    struct place *place = kernel_memory(sizeof *place);
    put_base(scheme, place);
    atomic_store(&place->count, count);
    return place;
}

static void unmake(void *shared)
{
    CHECK_INT(harness_wait(harness_child(clear, shared)), 0);
    munmap(shared, sizeof(struct place));
}

/* --- taking and giving --------------------------------------------------- */

static void *make_permits(const char *scheme, const struct step_role *role)
{
    // Who waits for another begins when there is none.
    struct place *place = new_place(scheme, !role ? LOAD_PERMITS : role->wake ? 0 : 1);
    CHECK_INT(harness_wait(harness_child(begin, place)), 0);
    return place;
}

static void open_own(struct step_scene *scene)
{
    wherry_semaphore *semaphore = NULL;
    CHECK_OK(open_with(scene->shared, "?create=no", &semaphore));
    scene->own = semaphore;
}

static void open_and_take(struct step_scene *scene)
{
    open_own(scene);
    CHECK_OK(wherry_acquire(scene->own, 1, WHERRY_POLL));
}

static void take(struct step_scene *scene)
{
    (void)wherry_acquire(scene->own, 1, WHERRY_FOREVER);
}

static void give(struct step_scene *scene)
{
    (void)wherry_release(scene->own, 1);
}

static void take_and_give(struct step_scene *scene)
{
    take(scene);
    give(scene);
}

static void take_to_keep(struct step_scene *scene)
{
    wherry_semaphore *semaphore = open_to_keep(scene->shared);
    (void)wherry_acquire(semaphore, 1, WHERRY_FOREVER);
}

static void give_one_more(struct step_scene *scene)
{
    struct place *place = scene->shared;
    wherry_semaphore *semaphore = open_to_keep(place);
    atomic_fetch_add(&place->count, 1);
    CHECK_OK(wherry_release(semaphore, 1));
    wherry_semaphore_close(semaphore);
}

static void try_and_give(struct step_scene *scene)
{
    wherry_semaphore *semaphore = open_to_keep(scene->shared);
    if (wherry_acquire(semaphore, 1, WHERRY_POLL) >= 0)
        CHECK_OK(wherry_release(semaphore, 1));
    wherry_semaphore_close(semaphore);
}

static int64_t look(const struct place *place)
{
    wherry_semaphore *semaphore = open_to_keep(place);
    int64_t value = wherry_semaphore_value(semaphore);
    wherry_semaphore_close(semaphore);
    return value;
}

static struct step_finding check_permits(struct step_scene *scene)
{
    struct place *place = scene->shared;
    const int64_t value = look(place);
    int count = atomic_load(&place->count);
    if (scene->sleeper_is_back) // with one, which it keeps
        count--;
    bool is_held = scene->end == STEP_DONE && scene->role->wake;
    if (value > count)
        return step_find(STEP_TORN, "there are %d permits of %d", (int)value, count);
    if (value < count && !is_held)
        return step_find(STEP_LOST, "there are %d permits of %d", (int)value, count);
    if (scene->role->sleeper && !scene->sleeper_is_back && value > 0)
        return step_find(STEP_HUNG, "the sleeper sleeps on, and a permit is there");
    bool is_done = scene->sleeper_is_back || count > 0;
    return step_find(is_done ? STEP_WHOLE : STEP_ABSENT, "%d permits are there",
                     (int)value);
}

static struct step_finding meet_permits(struct step_scene *scene)
{
    wherry_semaphore *semaphore = open_to_keep(scene->shared);
    int r = wherry_acquire(semaphore, 1, wherry_after(BREATH));
    if (r >= 0)
        CHECK_OK(wherry_release(semaphore, 1));
    wherry_semaphore_close(semaphore);
    return r >= 0            ? step_find(STEP_WHOLE, "a permit was there")
           : r == -ETIMEDOUT ? step_find(STEP_ABSENT, "the deadline was met")
                             : step_find(STEP_TORN, "%s", wherry_error_text());
}

static struct step_finding settle_permits(struct step_scene *scene)
{
    const int64_t value = look(scene->shared);
    if (value == LOAD_PERMITS)
        return step_find(STEP_WHOLE, "all permits are there");
    struct step_finding finding =
        step_find(value < LOAD_PERMITS ? STEP_LOST : STEP_TORN,
                  "there are %d permits of %d", (int)value, LOAD_PERMITS);
    finding.count = (unsigned long)(value < LOAD_PERMITS ? LOAD_PERMITS - value
                                                         : value - LOAD_PERMITS);
    return finding;
}

static const struct step_role permit_roles[] = {
    {.name = "acquire-and-release", .prepare = open_own, .run = take_and_give},
    {.name = "wait-for-another",
     .prepare = open_own,
     .run = take,
     .wake = give_one_more},
    {.name = "release-to-a-sleeper",
     .prepare = open_and_take,
     .run = give,
     .sleeper = take_to_keep},
};

/* --- making, opening, removing ------------------------------------------- */

static bool is_role(const struct step_role *role, const char *name)
{
    return role && strcmp(role->name, name) == 0;
}

static void *make_names(const char *scheme, const struct step_role *role)
{
    struct place *place = new_place(scheme, MADE_PERMITS);
    if (role && !is_role(role, "make"))
        CHECK_INT(harness_wait(harness_child(begin, place)), 0);
    return place;
}

static void make_one(struct step_scene *scene)
{
    wherry_semaphore *semaphore = NULL;
    if (make_with(scene->shared, MADE_PERMITS, "", &semaphore) >= 0)
        wherry_semaphore_close(semaphore);
}

static void open_one(struct step_scene *scene)
{
    wherry_semaphore *semaphore = NULL;
    if (open_with(scene->shared, "?create=no", &semaphore) >= 0)
        wherry_semaphore_close(semaphore);
}

static void remove_one(struct step_scene *scene)
{
    const struct place *place = scene->shared;
    (void)wherry_remove(place->base);
}

// What stands beside it under a name that was made up.
static bool has_litter(void)
{
    bool found = false;
    DIR *directory = opendir("/dev/shm");
    struct dirent *entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while (directory && (entry = readdir(directory)))
        found |= strncmp(entry->d_name, ".wherry-", 8) == 0;
    if (directory)
        closedir(directory);
    return found;
}

// And the next one can open or make it, whatever was found; what is torn, once it is
// removed.
static struct step_finding check_names(struct step_scene *scene)
{
    const struct place *place = scene->shared;
    wherry_semaphore *semaphore = NULL;
    int r = open_with(place, "?create=no", &semaphore);
    const int64_t value = r >= 0 ? wherry_semaphore_value(semaphore) : 0;
    struct step_finding finding =
        r >= 0 && value == MADE_PERMITS ? step_find(STEP_WHOLE, "it is there, whole")
        : r >= 0       ? step_find(STEP_TORN, "its value is %d", (int)value)
        : r != -ENOENT ? step_find(STEP_TORN, "opening: %s", wherry_error_text())
        : is_role(scene->role, "open") ? step_find(STEP_LOST, "it is gone")
                                       : step_find(STEP_ABSENT, "there is none");
    wherry_semaphore_close(semaphore);
    semaphore = NULL;
    if (finding.verdict == STEP_TORN) // the way out, which it is to have
        (void)wherry_remove(place->base);
    if (has_litter())
        return step_find(STEP_LOST, "a file with a name that was made up stays behind");
    if (make_with(place, MADE_PERMITS, "", &semaphore) < 0)
        return step_find(STEP_HUNG, "making it again: %s", wherry_error_text());
    wherry_semaphore_close(semaphore);
    return finding;
}

static struct step_finding meet_names(struct step_scene *scene)
{
    wherry_semaphore *semaphore = NULL;
    int r = make_with(scene->shared, MADE_PERMITS, "", &semaphore);
    wherry_semaphore_close(semaphore);
    return r < 0 ? step_find(STEP_HUNG, "opening: %s", wherry_error_text())
                 : step_find(STEP_WHOLE, "it was opened or made");
}

// All make, use and remove the same one.
static void turn_names(struct step_scene *scene)
{
    enum { REMOVED = 4 };

    struct place *place = scene->shared;
    make_one(scene);
    if (atomic_fetch_add(&place->next, 1) % REMOVED == 0)
        (void)wherry_remove(place->base);
}

static const struct step_role name_roles[] = {
    {.name = "make", .run = make_one},
    {.name = "open", .run = open_one},
    {.name = "remove", .run = remove_one},
};

/* --- the subjects -------------------------------------------------------- */

#define MAKER(name, scheme)                                                            \
    static void *name##_##scheme(const struct step_role *role)                         \
    {                                                                                  \
        return name(#scheme, role);                                                    \
    }

MAKER(make_permits, sem)
MAKER(make_permits, semv)
MAKER(make_names, sem)
MAKER(make_names, semv)

#define PERMITS(scheme, told)                                                          \
    {                                                                                  \
        .name = "permits-" #scheme, .only_told = (told), .roles = permit_roles,        \
        .role_count = sizeof permit_roles / sizeof *permit_roles,                      \
        .make = make_permits_##scheme, .unmake = unmake, .recover = try_and_give,      \
        .check = check_permits, .meet = meet_permits, .attach = open_own,              \
        .turn = take_and_give, .settle = settle_permits                                \
    }

#define NAMES(scheme, told)                                                            \
    {                                                                                  \
        .name = "semaphore-" #scheme, .only_told = (told), .roles = name_roles,        \
        .role_count = sizeof name_roles / sizeof *name_roles,                          \
        .make = make_names_##scheme, .unmake = unmake, .recover = make_one,            \
        .check = check_names, .meet = meet_names, .turn = turn_names,                  \
        .settle = check_names                                                          \
    }

static const struct step_subject subjects[] = {
    PERMITS(sem, STEP_EVERYTHING), PERMITS(semv, STEP_NOTHING),
    NAMES(sem, STEP_NOTHING), NAMES(semv, STEP_EVERYTHING)};

void harness_register(void)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        step_add(&subjects[i]);
}
