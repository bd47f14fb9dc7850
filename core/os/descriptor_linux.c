/* SPDX-License-Identifier: MIT */
/*
 * Bytes through a descriptor, without waiting and without SIGPIPE.
 *
 * A socket is used with MSG_DONTWAIT and MSG_NOSIGNAL.  A pipe that was made here is
 * O_NONBLOCK; one that was inherited shares its flags with strangers, so each call says
 * RWF_NOWAIT, or, on kernels that refuse it for pipes (before 6.4), the pipe is opened
 * a second time through /proc/self/fd with a description of our own.  RWF_NOSIGNAL
 * (6.18) keeps a write to a widowed pipe quiet; before it, SIGPIPE is blocked around
 * the write and taken back if it came.
 */
#define _GNU_SOURCE
#include "os/os.h"
#include "os/written.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockios.h>

// uapi/linux/fs.h; RWF_NOSIGNAL is newer than Debian 12's, and musl has none of them.
enum { NOWAIT = 0x00000008, NOSIGNAL = 0x00000100 };

// musl 1.2.3 has no wrappers for readv and writev with flags.  An offset of -1 means
// the file's own position (preadv2(2)).
static ssize_t read_flagged(int fd, const struct iovec *vector, size_t count, int flags)
{
    ssize_t r = syscall(SYS_preadv2, fd, vector, count, -1L, -1L, flags);
    if (r > 0)
        os_were_written(vector, count, (size_t)r);
    return r;
}

static ssize_t write_flagged(int fd, const struct iovec *vector, size_t count,
                             int flags)
{
    return syscall(SYS_pwritev2, fd, vector, count, -1L, -1L, flags);
}

static enum os_kind kind_of_socket(int type)
{
    static const struct {
        int type;
        enum os_kind kind;
    } kinds[] = {{SOCK_STREAM, OS_KIND_STREAM},
                 {SOCK_SEQPACKET, OS_KIND_PACKET},
                 {SOCK_DGRAM, OS_KIND_DATAGRAM}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type == type)
            return kinds[i].kind;
    }
    return OS_KIND_OTHER;
}

static int get_int(int fd, int option)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

static int find_kind(int fd, struct os_descriptor *out)
{
    struct stat status;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (flags & O_PATH) // a place in the file system, not an open file (open(2))
        return -EBADF;
    out->kind = OS_KIND_OTHER;
    if (S_ISFIFO(status.st_mode))
        out->kind = OS_KIND_PIPE;
    if (S_ISREG(status.st_mode))
        out->kind = OS_KIND_FILE;
    if (S_ISCHR(status.st_mode) && isatty(fd))
        out->kind = OS_KIND_TERMINAL;
    if (S_ISSOCK(status.st_mode)) {
        out->kind = kind_of_socket(get_int(fd, SO_TYPE));
        out->is_unix = get_int(fd, SO_DOMAIN) == AF_UNIX;
        out->is_listening = get_int(fd, SO_ACCEPTCONN) == 1;
    }
    return 0;
}

// Asked of a pipe of our own: on a stranger's, a byte would have to be moved to know.
static bool pipes_know_nowait(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    char byte;
    struct iovec one = {&byte, 1};
    ssize_t r = read_flagged(ends[0], &one, 1, NOWAIT);
    bool known = r < 0 && errno == EAGAIN;
    close(ends[0]);
    close(ends[1]);
    return known;
}

// A FIFO, or a pipe by its name in /proc: the kernel refuses RWF_NOWAIT for those.
// open(2) leaves a flag (O_LARGEFILE, which the C library hides) that pipe(2) does not.
static bool was_opened_by_name(int pipe)
{
    int named = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int mark = named < 0 ? 0 : fcntl(named, F_GETFL) & ~O_ACCMODE;
    os_close(named);
    return (fcntl(pipe, F_GETFL) & mark) != 0;
}

static bool knows_nowait(int pipe)
{
    return !was_opened_by_name(pipe) && pipes_know_nowait();
}

static int reopen(struct os_descriptor *descriptor, bool write)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor->fd);
    int flags = (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    int fd = open(path, flags);
    if (fd < 0)
        return -errno;
    descriptor->fd = fd;
    descriptor->nonblocking = true;
    descriptor->owned = true;
    return 0;
}

