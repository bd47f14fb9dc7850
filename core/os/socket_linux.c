/* SPDX-License-Identifier: MIT */
/*
 * Sockets: made, connected, bound, accepted, named, shut down.
 *
 * A plan says what a socket is to be; it is applied in one place, before anything can
 * arrive.  Every unix(7) socket made here learns who its first words come from
 * (SO_PASSCRED, and SO_PASSPIDFD where there is one), if the plan says so.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

// Linux 6.5; asm-generic/socket.h of Debian 12 does not have it yet.
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

static int type_of(enum os_kind kind)
{
    static const int types[] = {[OS_KIND_STREAM] = SOCK_STREAM,
                                [OS_KIND_PACKET] = SOCK_SEQPACKET,
                                [OS_KIND_DATAGRAM] = SOCK_DGRAM};
    return types[kind];
}

static void set_int(int fd, int level, int option, int value)
{
    // What a kernel refuses here is a matter of speed or of knowing less, never of
    // sense.
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

void os_identify(int fd, bool on)
{
    set_int(fd, SOL_SOCKET, SO_PASSCRED, on);
    set_int(fd, SOL_SOCKET, SO_PASSPIDFD, on);
}

static void apply(const struct os_socket_plan *plan, int fd, int family)
{
    if (plan->buffer > 0) {
        int size = plan->buffer > INT_MAX / 2 ? INT_MAX / 2 : (int)plan->buffer;
        set_int(fd, SOL_SOCKET, SO_SNDBUF, size);
        set_int(fd, SOL_SOCKET, SO_RCVBUF, size);
    }
    if (family == AF_UNIX && plan->identify)
        os_identify(fd, true);
    if (family != AF_UNIX && plan->kind == OS_KIND_STREAM) {
        set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        set_int(fd, IPPROTO_TCP, TCP_NODELAY, plan->no_delay);
    }
    if (plan->reuse_port)
        set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}

static struct os_descriptor describe(int fd, enum os_kind kind, bool is_unix)
{
    return (struct os_descriptor){
        .fd = fd, .kind = kind, .owned = true, .is_unix = is_unix};
}

static int family_of(const struct os_name *name)
{
    sa_family_t family;
    memcpy(&family, name->bytes, sizeof(family));
    return family;
}

static int new_socket(const struct os_socket_plan *plan)
{
    int family = family_of(plan->name);
    int fd = socket(family, type_of(plan->kind) | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    apply(plan, fd, family);
    return fd;
}

int os_socket_pair(const struct os_socket_plan *plan, struct os_descriptor out[2])
{
    int ends[2];
    if (socketpair(AF_UNIX, type_of(plan->kind) | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int above = os_both_above_standard(ends);
    if (above < 0)
        return above;
    for (int i = 0; i < 2; i++) {
        apply(plan, ends[i], AF_UNIX);
        out[i] = describe(ends[i], plan->kind, true);
    }
    return 0;
}

static int bind_name(int fd, const struct os_name *name)
{
    return bind(fd, (const struct sockaddr *)(const void *)name->bytes, name->size) < 0
               ? -errno
               : 0;
}

static const char *path_of(const struct os_name *name)
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);
    bool is_path =
        os_name_is_unix(name) && name->size > start && name->bytes[start] != 0;
    // os_name_unix sees to the NUL behind it.
    return is_path ? (const char *)name->bytes + start : NULL;
}

// The path is born with these rights, without a moment of others; what the umask took
// away of an explicit mode comes back afterwards.
static int bind_closed(const struct os_socket_plan *plan, int fd,
                       const struct os_name *name)
{
    const char *path = path_of(name);
    if (path && fchmod(fd, plan->mode ? plan->mode : 0600) < 0 && errno != EINVAL)
        return -errno;
    int r = bind_name(fd, name);
    if (r >= 0 && path && plan->mode && chmod(path, plan->mode) < 0) {
        r = -errno;
        unlink(path);
    }
    return r;
}

static void unbind(const struct os_name *name)
{
    const char *path = path_of(name);
    if (path)
        unlink(path); // ours: it was not there before bind(2)
}

static int connect_name(int fd, const struct os_name *name)
{
    const struct sockaddr *to = (const struct sockaddr *)(const void *)name->bytes;
    return connect(fd, to, name->size) < 0 ? -errno : 0;
}

static void limit_sending(int fd, int64_t nanoseconds)
{
    // A time of zero would mean for ever (socket(7)).
    struct timeval limit = {.tv_sec = (time_t)(nanoseconds / 1000000000),
                            .tv_usec = (suseconds_t)(nanoseconds % 1000000000 / 1000)};
    if (nanoseconds > 0 && limit.tv_sec == 0 && limit.tv_usec == 0)
        limit.tv_usec = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

// Signals that come faster than the shortest limit must not keep a wait beyond its
// deadline; and the kernel counts the limit in ticks: where those came late and are
// made up for, it ends some milliseconds before the deadline.
static bool ended_early(int r, wherry_deadline deadline)
{
    if (deadline == WHERRY_FOREVER)
        return r == -EINTR;
    return (r == -EINTR || r == -EAGAIN) && wherry_now() < deadline;
}

// A full backlog of unix(7) answers a non-blocking connect with EAGAIN and no
// descriptor becomes ready when it empties; a blocking one waits, for as long as
// SO_SNDTIMEO says.
static int connect_unix(int fd, const struct os_name *name, wherry_deadline deadline)
{
    if (deadline == WHERRY_POLL) {
        fcntl(fd, F_SETFL, O_NONBLOCK); // our own, new description
        return connect_name(fd, name);
    }
    int r;
    do {
        int64_t left = deadline == WHERRY_FOREVER ? 0 : deadline - wherry_now();
        if (deadline != WHERRY_FOREVER && left <= 0)
            left = 1; // a passed deadline still lets through what need not wait
        limit_sending(fd, left);
        r = connect_name(fd, name);
    } while (ended_early(r, deadline));
    limit_sending(fd, 0);
    return r == -EAGAIN || r == -EINTR ? -ETIMEDOUT : r;
}

static int connect_result(int fd)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return -errno;
    return -error;
}

static int connect_inet(int fd, const struct os_name *name, wherry_deadline deadline)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    int r = connect_name(fd, name);
    if (r != -EINPROGRESS && r != -EINTR)
        return r;
    // Within one machine it is through already, though connect(2) could not say so.
    struct os_wait wait = {.fd = fd, .events = os_wait_out};
    r = os_wait(&wait, 1, deadline);
    if (r == -ETIMEDOUT && deadline == WHERRY_POLL)
        return -EAGAIN;
    return r < 0 ? r : connect_result(fd);
}

int os_connect(const struct os_socket_plan *plan, wherry_deadline deadline,
               struct os_descriptor *out)
{
    bool is_unix = os_name_is_unix(plan->name);
    int fd = new_socket(plan);
    if (fd < 0)
        return fd;
    int r = plan->bound ? bind_closed(plan, fd, plan->bound) : 0;
    bool is_bound = plan->bound && r >= 0;
    if (r >= 0)
        r = is_unix ? connect_unix(fd, plan->name, deadline)
                    : connect_inet(fd, plan->name, deadline);
    if (r < 0) {
        if (is_bound)
            unbind(plan->bound);
        close(fd);
        return r;
    }
    *out = describe(fd, plan->kind, is_unix);
    return 0;
}

int os_bind(const struct os_socket_plan *plan, struct os_descriptor *out)
{
    int fd = new_socket(plan);
    if (fd < 0)
        return fd;
    bool listens = plan->kind != OS_KIND_DATAGRAM;
    int r = bind_closed(plan, fd, plan->name);
    bool is_bound = r >= 0;
    // For accept: another process with this listener may take what poll(2) saw.
    if (r >= 0 && listens && fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        r = -errno;
    if (r >= 0 && listens)
        r = listen(fd, plan->backlog) < 0 ? -errno : 0;
    if (r < 0) {
        if (is_bound)
            unbind(plan->name);
        close(fd);
        return r;
    }
    *out = describe(fd, plan->kind, os_name_is_unix(plan->name));
    out->is_listening = listens;
    return 0;
}

// Though it does not wait, a signal that comes just then makes it say EINTR.
static int poll_now(struct pollfd *one)
{
    enum { TRIES = 16 };

    int r = -1;
    for (int i = 0; i < TRIES && r < 0; i++)
        r = poll(one, 1, 0);
    return r;
}

int os_accept(const struct os_descriptor *listening, struct os_descriptor *out)
{
    struct pollfd ready = {.fd = listening->fd, .events = POLLIN};
    int fd;
    do {
        // An inherited listener may be blocking, and its flags are not ours to change.
        if (poll_now(&ready) == 0)
            return -EAGAIN;
        fd = accept4(listening->fd, NULL, NULL, SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        return -errno;
    *out = describe(fd, listening->kind, listening->is_unix);
    return 0; // TCP_NODELAY and the buffers' sizes are the listener's
}

static int get_name(int fd, struct os_name *out,
                    int (*ask)(int, struct sockaddr *, socklen_t *))
{
    socklen_t size = sizeof(out->bytes);
    struct sockaddr_storage name = {0};
    if (ask(fd, (struct sockaddr *)&name, &size) < 0)
        return -errno;
    memcpy(out->bytes, &name, sizeof(name));
    out->size = size;
    return 0;
}

int os_socket_name(int fd, struct os_name *out)
{
    return get_name(fd, out, getsockname);
}

int os_socket_peer(int fd, struct os_name *out)
{
    return get_name(fd, out, getpeername);
}

uint64_t os_packet_limit(const struct os_descriptor *descriptor)
{
    enum { UDP_MOST = 65507, KERNEL_SHARE = 32 };

    int size = 0;
    socklen_t length = sizeof(size);
    if (!descriptor->is_unix)
        return UDP_MOST; // ip(7): 65,535 less the headers
    if (getsockopt(descriptor->fd, SOL_SOCKET, SO_SNDBUF, &size, &length) < 0)
        return 0;
    // unix(7) refuses what is larger than the buffer less what the kernel keeps for
    // itself.
    return size > KERNEL_SHARE ? (uint64_t)(size - KERNEL_SHARE) : 0;
}

bool os_hung_up(int fd)
{
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    return poll_now(&end) > 0 && (end.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

bool os_has_peer(int fd)
{
    struct pollfd end = {.fd = fd};
    return poll_now(&end) == 0;
}

bool os_has_writer(int fd)
{
    return os_has_peer(fd);
}

int os_shut_down(int fd)
{
    return shutdown(fd, SHUT_WR) < 0 ? -errno : 0;
}
