/* SPDX-License-Identifier: MIT */
/*
 * Fans: one writes on whatever the others do; each of those gets what is still there,
 * whole and in order, and knows how much is not; and a writer that lies is found out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "memory/fan.h"
#include "rings.h"

enum {
    SIZE = RING_LEAST,
    TWICE = 2 * SIZE,
    FAR = 4 * FAN_STEP,
    MOST = 300,
    MANY = 100000,
    READERS = 3
};

struct reader {
    struct ring_side own, seen, theirs;
    int file;
    struct fan_in in;
    struct fan_sleeper sleeper;
};

struct fan {
    struct ring_side writer;
    int file;
    struct fan_out out;
    struct reader readers[READERS];
};

static uint8_t bytes[SIZE];

static void join(struct fan *fan, struct reader *reader)
{
    CHECK_OK(ring_make(0, &reader->own, &reader->file));
    CHECK_OK(ring_attach_page(reader->file, &reader->seen));
    CHECK_OK(ring_attach(fan->file, &reader->theirs));
    CHECK_OK(fan_in_start(&reader->in, &reader->own, &reader->theirs,
                          fan->out.ring.tail, fan->out.ring.messages));
    reader->sleeper = (struct fan_sleeper){.epoch = &reader->seen.page->sleeps.reader};
}

static void open_fan(struct fan *fan)
{
    CHECK_OK(ring_make(SIZE, &fan->writer, &fan->file));
    fan_out_start(&fan->out, &fan->writer, false);
    for (int i = 0; i < READERS; i++)
        join(fan, &fan->readers[i]);
}

static void close_fan(struct fan *fan)
{
    for (int i = 0; i < READERS; i++) {
        ring_leave(&fan->readers[i].own);
        ring_leave(&fan->readers[i].seen);
        ring_leave(&fan->readers[i].theirs);
        close(fan->readers[i].file);
    }
    ring_leave(&fan->writer);
    close(fan->file);
}

static uint64_t size_of(uint64_t number)
{
    return number * 2654435761U % MOST;
}

static void publish(struct fan *fan, uint64_t size)
{
    const uint64_t number = fan->out.ring.messages;
    memset(bytes, (int)(number % 251), size);
    fan_put(&fan->out, &(struct fan_record){.size = size,
                                            .kind = (int64_t)number,
                                            .at = wherry_now(),
                                            .payload = bytes});
    fan_show(&fan->out);
}

static void publish_many(struct fan *fan, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        publish(fan, size_of(fan->out.ring.messages));
}

// The next record, whole; how many before it were lost.
static uint64_t take(struct reader *reader, struct fan_record *out)
{
    static uint8_t copy[SIZE];
    CHECK_INT(fan_next(&reader->in, out), 1);
    CHECK(fan_copy(&reader->in, out, copy));
    CHECK_INT(out->kind, out->number);
    uint64_t whole = 0;
    while (whole < out->size && copy[whole] == out->number % 251)
        whole++;
    CHECK_INT(whole, out->size);
    return fan_took(&reader->in, out);
}

static void take_in_order(struct reader *reader, uint64_t number, uint64_t size)
{
    struct fan_record record;
    CHECK_INT(take(reader, &record), 0);
    CHECK_INT(record.number, number);
    CHECK_INT(record.size, size);
}

TEST(each_reader_gets_every_record_in_order_and_whole)
{
    struct fan fan;
    struct fan_record record;
    open_fan(&fan);
    uint64_t read = 0;
    while (read < MANY) {
        publish_many(&fan, (unsigned)(1 + read % 150));
        for (; read < fan.out.ring.messages; read++)
            for (int i = 0; i < READERS; i++)
                take_in_order(&fan.readers[i], read, size_of(read));
        for (int i = 0; i < READERS; i++)
            CHECK_INT(fan_next(&fan.readers[i].in, &record), 0);
    }
    close_fan(&fan);
}

TEST(what_is_put_is_not_seen_before_it_is_shown)
{
    struct fan fan;
    struct fan_record record;
    open_fan(&fan);
    fan_put(&fan.out, &(struct fan_record){.payload = bytes});
    CHECK_INT(fan_next(&fan.readers[0].in, &record), 0);
    fan_show(&fan.out);
    CHECK_INT(fan_next(&fan.readers[0].in, &record), 1);
    close_fan(&fan);
}

TEST(the_largest_record_has_room_wherever_the_ring_stands)
{
    struct fan fan;
    open_fan(&fan);
    uint64_t number = 0;
    for (unsigned i = 0; i < 4 * SIZE / FAN_STEP; i++) {
        publish(&fan, 0);
        publish(&fan, fan_most(SIZE) - i % 7);
        take_in_order(&fan.readers[0], number++, 0);
        take_in_order(&fan.readers[0], number++, fan_most(SIZE) - i % 7);
    }
    close_fan(&fan);
}

/* --- who is slow --------------------------------------------------------- */

