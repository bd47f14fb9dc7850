/* SPDX-License-Identifier: MIT */
/*
 * Scenes of a shared queue: several write, several read, each sleeps when it has to,
 * and some die, in the order of calls that queue: has
 * (core/transport/shared_queue_moves.c).
 */
#include "memory/shared_queue.h"

#include <errno.h>

#include "explore.h"
#include "harness.h"
#include "system.h"

enum {
    ROLES = 3,
    SLOTS_MOST = 2,
    BLOCKS_MOST = 2,
    SHARED_MOST = 6144,
    WORDS_MOST = 16, // of a message
    MESSAGES = 8,    // of one writer, the most
    END = 100        // a reader reads no more after it
};

/* What a role does; a writer is whoever has messages. */
struct part {
    unsigned messages;
    unsigned ends;  // and then so many
    unsigned takes; // a reader; 0: until an end
    int64_t wants;
    bool polls; // its descriptor, and looks once whenever that is readable
};

struct plan {
    unsigned slots;
    unsigned blocks;
    unsigned words;  // of each message
    unsigned before; // so many were put and taken before
    enum shared_queue_unread unread;
    struct part parts[ROLES];
};

static const struct plan *plan;

static struct {
    _Alignas(64) uint8_t block[SHARED_MOST];

    // From here on nothing is shared.
    struct explore_system system;
    struct shared_queue queues[ROLES];
    struct places_watched watched[ROLES][ROLES];
    struct shared_queue_position order[ROLES][SLOTS_MOST];
    uint8_t used_blocks[ROLES][BLOCKS_MOST / 8 + 1];
    unsigned taken[ROLES][MESSAGES]; // how often each message was
    unsigned next[ROLES];            // of each writer, who has not taken it yet
} at;

static bool is_writer(unsigned role)
{
    return plan->parts[role].messages > 0;
}

static unsigned role_of(const struct shared_queue *queue)
{
    return (unsigned)(queue - at.queues);
}

static bool has_somebody_died(void)
{
    bool any = false;
    for (unsigned i = 0; i < ROLES; i++)
        any = any || explore_has_died(i);
    return any;
}

/* --- putting ------------------------------------------------------------- */

// The kind says whose message it is, and which.
static int64_t kind_of(unsigned role, unsigned number)
{
    return (int64_t)(role * MESSAGES + number) + 1;
}

static void fill(uint64_t words[WORDS_MOST], int64_t kind)
{
    for (unsigned i = 0; i < WORDS_MOST; i++)
        words[i] = (uint64_t)kind << 8 | i;
}

// `had_died`: somebody had, before it was looked.  One that hears of an end later looks
// again.
static void wait(struct shared_queue *queue, int64_t wanted, bool had_died)
{
    int fd;
    EXPLORE_CHECK(shared_queue_wait(queue, wanted, &fd) >= 0);
    if (has_somebody_died() == had_died)
        system_sleep(role_of(queue));
    shared_queue_waited(queue, true);
}

static int64_t try_to_put(struct shared_queue *queue, int64_t kind)
{
    uint64_t words[WORDS_MOST];
    fill(words, kind);
    const struct wherry_plain plain = {words, plan->words * sizeof(words[0]), kind,
                                       NULL};
    return shared_queue_put(queue, &plain, 1);
}

static void put(struct shared_queue *queue, int64_t kind)
{
    bool had_died = has_somebody_died();
    int64_t r;
    while ((r = try_to_put(queue, kind)) == -EAGAIN) {
        wait(queue, (int64_t)(plan->words * sizeof(uint64_t)), had_died);
        had_died = has_somebody_died();
    }
    EXPLORE_CHECK(r == 1);
}

static void write_all(unsigned role)
{
    const struct part *part = &plan->parts[role];
    for (unsigned i = 0; i < part->messages; i++)
        put(&at.queues[role], kind_of(role, i));
    for (unsigned i = 0; i < part->ends; i++)
        put(&at.queues[role], END);
}

/* --- taking -------------------------------------------------------------- */

// Each at most once, those of one writer in order: the readers' lock is still held, so
// that is the order of all readers.
static void note(int64_t kind, int64_t wanted)
{
    const unsigned role = (unsigned)(kind - 1) / MESSAGES;
    const unsigned number = (unsigned)(kind - 1) % MESSAGES;
    EXPLORE_CHECK(role < ROLES && number < plan->parts[role].messages);
    EXPLORE_CHECK(at.taken[role][number] == 0);
    at.taken[role][number]++;
    EXPLORE_CHECK(wanted != 0 || number >= at.next[role]);
    at.next[role] = number + 1;
}

static int take(struct shared_queue *queue, int64_t wanted, int64_t *kind)
{
    uint64_t words[WORDS_MOST];
    uint64_t expected[WORDS_MOST];
    struct shared_queue_message found = {0};
    int r = shared_queue_find(queue, wanted, &found);
    if (r < 0)
        return r;
    EXPLORE_CHECK(found.size == plan->words * sizeof(words[0]));
    r = shared_queue_take(queue, &found, (uint8_t *)words);
    EXPLORE_CHECK(r == 0);
    fill(expected, found.kind);
    EXPLORE_CHECK(memcmp(words, expected, found.size) == 0);
    if (found.kind != END)
        note(found.kind, wanted);
    *kind = found.kind;
    return 1;
}

