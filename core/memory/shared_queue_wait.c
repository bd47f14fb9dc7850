/* SPDX-License-Identifier: MIT */
/*
 * Who waits at a shared queue, and who is woken.
 *
 * A wait is a word beside its place: its ticket, its side, and whether it was rung and
 * has not looked since; and what it wants: a kind, or so many blocks.  Those who want
 * the same are of one class: of each class that a message fits, the one that has waited
 * longest and was not yet rung is rung.  So there is somebody for each message in each
 * class, or all of it are about to look.  Whoever polls a descriptor may never look,
 * and is rung beside that, as is whoever was locked out.
 *
 * Nobody's wake-up is lost: who waits writes its word, counts itself, and looks once
 * more; who puts or takes writes its entry, gives its lock back, and looks at the count
 * then.  Between the two steps of each is a full fence.  Whoever dies after the first
 * and before the second step has a place, whose end all are told of who sleep.
 */
#include "memory/shared_queue.h"

#include <errno.h>

enum {
    RUNG = 1,
    READS = 2,
    POLLS = 4,
    LOCKED_OUT = 8,
    TICKET_SHIFT = 4,
    LOOKS = 32,
    LINGERS = 2000, // nanoseconds
    CLASSES = 8     // looked for at once; of more, all are rung
};

/* --- waking -------------------------------------------------------------- */

static bool is_of(uint64_t wait, enum shared_queue_side side)
{
    return wait != 0 && ((wait & READS) != 0) == (side == QUEUE_READERS);
}

static bool wants(uint64_t wait, int64_t wanted, int64_t kind)
{
    if (!(wait & READS) || (wait & LOCKED_OUT) || wanted == 0)
        return true;
    if (wanted > 0)
        return kind == wanted;
    return wanted == INT64_MIN || kind <= -wanted; // that one only a liar writes
}

// Whether it still waited so.
static bool ring(struct shared_queue *queue, uint32_t place, uint64_t wait)
{
    if (!atomic_compare_exchange_strong(&queue->places.waits[place], &wait,
                                        wait | RUNG))
        return false;
    bells_ring_place(&queue->places, place);
    return true;
}

/* The longest wait of one class. */
struct class
{
    int64_t wanted;
    uint64_t wait;
    uint32_t place;
};

static bool is_older(uint64_t wait, uint64_t other)
{
    return wait >> TICKET_SHIFT < other >> TICKET_SHIFT;
}

// Whether there is room to remember it.
static bool sort(struct class *classes, size_t *count, const struct class *one)
{
    for (size_t i = 0; i < *count; i++)
        if (classes[i].wanted == one->wanted) {
            if (is_older(one->wait, classes[i].wait))
                classes[i] = *one;
            return true;
        }
    if (*count == CLASSES)
        return false;
    classes[(*count)++] = *one;
    return true;
}

/* Who is to be woken. */
struct call {
    enum shared_queue_side side;
    int64_t kind;
    bool is_unlocked; /* only those are meant who were locked out */
};

static bool is_called(const struct call *call, const struct class *one)
{
    return is_of(one->wait, call->side) && !(one->wait & RUNG) &&
           (!call->is_unlocked || (one->wait & LOCKED_OUT)) &&
           wants(one->wait, one->wanted, call->kind);
}

// False: one of them had gone before it was rung, and another of its class may wait.
static bool wake_once(struct shared_queue *queue, const struct call *call)
{
    struct class classes[CLASSES];
    size_t count = 0;
    bool any = false;
    bool all = true;
    const enum shared_queue_side side = call->side;
    const uint64_t arrivals = atomic_load(&queue->line->arrivals[side]);
    const uint32_t used = places_used(&queue->places);
    for (uint32_t i = 0; i < used; i++) {
        struct class one = {.wait = places_wait_of(&queue->places, i), .place = i};
        one.wanted = WHERRY_LOAD(&queue->wants[i]);
        any = any || is_of(one.wait, side);
        if (is_called(call, &one) &&
            ((one.wait & (POLLS | LOCKED_OUT)) || !sort(classes, &count, &one)))
            (void)ring(queue, i, one.wait);
    }
    for (size_t i = 0; i < count; i++)
        all = ring(queue, classes[i].place, classes[i].wait) && all;
    if (!any)
        atomic_store_explicit(&queue->quiet[side], arrivals, memory_order_relaxed);
    return all;
}

// As often as some come and go; then all are rung.
static APART void wake(struct shared_queue *queue, const struct call *call)
{
    for (uint32_t tries = 0; tries <= queue->places.seats; tries++)
        if (wake_once(queue, call))
            return;
    bells_ring_all(&queue->places);
}

static bool is_quiet(const struct shared_queue *queue, enum shared_queue_side side)
{
    return WHERRY_LOAD(&queue->line->arrivals[side]) ==
           atomic_load_explicit(&queue->quiet[side], memory_order_relaxed);
}

void shared_queue_wake(struct shared_queue *queue, enum shared_queue_side side,
                       int64_t kind)
{
    if (!is_quiet(queue, side))
        wake(queue, &(struct call){.side = side, .kind = kind});
}

void shared_queue_wake_locked_out(struct shared_queue *queue,
                                  enum shared_queue_side side)
{
    if (!is_quiet(queue, side))
        wake(queue, &(struct call){.side = side, .is_unlocked = true});
}

/* --- lingering ----------------------------------------------------------- */

