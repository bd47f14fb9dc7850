/* SPDX-License-Identifier: MIT */
/*
 * Memory that says what is not so.
 */
#ifndef LIES_H
#define LIES_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

enum {
    PAGE = 4096,
    WORDS = 96, // of it that say something, and some more
    SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL
};

static inline int memory_called(const char *name, const void *bytes, size_t size,
                                off_t all)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, all), 0);
    CHECK_INT(pwrite(fd, bytes, size, 0), (long long)size);
    CHECK_INT(fcntl(fd, F_ADD_SEALS, SEALS), 0);
    return fd;
}

static inline void copy_page(int64_t pid, int number, char page[PAGE])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_OK(fd);
    const ssize_t size = pread(fd, page, PAGE, 0);
    CHECK_INT(size, PAGE);
    close(fd);
}

#endif
