/* SPDX-License-Identifier: MIT */
/*
 * Room that may be needed and mostly is not: address space without memory behind it.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <sys/mman.h>

void *os_room_new(size_t size)
{
    void *room = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return room == MAP_FAILED ? NULL : room;
}

void os_room_free(void *room, size_t size)
{
    if (room)
        munmap(room, size);
}
