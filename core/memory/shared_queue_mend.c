/* SPDX-License-Identifier: MIT */
/*
 * Putting one side of a shared queue in order, whose lock's holder has died.
 *
 * The slots say it all.  A message that had no entry yet is absent, one that had is
 * there; a slot that was to be returned is; a message that was being read is there
 * again, in its old place, or counts as lost, as the queue was made.  Lists are made
 * anew.  The other side goes on meanwhile: what it changes is not looked at here, or
 * says by its position that it is not this side's.
 */
#include "memory/shared_queue.h"

#include <stdlib.h>
#include <string.h>

/* --- the writers' -------------------------------------------------------- */

// The message at the next position: its entry says whether it has arrived.
static void settle_arrival(struct shared_queue *queue)
{
    struct shared_queue_writers *writers = queue->writers;
    const uint64_t arrived = WHERRY_LOAD(&writers->arrived);
    if (entry_at(queue, queue->arrivals, arrived) != queue_none)
        WHERRY_STORE(&writers->arrived, arrived + 1);
}

// The free slot at the next position: it is still free, it was used, or somebody began
// to use it.
static void settle_taking(struct shared_queue *queue)
{
    struct shared_queue_writers *writers = queue->writers;
    const uint64_t arrived = WHERRY_LOAD(&writers->arrived);
    const uint64_t taken = WHERRY_LOAD(&writers->taken);
    const uint64_t free_there = state_word(QUEUE_RETURNED, taken);
    const uint32_t number = entry_at(queue, queue->returns, taken);
    if (number == queue_none)
        return;
    struct shared_queue_slot *slot = &queue->slots[number];
    const uint64_t state = WHERRY_LOAD(&slot->state);
    const bool is_begun =
        state_of(state) == QUEUE_READY && position_of(state) >= arrived;
    if (is_begun || state == free_there) {
        WHERRY_STORE(&slot->block, queue_none);
        WHERRY_STORE(&slot->state, free_there);
    } else {
        WHERRY_STORE(&writers->taken, taken + 1);
    }
}

static bool use(struct shared_queue *queue, uint32_t block)
{
    if (block >= queue->block_count)
        return false;
    uint8_t *byte = &queue->used_blocks[block / 8];
    const uint8_t bit = (uint8_t)(1u << block % 8);
    const bool was_used = (*byte & bit) != 0;
    *byte |= bit;
    return !was_used;
}

static void mark_used(struct shared_queue *queue)
{
    memset(queue->used_blocks, 0, queue->block_count / 8 + 1);
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        const struct shared_queue_slot *slot = &queue->slots[i];
        uint32_t block = WHERRY_LOAD(&slot->block);
        uint32_t left = blocks_of(WHERRY_LOAD(&slot->size));
        while (left-- > 0 && use(queue, block))
            block = WHERRY_LOAD(&queue->chain[block]);
    }
}

static void list_unused(struct shared_queue *queue)
{
    uint32_t free = queue_none;
    uint32_t count = 0;
    for (uint32_t i = queue->block_count; i-- > 0;) {
        if (queue->used_blocks[i / 8] & 1u << i % 8)
            continue;
        WHERRY_STORE(&queue->chain[i], free);
        free = i;
        count++;
    }
    WHERRY_STORE(&queue->writers->free, free);
    WHERRY_STORE(&queue->writers->free_count, count);
}

void shared_queue_mend_writers(struct shared_queue *queue)
{
    settle_arrival(queue);
    settle_taking(queue);
    WHERRY_STORE(&queue->writers->reaped, WHERRY_LOAD(&queue->writers->taken));
    mark_used(queue);
    list_unused(queue);
    WHERRY_STORE(&queue->writers->mended, WHERRY_LOAD(&queue->writers->mended) + 1);
}

/* --- the readers' -------------------------------------------------------- */

static void give_back(struct shared_queue *queue, uint32_t number)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint64_t returned = WHERRY_LOAD(&readers->returned);
    WHERRY_STORE(&queue->slots[number].state, state_word(QUEUE_RETURNED, returned));
    WHERRY_STORE(&queue->returns[returned & queue->ring_mask],
                 entry_word(returned, number));
    WHERRY_STORE(&readers->returned, returned + 1);
}

static void settle_reading(struct shared_queue *queue, uint32_t number, uint64_t state)
{
    if (queue->unread == QUEUE_AGAIN) {
        WHERRY_STORE(&queue->slots[number].state,
                     state_word(QUEUE_READY, position_of(state)));
        return;
    }
    WHERRY_STORE(&queue->readers->lost, WHERRY_LOAD(&queue->readers->lost) + 1);
    give_back(queue, number);
}

// What this side had in hand.
static void settle(struct shared_queue *queue)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint64_t returned = WHERRY_LOAD(&readers->returned);
    if (entry_at(queue, queue->returns, returned) != queue_none)
        WHERRY_STORE(&readers->returned, returned + 1);
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        const uint64_t state = WHERRY_LOAD(&queue->slots[i].state);
        if (state_of(state) == QUEUE_READING)
            settle_reading(queue, i, state);
        else if (state_of(state) == QUEUE_RETURNED &&
                 position_of(state) >= WHERRY_LOAD(&readers->returned))
            give_back(queue, i);
    }
}

static int compare(const void *one, const void *other)
{
    const struct shared_queue_position *a = one;
    const struct shared_queue_position *b = other;
    return a->position < b->position ? -1 : a->position > b->position;
}

static void list_in_order(struct shared_queue *queue, uint32_t count)
{
    struct shared_queue_readers *readers = queue->readers;
    uint32_t next = queue_none;
    qsort(queue->order, count, sizeof(*queue->order), compare);
    WHERRY_STORE(&readers->last, count ? queue->order[count - 1].slot : queue_none);
    for (uint32_t i = count; i-- > 0;) {
        WHERRY_STORE(&queue->slots[queue->order[i].slot].next, next);
        next = queue->order[i].slot;
    }
    WHERRY_STORE(&readers->first, next);
}

// What arrives from now on stands in the ring.
void shared_queue_mend_readers(struct shared_queue *queue)
{
    settle(queue);
    const uint64_t arrived = WHERRY_LOAD(&queue->writers->arrived);
    uint32_t count = 0;
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        const uint64_t state = WHERRY_LOAD(&queue->slots[i].state);
        if (state_of(state) == QUEUE_READY && position_of(state) < arrived)
            queue->order[count++] = (struct shared_queue_position){
                .position = position_of(state), .slot = i};
    }
    list_in_order(queue, count);
    WHERRY_STORE(&queue->readers->read, arrived);
    WHERRY_STORE(&queue->readers->mended, WHERRY_LOAD(&queue->readers->mended) + 1);
}
