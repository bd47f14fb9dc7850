/* SPDX-License-Identifier: MIT */
/*
 * Which faults a system call can have.  One that cannot come from the kernel proves
 * nothing when the library stumbles over it, so the table keeps to the manual pages:
 *
 *   EINTR       calls that wait; it never reaches the caller of the library
 *   EAGAIN      calls that may be told not to wait, and what is short of resources
 *   ENOMEM      whatever allocates in the kernel
 *   EMFILE      whatever makes a descriptor; ENFILE is the same
 *   ENOSPC      whatever makes or writes a file, and epoll_ctl (max_user_watches)
 *   EPERM       what filters, seals and security modules may refuse
 *   EIO         what touches a file system, and reading and writing
 *   ECONNRESET  what moves bytes of a socket; ETIMEDOUT is the same
 *   SHORT       moving bytes of a stream: of a pipe only more than PIPE_BUF are
 *               written in parts, of a socket more than a page; any batch
 *   CTRUNC      recvmsg with room for control messages
 *
 * munmap, brk, exit and signal masks are left out: their failure is not told by the C
 * library or cannot happen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "parts.h"

#ifndef __has_feature
#define __has_feature(name) 0 // gcc tells by macros
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

enum { PAGE = 4096 };

#define BIT(fault) (1u << FAULT_##fault)

enum {
    WAITS = 1u << FAULT_EINTR,
    MAKES_DESCRIPTOR = 1u << FAULT_EMFILE | 1u << FAULT_ENFILE | 1u << FAULT_ENOMEM,
    MOVES = 1u << FAULT_EINTR | 1u << FAULT_EAGAIN | 1u << FAULT_ENOMEM |
            1u << FAULT_ECONNRESET | 1u << FAULT_ETIMEDOUT | 1u << FAULT_SHORT,
    FILE_BYTES = MOVES | 1u << FAULT_EIO,
    MAKES_NAME =
        1u << FAULT_ENOSPC | 1u << FAULT_EPERM | 1u << FAULT_EIO | 1u << FAULT_ENOMEM,
    LOOKS_AT_NAME = 1u << FAULT_EIO | 1u << FAULT_ENOMEM,
};

static const struct {
    const char *name;
    int error;
} names[FAULTS] = {
    [FAULT_EINTR] = {"EINTR", EINTR},
    [FAULT_EAGAIN] = {"EAGAIN", EAGAIN},
    [FAULT_ENOMEM] = {"ENOMEM", ENOMEM},
    [FAULT_EMFILE] = {"EMFILE", EMFILE},
    [FAULT_ENFILE] = {"ENFILE", ENFILE},
    [FAULT_ENOSPC] = {"ENOSPC", ENOSPC},
    [FAULT_EPERM] = {"EPERM", EPERM},
    [FAULT_EIO] = {"EIO", EIO},
    [FAULT_ECONNRESET] = {"ECONNRESET", ECONNRESET},
    [FAULT_ETIMEDOUT] = {"ETIMEDOUT", ETIMEDOUT},
    [FAULT_SHORT] = {"SHORT", 0},
    [FAULT_CTRUNC] = {"CTRUNC", 0},
};

/* clang-format off */
static const struct call calls[] = {
    {SYS_read, "read", FILE_BYTES, SHAPE_BYTES, false, false, false},
    {SYS_write, "write", FILE_BYTES | BIT(ENOSPC), SHAPE_BYTES, true, false, false},
    {SYS_readv, "readv", FILE_BYTES, SHAPE_VECTOR, false, false, false},
    {SYS_writev, "writev", FILE_BYTES | BIT(ENOSPC), SHAPE_VECTOR, true, false, false},
    {SYS_preadv2, "preadv2", FILE_BYTES, SHAPE_VECTOR, false, false, false},
    {SYS_pwritev2, "pwritev2", FILE_BYTES | BIT(ENOSPC), SHAPE_VECTOR, true, false, false},
    {SYS_recvfrom, "recvfrom", MOVES, SHAPE_BYTES, false, false, false},
    {SYS_sendto, "sendto", MOVES | BIT(EPERM), SHAPE_BYTES, true, false, false},
    {SYS_recvmsg, "recvmsg", MOVES | BIT(CTRUNC), SHAPE_MESSAGE, false, false, false},
    {SYS_sendmsg, "sendmsg", MOVES | BIT(EPERM), SHAPE_MESSAGE, true, false, false},
    {SYS_recvmmsg, "recvmmsg", MOVES, SHAPE_BATCH, false, false, false},
    {SYS_sendmmsg, "sendmmsg", MOVES | BIT(EPERM), SHAPE_BATCH, true, false, false},
    {SYS_mq_timedsend, "mq_timedsend", BIT(EAGAIN) | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_mq_timedreceive, "mq_timedreceive", BIT(EAGAIN), SHAPE_PLAIN, 0, 0, 0},
    {SYS_splice, "splice", WAITS | BIT(EAGAIN) | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},

    {SYS_poll, "poll", WAITS | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_ppoll, "ppoll", WAITS | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_epoll_wait, "epoll_wait", WAITS, SHAPE_PLAIN, 0, 0, 0},
    {SYS_epoll_pwait, "epoll_pwait", WAITS, SHAPE_PLAIN, 0, 0, 0},
    {SYS_clock_nanosleep, "clock_nanosleep", WAITS, SHAPE_PLAIN, 0, 0, 0},
    {SYS_wait4, "wait4", WAITS, SHAPE_PLAIN, 0, 0, 0},
    {SYS_waitid, "waitid", WAITS, SHAPE_PLAIN, 0, 0, 0},
    {SYS_futex, "futex", WAITS, SHAPE_PLAIN, 0, 0, true},
    {SYS_getrandom, "getrandom", WAITS | BIT(EAGAIN), SHAPE_PLAIN, 0, 0, 0},

    {SYS_socket, "socket", MAKES_DESCRIPTOR | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_socketpair, "socketpair", MAKES_DESCRIPTOR | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_pipe2, "pipe2", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_dup, "dup", BIT(EMFILE), SHAPE_PLAIN, 0, 0, 0},
    {SYS_dup3, "dup3", BIT(EINTR), SHAPE_PLAIN, 0, 0, 0},
    {SYS_fcntl, "fcntl", MAKES_DESCRIPTOR | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_epoll_create1, "epoll_create1", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_epoll_ctl, "epoll_ctl", BIT(ENOMEM) | BIT(ENOSPC), SHAPE_PLAIN, 0, 0, 0},
    {SYS_eventfd2, "eventfd2", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_timerfd_create, "timerfd_create", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_signalfd4, "signalfd4", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_inotify_init1, "inotify_init1", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_memfd_create, "memfd_create", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_pidfd_open, "pidfd_open", MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_pidfd_send_signal, "pidfd_send_signal", BIT(EPERM) | BIT(EAGAIN), SHAPE_PLAIN, 0, 0, 0},
    {SYS_accept4, "accept4", MAKES_DESCRIPTOR | BIT(EINTR) | BIT(EAGAIN) | BIT(EPERM),
     SHAPE_PLAIN, 0, 0, 0},
    {SYS_connect, "connect", WAITS | BIT(EAGAIN) | BIT(EPERM) | BIT(ETIMEDOUT),
     SHAPE_PLAIN, 0, 0, 0},
    {SYS_bind, "bind", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_listen, "listen", BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_setsockopt, "setsockopt", BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_getsockopt, "getsockopt", BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},

    {SYS_openat, "openat", MAKES_DESCRIPTOR | MAKES_NAME | BIT(EINTR), SHAPE_PLAIN, 0, 0, 0},
    {SYS_open, "open", MAKES_DESCRIPTOR | MAKES_NAME | BIT(EINTR), SHAPE_PLAIN, 0, 0, 0},
    {SYS_msgget, "msgget", BIT(ENOMEM) | BIT(ENOSPC) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_msgsnd, "msgsnd", BIT(EAGAIN) | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_shmget, "shmget", BIT(ENOMEM) | BIT(ENOSPC) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_shmat, "shmat", BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_shmctl, "shmctl", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_semget, "semget", BIT(ENOMEM) | BIT(ENOSPC) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_semctl, "semctl", BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_semtimedop, "semtimedop", WAITS | BIT(EAGAIN) | BIT(ENOMEM) | BIT(ENOSPC), SHAPE_PLAIN, 0, 0, 0},
    {SYS_msync, "msync", BIT(EIO) | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_process_vm_readv, "process_vm_readv", BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_link, "link", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_mq_open, "mq_open", MAKES_DESCRIPTOR | BIT(ENOSPC) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_close, "close", BIT(EINTR) | BIT(EIO), SHAPE_PLAIN, 0, true, 0},
    {SYS_mkdir, "mkdir", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_mkdirat, "mkdirat", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_mknod, "mknod", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_mknodat, "mknodat", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_linkat, "linkat", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_symlinkat, "symlinkat", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_rename, "rename", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_renameat, "renameat", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_renameat2, "renameat2", MAKES_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_newfstatat, "newfstatat", LOOKS_AT_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_statx, "statx", LOOKS_AT_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_fstat, "fstat", LOOKS_AT_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_readlink, "readlink", LOOKS_AT_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_readlinkat, "readlinkat", LOOKS_AT_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_getdents64, "getdents64", LOOKS_AT_NAME, SHAPE_PLAIN, 0, 0, 0},
    {SYS_fchmod, "fchmod", BIT(EPERM) | BIT(EIO), SHAPE_PLAIN, 0, 0, 0},
    {SYS_fchmodat, "fchmodat", BIT(EPERM) | BIT(EIO), SHAPE_PLAIN, 0, 0, 0},
    {SYS_ftruncate, "ftruncate", MAKES_NAME | BIT(EINTR), SHAPE_PLAIN, 0, 0, 0},
    {SYS_fallocate, "fallocate", MAKES_NAME | BIT(EINTR), SHAPE_PLAIN, 0, 0, 0},
    {SYS_flock, "flock", WAITS | BIT(EAGAIN), SHAPE_PLAIN, 0, 0, 0},
    {SYS_ioctl, "ioctl", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_kcmp, "kcmp", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},

    {SYS_mmap, "mmap", BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_mprotect, "mprotect", BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_mremap, "mremap", BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_membarrier, "membarrier", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_clone, "clone", BIT(EAGAIN) | MAKES_DESCRIPTOR, SHAPE_PLAIN, 0, 0, 0},
    {SYS_clone3, "clone3", BIT(EAGAIN) | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_fork, "fork", BIT(EAGAIN) | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_vfork, "vfork", BIT(EAGAIN) | BIT(ENOMEM), SHAPE_PLAIN, 0, 0, 0},

    {SYS_execve, "execve", MAKES_DESCRIPTOR | BIT(EAGAIN) | BIT(EPERM) | BIT(EIO), SHAPE_PLAIN, 0, 0, 0},
    {SYS_close_range, "close_range", BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_chdir, "chdir", LOOKS_AT_NAME | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_setsid, "setsid", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_setpgid, "setpgid", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_setpriority, "setpriority", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_prlimit64, "prlimit64", BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_setgroups, "setgroups", BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_setresgid, "setresgid", BIT(EAGAIN) | BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
    {SYS_setresuid, "setresuid", BIT(EAGAIN) | BIT(ENOMEM) | BIT(EPERM), SHAPE_PLAIN, 0, 0, 0},
};

/* clang-format on */

/* unlink and its like are left out of MAKES_NAME: closing has nobody to tell. */

const char *fault_name(enum fault fault)
{
    return names[fault].name;
}

int fault_errno(enum fault fault)
{
    return names[fault].error;
}

enum fault fault_named(const char *name)
{
    enum fault fault = 0;
    while (fault < FAULTS && strcmp(names[fault].name, name) != 0)
        fault++;
    return fault;
}

const struct call *call_find(long number)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].number == number)
            return &calls[i];
    return NULL;
}

