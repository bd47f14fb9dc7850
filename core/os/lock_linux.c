/* SPDX-License-Identifier: MIT */
/*
 * A lock between the threads of one process: the sleeping half, futex(2).
 *
 * A lock that somebody sleeps for is `wanted` until it is given back; whoever had to
 * sleep takes it as wanted too, for others may still sleep (U. Drepper, "Futexes Are
 * Tricky", section 6).
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void os_lock_wait(struct os_lock *lock)
{
    // futex(2) comes back at once, or for no reason at all: the lock is what counts.
    while (atomic_exchange_explicit(&lock->state, OS_LOCK_WANTED,
                                    memory_order_acquire) != OS_LOCK_FREE)
        syscall(SYS_futex, &lock->state, FUTEX_WAIT_PRIVATE, OS_LOCK_WANTED, NULL, NULL,
                0);
}

void os_lock_wake(struct os_lock *lock)
{
    syscall(SYS_futex, &lock->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
