/* SPDX-License-Identifier: MIT */
/*
 * The length framing: a big-endian u32 before each record.
 */
#include <errno.h>
#include <string.h>

#include <wherry/channel.h>

#include "framing_stream.h"

TEST(the_length_is_big_endian)
{
    struct frame frame;
    struct frame_place place;
    CHECK_INT(scan_once("length", "\1\2\3\4", 4, UINT32_MAX, &frame, &place),
              FRAMING_FOUND);
    CHECK_INT(frame.size, 0x01020304);
    CHECK_INT(frame.word, FRAME_MESSAGE);
    CHECK_INT(place.head_size, 4);
    CHECK_INT(place.tail_size, 0);
}

TEST(what_is_written_is_read)
{
    static const uint64_t sizes[] = {0, 1, 255, 256, 65535, 65536, 1 << 24, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct frame_edges edges;
        struct frame frame;
        CHECK_INT(framing_encode(framing_find("length"),
                                 &(struct frame){.size = sizes[i]}, &edges),
                  0);
        CHECK_INT(edges.place.head_size, 4);
        CHECK_INT(edges.place.tail_size, 0);
        CHECK_INT(scan_once("length", edges.head, 4, UINT32_MAX, &frame, NULL),
                  FRAMING_FOUND);
        CHECK_INT(frame.size, sizes[i]);
    }
}

TEST(every_byte_of_the_length_is_waited_for)
{
    struct frame frame;
    for (size_t size = 0; size < 4; size++)
        CHECK_INT(scan_once("length", "\0\0\0\1", size, 10, &frame, NULL),
                  FRAMING_MORE);
}

TEST(a_message_too_large_for_the_length_is_not_written)
{
    struct frame_edges edges;
    const struct frame frame = {.size = UINT64_C(1) << 32};
    CHECK_ERROR(framing_encode(framing_find("length"), &frame, &edges), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "4294967295");
}

TEST(the_limit_is_the_largest_that_is_taken)
{
    struct frame frame;
    CHECK_INT(scan_once("length", "\0\0\3\xe8", 4, 1000, &frame, NULL), FRAMING_FOUND);
    CHECK_ERROR(scan_once("length", "\0\0\3\xe9", 4, 1000, &frame, NULL), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "1001");
    CHECK_CONTAINS(wherry_error_text(), "1000");
    CHECK(!strstr(wherry_error_text(), "looks like"));
}

TEST(a_length_too_large_says_what_else_it_may_be)
{
    struct frame frame;
    CHECK_ERROR(scan_once("length", "GET / HTTP/1.1\r\n", 16, 1 << 24, &frame, NULL),
                -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "an HTTP request");
    CHECK_ERROR(scan_once("length", "{\"a\":1}\n", 8, 1 << 24, &frame, NULL),
                -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "JSON");
    CHECK_ERROR(scan_once("length", "\x20\0\0\0\1\0\1\0", 8, 1 << 24, &frame, NULL),
                -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "a record of the wherry framing");
    CHECK_ERROR(scan_once("length", "\x20\0\0\0\1\0\1\1", 8, 1 << 24, &frame, NULL),
                -EMSGSIZE);
    CHECK(!strstr(wherry_error_text(), "wherry"));
}

TEST(any_payload_is_carried)
{
    CHECK(!framing_find("length")->end_completes);
    CHECK(!framing_find("length")->has_words);
}
