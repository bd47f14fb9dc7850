/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a reader of a fan whose writer is the input, and a writer of another one
 * whose readers are (script.h).  The rings are so small that every few records go over
 * their end.
 */
#include "script.h"

#include <errno.h>

#include "memory/fan.h"
#include "side.h"

enum { SIZE = 1024, MOST = SIZE / FAN_SHARE - FAN_STEP };

static struct ring_side own;    // the reader's: a page is all that is used of it
static struct ring_side theirs; // its writer's
static struct ring_side ours;   // of the other writer
static struct fan_in in;
static struct fan_out out;
static struct fan_sleeper sleeper;
static bool is_running;
static bool has_lost; // there is no way on

/* --- the others ---------------------------------------------------------- */

static void write_more(void)
{
    atomic_fetch_add(&theirs.page->writer.tail, (uint64_t)next() * FAN_STEP);
}

static void raise_floor(void)
{
    atomic_fetch_add(&theirs.page->fan.floor, (uint64_t)next() * FAN_STEP);
}

static void change_newest(void)
{
    atomic_store(&theirs.page->fan.newest, in.tail_seen - (uint64_t)next() * FAN_STEP);
}

// A record where the reader reads, or further on.
static void write_record(void)
{
    const uint64_t where = next();
    const uint64_t at = (in.ring.head + (where & 15) * FAN_STEP) & (SIZE - 1) &
                        ~(uint64_t)(FAN_STEP - 1);
    _Atomic(uint64_t) *words = (_Atomic(uint64_t) *)(void *)(theirs.data + at);
    const uint64_t size = where & 16 ? next() : 0;
    const uint64_t flags = where & 32 ? next() : 0;
    atomic_store(&words[0], size | flags << RING_FLAGS_AT);
    atomic_store(&words[1], where & 64 ? next_number() : 0);
    atomic_store(&words[2], in.number + (where & 128 ? next_number() : next() & 3));
}

static void change_word(void)
{
    const uint64_t number = next_number();
    atomic_store(number & 1 ? &theirs.page->writer.tail : &theirs.page->fan.floor,
                 number >> 8);
}

static void change_mode(void)
{
    atomic_store(&theirs.page->places.mode, next() & 3);
}

static void leave_it(void)
{
}

void shared_rewrite(void)
{
    static void (*const writes[])(void) = {
        leave_it,      write_more,  write_record, raise_floor,
        change_newest, change_word, change_mode,  write_more,
    };
    if (is_running)
        SCRIPT_CHOICE(writes)();
}

/* --- this reader --------------------------------------------------------- */

static void lose(int r)
{
    if (r >= 0)
        return;
    PROPERTY(r == -EPROTO);
    check_sentence();
    has_lost = true;
}

static void take(const struct fan_record *record)
{
    uint8_t *copy = malloc(record->size + 1);
    PROPERTY(copy && record->size <= MOST && record->kind >= 0);
    PROPERTY(record->payload >= theirs.data + FAN_STEP &&
             record->payload + record->size <= theirs.data + SIZE);
    const uint64_t head = in.ring.head;
    if (fan_copy(&in, record, copy)) {
        (void)fan_took(&in, record);
        PROPERTY(in.ring.head - head >= FAN_STEP && in.ring.head - head <= SIZE);
        PROPERTY(atomic_load(&own.page->reader.head) == in.ring.head);
    }
    free(copy);
}

static void receive(void)
{
    struct fan_record record;
    int r = has_lost ? 0 : fan_next(&in, &record);
    lose(r);
    if (r == 1)
        take(&record);
}

static void go_to_oldest(void)
{
    lose(has_lost ? 0 : fan_go_to_oldest(&in));
}

static void go_to_newest(void)
{
    lose(has_lost ? 0 : fan_go_to_newest(&in));
}

static void sleep_and_wake(void)
{
    int r = has_lost ? 0 : fan_in_sleeps(&in);
    lose(r);
    PROPERTY(r < 0 || has_lost || (in.ring.epoch & 1));
    if (next() & 1)
        ring_in_wakes(&in.ring);
}

/* --- this writer --------------------------------------------------------- */

static void publish(void)
{
    static uint8_t bytes[MOST];
    const uint64_t size = next() % (MOST + 1);
    fan_put(&out, &(struct fan_record){.size = size, .at = 1, .payload = bytes});
    fan_show(&out);
    const uint8_t epoch = next();
    atomic_store(&own.page->sleeps.reader, epoch);
    const bool rings = fan_must_ring(&sleeper);
    PROPERTY(!rings || (epoch & 1));
    ring_shown(&out.ring, rings);
    PROPERTY(out.ring.tail - out.floor <= SIZE && out.newest < out.ring.tail);
}

static void look_behind(void)
{
    struct fan_lag lag;
    const uint8_t how = next();
    const uint64_t head =
        how & 1 ? next_number() : out.ring.tail - (uint64_t)(how >> 1) * FAN_STEP;
    fan_look_behind(&ours, head, &lag);
    PROPERTY(lag.bytes <= SIZE && lag.messages <= out.ring.messages && lag.since >= 0);
}

/* --- the input ----------------------------------------------------------- */

void target_end(void)
{
    side_forget(&own);
    side_forget(&theirs);
    side_forget(&ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static void (*const operations[])(void) = {
        receive,      receive,        publish, look_behind,
        go_to_oldest, sleep_and_wake, publish, go_to_newest,
    };
    script_begin(bytes, size);
    side_make(&own, SIZE);
    side_make(&theirs, SIZE);
    side_make(&ours, SIZE);
    has_lost = false;
    lose(fan_in_start(&in, &own, &theirs, 0, 0));
    fan_out_start(&out, &ours, false);
    sleeper = (struct fan_sleeper){.epoch = &own.page->sleeps.reader};
    is_running = true;
    while (script.at < script.end)
        SCRIPT_CHOICE(operations)();
    is_running = false;
    return 0;
}
