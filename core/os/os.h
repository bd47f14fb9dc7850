/* SPDX-License-Identifier: MIT */
/*
 * os: the only folder with system headers and #if.  Clock, waiting, descriptors,
 * sockets, queues, signals, processes, names in the file system, identity.
 *
 * Everything here is one system call or a few, without policy: who waits, retries and
 * gives up is decided above.  Results are >= 0 or a negative errno; EINTR never comes
 * out.  Only os_wait, os_connect and os_look_up wait.  Every descriptor is
 * close-on-exec from birth, and the flags of a description that was not made here are
 * never changed: MSG_DONTWAIT, RWF_NOWAIT, or reopening through /proc/self/fd instead.
 */
#ifndef OS_H
#define OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define OS_KNOWS_ALONE // since glibc 2.32
#endif

#include <wherry/deadline.h>
#include <wherry/message.h>

/* --- clock_linux.c ------------------------------------------------------- */

/* wherry_now() as it was some milliseconds ago at most, for a fraction of its cost. */
int64_t os_tick(void);

/* Gives up the processor once, so that a peer on the same core can run. */
void os_yield(void);

/* --- processor_linux.c: who runs where, and in which order they see what is written -
 */

/* The processor that this thread runs on now; it may be another one a moment later. */
uint32_t os_processor(void);

/* For a loop that waits for another processor to write something. */
static inline void os_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

/* This process takes part in os_barrier_pass.  Errors: -ENOSYS, -EPERM …: this kernel
 * has no membarrier(2). */
int os_barrier_join(void);

/* Every thread that runs in a process that takes part passes a full fence before this
 * returns.  It disturbs the whole machine. */
void os_barrier_pass(void);

/* --- wait_linux.c -------------------------------------------------------- */

enum { OS_WAITS = 8 };

struct os_wait {
    int fd;
    short events;   /* poll(2) */
    short happened; /* poll(2), with POLLHUP and POLLERR */
};

/* Waits until something happens to one of `count` (at most OS_WAITS) descriptors: how
 * many, or -ETIMEDOUT.  A signal does not end it. */
int os_wait(struct os_wait *waits, size_t count, wherry_deadline deadline);

/* Whether there is anything to read now, or an end. */
bool os_is_readable(int fd);

/* poll(2)'s words for a direction. */
extern const short os_wait_in;
extern const short os_wait_out;

/* A bell wakes a wait from another thread or from a signal handler: an eventfd(2). */
int os_bell_new(void);        /* the descriptor, or -EMFILE … */
void os_bell_ring(int bell);  /* async-signal-safe; it is readable from now on */
bool os_bell_clear(int bell); /* whether it was rung; it is not any more */

/* A bell that another process rings: a socket pair, of which that one gets `theirs`.
 * What it rings may be anything that a stranger sent: it never waits.  Errors: -EMFILE,
 * -ENFILE. */
int os_far_bell_new(int *ours, int *theirs);
void os_far_bell_ring(int theirs);
void os_far_bell_clear(int ours);

/* A watch is readable while any of its members is: an epoll(7) descriptor. */
int os_watch_new(void);
int os_watch_add(int watch, int fd, short events);
void os_watch_change(int watch, int fd,
                     bool reads); /* a member's events: in, or none */
void os_watch_remove(int watch, int fd);

/* Which members are readable now, at most OS_READY of them: how many. */
enum { OS_READY = 16 };

int os_watch_ready(int watch, int *fds, int most);

/* A timer is readable from the moment it is set to: a timerfd(2), never read. */
int os_timer_new(void);                           /* the descriptor, or -EMFILE … */
void os_timer_set(int timer, wherry_deadline at); /* WHERRY_FOREVER: never */

/* --- lock_linux.c -------------------------------------------------------- */

/* Whether this is the only thread of the process; false if that is not known.  It stays
 * true until this thread starts another. */
static inline bool os_alone(void)
{
#ifdef OS_KNOWS_ALONE
    return __libc_single_threaded;
#else
    return false;
#endif
}

