/* SPDX-License-Identifier: MIT */
/*
 * Putting messages into a shared queue, under the writers' lock.
 *
 * A slot that was returned has the blocks of its last message, until somebody needs
 * the slot or the blocks.
 */
#include "memory/shared_queue.h"

#include <errno.h>
#include <string.h>

static APART int broken(void)
{
    return failure(-EPROTO, "the queue's memory is broken: somebody else wrote there "
                            "(wherry remove)");
}

/* --- blocks -------------------------------------------------------------- */

// The last block of a chain; none: it is broken.
static uint32_t last_of(const struct shared_queue *queue, uint32_t first,
                        uint32_t count)
{
    uint32_t last = first;
    for (uint32_t i = 1; i < count && last < queue->block_count; i++)
        last = WHERRY_LOAD(&queue->chain[last]);
    return last < queue->block_count ? last : queue_none;
}

// How many were looked at; a chain that is broken is left.
static uint32_t free_blocks(struct shared_queue *queue, struct shared_queue_slot *slot)
{
    struct shared_queue_writers *writers = queue->writers;
    const uint32_t first = WHERRY_LOAD(&slot->block);
    const uint32_t count = blocks_of(WHERRY_LOAD(&slot->size));
    const bool is_chain = count > 0 && count <= queue->block_count;
    const uint32_t last = is_chain ? last_of(queue, first, count) : queue_none;
    WHERRY_STORE(&slot->block, queue_none);
    if (last == queue_none)
        return is_chain ? count : 0;
    WHERRY_STORE(&queue->chain[last], WHERRY_LOAD(&writers->free));
    WHERRY_STORE(&writers->free, first);
    WHERRY_STORE(&writers->free_count, WHERRY_LOAD(&writers->free_count) + count);
    return count;
}

// Of all slots that were returned, until there are so many; all blocks are seen once at
// most, whatever is counted there.
static void reap(struct shared_queue *queue, uint32_t wanted)
{
    struct shared_queue_writers *writers = queue->writers;
    const uint64_t taken = WHERRY_LOAD(&writers->taken);
    uint64_t reaped = WHERRY_LOAD(&writers->reaped);
    uint64_t seen = 0;
    if (reaped - taken > queue->slot_count)
        reaped = taken;
    for (uint32_t i = 0; i < queue->slot_count && seen < queue->block_count;
         i++, reaped++) {
        const uint32_t number = entry_at(queue, queue->returns, reaped);
        if (number == queue_none || WHERRY_LOAD(&writers->free_count) >= wanted)
            break;
        if (WHERRY_LOAD(&queue->slots[number].block) != queue_none)
            seen += free_blocks(queue, &queue->slots[number]);
    }
    WHERRY_STORE(&writers->reaped, reaped);
}

// A chain of so many.
static int take_blocks(struct shared_queue *queue, uint32_t count, uint32_t *out)
{
    struct shared_queue_writers *writers = queue->writers;
    *out = queue_none;
    if (count == 0)
        return 0;
    if (WHERRY_LOAD(&writers->free_count) < count)
        reap(queue, count);
    const uint32_t there = WHERRY_LOAD(&writers->free_count);
    if (there < count)
        return -EAGAIN;
    const uint32_t first = WHERRY_LOAD(&writers->free);
    const uint32_t last = last_of(queue, first, count);
    if (last == queue_none)
        return broken();
    WHERRY_STORE(&writers->free, WHERRY_LOAD(&queue->chain[last]));
    WHERRY_STORE(&writers->free_count, there - count);
    *out = first;
    return 0;
}

static int fill_blocks(struct shared_queue *queue, uint32_t block,
                       const struct wherry_plain *plain)
{
    const uint8_t *data = plain->data;
    for (size_t done = 0; done < plain->size; done += QUEUE_BLOCK) {
        const size_t left = plain->size - done;
        if (block >= queue->block_count)
            return broken();
        memcpy(queue->data + (size_t)block * QUEUE_BLOCK, data + done,
               left < QUEUE_BLOCK ? left : QUEUE_BLOCK);
        block = WHERRY_LOAD(&queue->chain[block]);
    }
    return 0;
}

/* --- slots --------------------------------------------------------------- */

// The next free slot.  What stands there and is not free was put there by a stranger,
// and is passed over.
static int find_slot(struct shared_queue *queue, uint64_t *position, uint32_t *out)
{
    struct shared_queue_writers *writers = queue->writers;
    for (uint32_t i = 0; i <= queue->slot_count; i++) {
        const uint64_t taken = WHERRY_LOAD(&writers->taken);
        const uint32_t number = entry_at(queue, queue->returns, taken);
        if (number == queue_none)
            return -EAGAIN;
        *position = taken;
        *out = number;
        if (WHERRY_LOAD(&queue->slots[number].state) ==
            state_word(QUEUE_RETURNED, taken))
            return 0;
        WHERRY_STORE(&writers->taken, taken + 1);
    }
    return broken();
}

