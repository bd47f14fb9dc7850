/* SPDX-License-Identifier: MIT */
/*
 * Scenes of a pool: one lends blocks, which go through a ring, and the other returns
 * them in the order it likes; the owner sleeps when it has none, in the order of calls
 * that local: has (core/transport/local_lend.c).
 *
 * What would be a sealed file is the scene's memory.
 */
#include "memory/pool.h"

#include <errno.h>

#include "explore.h"
#include "harness.h"
#include "memory/ring.h"
#include "reader.h"
#include "system.h"

enum {
    POOL = 2 * POOL_STEP, // bytes of blocks
    RING = 512,
    WORDS = 3, // of a message
    MESSAGES = 8,
    OWNER = 0,
    BORROWER = 1
};

struct plan {
    unsigned messages;
    uint64_t sizes[MESSAGES]; // of the blocks that are lent for them; 0: one step
    bool keeps_one;           // the borrower returns the last but one before the last
    bool takes_back;          // the owner lends one each time that it does not send
};

static const struct plan *plan;

static struct {
    struct {
        _Alignas(POOL_FRONT) struct pool_page page;
        _Alignas(POOL_FRONT) uint8_t blocks[POOL];
    } pool;
    struct pool_returns returns;
    struct ring_page owner;
    _Alignas(RING_LINE) uint8_t ring[RING];
    struct ring_page borrower;

    // From here on nothing is shared.
    struct pool_out lends;
    struct pool_in borrows;
    struct ring_out out;
    struct ring_in in;
    struct explore_system system;
    struct explore_bell message;
    struct explore_bell room;
    bool awaits_block;
    unsigned received;
} at;

static uint64_t word_of(uint64_t number, unsigned i)
{
    return number << 8 | (i + 1);
}

/* --- the owner ----------------------------------------------------------- */

static void wait_for_block(void)
{
    if (at.awaits_block) {
        explore_hush(&at.room);
        pool_wakes(&at.lends);
    }
    at.awaits_block = true;
    if (pool_sleeps(&at.lends))
        explore_sleep(&at.room, EXPLORE_ALL);
}

// Whether there is one; else nobody returns any.
static bool find_block(uint64_t size, uint32_t *block)
{
    int r;
    while ((r = pool_lend(&at.lends, size, block)) == 0) {
        if (explore_has_died(BORROWER))
            return false;
        wait_for_block();
    }
    EXPLORE_CHECK(r == 1);
    return true;
}

static void write_block(uint32_t block, uint64_t number)
{
    uint64_t words[WORDS];
    uint64_t room;
    uint8_t *data = pool_data(&at.lends, block, &room);
    EXPLORE_CHECK(room >= sizeof words);
    for (unsigned i = 0; i < WORDS; i++)
        words[i] = word_of(number, i);
    memcpy(data, words, sizeof words);
}

static void send_block(uint32_t block, uint64_t number)
{
    struct pool_place place;
    pool_send(&at.lends, block, WORDS * sizeof(uint64_t), &place);
    EXPLORE_CHECK(ring_has_room(&at.out, sizeof place) == 1);
    ring_put(&at.out, &place, sizeof place, RING_LENT, (int64_t)number);
    if (ring_publish(&at.out))
        explore_ring(&at.message);
}

static void lend_all(void)
{
    uint32_t block;
    for (unsigned i = 0; i < plan->messages; i++) {
        if (!find_block(plan->sizes[i] ? plan->sizes[i] : 1, &block))
            return;
        write_block(block, i);
        if (plan->takes_back) {
            (void)pool_take_back(&at.lends, block);
            if (!find_block(1, &block))
                return;
            write_block(block, i);
        }
        send_block(block, i);
    }
}

/* --- the borrower -------------------------------------------------------- */

// Whether there is another; else nobody sends any more.
static bool find_place(struct pool_place *place)
{
    struct ring_record record = {0};
    int r;
    while ((r = ring_next(&at.in, &record)) == 0) {
        if (explore_has_died(OWNER) && !ring_has_next(&at.in))
            return false;
        reader_waits(&at.in, &at.message);
    }
    EXPLORE_CHECK(r == 1 && record.here == sizeof *place);
    memcpy(place, record.payload, sizeof *place);
    (void)ring_took(&at.in, &record);
    return true;
}

