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
    const uint64_t arrived = shared_word(&writers->arrived);
    if (entry_at(queue, queue->arrivals, arrived) != queue_none)
        step_word(&writers->arrived, arrived + 1);
}

// The free slot at the next position: it is still free, it was used, or somebody began
// to use it.
static void settle_taking(struct shared_queue *queue)
{
    struct shared_queue_writers *writers = queue->writers;
    const uint64_t arrived = shared_word(&writers->arrived);
    const uint64_t taken = shared_word(&writers->taken);
    const uint64_t free_there = state_word(QUEUE_RETURNED, taken);
    const uint32_t number = entry_at(queue, queue->returns, taken);
    if (number == queue_none)
        return;
    struct shared_queue_slot *slot = &queue->slots[number];
    const uint64_t state = atomic_load_explicit(&slot->state, memory_order_acquire);
    const bool is_begun =
        state_of(state) == QUEUE_READY && position_of(state) >= arrived;
    if (is_begun || state == free_there) {
        step_half(&slot->block, queue_none);
        step_word(&slot->state, free_there);
    } else {
        step_word(&writers->taken, taken + 1);
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
        uint32_t block = shared_half(&slot->block);
        uint32_t left = blocks_of(shared_half(&slot->size));
        while (left-- > 0 && use(queue, block))
            block = shared_half(&queue->next[block]);
    }
}

static void list_unused(struct shared_queue *queue)
{
    uint32_t free = queue_none;
    uint32_t count = 0;
    for (uint32_t i = queue->block_count; i-- > 0;) {
        if (queue->used_blocks[i / 8] & 1u << i % 8)
            continue;
        step_half(&queue->next[i], free);
        free = i;
        count++;
    }
    step_half(&queue->writers->free, free);
    step_half(&queue->writers->free_count, count);
}

void shared_queue_mend_writers(struct shared_queue *queue)
{
    settle_arrival(queue);
    settle_taking(queue);
    step_word(&queue->writers->reaped, shared_word(&queue->writers->taken));
    mark_used(queue);
    list_unused(queue);
    step_word(&queue->writers->mended, shared_word(&queue->writers->mended) + 1);
}

/* --- the readers' -------------------------------------------------------- */

static void give_back(struct shared_queue *queue, uint32_t number)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint64_t returned = shared_word(&readers->returned);
    step_word(&queue->slots[number].state, state_word(QUEUE_RETURNED, returned));
    step_word(&queue->returns[returned & queue->ring_mask],
              entry_word(returned, number));
    step_word(&readers->returned, returned + 1);
}

static void settle_reading(struct shared_queue *queue, uint32_t number, uint64_t state)
{
    if (queue->unread == QUEUE_AGAIN) {
        step_word(&queue->slots[number].state,
                  state_word(QUEUE_READY, position_of(state)));
        return;
    }
    step_word(&queue->readers->lost, shared_word(&queue->readers->lost) + 1);
    give_back(queue, number);
}

// What this side had in hand.
static void settle(struct shared_queue *queue)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint64_t returned = shared_word(&readers->returned);
    if (entry_at(queue, queue->returns, returned) != queue_none)
        step_word(&readers->returned, returned + 1);
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        const uint64_t state = shared_word(&queue->slots[i].state);
        if (state_of(state) == QUEUE_READING)
            settle_reading(queue, i, state);
        else if (state_of(state) == QUEUE_RETURNED &&
                 position_of(state) >= shared_word(&readers->returned))
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
    step_half(&readers->last, count ? queue->order[count - 1].slot : queue_none);
    for (uint32_t i = count; i-- > 0;) {
        step_half(&queue->slots[queue->order[i].slot].next, next);
        next = queue->order[i].slot;
    }
    step_half(&readers->first, next);
}

// What arrives from now on stands in the ring.
void shared_queue_mend_readers(struct shared_queue *queue)
{
    settle(queue);
    const uint64_t arrived =
        atomic_load_explicit(&queue->writers->arrived, memory_order_acquire);
    uint32_t count = 0;
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        const uint64_t state = shared_word(&queue->slots[i].state);
        if (state_of(state) == QUEUE_READY && position_of(state) < arrived)
            queue->order[count++] = (struct shared_queue_position){
                .position = position_of(state), .slot = i};
    }
    list_in_order(queue, count);
    step_word(&queue->readers->read, arrived);
    step_word(&queue->readers->mended, shared_word(&queue->readers->mended) + 1);
}
