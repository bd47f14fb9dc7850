/* SPDX-License-Identifier: MIT */
/*
 * libqb: its ring in shared memory, one for each direction.
 *
 * Its best settings: 1 MiB of ring, or four messages; with the semaphore that lets its
 * reader sleep, and without it, when its reader looks again and again.  Nobody can wait
 * for room in it: who finds none yields.  Messages can be written and read in place.
 */
#define _GNU_SOURCE
#include "contest.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <qb/qbrb.h>

enum { RING = 1 << 20, MESSAGES = 4, NAME = 64 };

struct rings {
    qb_ringbuffer_t *of[2]; /* [side that writes] */
    bool sleeps;
};

// The names are not needed: both processes have the memory.
static qb_ringbuffer_t *make_ring(const char *name, size_t size, unsigned flags)
{
    char path[NAME + 16];
    qb_ringbuffer_t *ring = qb_rb_open(
        name, size, QB_RB_FLAG_CREATE | QB_RB_FLAG_SHARED_PROCESS | flags, 0);
    snprintf(path, sizeof(path), "%s-header", name);
    (void)unlink(path);
    snprintf(path, sizeof(path), "%s-data", name);
    (void)unlink(path);
    return ring;
}

static int prepare(struct contest_end *end, bool sleeps)
{
    const size_t size = end->size * MESSAGES > RING ? end->size * MESSAGES : RING;
    struct rings *rings = calloc(1, sizeof(*rings));
    if (!rings)
        return -ENOMEM;
    end->state = rings;
    rings->sleeps = sleeps;
    for (int side = 0; side < 2; side++) {
        char name[NAME];
        snprintf(name, sizeof(name), "/dev/shm/%s-%d", end->name, side);
        rings->of[side] = make_ring(name, size, sleeps ? 0 : QB_RB_FLAG_NO_SEMAPHORE);
        if (!rings->of[side])
            return errno ? -errno : -ENOMEM;
    }
    return 0;
}

static int prepare_sleeping(struct contest_end *end)
{
    return prepare(end, true);
}

static int prepare_awake(struct contest_end *end)
{
    return prepare(end, false);
}

static void give_way(const struct rings *rings)
{
    if (rings->sleeps)
        (void)sched_yield();
    else
        contest_pause();
}

static int send_copy(struct contest_end *end, const struct rings *rings)
{
    ssize_t r;
    while ((r = qb_rb_chunk_write(rings->of[end->side], end->bytes, end->size)) ==
           -EAGAIN)
        give_way(rings);
    return r < 0 ? (int)r : 0;
}

static int send_lent(struct contest_end *end, const struct rings *rings)
{
    void *chunk;
    while (!(chunk = qb_rb_chunk_alloc(rings->of[end->side], end->size)))
        give_way(rings);
    memcpy(chunk, end->bytes, CONTEST_LEAST);
    return qb_rb_chunk_commit(rings->of[end->side], end->size);
}

static int send_one(struct contest_end *end)
{
    const struct rings *rings = end->state;
    return (end->workload == CONTEST_LENT ? send_lent : send_copy)(end, rings);
}

// Without the semaphore it does not wait, and says in several ways that there is none.
static bool is_empty(const struct rings *rings, ssize_t r)
{
    return r == -ETIMEDOUT || r == -EAGAIN || (!rings->sleeps && r <= 0);
}

static ssize_t take_copy(struct contest_end *end, const struct rings *rings)
{
    ssize_t r;
    while (is_empty(rings, r = qb_rb_chunk_read(rings->of[1 - end->side], end->bytes,
                                                end->size, rings->sleeps ? -1 : 0)))
        give_way(rings);
    return r;
}

static ssize_t take_lent(struct contest_end *end, const struct rings *rings)
{
    void *chunk = NULL;
    ssize_t r;
    while (is_empty(rings, r = qb_rb_chunk_peek(rings->of[1 - end->side], &chunk,
                                                rings->sleeps ? -1 : 0)))
        give_way(rings);
    if (r < 0)
        return r;
    memcpy(end->bytes, chunk, CONTEST_LEAST);
    qb_rb_chunk_reclaim(rings->of[1 - end->side]);
    return r;
}

static int take_one(struct contest_end *end)
{
    const struct rings *rings = end->state;
    const ssize_t r =
        (end->workload == CONTEST_LENT ? take_lent : take_copy)(end, rings);
    if (r < 0)
        return (int)r;
    return (size_t)r == end->size ? 0 : -EPROTO;
}

enum {
    ALL = 1u << CONTEST_ROUND | 1u << CONTEST_LENT | 1u << CONTEST_PUSH |
          1u << CONTEST_MANY,
    LARGEST = 1 << 20 /* of a message: it has no more room than 4 MiB for sure */
};

const struct contest_entrant contest_entrants[] = {
    {.name = "libqb",
     .settings = "ring of 1 MiB or four messages, its reader sleeps on a semaphore",
     .most = LARGEST,
     .workloads = ALL | 1u << CONTEST_TIMED,
     .prepare = prepare_sleeping,
     .send = send_one,
     .take = take_one},
    {.name = "libqb-awake",
     .settings = "the same without the semaphore: its reader looks again and again",
     .is_awake = true,
     .most = LARGEST,
     .workloads = ALL,
     .prepare = prepare_awake,
     .send = send_one,
     .take = take_one},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
