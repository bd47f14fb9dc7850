/* SPDX-License-Identifier: MIT */
/*
 * A lock between the threads of one process: a pthread mutex that the layers above can
 * hold without knowing it.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <pthread.h>

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct os_lock),
               "the lock needs room");

static pthread_mutex_t *mutex_of(struct os_lock *lock)
{
    return (pthread_mutex_t *)(void *)lock->state;
}

void os_lock_init(struct os_lock *lock)
{
    pthread_mutex_init(mutex_of(lock), NULL);
}

void os_lock_take(struct os_lock *lock)
{
    pthread_mutex_lock(mutex_of(lock));
}

bool os_lock_try(struct os_lock *lock)
{
    return pthread_mutex_trylock(mutex_of(lock)) == 0;
}

void os_lock_give(struct os_lock *lock)
{
    pthread_mutex_unlock(mutex_of(lock));
}
