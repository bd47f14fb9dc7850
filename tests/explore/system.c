/* SPDX-License-Identifier: MIT */
/*
 * The system of scenes with places: a process is a role, its number follows from that,
 * and so do the numbers of descriptors.  No time passes, so a timer never ends.
 */
#include "system.h"

#include "parts.h" // its names for what follows

#include <errno.h>
#include <stdlib.h>

#include "memory/memory.h"
#include "os/life.h"

enum {
    PID = 1000,    // of the first role
    BELLS = 100,   // a FIFO of each role,
    WATCHES = 200, // what it waits by,
    LIVES = 300,   // and a pidfd
    TIMER = 400
};

static struct explore_system *kernel;

void system_begin(struct explore_system *given)
{
    kernel = given;
}

void system_sleep(unsigned role)
{
    explore_sleep(&kernel->bells[role], kernel->deaths[role]);
}

static bool is_of(int fd, int first)
{
    return fd >= first && fd < first + EXPLORE_FIBERS;
}

/* --- processes ----------------------------------------------------------- */

void os_yield(void)
{
    explore_give_way();
}

int64_t os_self(void)
{
    return PID + (run_goes() ? run.now : kernel->role);
}

int os_life_look(int64_t pid, struct os_life *out)
{
    *out = (struct os_life){.pid = pid, .inode = (uint64_t)pid};
    return 0;
}

int os_life_has_ended(const struct os_life *life)
{
    explore_ask("asks who lives");
    return explore_has_died((unsigned)(life->pid - PID));
}

int os_life_open(const struct os_life *life)
{
    return os_life_has_ended(life) ? -ESRCH : LIVES + (int)(life->pid - PID);
}

/* --- memory -------------------------------------------------------------- */

int sealed_make(const char *name, uint64_t size, void **at, int *fd)
{
    (void)name;
    if (!kernel || size > kernel->file_size)
        return -ENOMEM;
    *at = kernel->file;
    *fd = -1;
    return 0;
}

/* --- doorbells ----------------------------------------------------------- */

void os_directory_path(int directory, const char *name, char *out)
{
    (void)directory;
    memcpy(out, name, strlen(name) + 1);
}

int os_make_fifo(const char *path, uint32_t mode, bool *made, struct os_file *out)
{
    (void)path, (void)mode, (void)out;
    *made = true;
    return 0;
}

// The second number in its name is its owner's place, which is its role.
int os_open_fifo(const char *path, enum os_fifo_end end, struct os_descriptor *out)
{
    (void)end;
    const char *place = strchr(path, '.');
    *out = OS_DESCRIPTOR_OF(BELLS + (int)strtol(place + 1, NULL, 10));
    return 0;
}

int os_remove_fifo(const char *path)
{
    (void)path;
    return 0;
}

int64_t os_write(struct os_descriptor *fifo, const struct os_bytes *pieces,
                 size_t count)
{
    (void)pieces, (void)count;
    explore_ring(&kernel->bells[fifo->fd - BELLS]);
    return 1;
}

int64_t os_read(struct os_descriptor *fifo, const struct os_room *rooms, size_t count)
{
    (void)rooms, (void)count;
    explore_hush(&kernel->bells[fifo->fd - BELLS]);
    return 1;
}

void os_release(struct os_descriptor *descriptor)
{
    *descriptor = OS_DESCRIPTOR_NONE;
}

void os_close(int fd)
{
    (void)fd;
}

/* --- waiting ------------------------------------------------------------- */

int os_watch_new(void)
{
    return WATCHES + (int)(os_self() - PID);
}

int os_watch_add(int watch, int fd, short events)
{
    (void)events;
    if (is_of(fd, LIVES))
        kernel->deaths[watch - WATCHES] |= 1U << (fd - LIVES);
    return 0;
}

void os_watch_remove(int watch, int fd)
{
    if (is_of(fd, LIVES))
        kernel->deaths[watch - WATCHES] &= ~(1U << (fd - LIVES));
}

int os_watch_ready(int watch, int *fds, int most)
{
    int count = 0;
    explore_ask("asks what is ready");
    for (unsigned i = 0; i < EXPLORE_FIBERS && count < most; i++)
        if ((kernel->deaths[watch - WATCHES] >> i & 1) && explore_has_died(i))
            fds[count++] = LIVES + (int)i;
    return count;
}

int os_timer_new(void)
{
    return TIMER;
}

void os_timer_set(int timer, wherry_deadline at)
{
    (void)timer, (void)at;
}
