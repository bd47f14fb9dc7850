/* SPDX-License-Identifier: MIT */
/*
 * shared queue: messages in memory that many writers and many readers share.
 *
 * The block of memory has
 *
 *   slots      one for each message that there can be.  A slot's state word is the
 *              truth about it: RETURNED (free), READY, or READING, each with a
 *              position.  Small messages lie in their slot, others in a chain of blocks
 *              whose first one the slot names.
 *   arrivals   a ring of slots in the order in which they became READY: position n
 *              stands at n modulo the ring's size, with n beside it.
 *   returns    the same of slots in the order in which they became free.
 *   writers    what only the holder of the writers' lock changes: how many slots ever
 *              arrived, how many free ones ever were taken, and the free blocks.
 *   readers    what only the holder of the readers' lock changes: how many arrivals
 *              ever were looked at, how many slots ever were returned, and a list of
 *              those that were passed over, in order of their arrival.
 *   places     who has it open (places.h), and how each of them waits.
 *
 * A ring's entry says itself whether it is there, for its position never comes again.
 * So one writer and one reader have no word in common but the entries and the slots,
 * and each side can be put in order by itself when the holder of its lock has died:
 * whoever finds that takes the lock over (shared_queue_lock.c), and settles from the
 * slots what the dead one had begun (shared_queue_mend.c).  That can be done again by
 * whoever finds its doer dead.
 *
 *   put    fills a free slot, makes it READY at the next position, writes the entry
 *          (from here on it has arrived), counts it, and counts the free slot as taken.
 *   take   makes a READY slot READING, copies it out, makes it RETURNED at the next
 *          position, writes the entry (from here on it is free), counts it, and counts
 *          the arrival, or takes it out of the list.
 *
 * These words are for processes of one user and of one pid namespace.  They may write
 * anything there: it may cost the queue's messages, never memory outside of it, and no
 * call has no end: numbers are checked once they are read, and loops are counted.
 */
#ifndef SHARED_QUEUE_H
#define SHARED_QUEUE_H

#include "memory/places.h"

/* --- what is shared: shared_queue_format.c ------------------------------- */

enum {
    QUEUE_INLINE = 88, /* bytes of a message that lie in its slot */
    QUEUE_BLOCK = 1024,
    QUEUE_AHEAD = 4
};

static const uint32_t queue_none = UINT32_MAX; /* no slot, no block */

struct shared_queue_header {
    struct places_header common;
    uint32_t slots;
    uint32_t blocks;
    uint32_t unread; /* enum shared_queue_unread */
    uint32_t unused;
};

struct shared_queue_writers {
    _Atomic(uint64_t) lock; /* its holder's owner, or 0 */
    _Atomic(uint64_t) arrived;
    _Atomic(uint64_t) taken;
    _Atomic(uint64_t) reaped; /* returns whose blocks are free, as far as looked */
    _Atomic(uint32_t) free;   /* the first free block */
    _Atomic(uint32_t) free_count;
    _Atomic(uint64_t) mended;    /* how often this side was put in order */
    _Atomic(uint64_t) processor; /* of whoever was here last */
    uint64_t unused[9];          /* what the other side writes is in lines of its own */
};

struct shared_queue_readers {
    _Atomic(uint64_t) lock;
    _Atomic(uint64_t) read;
    _Atomic(uint64_t) returned;
    _Atomic(uint32_t) first; /* of those passed over */
    _Atomic(uint32_t) last;
    _Atomic(uint64_t) mended;
    _Atomic(uint64_t) processor;
    _Atomic(uint64_t) lost; /* messages that somebody died reading */
    uint64_t unused[9];
};

struct shared_queue_line {
    _Atomic(uint64_t) arrivals[2]; /* how often anybody began to wait, of each side */
    _Atomic(uint64_t) tickets;
    _Atomic(uint64_t) attached; /* as places.h has them */
    _Atomic(uint64_t) used;
    uint64_t unused[11];
};