/* What stands behind a descriptor of another process. */
enum thing {
    THING_OTHER,
    THING_PIPE,
    THING_FILE,
    THING_EVENT, // eventfd and its like: 8 bytes or nothing
    THING_UNIX_STREAM,
    THING_INET_STREAM,
    THING_PACKETS,
};

static int socket_option(int fd, int option)
{
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

static enum thing thing_of(int fd)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return THING_OTHER;
    if (S_ISFIFO(status.st_mode))
        return THING_PIPE;
    if (S_ISREG(status.st_mode))
        return THING_FILE;
    if ((status.st_mode & S_IFMT) == 0)
        return THING_EVENT;
    if (!S_ISSOCK(status.st_mode))
        return THING_OTHER;
    if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
        return THING_PACKETS;
    return socket_option(fd, SO_DOMAIN) == AF_UNIX ? THING_UNIX_STREAM
                                                   : THING_INET_STREAM;
}

/* The same of a descriptor of the process, and whether it waits. */
static enum thing look(pid_t pid, int fd, bool *is_waiting)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    int copy = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
    enum thing thing = copy < 0 ? THING_OTHER : thing_of(copy);
    *is_waiting = copy >= 0 && !(fcntl(copy, F_GETFL) & O_NONBLOCK);
    if (copy >= 0)
        close(copy);
    if (process >= 0)
        close(process);
    return thing;
}

