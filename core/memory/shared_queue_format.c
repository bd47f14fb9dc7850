/* SPDX-License-Identifier: MIT */
/*
 * The block of memory that a shared queue is: header, writers, readers, line, rings,
 * slots, waits, places, blocks.
 */
#include "memory/shared_queue.h"

#include <string.h>

enum { LINE = 64 /* bytes of the processor's cache */ };

/* Where each part begins, from the header on, in bytes. */
struct parts {
    uint64_t arrivals;
    uint64_t returns;
    uint64_t slots;
    uint64_t waits;
    uint64_t wants;
    uint64_t places;
    uint64_t next;
    uint64_t data;
    uint64_t size;
};

static uint64_t round_up(uint64_t size, uint64_t step)
{
    return (size + step - 1) / step * step;
}

// As many entries as slots, and one that says that there is none: a power of two.
static uint64_t ring_size(uint32_t slots)
{
    uint64_t size = LINE / sizeof(uint64_t);
    while (size <= slots)
        size *= 2;
    return size;
}

static struct parts lay_out(uint32_t slots, uint32_t blocks, uint32_t places)
{
    struct parts parts;
    const uint64_t ring = ring_size(slots) * sizeof(uint64_t);
    const uint64_t words = round_up(places * sizeof(uint64_t), LINE);
    parts.arrivals = round_up(SHARED_QUEUE_HEAD, LINE);
    parts.returns = parts.arrivals + ring;
    parts.slots = parts.returns + ring;
    parts.waits = parts.slots + slots * sizeof(struct shared_queue_slot);
    parts.wants = parts.waits + words;
    parts.places = parts.wants + words;
    parts.next = parts.places + places * sizeof(struct place);
    parts.data = round_up(parts.next + blocks * sizeof(uint32_t), LINE);
    parts.size = parts.data + (uint64_t)blocks * QUEUE_BLOCK;
    return parts;
}

static uint32_t blocks_in(uint64_t bytes)
{
    return (uint32_t)(round_up(bytes, QUEUE_BLOCK) / QUEUE_BLOCK);
}

uint64_t shared_queue_size(const struct shared_queue_numbers *numbers)
{
    return lay_out(numbers->slots, blocks_in(numbers->bytes), numbers->places).size;
}

/* --- knowing one --------------------------------------------------------- */

static int check(const struct shared_queue_header *at, uint64_t size, uint64_t space)
{
    const struct places_header *common = &at->common;
    int r = places_header_check(common, &shared_queue_ways, size, space);
    if (r < 0)
        return r;
    if (at->slots == 0 || at->slots > SHARED_QUEUE_SLOTS ||
        at->blocks > SHARED_QUEUE_BLOCKS || common->places == 0 ||
        common->places > SHARED_QUEUE_HANDLES || at->unread > QUEUE_LOST ||
        common->size != lay_out(at->slots, at->blocks, common->places).size)
        return places_header_broken(&shared_queue_ways);
    return 0;
}

static void point(struct shared_queue *queue, uint8_t *base, const struct parts *parts)
{
    uint8_t *at = base + sizeof(struct shared_queue_header);
    queue->writers = (struct shared_queue_writers *)(void *)at;
    at += sizeof(*queue->writers);
    queue->readers = (struct shared_queue_readers *)(void *)at;
    at += sizeof(*queue->readers);
    queue->line = (struct shared_queue_line *)(void *)at;
    queue->arrivals = (_Atomic(uint64_t) *)(void *)(base + parts->arrivals);
    queue->returns = (_Atomic(uint64_t) *)(void *)(base + parts->returns);
    queue->slots = (struct shared_queue_slot *)(void *)(base + parts->slots);
    queue->wants = (_Atomic(int64_t) *)(void *)(base + parts->wants);
    queue->chain = (atomic_uint *)(void *)(base + parts->next);
    queue->data = base + parts->data;
    queue->places.waits = (_Atomic(uint64_t) *)(void *)(base + parts->waits);
    queue->places.all = (struct place *)(void *)(base + parts->places);
    queue->places.attached = &queue->line->attached;
    queue->places.used = &queue->line->used;
}

static void take_numbers(struct shared_queue *queue,
                         const struct shared_queue_header *header)
{
    queue->slot_count = header->slots;
    queue->block_count = header->blocks;
    queue->ring_mask = (uint32_t)ring_size(header->slots) - 1;
    queue->unread = (enum shared_queue_unread)header->unread;
    queue->places.seats = header->common.places;
    queue->places.name = header->common.name;
}

int shared_queue_know(struct shared_queue *queue, struct shared_queue_header *at,
                      uint64_t size)
{
    // Nobody else's change of it meanwhile counts.
    struct shared_queue_header header = {.slots = 0};
    if (size >= sizeof(header))
        memcpy(&header, at, sizeof(header));
    atomic_thread_fence(memory_order_acquire);
    int r = check(&header, size, queue->places.space);
    if (r < 0)
        return r;
    const struct parts parts =
        lay_out(header.slots, header.blocks, header.common.places);
    point(queue, (uint8_t *)at, &parts);
    take_numbers(queue, &header);
    return 0;
}

/* --- making one ---------------------------------------------------------- */

// All slots are returned, all blocks free.  Positions begin behind the first round of
// the rings, whose entries are 0.
static void fill(struct shared_queue *queue)
{
    const uint64_t begin = (uint64_t)queue->ring_mask + 1;
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        struct shared_queue_slot *slot = &queue->slots[i];
        WHERRY_STORE(&slot->block, queue_none);
        WHERRY_STORE(&slot->state, state_word(QUEUE_RETURNED, begin + i));
        WHERRY_STORE(&queue->returns[(begin + i) & queue->ring_mask],
                     entry_word(begin + i, i));
    }
    for (uint32_t i = 0; i < queue->block_count; i++)
        WHERRY_STORE(&queue->chain[i], i + 1 < queue->block_count ? i + 1 : queue_none);
    WHERRY_STORE(&queue->writers->arrived, begin);
    WHERRY_STORE(&queue->writers->taken, begin);
    WHERRY_STORE(&queue->writers->reaped, begin);
    WHERRY_STORE(&queue->writers->free, queue->block_count ? 0 : queue_none);
    WHERRY_STORE(&queue->writers->free_count, queue->block_count);
    WHERRY_STORE(&queue->readers->read, begin);
    WHERRY_STORE(&queue->readers->returned, begin + queue->slot_count);
    WHERRY_STORE(&queue->readers->first, queue_none);
    WHERRY_STORE(&queue->readers->last, queue_none);
}

int shared_queue_make(void *at, const struct shared_queue_numbers *numbers)
{
    struct shared_queue_header *header = at;
    struct shared_queue queue = {.slot_count = 0};
    const uint64_t size = shared_queue_size(numbers);
    int r =
        places_header_make(&header->common, &shared_queue_ways, numbers->places, size);
    if (r < 0)
        return r;
    header->slots = numbers->slots;
    header->blocks = blocks_in(numbers->bytes);
    header->unread = (uint32_t)numbers->unread;
    header->unused = 0;
    const struct parts parts = lay_out(header->slots, header->blocks, numbers->places);
    take_numbers(&queue, header);
    point(&queue, at, &parts);
    fill(&queue);
    places_header_show(&header->common, &shared_queue_ways);
    return 0;
}
