/* SPDX-License-Identifier: MIT */
/*
 * POSIX semaphores: sem_overview(7).
 *
 * A named one is a sem_t in a file under /dev/shm, which sem_open(3) maps; what the
 * bytes mean is the C library's own affair, and so is what it calls that file.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#ifdef __GLIBC__
static const char prefix[] = "/sem.";
// ThreadSanitizer does not know this call for one that orders anything.
#if __GLIBC_PREREQ(2, 30) && !defined(__SANITIZE_THREAD__)
#define CAN_WAIT_BY_MONOTONIC_CLOCK
#endif
#else
static const char prefix[] = "/";
#endif

void os_sem_path(const char *name, char *out)
{
    snprintf(out, OS_SHM_PATH, "/dev/shm%s%s", prefix, name + 1);
}

int os_sem_make(void *at, uint32_t permits)
{
    return sem_init(at, 1, permits) < 0 ? -errno : 0;
}

static struct timespec moment(int64_t nanoseconds)
{
    return (struct timespec){.tv_sec = (time_t)(nanoseconds / 1000000000),
                             .tv_nsec = (long)(nanoseconds % 1000000000)};
}

#ifdef CAN_WAIT_BY_MONOTONIC_CLOCK

static int wait_until(sem_t *at, wherry_deadline deadline)
{
    const struct timespec until = moment(deadline);
    return sem_clockwait(at, CLOCK_MONOTONIC, &until);
}

#else

// The wall clock may jump: what it is off by lasts no longer than one short wait.
static int wait_until(sem_t *at, wherry_deadline deadline)
{
    struct timespec now;
    const int64_t left = deadline - wherry_now();
    clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec until =
        moment((int64_t)now.tv_sec * 1000000000 + now.tv_nsec + (left > 0 ? left : 0));
    return sem_timedwait(at, &until);
}

#endif

int os_sem_await(sem_t *at, wherry_deadline deadline, const atomic_bool *stop)
{
    while (!atomic_load(stop)) {
        const wherry_deadline now = wherry_now();
        const bool is_last = deadline <= now + OS_STOP_SLICE;
        if (wait_until(at, is_last ? deadline : now + OS_STOP_SLICE) == 0)
            return 0;
        if (errno != ETIMEDOUT && errno != EINTR)
            return -errno;
        if (wherry_now() >= deadline)
            return -ETIMEDOUT;
    }
    return -ECANCELED;
}

int64_t os_sem_value(const sem_t *at)
{
    int value = 0;
    (void)sem_getvalue((sem_t *)(uintptr_t)at, &value);
    return value;
}