static int fill(struct shared_queue *queue, struct shared_queue_slot *slot,
                const struct wherry_plain *plain)
{
    uint32_t block;
    if (WHERRY_LOAD(&slot->block) != queue_none)
        (void)free_blocks(queue, slot);
    int r = take_blocks(queue, blocks_of(plain->size), &block);
    if (r < 0)
        return r;
    atomic_store_explicit(&slot->kind, plain->kind, memory_order_relaxed);
    atomic_store_explicit(&slot->sender, queue->places.owner, memory_order_relaxed);
    atomic_store_explicit(&slot->size, (uint32_t)plain->size, memory_order_relaxed);
    atomic_store_explicit(&slot->block, block, memory_order_relaxed);
    if (block != queue_none)
        return fill_blocks(queue, block, plain);
    if (plain->size > 0)
        memcpy(slot->bytes, plain->data, plain->size);
    return 0;
}

// From the entry on it has arrived; what is counted after that only says so.
static int put(struct shared_queue *queue, const struct wherry_plain *plain)
{
    struct shared_queue_writers *writers = queue->writers;
    uint64_t taken;
    uint32_t number;
    int r = find_slot(queue, &taken, &number);
    if (r < 0)
        return r;
    struct shared_queue_slot *slot = &queue->slots[number];
    r = fill(queue, slot, plain);
    if (r < 0)
        return r;
    const uint64_t arrived = WHERRY_LOAD(&writers->arrived);
    WHERRY_STORE(&slot->state, state_word(QUEUE_READY, arrived));
    WHERRY_STORE(&queue->arrivals[arrived & queue->ring_mask],
                 entry_word(arrived, number));
    WHERRY_STORE(&writers->arrived, arrived + 1);
    WHERRY_STORE(&writers->taken, taken + 1);
    fetch_ahead(queue, queue->returns, taken);
    return 0;
}

/* --- several ------------------------------------------------------------- */

bool shared_queue_has_room(const struct shared_queue *queue)
{
    return entry_at(queue, queue->returns, WHERRY_LOAD(&queue->writers->taken)) !=
           queue_none;
}

// Since the last try.
static bool has_returns(const struct shared_queue *queue)
{
    return entry_at(queue, queue->returns, queue->seen.returns) != queue_none;
}

static void remember(struct shared_queue *queue, bool was_held)
{
    const uint64_t taken = WHERRY_LOAD(&queue->writers->taken);
    const uint64_t reaped = WHERRY_LOAD(&queue->writers->reaped);
    queue->seen = (struct shared_queue_seen){
        .position = taken,
        .returns = reaped - taken <= queue->slot_count ? reaped : taken,
        .mended = WHERRY_LOAD(&queue->writers->mended),
        .was_held = was_held};
}

// As far as there is room.
static int64_t put_run(struct shared_queue *queue, const struct wherry_plain *messages,
                       size_t count)
{
    size_t done = 0;
    int r = shared_queue_lock(queue, QUEUE_WRITERS);
    if (r < 0) {
        remember(queue, true);
        shared_queue_stay_out(queue);
        return r;
    }
    while (done < count && (r = put(queue, &messages[done])) >= 0)
        done++;
    if (r < 0)
        remember(queue, false);
    queue->is_busy = queue->is_busy || done > 0;
    say_processor(&queue->writers->processor);
    shared_queue_unlock(queue, QUEUE_WRITERS);
    for (size_t i = 0; i < done; i++)
        shared_queue_wake(queue, QUEUE_READERS, messages[i].kind);
    shared_queue_wake_locked_out(queue, QUEUE_WRITERS);
    return done > 0 ? (int64_t)done : r;
}

// A reader that died may not have returned the slot that is wanted.
static APART int64_t put_after_mending(struct shared_queue *queue,
                                       const struct wherry_plain *messages,
                                       size_t count)
{
    if (shared_queue_lock(queue, QUEUE_READERS) < 0)
        return -EAGAIN;
    shared_queue_unlock(queue, QUEUE_READERS);
    return put_run(queue, messages, count);
}

int64_t shared_queue_put(struct shared_queue *queue,
                         const struct wherry_plain *messages, size_t count)
{
    int64_t r = put_run(queue, messages, count);
    if (r == -EAGAIN && !queue->seen.was_held &&
        (shared_queue_linger(queue, has_returns) ||
         shared_queue_look_anew(queue, has_returns)))
        r = put_run(queue, messages, count);
    if (r == -EAGAIN && shared_queue_is_orphan(queue, QUEUE_READERS))
        r = put_after_mending(queue, messages, count);
    if (r > 0 && !shared_queue_has_room(queue))
        shared_queue_hush(queue, shared_queue_has_room);
    return r;
}
