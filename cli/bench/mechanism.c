/* SPDX-License-Identifier: MIT */
/*
 * What is measured, and opening the same by bare system calls.
 *
 * Bare ends are made in one process before the fork: loopback sockets connect without
 * anybody's help.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const struct bench_mechanism bench_mechanisms[] = {
    {.name = "pipe",
     .address = "pipe:?duplex=yes",
     .calls = "two pipe(2), write, read",
     .opening = BENCH_OPEN_PAIR},
    {.name = "fifo",
     .address = "fifo:%s/fifo?writers=one&framing=wherry",
     .calls = "two mkfifo(3), write, read",
     .opening = BENCH_OPEN_TWO},
    {.name = "stdio",
     .address = "stdio:?framing=wherry",
     .calls = "two pipe(2), write, read",
     .opening = BENCH_OPEN_STDIO},
    {.name = "exec",
     .address = "exec?framing=wherry&grace=0s:sleep 3600",
     .calls = "two pipe(2), write, read",
     .opening = BENCH_OPEN_EXEC},
    {.name = "pair-packet",
     .address = "pair:?type=packet",
     .calls = "socketpair(2) SOCK_SEQPACKET, send, recv",
     .opening = BENCH_OPEN_PAIR,
     .domain = AF_UNIX,
     .type = SOCK_SEQPACKET,
     .largest = 196608},
    {.name = "pair-stream",
     .address = "pair:?type=stream",
     .calls = "socketpair(2) SOCK_STREAM, send, recv",
     .opening = BENCH_OPEN_PAIR,
     .domain = AF_UNIX,
     .type = SOCK_STREAM},
    {.name = "pair-datagram",
     .address = "pair:?type=datagram",
     .calls = "socketpair(2) SOCK_DGRAM, send, recv",
     .opening = BENCH_OPEN_PAIR,
     .domain = AF_UNIX,
     .type = SOCK_DGRAM,
     .largest = 196608},
    {.name = "local",
     .address = "local:",
     .calls = "socketpair(2) SOCK_STREAM, send, recv",
     .opening = BENCH_OPEN_PAIR,
     .domain = AF_UNIX,
     .type = SOCK_STREAM},
    {.name = "unix-packet",
     .address = "unix:%s/packet?type=packet",
     .calls = "unix(7) SOCK_SEQPACKET, send, recv",
     .opening = BENCH_OPEN_LISTEN,
     .domain = AF_UNIX,
     .type = SOCK_SEQPACKET,
     .largest = 196608},
    {.name = "unix-stream",
     .address = "unix:%s/stream?type=stream",
     .calls = "unix(7) SOCK_STREAM, send, recv",
     .opening = BENCH_OPEN_LISTEN,
     .domain = AF_UNIX,
     .type = SOCK_STREAM},
    {.name = "tcp",
     .address = "tcp:127.0.0.1:0",
     .calls = "tcp(7) on loopback with TCP_NODELAY, send, recv",
     .opening = BENCH_OPEN_LISTEN,
     .domain = AF_INET,
     .type = SOCK_STREAM},
    {.name = "udp",
     .address = "udp:127.0.0.1:0",
     .calls = "udp(7) on loopback, send, recv, recvfrom, sendto",
     .opening = BENCH_OPEN_LISTEN,
     .domain = AF_INET,
     .type = SOCK_DGRAM,
     .is_lossy = true,
     .largest = 65000},
    {.name = "mq",
     .address = "mq:/%s",
     .calls = "two mq_open(3), mq_send, mq_receive",
     .opening = BENCH_OPEN_TWO,
     .queue = BENCH_POSIX_QUEUE,
     .largest = 8192},
    {.name = "sysv",
     .address = "sysv:private",
     .calls = "two msgget(2), msgsnd, msgrcv",
     .opening = BENCH_OPEN_TWO,
     .queue = BENCH_SYSTEM_V_QUEUE,
     .largest = 8192},
    {.name = "queue",
     .address = "queue:%s",
     .calls = "two msgget(2), msgsnd, msgrcv",
     .opening = BENCH_OPEN_TWO,
     .queue = BENCH_SYSTEM_V_QUEUE,
     .largest = 8192},
    {.name = "signal",
     .address = "signal:self?signal=RTMIN+1",
     .calls = "sigqueue(3), sigwaitinfo(2)",
     .opening = BENCH_OPEN_TWO,
     .queue = BENCH_SIGNALS,
     .largest = sizeof(int),
     .only = sizeof(int)},
    {.name = NULL},
};

bool bench_keeps_messages(const struct bench_mechanism *mechanism)
{
    return mechanism->queue != BENCH_NO_QUEUE ||
           (mechanism->domain != 0 && mechanism->type != SOCK_STREAM);
}

const char *bench_place_of(const struct bench_mechanism *mechanism,
                           const char *directory)
{
    const char *slash = strrchr(directory, '/');
    return mechanism->queue != BENCH_NO_QUEUE && slash ? slash + 1 : directory;
}

const char *const bench_places[BENCH_PLACES] = {"cross", "same"};

/* --- pipes --------------------------------------------------------------- */