/* One thread at a time; held for a system call at most, never while waiting.  All zero
 * is a free one.  Without contention taking and giving are one atomic operation each,
 * and not even that where there is one thread: a small message costs so little that
 * pthread_mutex_lock(3) would be felt. */
struct os_lock {
    atomic_uint state; /* enum os_lock_state */
};

enum os_lock_state { OS_LOCK_FREE, OS_LOCK_TAKEN, OS_LOCK_WANTED };

/* The slow halves: sleeps until the lock is its own; wakes one that sleeps. */
void os_lock_wait(struct os_lock *);
void os_lock_wake(struct os_lock *);

static inline bool os_lock_try(struct os_lock *lock)
{
    unsigned state = OS_LOCK_FREE;
    if (os_alone()) {
        state = atomic_load_explicit(&lock->state, memory_order_relaxed);
        if (state == OS_LOCK_FREE)
            atomic_store_explicit(&lock->state, OS_LOCK_TAKEN, memory_order_relaxed);
        return state == OS_LOCK_FREE;
    }
    // In one order with what else is atomic: whoever finds the lock taken leaves word
    // to its holder (channel_give_out), who looks for it after giving the lock back.
    return atomic_compare_exchange_strong(&lock->state, &state, OS_LOCK_TAKEN);
}

static inline void os_lock_take(struct os_lock *lock)
{
    if (!os_lock_try(lock))
        os_lock_wait(lock);
}

static inline void os_lock_give(struct os_lock *lock)
{
    if (os_alone()) {
        atomic_store_explicit(&lock->state, OS_LOCK_FREE, memory_order_relaxed);
        return;
    }
    if (atomic_exchange(&lock->state, OS_LOCK_FREE) == OS_LOCK_WANTED)
        os_lock_wake(lock);
}

/* --- descriptor_linux.c: bytes in and out, without waiting and without SIGPIPE --- */

enum os_kind {
    OS_KIND_PIPE,     /* a pipe or FIFO */
    OS_KIND_STREAM,   /* SOCK_STREAM */
    OS_KIND_PACKET,   /* SOCK_SEQPACKET */
    OS_KIND_DATAGRAM, /* SOCK_DGRAM */
    OS_KIND_FILE,     /* a regular file: always ready */
    OS_KIND_TERMINAL,
    OS_KIND_OTHER
};

struct os_descriptor {
    int fd;
    enum os_kind kind;
    bool nonblocking; /* its description is ours and has O_NONBLOCK */
    bool owned;       /* os_release closes it */
    bool is_unix;     /* AF_UNIX: open files and credentials can travel */
    bool is_listening;
    bool masks_sigpipe; /* this kernel has no RWF_NOSIGNAL */
    bool awaits_writer; /* a FIFO: its end before the first writer is none */
};

#define OS_DESCRIPTOR_NONE ((struct os_descriptor){.fd = -1})

/* One that was opened here without waiting ever after, and is no file, pipe or socket.
 */
#define OS_DESCRIPTOR_OF(number)                                                       \
    ((struct os_descriptor){                                                           \
        .fd = (number), .kind = OS_KIND_OTHER, .nonblocking = true, .owned = true})

/* Finds out what `fd` is and makes it usable without waiting, its flags untouched.  A
 * terminal, or a pipe on a kernel without RWF_NOWAIT for pipes, is reopened, and then
 * out->fd is a new, owned descriptor.
 * Errors: -EBADF, -EMFILE, -EACCES and -ENXIO (cannot be reopened). */
int os_adopt(int fd, bool write, struct os_descriptor *out);

/* What `fd` is (its kind, is_unix, is_listening), without touching it.
 * Errors: -EBADF. */
int os_inspect(int fd, struct os_descriptor *out);

/* os_adopt of a copy, which is owned; `fd` stays the caller's.  Errors: as os_adopt. */
int os_adopt_copy(int fd, bool write, struct os_descriptor *out);

/* Whether messages go through socket calls. */
static inline bool os_is_socket(const struct os_descriptor *descriptor)
{
    return descriptor->kind == OS_KIND_STREAM || descriptor->kind == OS_KIND_PACKET ||
           descriptor->kind == OS_KIND_DATAGRAM;
}

