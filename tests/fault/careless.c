/* SPDX-License-Identifier: MIT */
/*
 * Scenarios on bare system calls, good ones and bad ones, for selftest.c to run: what
 * the injector should find, it finds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "harness.h"

enum { SIZE = 10000 };

static char bytes[SIZE];

/* Writes all, whatever the kernel says; 0 or a negative errno. */
static int write_all(int fd, const char *from, size_t size)
{
    while (size) {
        ssize_t n = write(fd, from, size);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            from += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

static int read_all(int fd, char *to, size_t size)
{
    while (size) {
        ssize_t n = read(fd, to, size);
        if (n == 0)
            return -EPIPE;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            to += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

static int careful(const void *unused)
{
    int ends[2], r;
    (void)unused;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    r = write_all(ends[1], bytes, SIZE);
    if (r == 0)
        r = read_all(ends[0], bytes, SIZE);
    close(ends[0]);
    close(ends[1]);
    return r;
}

static int forgets_the_first(const void *unused)
{
    (void)unused;
    int first = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (first < 0)
        return -errno;
    int second = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (second < 0)
        return -errno;
    close(first);
    close(second);
    return 0;
}

static int forgets_a_block(const void *unused)
{
    (void)unused;
    char *volatile block = malloc(100);
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    close(fd);
    free(block);
    return 0;
}

static int tells_of_an_interrupt(const void *unused)
{
    int ends[2];
    (void)unused;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    struct pollfd wait = {.fd = ends[1], .events = POLLOUT};
    int r = poll(&wait, 1, 100) < 0 ? -errno : 0;
    close(ends[0]);
    close(ends[1]);
    return r;
}

/* Sends parts; the other end says whether all of them came. */
static int believes_in_whole_messages(const void *unused)
{
    int ends[2];
    (void)unused;
    struct iovec parts[2] = {{bytes, 5000}, {bytes, 50}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int r = sendmsg(ends[0], &message, 0) < 0 ? -errno : 0;
    ssize_t n = r < 0 ? 0 : recv(ends[1], bytes, SIZE, MSG_DONTWAIT);
    if (n < 0)
        r = -errno;
    close(ends[0]);
    close(ends[1]);
    CHECK(r < 0 || n == 5050);
    CHECK_INT(parts[0].iov_len, 5000); // the injector puts back what it changes
    CHECK_INT(parts[1].iov_len, 50);
    CHECK_INT(message.msg_iovlen, 2);
    return r;
}

static int waits_for_ever(const void *unused)
{
    (void)unused;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd < 0)
        poll(NULL, 0, 10);
    close(fd);
    return 0;
}

static int calls_it_something_else(const void *unused)
{
    (void)unused;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -EILSEQ;
    close(fd);
    return 0;
}

static int crashes(const void *unused)
{
    (void)unused;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        abort();
    close(fd);
    return 0;
}

/* Passes a descriptor and looks whether it came; -EMFILE tells that it did not. */
static int sees_lost_files(const void *unused)
{
    int ends[2], r = 0;
    (void)unused;

    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr head;
    } control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec byte = {bytes, 1};
    struct msghdr message = {.msg_iov = &byte,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    memcpy(CMSG_DATA(&control.head), &ends[0], sizeof(int));
    if (sendmsg(ends[0], &message, 0) < 0)
        r = -errno;
    message.msg_controllen = sizeof control;
    if (r == 0 && recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
        r = -errno;
    if (r == 0 && message.msg_flags & MSG_CTRUNC) {
        r = -EMFILE;
    } else if (r == 0) {
        int fd;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        close(fd);
    }
    close(ends[0]);
    close(ends[1]);
    return r;
}

static void *open_and_close(void *result)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        *(int *)result = -errno;
    else
        close(fd);
    return NULL;
}

static int works_in_a_thread(const void *unused)
{
    pthread_t thread;
    int result = 0;
    (void)unused;
    int r = pthread_create(&thread, NULL, open_and_close, &result);
    if (r != 0)
        return -r;
    pthread_join(thread, NULL);
    return result;
}

static int starts_another(const void *unused)
{
    static char name[] = "true";
    char *const words[] = {name, NULL};
    char *const nothing[] = {NULL};
    pid_t pid;
    (void)unused;
    int r = posix_spawn(&pid, "/bin/true", NULL, NULL, words, nothing); // by vfork
    if (r != 0)
        return -r;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

static int begins_later(const void *unused)
{
    (void)unused;
    int r = forgets_the_first(NULL);
    fault_begin();
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(fd);
    return r;
}

static const int interrupted[] = {-EINTR, -EAGAIN, 0};
static const int lost[] = {-EMFILE, -EAGAIN, 0};
static const int again[] = {-EAGAIN, 0};

static const struct fault_scenario scenarios[] = {
    {"careful", careful, NULL, again, 0, NULL},
    {"forgets_the_first", forgets_the_first, NULL, NULL, 0, NULL},
    {"forgets_a_block", forgets_a_block, NULL, NULL, 0, NULL},
    {"tells_of_an_interrupt", tells_of_an_interrupt, NULL, NULL, 0, NULL},
    {"believes_in_whole_messages", believes_in_whole_messages, NULL, interrupted, 0,
     NULL},
    {"waits_for_ever", waits_for_ever, NULL, NULL, 0, NULL},
    {"calls_it_something_else", calls_it_something_else, NULL, NULL, 0, NULL},
    {"crashes", crashes, NULL, NULL, 0, NULL},
    {"sees_lost_files", sees_lost_files, NULL, lost, 0, NULL},
    {"works_in_a_thread", works_in_a_thread, NULL, again, 0, NULL},
    {"starts_another", starts_another, NULL, again, 0, NULL},
    {"begins_later", begins_later, NULL, NULL, 1, NULL},
};

void harness_register(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        fault_add(&scenarios[i]);
}
