/* SPDX-License-Identifier: MIT */
/*
 * Names in the file system: FIFOs and the paths of unix(7) sockets.
 *
 * What was made is known by device and inode, and only exactly that is removed again. A
 * socket's path is taken under a lock (flock(2) on PATH.lock beside it), so that of two
 * processes that start at once one wins, and a path left behind by the dead is looked
 * at, moved aside and replaced by one of them only.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base.h"

static int look_at(const char *path, struct stat *status)
{
    return lstat(path, status) < 0 ? -errno : 0;
}

static void remember(const struct stat *status, struct os_file *out)
{
    *out = (struct os_file){
        .device = status->st_dev, .inode = status->st_ino, .process = getpid()};
}

static const char *kind_word(mode_t mode)
{
    static const struct {
        mode_t type;
        const char *word;
    } words[] = {{S_IFREG, "a regular file"},  {S_IFDIR, "a directory"},
                 {S_IFIFO, "a FIFO"},          {S_IFSOCK, "a socket"},
                 {S_IFLNK, "a symbolic link"}, {S_IFCHR, "a character device"},
                 {S_IFBLK, "a block device"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((mode & S_IFMT) == words[i].type)
            return words[i].word;
    }
    return "something else";
}

int os_look(const char *path, struct os_file *out)
{
    struct stat status;
    int r = look_at(path, &status);
    if (r >= 0)
        remember(&status, out);
    return r;
}

int os_open(const char *path, enum os_use use)
{
    static const int flags[] = {
        [OS_USE_READ] = O_RDONLY,
        [OS_USE_WRITE] = O_WRONLY | O_CREAT | O_TRUNC,
        [OS_USE_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
        [OS_USE_BOTH] = O_RDWR,
    };
    int fd;
    do
        fd = open(path, flags[use] | O_CLOEXEC | O_NOCTTY, 0666);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : os_above_standard(fd);
}

const char *os_path_word(const char *path)
{
    struct stat status;
    return look_at(path, &status) < 0 ? "nothing" : kind_word(status.st_mode);
}

char *os_path_absolute(const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/' || !getcwd(here, sizeof(here)))
        return strdup(path);
    size_t size = strlen(here) + strlen(path) + 2;
    char *whole = malloc(size);
    if (whole)
        snprintf(whole, size, "%s/%s", here, path);
    return whole;
}

static int not_a_fifo(const char *path, const struct stat *status)
{
    return failure(-EEXIST, "%s is %s, not a FIFO: choose another path", path,
                   kind_word(status->st_mode));
}

// What stands where mkfifo(3) said that something does: -EAGAIN when it has gone since.
static int look_at_fifo(const char *path, struct stat *status)
{
    // A symbolic link to a FIFO is fine to use, but is nothing that was made here.
    if (stat(path, status) >= 0)
        return S_ISFIFO(status->st_mode) ? 0 : not_a_fifo(path, status);
    if (errno != ENOENT)
        return -errno;
    struct stat link;
    return look_at(path, &link) < 0
               ? -EAGAIN
               : failure(-EEXIST, "%s is a symbolic link to nothing", path);
}

int os_make_fifo(const char *path, uint32_t mode, bool *made, struct os_file *out)
{
    struct stat status;
    int r;
    do {
        *made = mkfifo(path, mode ? (mode_t)mode : 0600) == 0;
        if (!*made && errno != EEXIST)
            return -errno;
        // The umask takes away what was asked for.
        if (*made && mode && chmod(path, (mode_t)mode) < 0)
            return -errno;
        r = look_at_fifo(path, &status);
    } while (r == -EAGAIN);
    if (r >= 0)
        remember(&status, out);
    return r;
}

int os_open_fifo(const char *path, enum os_fifo_end end, struct os_descriptor *out)
{
    static const int modes[] = {
        [OS_FIFO_READ] = O_RDONLY, [OS_FIFO_WRITE] = O_WRONLY, [OS_FIFO_KEEP] = O_RDWR};

    // Before, because opening a device can do things; after, because it may be another.
    struct stat status;
    if (stat(path, &status) < 0)
        return -errno;
    int fd = -1;
    if (S_ISFIFO(status.st_mode)) {
        do
            fd = open(path, modes[end] | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        while (fd < 0 && errno == EINTR);
        if (fd < 0 || fstat(fd, &status) < 0)
            goto fail;
    }
    if (!S_ISFIFO(status.st_mode)) {
        os_close(fd);
        return failure(-ENOTSUP, "%s is %s, not a FIFO: choose another path", path,
                       kind_word(status.st_mode));
    }
    *out = (struct os_descriptor){.fd = fd,
                                  .kind = OS_KIND_PIPE,
                                  .nonblocking = true,
                                  .owned = true,
                                  .awaits_writer = end == OS_FIFO_READ};
    return 0;

fail:;
    int error = -errno;
    os_close(fd);
    return error;
}

// Whether somebody has a socket's path: -EADDRINUSE, or 0 for nobody.
static int find_owner(const struct os_socket_plan *plan, const char *path,
                      const struct os_file *file)
{
    if (os_is_bound(path, file) > 0)
        return -EADDRINUSE;
    // Where the kernel does not tell, or not of another network namespace: only a
    // refused connection says that nobody is there, a full backlog is somebody.
    struct os_socket_plan visitor = {.kind = plan->kind, .name = plan->name};
    struct os_descriptor visit;
    int r = os_connect(&visitor, WHERRY_POLL, &visit);
    if (r >= 0)
        os_release(&visit);
    return r == -ECONNREFUSED ? 0 : -EADDRINUSE;
}

static void path_of(const struct os_name *name, char path[sizeof(struct sockaddr_un)])
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);
    memcpy(path, name->bytes + start, name->size - start);
    path[name->size - start] = 0;
}

static int take_path_lock(const char *path)
{
    char lock[sizeof(struct sockaddr_un) + 8];
    snprintf(lock, sizeof(lock), "%s.lock", path);
    int fd;
    do
        fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int error = -errno;
        close(fd);
        return error == -EWOULDBLOCK ? -EADDRINUSE : error;
    }
    // Its file may have been removed by the one who held it before us: then it locks
    // nothing that others can see.
    struct stat held;
    struct stat named;
    bool same = fstat(fd, &held) == 0 && lstat(lock, &named) == 0 &&
                held.st_ino == named.st_ino && held.st_dev == named.st_dev;
    if (!same) {
        close(fd);
        return -EADDRINUSE;
    }
    return fd;
}

static void give_path_lock(const char *path, int fd)
{
    char lock[sizeof(struct sockaddr_un) + 8];
    snprintf(lock, sizeof(lock), "%s.lock", path);
    unlink(lock);
    close(fd);
}

enum { ASIDE = sizeof(struct sockaddr_un) + 8 };

// Where a stale one stands meanwhile; the lock is held by whoever uses it.
static void aside_of(const char *path, char aside[ASIDE])
{
    snprintf(aside, ASIDE, "%s.stale", path);
}

// What one that was killed in bind_over has left.
static void sweep_aside(const char *path)
{
    char aside[ASIDE];
    struct stat status;
    aside_of(path, aside);
    if (look_at(aside, &status) >= 0 && S_ISSOCK(status.st_mode))
        unlink(aside);
}

// Moves the stale one aside, takes its place, and only then removes it.  A socket that
// is bound elsewhere and renamed over it would go on telling its peers the other name.
static int bind_over(const struct os_socket_plan *plan, const char *path,
                     const struct os_file *stale, struct os_descriptor *out)
{
    char aside[ASIDE];
    aside_of(path, aside);
    if (rename(path, aside) < 0)
        return -errno;
    struct os_file moved;
    int r = os_look(aside, &moved);
    bool is_stale =
        r >= 0 && moved.inode == stale->inode && moved.device == stale->device;
    r = is_stale ? os_bind(plan, out) : -EADDRINUSE;
    if (r < 0)
        (void)link(aside, path); // back, unless somebody was quicker
    unlink(aside);
    return r;
}

static int not_a_socket(const char *path, const struct stat *status)
{
    return failure(-EEXIST, "%s is %s, not a socket: choose another path", path,
                   kind_word(status->st_mode));
}

static int bind_locked(const struct os_socket_plan *plan, const char *path,
                       struct os_descriptor *out)
{
    struct stat status;
    int r = look_at(path, &status);
    if (r == -ENOENT)
        return os_bind(plan, out);
    if (r < 0)
        return r;
    if (!S_ISSOCK(status.st_mode))
        return not_a_socket(path, &status);
    struct os_file stale;
    remember(&status, &stale);
    r = find_owner(plan, path, &stale);
    return r < 0 ? r : bind_over(plan, path, &stale, out);
}

int os_bind_path(const struct os_socket_plan *plan, struct os_descriptor *out,
                 struct os_file *made)
{
    char path[sizeof(struct sockaddr_un)];
    path_of(plan->name, path);
    int lock = take_path_lock(path);
    if (lock < 0)
        return lock;
    sweep_aside(path);
    int r = bind_locked(plan, path, out);
    struct stat status;
    if (r >= 0 && look_at(path, &status) >= 0)
        remember(&status, made);
    give_path_lock(path, lock);
    return r;
}

void os_remove(const char *path, const struct os_file *made)
{
    struct stat status;
    if (made->process == getpid() && look_at(path, &status) >= 0 &&
        status.st_ino == made->inode && status.st_dev == made->device)
        unlink(path);
}

int os_remove_fifo(const char *path)
{
    struct stat status;
    int r = look_at(path, &status);
    if (r < 0)
        return r;
    if (!S_ISFIFO(status.st_mode))
        return not_a_fifo(path, &status);
    return unlink(path) < 0 ? -errno : 0;
}

// If it is still that one.
static int unlink_that(const char *path, const struct os_file *file)
{
    struct os_file now;
    int r = os_look(path, &now);
    if (r < 0 || now.inode != file->inode || now.device != file->device)
        return r < 0 ? r : -EADDRINUSE;
    return unlink(path) < 0 ? -errno : 0;
}

int os_sweep(const char *path)
{
    struct stat status;
    struct os_file file;
    int r = look_at(path, &status);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (!S_ISSOCK(status.st_mode))
        return not_a_socket(path, &status);
    remember(&status, &file);
    int lock = take_path_lock(path);
    if (lock < 0)
        return lock;
    struct os_name name;
    struct os_socket_plan plan = {.kind = OS_KIND_STREAM, .name = &name};
    r = os_name_unix(path, strlen(path), false, &name);
    if (r >= 0)
        r = find_owner(&plan, path, &file);
    if (r >= 0)
        r = unlink_that(path, &file);
    give_path_lock(path, lock);
    return r;
}

int os_key_of_file(const char *path, int number, int64_t *out)
{
    errno = 0;
    key_t key = ftok(path, number);
    if (key == -1)
        return errno ? -errno : -EINVAL; // it may come out as that
    *out = (uint32_t)key;
    return 0;
}