static int open_pipes(struct bench_bare *out)
{
    for (int side = 0; side < 2; side++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -errno;
        out->in[side] = ends[0];
        out->out[1 - side] = ends[1];
    }
    return 0;
}

static int open_fifo(const char *path, int *reading, int *writing)
{
    if (mkfifo(path, 0600) < 0)
        return -errno;
    *reading = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (*reading >= 0)
        *writing = open(path, O_WRONLY | O_CLOEXEC);
    if (*reading < 0 || *writing < 0 || fcntl(*reading, F_SETFL, O_RDONLY) < 0)
        return -errno;
    return 0;
}

static int open_fifos(const char *directory, struct bench_bare *out)
{
    for (int side = 0; side < 2; side++) {
        char path[BENCH_PATH + 16];
        snprintf(path, sizeof(path), "%s/bare-%d", directory, side);
        int r = open_fifo(path, &out->in[side], &out->out[1 - side]);
        if (r < 0)
            return r;
    }
    return 0;
}

// Their names are needed for as long as it takes to open them.
static int open_queues(const char *directory, struct bench_bare *out)
{
    for (int side = 0; side < 2; side++) {
        char name[BENCH_PATH + 16];
        snprintf(name, sizeof(name), "/%s-bare-%d", strrchr(directory, '/') + 1, side);
        out->in[side] =
            mq_open(name, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL);
        if (out->in[side] < 0)
            return -errno;
        out->out[1 - side] = mq_open(name, O_WRONLY | O_CLOEXEC);
        int r = out->out[1 - side] < 0 ? -errno : 0;
        mq_unlink(name);
        if (r < 0)
            return r;
    }
    return 0;
}

static int make_queues(struct bench_bare *out)
{
    out->are_numbers = true;
    out->numbers[0] = out->numbers[1] = -1;
    for (int side = 0; side < 2; side++) {
        int number = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
        if (number < 0)
            return -errno;
        out->numbers[side] = out->in[side] = out->out[1 - side] = number;
    }
    return 0;
}

/* --- sockets ------------------------------------------------------------- */

union name {
    struct sockaddr any;
    struct sockaddr_un unix_name;
    struct sockaddr_in inet;
};

static socklen_t name_of(const struct bench_mechanism *mechanism, const char *directory,
                         union name *name)
{
    memset(name, 0, sizeof(*name));
    if (mechanism->domain == AF_UNIX) {
        struct sockaddr_un *path = &name->unix_name;
        path->sun_family = AF_UNIX;
        snprintf(path->sun_path, sizeof(path->sun_path), "%.90s/bare", directory);
        return sizeof(*path);
    }
    name->inet.sin_family = AF_INET;
    name->inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof(name->inet);
}