/* Closes it if it is owned; it is none afterwards. */
void os_release(struct os_descriptor *);

void os_close(int fd); /* < 0 is fine */
int os_duplicate(int fd);

/* Whether reading and writing wait from now on; of a description that was made here and
 * is given away. */
void os_make_waiting(int fd, bool waits);

/* Whether anything stands at that number. */
bool os_is_open(int fd);

/* What a descriptor was opened for.  Errors: -EBADF. */
int os_access(int fd, bool *reads, bool *writes);

struct os_bytes {
    const void *bytes;
    size_t size;
};

struct os_room {
    void *bytes;
    size_t size;
};

enum { OS_PIECES = 4 }; /* the most pieces of one write or read */

/* Moves what it can of `count` pieces: how many bytes, -EAGAIN, -EPIPE …. */
int64_t os_write(struct os_descriptor *, const struct os_bytes *pieces, size_t count);

/* Fills what it can of `count` rooms: how many bytes, 0 at the end, -EAGAIN …. */
int64_t os_read(struct os_descriptor *, const struct os_room *rooms, size_t count);

/* pipe(2): both ends non-blocking, with room for `capacity` bytes (0: the system's). */
int os_pipe(size_t capacity, struct os_descriptor *reading,
            struct os_descriptor *writing);

/* The same open file at 3 or above, if it stands at 0, 1 or 2, which are not ours to
 * take where the program has them closed: what looks for its stdin would find it. Takes
 * `fd`, also on failure; a negative one comes back.  Errors: -EMFILE. */
int os_above_standard(int fd);

/* The same of two that were opened together: on failure neither is left. */
int os_both_above_standard(int ends[2]);

/* One end of a pipe to be given away, which waits as programs expect, and one to keep.
 */
int os_pipe_to_give(bool gives_reading, int *given, int *kept);

/* A pipe both ends of which are to be given away. */
int os_pipe_between(int *reading, int *writing);

/* Sets a pipe's capacity; what the system allows is the caller's limit. */
int os_pipe_resize(int fd, size_t capacity);

/* Makes it at least that large, where the system lets it be; a larger one stays. */
void os_pipe_widen(int fd, size_t capacity);

/* Bytes that wait in a descriptor to be read, or written and not yet taken; -ENOTSUP.
 */
int64_t os_unread(int fd);
int64_t os_unsent(int fd);

/* --- name_linux.c: names of sockets -------------------------------------- */

/* A socket's name: struct sockaddr, as bytes. */
struct os_name {
    uint32_t size; /* 0: none */
    _Alignas(8) uint8_t bytes[128];
};

/* unix(7): a path, or with `abstract` any bytes.  Errors: -ENAMETOOLONG (the sentence
 * has the limit), -EINVAL (empty). */
int os_name_unix(const char *path, size_t size, bool abstract, struct os_name *out);

/* Binding to it gives an abstract name that the kernel chooses. */
void os_name_unix_any(struct os_name *out);

/* Looks up HOST:PORT ([v6]:PORT); up to `most` names, how many.  The one wait that no
 * deadline ends, unless `numeric`.
 * Errors: -EINVAL, -ENOENT (no such host), -EAGAIN (the resolver failed for now). */
int os_look_up(const char *host_port, bool numeric, bool passive, struct os_name *out,
               size_t most);

/* Whether it is HOST:PORT, without looking it up.  Errors: -EINVAL, -ENAMETOOLONG. */
int os_host_port(const char *text);

/* "unix:/path", "unix:@name", "tcp:127.0.0.1:80", "udp:[::1]:80"; "" for no name. */
void os_name_print(const struct os_name *, const char *scheme, char *out, size_t size);

/* The reverse, numbers only.  Errors: -EINVAL, -ENAMETOOLONG. */
int os_name_read(const char *text, struct os_name *out);

bool os_name_is_unix(const struct os_name *);
bool os_name_same(const struct os_name *, const struct os_name *);

/* --- socket_linux.c ------------------------------------------------------ */