enum {
    SHARED_QUEUE_HEAD =
        sizeof(struct shared_queue_header) + sizeof(struct shared_queue_writers) +
        sizeof(struct shared_queue_readers) + sizeof(struct shared_queue_line)
};

struct shared_queue_slot {
    _Atomic(uint64_t) state;
    _Atomic(int64_t) kind;
    _Atomic(uint64_t) sender; /* its owner */
    _Atomic(uint32_t) size;
    _Atomic(uint32_t) block; /* the first of its chain, or none */
    _Atomic(uint32_t) next;  /* of those passed over */
    uint32_t unused;
    uint8_t bytes[QUEUE_INLINE];
};

/* --- what a handle has for itself ---------------------------------------- */

/* What the next look has to be worth: things were so when the last one failed. */
struct shared_queue_seen {
    uint64_t position; /* how much of its ring was used up */
    uint64_t returns;  /* a writer's: the first return that was not there */
    uint64_t mended;
    bool was_held; /* the lock was: it did not look */
};

struct shared_queue_position { /* of a slot, to be sorted */
    uint64_t position;
    uint32_t slot;
};

struct shared_queue {
    struct places places;
    struct shared_queue_writers *writers;
    struct shared_queue_readers *readers;
    struct shared_queue_line *line;
    _Atomic(uint64_t) *arrivals;
    _Atomic(uint64_t) *returns;
    struct shared_queue_slot *slots;
    atomic_uint *chain;      /* of each block, the next */
    _Atomic(int64_t) *wants; /* of each place that waits: a kind, or blocks */
    uint8_t *data;           /* of the blocks */

    uint32_t slot_count; /* as the header said when it was opened */
    uint32_t block_count;
    uint32_t ring_mask;
    enum shared_queue_unread unread;

    struct region_life life; /* not that of a child of fork(2) */
    wherry_region *region;

    /* Of whoever puts it in order, under that side's lock. */
    struct shared_queue_position *order;
    uint8_t *used_blocks; /* a bit each */
    bool owes[2];         /* who waits is to be told that it was, of each side */
    uint32_t given;       /* slots returned since the lock was taken */

    enum shared_queue_side side; /* that this handle waits on */
    bool is_busy;                /* it got what it wanted the last time */
    struct shared_queue_seen seen;
    bool is_waiting;
    bool is_polled;           /* by whoever has its descriptor */
    wherry_deadline looks_at; /* without being told */
    _Atomic(uint64_t)
        quiet[2]; /* so many had arrived when nobody waited, of each side */
};

/* --- words --------------------------------------------------------------- */

/* What is here is read with WHERRY_LOAD, for others may change it at any time, and
 * written with WHERRY_STORE, in this order and no other: somebody may have to go on
 * from any step. */

enum shared_queue_state { QUEUE_RETURNED = 1, QUEUE_READY, QUEUE_READING };

enum { QUEUE_STATE_SHIFT = 61, QUEUE_SLOT_BITS = 20 };

static inline uint64_t state_word(enum shared_queue_state state, uint64_t position)
{
    return (uint64_t)state << QUEUE_STATE_SHIFT |
           (position & ((UINT64_C(1) << QUEUE_STATE_SHIFT) - 1));
}

static inline enum shared_queue_state state_of(uint64_t word)
{
    return (enum shared_queue_state)(word >> QUEUE_STATE_SHIFT);
}

static inline uint64_t position_of(uint64_t word)
{
    return word & ((UINT64_C(1) << QUEUE_STATE_SHIFT) - 1);
}

static inline uint64_t entry_word(uint64_t position, uint32_t slot)
{
    return position << QUEUE_SLOT_BITS | slot;
}

/* The slot that stands at that position of a ring; none if nothing does yet, or never
 * will. */
static inline uint32_t entry_at(const struct shared_queue *queue,
                                const _Atomic(uint64_t) *ring, uint64_t position)
{
    const uint64_t entry = WHERRY_LOAD(&ring[position & queue->ring_mask]);
    const uint32_t slot = (uint32_t)(entry & ((1u << QUEUE_SLOT_BITS) - 1));
    const bool is_there =
        entry >> QUEUE_SLOT_BITS == entry_word(position, 0) >> QUEUE_SLOT_BITS;
    return is_there && slot < queue->slot_count ? slot : queue_none;
}

