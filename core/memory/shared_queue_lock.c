/* SPDX-License-Identifier: MIT */
/*
 * The two locks of a shared queue: the writers' and the readers'.
 *
 * A lock is a word: its holder's owner, or 0.  It is held for a copy at most, never
 * while waiting.  When its holder has ended, by the kernel's word, whoever finds that
 * takes it over with one exchange and puts the side in order before anything else; if
 * that one dies, too, the next one does the same.  One that is only stopped is waited
 * for: a few looks, a few times the processor is given away, and then by the doorbell,
 * which whoever gives the lock back rings for those that it had locked out.
 */
#include "memory/shared_queue.h"

#include <errno.h>

enum { ROUNDS = 4, LOOKS = 64, WAYS_GIVEN = 8 };

static bool exchange(struct shared_queue *queue, enum shared_queue_side side,
                     uint64_t holder)
{
    return atomic_compare_exchange_strong(shared_queue_lock_of(queue, side), &holder,
                                          queue->places.owner);
}

bool shared_queue_is_orphan(const struct shared_queue *queue,
                            enum shared_queue_side side)
{
    const uint64_t holder = WHERRY_LOAD(shared_queue_lock_of(queue, side));
    return holder != 0 && holder != queue->places.owner &&
           places_has_ended(&queue->places, holder);
}

static bool look_often(struct shared_queue *queue, enum shared_queue_side side)
{
    for (int i = 0; i < LOOKS; i++)
        if (WHERRY_LOAD(shared_queue_lock_of(queue, side)) == 0 &&
            exchange(queue, side, 0))
            return true;
    return false;
}

static bool give_way(struct shared_queue *queue, enum shared_queue_side side)
{
    for (int i = 0; i < WAYS_GIVEN; i++) {
        if (look_often(queue, side))
            return true;
        os_yield();
    }
    return false;
}

// Whoever has it now, or had it when it died, was not done.
static bool take_over(struct shared_queue *queue, enum shared_queue_side side)
{
    const uint64_t holder = WHERRY_LOAD(shared_queue_lock_of(queue, side));
    if (holder == 0 || holder == queue->places.owner ||
        !places_has_ended(&queue->places, holder) || !exchange(queue, side, holder))
        return false;
    if (side == QUEUE_WRITERS)
        shared_queue_mend_writers(queue);
    else
        shared_queue_mend_readers(queue);
    queue->owes[side] = true;
    return true;
}

static APART int wait_for(struct shared_queue *queue, enum shared_queue_side side)
{
    for (int i = 0; i < ROUNDS; i++)
        if (take_over(queue, side) || give_way(queue, side))
            return 0;
    return take_over(queue, side) ? 0 : -EAGAIN;
}

int shared_queue_lock(struct shared_queue *queue, enum shared_queue_side side)
{
    return exchange(queue, side, 0) ? 0 : wait_for(queue, side);
}

static APART void tell_all(struct shared_queue *queue, enum shared_queue_side side)
{
    queue->owes[side] = false;
    bells_ring_all(&queue->places);
}

void shared_queue_unlock(struct shared_queue *queue, enum shared_queue_side side)
{
    const bool owes = queue->owes[side];
    (void)atomic_exchange(shared_queue_lock_of(queue, side), 0);
    if (owes)
        tell_all(queue, side);
}
