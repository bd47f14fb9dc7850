/* SPDX-License-Identifier: MIT */
/*
 * A message through a packet socket: what the kernel does within one system call is
 * done or not done, and never half.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "kernel.h"

enum { SIZE = 1000, PATTERN = 0x5a, SOON = 20 };

struct line {
    int ends[2];
    atomic_int torn;
};

static void *make(const struct step_role *role)
{
    struct line *line = kernel_memory(sizeof *line);
    (void)role;
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line->ends), 0);
    return line;
}

static void unmake(void *shared)
{
    struct line *line = shared;
    close(line->ends[0]);
    close(line->ends[1]);
    munmap(line, sizeof *line);
}

/* How many bytes wait there. */
static uint64_t state(const struct step_scene *scene)
{
    const struct line *line = scene->shared;
    int waiting = 0;
    ioctl(line->ends[1], FIONREAD, &waiting);
    return (uint64_t)waiting;
}

static void send_one(struct step_scene *scene)
{
    struct line *line = scene->shared;
    char bytes[SIZE];
    memset(bytes, PATTERN, sizeof bytes);
    send(line->ends[0], bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Whole or absent, or what else it is. */
static struct step_finding receive(struct line *line)
{
    char bytes[SIZE + 1];
    char expected[SIZE];
    memset(expected, PATTERN, sizeof expected);
    ssize_t n = recv(line->ends[1], bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return step_find(STEP_ABSENT, "there is no message");
    if (n == SIZE && memcmp(bytes, expected, SIZE) == 0)
        return step_find(STEP_WHOLE, "the message is there");
    return step_find(STEP_TORN, "there are %zd bytes of %d", n, SIZE);
}

static void receive_one(struct step_scene *scene)
{
    struct line *line = scene->shared;
    struct pollfd wait = {.fd = line->ends[1], .events = POLLIN};
    poll(&wait, 1, -1);
    if (receive(line).verdict != STEP_WHOLE)
        atomic_fetch_add(&line->torn, 1);
}

static void send_and_receive(struct step_scene *scene)
{
    struct line *line = scene->shared;
    send_one(scene);
    if (receive(line).verdict == STEP_TORN)
        atomic_fetch_add(&line->torn, 1);
}

/* What is there, and then that the line is as good as before. */
static struct step_finding check(struct step_scene *scene)
{
    struct line *line = scene->shared;
    struct step_finding finding = receive(line);
    if (scene->sleeper_is_back)
        finding = step_find(atomic_load(&line->torn) ? STEP_TORN : STEP_WHOLE,
                            "the sleeper has the message");
    else if (scene->role->sleeper && finding.verdict == STEP_WHOLE)
        return step_find(STEP_HUNG, "the sleeper sleeps on, and the message is there");
    if (scene->end == STEP_DONE && finding.verdict == STEP_ABSENT)
        return step_find(STEP_LOST, "it was sent, and is not there");
    send_one(scene);
    return receive(line).verdict == STEP_WHOLE
               ? finding
               : step_find(STEP_TORN, "the next message does not come");
}

static struct step_finding meet(struct step_scene *scene)
{
    struct line *line = scene->shared;
    struct pollfd wait = {.fd = line->ends[0], .events = POLLOUT};
    if (poll(&wait, 1, SOON) < 0)
        return step_find(STEP_TORN, "poll: %s", harness_errno_name(errno));
    return step_find(STEP_ABSENT, "the deadline was met");
}

static struct step_finding settle(struct step_scene *scene)
{
    struct line *line = scene->shared;
    struct step_finding finding = receive(line);
    while (finding.verdict == STEP_WHOLE)
        finding = receive(line);
    int torn = atomic_load(&line->torn);
    if (finding.verdict == STEP_TORN || torn)
        return step_find(STEP_TORN, "%d messages were torn", torn);
    return step_find(STEP_WHOLE, "every message was whole");
}

static const struct step_role roles[] = {
    {.name = "send", .run = send_one},
    {.name = "send-to-a-sleeper", .run = send_one, .sleeper = receive_one},
};

const struct step_subject packet_socket = {
    .name = "packet-socket",
    .roles = roles,
    .role_count = sizeof roles / sizeof *roles,
    .make = make,
    .unmake = unmake,
    .state = state,
    .recover = send_and_receive,
    .check = check,
    .meet = meet,
    .turn = send_and_receive,
    .settle = settle,
};
