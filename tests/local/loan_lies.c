/* SPDX-License-Identifier: MIT */
/*
 * Pools whose other side lies: of the memory that it lends, of where a message lies in
 * it, and of what it gives back.  Each lie is an error that says so, and none is
 * believed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "memory/memory.h"

enum { SIZE = POOL_LEAST, BLOCK = SIZE / 4 };

/* Both sides of a pool in one process; `pages` is the owner's own mapping of what it
 * lends, and `own` the borrower's of what it returns by. */
static struct pool_out out;
static struct pool_in in;
static int lent_by, returned_by;

static void begin(void)
{
    CHECK_OK(pool_make(SIZE, &out, &lent_by));
    CHECK_OK(pool_attach(lent_by, &in, &returned_by));
    CHECK_OK(pool_hear_returns(&out, returned_by));
}

static void end(void)
{
    pool_leave_in(&in);
    pool_leave_out(&out);
    close(lent_by);
    close(returned_by);
}

static struct pool_place send_block(uint64_t size)
{
    struct pool_place place;
    uint32_t block = 0;
    CHECK_INT(pool_lend(&out, size, &block), 1);
    pool_send(&out, block, size, &place);
    return place;
}

/* --- what is lent -------------------------------------------------------- */

static int memory(off_t size, int seals, const struct pool_page *page)
{
    int fd = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, size), 0);
    CHECK_INT(pwrite(fd, page, sizeof(*page), 0), (long)sizeof(*page));
    CHECK_INT(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

static void refused(int fd, const char *why)
{
    struct pool_in none;
    int returns;
    CHECK_ERROR(pool_attach(fd, &none, &returns), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), why);
    close(fd);
}

TEST(memory_that_is_no_pool_is_refused)
{
    static const off_t sizes[] = {SIZE, POOL_FRONT + SIZE / 2, POOL_FRONT + SIZE + 1,
                                  POOL_FRONT + (off_t)POOL_MOST + 4096};
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    begin();
    struct pool_page page = *out.page;
    refused(memory(POOL_FRONT + SIZE, F_SEAL_SHRINK | F_SEAL_SEAL, &page), "change");
    refused(memory(POOL_FRONT + SIZE, 0, &page), "change");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        refused(memory(sizes[i], seals, &page), "no pool");
    page.size += 4096;
    refused(memory(POOL_FRONT + SIZE, seals, &page), "no pool");
    page = *out.page;
    page.magic[0] ^= 1;
    refused(memory(POOL_FRONT + SIZE, seals, &page), "no pool");
    page = *out.page;
    page.version++;
    refused(memory(POOL_FRONT + SIZE, seals, &page), "no pool");
    end();
}

TEST(memory_that_is_not_to_return_by_is_refused)
{
    begin();
    struct pool_out other;
    int fd;
    CHECK_OK(pool_make(SIZE, &other, &fd));
    CHECK_ERROR(pool_hear_returns(&other, lent_by), -EPROTO); // another size
    CHECK_INT(lseek(returned_by, 0, SEEK_SET), 0);
    in.own->magic[1] ^= 1;
    CHECK_ERROR(pool_hear_returns(&other, returned_by), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), "not for that");
    CHECK(other.returns == NULL);
    pool_leave_out(&other);
    close(fd);
    end();
}

TEST(a_place_that_is_not_in_the_pool_is_an_error)
{
    static const struct pool_place each[] = {
        {SIZE, 1, 0},
        {0, SIZE + 1, 0},
        {SIZE - 128, 129, 0},
        {UINT64_MAX, 1, 0},
        {UINT64_MAX - 127, 1, 0},
        {0, UINT64_MAX, 0},
        {128, UINT64_MAX, 0},
        {8, 8, 0},
        {0, 0, 0},
        {0, 8, POOL_BLOCKS},
        {0, 8, UINT64_MAX},
        {0, 8, UINT64_C(1) << 32},
    };
    const uint8_t *bytes = NULL;
    begin();
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        CHECK_ERROR(pool_receive(&in, &each[i], &bytes), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), "lends");
    }
    CHECK(bytes == NULL);
    CHECK_INT(in.received, 0);
    const struct pool_place last = {SIZE - 128, 128, POOL_BLOCKS - 1};
    CHECK_OK(pool_receive(&in, &last, &bytes));
    CHECK(bytes == in.data + SIZE - 128);
    end();
}