static int try_to_take(struct shared_queue *queue, int64_t wanted, int64_t *kind)
{
    int r = shared_queue_begin(queue);
    if (r < 0)
        return r;
    r = take(queue, wanted, kind);
    shared_queue_end(queue);
    EXPLORE_CHECK(r == 1 || r == -EAGAIN);
    return r;
}

// Whether all is taken of whoever has not died.
static bool is_all_of_the_living(void)
{
    for (unsigned i = 0; i < ROLES; i++)
        if (!explore_has_died(i) && at.next[i] < plan->parts[i].messages)
            return false;
    return true;
}

// A reader that waits for so many ends with what the dead left of theirs.
static void read_all(unsigned role)
{
    const struct part *part = &plan->parts[role];
    struct shared_queue *queue = &at.queues[role];
    int64_t kind = 0;
    unsigned count = 0;
    while (part->takes ? count < part->takes : kind != END) {
        const bool had_died = has_somebody_died();
        if (part->polls)
            system_sleep(role);
        const int r = try_to_take(queue, part->wants, &kind);
        count += r == 1;
        if (r != 1 && part->takes && had_died && is_all_of_the_living())
            return;
        if (r != 1 && !part->polls)
            wait(queue, part->wants, had_died);
    }
}

/* --- before and after ---------------------------------------------------- */

static void open_queue(unsigned role, const struct shared_queue_numbers *numbers)
{
    struct shared_queue *queue = &at.queues[role];
    at.system.role = role;
    queue->side = is_writer(role) ? QUEUE_WRITERS : QUEUE_READERS;
    queue->quiet[QUEUE_WRITERS] = queue->quiet[QUEUE_READERS] = UINT64_MAX;
    CHECK_OK(places_start(&queue->places, &shared_queue_ways, queue));
    CHECK_OK(shared_queue_know(queue, (void *)at.block, shared_queue_size(numbers)));
    queue->order = at.order[role];
    queue->used_blocks = at.used_blocks[role];
    queue->places.watched = at.watched[role];
    queue->places.watched_count = ROLES;
    CHECK_OK(places_enter(&queue->places));
    CHECK_INT(queue->places.place, role);
}

// All have waited before, and know each other's doors.
static void meet(void)
{
    int fd;
    for (unsigned i = 0; i < ROLES; i++) {
        at.system.role = i;
        CHECK_OK(shared_queue_wait(&at.queues[i], 0, &fd));
        for (unsigned j = 0; j < ROLES; j++)
            bells_ring(&at.queues[i].places, at.queues[j].places.owner);
        shared_queue_waited(&at.queues[i], true);
    }
}

static void start_to_poll(unsigned role)
{
    int fd;
    at.system.role = role;
    if (plan->parts[role].polls) {
        CHECK_OK(shared_queue_wait(&at.queues[role], 0, &fd));
        shared_queue_polled(&at.queues[role]);
    }
    bells_clear(&at.queues[role].places);
}

static void begin(void)
{
    const struct shared_queue_numbers numbers = {.slots = plan->slots,
                                                 .bytes = (uint64_t)plan->blocks *
                                                          QUEUE_BLOCK,
                                                 .places = ROLES,
                                                 .unread = plan->unread};
    int64_t kind;
    system_begin(&at.system);
    CHECK(shared_queue_size(&numbers) <= sizeof at.block);
    CHECK_OK(shared_queue_make(at.block, &numbers));
    for (unsigned i = 0; i < ROLES; i++)
        open_queue(i, &numbers);
    meet();
    for (unsigned i = 0; i < plan->before; i++) {
        CHECK_INT(try_to_put(&at.queues[0], END), 1);
        CHECK_INT(try_to_take(&at.queues[ROLES - 1], 0, &kind), 1);
    }
    for (unsigned i = 0; i < ROLES; i++)
        start_to_poll(i);
}

static unsigned someone_alive(bool writes)
{
    unsigned role = 0;
    while (role < ROLES && (explore_has_died(role) || is_writer(role) != writes))
        role++;
    return role;
}

// Whoever is left can have all of its room, and all that is put then.
static void judge_room(void)
{
    struct shared_queue *queue = &at.queues[someone_alive(false)];
    struct shared_queue_count count;
    int64_t kind;
    const unsigned all = plan->blocks ? plan->blocks : plan->slots;
    for (unsigned i = 0; i < all; i++)
        EXPLORE_CHECK(try_to_put(queue, END) == 1);
    shared_queue_tell(queue, &count);
    EXPLORE_CHECK(count.messages == all && count.lost == 0);
    EXPLORE_CHECK(try_to_put(queue, END) == -EAGAIN);
    for (unsigned i = 0; i < all; i++)
        EXPLORE_CHECK(try_to_take(queue, END, &kind) == 1);
    EXPLORE_CHECK(try_to_take(queue, 0, &kind) == -EAGAIN);
    EXPLORE_CHECK(shared_queue_has_room(queue));
}

