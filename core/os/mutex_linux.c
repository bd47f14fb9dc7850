/* SPDX-License-Identifier: MIT */
/*
 * A mutex between processes that is told of its holder's death: the C library's robust
 * one (pthread_mutexattr_setrobust(3)).
 *
 * Where the library can wait by the monotonic clock, it waits, and looks by itself ten
 * times a second: a wake-up is lost with one that is killed when it was just woken.
 * Elsewhere a wait is by the wall clock only, which can be set; and musl also forgets
 * whom it was about to wake when it is killed just after it has given a mutex back.
 * There a waiter sleeps on a word of ours, the bell, and for a short while only: a
 * wake-up that is lost, or never sent because a holder died, costs no more than that.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 30)
#define HAS_CLOCKLOCK
#endif
#endif

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(((struct os_mutex *)NULL)->robust),
               "there is room for the library's");
_Static_assert(_Alignof(pthread_mutex_t) <= _Alignof(struct os_mutex),
               "and it is aligned");

static pthread_mutex_t *robust(struct os_mutex *mutex)
{
    return (pthread_mutex_t *)(void *)mutex->robust;
}

enum os_libc os_libc(void)
{
#if defined(__GLIBC__)
    return OS_LIBC_GLIBC;
#elif defined(__linux__)
    return OS_LIBC_MUSL; // which has no word of its own for itself
#else
    return OS_LIBC_OTHER;
#endif
}

bool os_mutex_survives_fork(void)
{
    return os_libc() == OS_LIBC_GLIBC;
}

int os_mutex_image(struct os_mutex *out)
{
    pthread_mutexattr_t attributes;
    memset(out, 0, sizeof(*out));
    int error = pthread_mutexattr_init(&attributes);
    if (error != 0)
        return -error;
    error = pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    if (error == 0)
        error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (error == 0)
        error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (error == 0)
        error = pthread_mutex_init(robust(out), &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return -error;
}

int os_mutex_recover(struct os_mutex *mutex)
{
    return -pthread_mutex_consistent(robust(mutex));
}

static int try(struct os_mutex *mutex)
{
    int error = pthread_mutex_trylock(robust(mutex));
    return error == EBUSY ? -EAGAIN : -error;
}

#ifdef HAS_CLOCKLOCK

enum { SECOND = 1000000000, LOOK = 100000000 };

static int take_until(struct os_mutex *mutex, wherry_deadline deadline)
{
    const struct timespec until = {.tv_sec = (time_t)(deadline / SECOND),
                                   .tv_nsec = (long)(deadline % SECOND)};
    return -pthread_mutex_clocklock(robust(mutex), CLOCK_MONOTONIC, &until);
}

// One that is killed when it was just woken takes the wake-up with it, and whoever has
// taken the mutex meanwhile sees no sleeper: so each looks by itself now and then.
int os_mutex_take(struct os_mutex *mutex, wherry_deadline deadline)
{
    int r = try(mutex);
    while (r == -EAGAIN && deadline != WHERRY_POLL) {
        const wherry_deadline look = wherry_now() + LOOK;
        const bool is_last = look >= deadline;
        r = take_until(mutex, is_last ? deadline : look);
        if (r == -ETIMEDOUT)
            r = try(mutex);
        if (r == -EAGAIN && is_last)
            return -ETIMEDOUT;
    }
    return r;
}

int os_mutex_give(struct os_mutex *mutex)
{
    return -pthread_mutex_unlock(robust(mutex));
}

#else

static const int64_t step = 5000000; // nanoseconds

static void sleep_on(atomic_uint *bell, unsigned seen, int64_t nanoseconds)
{
    const long relative[2] = {0, (long)nanoseconds}; // as the kernel has it of old
    syscall(SYS_futex, bell, FUTEX_WAIT, seen, relative, NULL, 0);
}

// A try does not tell whose it is; a wait does, and one until 1970 is none, however
// the wall clock is set.
static int look(struct os_mutex *mutex)
{
    const struct timespec long_ago = {0, 0};
    int error = pthread_mutex_timedlock(robust(mutex), &long_ago);
    return error == ETIMEDOUT ? -EAGAIN : -error;
}

// The bell is read before each try: who gives the mutex back after that has rung.
static int wait(struct os_mutex *mutex, wherry_deadline deadline)
{
    int r;
    atomic_fetch_add(&mutex->sleepers, 1);
    for (;;) {
        const unsigned seen = atomic_load(&mutex->bell);
        r = try(mutex);
        const wherry_deadline now = r == -EAGAIN ? wherry_now() : 0;
        if (r != -EAGAIN || now >= deadline)
            break;
        sleep_on(&mutex->bell, seen, deadline - now < step ? deadline - now : step);
    }
    atomic_fetch_sub(&mutex->sleepers, 1);
    return r == -EAGAIN ? -ETIMEDOUT : r;
}

int os_mutex_take(struct os_mutex *mutex, wherry_deadline deadline)
{
    int r = try(mutex);
    if (r != -EAGAIN)
        return r;
    r = look(mutex);
    return r != -EAGAIN || deadline == WHERRY_POLL ? r : wait(mutex, deadline);
}

int os_mutex_give(struct os_mutex *mutex)
{
    int error = pthread_mutex_unlock(robust(mutex));
    if (error == 0) {
        // Who counts itself a sleeper after this finds the mutex free.
        atomic_thread_fence(memory_order_seq_cst);
        if (atomic_load(&mutex->sleepers) > 0) {
            atomic_fetch_add(&mutex->bell, 1);
            syscall(SYS_futex, &mutex->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
        }
    }
    return -error;
}

#endif
