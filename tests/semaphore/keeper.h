/* SPDX-License-Identifier: MIT */
/*
 * What the tests of lease: share: opening one, and processes that keep its permits.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "../transport/talk.h"

static inline wherry_semaphore *open_lease(const char *address)
{
    wherry_semaphore *lease = NULL;
    WORKS(wherry_semaphore_open(address, &lease));
    return lease;
}

// Whoever is in the line leaves its doorbell when it is killed: the removal takes it.
static inline void close_last(wherry_semaphore *lease)
{
    wherry_semaphore_close(lease);
    WORKS(wherry_remove("lease:boat"));
}

static inline struct wherry_semaphore_info look_at(const wherry_semaphore *lease)
{
    struct wherry_semaphore_info info;
    WORKS(wherry_semaphore_describe(lease, &info, sizeof(info)));
    return info;
}

/* Of this process, in nanoseconds. */
static inline int64_t processor_time(void)
{
    struct timespec used;
    CHECK_INT(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* --- other processes ----------------------------------------------------- */

/* One that takes permits, says so, and keeps them until it is killed. */
struct keeper {
    const char *address;
    uint32_t count;
    struct harness_gate has;
    pid_t pid;
};

static inline void keep(void *argument)
{
    struct keeper *keeper = argument;
    wherry_semaphore *lease = open_lease(keeper->address);
    WORKS(wherry_acquire(lease, keeper->count, soon()));
    gate_pass(&keeper->has);
    for (;;)
        pause();
}

static inline struct keeper start_keeper(const char *address, uint32_t count)
{
    struct keeper keeper = {.address = address, .count = count};
    gate_open(&keeper.has);
    keeper.pid = harness_child(keep, &keeper);
    return keeper;
}

static inline struct keeper keeper_with(const char *address, uint32_t count)
{
    struct keeper keeper = start_keeper(address, count);
    gate_wait(&keeper.has);
    return keeper;
}

static inline void end_keeper(struct keeper *keeper)
{
    harness_kill(keeper->pid);
    gate_close(&keeper->has);
}

/* Whether as many wait as are asked for. */
struct waiting {
    const wherry_semaphore *lease;
    int64_t count;
};

static inline bool wait_there(void *argument)
{
    const struct waiting *waiting = argument;
    return look_at(waiting->lease).waiters == waiting->count;
}

static inline void until_waiting(const wherry_semaphore *lease, int64_t count)
{
    harness_until(wait_there, &(struct waiting){.lease = lease, .count = count});
}

static inline int count_names(void)
{
    DIR *list = opendir(getenv("WHERRY_DIR"));
    int count = 0;
    CHECK(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));)
        count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}

#endif
