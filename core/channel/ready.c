/* SPDX-License-Identifier: MIT */
/*
 * A descriptor that is always readable: what makes a channel's watch readable while
 * user space holds a message.
 *
 * A few channels share one: nobody ever writes or reads it, each only says whether its
 * watch is to look.  Not all share one, for epoll(7) bounds the ways on which one file
 * may wake others (EINVAL), and the loop that has their watches may itself be watched.
 *
 * The one that is offered to the next channel counts as one user more.  Whoever takes
 * it from `offered` has it alone until it is put back; nothing is locked, so a child of
 * fork(2) finds nothing locked.
 */
#include <stdlib.h>

#include "channel/channel.h"

enum { CHANNELS = 8 };

struct ready {
    int fd;
    atomic_uint users;
};

static _Atomic(struct ready *) offered;

// How many others have it still.
static unsigned leave(struct ready *ready)
{
    const unsigned left = atomic_fetch_sub(&ready->users, 1) - 1;
    if (left == 0) {
        os_close(ready->fd);
        free(ready);
    }
    return left;
}

static int make(struct ready **out)
{
    struct ready *ready = malloc(sizeof(*ready));
    const int fd = ready ? os_bell_new() : -ENOMEM;
    if (fd < 0) {
        free(ready);
        return fd;
    }
    os_bell_ring(fd);
    ready->fd = fd;
    atomic_init(&ready->users, 1);
    *out = ready;
    return 0;
}

// Unless it has as many as it takes, or another is offered by now.
static void offer(struct ready *ready)
{
    struct ready *none = NULL;
    const bool is_full = atomic_load(&ready->users) > CHANNELS;
    if (is_full || !atomic_compare_exchange_strong(&offered, &none, ready))
        (void)leave(ready);
}

int ready_take(struct ready **out)
{
    struct ready *ready = atomic_exchange(&offered, NULL);
    const int r = ready ? 0 : make(&ready);
    if (r < 0)
        return r;
    atomic_fetch_add(&ready->users, 1);
    *out = ready;
    offer(ready);
    return 0;
}

int ready_descriptor(const struct ready *ready)
{
    return ready->fd;
}

void ready_give(struct ready *ready)
{
    if (!ready)
        return;
    struct ready *unused = ready;
    // That was its last channel, if it is the one that is offered.
    if (leave(ready) == 1 && atomic_compare_exchange_strong(&offered, &unused, NULL))
        (void)leave(unused);
}