/* Whoever comes to a slot has both of its lines to fetch from another processor: it is
 * asked for some messages ahead. */
static inline void fetch_ahead(const struct shared_queue *queue,
                               const _Atomic(uint64_t) *ring, uint64_t position)
{
    const uint32_t number = entry_at(queue, ring, position + QUEUE_AHEAD);
    if (number == queue_none)
        return;
    __builtin_prefetch(&queue->slots[number], 1);
    __builtin_prefetch(&queue->slots[number].bytes[QUEUE_INLINE - 1], 1);
}

/* How many blocks a message of that size takes. */
static inline uint32_t blocks_of(uint64_t size)
{
    return size <= QUEUE_INLINE ? 0
                                : (uint32_t)((size + QUEUE_BLOCK - 1) / QUEUE_BLOCK);
}

/* --- shared_queue_format.c ----------------------------------------------- */

extern const struct places_ways shared_queue_ways;

/* Whether that is one, of this pid namespace: takes its numbers over.  `size` is how
 * many bytes there are at most.  Errors: -EPROTO (something else, or of another
 * version), -EXDEV (of another pid namespace); the sentence is set. */
int shared_queue_know(struct shared_queue *, struct shared_queue_header *at,
                      uint64_t size);

/* --- shared_queue_lock.c ------------------------------------------------- */

static inline _Atomic(uint64_t) *shared_queue_lock_of(const struct shared_queue *queue,
                                                      enum shared_queue_side side)
{
    return side == QUEUE_WRITERS ? &queue->writers->lock : &queue->readers->lock;
}

/* Takes the lock of a side, which is in order then.  Errors: -EAGAIN (it is held, and
 * its holder lives). */
int shared_queue_lock(struct shared_queue *, enum shared_queue_side);

/* Gives it back: a full fence. */
void shared_queue_unlock(struct shared_queue *, enum shared_queue_side);

/* Whether who holds it has ended. */
bool shared_queue_is_orphan(const struct shared_queue *, enum shared_queue_side);

/* Says where this side is now. */
static inline void say_processor(_Atomic(uint64_t) *at)
{
    const uint64_t here = os_processor();
    if (WHERRY_LOAD(at) != here)
        WHERRY_STORE(at, here);
}

/* --- shared_queue_mend.c ------------------------------------------------- */

/* Puts a side in order, whose lock is held.  It can be broken off anywhere, and done
 * again. */
void shared_queue_mend_writers(struct shared_queue *);
void shared_queue_mend_readers(struct shared_queue *);

/* --- shared_queue_wait.c: who waits, and who is woken -------------------- */

/* A message of that kind has come, or a slot was returned (`kind` is 0). */
void shared_queue_wake(struct shared_queue *, enum shared_queue_side, int64_t kind);

/* Looks for as long as a part of what sleeping and being woken costs, if this handle is
 * busy and the other side on another processor: whether it saw what it waits for. */
bool shared_queue_linger(struct shared_queue *,
                         bool (*is_there)(const struct shared_queue *));

/* The lock of that side was given back. */
void shared_queue_wake_locked_out(struct shared_queue *, enum shared_queue_side);

/* Of one whose descriptor is polled: it is readable for as long as there is something
 * that is worth a try.
 * There was nothing: it can be rung anew, and looks once more, which it tells. */
bool shared_queue_look_anew(struct shared_queue *,
                            bool (*is_there)(const struct shared_queue *));

/* It was locked out, and could not look: it is rung when the lock is given back. */
void shared_queue_stay_out(struct shared_queue *);

/* It has got the last: it can be rung anew, and is at once if more is there by now. */
void shared_queue_hush(struct shared_queue *,
                       bool (*is_there)(const struct shared_queue *));

#endif
