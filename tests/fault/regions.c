/* SPDX-License-Identifier: MIT */
/*
 * Regions on a kernel that fails at every system call, in every way it can.  What was
 * opened is whole and has the size that was asked for; what was refused leaves no name
 * behind that was not there before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include <wherry.h>

#include "fault.h"
#include "harness.h"

enum { SIZE = 16384, ADDRESS = 512 };

static void put_address(const char *scheme, const char *options, char out[ADDRESS])
{
    if (strcmp(scheme, "file") == 0)
        snprintf(out, ADDRESS, "file:%s%s", harness_path("region"), options);
    else if (strcmp(scheme, "shm") == 0)
        snprintf(out, ADDRESS, "shm:/wherry-fault-%ld%s", (long)getpid(), options);
    else if (strcmp(scheme, "shmv") == 0)
        snprintf(out, ADDRESS, "shmv:0x%lx%s", 0x56000000 | (long)getpid(), options);
    else
        snprintf(out, ADDRESS, "%s%s", scheme, options);
}

static void is_whole(const wherry_region *region)
{
    CHECK_INT(wherry_region_size(region), SIZE);
    ((char *)wherry_region_data(region))[SIZE - 1] = 'x';
}

static int use(wherry_region *region)
{
    char text[4];
    int r = wherry_region_write(region, 0, "abc", 4);
    if (r >= 0)
        r = wherry_region_read(region, 0, text, 4);
    if (r >= 0)
        CHECK_STRING(text, "abc");
    if (r >= 0)
        r = wherry_region_flush(region, 0, 0);
    return r >= 0 ? wherry_region_check(region) : r;
}

// A segment has its name from birth, and what the system refuses for ever cannot be
// taken back: then it is removed here.
static void remove_own_segments(void)
{
    struct shm_info all;
    int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&all);
    for (int i = 0; i <= last; i++) {
        struct shmid_ds one;
        int id = shmctl(i, SHM_STAT, &one);
        if (id >= 0 && one.shm_cpid == getpid())
            (void)shmctl(id, IPC_RMID, NULL);
    }
}

// Made, used, found again, removed; past the library where that was kept from it.
static int live(const void *argument)
{
    const char *scheme = argument;
    char made[ADDRESS];
    char found[ADDRESS];
    wherry_region *region = NULL;
    wherry_region *other = NULL;
    put_address(scheme, "?size=16K&create=exclusive", made);
    put_address(scheme, "?create=no", found);
    int r = wherry_region_open(made, &region);
    bool is_made = r >= 0;
    if (r >= 0) {
        is_whole(region);
        r = use(region);
    }
    if (r >= 0)
        r = wherry_region_open(found, &other);
    if (other)
        is_whole(other);
    wherry_region_close(other);
    wherry_region_close(region);
    if (r >= 0)
        r = wherry_remove(found);
    fault_end();
    if (is_made && r < 0)
        (void)wherry_remove(found);
    if (r < 0)
        remove_own_segments();
    CHECK_ERROR(wherry_remove(found), -ENOENT); // nothing is left of it
    return r;
}

static int live_without_a_name(const void *argument)
{
    wherry_region *region = NULL;
    int r = wherry_region_open(argument, &region);
    if (r >= 0) {
        is_whole(region);
        r = use(region);
    }
    wherry_region_close(region);
    fault_end();
    if (r < 0)
        remove_own_segments();
    return r;
}

static int seal_and_receive(const void *argument)
{
    wherry_region *region = NULL;
    wherry_region *other = NULL;
    wherry_native file = -1;
    (void)argument;
    int r = wherry_region_open("memfd:?size=16K&seal=none", &region);
    if (r < 0)
        return r;
    strcpy(wherry_region_data(region), "sealed");
    r = wherry_region_seal(region, WHERRY_SEAL_CONTENTS);
    CHECK_STRING(wherry_region_data(region), "sealed");
    if (r >= 0)
        r = wherry_region_file(region, &file);
    int copy = r >= 0 ? dup(file) : -1;
    if (copy >= 0)
        r = wherry_region_receive(copy, NULL, 0, &other);
    if (other)
        CHECK_STRING(wherry_region_data(other), "sealed");
    else if (copy >= 0)
        close(copy);
    wherry_region_close(other);
    wherry_region_close(region);
    return r;
}

static int lock_and_count(const void *argument)
{
    wherry_region *region = NULL;
    wherry_cells *cells = NULL;
    wherry_lock *lock = NULL;
    int64_t now = 0;
    (void)argument;
    int r = wherry_region_open("memfd:?size=16K", &region);
    if (r >= 0)
        r = wherry_lock_open(region, SIZE - WHERRY_LOCK_ROOM, &lock);
    if (r >= 0)
        r = wherry_lock_take(lock, wherry_after(50));
    if (r >= 0)
        r = wherry_lock_give(lock);
    if (r >= 0)
        r = wherry_cells_open(region, 0, WHERRY_CELL_INT64, 8, &cells);
    if (r >= 0)
        r = wherry_cells_add(cells, 7, 42, &now, wherry_after(50));
    CHECK_INT(now, r >= 0 ? 42 : 0);
    wherry_region_close(region); // they keep it
    wherry_cells_close(cells);
    wherry_lock_close(lock);
    return r;
}

void harness_register(void)
{
    // What a full file system, a sandbox and an old kernel say beside what is injected.
    static const int allowed[] = {-ENOENT,  -EINVAL, -ENOTSUP, -EACCES, -ENOSPC,
                                  -ENOTDIR, -ERANGE, -ESTALE,  -EFAULT, 0};

    static const struct fault_scenario scenarios[] = {
        {.name = "a_region_of_shm", .run = live, .argument = "shm", .allowed = allowed},
        {.name = "a_region_of_shmv",
         .run = live,
         .argument = "shmv",
         .allowed = allowed},
        {.name = "a_region_of_a_file",
         .run = live,
         .argument = "file",
         .allowed = allowed},
        {.name = "a_region_without_a_name",
         .run = live_without_a_name,
         .argument = "memfd:?size=16K",
         .allowed = allowed},
        {.name = "a_private_segment",
         .run = live_without_a_name,
         .argument = "shmv:private?size=16K",
         .allowed = allowed},
        {.name = "a_region_that_is_sealed_and_received",
         .run = seal_and_receive,
         .allowed = allowed},
        {.name = "a_lock_and_cells_in_a_region",
         .run = lock_and_count,
         .allowed = allowed},
    };

    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        fault_add(&scenarios[i]);
}
