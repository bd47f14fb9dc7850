/* SPDX-License-Identifier: MIT */
/*
 * Taking messages out of a shared queue, under the readers' lock.
 *
 * Those that were passed over are older than those in the ring, and come first.
 */
#include "memory/shared_queue.h"

#include <errno.h>
#include <string.h>

static APART int broken(void)
{
    return failure(-EPROTO, "the queue's memory is broken: somebody else wrote there "
                            "(wherry remove)");
}

/* --- looking ------------------------------------------------------------- */

bool shared_queue_has_message(const struct shared_queue *queue)
{
    const struct shared_queue_readers *readers = queue->readers;
    return shared_half(&readers->first) != queue_none ||
           entry_at(queue, queue->arrivals, shared_word(&readers->read)) != queue_none;
}

static void remember(struct shared_queue *queue, bool was_held)
{
    queue->seen =
        (struct shared_queue_seen){.position = shared_word(&queue->readers->read),
                                   .mended = shared_word(&queue->readers->mended),
                                   .was_held = was_held};
}

int shared_queue_begin(struct shared_queue *queue)
{
    remember(queue, false);
    if (!shared_queue_has_message(queue) && shared_word(&queue->readers->lock) == 0 &&
        !shared_queue_linger(queue, shared_queue_has_message) &&
        !shared_queue_look_anew(queue, shared_queue_has_message))
        return -EAGAIN;
    int r = shared_queue_lock(queue, QUEUE_READERS);
    if (r < 0)
        remember(queue, true);
    return r;
}

void shared_queue_end(struct shared_queue *queue)
{
    const uint32_t given = queue->given;
    queue->given = 0;
    shared_queue_unlock(queue, QUEUE_READERS);
    for (uint32_t i = 0; i < given; i++)
        shared_queue_wake(queue, QUEUE_WRITERS, 0);
    shared_queue_wake_locked_out(queue, QUEUE_READERS);
    if (given > 0 && !shared_queue_has_message(queue))
        shared_queue_hush(queue);
}

/* --- finding ------------------------------------------------------------- */

static void tell(const struct shared_queue *queue, uint32_t number,
                 struct shared_queue_message *out)
{
    const struct shared_queue_slot *slot = &queue->slots[number];
    out->slot = number;
    out->position = position_of(shared_word(&slot->state));
    out->size = shared_half(&slot->size);
    out->block = shared_half(&slot->block);
    out->kind = shared_number(&slot->kind);
    out->sender = owner_pid(shared_word(&slot->sender));
}

// The slot that stands next in the ring.  One that is not READY there was taken by
// somebody who died before he counted it.
static uint32_t next_arrival(struct shared_queue *queue)
{
    struct shared_queue_readers *readers = queue->readers;
    for (uint32_t i = 0; i <= queue->slot_count; i++) {
        const uint64_t read = shared_word(&readers->read);
        const uint32_t number = entry_at(queue, queue->arrivals, read);
        if (number == queue_none)
            return queue_none;
        if (atomic_load_explicit(&queue->slots[number].state, memory_order_acquire) ==
            state_word(QUEUE_READY, read))
            return number;
        step_word(&readers->read, read + 1);
    }
    return queue_none;
}

// From the ring to the end of the list.
static void pass_over(struct shared_queue *queue, uint32_t number)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint32_t last = shared_half(&readers->last);
    step_half(&queue->slots[number].next, queue_none);
    if (last < queue->slot_count)
        step_half(&queue->slots[last].next, number);
    if (last >= queue->slot_count || shared_half(&readers->first) == queue_none)
        step_half(&readers->first, number);
    step_half(&readers->last, number);
    step_word(&readers->read, shared_word(&readers->read) + 1);
}

static bool fits(int64_t kind, int64_t wanted)
{
    return wanted == 0 || kind == wanted || (wanted < 0 && kind <= -wanted);
}

// Whether it is the one, or none comes before it.
static bool is_better(const struct shared_queue_message *found, int64_t kind,
                      int64_t wanted)
{
    return fits(kind, wanted) && (found->slot == queue_none || kind < found->kind);
}

static bool is_enough(const struct shared_queue_message *found, int64_t wanted)
{
    return found->slot != queue_none && (wanted >= 0 || found->kind == 0);
}

// In the list; -EPROTO: it has no end, or leads elsewhere.
static int find_passed(struct shared_queue *queue, int64_t wanted,
                       struct shared_queue_message *found)
{
    uint32_t before = queue_none;
    uint32_t at = shared_half(&queue->readers->first);
    for (uint32_t i = 0; at != queue_none && !is_enough(found, wanted); i++) {
        if (at >= queue->slot_count || i > queue->slot_count)
            return broken();
        if (is_better(found, shared_number(&queue->slots[at].kind), wanted)) {
            tell(queue, at, found);
            found->before = before;
            found->is_passed = true;
        }
        before = at;
        at = shared_half(&queue->slots[at].next);
    }
    return 0;
}