static bool peek(pid_t pid, uint64_t address, void *bytes, size_t size)
{
    struct iovec here = {bytes, size}, there = {(void *)(uintptr_t)address, size};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* How many bytes the call asks to move; at most a few iovecs are looked at. */
static size_t bytes_asked(const struct call *call, pid_t pid,
                          const uint64_t arguments[6])
{
    enum { VECTORS = 8 };
    struct iovec vectors[VECTORS];
    struct msghdr message;
    uint64_t vector = arguments[1], count = arguments[2];
    size_t sum = 0;
    if (call->shape == SHAPE_BYTES)
        return count;
    if (call->shape == SHAPE_MESSAGE) {
        if (!peek(pid, arguments[1], &message, sizeof message))
            return 0;
        vector = (uintptr_t)message.msg_iov;
        count = (uint64_t)message.msg_iovlen;
    }
    count = count < VECTORS ? count : VECTORS;
    if (!count || !peek(pid, vector, vectors, count * sizeof *vectors))
        return 0;
    for (size_t i = 0; i < count; i++)
        sum += vectors[i].iov_len;
    return sum;
}

/* Takes out of the faults of a moving call what this descriptor cannot have. */
static unsigned moving_faults(const struct call *call, pid_t pid,
                              const uint64_t arguments[6])
{
    bool is_waiting;
    unsigned faults = call->faults;
    size_t size = call->shape == SHAPE_BATCH ? 0 : bytes_asked(call, pid, arguments);
    size_t whole = 1; // at most so many bytes are moved together or not at all
    switch (look(pid, (int)arguments[0], &is_waiting)) {
    case THING_EVENT:
        return faults & (call->is_sending ? BIT(EINTR) : BIT(EINTR) | BIT(EAGAIN));
    case THING_PIPE:
        faults &= ~(BIT(ECONNRESET) | BIT(ETIMEDOUT) | BIT(ENOSPC));
        whole = call->is_sending ? PIPE_BUF : 1;
        break;
    case THING_UNIX_STREAM:
    case THING_INET_STREAM:
        whole = call->is_sending ? PAGE : 1; // they go into one buffer of the kernel
        break;
    case THING_FILE:
        faults &= ~(BIT(ECONNRESET) | BIT(ETIMEDOUT) | BIT(EAGAIN));
        break;
    case THING_PACKETS:
    case THING_OTHER:
        whole = SIZE_MAX;
        break;
    }
    bool can_be_short = call->shape == SHAPE_BATCH ? arguments[2] > 1 : size > whole;
    return can_be_short ? faults : faults & ~BIT(SHORT);
}

/* A call that may not wait is not interrupted, and says EAGAIN only where others wait.
 */
static unsigned connect_faults(const struct call *call, pid_t pid, int fd)
{
    bool is_waiting;
    enum thing thing = look(pid, fd, &is_waiting);
    unsigned faults = call->faults;
    if (!is_waiting)
        faults &= ~BIT(EINTR);
    if (is_waiting || thing != THING_UNIX_STREAM)
        faults &= ~BIT(EAGAIN);
    if (thing != THING_INET_STREAM)
        faults &= ~BIT(ETIMEDOUT);
    return faults;
}

/* fcntl is many calls in one. */
static unsigned fcntl_faults(int command)
{
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return BIT(EMFILE);
    case F_SETPIPE_SZ:
        return BIT(EPERM) | BIT(ENOMEM);
    case F_ADD_SEALS:
    case F_SETFL:
        return BIT(EPERM);
    case F_SETLKW:
    case F_OFD_SETLKW:
        return BIT(EINTR) | BIT(ENOMEM);
    case F_SETLK:
    case F_OFD_SETLK:
        return BIT(EAGAIN) | BIT(ENOMEM);
    default:
        return 0;
    }
}

unsigned call_faults(const struct call *call, pid_t pid, const uint64_t arguments[6])
{
    unsigned faults = call->faults;
    if (IS_SANITIZED && (call->number == SYS_mmap || call->number == SYS_mprotect))
        return 0; // the sanitizer's own allocator ends the process
    if (call->number == SYS_prlimit64 && arguments[2] == 0)
        return 0; // it only asks
    if (call->number == SYS_fcntl)
        return fcntl_faults((int)arguments[1]);
    if (call->number == SYS_flock)
        return arguments[1] & LOCK_NB ? BIT(EAGAIN) : BIT(EINTR);
    if (call->number == SYS_connect)
        return connect_faults(call, pid, (int)arguments[0]);
    if (call->shape != SHAPE_PLAIN)
        faults = moving_faults(call, pid, arguments);
    if (faults & BIT(CTRUNC)) {
        struct msghdr message;
        if (!peek(pid, arguments[1], &message, sizeof message) ||
            !message.msg_controllen)
            faults &= ~BIT(CTRUNC);
    }
    return faults;
}