static int new_socket(const struct bench_mechanism *mechanism)
{
    int fd = socket(mechanism->domain, mechanism->type | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

// A bound socket and one connected to it: ends[1] and ends[0].
static int bind_and_connect(const struct bench_mechanism *mechanism,
                            const char *directory, int ends[2])
{
    union name name;
    socklen_t size = name_of(mechanism, directory, &name);
    ends[1] = new_socket(mechanism);
    ends[0] = new_socket(mechanism);
    if (ends[0] < 0 || ends[1] < 0)
        return ends[0] < 0 ? ends[0] : ends[1];
    if (bind(ends[1], &name.any, size) < 0 ||
        getsockname(ends[1], &name.any, &size) < 0)
        return -errno;
    bool listens = mechanism->type != SOCK_DGRAM;
    if (listens && listen(ends[1], 1) < 0)
        return -errno;
    return connect(ends[0], &name.any, size) < 0 ? -errno : 0;
}

static int accept_one(const struct bench_mechanism *mechanism, int ends[2])
{
    int listener = ends[1];
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int r = ends[1] < 0 ? -errno : 0;
    close(listener);
    int yes = 1;
    for (int i = 0; i < 2 && r == 0 && mechanism->domain == AF_INET; i++) {
        if (setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0)
            r = -errno;
    }
    return r;
}

static int open_sockets(const struct bench_mechanism *mechanism, const char *directory,
                        int ends[2])
{
    int r = bind_and_connect(mechanism, directory, ends);
    if (r == 0 && mechanism->type != SOCK_DGRAM)
        r = accept_one(mechanism, ends);
    return r;
}

int bench_bare_open(const struct bench_mechanism *mechanism, const char *directory,
                    struct bench_bare *out)
{
    int ends[2] = {-1, -1};
    int r;
    *out = (struct bench_bare){.in = {-1, -1}, .out = {-1, -1}};
    if (mechanism->queue == BENCH_POSIX_QUEUE)
        return open_queues(directory, out);
    if (mechanism->queue == BENCH_SYSTEM_V_QUEUE)
        return make_queues(out);
    if (mechanism->queue == BENCH_SIGNALS)
        return 0;
    if (mechanism->domain == 0 && mechanism->opening == BENCH_OPEN_TWO)
        return open_fifos(directory, out);
    if (mechanism->domain == 0)
        return open_pipes(out);
    if (mechanism->opening == BENCH_OPEN_PAIR)
        r = socketpair(mechanism->domain, mechanism->type | SOCK_CLOEXEC, 0, ends) < 0
                ? -errno
                : 0;
    else
        r = open_sockets(mechanism, directory, ends);
    for (int side = 0; side < 2; side++)
        out->in[side] = out->out[side] = ends[side];
    return r;
}

void bench_bare_block(const struct bench_mechanism *mechanism)
{
    sigset_t bare;
    sigemptyset(&bare);
    sigaddset(&bare, SIGRTMIN);
    if (mechanism->queue == BENCH_SIGNALS)
        pthread_sigmask(SIG_BLOCK, &bare, NULL);
}

void bench_bare_close(struct bench_bare *bare, int but_side)
{
    for (int side = 0; side < 2; side++) {
        if (side == but_side || bare->are_numbers)
            continue;
        if (bare->in[side] >= 0)
            close(bare->in[side]);
        if (bare->out[side] >= 0 && bare->out[side] != bare->in[side])
            close(bare->out[side]);
        bare->in[side] = bare->out[side] = -1;
    }
}

void bench_bare_remove(const struct bench_bare *bare)
{
    for (int i = 0; i < 2 && bare->are_numbers; i++)
        if (bare->numbers[i] >= 0)
            (void)msgctl(bare->numbers[i], IPC_RMID, NULL);
}

/* --- the same buffers ---------------------------------------------------- */

static void match_option(int bare, int ours, int option)
{
    int wanted = 0;
    int there = 0;
    socklen_t size = sizeof(wanted);
    if (getsockopt(ours, SOL_SOCKET, option, &wanted, &size) < 0 ||
        getsockopt(bare, SOL_SOCKET, option, &there, &size) < 0 || wanted == there)
        return;
    // The kernel doubles what it is given (socket(7)).
    int half = wanted / 2;
    (void)setsockopt(bare, SOL_SOCKET, option, &half, sizeof(half));
}

void bench_bare_match(int bare, int ours)
{
    int capacity = fcntl(ours, F_GETPIPE_SZ);
    if (capacity > 0) {
        (void)fcntl(bare, F_SETPIPE_SZ, capacity);
        return;
    }
    match_option(bare, ours, SO_SNDBUF);
    match_option(bare, ours, SO_RCVBUF);
}
