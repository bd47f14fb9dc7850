/* SPDX-License-Identifier: MIT */
/*
 * Scenes of a fan: one publishes to two, who are overtaken, sleep and die, in the order
 * of calls that a topic has (core/transport/topic.c, topic_in.c).
 */
#include "memory/fan.h"

#include "explore.h"
#include "harness.h"

enum {
    SIZE_MOST = 512,
    WORDS_MOST = 8, // of a message
    READERS = 2,
    FENCED = 64, // messages that meet awake readers, before they go without a fence
    WRITER = READERS
};

struct plan {
    uint64_t ring;     // bytes, a power of two
    unsigned words;    // of a message
    unsigned read;     // so many messages were, before
    unsigned unread;   // and so many are there
    unsigned messages; // more
    bool takes_newest; // full=latest
};

static const struct plan *plan;

static struct {
    struct {
        struct ring_page page;
        _Alignas(RING_LINE) uint8_t data[SIZE_MOST];
    } writer;
    struct ring_page pages[READERS];

    // From here on nothing is shared.
    struct fan_out out;
    struct fan_sleeper sleepers[READERS];
    struct fan_in in[READERS];
    struct explore_bell bells[READERS];
    uint64_t seen[READERS]; // messages, those that were lost among them
} at;

static uint64_t all_messages(void)
{
    return plan->read + plan->unread + plan->messages;
}

static void fill(uint64_t words[WORDS_MOST], uint64_t number)
{
    for (unsigned i = 0; i < WORDS_MOST; i++)
        words[i] = number << 8 | i;
}

/* --- the writer ---------------------------------------------------------- */

static bool ring_for_sleepers(void)
{
    bool has_rung = false;
    for (unsigned i = 0; i < READERS; i++) {
        if (!fan_must_ring(&at.sleepers[i]))
            continue;
        has_rung = true;
        explore_ring(&at.bells[i]);
    }
    return has_rung;
}

static void publish(uint64_t number)
{
    uint64_t words[WORDS_MOST];
    fill(words, number);
    fan_put(&at.out, &(struct fan_record){.size = plan->words * sizeof(words[0]),
                                          .kind = (int64_t)number,
                                          .payload = (const uint8_t *)words});
    fan_show(&at.out);
    ring_shown(&at.out.ring, ring_for_sleepers());
}

static void write_all(void)
{
    for (unsigned i = 0; i < plan->messages; i++)
        publish(plan->read + plan->unread + i);
}

/* --- a reader ------------------------------------------------------------ */

static void check_record(const struct fan_record *record, const uint64_t *words)
{
    uint64_t wanted[WORDS_MOST];
    fill(wanted, record->number);
    EXPLORE_CHECK(record->kind == (int64_t)record->number);
    EXPLORE_CHECK(record->size == plan->words * sizeof(words[0]));
    EXPLORE_CHECK(memcmp(words, wanted, record->size) == 0);
}

// 1, FAN_BEHIND, or 0: there is none.
static int read_record(unsigned reader)
{
    uint64_t words[WORDS_MOST];
    struct fan_record record = {0};
    struct fan_in *in = &at.in[reader];
    int r = plan->takes_newest ? fan_go_to_newest(in) : 0;
    if (r >= 0)
        r = fan_next(in, &record);
    EXPLORE_CHECK(r >= 0);
    if (r != 1)
        return r;
    if (!fan_copy(in, &record, words))
        return FAN_BEHIND;
    check_record(&record, words);
    EXPLORE_CHECK(record.number >= at.seen[reader]);
    at.seen[reader] += fan_took(in, &record) + 1;
    EXPLORE_CHECK(at.seen[reader] == record.number + 1);
    return 1;
}

static int read_next(unsigned reader)
{
    struct fan_in *in = &at.in[reader];
    int r;
    for (int times = 0; (r = read_record(reader)) == FAN_BEHIND; times++)
        EXPLORE_CHECK((times == 0 ? fan_go_to_oldest(in) : fan_go_to_newest(in)) >= 0);
    return r;
}

