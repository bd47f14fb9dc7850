/* SPDX-License-Identifier: MIT */
/*
 * Turns: taken and given many times, by one process that nobody is in the way of, and
 * by several that want the same one.  Ours, and the calls that they stand beside.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMES = 1000, RIVALS = 3 };

/* --- alone --------------------------------------------------------------- */

static int64_t take_and_give(wherry_semaphore *semaphore)
{
    int r = 0;
    const int64_t began = bench_now();
    for (int i = 0; i < TIMES && r >= 0; i++) {
        r = wherry_acquire(semaphore, 1, WHERRY_FOREVER);
        if (r >= 0)
            r = wherry_release(semaphore, 1);
    }
    return r < 0 ? r : bench_now() - began;
}

static int64_t in_a_region(const char *address)
{
    wherry_region *region = NULL;
    wherry_semaphore *semaphore = NULL;
    int r = wherry_region_open("memfd:?size=64K", &region);
    if (r >= 0)
        r = wherry_semaphore_place(address, region, 0, &semaphore);
    int64_t took = r < 0 ? r : take_and_give(semaphore);
    wherry_semaphore_close(semaphore);
    wherry_region_close(region);
    return took;
}

int64_t turn_lease(const struct processes_scene *scene)
{
    (void)scene;
    return in_a_region("lease:?create=exclusive");
}

int64_t turn_sem(const struct processes_scene *scene)
{
    (void)scene;
    return in_a_region("sem:?create=exclusive");
}

int64_t turn_semv(const struct processes_scene *scene)
{
    wherry_semaphore *semaphore = NULL;
    (void)scene;
    int r = wherry_semaphore_open("semv:private?members=1&undo=yes", &semaphore);
    int64_t took = r < 0 ? r : take_and_give(semaphore);
    wherry_semaphore_close(semaphore);
    return took;
}

int64_t turn_bare_sem(const struct processes_scene *scene)
{
    sem_t *semaphore = mmap(NULL, sizeof(*semaphore), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)scene;
    if (semaphore == MAP_FAILED)
        return -errno;
    int r = sem_init(semaphore, 1, 1);
    const int64_t began = bench_now();
    for (int i = 0; i < TIMES && r == 0; i++) {
        r = sem_wait(semaphore);
        if (r == 0)
            r = sem_post(semaphore);
    }
    const int64_t took = r < 0 ? -errno : bench_now() - began;
    munmap(semaphore, sizeof(*semaphore));
    return took;
}

static int make_set(void)
{
    int set = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf one = {.sem_op = 1};
    if (set >= 0 && semop(set, &one, 1) < 0) {
        semctl(set, 0, IPC_RMID);
        return -errno;
    }
    return set < 0 ? -errno : set;
}

static int take_and_give_set(int set)
{
    struct sembuf take = {.sem_op = -1, .sem_flg = SEM_UNDO};
    struct sembuf give = {.sem_op = 1, .sem_flg = SEM_UNDO};
    int r = 0;
    for (int i = 0; i < TIMES && r == 0; i++) {
        r = semop(set, &take, 1);
        if (r == 0)
            r = semop(set, &give, 1);
    }
    return r < 0 ? -errno : 0;
}

int64_t turn_bare_semop(const struct processes_scene *scene)
{
    (void)scene;
    int set = make_set();
    if (set < 0)
        return set;
    const int64_t began = bench_now();
    int r = take_and_give_set(set);
    const int64_t took = bench_now() - began;
    semctl(set, 0, IPC_RMID);
    return r < 0 ? r : took;
}

/* --- several ------------------------------------------------------------- */

/* What each of the rivals does when all may begin. */
struct contest {
    int (*work)(const struct contest *);
    wherry_region *region;
    int set;
};

static int work_at_lease(const struct contest *contest)
{
    wherry_semaphore *semaphore = NULL;
    int r = wherry_semaphore_place("lease:?create=no", contest->region, 0, &semaphore);
    return r < 0 ? r : take_and_give(semaphore) < 0 ? -EPROTO : 0;
}

static int work_at_set(const struct contest *contest)
{
    return take_and_give_set(contest->set);
}

// It is forked when the others are, and begins when the writing end is closed.
static pid_t start_rival(const struct contest *contest, const int gate[2])
{
    pid_t pid = fork();
    if (pid == 0) {
        char none;
        close(gate[1]);
        while (read(gate[0], &none, 1) < 0 && errno == EINTR)
            ;
        _exit(contest->work(contest) < 0);
    }
    return pid;
}

static int64_t hold(const struct contest *contest)
{
    int gate[2];
    int error = 0;
    pid_t rivals[RIVALS];
    if (pipe2(gate, O_CLOEXEC) < 0)
        return -errno;
    for (int i = 0; i < RIVALS; i++) {
        rivals[i] = start_rival(contest, gate);
        error = rivals[i] < 0 ? -errno : error;
    }
    const int64_t began = bench_now();
    close(gate[1]);
    for (int i = 0; i < RIVALS; i++) {
        int end = rivals[i] < 0 ? 0 : starter_end(rivals[i]);
        error = end < 0 ? end : error;
    }
    const int64_t took = bench_now() - began;
    close(gate[0]);
    return error < 0 ? error : took;
}

int64_t turns_lease(const struct processes_scene *scene)
{
    struct contest contest = {.work = work_at_lease};
    wherry_semaphore *semaphore = NULL;
    (void)scene;
    int64_t r = wherry_region_open("memfd:?size=64K", &contest.region);
    if (r >= 0)
        r = wherry_semaphore_place("lease:?create=exclusive", contest.region, 0,
                                   &semaphore);
    if (r >= 0)
        r = hold(&contest);
    wherry_semaphore_close(semaphore);
    wherry_region_close(contest.region);
    return r;
}

int64_t turns_bare_semop(const struct processes_scene *scene)
{
    struct contest contest = {.work = work_at_set, .set = make_set()};
    (void)scene;
    if (contest.set < 0)
        return contest.set;
    int64_t took = hold(&contest);
    semctl(contest.set, 0, IPC_RMID);
    return took;
}

/* --- memory -------------------------------------------------------------- */

enum { MEBIBYTE = 1 << 20 };

int64_t map_ours(const struct processes_scene *scene)
{
    wherry_region *region = NULL;
    (void)scene;
    const int64_t began = bench_now();
    int r = wherry_region_open("memfd:?size=1M&seal=none", &region);
    const int64_t took = bench_now() - began;
    wherry_region_close(region);
    return r < 0 ? r : took;
}

int64_t map_bare(const struct processes_scene *scene)
{
    (void)scene;
    const int64_t began = bench_now();
    int file = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int error = file < 0 ? errno : posix_fallocate(file, 0, MEBIBYTE);
    void *at = error
                   ? MAP_FAILED
                   : mmap(NULL, MEBIBYTE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    const int64_t took = bench_now() - began;
    if (at != MAP_FAILED)
        munmap(at, MEBIBYTE);
    if (file >= 0)
        close(file);
    return at == MAP_FAILED ? -ENOMEM : took;
}
