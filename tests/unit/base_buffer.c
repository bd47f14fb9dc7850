/* SPDX-License-Identifier: MIT */
/*
 * The byte queue, beside a model that is an array and never moves.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { PAGE = 4096 };

static int append(struct buffer *buffer, const void *bytes, size_t size)
{
    int r = buffer_reserve(buffer, size);
    if (r >= 0 && size > 0)
        memcpy(buffer_back(buffer), bytes, size);
    buffer->size += r < 0 ? 0 : size;
    return r;
}

TEST(an_empty_buffer_needs_no_memory)
{
    struct buffer buffer = {0};
    const unsigned long before = harness_allocations();
    CHECK_INT(buffer_reserve(&buffer, 0), 0);
    buffer_consume(&buffer, 10);
    buffer_release(&buffer);
    CHECK_INT(buffer.size, 0);
    CHECK_INT(harness_allocations(), before);
}

TEST(bytes_leave_as_they_came)
{
    struct buffer buffer = {0};
    CHECK_INT(append(&buffer, "hello ", 6), 0);
    CHECK_INT(append(&buffer, "world", 5), 0);
    CHECK_INT(buffer.size, 11);
    CHECK_BYTES(buffer_front(&buffer), "hello world", 11);
    buffer_consume(&buffer, 6);
    CHECK_INT(buffer.size, 5);
    CHECK_BYTES(buffer_front(&buffer), "world", 5);
    buffer_release(&buffer);
}

TEST(consuming_more_than_there_is_empties_it)
{
    struct buffer buffer = {0};
    CHECK_INT(append(&buffer, "hello", 5), 0);
    buffer_consume(&buffer, 2);
    buffer_consume(&buffer, 4);
    CHECK_INT(buffer.size, 0);
    CHECK_INT(buffer.start, 0);
    CHECK_INT(buffer_room(&buffer), buffer.capacity);
    buffer_release(&buffer);
}

TEST(reserve_makes_the_room_it_was_asked_for)
{
    for (size_t more = 1; more < 5000; more += more / 3 + 1) {
        struct buffer buffer = {0};
        CHECK_INT(append(&buffer, "abcdefgh", 8), 0);
        buffer_consume(&buffer, 3);
        CHECK_INT(buffer_reserve(&buffer, more), 0);
        CHECK(buffer_room(&buffer) >= more);
        memset(buffer_front(&buffer) + buffer.size, 'x', more);
        CHECK_BYTES(buffer_front(&buffer), "defgh", 5);
        buffer_release(&buffer);
    }
}

TEST(a_large_reserve_takes_no_more_than_it_was_asked_for_in_whole_pages)
{
    struct buffer buffer = {0};
    CHECK_INT(append(&buffer, "abc", 3), 0);
    CHECK_INT(buffer_reserve(&buffer, 1 << 20), 0);
    CHECK_INT(buffer.capacity, (1 << 20) + PAGE);
    CHECK_INT((uintptr_t)buffer.bytes % PAGE, 0);
    CHECK_BYTES(buffer_front(&buffer), "abc", 3);
    buffer_release(&buffer);
}

TEST(a_small_buffer_begins_with_64_bytes_and_doubles)
{
    struct buffer buffer = {0};
    CHECK_INT(append(&buffer, "a", 1), 0);
    CHECK_INT(buffer.capacity, 64);
    CHECK_INT(buffer_reserve(&buffer, 63), 0);
    CHECK_INT(buffer.capacity, 64);
    CHECK_INT(buffer_reserve(&buffer, 64), 0);
    CHECK_INT(buffer.capacity, 128);
    CHECK_INT(buffer_reserve(&buffer, 128), 0);
    CHECK_INT(buffer.capacity, 256);
    buffer_release(&buffer);
}

TEST(a_buffer_moves_when_as_many_bytes_have_left_as_are_moved)
{
    struct buffer buffer = {0};
    CHECK_INT(buffer_reserve(&buffer, 64), 0);
    buffer.size = 64;
    buffer_consume(&buffer, 32);
    const uint8_t *bytes = buffer.bytes;
    CHECK_INT(buffer_reserve(&buffer, 32), 0);
    CHECK(buffer.bytes == bytes);
    CHECK_INT(buffer.start, 0);
    CHECK_INT(buffer.capacity, 64);
    buffer_release(&buffer);
}

TEST(a_reserve_past_all_memory_fails_and_changes_nothing)
{
    struct buffer buffer = {0};
    CHECK_INT(append(&buffer, "abc", 3), 0);
    const struct buffer before = buffer;
    CHECK_ERROR(buffer_reserve(&buffer, SIZE_MAX), -ENOMEM);
    CHECK_ERROR(buffer_reserve(&buffer, SIZE_MAX - 3), -ENOMEM);
    CHECK_ERROR(buffer_reserve(&buffer, SIZE_MAX / 2), -ENOMEM);
    CHECK(memcmp(&before, &buffer, sizeof before) == 0);
    buffer_release(&buffer);
}

TEST(a_reserve_without_memory_fails_and_changes_nothing)
{
    struct buffer buffer = {0};
    CHECK_INT(append(&buffer, "abc", 3), 0);
    const struct buffer before = buffer;
    harness_fail_allocation(1, true);
    CHECK_ERROR(buffer_reserve(&buffer, 4096), -ENOMEM);
    harness_fail_allocation(0, false);
    CHECK(memcmp(&before, &buffer, sizeof before) == 0);
    CHECK_BYTES(buffer_front(&buffer), "abc", 3);
    buffer_release(&buffer);
}

TEST(a_released_buffer_can_be_used_again)
{
    struct buffer buffer = {0};
    CHECK_INT(append(&buffer, "abc", 3), 0);
    buffer_release(&buffer);
    CHECK_INT(buffer.capacity, 0);
    CHECK_INT(append(&buffer, "de", 2), 0);
    CHECK_BYTES(buffer_front(&buffer), "de", 2);
    buffer_release(&buffer);
    buffer_release(&buffer);
}

TEST(a_steady_stream_allocates_nothing)
{
    static const uint8_t piece[100] = {1, 2, 3};
    struct buffer buffer = {0};
    unsigned long before = 0;
    for (int i = 0; i < 1000; i++) {
        if (i == 10)
            before = harness_allocations();
        CHECK_INT(append(&buffer, piece, sizeof piece), 0);
        CHECK_INT(append(&buffer, piece, sizeof piece), 0);
        buffer_consume(&buffer, 150);
        buffer_consume(&buffer, buffer.size > 120 ? 100 : 0);
    }
    CHECK_INT(harness_allocations(), before);
    buffer_release(&buffer);
}

TEST(a_full_buffer_that_loses_bytes_one_by_one_is_not_moved_each_time)
{
    struct buffer buffer = {0};
    size_t moves = 0;
    CHECK_INT(buffer_reserve(&buffer, 4096), 0);
    memset(buffer.bytes, 1, 4096);
    buffer.size = 4096;
    for (int i = 0; i < 4096; i++) {
        const size_t start = buffer.start;
        const uint8_t *bytes = buffer.bytes;
        buffer_consume(&buffer, 1);
        CHECK_INT(append(&buffer, "x", 1), 0);
        moves += buffer.start <= start || buffer.bytes != bytes;
    }
    CHECK_RANGE(moves, 1, 2);
    buffer_release(&buffer);
}

TEST(any_run_of_calls_is_a_queue)
{
    enum { MODEL = 1 << 20 };

    uint8_t *model = malloc(MODEL);
    struct buffer buffer = {0};
    size_t front = 0;
    size_t back = 0;
    unsigned seed = 1;
    CHECK(model);
    const int calls = harness_is_slow() ? 2000 : 20000;
    for (int i = 0; i < calls; i++) {
        seed = seed * 1103515245 + 12345;
        const size_t size = (seed >> 16) % ((seed >> 8 & 7) == 0 ? 700 : 30);
        if (seed >> 31 && back + size <= MODEL) {
            for (size_t k = 0; k < size; k++)
                model[back + k] = (uint8_t)(seed >> (k & 15));
            CHECK_INT(append(&buffer, model + back, size), 0);
            back += size;
        } else {
            buffer_consume(&buffer, size);
            front += size < back - front ? size : back - front;
        }
        CHECK_INT(buffer.size, back - front);
        if (buffer.size)
            CHECK_BYTES(buffer_front(&buffer), model + front, buffer.size);
        CHECK(buffer.start + buffer.size <= buffer.capacity);
    }
    buffer_release(&buffer);
    free(model);
}
