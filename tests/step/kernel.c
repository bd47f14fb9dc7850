/* SPDX-License-Identifier: MIT */
/*
 * What subjects need of the kernel: shared memory, and deadlines by the wall clock.
 */
#define _GNU_SOURCE
#include "kernel.h"

#include <errno.h>
#include <sys/mman.h>

#include "harness.h"

enum { SOON_MILLISECONDS = 20, MILLISECOND = 1000000, SECOND = 1000000000 };

void *kernel_memory(size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        FAIL("no shared memory: %s", harness_errno_name(errno));
    return memory;
}

struct timespec kernel_soon(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_nsec += (long)harness_stretch(SOON_MILLISECONDS) * MILLISECOND;
    time.tv_sec += time.tv_nsec / SECOND;
    time.tv_nsec %= SECOND;
    return time;
}
