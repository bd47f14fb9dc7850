/* SPDX-License-Identifier: MIT */
/*
 * Scenes of a ring: one writes and one reads, and each sleeps when it has to, in the
 * order of calls that local: has (core/transport/local_write.c, local_in.c).
 *
 * The ring is so small that it is full, or at its end, where a scene says so.
 */
#include "memory/ring.h"

#include "explore.h"
#include "harness.h"
#include "reader.h"

enum {
    SIZE = 256,
    PIECE = 48,
    MESSAGE_MOST = 200,
    WRITER = 0,
    READER = 1,
    FENCED = 64 // publishes to a reader that is awake, before they go without a fence
};

/* What a scene begins with, and what is written then. */
struct plan {
    unsigned read;     // so many messages were, before
    unsigned unread;   // and so many are there
    unsigned messages; // more
    unsigned size;     // bytes of each
    bool gathers;      // all are published together
    bool is_barred;    // no membarrier(2)
};

static const struct plan *plan;

static struct {
    struct {
        struct ring_page page;
        _Alignas(RING_LINE) uint8_t data[SIZE];
    } writer;
    struct ring_page reader;

    // From here on nothing is shared.
    struct ring_out out;
    struct ring_in in;
    struct explore_bell message;
    struct explore_bell room;
    bool awaits_room;
    bool has_ended; // the writer, before it had written all
    uint64_t received;
} at;

static void fill(uint64_t *words, uint64_t number)
{
    for (unsigned i = 0; i < MESSAGE_MOST / sizeof(*words); i++)
        words[i] = number << 8 | i;
}

/* --- the writer ---------------------------------------------------------- */

static void publish(void)
{
    if (ring_publish(&at.out))
        explore_ring(&at.message);
}

static void wait_for_room(void)
{
    if (at.out.published != at.out.tail)
        publish();
    if (at.awaits_room) {
        explore_hush(&at.room);
        ring_out_wakes(&at.out);
    }
    at.awaits_room = true;
    if (ring_out_sleeps(&at.out))
        explore_sleep(&at.room, EXPLORE_ALL);
}

// Whether there is; else nobody reads any more.
static bool find_room(uint64_t size)
{
    int r;
    while ((r = ring_has_room(&at.out, size)) == 0) {
        if (explore_has_died(READER))
            return false;
        wait_for_room();
    }
    EXPLORE_CHECK(r == 1);
    return true;
}

static bool write_message(uint64_t number, bool is_last)
{
    uint64_t words[MESSAGE_MOST / sizeof(uint64_t)];
    fill(words, number);
    for (uint64_t done = 0; done < plan->size; done += PIECE) {
        const uint64_t left = plan->size - done;
        if (!find_room(left < PIECE ? left : PIECE))
            return false;
        ring_put(&at.out, (const uint8_t *)words + done, left, 0, (int64_t)number);
        if (left > PIECE)
            publish();
    }
    at.out.messages++;
    at.out.bytes += plan->size;
    if (is_last || !plan->gathers)
        publish();
    return true;
}

static void write_all(void)
{
    const uint64_t first = plan->read + plan->unread;
    for (unsigned i = 0; i < plan->messages; i++)
        if (!write_message(first + i, i + 1 == plan->messages))
            return;
}

/* --- the reader ---------------------------------------------------------- */

// Whether there is another; else nobody writes any more, and what was written before
// has been read.
static bool find_record(struct ring_record *record)
{
    int r;
    while ((r = ring_next(&at.in, record)) == 0) {
        if (explore_has_died(WRITER) && !ring_has_next(&at.in))
            return false;
        reader_waits(&at.in, &at.message);
    }
    EXPLORE_CHECK(r == 1);
    return true;
}

static void check_message(const uint64_t *words, const struct ring_record *record)
{
    uint64_t wanted[MESSAGE_MOST / sizeof(uint64_t)];
    fill(wanted, at.received);
    EXPLORE_CHECK(record->kind == (int64_t)at.received);
    EXPLORE_CHECK(memcmp(words, wanted, plan->size) == 0);
}

static bool read_message(void)
{
    uint64_t words[MESSAGE_MOST / sizeof(uint64_t)];
    struct ring_record record = {0};
    for (uint64_t done = 0; done < plan->size; done += PIECE) {
        if (!find_record(&record))
            return false;
        EXPLORE_CHECK(record.left == plan->size - done);
        memcpy((uint8_t *)words + done, record.payload, record.here);
        if (ring_took(&at.in, &record))
            explore_ring(&at.room);
    }
    check_message(words, &record);
    at.received++;
    return true;
}

