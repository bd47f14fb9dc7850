/* SPDX-License-Identifier: MIT */
/*
 * Fans: what is written over, and how a reader finds out.
 *
 * Positions are counts of bytes since the beginning, as in a ring; they are compared by
 * their differences.
 */
#include "memory/fan.h"

#include <errno.h>

#include "memory/memory.h"

static bool is_before(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) < 0;
}

static uint64_t padded(uint64_t size)
{
    return FAN_STEP + ((size + FAN_STEP - 1) & ~(uint64_t)(FAN_STEP - 1));
}

/* --- writing ------------------------------------------------------------- */

void fan_out_start(struct fan_out *fan, const struct ring_side *own,
                   bool may_be_unfenced)
{
    const struct ring_side nobody = {0};
    *fan = (struct fan_out){0};
    ring_out_start(&fan->ring, own, &nobody, may_be_unfenced);
}

static uint64_t sector_of(const struct fan_out *fan)
{
    return fan->ring.size / FAN_SECTORS;
}

// A record begins here: for all sectors that begin between the last one and here it is
// the first.
static void mark(struct fan_out *fan)
{
    const uint64_t tail = fan->ring.tail;
    while ((fan->marked + 1) * sector_of(fan) <= tail)
        fan->marks[++fan->marked % FAN_SECTORS] = tail;
}

