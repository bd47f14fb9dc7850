/* SPDX-License-Identifier: MIT */
/*
 * Copies of memory that two processors use: every byte, and none beside it.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LARGEST = 3 * COPY_LONG, ROOM = LARGEST + 256, GUARD = 0xa5 };

static uint8_t source[ROOM];
static uint8_t target[ROOM];

static bool is_all(const uint8_t *bytes, size_t size, uint8_t value)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != value)
            return false;
    }
    return true;
}

static bool is_copied(size_t to, size_t from, size_t size)
{
    memset(target, GUARD, sizeof(target));
    copy_shared(target + to, source + from, size, true);
    return memcmp(target + to, source + from, size) == 0 && is_all(target, to, GUARD) &&
           is_all(target + to + size, sizeof(target) - to - size, GUARD);
}

static void fill_source(void)
{
    for (size_t i = 0; i < sizeof(source); i++)
        source[i] = (uint8_t)(i * 7 + i / 251);
}

TEST(each_size_is_copied_whole_and_nothing_beside_it)
{
    fill_source();
    for (size_t size = 0; size <= 200; size++)
        CHECK(is_copied(1, 3, size));
    for (size_t size = COPY_LONG - 70; size <= COPY_LONG + 200; size++)
        CHECK(is_copied(1, 3, size));
    CHECK(is_copied(0, 0, LARGEST));
}

TEST(it_matters_not_where_it_begins)
{
    fill_source();
    for (size_t to = 0; to < 65; to++) {
        for (size_t from = 0; from < 65; from += 3)
            CHECK(is_copied(to, from, COPY_LONG + 67));
    }
}