// One that sleeps as soon as there is nothing is woken for each single message, which
// costs whoever sends it more than many messages do.
bool shared_queue_linger(struct shared_queue *queue,
                         bool (*is_there)(const struct shared_queue *))
{
    const _Atomic(uint64_t) *other = queue->side == QUEUE_READERS
                                         ? &queue->writers->processor
                                         : &queue->readers->processor;
    if (!queue->is_busy || WHERRY_LOAD(other) == os_processor())
        return false;
    const wherry_deadline until = deadline_add(wherry_now(), LINGERS);
    do {
        for (int i = 0; i < LOOKS; i++)
            if (is_there(queue))
                return true;
    } while (wherry_now() < until);
    queue->is_busy = false;
    return false;
}

/* --- waiting ------------------------------------------------------------- */

static _Atomic(uint64_t) *own_word(struct shared_queue *queue)
{
    return &queue->places.waits[queue->places.place];
}

// Counted after it is written: who sees the count finds it.
static void join(struct shared_queue *queue, int64_t wanted)
{
    const uint64_t ticket = atomic_fetch_add(&queue->line->tickets, 1) + 1;
    const uint64_t flags = (queue->side == QUEUE_READERS ? READS : 0u) |
                           (queue->seen.was_held ? LOCKED_OUT : 0u) |
                           (queue->is_polled ? POLLS : 0u);
    atomic_store(own_word(queue), 0);
    atomic_store(&queue->wants[queue->places.place], wanted);
    atomic_store(own_word(queue), ticket << TICKET_SHIFT | flags);
    atomic_fetch_add(&queue->line->arrivals[queue->side], 1);
    queue->is_waiting = true;
}

// Whether things are not as they were when the last look failed.
static bool has_news(const struct shared_queue *queue, int64_t wanted)
{
    const struct shared_queue_seen *seen = &queue->seen;
    if (shared_queue_is_orphan(queue, QUEUE_READERS) ||
        shared_queue_is_orphan(queue, queue->side))
        return true;
    if (seen->was_held) // whatever is there cannot be had before that
        return WHERRY_LOAD(shared_queue_lock_of(queue, queue->side)) == 0;
    if (queue->side == QUEUE_READERS) {
        const uint64_t read = WHERRY_LOAD(&queue->readers->read);
        return read != seen->position ||
               WHERRY_LOAD(&queue->readers->mended) != seen->mended ||
               entry_at(queue, queue->arrivals, read) != queue_none ||
               (wanted == 0 && shared_queue_has_message(queue));
    }
    return WHERRY_LOAD(&queue->writers->mended) != seen->mended ||
           WHERRY_LOAD(&queue->writers->taken) != seen->position ||
           entry_at(queue, queue->returns, seen->returns) != queue_none;
}

// Whoever puts or takes may have no descriptor left to ring with, or who was rung in
// one's stead is stopped: who waits looks without being told, too.  It is said once for
// all the waits until then.
static void look_later(struct shared_queue *queue)
{
    const wherry_deadline now = wherry_now();
    if (now < queue->looks_at)
        return;
    queue->looks_at = deadline_add(now, PLACES_LOOK);
    places_look_at(&queue->places, queue->looks_at);
}

int shared_queue_wait(struct shared_queue *queue, int64_t wanted, int *out)
{
    struct places *places = &queue->places;
    int r = bells_prepare(places);
    if (r >= 0)
        r = places_prepare_timer(places);
    if (r < 0)
        return r;
    bells_clear(places);
    places_watch(places);
    if (places->is_blind && places->watched_count < places_used(places))
        return failure_plain(-ENOMEM, "no memory to wait");
    if (places->is_blind)
        return failure(-EMFILE, "too few descriptors are left to hear of the ends of "
                                "all who have the queue");
    join(queue, wanted);
    if (has_news(queue, wanted))
        bells_ring(places, places->owner);
    look_later(queue);
    *out = places->watch;
    return 0;
}

// One that was rung and does not look leaves it to the others.
void shared_queue_waited(struct shared_queue *queue, bool looks_again)
{
    if (!queue->is_waiting)
        return;
    if (queue->is_polled) {
        join(queue, 0);
        bells_ring(&queue->places, queue->places.owner); // what is there is worth a try
        return;
    }
    const uint64_t wait = atomic_exchange(own_word(queue), 0);
    queue->is_waiting = false;
    if ((wait & RUNG) && !looks_again)
        bells_ring_all(&queue->places);
}

void shared_queue_polled(struct shared_queue *queue)
{
    queue->is_polled = queue->is_waiting;
    (void)atomic_fetch_or(own_word(queue), POLLS);
}

bool shared_queue_look_anew(struct shared_queue *queue,
                            bool (*is_there)(const struct shared_queue *))
{
    if (!queue->is_polled)
        return false;
    places_watch(&queue->places);
    shared_queue_hush(queue, is_there);
    return is_there(queue);
}

void shared_queue_hush(struct shared_queue *queue,
                       bool (*is_there)(const struct shared_queue *))
{
    if (!queue->is_polled)
        return;
    bells_clear(&queue->places);
    look_later(queue);
    (void)atomic_fetch_and(own_word(queue), ~(uint64_t)(RUNG | LOCKED_OUT));
    if (is_there(queue))
        bells_ring(&queue->places, queue->places.owner);
}

void shared_queue_stay_out(struct shared_queue *queue)
{
    if (!queue->is_polled)
        return;
    bells_clear(&queue->places);
    look_later(queue);
    join(queue, 0);
    if (has_news(queue, 0))
        bells_ring(&queue->places, queue->places.owner);
}