// It stays as it is until it is returned.
static void give_back(const struct pool_place *place, uint64_t number)
{
    uint64_t words[WORDS];
    memcpy(words, at.borrows.data + place->offset, sizeof words);
    for (unsigned i = 0; i < WORDS; i++)
        EXPLORE_CHECK(words[i] == word_of(number, i));
    if (pool_return(&at.borrows, (uint32_t)place->block))
        explore_ring(&at.room);
}

static void borrow_all(void)
{
    struct pool_place places[2] = {{0}};
    const uint8_t *data;
    while (at.received < plan->messages) {
        const unsigned number = at.received;
        struct pool_place *place = &places[number % 2];
        if (!find_place(place))
            break;
        EXPLORE_CHECK(pool_receive(&at.borrows, place, &data) == 0);
        at.received++;
        if (!plan->keeps_one || number % 2 == 1)
            give_back(place, number);
        if (plan->keeps_one && number % 2 == 1)
            give_back(&places[0], number - 1);
    }
    if (plan->keeps_one && at.received % 2 == 1)
        give_back(&places[0], at.received - 1);
}

/* --- before and after ---------------------------------------------------- */

static void begin(void)
{
    const struct ring_side owner = {&at.owner, at.ring, RING};
    const struct ring_side borrower = {&at.borrower, NULL, 0};
    int fd;
    system_begin(&at.system);
    at.system.file = &at.pool;
    at.system.file_size = sizeof at.pool;
    CHECK_OK(pool_make(POOL, &at.lends, &fd));
    at.lends.returns = &at.returns;
    at.borrows = (struct pool_in){.page = &at.pool.page,
                                  .data = at.pool.blocks,
                                  .size = POOL,
                                  .own = &at.returns};
    ring_out_start(&at.out, &owner, &borrower, false);
    ring_in_start(&at.in, &borrower, &owner);
}

// All has come back, and is one piece again.
static void judge(void)
{
    uint32_t block;
    EXPLORE_CHECK(at.received == plan->messages);
    EXPLORE_CHECK(pool_count(&at.lends) == 0);
    EXPLORE_CHECK(pool_lend(&at.lends, POOL, &block) == 1);
}

// What one knows that is no more, nobody asks.
static void judge_death(void)
{
    if (explore_has_died(BORROWER))
        EXPLORE_CHECK(pool_count(&at.lends) <= POOL / POOL_STEP);
    else if (!explore_has_died(OWNER))
        judge();
}

#define POOL_SCENE(title, owner_dies, borrower_dies, ...)                              \
    EXPLORE_SCENE(title, lends, judge_death,                                           \
                  EXPLORE_ROLES({"owner", lend_all, owner_dies},                       \
                                {"borrower", borrow_all, borrower_dies}),              \
                  __VA_ARGS__)

POOL_SCENE(an_owner_without_a_block_is_woken, false, false, .messages = 4);
POOL_SCENE(blocks_come_back_in_any_order, false, false, .messages = 4,
           .keeps_one = true);
POOL_SCENE(what_comes_back_is_joined_for_what_is_larger, false, false, .messages = 3,
           .sizes = {1, 1, POOL});
POOL_SCENE(what_is_not_sent_is_lent_again, false, false, .messages = 3,
           .takes_back = true);
POOL_SCENE(an_owner_is_woken_by_the_end_of_its_borrower, false, true, .messages = 4);
POOL_SCENE(what_a_dead_owner_sent_is_read, true, false, .messages = 3);

__attribute__((constructor)) static void add_all(void)
{
    static const struct explore_scene *const all[] = {
        &an_owner_without_a_block_is_woken,
        &blocks_come_back_in_any_order,
        &what_comes_back_is_joined_for_what_is_larger,
        &what_is_not_sent_is_lent_again,
        &an_owner_is_woken_by_the_end_of_its_borrower,
        &what_a_dead_owner_sent_is_read,
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++)
        explore_add(all[i]);
}