/* What belongs to a socket before it is used; 0 and NULL are the system's choice. */
struct os_socket_plan {
    enum os_kind kind;
    const struct os_name *name;  /* connect to it, or bind and listen on it */
    const struct os_name *bound; /* the own name of one that connects */
    int64_t buffer;              /* SO_SNDBUF and SO_RCVBUF, bytes */
    int backlog;
    bool reuse_port;
    bool no_delay; /* TCP_NODELAY */
    bool identify; /* SO_PASSCRED and SO_PASSPIDFD */
    uint32_t mode; /* of a unix(7) path, whatever the umask; 0: 0600 less the umask */
};

/* A connected pair.  Errors: -EMFILE, -ENFILE, -ENOMEM. */
int os_socket_pair(const struct os_socket_plan *, struct os_descriptor out[2]);

/* Connects; waits until `deadline` (a full unix backlog cannot be polled: SO_SNDTIMEO).
 * A path that was bound for it is gone again when it fails.
 * Errors: as connect(2), -EAGAIN for WHERRY_POLL, -ETIMEDOUT. */
int os_connect(const struct os_socket_plan *, wherry_deadline deadline,
               struct os_descriptor *out);

/* Binds, and listens where the kind does.  Errors: as bind(2) and listen(2). */
int os_bind(const struct os_socket_plan *, struct os_descriptor *out);

/* The next connection, or -EAGAIN …. */
int os_accept(const struct os_descriptor *listening, struct os_descriptor *out);

/* Its own name, and its peer's. */
int os_socket_name(int fd, struct os_name *out);
int os_socket_peer(int fd, struct os_name *out);

/* The largest packet it sends, or 0 for no limit. */
uint64_t os_packet_limit(const struct os_descriptor *);

/* Whether the kernel attaches who sent it to what arrives here. */
void os_identify(int fd, bool on);

/* Whether somebody still has the writing end of a pipe that nobody has written to;
 * false where that cannot be told. */
bool os_has_writer(int fd);

/* Whether the peer will send no more (POLLRDHUP). */
bool os_hung_up(int fd);

/* Whether the peer's end is still open, be it to receive only (no POLLHUP). */
bool os_has_peer(int fd);

/* No more in that direction: shutdown(2). */
int os_shut_down(int fd);

/* --- room_linux.c -------------------------------------------------------- */

/* Address space that takes memory only where it is written to (mmap(2), MAP_NORESERVE);
 * NULL: there is none. */
void *os_room_new(size_t size);
void os_room_free(void *room, size_t size); /* NULL is fine */

/* --- packet_linux.c: sendmsg and recvmsg --------------------------------- */

enum { OS_FILES = 253 }; /* SCM_MAX_FD */

/* Sends the pieces with open files, to `to` (NULL: the peer).
 * Errors: -EAGAIN, -EMSGSIZE, -ETOOMANYREFS …. */
int64_t os_send(struct os_descriptor *, const struct os_bytes *pieces, size_t count,
                const int *files, size_t file_count, const struct os_name *to);

/* What came with received bytes.  `files` are the caller's to close. */
struct os_arrival {
    size_t file_count;
    bool files_lost; /* more came than this process had room for (MSG_CTRUNC) */
    bool cut;        /* a packet was larger than the rooms */
    bool identified; /* pid, uid and gid are set, by the kernel */
    int64_t pid, uid, gid;
    uint64_t identity; /* the pidfd's inode, or 0 */
    struct os_name from;
    int *files; /* room for OS_FILES, the caller's */
};

/* Fills the rooms, as os_read, and tells what came beside the bytes. */
int64_t os_receive(struct os_descriptor *, const struct os_room *rooms, size_t count,
                   struct os_arrival *arrival, bool want_name);

/* --- path_linux.c: names in the file system ------------------------------ */

/* What was made there, so that exactly it is removed and nothing else. */
struct os_file {
    uint64_t device;
    uint64_t inode;
    int64_t process; /* that made it: a copy after fork(2) removes nothing */
};

/* mkfifo(3).  made = false when a FIFO stands there already.
 * Errors: -EEXIST (something else stands there), -ENOENT, -EACCES …. */
