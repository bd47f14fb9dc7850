/* SPDX-License-Identifier: MIT */
/*
 * Semaphores on a kernel that fails at every system call, in every way it can, and
 * without memory.  A permit that was taken is taken once, and what was not has stayed;
 * what was refused leaves no name behind that was not there before.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <wherry.h>

#include "fault.h"
#include "harness.h"

enum { ADDRESS = 256, PERMITS = 3, BREATH = 20 };

static long key(void)
{
    return 0x56000000 | (long)getpid();
}

static void put_address(const char *scheme, const char *options, char out[ADDRESS])
{
    if (strcmp(scheme, "sem") == 0)
        snprintf(out, ADDRESS, "sem:/wherry-fault-%ld%s", (long)getpid(), options);
    else if (strcmp(scheme, "lease") == 0)
        snprintf(out, ADDRESS, "lease:boat%s", options);
    else
        snprintf(out, ADDRESS, "semv:0x%lx%s", key(), options);
}

// What stays the same whatever fails: each call has done all of its work or nothing.
static int use(wherry_semaphore *semaphore)
{
    struct wherry_semaphore_info info;
    struct wherry_semaphore_member member;
    int64_t value;
    int64_t free = PERMITS;
    int r = wherry_acquire(semaphore, 1, wherry_after(BREATH));
    free -= r >= 0;
    if (r >= 0 && (r = wherry_acquire(semaphore, 2, wherry_after(BREATH))) >= 0)
        free -= 2;
    if (r >= 0) {
        r = wherry_acquire(semaphore, 1, wherry_after(BREATH));
        CHECK(r < 0);
        r = r == -ETIMEDOUT ? 0 : r;
    }
    if (r >= 0 && (r = wherry_release(semaphore, 2)) >= 0)
        free += 2;
    if (r >= 0 && (r = wherry_release(semaphore, 1)) >= 0)
        free += 1;
    if ((value = wherry_semaphore_value(semaphore)) >= 0)
        CHECK_INT(value, free);
    if (r >= 0)
        r = value < 0 ? (int)value : wherry_semaphore_members(semaphore, 0, &member, 1);
    if (r >= 0)
        r = wherry_semaphore_describe(semaphore, &info, sizeof(info));
    return r;
}

// Of all that leases leave there; whether it had that name.
static bool empty_directory(const char *name)
{
    bool had = false;
    DIR *folder = opendir(getenv("WHERRY_DIR"));
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        had = had || strcmp(entry->d_name, name) == 0;
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
    return had;
}

// Past the library, for which nothing may work.
static bool remove_by_name(const char *scheme)
{
    char path[ADDRESS];
    snprintf(path, sizeof(path), "/dev/shm/sem.wherry-fault-%ld", (long)getpid());
    if (strcmp(scheme, "sem") == 0)
        return unlink(path) == 0;
    if (strcmp(scheme, "lease") == 0)
        return empty_directory("boat.lease");
    int id = semget((key_t)key(), 0, 0);
    return id >= 0 && semctl(id, 0, IPC_RMID) == 0;
}

// Made, used, found again, removed; past the library where that was kept from it.
static int live(const void *argument)
{
    const char *scheme = argument;
    const bool has_sets = strcmp(scheme, "semv") == 0;
    char made[ADDRESS];
    char found[ADDRESS];
    wherry_semaphore *semaphore = NULL;
    wherry_semaphore *other = NULL;
    put_address(scheme,
                has_sets ? "?members=1&initial=3&create=exclusive"
                         : "?permits=3&create=exclusive",
                made);
    put_address(scheme, "?create=no", found);
    int r = wherry_semaphore_open(made, &semaphore);
    const bool is_made = r >= 0;
    if (r >= 0)
        r = use(semaphore);
    if (r >= 0)
        r = wherry_semaphore_open(found, &other);
    if (r >= 0)
        r = use(other);
    wherry_semaphore_close(other);
    wherry_semaphore_close(semaphore);
    if (r >= 0)
        r = wherry_remove(found);
    fault_end();
    // A set has its name from birth: where taking it back was refused, it is left.
    const bool is_left = remove_by_name(scheme);
    if (is_left && r >= 0)
        FAIL("it was removed, and is there");
    if (is_left && !is_made && !has_sets)
        FAIL("it could not be made, and is there");
    return r;
}

static int live_in_a_region(const void *argument)
{
    const bool is_lease = strcmp(argument, "lease") == 0;
    wherry_region *region = NULL;
    wherry_semaphore *semaphore = NULL;
    wherry_semaphore *other = NULL;
    int r = wherry_region_open("memfd:?size=64K", &region);
    if (r >= 0)
        r = wherry_semaphore_place(is_lease ? "lease:?permits=3&create=exclusive"
                                            : "sem:?permits=3&create=exclusive",
                                   region, 64, &semaphore);
    if (r >= 0)
        r = use(semaphore);
    if (r >= 0)
        r = wherry_semaphore_place(is_lease ? "lease:?create=no" : "sem:?create=no",
                                   region, 64, &other);
    if (r >= 0)
        r = use(other);
    wherry_semaphore_close(other);
    wherry_semaphore_close(semaphore);
    wherry_region_close(region);
    fault_end();
    (void)empty_directory("");
    return r;
}

// What the system refuses for ever cannot be taken back: then it is done here.
static void remove_private_sets(void)
{
    struct seminfo all;
    int last = semctl(0, 0, SEM_INFO, &all);
    for (int i = 0; i <= last; i++) {
        struct semid_ds one;
        int id = semctl(i, 0, SEM_STAT, &one);
        // Its maker is not told of one that was never operated on: its size has to do.
        const bool is_own =
            id >= 0 && (semctl(id, 0, GETPID) == getpid() ||
                        (one.sem_otime == 0 && one.sem_nsems == PERMITS));
        if (is_own && one.sem_perm.__key == IPC_PRIVATE)
            (void)semctl(id, 0, IPC_RMID);
    }
}

static int live_in_a_set(const void *argument)
{
    static const struct wherry_semaphore_step take[] = {
        {.member = 0, .change = -1, .undo = -1},
        {.member = 1, .change = 0, .undo = -1},
        {.member = 2, .change = 1, .undo = -1},
    };

    wherry_semaphore *set = NULL;
    struct wherry_semaphore_member now[PERMITS];
    (void)argument;
    int r = wherry_semaphore_open("semv:private?members=3&initial=1,0,5", &set);
    if (r >= 0)
        r = wherry_semaphore_operate(set, take, 3, wherry_after(BREATH));
    const int64_t after = r >= 0;
    if (set && wherry_semaphore_members(set, 0, now, 3) >= 0) {
        CHECK_INT(now[0].value, 1 - after);
        CHECK_INT(now[2].value, 5 + after);
    }
    if (r >= 0)
        r = wherry_semaphore_set(set, 1, 9);
    wherry_semaphore_close(set);
    fault_end();
    remove_private_sets(); // closing has nobody to tell that it could not
    return r;
}

// What a full file system, a sandbox and an old kernel say beside what is injected; and
// a name that seems to be there, or to wait for.
static const int allowed[] = {-ENOENT,    -EINVAL, -ENOTSUP, -EACCES, -ENOSPC, -ENOTDIR,
                              -ETIMEDOUT, -EAGAIN, -EPERM,   -ENOMEM, 0};

static const struct fault_scenario scenarios[] = {
    {.name = "a_named_semaphore", .run = live, .argument = "sem", .allowed = allowed},
    {.name = "a_set_with_a_key", .run = live, .argument = "semv", .allowed = allowed},
    {.name = "a_semaphore_in_a_region",
     .run = live_in_a_region,
     .argument = "sem",
     .allowed = allowed},
    {.name = "a_lease", .run = live, .argument = "lease", .allowed = allowed},
    {.name = "a_lease_in_a_region",
     .run = live_in_a_region,
     .argument = "lease",
     .allowed = allowed},
    {.name = "a_private_set", .run = live_in_a_set, .allowed = allowed},
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

static void run_without_memory(void *argument)
{
    const struct fault_scenario *scenario = argument;
    int r = scenario->run(scenario->argument);
    if (harness_failed_allocations() == 0)
        CHECK_INT(r, 0);
    else if (r != 0)
        CHECK_ERROR(r, -ENOMEM);
}

static void fail_each_allocation(const void *argument)
{
    CHECK(harness_each_allocation(run_without_memory, (void *)(uintptr_t)argument) > 0);
}

void harness_register(void)
{
    for (size_t i = 0; i < SCENARIOS; i++) {
        char name[96];
        snprintf(name, sizeof(name), "%s_without_memory", scenarios[i].name);
        fault_add(&scenarios[i]);
        harness_add(name, fail_each_allocation, &scenarios[i]);
    }
}
