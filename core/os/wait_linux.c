/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors: ppoll(2), bells (eventfd(2)), watches (epoll(7)) and timers
 * (timerfd_create(2)).
 *
 * A wait ends by an event or by its deadline, never by a signal: the time that is left
 * is worked out anew from the absolute deadline after each interruption.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

const short os_wait_in = POLLIN;
const short os_wait_out = POLLOUT;

static struct timespec time_until(wherry_deadline deadline)
{
    int64_t left = deadline - wherry_now();
    if (left < 0)
        left = 0;
    return (struct timespec){.tv_sec = (time_t)(left / 1000000000),
                             .tv_nsec = (long)(left % 1000000000)};
}

static int wait_once(struct pollfd *polled, size_t count, wherry_deadline deadline)
{
    if (deadline == WHERRY_FOREVER)
        return ppoll(polled, (nfds_t)count, NULL, NULL);
    struct timespec left = time_until(deadline);
    return ppoll(polled, (nfds_t)count, &left, NULL);
}

int os_wait(struct os_wait *waits, size_t count, wherry_deadline deadline)
{
    struct pollfd polled[OS_WAITS];
    assert(count <= OS_WAITS);
    for (size_t i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = waits[i].fd, .events = waits[i].events};
    int r;
    do
        r = wait_once(polled, count, deadline);
    while (r < 0 && (errno == EINTR || errno == EAGAIN));
    if (r < 0)
        return -errno;
    for (size_t i = 0; i < count; i++)
        waits[i].happened = polled[i].revents;
    return r == 0 ? -ETIMEDOUT : r;
}

bool os_is_readable(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    int r;
    do
        r = poll(&look, 1, 0);
    while (r < 0 && errno == EINTR);
    return r > 0;
}

int os_bell_new(void)
{
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell < 0 ? -errno : bell;
}

void os_bell_ring(int bell)
{
    // Called in signal handlers: errno must be as it was.
    int kept = errno;
    uint64_t one = 1;
    while (write(bell, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
    errno = kept;
}

bool os_bell_clear(int bell)
{
    uint64_t count;
    ssize_t size;
    do
        size = read(bell, &count, sizeof(count));
    while (size < 0 && errno == EINTR);
    return size > 0;
}

int os_far_bell_new(int *ours, int *theirs)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int r = os_both_above_standard(ends);
    if (r < 0)
        return r;
    *ours = ends[0];
    *theirs = ends[1];
    return 0;
}

// Where there is no room for it, it was rung already.
void os_far_bell_ring(int theirs)
{
    while (send(theirs, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void os_far_bell_clear(int ours)
{
    char byte;
    ssize_t size;
    do
        size = recv(ours, &byte, sizeof(byte), MSG_DONTWAIT);
    while (size > 0 || (size < 0 && errno == EINTR));
}

int os_watch_new(void)
{
    int watch = epoll_create1(EPOLL_CLOEXEC);
    return watch < 0 ? -errno : os_above_standard(watch);
}

static int control(int watch, int how, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    return epoll_ctl(watch, how, fd, &event) < 0 ? -errno : 0;
}

// The low epoll event bits are poll's own (epoll_ctl(2)).
int os_watch_add(int watch, int fd, short events)
{
    return control(watch, EPOLL_CTL_ADD, fd, (unsigned short)events);
}

// It takes no memory, and cannot fail.
void os_watch_change(int watch, int fd, bool reads)
{
    (void)control(watch, EPOLL_CTL_MOD, fd, reads ? EPOLLIN : 0U);
}

void os_watch_remove(int watch, int fd)
{
    epoll_ctl(watch, EPOLL_CTL_DEL, fd, NULL);
}

int os_watch_ready(int watch, int *fds, int most)
{
    struct epoll_event events[OS_READY];
    int count;
    do
        count = epoll_wait(watch, events, most < OS_READY ? most : OS_READY, 0);
    while (count < 0 && errno == EINTR);
    for (int i = 0; i < count; i++)
        fds[i] = events[i].data.fd;
    return count < 0 ? -errno : count;
}

int os_timer_new(void)
{
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    return timer < 0 ? -errno : timer;
}

void os_timer_set(int timer, wherry_deadline at)
{
    struct itimerspec when = {0}; // all zero: never
    if (at != WHERRY_FOREVER) {
        when.it_value.tv_sec = (time_t)(at / 1000000000);
        when.it_value.tv_nsec = (long)(at % 1000000000);
    }
    (void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}