static void wait_for_message(unsigned reader)
{
    struct fan_in *in = &at.in[reader];
    if (ring_in_is_asleep(&in->ring)) {
        explore_hush(&at.bells[reader]);
        ring_in_wakes(&in->ring);
    }
    if (fan_in_sleeps(in) == 1)
        explore_sleep(&at.bells[reader], 1U << WRITER);
}

// What was published before the writer's end comes first.
static void read_all(unsigned reader)
{
    while (at.seen[reader] < all_messages()) {
        const bool is_over = explore_has_died(WRITER);
        const bool has_read = read_next(reader) == 1;
        if (!has_read && is_over)
            return;
        if (!has_read)
            wait_for_message(reader);
    }
}

static void read_as_first(void)
{
    read_all(0);
}

static void read_as_second(void)
{
    read_all(1);
}

/* --- before and after ---------------------------------------------------- */

static void begin(void)
{
    const struct ring_side own = {&at.writer.page, at.writer.data, plan->ring};
    fan_out_start(&at.out, &own, true);
    for (unsigned i = 0; i < READERS; i++) {
        const struct ring_side reader = {&at.pages[i], NULL, 0};
        at.sleepers[i].epoch = &at.pages[i].sleeps.reader;
        CHECK_OK(fan_in_start(&at.in[i], &reader, &own, 0, 0));
    }
    for (unsigned i = 0; i < plan->read; i++) {
        publish(i);
        for (unsigned j = 0; j < READERS; j++)
            CHECK_INT(read_record(j), 1);
    }
    for (unsigned i = 0; i < plan->unread; i++)
        publish(plan->read + i);
}

static void judge(void)
{
    struct fan_lag lag;
    const struct ring_side own = {&at.writer.page, at.writer.data, plan->ring};
    for (unsigned i = 0; i < READERS; i++) {
        if (explore_has_died(i))
            continue;
        const uint64_t head = at.pages[i].reader.head;
        EXPLORE_CHECK(at.seen[i] == all_messages() || explore_has_died(WRITER));
        EXPLORE_CHECK(at.seen[i] >= plan->read + plan->unread);
        fan_look_behind(&own, head, &lag);
        EXPLORE_CHECK(lag.bytes == 0 || explore_has_died(WRITER));
    }
    EXPLORE_CHECK(at.writer.page.writer.messages == all_messages() ||
                  explore_has_died(WRITER));
}

#define FAN_SCENE(title, reader_dies, writer_dies, ...)                                \
    EXPLORE_SCENE(title, out, judge,                                                   \
                  EXPLORE_ROLES({"first", read_as_first, reader_dies},                 \
                                {"second", read_as_second, false},                     \
                                {"writer", write_all, writer_dies}),                   \
                  __VA_ARGS__)

FAN_SCENE(readers_that_sleep_are_woken, false, false, .ring = 512, .words = 2,
          .messages = 2);
FAN_SCENE(readers_are_woken_by_a_writer_without_a_fence, false, false, .ring = 512,
          .words = 1, .read = FENCED, .messages = 2);
FAN_SCENE(readers_that_are_overtaken_go_on, false, false, .ring = 256, .words = 4,
          .unread = 3, .messages = 3);
FAN_SCENE(readers_that_want_the_newest_get_it, false, false, .ring = 256, .words = 3,
          .unread = 2, .messages = 3, .takes_newest = true);
FAN_SCENE(what_goes_on_at_the_beginning_is_found_there, false, false, .ring = 512,
          .words = 8, .read = 3, .unread = 2, .messages = 2);
FAN_SCENE(a_dead_reader_costs_nobody_anything, true, false, .ring = 256, .words = 3,
          .unread = 2, .messages = 3);
FAN_SCENE(what_a_dead_writer_published_is_read_whole, false, true, .ring = 256,
          .words = 3, .unread = 3, .messages = 2);

__attribute__((constructor)) static void add_all(void)
{
    static const struct explore_scene *const all[] = {
        &readers_that_sleep_are_woken,
        &readers_are_woken_by_a_writer_without_a_fence,
        &readers_that_are_overtaken_go_on,
        &readers_that_want_the_newest_get_it,
        &what_goes_on_at_the_beginning_is_found_there,
        &a_dead_reader_costs_nobody_anything,
        &what_a_dead_writer_published_is_read_whole,
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        explore_add(all[i]);
}
