/* SPDX-License-Identifier: MIT */
/*
 * Memory that one process writes and another reads: whoever made it has the only
 * mapping that can write it, and nobody can change its size.
 */
#include <errno.h>

#include "memory/memory.h"

enum { SEALS = OS_SEAL_SHRINK | OS_SEAL_GROW | OS_SEAL_WRITERS | OS_SEAL_SEAL };

// The seal against writers comes behind the one mapping that writes.
static int map_and_seal(int fd, uint64_t size, void **at)
{
    int r = os_map(fd, size, OS_MAP_WRITE, at);
    if (r < 0)
        return r;
    r = os_seal(fd, SEALS);
    if (r < 0) {
        os_unmap(*at, size);
        return r == -EINVAL ? -ENOSYS : r;
    }
    os_map_without_child(*at, size);
    return 0;
}

int sealed_make(const char *name, uint64_t size, void **at, int *fd)
{
    int made = os_memfd(name, size);
    int r = made < 0 ? made : map_and_seal(made, size, at);
    if (r < 0) {
        os_close(made);
        return r;
    }
    *fd = made;
    return 0;
}

// Its seals are asked for first: of anything but memory of this machine that is refused
// without asking whoever made it.
int sealed_check(int fd, uint64_t *size)
{
    struct os_memory memory;
    int seals = os_seals(fd);
    if (seals < 0 || (seals & SEALS) != SEALS)
        return failure(-EPROTO, "the peer offers memory that it could still change the "
                                "size of");
    int r = os_memory_look(fd, &memory);
    if (r < 0)
        return failure_plain(r, "the peer's memory");
    if (!memory.is_tmpfs)
        return failure(-EPROTO, "the peer offers memory of another sort");
    *size = memory.size;
    return 0;
}