int os_adopt(int fd, bool write, struct os_descriptor *out)
{
    struct os_descriptor found = {.fd = fd};
    int r = find_kind(fd, &found);
    if (r < 0)
        return r;
    bool must_reopen = found.kind == OS_KIND_TERMINAL || found.kind == OS_KIND_OTHER ||
                       (found.kind == OS_KIND_PIPE && !knows_nowait(fd));
    if (must_reopen && (r = reopen(&found, write)) < 0)
        return r;
    *out = found;
    return 0;
}

int os_inspect(int fd, struct os_descriptor *out)
{
    struct os_descriptor found = {.fd = fd};
    int r = find_kind(fd, &found);
    if (r >= 0)
        *out = found;
    return r;
}

int os_adopt_copy(int fd, bool write, struct os_descriptor *out)
{
    int copy = os_duplicate(fd);
    if (copy < 0)
        return copy;
    int r = os_adopt(copy, write, out);
    if (r < 0 || out->fd != copy)
        os_close(copy);
    if (r >= 0)
        out->owned = true;
    return r;
}

void os_close(int fd)
{
    // close(2) is never retried: on Linux the descriptor is gone whatever it says.
    if (fd >= 0)
        close(fd);
}

void os_release(struct os_descriptor *descriptor)
{
    if (descriptor->owned)
        os_close(descriptor->fd);
    *descriptor = OS_DESCRIPTOR_NONE;
}

int os_duplicate(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

bool os_is_open(int fd)
{
    return fcntl(fd, F_GETFL) >= 0;
}

int os_access(int fd, bool *reads, bool *writes)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    *reads = (flags & O_ACCMODE) != O_WRONLY;
    *writes = (flags & O_ACCMODE) != O_RDONLY;
    return 0;
}

static size_t pieces_to_vector(const struct os_bytes *pieces, size_t count,
                               struct iovec *vector)
{
    assert(count <= OS_PIECES);
    for (size_t i = 0; i < count; i++)
        vector[i] = (struct iovec){(void *)(uintptr_t)pieces[i].bytes, pieces[i].size};
    return count;
}

static void drop_pending_sigpipe(const sigset_t *pipe_only)
{
    struct timespec now = {0};
    while (sigtimedwait(pipe_only, NULL, &now) < 0 && errno == EINTR)
        ;
}

