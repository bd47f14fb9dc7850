/* SPDX-License-Identifier: MIT */
/*
 * What the machine can do at best: the least that any channel in shared memory has to
 * do, and nothing else.  It is no channel: it never sleeps, holds no message of another
 * size, and trusts the other end.
 *
 * line: a cache line there and back; its time is the unit PP.
 * two-copies: a ring of one writer and one reader, one copy in and one out.
 * descriptor: one line says that a message is there, whose first line is touched.
 */
#include "contest.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAGE = 4096,
    RING = 1 << 20,  /* bytes: what stays in a cache */
    SLOTS_TURNS = 2, /* where the two ends take turns */
    SLOTS_LEAST = 4  /* where one is written while others are read */
};

/* One direction: each index is written by one end, and has a line of its own. */
struct ring {
    _Alignas(128) _Atomic uint64_t written;
    _Alignas(128) _Atomic uint64_t taken;
    _Alignas(PAGE) unsigned char slots[];
};

/* What an end knows by itself. */
struct limit {
    struct ring *rings[2]; /* [side that writes] */
    uint64_t written;
    uint64_t taken;
    uint64_t slots;      /* a power of two */
    uint64_t taken_seen; /* of what this end wrote, when it last looked */
    uint64_t written_seen;
};

static int prepare_slots(struct contest_end *end, size_t slots)
{
    struct limit *limit = calloc(1, sizeof(*limit));
    if (!limit)
        return -ENOMEM;
    end->state = limit;
    limit->slots = slots;
    for (int side = 0; side < 2; side++) {
        limit->rings[side] = contest_share(sizeof(struct ring) + slots * end->size);
        if (!limit->rings[side])
            return -ENOMEM;
    }
    return 0;
}

static int prepare(struct contest_end *end)
{
    const bool is_round =
        end->workload == CONTEST_ROUND || end->workload == CONTEST_LENT;
    size_t slots = is_round ? SLOTS_TURNS : SLOTS_LEAST;
    while (!is_round && slots * 2 * end->size <= RING)
        slots *= 2;
    return prepare_slots(end, slots);
}

static struct ring *mine(struct contest_end *end)
{
    return ((struct limit *)end->state)->rings[end->side];
}

static struct ring *theirs(struct contest_end *end)
{
    return ((struct limit *)end->state)->rings[1 - end->side];
}

/* --- a line -------------------------------------------------------------- */

static int send_line(struct contest_end *end)
{
    uint64_t number;
    memcpy(&number, end->bytes, sizeof(number));
    atomic_store_explicit(&mine(end)->written, number, memory_order_release);
    return 0;
}

// Numbers are never the same twice.
static int take_line(struct contest_end *end)
{
    struct limit *limit = end->state;
    struct ring *ring = theirs(end);
    uint64_t number;
    do
        number = atomic_load_explicit(&ring->written, memory_order_acquire);
    while (number == limit->written_seen);
    limit->written_seen = number;
    memcpy(end->bytes, &number, sizeof(number));
    return 0;
}

/* --- a ring -------------------------------------------------------------- */

static unsigned char *slot_of(struct contest_end *end, struct ring *ring, uint64_t at)
{
    const struct limit *limit = end->state;
    return ring->slots + (at & (limit->slots - 1)) * end->size;
}

static void await_room(struct limit *limit, struct ring *ring)
{
    while (limit->written - limit->taken_seen == limit->slots)
        limit->taken_seen = atomic_load_explicit(&ring->taken, memory_order_acquire);
}

static void await_message(struct limit *limit, struct ring *ring)
{
    while (limit->taken == limit->written_seen)
        limit->written_seen =
            atomic_load_explicit(&ring->written, memory_order_acquire);
}

static int send_bytes(struct contest_end *end, size_t size)
{
    struct limit *limit = end->state;
    struct ring *ring = mine(end);
    await_room(limit, ring);
    memcpy(slot_of(end, ring, limit->written), end->bytes, size);
    limit->written++;
    atomic_store_explicit(&ring->written, limit->written, memory_order_release);
    return 0;
}

static int take_bytes(struct contest_end *end, size_t size)
{
    struct limit *limit = end->state;
    struct ring *ring = theirs(end);
    await_message(limit, ring);
    memcpy(end->bytes, slot_of(end, ring, limit->taken), size);
    limit->taken++;
    atomic_store_explicit(&ring->taken, limit->taken, memory_order_release);
    return 0;
}

static int send_copy(struct contest_end *end)
{
    return send_bytes(end, end->size);
}

static int take_copy(struct contest_end *end)
{
    return take_bytes(end, end->size);
}

static int send_descriptor(struct contest_end *end)
{
    return send_bytes(end, CONTEST_LEAST);
}

static int take_descriptor(struct contest_end *end)
{
    return take_bytes(end, CONTEST_LEAST);
}

/* --- the table ----------------------------------------------------------- */

const struct contest_entrant contest_entrants[] = {
    {.name = "line",
     .settings = "one cache line each way, in a loop without a pause",
     .is_awake = true,
     .most = CONTEST_LEAST,
     .workloads = 1u << CONTEST_ROUND,
     .prepare = prepare,
     .send = send_line,
     .take = take_line},
    {.name = "two-copies",
     .settings = "memcpy(3) into a ring of 1 MiB, or four messages, and out of it",
     .is_awake = true,
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_PUSH,
     .prepare = prepare,
     .send = send_copy,
     .take = take_copy},
    {.name = "descriptor",
     .settings = "an index and the first line of the message",
     .is_awake = true,
     .workloads = 1u << CONTEST_LENT,
     .prepare = prepare,
     .send = send_descriptor,
     .take = take_descriptor},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