static void read_all(void)
{
    const uint64_t all = plan->read + plan->unread + plan->messages;
    while (at.received < all && read_message())
        ;
    (void)ring_release(&at.in);
}

/* --- before and after ---------------------------------------------------- */

static void begin(void)
{
    const struct ring_side writer = {&at.writer.page, at.writer.data, SIZE};
    const struct ring_side reader = {&at.reader, NULL, 0};
    ring_out_start(&at.out, &writer, &reader, !plan->is_barred);
    ring_in_start(&at.in, &reader, &writer);
    at.out.piece = at.in.piece = PIECE;
    for (unsigned i = 0; i < plan->read; i++) {
        (void)write_message(i, true);
        (void)read_message();
    }
    (void)ring_release(&at.in);
    for (unsigned i = 0; i < plan->unread; i++)
        (void)write_message(plan->read + i, true);
}

static void judge(void)
{
    const uint64_t all = plan->read + plan->unread + plan->messages;
    const struct ring_page *writer = &at.writer.page;
    EXPLORE_CHECK(at.received == all);
    EXPLORE_CHECK(writer->writer.messages == all && at.reader.received.messages == all);
    EXPLORE_CHECK(at.reader.received.bytes == all * plan->size);
    EXPLORE_CHECK(at.reader.reader.head == writer->writer.tail);
    EXPLORE_CHECK(!ring_has_next(&at.in));
}

// What was read is whole and in order, as each message was checked.
static void judge_death(void)
{
    if (!explore_has_died(WRITER) && !explore_has_died(READER))
        judge();
    else if (explore_has_died(WRITER))
        EXPLORE_CHECK(at.received >= plan->read + plan->unread);
}

#define RING_SCENE(title, writer_dies, reader_dies, judged, ...)                       \
    EXPLORE_SCENE(title, out, judged,                                                  \
                  EXPLORE_ROLES({"writer", write_all, writer_dies},                    \
                                {"reader", read_all, reader_dies}),                    \
                  __VA_ARGS__)

RING_SCENE(a_reader_that_sleeps_is_woken, false, false, judge, .messages = 3,
           .size = 8);
RING_SCENE(messages_that_are_published_together_are_seen_whole, false, false, judge,
           .messages = 3, .size = 16, .gathers = true);
RING_SCENE(a_reader_is_woken_by_a_writer_without_a_fence, false, false, judge,
           .read = FENCED, .messages = 2, .size = 8);
RING_SCENE(a_writer_leaves_its_fence_out_and_takes_it_up_again, false, false, judge,
           .read = FENCED - 2, .messages = 3, .size = 8);
RING_SCENE(a_writer_that_finds_no_room_is_woken, false, false, judge, .unread = 3,
           .messages = 2, .size = 40);
RING_SCENE(both_sleep_in_turn, false, false, judge, .unread = 3, .messages = 4,
           .size = 40, .is_barred = true);
RING_SCENE(what_would_go_over_the_end_goes_on_at_the_beginning, false, false, judge,
           .read = 5, .messages = 2, .size = 24);
RING_SCENE(a_ring_is_full_at_its_end, false, false, judge, .read = 1, .unread = 4,
           .messages = 2, .size = 24);
RING_SCENE(a_large_message_comes_in_pieces, false, false, judge, .messages = 1,
           .size = 104);
RING_SCENE(a_message_larger_than_the_ring_goes_through_it, false, false, judge,
           .messages = 1, .size = 200);
RING_SCENE(what_a_dead_writer_published_is_read_and_no_more, true, false, judge_death,
           .unread = 1, .messages = 2, .size = 56);
RING_SCENE(a_writer_is_woken_by_the_end_of_its_reader, false, true, judge_death,
           .unread = 3, .messages = 2, .size = 40);

__attribute__((constructor)) static void add_all(void)
{
    static const struct explore_scene *const all[] = {
        &a_reader_that_sleeps_is_woken,
        &messages_that_are_published_together_are_seen_whole,
        &a_reader_is_woken_by_a_writer_without_a_fence,
        &a_writer_leaves_its_fence_out_and_takes_it_up_again,
        &a_writer_that_finds_no_room_is_woken,
        &both_sleep_in_turn,
        &what_would_go_over_the_end_goes_on_at_the_beginning,
        &a_ring_is_full_at_its_end,
        &a_large_message_comes_in_pieces,
        &a_message_larger_than_the_ring_goes_through_it,
        &what_a_dead_writer_published_is_read_and_no_more,
        &a_writer_is_woken_by_the_end_of_its_reader,
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        explore_add(all[i]);
}