/* --- what is returned ---------------------------------------------------- */

static void is_broken(const char *why)
{
    uint32_t block = 0;
    CHECK_ERROR(pool_lend(&out, SIZE, &block), -EPROTO);
    CHECK_CONTAINS(wherry_error_text(), why);
    CHECK_ERROR(pool_lend(&out, SIZE, &block), -EPROTO);
    end();
}

static void say(uint64_t count, uint32_t first, uint32_t second)
{
    atomic_store(&in.own->blocks[0], first);
    atomic_store(&in.own->blocks[1], second);
    atomic_store(&in.own->count, count);
}

TEST(what_was_never_sent_does_not_come_back)
{
    static const uint64_t counts[] = {3, POOL_BLOCKS + 1, UINT64_MAX,
                                      UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        begin();
        (void)send_block(BLOCK);
        (void)send_block(BLOCK);
        say(counts[i], 0, 1);
        is_broken("more blocks");
    }
}

TEST(a_block_that_is_not_out_does_not_come_back)
{
    uint32_t block;
    static const uint32_t each[] = {2, 3, 4, POOL_BLOCKS - 1, POOL_BLOCKS, UINT32_MAX};
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        begin();
        (void)send_block(BLOCK);
        (void)send_block(BLOCK);
        CHECK_INT(pool_lend(&out, BLOCK, &block), 1); // the program has it
        CHECK_INT(block, 2);
        say(1, each[i], 0);
        is_broken("not out");
    }
}

TEST(no_block_comes_back_twice)
{
    begin();
    (void)send_block(BLOCK);
    (void)send_block(BLOCK);
    say(2, 1, 1);
    is_broken("not out");
}

TEST(the_count_of_what_came_back_does_not_go_back)
{
    uint32_t block;
    begin();
    (void)send_block(SIZE);
    say(1, 0, 0);
    CHECK_INT(pool_lend(&out, BLOCK, &block), 1);
    say(0, 0, 0);
    is_broken("more blocks");
}

// What one side says of its epoch costs the other a bell at most.
TEST(an_epoch_may_be_anything)
{
    unsigned rung = 0;
    begin();
    for (uint32_t epoch = 0; epoch < 64; epoch++) {
        const struct pool_place place = send_block(8);
        atomic_store(&out.page->sleeps, epoch * 2654435761U);
        rung += pool_return(&in, (uint32_t)place.block);
    }
    CHECK_INT(rung, 32);
    end();
}

/* --- pieces -------------------------------------------------------------- */

// Any order of any sizes: no two blocks that are out share a byte, and at the end all
// of it is one piece again.
TEST(blocks_that_are_out_never_overlap)
{
    enum { OUT = 64, STEPS = 20000 };

    struct pool_place places[OUT];
    unsigned count = 0;
    unsigned seed = 1;
    begin();
    for (int i = 0; i < STEPS; i++) {
        seed = seed * 1103515245U + 12345U;
        const uint64_t size = 1 + (seed >> 16) % (seed & 64 ? 300 : 9000);
        uint32_t block;
        if (count < OUT && (seed & 128) && pool_lend(&out, size, &block) == 1) {
            pool_send(&out, block, size, &places[count]);
            for (unsigned j = 0; j < count; j++)
                CHECK(places[j].offset + places[j].size <= places[count].offset ||
                      places[count].offset + size <= places[j].offset);
            CHECK(places[count].offset + size <= SIZE);
            count++;
        } else if (count > 0) {
            const unsigned which = (seed >> 8) % count;
            (void)pool_return(&in, (uint32_t)places[which].block);
            places[which] = places[--count];
        }
    }
    while (count > 0)
        (void)pool_return(&in, (uint32_t)places[--count].block);
    CHECK_INT(send_block(SIZE).offset, 0);
    end();
}