static void judge(void)
{
    struct shared_queue_count count;
    for (unsigned i = 0; i < ROLES; i++)
        for (unsigned j = 0; j < plan->parts[i].messages; j++)
            EXPLORE_CHECK(at.taken[i][j] == 1);
    shared_queue_tell(&at.queues[0], &count);
    EXPLORE_CHECK(count.messages == 0);
    judge_room();
}

// What the dead had in hand is absent or there, and a reader that died may have had one
// that it did not note; nothing else is lost.
static void judge_death(void)
{
    struct shared_queue *queue = &at.queues[someone_alive(false)];
    unsigned absent = 0;
    int64_t kind;
    if (!has_somebody_died()) {
        judge();
        return;
    }
    while (try_to_take(queue, 0, &kind) == 1)
        ;
    for (unsigned i = 0; i < ROLES; i++)
        for (unsigned j = 0; j < plan->parts[i].messages; j++)
            absent += !explore_has_died(i) && at.taken[i][j] == 0;
    EXPLORE_CHECK(absent <= (someone_alive(true) < ROLES && explore_has_died(1)));
    judge_room();
}

static void run_first(void)
{
    is_writer(0) ? write_all(0) : read_all(0);
}

static void run_second(void)
{
    is_writer(1) ? write_all(1) : read_all(1);
}

static void run_third(void)
{
    read_all(2);
}

#define QUEUE_SCENE(title, first, first_dies, second, second_dies, judged, ...)        \
    EXPLORE_SCENE(title, system, judged,                                               \
                  EXPLORE_ROLES({first, run_first, first_dies},                        \
                                {second, run_second, second_dies},                     \
                                {"reader", run_third, false}),                         \
                  __VA_ARGS__)

QUEUE_SCENE(two_writers_and_a_reader_that_sleeps, "a", false, "b", false, judge,
            .slots = 2, .words = 2,
            .parts = {{.messages = 1}, {.messages = 1}, {.takes = 2}});
QUEUE_SCENE(two_writers_that_wait_for_one_slot, "a", false, "b", false, judge,
            .slots = 1, .words = 2, .before = 3,
            .parts = {{.messages = 2}, {.messages = 1}, {.takes = 3}});
QUEUE_SCENE(one_writer_and_two_readers_that_sleep, "writer", false, "other", false,
            judge, .slots = 2, .words = 2, .before = 7,
            .parts = {{.messages = 2}, {.takes = 1}, {.takes = 1}});
QUEUE_SCENE(each_reader_gets_the_kind_it_wants, "writer", false, "other", false, judge,
            .slots = 2, .words = 1,
            .parts = {
                {.messages = 2}, {.takes = 1, .wants = 2}, {.takes = 1, .wants = 1}});
QUEUE_SCENE(a_reader_that_polls_is_told_of_all, "writer", false, "other", false, judge,
            .slots = 2, .words = 1,
            .parts = {{.messages = 3}, {.takes = 1}, {.takes = 2, .polls = true}});
QUEUE_SCENE(readers_that_end_when_they_are_told, "writer", false, "other", false, judge,
            .slots = 1, .words = 1,
            .parts = {{.messages = 1, .ends = 2}, {.takes = 0}, {.takes = 0}});
QUEUE_SCENE(writers_that_wait_for_blocks, "a", false, "b", false, judge, .slots = 2,
            .blocks = 1, .words = 12,
            .parts = {{.messages = 1}, {.messages = 1}, {.takes = 2}});
QUEUE_SCENE(what_a_dead_writer_held_is_free, "dying", true, "b", false, judge_death,
            .slots = 2, .words = 2,
            .parts = {{.messages = 1}, {.messages = 1}, {.takes = 2}});
QUEUE_SCENE(a_dead_writer_costs_no_block, "dying", true, "b", false, judge_death,
            .slots = 2, .blocks = 1, .words = 12,
            .parts = {{.messages = 1}, {.messages = 1}, {.takes = 2}});
QUEUE_SCENE(what_a_dead_reader_held_comes_again, "writer", false, "dying", true,
            judge_death, .slots = 1, .words = 1,
            .parts = {{.messages = 1, .ends = 2}, {.takes = 0}, {.takes = 0}});

__attribute__((constructor)) static void add_all(void)
{
    static const struct explore_scene *const all[] = {
        &two_writers_and_a_reader_that_sleeps,  &two_writers_that_wait_for_one_slot,
        &one_writer_and_two_readers_that_sleep, &each_reader_gets_the_kind_it_wants,
        &a_reader_that_polls_is_told_of_all,    &readers_that_end_when_they_are_told,
        &writers_that_wait_for_blocks,          &what_a_dead_writer_held_is_free,
        &a_dead_writer_costs_no_block,          &what_a_dead_reader_held_comes_again,
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        explore_add(all[i]);
}
