/* SPDX-License-Identifier: MIT */
/*
 * os: the only folder with system headers and #if.  Descriptors, clock, waiting, identity.
 *
 * Everything here is one system call or a few, without policy: who waits, retries and gives
 * up is decided above.  Results are >= 0 or a negative errno; EINTR never comes out.  No
 * call waits, except os_wait.  Every descriptor is close-on-exec from birth, and the flags
 * of a description that was not made here are never changed (MSG_DONTWAIT, RWF_NOWAIT, or
 * reopening through /proc/self/fd instead).
 */
#ifndef OS_H
#define OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/deadline.h>
#include <wherry/message.h>

/* --- clock_linux.c, wait_linux.c ------------------------------------------------------- */

int64_t os_now(void); /* CLOCK_MONOTONIC, nanoseconds */

/* Gives up the processor once, so that a peer on the same core can run. */
void os_yield(void);

struct os_wait {
    int fd;
    short events; /* poll(2) */
    short happened;
};

/* Waits for one of `count` descriptors until `deadline`: how many happened, or -ETIMEDOUT.
 * A signal does not end it. */
int os_wait(struct os_wait *waits, size_t count, wherry_deadline deadline);

/* A bell wakes a wait from another thread or a signal handler: an eventfd(2). */
int os_bell_new(void);      /* the descriptor, or -EMFILE … */
void os_bell_ring(int bell); /* async-signal-safe; readable from now on */
void os_bell_clear(int bell);

/* A watch is readable while any of its members is: an epoll(7) descriptor. */
int os_watch_new(void);
int os_watch_add(int watch, int fd, short events);
void os_watch_remove(int watch, int fd);

/* --- lock_linux.c -------------------------------------------------------------------------- */

struct os_lock;
size_t os_lock_size(void);

/* --- descriptor_linux.c: what kind it is, reading and writing bytes ------------------------ */

enum os_kind {
    OS_KIND_PIPE, /* a pipe or FIFO */
    OS_KIND_STREAM,
    OS_KIND_PACKET,   /* SOCK_SEQPACKET */
    OS_KIND_DATAGRAM, /* SOCK_DGRAM */
    OS_KIND_FILE,     /* a regular file: always ready */
    OS_KIND_TERMINAL,
    OS_KIND_OTHER
};

/* A descriptor that bytes or packets move through without waiting. */
struct os_descriptor {
    int fd;
    enum os_kind kind;
    bool ours;       /* we made the description and set O_NONBLOCK on it */
    bool owned;      /* close it at the end */
    bool is_unix;    /* AF_UNIX: files and credentials can travel */
    uint8_t refused; /* which of RWF_NOWAIT, RWF_NOSIGNAL this kernel refused */
};

/* Finds out what `fd` is and how to use it without waiting (and without changing its
 * flags).  `write` says which direction will be used.  `ours`: it was made by us with
 * O_NONBLOCK.  On failure fd is still the caller's.
 * Errors: -EBADF, -EMFILE, -EACCES (it would have to be reopened, and that is not
 * allowed). */
int os_adopt(int fd, bool write, bool ours, struct os_descriptor *out);

struct os_bytes {
    const void *bytes;
    size_t size;
};

/* Moves what it can of up to 4 pieces: how many bytes, -EAGAIN, -EPIPE … never raises
 * SIGPIPE. */
int64_t os_write(struct os_descriptor *, const struct os_bytes *pieces, size_t count);

/* Up to `size` bytes, 0 at the end, -EAGAIN … */
int64_t os_read(struct os_descriptor *, void *bytes, size_t size);

void os_close(int fd); /* < 0 is fine */

#endif
