/* SPDX-License-Identifier: MIT */
/*
 * The clock that deadlines are read from, and giving way.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <sched.h>
#include <time.h>

enum { NANOSECONDS_IN_MILLISECOND = 1000000 };

wherry_deadline wherry_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

wherry_deadline wherry_after(int64_t milliseconds)
{
    int64_t now = wherry_now();
    if (milliseconds <= 0)
        return now;
    if (milliseconds >= (WHERRY_FOREVER - now) / NANOSECONDS_IN_MILLISECOND)
        return WHERRY_FOREVER;
    return now + milliseconds * NANOSECONDS_IN_MILLISECOND;
}

int64_t os_tick(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void os_yield(void)
{
    sched_yield();
}
