/* SPDX-License-Identifier: MIT */
/*
 * Processors: sched_getcpu(3) and membarrier(2).
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t os_processor(void)
{
    int processor = sched_getcpu();
    return processor < 0 ? UINT32_MAX : (uint32_t)processor;
}

static int barrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) < 0 ? -errno : 0;
}

int os_barrier_join(void)
{
    return barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

void os_barrier_pass(void)
{
    (void)barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}
