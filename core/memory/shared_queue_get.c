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
    return WHERRY_LOAD(&readers->first) != queue_none ||
           entry_at(queue, queue->arrivals, WHERRY_LOAD(&readers->read)) != queue_none;
}

bool shared_queue_is_ready(const struct shared_queue *queue)
{
    return !queue->seen.was_held && shared_queue_has_message(queue);
}

static void remember(struct shared_queue *queue, bool was_held)
{
    queue->seen =
        (struct shared_queue_seen){.position = WHERRY_LOAD(&queue->readers->read),
                                   .mended = WHERRY_LOAD(&queue->readers->mended),
                                   .was_held = was_held};
}

int shared_queue_begin(struct shared_queue *queue)
{
    remember(queue, false);
    if (!shared_queue_has_message(queue) && WHERRY_LOAD(&queue->readers->lock) == 0 &&
        !shared_queue_linger(queue, shared_queue_has_message) &&
        !shared_queue_look_anew(queue, shared_queue_has_message))
        return -EAGAIN;
    int r = shared_queue_lock(queue, QUEUE_READERS);
    if (r < 0) {
        remember(queue, true);
        shared_queue_stay_out(queue);
    }
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
        shared_queue_hush(queue, shared_queue_has_message);
}

/* --- finding ------------------------------------------------------------- */

static void tell(const struct shared_queue *queue, uint32_t number,
                 struct shared_queue_message *out)
{
    const struct shared_queue_slot *slot = &queue->slots[number];
    out->slot = number;
    out->position = position_of(WHERRY_LOAD(&slot->state));
    out->size = WHERRY_LOAD(&slot->size);
    out->block = WHERRY_LOAD(&slot->block);
    out->kind = WHERRY_LOAD(&slot->kind);
    out->sender = owner_pid(WHERRY_LOAD(&slot->sender));
}

// The slot that stands next in the ring.  One that is not READY there was taken by
// somebody who died before he counted it.
static uint32_t next_arrival(struct shared_queue *queue)
{
    struct shared_queue_readers *readers = queue->readers;
    for (uint32_t i = 0; i <= queue->slot_count; i++) {
        const uint64_t read = WHERRY_LOAD(&readers->read);
        const uint32_t number = entry_at(queue, queue->arrivals, read);
        if (number == queue_none)
            return queue_none;
        if (WHERRY_LOAD(&queue->slots[number].state) == state_word(QUEUE_READY, read))
            return number;
        WHERRY_STORE(&readers->read, read + 1);
    }
    return queue_none;
}

// From the ring to the end of the list: behind whom, or none.
static uint32_t pass_over(struct shared_queue *queue, uint32_t number)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint32_t last = WHERRY_LOAD(&readers->last);
    const bool is_first =
        last >= queue->slot_count || WHERRY_LOAD(&readers->first) == queue_none;
    WHERRY_STORE(&queue->slots[number].next, queue_none);
    if (last < queue->slot_count)
        WHERRY_STORE(&queue->slots[last].next, number);
    if (is_first)
        WHERRY_STORE(&readers->first, number);
    WHERRY_STORE(&readers->last, number);
    WHERRY_STORE(&readers->read, WHERRY_LOAD(&readers->read) + 1);
    return is_first ? queue_none : last;
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
    uint32_t at = WHERRY_LOAD(&queue->readers->first);
    for (uint32_t i = 0; at != queue_none && !is_enough(found, wanted); i++) {
        if (at >= queue->slot_count || i > queue->slot_count)
            return broken();
        if (is_better(found, WHERRY_LOAD(&queue->slots[at].kind), wanted)) {
            tell(queue, at, found);
            found->before = before;
            found->is_passed = true;
        }
        before = at;
        at = WHERRY_LOAD(&queue->slots[at].next);
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
        const bool is_one =
            is_better(found, WHERRY_LOAD(&queue->slots[number].kind), wanted);
        if (is_one) {
            tell(queue, number, found);
            found->is_passed = wanted < 0;
        }
        if (is_one && wanted >= 0)
            return;
        const uint32_t before = pass_over(queue, number);
        if (is_one)
            found->before = before;
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
        block = WHERRY_LOAD(&queue->chain[block]);
    }
    return 0;
}

static void take_out_of_list(struct shared_queue *queue,
                             const struct shared_queue_message *message)
{
    struct shared_queue_readers *readers = queue->readers;
    const uint32_t next = WHERRY_LOAD(&queue->slots[message->slot].next);
    if (message->before == queue_none)
        WHERRY_STORE(&readers->first, next);
    else
        WHERRY_STORE(&queue->slots[message->before].next, next);
    if (WHERRY_LOAD(&readers->last) == message->slot)
        WHERRY_STORE(&readers->last, message->before);
}

// From the entry on its slot is free; what is counted after that only says so.  The
// list is in order before that: a slot may be used again at once.
int shared_queue_take(struct shared_queue *queue,
                      const struct shared_queue_message *message, uint8_t *out)
{
    struct shared_queue_readers *readers = queue->readers;
    struct shared_queue_slot *slot = &queue->slots[message->slot];
    WHERRY_STORE(&slot->state, state_word(QUEUE_READING, message->position));
    int r = copy(queue, message, out);
    const uint64_t returned = WHERRY_LOAD(&readers->returned);
    if (message->is_passed)
        take_out_of_list(queue, message);
    else
        WHERRY_STORE(&readers->read, WHERRY_LOAD(&readers->read) + 1);
    WHERRY_STORE(&slot->state, state_word(QUEUE_RETURNED, returned));
    WHERRY_STORE(&queue->returns[returned & queue->ring_mask],
                 entry_word(returned, message->slot));
    WHERRY_STORE(&readers->returned, returned + 1);
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
    uint32_t at = WHERRY_LOAD(&queue->readers->first);
    for (; at < queue->slot_count && i < index && i < queue->slot_count; i++)
        at = WHERRY_LOAD(&queue->slots[at].next);
    if (at < queue->slot_count && i == index)
        slot = &queue->slots[at];
    (void)next_arrival(queue);
    const uint64_t read = WHERRY_LOAD(&queue->readers->read);
    for (uint64_t ahead = 0; !slot && ahead < queue->slot_count; ahead++, i++) {
        const uint32_t number = entry_at(queue, queue->arrivals, read + ahead);
        if (number == queue_none)
            return -EAGAIN;
        if (i == index)
            slot = &queue->slots[number];
    }
    if (!slot)
        return -EAGAIN;
    *kind = WHERRY_LOAD(&slot->kind);
    return WHERRY_LOAD(&slot->size);
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
    *out = (struct shared_queue_count){.lost = WHERRY_LOAD(&queue->readers->lost)};
    for (uint32_t i = 0; i < queue->slot_count; i++) {
        const struct shared_queue_slot *slot = &queue->slots[i];
        const uint64_t state = WHERRY_LOAD(&slot->state);
        const bool is_there =
            state_of(state) == QUEUE_READING ||
            (state_of(state) == QUEUE_READY &&
             (position_of(state) < WHERRY_LOAD(&queue->writers->arrived) ||
              entry_at(queue, queue->arrivals, position_of(state)) == i));
        out->messages += is_there;
        out->bytes += is_there ? WHERRY_LOAD(&slot->size) : 0;
    }
}
