/* SPDX-License-Identifier: MIT */
/*
 * Memory at an address of this process: mmap(2), madvise(2), msync(2).
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* Before Linux 6.7 what is sealed against writing cannot be mapped shared, not even to
 * be read: nobody sees a difference. */
static const struct {
    int protection;
    int flags;
} ways[] = {
    [OS_MAP_READ] = {PROT_READ, MAP_SHARED},
    [OS_MAP_WRITE] = {PROT_READ | PROT_WRITE, MAP_SHARED},
    [OS_MAP_PRIVATE] = {PROT_READ | PROT_WRITE, MAP_PRIVATE},
    [OS_MAP_SEALED] = {PROT_READ, MAP_PRIVATE},
};

int os_map(int fd, size_t size, enum os_map_access access, void **out)
{
    void *at = mmap(NULL, size, ways[access].protection, ways[access].flags, fd, 0);
    if (at == MAP_FAILED)
        return -errno;
    *out = at;
    return 0;
}

int os_map_again(int fd, size_t size, enum os_map_access access, void *at)
{
    void *again =
        mmap(at, size, ways[access].protection, ways[access].flags | MAP_FIXED, fd, 0);
    return again == MAP_FAILED ? -errno : 0;
}

void os_unmap(void *at, size_t size)
{
    (void)munmap(at, size);
}

void os_map_without_child(void *at, size_t size)
{
    (void)madvise(at, size, MADV_DONTFORK);
}

int os_flush(void *at, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t before = (uintptr_t)at % page;
    return msync((char *)at - before, size + before, MS_SYNC) < 0 ? -errno : 0;
}

// The kernel copies, and it is told of a place that is gone.
int os_copy(void *to, const void *from, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const struct iovec local = {(char *)to + done, size - done};
        const struct iovec remote = {(char *)(uintptr_t)from + done, size - done};
        ssize_t r = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
        if (r <= 0)
            return r == 0 ? -EFAULT : -errno;
        done += (size_t)r;
    }
    return 0;
}

int os_fork_word_new(atomic_uint **out)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *at =
        mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return -errno;
    if (madvise(at, page, MADV_WIPEONFORK) < 0) {
        int r = -errno;
        os_unmap(at, page);
        return r;
    }
    *out = at;
    return 0;
}

void os_fork_word_free(atomic_uint *word)
{
    if (word)
        os_unmap(word, (size_t)sysconf(_SC_PAGESIZE));
}