int os_make_fifo(const char *path, uint32_t mode, bool *made, struct os_file *out);

enum os_fifo_end {
    OS_FIFO_READ,  /* os_read says -EAGAIN until the first writer has come */
    OS_FIFO_WRITE, /* -ENXIO where nobody reads */
    OS_FIFO_KEEP   /* reads, and never sees an end: it could write itself (fifo(7)) */
};

/* Opens one end of a FIFO; non-blocking, its description ours.
 * Errors: -ENOTSUP (not a FIFO), as open(2). */
int os_open_fifo(const char *path, enum os_fifo_end, struct os_descriptor *out);

/* Binds a unix(7) path that may be stale: under a lock beside it (flock(2)), replaced
 * if nobody listens there; never unlinked blindly. Errors: -EADDRINUSE
 * (somebody listens), -EEXIST (not a socket), as bind(2). */
int os_bind_path(const struct os_socket_plan *, struct os_descriptor *out,
                 struct os_file *made);

/* Removes the path if it still is what was made. */
void os_remove(const char *path, const struct os_file *made);

/* Whether a socket of this network namespace is bound to the path, which is `file`: 1
 * or 0, or an error where the kernel does not tell. */
int os_is_bound(const char *path, const struct os_file *file);

/* Removes a FIFO.  Errors: -ENOENT, -EEXIST (not a FIFO), as unlink(2). */
int os_remove_fifo(const char *path);

/* Removes the path of a unix(7) socket that nobody has bound any more, if there is one.
 * Errors: -EADDRINUSE (somebody has, or it cannot be told), -EEXIST (not a
 * socket), as unlink(2). */
int os_sweep(const char *path);

/* What stands at the path now.  Errors: as lstat(2). */
int os_look(const char *path, struct os_file *out);

enum os_use {
    OS_USE_READ,
    OS_USE_WRITE,  /* made if it is not there, and emptied */
    OS_USE_APPEND, /* made if it is not there */
    OS_USE_BOTH
};

/* Opens a file, for a program that waits for it.  Errors: as open(2). */
int os_open(const char *path, enum os_use);

/* "a socket", "a FIFO", "a regular file", …; "nothing" where nothing can be seen. */
const char *os_path_word(const char *path);

/* The path from the root on, for a program that changes its directory; to be freed.
 * NULL: no memory. */
char *os_path_absolute(const char *path);

/* --- named objects ------------------------------------------------------- */

/* What to do about an object of that name. */
enum os_create {
    OS_CREATE_YES,      /* open it, or make it where there is none */
    OS_CREATE_NO,       /* open it */
    OS_CREATE_EXCLUSIVE /* make it; one that is there already is an error */
};

/* The key of a System V object that is named for a file: ftok(3); path_linux.c.
 * Errors: as stat(2). */
int os_key_of_file(const char *path, int number, int64_t *out);

/* --- identity_linux.c ---------------------------------------------------- */

/* Who created the other end of a unix socket (SO_PEERCRED): trust is CREATOR, or NONE.
 */
void os_creator(int fd, struct wherry_peer *out);

/* This process, to notice a fork(2) since. */
int64_t os_self(void);

/* The user that this process acts for. */
int64_t os_user(void);

/* The pid namespace of this process: within it, and until the machine is started anew,
 * a process or thread is known by its number.  Errors: -ENOTSUP (there is no /proc),
 * -EMFILE, -ENFILE. */
struct os_era {
    uint32_t namespace;
    uint32_t start[4]; /* of the machine */
};

int os_era(struct os_era *out);

/* Other processes that have the far end of a pipe or unix socket open, from /proc; how
 * many were found (more than `most` are only counted). */
int os_holders(int fd, bool far_end_writes, int64_t *pids, int most);

/* The rest of the layer, which stands on what is above. */
#include "os/life.h"
#include "os/mutex.h"
#include "os/process.h"
#include "os/queue.h"
#include "os/region.h"
#include "os/semaphore.h"
#include "os/shared.h"
#include "os/signal.h"

#endif
