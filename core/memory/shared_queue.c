/* SPDX-License-Identifier: MIT */
/*
 * Handles of shared queues: opening, closing, and what is known of one.
 */
#include "memory/shared_queue.h"

#include <errno.h>
#include <stdlib.h>

/* --- its places ---------------------------------------------------------- */

// Locks are taken over by whoever wants them.
static void take_back(struct places *places, uint64_t owner)
{
    (void)places, (void)owner;
}

// Who was rung, and has gone, looks no more.
static void wake(struct places *places)
{
    bells_ring_all(places);
}

// Nobody waits here without being told of the end of all.
static void look(struct places *places)
{
    (void)places;
}

const struct places_ways shared_queue_ways = {
    .noun = "queue",
    .magic = "wherry-q",
    .version = 2,
    .layout = SHARED_QUEUE_HEAD << 16 | sizeof(struct shared_queue_slot) << 8 |
              sizeof(struct place),
    .take_back = take_back,
    .wake = wake,
    .look = look};

/* --- opening and closing ------------------------------------------------- */

static size_t order_size(const struct shared_queue *queue)
{
    return queue->slot_count * sizeof(*queue->order);
}

static size_t used_size(const struct shared_queue *queue)
{
    return queue->block_count / 8 + 1;
}

static void release_all(struct shared_queue *queue)
{
    places_unwatch(&queue->places);
    bells_close(&queue->places);
    os_close(queue->places.directory);
    os_room_free(queue->order, order_size(queue));
    os_room_free(queue->used_blocks, used_size(queue));
    free(queue);
}

int shared_queue_new(enum shared_queue_side side, struct shared_queue **out)
{
    struct shared_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return failure_plain(-ENOMEM, "no memory for a queue");
    queue->side = side;
    atomic_init(&queue->quiet[QUEUE_WRITERS], UINT64_MAX);
    atomic_init(&queue->quiet[QUEUE_READERS], UINT64_MAX);
    int r = places_start(&queue->places, &shared_queue_ways, queue);
    if (r < 0) {
        release_all(queue);
        return r;
    }
    *out = queue;
    return 0;
}

// What putting it in order will need, for then there may be none; it is not touched
// before.
static int make_room(struct shared_queue *queue)
{
    queue->order = os_room_new(order_size(queue));
    queue->used_blocks = os_room_new(used_size(queue));
    return queue->order && queue->used_blocks
               ? 0
               : failure_plain(-ENOMEM, "no memory for a queue");
}

int shared_queue_attach(struct shared_queue *queue, wherry_region *region,
                        int directory)
{
    int r = shared_queue_know(queue, (void *)region->data, region->size);
    if (r >= 0)
        r = make_room(queue);
    if (r >= 0)
        r = region_live(region, &queue->life);
    if (r < 0)
        return failure_prefix(r, "opening a queue");
    queue->places.directory = directory;
    r = places_enter(&queue->places);
    if (r < 0) {
        queue->places.directory = -1;
        return r;
    }
    queue->region = region;
    os_map_without_child(region->data, region->size);
    return 0;
}

// A child has the descriptors, and neither the memory nor the place.
void shared_queue_close(struct shared_queue *queue)
{
    if (queue->region && !region_lives(&queue->life))
        region_forget(queue->region);
    else if (queue->region)
        places_leave(&queue->places);
    if (queue->region)
        region_let_go(queue->region);
    release_all(queue);
}

/* --- what is known of one ------------------------------------------------ */

int shared_queue_check(const struct shared_queue *queue)
{
    if (region_lives(&queue->life))
        return 0;
    return failure(-ECHILD, "the queue was opened before fork(2), by the parent: open "
                            "it in the child, too");
}

size_t shared_queue_memory(const struct shared_queue *queue)
{
    return sizeof(*queue) + sizeof(*queue->region) +
           queue->places.watched_count * sizeof(*queue->places.watched);
}

void shared_queue_look(const struct shared_queue *queue,
                       struct shared_queue_numbers *out)
{
    *out = (struct shared_queue_numbers){.slots = queue->slot_count,
                                         .bytes =
                                             (uint64_t)queue->block_count * QUEUE_BLOCK,
                                         .places = queue->places.seats,
                                         .unread = queue->unread};
}

uint64_t shared_queue_largest(const struct shared_queue *queue)
{
    const uint64_t bytes = (uint64_t)queue->block_count * QUEUE_BLOCK;
    return bytes > QUEUE_INLINE ? bytes : QUEUE_INLINE;
}

void shared_queue_sweep(struct shared_queue *queue)
{
    places_sweep(&queue->places);
    bells_ring_all(&queue->places);
}