TEST(a_reader_that_is_overtaken_goes_on_with_the_oldest_that_is_there)
{
    struct fan fan;
    struct fan_record record;
    open_fan(&fan);
    struct reader *reader = &fan.readers[0];
    uint64_t next = 0;
    for (unsigned round = 0; round < 200; round++) {
        publish_many(&fan, 300 + 37 * round);
        int r = fan_next(&reader->in, &record);
        if (r == FAN_BEHIND)
            CHECK_OK(fan_go_to_oldest(&reader->in));
        const uint64_t lost = take(reader, &record);
        CHECK_INT(lost > 0, r == FAN_BEHIND);
        CHECK_INT(record.number, next + lost);
        // At most a sector and a record of what could be there is not.
        const uint64_t there = fan.out.ring.tail - reader->in.ring.head;
        CHECK(r == 1 || there > SIZE - SIZE / FAN_SECTORS - 4 * MOST);
        next = record.number + 1;
        for (; next < fan.out.ring.messages; next++)
            take_in_order(reader, next, size_of(next));
    }
    close_fan(&fan);
}

TEST(a_reader_goes_to_the_newest_and_knows_what_it_passed_over)
{
    struct fan fan;
    struct fan_record record;
    open_fan(&fan);
    struct reader *reader = &fan.readers[0];
    CHECK_OK(fan_go_to_newest(&reader->in));
    CHECK_INT(fan_next(&reader->in, &record), 0);
    for (unsigned count = 1; count < 2000; count += 7) {
        publish_many(&fan, count);
        CHECK_OK(fan_go_to_newest(&reader->in));
        CHECK_INT(take(reader, &record), count - 1);
        CHECK_OK(fan_go_to_newest(&reader->in));
        CHECK_INT(fan_next(&reader->in, &record), 0);
    }
    close_fan(&fan);
}

TEST(a_record_that_is_overwritten_while_it_is_copied_is_not_used)
{
    struct fan fan;
    struct fan_record record;
    open_fan(&fan);
    struct reader *reader = &fan.readers[0];
    publish_many(&fan, 10);
    CHECK_INT(fan_next(&reader->in, &record), 1);
    publish_many(&fan, MANY);
    CHECK(!fan_copy(&reader->in, &record, bytes));
    CHECK_INT(fan_next(&reader->in, &record), FAN_BEHIND);
    close_fan(&fan);
}

// The floor is raised before the first byte is overwritten, by however little.
TEST(whatever_the_floor_says_is_there_is_whole_after_every_single_record)
{
    struct fan fan;
    open_fan(&fan);
    struct reader *reader = &fan.readers[0];
    for (unsigned i = 0; i < 600; i++) {
        struct fan_record record;
        publish(&fan, i % 11 == 0 ? fan_most(SIZE) / (1 + i % 5) : size_of(i));
        reader->in.ring.head = reader->in.tail_seen = 0;
        reader->in.number = 0;
        CHECK_OK(fan_go_to_oldest(&reader->in));
        uint64_t before = 0;
        while (fan_next(&reader->in, &record) == 1) {
            const uint64_t lost = take(reader, &record);
            CHECK(lost == 0 || before == 0);
            before = record.number + 1;
        }
        CHECK_INT(before, i + 1);
    }
    close_fan(&fan);
}

TEST(how_far_behind_a_reader_is_can_be_seen_by_the_writer)
{
    struct fan fan;
    struct fan_lag lag;
    open_fan(&fan);
    const _Atomic(uint64_t) *head = &fan.readers[1].seen.page->reader.head;
    fan_look_behind(&fan.writer, WHERRY_LOAD(head), &lag);
    CHECK_INT(lag.bytes, 0);
    CHECK_INT(lag.since, 0);
    const int64_t before = wherry_now();
    publish_many(&fan, 5);
    const int64_t after = wherry_now();
    take_in_order(&fan.readers[1], 0, size_of(0));
    take_in_order(&fan.readers[1], 1, size_of(1));
    fan_look_behind(&fan.writer, WHERRY_LOAD(head), &lag);
    CHECK_INT(lag.messages, 3);
    CHECK_INT(lag.bytes, fan.out.ring.tail - fan.readers[1].in.ring.head);
    CHECK_RANGE(lag.since, before, after);
    publish_many(&fan, MANY);
    fan_look_behind(&fan.writer, WHERRY_LOAD(head), &lag);
    CHECK_RANGE(lag.bytes, SIZE - SIZE / FAN_SECTORS - 4 * MOST, SIZE);
    CHECK(lag.since >= after);
    // One that says what cannot be.
    static const uint64_t lies[] = {1, 1ULL << 40, UINT64_MAX, UINT64_MAX / 2 + 1};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        fan_look_behind(&fan.writer, lies[i], &lag);
        CHECK_RANGE(lag.bytes, 0, SIZE);
        CHECK_RANGE(lag.since, 0, wherry_now());
    }
    close_fan(&fan);
}

