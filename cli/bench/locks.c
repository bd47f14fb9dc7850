/* SPDX-License-Identifier: MIT */
/*
 * A lock that nobody else wants, taken and given many times: ours, and the C library's
 * robust mutex that it is made of.
 *
 * What is needed is made by the first call in a parent, and goes with it.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

enum { TIMES = 1000 };

static wherry_region *region_of_locks(void)
{
    static wherry_region *region;
    if (!region)
        (void)wherry_region_open("memfd:?size=4K", &region);
    return region;
}

int64_t lock_ours(const struct processes_scene *scene)
{
    static wherry_lock *lock;
    (void)scene;
    wherry_region *region = region_of_locks();
    int r = !region ? -ENOMEM : lock ? 0 : wherry_lock_open(region, 0, &lock);
    const int64_t began = bench_now();
    for (int i = 0; i < TIMES && r >= 0; i++) {
        r = wherry_lock_take(lock, WHERRY_FOREVER);
        if (r >= 0)
            r = wherry_lock_give(lock);
    }
    return r < 0 ? r : bench_now() - began;
}

int64_t lock_cells(const struct processes_scene *scene)
{
    static wherry_cells *cells;
    int64_t now;
    (void)scene;
    wherry_region *region = region_of_locks();
    int r = !region ? -ENOMEM
            : cells ? 0
                    : wherry_cells_open(region, WHERRY_LOCK_ROOM, WHERRY_CELL_INT64, 1,
                                        &cells);
    const int64_t began = bench_now();
    for (int i = 0; i < TIMES && r >= 0; i++)
        r = wherry_cells_add(cells, 0, 1, &now, WHERRY_FOREVER);
    return r < 0 ? r : bench_now() - began;
}

/* --- bare ---------------------------------------------------------------- */

static pthread_mutex_t *make_mutex(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t *mutex = mmap(NULL, sizeof(pthread_mutex_t), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (mutex == MAP_FAILED)
        return NULL;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return mutex;
}

int64_t lock_robust(const struct processes_scene *scene)
{
    static pthread_mutex_t *mutex;
    (void)scene;
    if (!mutex)
        mutex = make_mutex();
    if (!mutex)
        return -ENOMEM;
    int error = 0;
    const int64_t began = bench_now();
    for (int i = 0; i < TIMES && error == 0; i++) {
        error = pthread_mutex_lock(mutex);
        if (error == 0)
            error = pthread_mutex_unlock(mutex);
    }
    return error != 0 ? -error : bench_now() - began;
}
