/* SPDX-License-Identifier: MIT */
/*
 * Ctrl-C and its like.
 *
 * The handler does what signal-safety(7) allows: it stores a number, cancels channels,
 * and writes a byte into a pipe that everything else which waits looks at.
 */
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { CHANNELS = 2 };

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static atomic_int arrived;
static wherry_channel *_Atomic channels[CHANNELS];
static wherry_listener *_Atomic watched;
static wherry_semaphore *_Atomic turns;
static int wake[2] = {-1, -1};

static void cancel_all(void)
{
    for (int i = 0; i < CHANNELS; i++) {
        wherry_channel *channel = atomic_load(&channels[i]);
        if (channel)
            wherry_cancel(channel);
    }
    wherry_listener *place = atomic_load(&watched);
    if (place)
        wherry_cancel_accept(place);
    wherry_semaphore *semaphore = atomic_load(&turns);
    if (semaphore)
        wherry_semaphore_cancel(semaphore);
}

void interrupt_note(int signal)
{
    int none = 0;
    atomic_compare_exchange_strong(&arrived, &none, signal);
    const unsigned char byte = (unsigned char)signal;
    if (wake[1] >= 0 && write(wake[1], &byte, 1) < 0) {
        // It is full: then it is readable.
    }
    cancel_all();
}

static void handle(int signal)
{
    int saved = errno;
    interrupt_note(signal);
    errno = saved;
}

int interrupt_begin(void)
{
    if (wake[0] >= 0)
        return 0;
    if (pipe(wake) < 0)
        return -errno;
    for (int i = 0; i < 2; i++) {
        fcntl(wake[i], F_SETFD, FD_CLOEXEC);
        fcntl(wake[i], F_SETFL, O_NONBLOCK);
    }
    struct sigaction now = {.sa_handler = handle};
    struct sigaction before;
    sigemptyset(&now.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        // nohup(1) and a shell's background jobs ignore some for us.
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &now, NULL);
    }
    return 0;
}

bool interrupted(void)
{
    return atomic_load(&arrived) != 0;
}

int interrupted_by(void)
{
    return atomic_load(&arrived);
}

int interrupt_next(void)
{
    unsigned char byte = 0;
    return read(wake[0], &byte, 1) == 1 ? byte : 0;
}

int interrupt_fd(void)
{
    return wake[0];
}

void interrupt_watch(wherry_channel *channel)
{
    for (int i = 0; i < CHANNELS; i++) {
        wherry_channel *none = NULL;
        if (atomic_compare_exchange_strong(&channels[i], &none, channel))
            break;
    }
    if (interrupted())
        wherry_cancel(channel);
}

void interrupt_forget(wherry_channel *channel)
{
    for (int i = 0; i < CHANNELS; i++) {
        wherry_channel *same = channel;
        atomic_compare_exchange_strong(&channels[i], &same, NULL);
    }
}

void interrupt_watch_listener(wherry_listener *listener)
{
    atomic_store(&watched, listener);
    if (interrupted())
        wherry_cancel_accept(listener);
}

void interrupt_forget_listener(void)
{
    atomic_store(&watched, NULL);
}

void interrupt_watch_semaphore(wherry_semaphore *semaphore)
{
    atomic_store(&turns, semaphore);
    if (interrupted())
        wherry_semaphore_cancel(semaphore);
}

void interrupt_forget_semaphore(void)
{
    atomic_store(&turns, NULL);
}

void interrupt_forget_all(void)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    struct sigaction now;
    sigemptyset(&standard.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == handle)
            sigaction(signals[i], &standard, NULL);
    interrupt_end();
}

int interrupt_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

void interrupt_end(void)
{
    int signal_number = atomic_load(&arrived);
    if (signal_number == 0)
        return;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal_number);
    sigaction(signal_number, &standard, NULL);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    raise(signal_number);
}
