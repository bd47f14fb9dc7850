/* SPDX-License-Identifier: MIT */
/*
 * What is mapped: memory without a name, and files.
 *
 * Room is reserved when something is made.  What is to have a name is made without one,
 * so that nobody ever finds half of it, and whoever dies or fails while making it
 * leaves nothing, where the file system knows files without a name (O_TMPFILE).
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

enum { TMPFS = 0x01021994, THREE_DIGITS = 07777 };

static int reserve(int fd, uint64_t size)
{
    int error;
    if (size > INT64_MAX)
        return -EFBIG;
    do
        error = posix_fallocate(fd, 0, (off_t)size);
    while (error == EINTR);
    return -error;
}

/* --- without a name ------------------------------------------------------ */

int os_memfd(const char *name, uint64_t size)
{
    const unsigned usual = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create(name, usual | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) // before Linux 6.3
        fd = memfd_create(name, usual);
    if (fd < 0)
        return -errno;
    fd = os_above_standard(fd);
    int r = fd < 0 ? fd : reserve(fd, size);
    if (r < 0)
        os_close(fd);
    return r < 0 ? r : fd;
}

/* --- seals --------------------------------------------------------------- */

static const struct {
    unsigned ours;
    int theirs;
} seals[] = {{OS_SEAL_SHRINK, F_SEAL_SHRINK},
             {OS_SEAL_GROW, F_SEAL_GROW},
             {OS_SEAL_WRITERS, F_SEAL_FUTURE_WRITE},
             {OS_SEAL_WRITE, F_SEAL_WRITE},
             {OS_SEAL_SEAL, F_SEAL_SEAL}};

int os_seal(int fd, unsigned added)
{
    int flags = 0;
    for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++)
        flags |= added & seals[i].ours ? seals[i].theirs : 0;
    return fcntl(fd, F_ADD_SEALS, flags) < 0 ? -errno : 0;
}

int os_seals(int fd)
{
    int flags = fcntl(fd, F_GET_SEALS);
    unsigned found = 0;
    if (flags < 0)
        return -errno;
    for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++)
        found |= flags & seals[i].theirs ? seals[i].ours : 0;
    return (int)found;
}

int os_memory_look(int fd, struct os_memory *out)
{
    struct stat status;
    struct statfs system;
    if (fstat(fd, &status) < 0)
        return -errno;
    *out = (struct os_memory){
        .size = (uint64_t)status.st_size,
        .is_regular = S_ISREG(status.st_mode),
        .is_tmpfs = fstatfs(fd, &system) == 0 && system.f_type == TMPFS,
        .is_named = status.st_nlink > 0,
        .uid = status.st_uid,
        .gid = status.st_gid,
        .mode = status.st_mode & THREE_DIGITS,
        .changed = status.st_ctime,
        .device = status.st_dev,
        .inode = status.st_ino,
    };
    return 0;
}

int64_t os_memory_read(int fd, uint64_t at, void *out, size_t size)
{
    size_t used = 0;
    ssize_t r = 1;
    while (r > 0 && used < size) {
        r = pread(fd, (char *)out + used, size - used, (off_t)(at + used));
        if (r < 0 && errno == EINTR)
            r = 1;
        else if (r > 0)
            used += (size_t)r;
    }
    return r < 0 ? -errno : (int64_t)used;
}

/* --- with a name --------------------------------------------------------- */

static int open_file(const char *path, int flags)
{
    int fd;
    do
        fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : os_above_standard(fd);
}

int os_memory_open(const struct os_memory_plan *plan)
{
    struct stat status;
    // Before, because opening a device can do things; a FIFO is not waited for.
    if (stat(plan->path, &status) == 0 && !S_ISREG(status.st_mode))
        return -ENOTSUP;
    return open_file(plan->path, (plan->writes ? O_RDWR : O_RDONLY) | O_NONBLOCK |
                                     (plan->is_exact ? O_NOFOLLOW : 0));
}

// "DIRECTORY/" or "./", and room for a name.
static char *directory_of(const char *path, char *beside)
{
    const char *slash = strrchr(path, '/');
    const size_t size = slash ? (size_t)(slash - path) + 1 : 0;
    memcpy(beside, size ? path : "./", size ? size : 2);
    beside[size ? size : 2] = 0;
    return beside;
}

// Where files need a name from birth (O_TMPFILE), or /proc, to name them, is not there.
static int make_beside(const char *path, char *beside)
{
    static const char made_up[] = ".wherry-XXXXXX";
    int fd;
    do {
        memcpy(strrchr(directory_of(path, beside), '/') + 1, made_up, sizeof(made_up));
        fd = mkostemp(beside, O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : os_above_standard(fd);
}

int os_memory_make(const struct os_memory_plan *plan, char *beside)
{
    int fd = access("/proc/self/fd", X_OK) < 0
                 ? -EOPNOTSUPP
                 : open_file(directory_of(plan->path, beside), O_TMPFILE | O_RDWR);
    beside[0] = 0;
    if (fd == -EOPNOTSUPP || fd == -EISDIR)
        fd = make_beside(plan->path, beside);
    int r = fd < 0 ? fd : reserve(fd, plan->size);
    // What the umask took away was asked for.
    if (r >= 0 && fchmod(fd, plan->mode) < 0)
        r = -errno;
    if (r >= 0)
        return fd;
    os_close(fd);
    os_memory_settle(beside);
    return r;
}

int os_memory_name(int fd, const char *beside, const char *path)
{
    char open_file[32];
    snprintf(open_file, sizeof(open_file), "/proc/self/fd/%d", fd);
    int r = beside[0] ? link(beside, path)
                      : linkat(AT_FDCWD, open_file, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    return r < 0 ? -errno : 0;
}

void os_memory_settle(const char *beside)
{
    if (beside[0])
        (void)unlink(beside);
}

void os_shm_path(const char *name, char *out)
{
    snprintf(out, OS_SHM_PATH, "/dev/shm%s", name);
}

int os_memory_remove(const char *path)
{
    struct stat status;
    if (lstat(path, &status) < 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EEXIST;
    return unlink(path) < 0 ? -errno : 0;
}