static ssize_t write_quietly(int fd, const struct iovec *vector, size_t count,
                             int flags)
{
    sigset_t pipe_only;
    sigset_t before;
    sigset_t pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t r = write_flagged(fd, vector, count, flags);
    int error = errno;
    // Only the signal of this write is taken back, not one that waited before it.
    if (r < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
        drop_pending_sigpipe(&pipe_only);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return r;
}

static ssize_t write_vector(struct os_descriptor *descriptor,
                            const struct iovec *vector, size_t count)
{
    bool waits_never = descriptor->nonblocking || descriptor->kind == OS_KIND_FILE;
    int nowait = waits_never ? 0 : NOWAIT;
    if (!descriptor->masks_sigpipe) {
        ssize_t r = write_flagged(descriptor->fd, vector, count, nowait | NOSIGNAL);
        if (r >= 0 || (errno != EOPNOTSUPP && errno != EINVAL))
            return r;
        descriptor->masks_sigpipe = true;
    }
    return write_quietly(descriptor->fd, vector, count, nowait);
}

static ssize_t send_vector(struct os_descriptor *descriptor, struct iovec *vector,
                           size_t count)
{
    if (count == 1)
        return send(descriptor->fd, vector->iov_base, vector->iov_len,
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    struct msghdr header = {.msg_iov = vector, .msg_iovlen = count};
    return sendmsg(descriptor->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int64_t os_write(struct os_descriptor *descriptor, const struct os_bytes *pieces,
                 size_t count)
{
    struct iovec vector[OS_PIECES];
    count = pieces_to_vector(pieces, count, vector);
    ssize_t r;
    do
        r = os_is_socket(descriptor) ? send_vector(descriptor, vector, count)
                                     : write_vector(descriptor, vector, count);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static ssize_t read_vector(struct os_descriptor *descriptor, struct iovec *vector,
                           size_t count)
{
    if (os_is_socket(descriptor)) {
        if (count == 1)
            return recv(descriptor->fd, vector->iov_base, vector->iov_len,
                        MSG_DONTWAIT);
        struct msghdr header = {.msg_iov = vector, .msg_iovlen = count};
        return recvmsg(descriptor->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    }
    if (descriptor->nonblocking || descriptor->kind == OS_KIND_FILE)
        return count == 1 ? read(descriptor->fd, vector->iov_base, vector->iov_len)
                          : readv(descriptor->fd, vector, (int)count);
    return read_flagged(descriptor->fd, vector, count, NOWAIT);
}

// A FIFO that nobody has written to yet reads as ended, but has not hung up (fifo(7)).
static ssize_t read_descriptor(struct os_descriptor *descriptor, struct iovec *vector,
                               size_t count)
{
    ssize_t r = read_vector(descriptor, vector, count);
    if (r != 0 || !descriptor->awaits_writer)
        return r;
    if (!os_hung_up(descriptor->fd)) {
        errno = EAGAIN;
        return -1;
    }
    // A writer may have come and gone since the first look.
    descriptor->awaits_writer = false;
    return read_vector(descriptor, vector, count);
}

int64_t os_read(struct os_descriptor *descriptor, const struct os_room *rooms,
                size_t count)
{
    struct iovec vector[OS_PIECES];
    assert(count <= OS_PIECES);
    for (size_t i = 0; i < count; i++)
        vector[i] = (struct iovec){rooms[i].bytes, rooms[i].size};
    ssize_t r;
    do
        r = read_descriptor(descriptor, vector, count);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

void os_make_waiting(int fd, bool waits)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, waits ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

int os_pipe_resize(int fd, size_t capacity)
{
    if (capacity > INT_MAX)
        return -EINVAL;
    return fcntl(fd, F_SETPIPE_SZ, (int)capacity) < 0 ? -errno : 0;
}

void os_pipe_widen(int fd, size_t capacity)
{
    int present = fcntl(fd, F_GETPIPE_SZ);
    if (present >= 0 && (size_t)present < capacity)
        (void)os_pipe_resize(fd, capacity);
}

int os_pipe(size_t capacity, struct os_descriptor *reading,
            struct os_descriptor *writing)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    // A user over the system's soft limit of pipe pages gets the standard size: slower,
    // not wrong.
    if (capacity > 0)
        (void)os_pipe_resize(ends[1], capacity);
    struct os_descriptor end = {
        .kind = OS_KIND_PIPE, .nonblocking = true, .owned = true};
    *reading = end;
    *writing = end;
    reading->fd = ends[0];
    writing->fd = ends[1];
    return 0;
}

int os_above_standard(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int r = above < 0 ? -errno : above;
    close(fd);
    return r;
}

int os_both_above_standard(int ends[2])
{
    ends[0] = os_above_standard(ends[0]);
    ends[1] = os_above_standard(ends[1]);
    int r = ends[0] < 0 ? ends[0] : ends[1] < 0 ? ends[1] : 0;
    if (r < 0) {
        os_close(ends[0]);
        os_close(ends[1]);
    }
    return r;
}

static int open_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) < 0 ? -errno : os_both_above_standard(ends);
}

int os_pipe_to_give(bool gives_reading, int *given, int *kept)
{
    int ends[2];
    int opened = open_pipe(ends);
    if (opened < 0)
        return opened;
    *given = ends[gives_reading ? 0 : 1];
    *kept = ends[gives_reading ? 1 : 0];
    // One that waits would keep who has a deadline past it.
    int r = fcntl(*kept, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
    if (r < 0) {
        close(ends[0]);
        close(ends[1]);
    }
    return r;
}

int os_pipe_between(int *reading, int *writing)
{
    int ends[2];
    int r = open_pipe(ends);
    if (r < 0)
        return r;
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}

static int64_t ask_count(int fd, unsigned long question)
{
    int count = 0;
    return ioctl(fd, question, &count) < 0 ? -errno : count;
}

int64_t os_unread(int fd)
{
    return ask_count(fd, FIONREAD);
}

int64_t os_unsent(int fd)
{
    return ask_count(fd, SIOCOUTQ);
}
