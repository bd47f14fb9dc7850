/* SPDX-License-Identifier: MIT */
/*
 * The storm: every thread of a test is interrupted every so many microseconds by a
 * signal whose handler does nothing but count, without SA_RESTART, so that each system
 * call that can return EINTR does.  Threads and children are found by wrapping
 * pthread_create and fork (ld --wrap); timers end by themselves at exec.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

pid_t real_fork(void) __asm__("__real_fork");
pid_t wrapped_fork(void) __asm__("__wrap_fork");
int real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                        void *) __asm__("__real_pthread_create");
int wrapped_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *),
                           void *) __asm__("__wrap_pthread_create");
void *storm_malloc(size_t) __asm__("__real_malloc"); // not counted as the test's
void storm_free(void *) __asm__("__real_free");

static bool is_armed; // in this process
static _Thread_local timer_t timer;
static _Thread_local bool has_timer;

struct start {
    void *(*run)(void *);
    void *argument;
};

static long interval(void)
{
    const char *told = getenv("WHERRY_TEST_STORM");
    long microseconds = told ? strtol(told, NULL, 10) : 0;
    return microseconds > 0 ? microseconds : 0;
}

bool storm_is_on(void)
{
    return interval() > 0;
}

static void count(int signal)
{
    (void)signal;
    atomic_fetch_add_explicit(&harness_report->interrupts, 1, memory_order_relaxed);
}

void storm_arm(void)
{
    if (!storm_is_on())
        return;
    is_armed = true;
    struct sigaction action = {.sa_handler = count};
    sigaction(SIGALRM, &action, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    event.sigev_notify_thread_id = harness_thread();
    struct timespec every = {interval() / 1000000, interval() % 1000000 * 1000};
    struct itimerspec times = {.it_interval = every, .it_value = every};
    int r = timer_create(CLOCK_MONOTONIC, &event, &timer);
    // A timer takes the place of a signal that waits: where a test has filled them all,
    // this thread goes without.
    if (r < 0 && errno == EAGAIN)
        return;
    if (r < 0 || timer_settime(timer, 0, &times, NULL) < 0)
        FAIL("the storm cannot start: %s", harness_errno_name(errno));
    has_timer = true;
}

void storm_end(void)
{
    if (has_timer)
        timer_delete(timer);
    has_timer = false;
}

pid_t wrapped_fork(void)
{
    pid_t pid = real_fork();
    if (pid == 0 && is_armed) {
        has_timer = false; // timers are not inherited
        storm_arm();
    }
    return pid;
}

static void end_thread(void *nothing)
{
    (void)nothing;
    storm_end();
}

static void *run_thread(void *argument)
{
    struct start start = *(struct start *)argument;
    void *result;
    storm_free(argument);
    storm_arm();
    pthread_cleanup_push(end_thread, NULL);
    result = start.run(start.argument);
    pthread_cleanup_pop(1);
    return result;
}

int wrapped_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                           void *(*run)(void *), void *argument)
{
    if (!is_armed)
        return real_pthread_create(thread, attributes, run, argument);
    struct start *start = storm_malloc(sizeof *start);
    if (!start)
        return EAGAIN;
    *start = (struct start){run, argument};
    int r = real_pthread_create(thread, attributes, run_thread, start);
    if (r != 0)
        storm_free(start);
    return r;
}
