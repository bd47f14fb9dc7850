/* SPDX-License-Identifier: MIT */
/*
 * Opening memory that another process has open, to be read.
 *
 * What a number was when its link was read it need not be any more.  So it is held
 * first without being opened (O_PATH), which does nothing to anything, and only memory
 * of this kernel's is then opened: no device that does things, no FIFO, no file whose
 * server may not answer; and no lease of anybody's is waited for.
 */
#define _GNU_SOURCE
#include "inspect/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH = 64 };

// Of the file nothing is asked that a server would have to answer.
static int look(int fd, uint64_t *device, uint64_t *inode)
{
    struct statx status;
    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &status) < 0)
        return -errno;
    *device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
    *inode = status.stx_ino;
    return 0;
}

// All that has no name lies in one file system, which nothing else is in.
int memory_device(uint64_t *out)
{
    uint64_t inode;
    int fd = memfd_create("wherry:look", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = look(fd, out, &inode);
    close(fd);
    return r;
}

static int open_held(int held, uint64_t device, uint64_t *inode)
{
    uint64_t there = 0;
    char path[PATH];
    int r = look(held, &there, inode);
    if (r < 0)
        return r;
    if (there != device)
        return -EPROTO;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", held);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int memory_open(int directory, int number, uint64_t device, uint64_t *inode)
{
    char name[PATH];
    snprintf(name, sizeof(name), "fd/%d", number);
    int held = openat(directory, name, O_PATH | O_CLOEXEC);
    if (held < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    int r = open_held(held, device, inode);
    close(held);
    return r;
}

void memory_close(int fd)
{
    close(fd);
}
