/* SPDX-License-Identifier: MIT */
/*
 * Rings: what is written on one side is read on the other, and whoever sleeps is rung
 * for once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "rings.h"

enum { SIZE = RING_LEAST, MANY = 100000, MOST = 300 };

static uint8_t bytes[RING_PIECE_MOST];

static uint64_t size_of(unsigned number)
{
    return number * 2654435761U % MOST;
}

static void fill(unsigned number)
{
    memset(bytes, (int)(number % 251), MOST);
}

static bool put(struct rings *rings, unsigned number)
{
    int r = ring_has_room(&rings->out, size_of(number));
    CHECK_OK(r);
    if (r == 0)
        return false;
    fill(number);
    ring_put(&rings->out, bytes, size_of(number), 0, number);
    return true;
}

static void take(struct rings *rings, unsigned number)
{
    fill(number);
    rings_take(rings, bytes, size_of(number), number);
}

TEST(records_of_any_size_come_in_order_and_whole)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    unsigned written = 0;
    unsigned read = 0;
    while (read < MANY) {
        for (unsigned i = 0; i <= written % 700 && put(&rings, written); i++)
            written++;
        (void)ring_publish(&rings.out);
        for (unsigned i = 0; i <= read % 900 && read < written; i++)
            take(&rings, read++);
        // Behind the last one stands what was there a round before.
        struct ring_record record = {0};
        CHECK(read < written || ring_next(&rings.in, &record) == 0);
    }
    rings_close(&rings);
}

TEST(nothing_is_seen_before_it_is_published)
{
    struct rings rings;
    struct ring_record record = {0};
    rings_open(&rings, SIZE);
    CHECK(put(&rings, 7));
    CHECK_INT(ring_next(&rings.in, &record), 0);
    (void)ring_publish(&rings.out);
    take(&rings, 7);
    CHECK_INT(ring_next(&rings.in, &record), 0);
    rings_close(&rings);
}

TEST(a_full_ring_takes_no_more_until_it_is_read)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    unsigned written = 0;
    while (put(&rings, written))
        written++;
    CHECK_RANGE(written, SIZE / (MOST + 2 * RING_STEP), SIZE / RING_STEP);
    (void)ring_publish(&rings.out);
    CHECK(!put(&rings, written));
    for (unsigned i = 0; i < written; i++)
        take(&rings, i);
    CHECK(put(&rings, written));
    rings_close(&rings);
}

// What is skipped at its end is never so much that the largest piece has no place.
TEST(a_ring_that_is_read_has_room_for_the_largest_piece_wherever_it_stands)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    for (unsigned i = 0; i < 4 * SIZE / RING_STEP; i++) {
        ring_put(&rings.out, NULL, 0, 0, 0);
        (void)ring_publish(&rings.out);
        rings_take(&rings, "", 0, 0);
        struct ring_out there = rings.out;
        CHECK_INT(ring_has_room(&rings.out, rings.out.piece), 1);
        rings.out = there; // the skip is written again when it is needed
        CHECK_INT(ring_has_room(&rings.out, 0), 1);
    }
    rings_close(&rings);
}

TEST(a_message_of_many_pieces_says_what_is_left)
{
    struct rings rings;
    struct ring_record record = {0};
    rings_open(&rings, SIZE);
    const uint64_t piece = rings.out.piece;
    const uint64_t all = 3 * piece + 5;
    for (uint64_t left = all; left > 0; left -= left < piece ? left : piece) {
        CHECK_INT(ring_has_room(&rings.out, left < piece ? left : piece), 1);
        ring_put(&rings.out, bytes, left, 0, 9);
    }
    (void)ring_publish(&rings.out);
    for (uint64_t left = all; left > 0; left -= record.here) {
        CHECK_INT(ring_next(&rings.in, &record), 1);
        CHECK_INT(record.left, left);
        CHECK_INT(record.here, left < piece ? left : piece);
        (void)ring_took(&rings.in, &record);
    }
    rings_close(&rings);
}

/* --- sleeping ------------------------------------------------------------ */

TEST(a_reader_that_sleeps_is_rung_for_once_an_epoch)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    CHECK(put(&rings, 0));
    CHECK(!ring_publish(&rings.out)); // it is awake
    take(&rings, 0);
    CHECK_INT(ring_in_sleeps(&rings.in), 1);
    CHECK(put(&rings, 1));
    CHECK(ring_publish(&rings.out));
    CHECK(put(&rings, 2));
    CHECK(!ring_publish(&rings.out)); // it was rung for
    take(&rings, 1);
    take(&rings, 2);
    ring_in_wakes(&rings.in);
    CHECK_INT(ring_in_sleeps(&rings.in), 1);
    CHECK(put(&rings, 3));
    CHECK(ring_publish(&rings.out));
    rings_close(&rings);
}

TEST(a_reader_does_not_sleep_over_what_is_there)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    CHECK(put(&rings, 0));
    (void)ring_publish(&rings.out);
    CHECK_INT(ring_in_sleeps(&rings.in), 0);
    rings_close(&rings);
}

TEST(a_writer_that_waits_for_room_is_rung_for_once_there_is_a_quarter)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    unsigned written = 0;
    while (put(&rings, written))
        written++;
    (void)ring_publish(&rings.out);
    CHECK(ring_out_sleeps(&rings.out));
    unsigned rung = 0;
    for (unsigned i = 0; i < written; i++) {
        struct ring_record record = {0};
        CHECK_INT(ring_next(&rings.in, &record), 1);
        const uint64_t before = rings.in.released;
        const bool rings_now = ring_took(&rings.in, &record);
        CHECK(!rings_now || rings.in.released - before >= SIZE / 4);
        rung += rings_now;
    }
    CHECK_INT(rung, 1);
    for (int i = 0; i < 2; i++) { // and it is no news the second time
        ring_out_wakes(&rings.out);
        CHECK(!ring_out_sleeps(&rings.out));
    }
    rings_close(&rings);
}

TEST(a_writer_leaves_its_fence_out_only_while_the_reader_is_awake)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    if (os_barrier_join() < 0)
        SKIP("this kernel has no membarrier(2)");
    ring_out_start(&rings.out, &rings.writer, &rings.seen_reader, true);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(put(&rings, i));
        (void)ring_publish(&rings.out);
        take(&rings, i);
    }
    CHECK(rings.out.is_unfenced);
    CHECK_INT(ring_in_sleeps(&rings.in), 1);
    CHECK(put(&rings, 100));
    CHECK(ring_publish(&rings.out));
    CHECK(!rings.out.is_unfenced);
    rings_close(&rings);
}

/* --- one writes, the other reads ----------------------------------------- */

TEST(the_other_side_can_be_read_and_not_written)
{
    struct rings rings;
    rings_open(&rings, SIZE);
    void *seen = rings.seen_writer.page;
    CHECK_INT(mprotect(seen, RING_FRONT, PROT_READ | PROT_WRITE), -1);
    CHECK_INT(errno, EACCES);
    CHECK_INT(pwrite(rings.writer_file, "x", 1, 0), -1);
    CHECK_INT(errno, EPERM);
    CHECK_INT(fallocate(rings.writer_file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        0, RING_FRONT),
              -1);
    CHECK_INT(ftruncate(rings.writer_file, 0), -1);
    void *again = mmap(NULL, RING_FRONT, PROT_READ | PROT_WRITE, MAP_SHARED,
                       rings.writer_file, 0);
    CHECK(again == MAP_FAILED);
    rings_close(&rings);
}
