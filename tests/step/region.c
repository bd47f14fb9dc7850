/* SPDX-License-Identifier: MIT */
/*
 * Regions that have a name: whoever dies while making one, opening it or removing it
 * leaves one that is whole, or none.
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

enum { SIZE = 8192, ADDRESS = 256, NAME = 128, MARK = 42, LOAD_NAMES = 4 };

/* What runs share: the names are the run's own. */
struct places {
    char name[NAME]; // of all of its objects the beginning
    char base[ADDRESS];
    atomic_uint next;
};

static void put_base(const char *scheme, const char *name, char out[ADDRESS])
{
    static atomic_uint keys;
    if (strcmp(scheme, "file") == 0)
        snprintf(out, ADDRESS, "file:%s", name + strlen("wherry-step-"));
    else if (strcmp(scheme, "shmv") == 0)
        snprintf(out, ADDRESS, "shmv:%u",
                 1480000000u + (unsigned)getpid() % 1000 * 10000 +
                     atomic_fetch_add(&keys, 1) % 10000);
    else
        snprintf(out, ADDRESS, "shm:/%s", name);
}

static void put_address(const struct places *places, const char *options,
                        char out[2 * ADDRESS])
{
    snprintf(out, 2 * ADDRESS, "%s%s", places->base, options);
}

static int open_with(const struct places *places, const char *options,
                     wherry_region **out)
{
    char address[2 * ADDRESS];
    put_address(places, options, address);
    return wherry_region_open(address, out);
}

// In a process of its own, as all that allocates: the heap of the one that forks those
// that are stepped is as it was in every run.
static void mark(void *argument)
{
    const struct places *places = argument;
    wherry_region *region = NULL;
    CHECK_OK(open_with(places, "?size=8K&create=exclusive", &region));
    ((char *)wherry_region_data(region))[SIZE - 1] = MARK;
    wherry_region_close(region);
}

static void clear(void *argument)
{
    const struct places *places = argument;
    (void)wherry_remove(places->base);
}

static void *make_of(const char *scheme, const struct step_role *role)
{
    static unsigned runs;
    // A path that is short, for each run to be the same whatever its place in memory.
    CHECK_INT(chdir(harness_directory()), 0);
    struct places *places = kernel_memory(sizeof *places);
    snprintf(places->name, sizeof places->name, "wherry-step-%ld-%06u", (long)getpid(),
             runs++);
    put_base(scheme, places->name, places->base);
    if (role && strcmp(role->name, "make") != 0)
        CHECK_INT(harness_wait(harness_child(mark, places)), 0);
    return places;
}

static void unmake(void *shared)
{
    CHECK_INT(harness_wait(harness_child(clear, shared)), 0);
    munmap(shared, sizeof(struct places));
}

/* --- the operations ------------------------------------------------------ */

static void make_one(struct step_scene *scene)
{
    wherry_region *region = NULL;
    if (open_with(scene->shared, "?size=8K", &region) >= 0)
        wherry_region_close(region);
}

static void open_one(struct step_scene *scene)
{
    wherry_region *region = NULL;
    if (open_with(scene->shared, "?create=no", &region) >= 0)
        wherry_region_close(region);
}

static void remove_one(struct step_scene *scene)
{
    const struct places *places = scene->shared;
    (void)wherry_remove(places->base);
}

/* --- the judgement ------------------------------------------------------- */

// What stands beside it under a name that was made up.
static bool has_litter(const struct places *places)
{
    char path[ADDRESS] = "/dev/shm";
    bool found = false;
    if (strncmp(places->base, "file:", 5) == 0)
        snprintf(path, sizeof path, ".");
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory)))
        found |= strncmp(entry->d_name, ".wherry-", 8) == 0;
    if (directory)
        closedir(directory);
    return found;
}

// What was removed may have been made anew.
static bool is_its_mark(const struct step_role *role, char byte)
{
    if (role && strcmp(role->name, "open") == 0)
        return byte == MARK;
    return byte == 0 || (role && strcmp(role->name, "remove") == 0 && byte == MARK);
}

static struct step_finding judge(const struct step_role *role, wherry_region *region)
{
    const char *bytes = wherry_region_data(region);
    if (wherry_region_size(region) != SIZE)
        return step_find(STEP_TORN, "it has %zu bytes", wherry_region_size(region));
    for (size_t i = 0; i < SIZE - 1; i++)
        if (bytes[i] != 0)
            return step_find(STEP_TORN, "byte %zu of it is not 0", i);
    if (!is_its_mark(role, bytes[SIZE - 1]))
        return step_find(STEP_TORN, "its contents are others");
    return step_find(STEP_WHOLE, "it is there, whole");
}

// And the next one can make it, whatever was found.
static struct step_finding check(struct step_scene *scene)
{
    const struct places *places = scene->shared;
    wherry_region *region = NULL;
    int r = open_with(places, "?create=no", &region);
    struct step_finding finding =
        r >= 0         ? judge(scene->role, region)
        : r != -ENOENT ? step_find(STEP_TORN, "opening: %s", wherry_error_text())
        : scene->role && strcmp(scene->role->name, "open") == 0
            ? step_find(STEP_LOST, "it is gone")
            : step_find(STEP_ABSENT, "there is none");
    wherry_region_close(region);
    region = NULL;
    if (has_litter(places))
        return step_find(STEP_LOST, "a file with a name that was made up stays behind");
    if (open_with(places, "?size=8K", &region) < 0)
        return step_find(STEP_HUNG, "making it again: %s", wherry_error_text());
    wherry_region_close(region);
    return finding;
}

static struct step_finding meet(struct step_scene *scene)
{
    wherry_region *region = NULL;
    int r = open_with(scene->shared, "?size=8K", &region);
    wherry_region_close(region);
    return r < 0 ? step_find(STEP_HUNG, "opening: %s", wherry_error_text())
                 : step_find(STEP_WHOLE, "it was opened or made");
}

/* --- load: all make, use and remove the same few ------------------------- */

static void turn(struct step_scene *scene)
{
    struct places *places = scene->shared;
    wherry_region *region = NULL;
    if (open_with(places, "?size=8K", &region) >= 0 &&
        wherry_region_size(region) != SIZE)
        _exit(1);
    wherry_region_close(region);
    if (atomic_fetch_add(&places->next, 1) % LOAD_NAMES == 0)
        (void)wherry_remove(places->base);
}

static const struct step_role roles[] = {
    {.name = "make", .run = make_one},
    {.name = "open", .run = open_one},
    {.name = "remove", .run = remove_one},
};

static void *make_shm(const struct step_role *role)
{
    return make_of("shm", role);
}

static void *make_shmv(const struct step_role *role)
{
    return make_of("shmv", role);
}

static void *make_file(const struct step_role *role)
{
    return make_of("file", role);
}

#define SUBJECT(scheme)                                                                \
    {                                                                                  \
        .name = "region-" #scheme, .roles = roles,                                     \
        .role_count = sizeof roles / sizeof *roles, .make = make_##scheme,             \
        .unmake = unmake, .recover = make_one, .check = check, .meet = meet,           \
        .turn = turn, .settle = check                                                  \
    }

static const struct step_subject subjects[] = {SUBJECT(shm), SUBJECT(shmv),
                                               SUBJECT(file)};

void harness_register(void)
{
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        step_add(&subjects[i]);
}
