/* SPDX-License-Identifier: MIT */
/*
 * Whether anybody has an object, asked of the kernel; and removing what nobody has.
 *
 * A write lease, fcntl(2), is given for a file that is open once, by whoever asks: all
 * descriptors, mappings and open files on their way in a message count, of every
 * process in every container.  While it is held, whoever opens the file waits.  So what
 * is asked under a lease stays true until the lease is given back.
 *
 * Nothing is asked about what is another user's.
 */
#define _GNU_SOURCE
#include "inspect/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <wherry.h>

enum { ATTEMPTS = 3 };

static const char others[] = "another user's: only that user can ask";
static const char changed[] = "it has changed since it was seen";

/* --- addresses ----------------------------------------------------------- */

static int digit(char letter)
{
    static const char digits[] = "0123456789ABCDEF0123456789abcdef";
    const char *at = letter ? strchr(digits, letter) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

bool rest_read(const char *address, char *out, size_t size)
{
    const char *at = strchr(address, ':');
    size_t used = 0;
    for (at = at ? at + 1 : address; *at && *at != '?'; at++) {
        const bool is_coded = *at == '%' && digit(at[1]) >= 0 && digit(at[2]) >= 0;
        const int byte =
            is_coded ? digit(at[1]) * 16 + digit(at[2]) : (unsigned char)*at;
        if (used + 1 >= size || byte == 0)
            return false;
        out[used++] = (char)(unsigned char)byte;
        at += is_coded ? 2 : 0;
    }
    out[used] = 0;
    return size > 0;
}

/* --- files --------------------------------------------------------------- */

/* A file that an address names: in a directory, or, of a queue, the kernel's. */
struct file {
    int directory; // -1: it is a queue
    char name[LINK_MOST];
};

// Errors: -ENOENT, -EINVAL, or what opening the directory says.
static int file_place(const struct wherry_ipc_object *object, struct file *out)
{
    char rest[LINK_MOST - 16];
    char path[LINK_MOST];
    const bool is_queue = strcmp(object->scheme, sorts[SORT_MQ].scheme) == 0;
    const bool is_own = strcmp(object->scheme, sorts[SORT_LEASE].scheme) == 0 ||
                        strcmp(object->scheme, sorts[SORT_QUEUE].scheme) == 0;
    const bool is_semaphore = strcmp(object->scheme, sorts[SORT_SEM].scheme) == 0;
    if (!rest_read(object->address, rest, sizeof(rest)))
        return -EINVAL;
    const char *name = rest + (rest[0] == '/');
    if (!*name || strchr(name, '/'))
        return -EINVAL;
    snprintf(out->name, sizeof(out->name), "%s%s%s%s", is_semaphore ? "sem." : "", name,
             is_own ? "." : "", is_own ? object->scheme : "");
    out->directory = is_queue ? -1
                     : is_own ? shelf_open_own(path, sizeof(path))
                              : open("/dev/shm", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return !is_queue && out->directory < 0 ? (is_own ? out->directory : -errno) : 0;
}

static void file_leave(const struct file *file)
{
    if (file->directory >= 0)
        close(file->directory);
}

static int file_open(const struct file *file)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
    const long fd = file->directory >= 0
                        ? openat(file->directory, file->name, flags)
                        : syscall(SYS_mq_open, file->name,
                                  O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, NULL);
    return fd < 0 ? -errno : (int)fd;
}

static int file_unlink(const struct file *file)
{
    const long r = file->directory >= 0 ? unlinkat(file->directory, file->name, 0)
                                        : syscall(SYS_mq_unlink, file->name);
    return r < 0 ? -errno : 0;
}

static bool is_that(int fd, const struct wherry_ipc_object *object)
{
    struct file_look look;
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return file_look(AT_FDCWD, path, true, &look) == 0 && S_ISREG(look.mode) &&
           look.user == (int64_t)geteuid() && look.inode == object->inode &&
           look.major == object->device_major && look.minor == object->device_minor;
}

// Whoever opens it meanwhile makes the kernel say so: by a signal that is ignored.
// Somebody else who asks at this moment has it open, too, but not for long.
static int take_lease(int fd)
{
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return -errno;
    int error = EAGAIN;
    for (int i = 0; i < ATTEMPTS && error == EAGAIN; i++) {
        if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
            return 0;
        error = errno;
        (void)sched_yield();
    }
    return -error;
}

// Opens it and takes the lease.  Errors: -EBUSY (somebody has it), -ESTALE, -ENOENT,
// -EACCES, -ENOTSUP (no leases here) …
static int file_claim(const struct file *file, const struct wherry_ipc_object *object)
{
    int fd = file_open(file);
    if (fd < 0)
        return fd == -EWOULDBLOCK ? -EBUSY : fd;
    int r = is_that(fd, object) ? take_lease(fd) : -ESTALE;
    if (r == 0)
        return fd;
    close(fd);
    return r == -EAGAIN ? -EBUSY : r == -EINVAL || r == -EACCES ? -ENOTSUP : r;
}

static const char *why_not(int error)
{
    return error == -ENOENT || error == -ESTALE ? changed
           : error == -EACCES ? "its access rights do not let its user ask"
                              : "the kernel gives no lease for it (fs.leases-enable)";
}

int ask_file(const struct wherry_ipc_object *object, const char **why)
{
    struct file file;
    if (object->is_deleted || object->user != (int64_t)geteuid()) {
        *why = object->is_deleted ? changed : others;
        return -1;
    }
    int r = file_place(object, &file);
    if (r == 0) {
        r = file_claim(&file, object);
        file_leave(&file);
    }
    if (r >= 0) {
        close(r); // gives the lease back
        return 0;
    }
    *why = r == -EBUSY ? "the kernel says so" : why_not(r);
    return r == -EBUSY ? 1 : -1;
}

// Under the lease nobody new has it, unless the lease is being asked back.
static int unlink_claimed(const struct file *file, int fd)
{
    return fcntl(fd, F_GETLEASE) == F_WRLCK ? file_unlink(file) : -EBUSY;
}

int take_file(const struct wherry_ipc_object *object)
{
    struct file file;
    if (object->user != (int64_t)geteuid())
        return -EPERM;
    int r = file_place(object, &file);
    if (r < 0)
        return r;
    const int fd = file_claim(&file, object);
    r = fd < 0 ? fd : unlink_claimed(&file, fd);
    if (fd >= 0)
        close(fd);
    file_leave(&file);
    return r;
}

/* --- segments of System V ------------------------------------------------ */

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

// Why a segment that nobody has attached may still be somebody's; NULL: it is not.
static const char *why_kept(const struct shmid_ds *segment)
{
    const bool was_used = segment->shm_atime != 0;
    if (segment->shm_cpid == 0 || (was_used && segment->shm_lpid == 0))
        return "nobody has it attached; who made or used it was in another pid "
               "namespace, and may still run";
    if (!is_gone(segment->shm_cpid))
        return "nobody has it attached, but the process that made it still runs";
    if (was_used && !is_gone(segment->shm_lpid))
        return "nobody has it attached, but the process that used it last still runs";
    return NULL;
}

// Errors: -EBUSY, -ESTALE, -EACCES; 1 and why: it may be somebody's.
static int look_at_segment(const struct wherry_ipc_object *object, const char **why)
{
    struct shmid_ds segment;
    if (shmctl((int)object->inode, IPC_STAT, &segment) < 0)
        return errno == EACCES ? -EACCES : -ESTALE;
    if ((int64_t)segment.shm_perm.uid != object->user ||
        (int64_t)segment.shm_ctime * 1000000000 != object->created)
        return -ESTALE;
    if (segment.shm_nattch > 0)
        return -EBUSY;
    *why = why_kept(&segment);
    return *why != NULL;
}

int ask_segment(const struct wherry_ipc_object *object, const char **why)
{
    const int r = look_at_segment(object, why);
    if (r == -EBUSY)
        *why = "the kernel says so";
    else if (r < 0)
        *why = r == -EACCES
                   ? "another user's: its access rights do not let this one ask"
                   : changed;
    return r == -EBUSY ? 1 : r == 0 ? 0 : -1;
}

int take_segment(const struct wherry_ipc_object *object)
{
    const char *why;
    if (object->user != (int64_t)geteuid())
        return -EPERM;
    const int r = look_at_segment(object, &why);
    if (r != 0)
        return r < 0 ? r : -ENOTSUP;
    return shmctl((int)object->inode, IPC_RMID, NULL) < 0 ? -errno : 0;
}

/* --- sockets ------------------------------------------------------------- */

// A connection of the wrong kind is refused by whoever is bound there before anybody
// hears of it; a datagram socket that is connected says nothing.
static int visit(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(name.sun_path))
        return -ENAMETOOLONG;
    memcpy(name.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    const int r =
        connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ? -errno : 0;
    close(fd);
    return r;
}

// *directory: -1, or it stays open for as long as the path is used.
static int socket_place(const struct wherry_ipc_object *object, int *directory,
                        char path[LINK_MOST])
{
    *directory = -1;
    if (own_is_local(object->address))
        return *directory = own_path(object->address, path, LINK_MOST);
    return rest_read(object->address, path, LINK_MOST) ? 0 : -EINVAL;
}

static void socket_leave(int directory)
{
    if (directory >= 0)
        close(directory);
}

int ask_socket(const struct wherry_ipc_object *object, const char **why)
{
    char path[LINK_MOST];
    int directory;
    if (object->user != (int64_t)geteuid()) {
        *why = others;
        return -1;
    }
    int r = socket_place(object, &directory, path);
    if (r >= 0)
        r = visit(path);
    socket_leave(directory);
    if (r == 0 || r == -EPROTOTYPE || r == -EPERM) {
        *why = "the kernel says so";
        return 1;
    }
    *why = r == -ENOENT ? changed : "the kernel does not let it be asked";
    return r == -ECONNREFUSED ? 0 : -1;
}

// That the object is still what it was.
static int check_socket(const struct wherry_ipc_object *object)
{
    char path[LINK_MOST];
    struct file_look look;
    int directory;
    int r = socket_place(object, &directory, path);
    if (r >= 0)
        r = path[0] == '/' ? file_look(AT_FDCWD, path, false, &look) : -EINVAL;
    socket_leave(directory);
    if (r < 0)
        return r;
    const bool is_that =
        look.inode == object->inode && look.major == object->device_major &&
        look.minor == object->device_minor && look.user == object->user;
    return is_that ? 0 : -ESTALE;
}

int take_socket(const struct wherry_ipc_object *object)
{
    const char *why;
    if (object->user != (int64_t)geteuid())
        return -EPERM;
    int r = check_socket(object);
    if (r < 0)
        return r;
    if (ask_socket(object, &why) != 0)
        return -EBUSY;
    r = wherry_remove(object->address);
    return r == -EADDRINUSE ? -EBUSY : r;
}