// Before anything is written up to `end`: whoever sees a byte of it sees the floor.
static void raise_floor(struct fan_out *fan, uint64_t end)
{
    if (end - fan->floor <= fan->ring.size)
        return;
    const uint64_t sector = sector_of(fan);
    const uint64_t kept = (end - fan->ring.size + sector - 1) / sector;
    fan->floor = fan->marks[kept % FAN_SECTORS];
    atomic_store_explicit(&fan->ring.own->fan.floor, fan->floor, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void put_head(struct fan_out *fan, const uint64_t head[FAN_WORDS])
{
    const uint64_t at = fan->ring.tail & (fan->ring.size - 1);
    _Atomic(uint64_t) *words = (_Atomic(uint64_t) *)(void *)(fan->ring.data + at);
    for (int i = 0; i < FAN_WORDS; i++)
        atomic_store_explicit(&words[i], head[i], memory_order_relaxed);
}

// What is left of the ring before its end may be too short.
static void skip_to_begin(struct fan_out *fan, uint64_t need)
{
    static const uint64_t skip[FAN_WORDS] = {(uint64_t)RING_SKIP << RING_FLAGS_AT};
    const uint64_t to_end = fan->ring.size - (fan->ring.tail & (fan->ring.size - 1));
    if (need <= to_end)
        return;
    mark(fan);
    raise_floor(fan, fan->ring.tail + to_end);
    put_head(fan, skip);
    fan->ring.tail += to_end;
}

void fan_put(struct fan_out *fan, const struct fan_record *record)
{
    struct ring_out *ring = &fan->ring;
    const uint64_t need = padded(record->size);
    skip_to_begin(fan, need);
    mark(fan);
    raise_floor(fan, ring->tail + need);
    const uint64_t head[FAN_WORDS] = {record->size, (uint64_t)record->kind,
                                      ring->messages, (uint64_t)record->at};
    put_head(fan, head);
    os_copy_meeting(ring->data + (ring->tail & (ring->size - 1)) + FAN_STEP,
                    record->payload, record->size);
    fan->newest = ring->tail;
    ring->tail += need;
    ring->messages++;
    ring->bytes += record->size;
}

// The newest comes last: whoever sees it sees it published, too.
void fan_show(struct fan_out *fan)
{
    ring_show(&fan->ring);
    WHERRY_STORE(&fan->ring.own->fan.newest, fan->newest);
}

/* --- reading ------------------------------------------------------------- */

static void load_head(const uint8_t *data, uint64_t at, struct fan_head *out)
{
    const _Atomic(uint64_t) *words =
        (const _Atomic(uint64_t) *)(const void *)(data + at);
    for (int i = 0; i < FAN_WORDS; i++)
        out->words[i] = WHERRY_LOAD(&words[i]);
}

// Asked after something was read: what was read before is in sight by then.
static bool is_still_there(const struct ring_page *page, uint64_t position)
{
    atomic_thread_fence(memory_order_acquire);
    return !is_before(position, WHERRY_LOAD(&page->fan.floor));
}

static APART int broken(const struct fan_in *fan, const char *what, uint64_t number)
{
    return failure(-EPROTO, "the topic's memory is broken at byte %llu: %s (%llu)",
                   (unsigned long long)fan->ring.head, what,
                   (unsigned long long)number);
}

int fan_in_start(struct fan_in *fan, const struct ring_side *own,
                 const struct ring_side *theirs, uint64_t head, uint64_t number)
{
    ring_in_start(&fan->ring, own, theirs);
    fan->ring.head = fan->tail_seen = head;
    fan->number = number;
    WHERRY_STORE(&own->page->reader.head, head);
    return head % FAN_STEP == 0 ? 0 : broken(fan, "no record begins there", head);
}

int fan_look_again(struct fan_in *fan)
{
    struct ring_in *ring = &fan->ring;
    const uint64_t tail = WHERRY_LOAD(&ring->theirs->writer.tail);
    if (is_before(tail, fan->tail_seen) || tail % FAN_STEP != 0)
        return broken(fan, "it cannot be written so far", tail);
    fan->tail_seen = tail;
    return tail != ring->head;
}

// What a head says that is still there, of the record at `at`.
static int check_head(const struct fan_in *fan, uint64_t at,
                      const struct fan_head *head, struct fan_record *out)
{
    const struct ring_in *ring = &fan->ring;
    const uint64_t size = (uint32_t)head->words[0];
    const uint64_t need = padded(size);
    const uint64_t there = fan->tail_seen - ring->head;
    if (there > ring->size || head->words[0] >> RING_FLAGS_AT)
        return broken(fan, "a record of no known sort", head->words[0]);
    if (size > fan_most(ring->size) || need > there || need > ring->size - at)
        return broken(fan, "a record that is longer than what is written", size);
    if (head->words[1] > INT64_MAX)
        return broken(fan, "a kind below 0", head->words[1]);
    if (is_before(head->words[2], fan->number))
        return broken(fan, "a record that was before", head->words[2]);
    *out = (struct fan_record){.size = size,
                               .kind = (int64_t)head->words[1],
                               .number = head->words[2],
                               .at = (int64_t)head->words[3],
                               .payload = ring->data + at + FAN_STEP};
    return 1;
}

int fan_next(struct fan_in *fan, struct fan_record *out)
{
    struct ring_in *ring = &fan->ring;
    struct fan_head head;
    if (ring->head == fan->tail_seen) {
        int r = fan_look_again(fan);
        if (r <= 0)
            return r;
    }
    uint64_t at = ring->head & (ring->size - 1);
    load_head(ring->data, at, &head);
    if (!is_still_there(ring->theirs, ring->head))
        return FAN_BEHIND;
    if (head.words[0] >> RING_FLAGS_AT == RING_SKIP) {
        const uint64_t skipped = ring->size - at;
        if (at == 0 || skipped >= fan->tail_seen - ring->head)
            return broken(fan, "nothing follows its end", at);
        ring->head += skipped;
        at = 0;
        load_head(ring->data, at, &head);
        if (!is_still_there(ring->theirs, ring->head))
            return FAN_BEHIND;
    }
    return check_head(fan, at, &head, out);
}

bool fan_copy(const struct fan_in *fan, const struct fan_record *record, void *to)
{
    os_copy_meeting(to, record->payload, record->size);
    return is_still_there(fan->ring.theirs, fan->ring.head);
}

uint64_t fan_took(struct fan_in *fan, const struct fan_record *record)
{
    struct ring_in *ring = &fan->ring;
    struct ring_reader *reader = &ring->own->reader;
    const uint64_t lost = record->number - fan->number;
    fan->number = record->number + 1;
    ring->head += padded(record->size);
    ring->messages++;
    ring->bytes += record->size;
    ring_tell_received(ring);
    if (lost > 0)
        atomic_store_explicit(
            &reader->lost,
            atomic_load_explicit(&reader->lost, memory_order_relaxed) + lost,
            memory_order_relaxed);
    WHERRY_STORE(&reader->head, ring->head);
    return lost;
}

// Where a record begins by their word, no further back than we are.
static int go_to(struct fan_in *fan, uint64_t position)
{
    struct ring_in *ring = &fan->ring;
    int r = fan_look_again(fan);
    if (r < 0)
        return r;
    if (position % FAN_STEP != 0 || is_before(fan->tail_seen, position))
        return broken(fan, "no record begins there", position);
    if (is_before(ring->head, position))
        ring->head = position;
    return 0;
}

int fan_go_to_oldest(struct fan_in *fan)
{
    return go_to(fan, WHERRY_LOAD(&fan->ring.theirs->fan.floor));
}

int fan_go_to_newest(struct fan_in *fan)
{
    return go_to(fan, WHERRY_LOAD(&fan->ring.theirs->fan.newest));
}

int fan_in_sleeps(struct fan_in *fan)
{
    if (!ring_in_is_asleep(&fan->ring))
        ring_in_falls_asleep(&fan->ring);
    int r = fan_look_again(fan);
    return r < 0 ? r : r == 0;
}

/* --- looking behind ------------------------------------------------------ */

// Where the oldest record lies that such a reader can still read; false: there is none,
// or none that can be.
static bool find_oldest(const struct fan_sight *sight, uint64_t head, uint64_t floor,
                        uint64_t *position)
{
    const uint64_t oldest = is_before(head, floor) ? floor : head;
    const uint64_t there = sight->tail - oldest;
    *position = oldest;
    return there != 0 && there <= sight->size && there % FAN_STEP == 0;
}

// The record that begins there, or where the ring begins if it is said to go on there.
static bool look_at_record(const struct fan_sight *sight, uint64_t *position,
                           struct fan_head *out)
{
    const uint64_t mask = sight->size - 1;
    if (!sight->load(sight->from, *position & mask, out))
        return false;
    if (out->words[0] >> RING_FLAGS_AT != RING_SKIP)
        return true;
    *position += sight->size - (*position & mask);
    return sight->load(sight->from, 0, out);
}

void fan_measure_lag(const struct fan_sight *sight, uint64_t head, struct fan_lag *out)
{
    struct fan_head first;
    uint64_t position;
    const uint64_t floor = sight->floor(sight->from);
    *out = (struct fan_lag){.is_overtaken = is_before(head, floor)};
    if (!find_oldest(sight, head, floor, &position))
        return;
    out->bytes = sight->tail - position;
    // Overwritten meanwhile, or made up: a number or a time that cannot be is not told.
    if (!look_at_record(sight, &position, &first) ||
        is_before(position, sight->floor(sight->from)))
        return;
    const int64_t at = (int64_t)first.words[3];
    if (first.words[2] < sight->messages && at <= wherry_now()) {
        out->messages = sight->messages - first.words[2];
        out->since = at;
    }
}

static bool load_mapped(const void *from, uint64_t at, struct fan_head *out)
{
    const struct ring_side *own = from;
    load_head(own->data, at, out);
    return true;
}

// What was read before it is in sight by then.
static uint64_t floor_mapped(const void *from)
{
    const struct ring_side *own = from;
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&own->page->fan.floor, memory_order_acquire);
}

void fan_look_behind(const struct ring_side *own, uint64_t head, struct fan_lag *out)
{
    const struct ring_page *page = own->page;
    const struct fan_sight sight = {
        .size = own->size,
        .tail = WHERRY_LOAD(&page->writer.tail),
        .messages = atomic_load_explicit(&page->writer.messages, memory_order_relaxed),
        .load = load_mapped,
        .floor = floor_mapped,
        .from = own};
    fan_measure_lag(&sight, head, out);
}