/* --- who sleeps ---------------------------------------------------------- */

TEST(each_reader_that_sleeps_is_rung_for_once_an_epoch)
{
    struct fan fan;
    open_fan(&fan);
    struct fan_sleeper *sleeper = &fan.readers[0].sleeper;
    publish(&fan, 1);
    CHECK(!fan_must_ring(sleeper));
    CHECK_INT(fan_in_sleeps(&fan.readers[0].in), 0); // there is news
    ring_in_wakes(&fan.readers[0].in.ring);
    take_in_order(&fan.readers[0], 0, 1);
    CHECK_INT(fan_in_sleeps(&fan.readers[0].in), 1);
    publish(&fan, 2);
    CHECK(fan_must_ring(sleeper));
    CHECK(!fan_must_ring(&fan.readers[1].sleeper));
    CHECK(!fan_must_ring(sleeper));
    ring_in_wakes(&fan.readers[0].in.ring);
    CHECK(!fan_must_ring(sleeper));
    take_in_order(&fan.readers[0], 1, 2);
    CHECK_INT(fan_in_sleeps(&fan.readers[0].in), 1);
    publish(&fan, 3);
    CHECK(fan_must_ring(sleeper));
    close_fan(&fan);
}

/* --- a writer that lies -------------------------------------------------- */

static void put_words(struct fan *fan, uint64_t at, uint64_t first, uint64_t kind,
                      uint64_t number)
{
    _Atomic(uint64_t) *words = (_Atomic(uint64_t) *)(void *)(fan->writer.data + at);
    atomic_store(&words[0], first);
    atomic_store(&words[1], kind);
    atomic_store(&words[2], number);
    atomic_store(&fan->writer.page->writer.tail, at + FAR);
}

TEST(a_record_that_cannot_be_is_told_and_not_believed)
{
    static const struct {
        uint64_t first, kind, number;
        const char *why;
    } each[] = {
        {FAR, 0, 1, "longer"},
        {SIZE, 0, 1, "longer"},
        {UINT32_MAX, 0, 1, "longer"},
        {0, UINT64_MAX, 1, "below 0"},
        {0, 0, 0, "was before"},
        {1ULL << 32, 0, 1, "no known sort"},
        {(uint64_t)RING_SKIP << 32, 0, 1, "nothing follows"},
    };

    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        struct fan fan;
        struct fan_record record;
        open_fan(&fan);
        publish(&fan, 1);
        take_in_order(&fan.readers[0], 0, 1);
        put_words(&fan, fan.out.ring.tail, each[i].first, each[i].kind, each[i].number);
        CHECK_ERROR(fan_next(&fan.readers[0].in, &record), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), each[i].why);
        close_fan(&fan);
    }
}

TEST(counts_that_cannot_be_are_told_and_not_believed)
{
    static const uint64_t tails[] = {1, FAN_STEP - 1, UINT64_MAX - FAN_STEP + 1,
                                     1ULL << 63};
    static const uint64_t floors[] = {1, SIZE, 1ULL << 62, UINT64_MAX / 2};
    struct fan fan;
    struct fan_record record;
    open_fan(&fan);
    struct fan_in *in = &fan.readers[0].in;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        atomic_store(&fan.writer.page->writer.tail, tails[i]);
        CHECK_ERROR(fan_next(in, &record), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), "written so far");
    }
    atomic_store(&fan.writer.page->writer.tail, FAN_STEP);
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++) {
        atomic_store(&fan.writer.page->fan.floor, floors[i]);
        CHECK_INT(fan_next(in, &record), FAN_BEHIND);
        CHECK_ERROR(fan_go_to_oldest(in), -EPROTO);
    }
    // It says that all is there, of more than it has room for.
    atomic_store(&fan.writer.page->fan.floor, 0);
    atomic_store(&fan.writer.page->writer.tail, TWICE);
    CHECK_INT(fan_look_again(in), 1);
    CHECK_ERROR(fan_next(in, &record), -EPROTO);
    CHECK_ERROR(fan_in_start(in, &fan.readers[0].own, &fan.readers[0].theirs, 8, 0),
                -EPROTO);
    close_fan(&fan);
}

TEST(a_page_is_no_ring_and_a_ring_is_no_page)
{
    struct fan fan;
    struct ring_side side = {0};
    open_fan(&fan);
    CHECK_ERROR(ring_attach(fan.readers[0].file, &side), -EPROTO);
    CHECK_ERROR(ring_attach_page(fan.file, &side), -EPROTO);
    CHECK(side.page == NULL);
    close_fan(&fan);
}