// In the ring: those that do not fit go to the list, and for a kind below zero all do,
// for a lower one may come behind it.
static void find_arrived(struct shared_queue *queue, int64_t wanted,
                         struct shared_queue_message *found)
{
    for (uint32_t i = 0; i <= queue->slot_count && !is_enough(found, wanted); i++) {
        const uint32_t number = next_arrival(queue);
        if (number == queue_none)
            return;
        const uint32_t before = shared_half(&queue->readers->last);
        const bool is_first = shared_half(&queue->readers->first) == queue_none;
        if (is_better(found, shared_number(&queue->slots[number].kind), wanted)) {
            tell(queue, number, found);
            found->before = is_first ? queue_none : before;
            found->is_passed = wanted < 0;
        }
        if (wanted < 0 || found->slot != number)
            pass_over(queue, number);
    }
}

int shared_queue_find(struct shared_queue *queue, int64_t wanted,
                      struct shared_queue_message *found)
{
    found->slot = queue_none;
    int r = find_passed(queue, wanted, found);
    if (r < 0)
        return r;
    find_arrived(queue, wanted, found);
    if (found->slot == queue_none) {
        remember(queue, false);
        return -EAGAIN;
    }
    const bool is_sound = found->kind >= 0 && found->size <= SIZE_MAX / 2 &&
                          blocks_of(found->size) <= queue->block_count;
    return is_sound ? 0 : broken();
}

/* --- taking -------------------------------------------------------------- */

static int copy(const struct shared_queue *queue,
                const struct shared_queue_message *message, uint8_t *out)
{
    uint32_t block = message->block;
    if (blocks_of(message->size) == 0) {
        if (message->size > 0)
            memcpy(out, queue->slots[message->slot].bytes, message->size);
        return 0;
    }
    for (size_t done = 0; done < message->size; done += QUEUE_BLOCK) {
        const size_t left = message->size - done;
        if (block >= queue->block_count)
            return broken();
        memcpy(out + done, queue->data + (size_t)block * QUEUE_BLOCK,
               left < QUEUE_BLOCK ? left : QUEUE_BLOCK);
        block = shared_half(&queue->next[block]);
    }
    return 0;
}

static void take_out_of_list(struct shared_queue *queue,
                             const struct shared_queue_message *message)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint32_t next = shared_half(&queue->slots[message->slot].next);
    if (message->before == queue_none)
        step_half(&readers->first, next);
    else
        step_half(&queue->slots[message->before].next, next);
    if (shared_half(&readers->last) == message->slot)
        step_half(&readers->last, message->before);
}

// From the entry on its slot is free; what is counted after that only says so.  The
// list is in order before that: a slot may be used again at once.
int shared_queue_take(struct shared_queue *queue,
                      const struct shared_queue_message *message, uint8_t *out)
{
    struct shared_queue_readers *readers = queue->readers;
    struct shared_queue_slot *slot = &queue->slots[message->slot];
    step_word(&slot->state, state_word(QUEUE_READING, message->position));
    int r = copy(queue, message, out);
    const uint64_t returned = shared_word(&readers->returned);
    if (message->is_passed)
        take_out_of_list(queue, message);
    else
        step_word(&readers->read, shared_word(&readers->read) + 1);
    step_word(&slot->state, state_word(QUEUE_RETURNED, returned));
    step_word(&queue->returns[returned & queue->ring_mask],
              entry_word(returned, message->slot));
    step_word(&readers->returned, returned + 1);
    queue->given++;
    queue->is_busy = true;
    say_processor(&readers->processor);
    if (!message->is_passed)
        fetch_ahead(queue, queue->arrivals, message->position);
    return r;
}

/* --- without taking ------------------------------------------------------ */

// In the list, and behind it in the ring.
static int64_t peek(struct shared_queue *queue, size_t index, int64_t *kind)
{
    const struct shared_queue_slot *slot = NULL;
    size_t i = 0;
    uint32_t at = shared_half(&queue->readers->first);
    for (; at < queue->slot_count && i < index && i < queue->slot_count; i++)
        at = shared_half(&queue->slots[at].next);
    if (at < queue->slot_count && i == index)
        slot = &queue->slots[at];
    (void)next_arrival(queue);
    const uint64_t read = shared_word(&queue->readers->read);
    for (uint64_t ahead = 0; !slot && ahead < queue->slot_count; ahead++, i++) {
        const uint32_t number = entry_at(queue, queue->arrivals, read + ahead);
        if (number == queue_none)
            return -EAGAIN;
        if (i == index)
            slot = &queue->slots[number];
    }
    if (!slot)
        return -EAGAIN;
    *kind = shared_number(&slot->kind);
    return shared_half(&slot->size);
}

int64_t shared_queue_peek(struct shared_queue *queue, size_t index, int64_t *kind)
{
    int64_t r = shared_queue_lock(queue, QUEUE_READERS);
    if (r < 0)
        return r;
    r = peek(queue, index, kind);
    shared_queue_end(queue);
    return r;
}

void shared_queue_tell(const struct shared_queue *queue, struct shared_queue_count *out)
{
    *out = (struct shared_queue_count){.lost = shared_word(&queue->readers->lost)};
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        const struct shared_queue_slot *slot = &queue->slots[i];
        const uint64_t state = shared_word(&slot->state);
        const bool is_there =
            state_of(state) == QUEUE_READING ||
            (state_of(state) == QUEUE_READY &&
             (position_of(state) < shared_word(&queue->writers->arrived) ||
              entry_at(queue, queue->arrivals, position_of(state)) == i));
        out->messages += is_there;
        out->bytes += is_there ? shared_half(&slot->size) : 0;
    }
}
