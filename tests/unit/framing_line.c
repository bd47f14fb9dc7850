/* SPDX-License-Identifier: MIT */
/*
 * The line framing: a newline ends a record.
 */
#include <errno.h>

#include <wherry/channel.h>

#include "framing_stream.h"

TEST(a_newline_ends_a_record_and_is_no_part_of_it)
{
    struct frame frame;
    struct frame_place place;
    CHECK_INT(scan_once("line", "ab\r\nc\n", 6, 100, &frame, &place), FRAMING_FOUND);
    CHECK_INT(frame.size, 3);
    CHECK_INT(frame.word, FRAME_MESSAGE);
    CHECK_INT(frame.kind, 0);
    CHECK_INT(place.head_size, 0);
    CHECK_INT(place.tail_size, 1);
}

TEST(an_empty_line_is_an_empty_record)
{
    struct frame frame;
    CHECK_INT(scan_once("line", "\n", 1, 0, &frame, NULL), FRAMING_FOUND);
    CHECK_INT(frame.size, 0);
}

TEST(without_a_newline_more_is_waited_for)
{
    struct frame frame;
    CHECK_INT(scan_once("line", "", 0, 100, &frame, NULL), FRAMING_MORE);
    CHECK_INT(scan_once("line", "abc", 3, 100, &frame, NULL), FRAMING_MORE);
    CHECK_INT(scan_once("line", "abc", 3, 3, &frame, NULL), FRAMING_MORE);
}

TEST(the_limit_is_the_longest_line)
{
    struct frame frame;
    CHECK_INT(scan_once("line", "abc\n", 4, 3, &frame, NULL), FRAMING_FOUND);
    CHECK_INT(frame.size, 3);
    CHECK_ERROR(scan_once("line", "abcd", 4, 3, &frame, NULL), -EMSGSIZE);
    CHECK_ERROR(scan_once("line", "abcd\n", 5, 3, &frame, NULL), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "3 bytes");
    CHECK_CONTAINS(wherry_error_text(), "message=");
    CHECK_ERROR(scan_once("line", "a", 1, 0, &frame, NULL), -EMSGSIZE);
}

TEST(no_limit_at_all_is_a_limit_too)
{
    struct frame frame;
    CHECK_INT(scan_once("line", "abc\n", 4, UINT64_MAX, &frame, NULL), FRAMING_FOUND);
    CHECK_INT(scan_once("line", "abc", 3, UINT64_MAX, &frame, NULL), FRAMING_MORE);
}

TEST(what_was_looked_through_is_not_looked_through_again)
{
    struct frame_scan scan = {0};
    struct frame frame;
    struct frame_place place;
    uint8_t line[] = "ab\ncdef";
    const struct framing *framing = framing_find("line");
    line[2] = 'x';
    CHECK_INT(framing->scan(&scan, line, 5, 100, &frame, &place), FRAMING_MORE);
    CHECK_INT(scan.seen, 5);
    line[2] = '\n'; // a second look would find it
    CHECK_INT(framing->scan(&scan, line, 7, 100, &frame, &place), FRAMING_MORE);
    CHECK_INT(scan.seen, 7);
}

TEST(a_newline_is_written_behind_a_payload)
{
    struct frame_edges edges;
    CHECK_INT(framing_encode(framing_find("line"), &(struct frame){.size = 3}, &edges),
              0);
    CHECK_INT(edges.place.head_size, 0);
    CHECK_INT(edges.place.tail_size, 1);
    CHECK_INT(edges.tail[0], '\n');
}

TEST(a_payload_with_a_newline_is_refused)
{
    const struct framing *framing = framing_find("line");
    CHECK_INT(framing->check((const uint8_t *)"abc\r\0", 5), 0);
    CHECK_INT(framing->check(NULL, 0), 0);
    CHECK_ERROR(framing->check((const uint8_t *)"abc\n", 4), -EBADMSG);
    CHECK_CONTAINS(wherry_error_text(), "byte 3");
    CHECK_ERROR(framing->check((const uint8_t *)"\nabc", 4), -EBADMSG);
    CHECK_CONTAINS(wherry_error_text(), "byte 0");
}

TEST(the_end_of_the_bytes_ends_a_record)
{
    CHECK(framing_find("line")->end_completes);
    CHECK(!framing_find("line")->has_words);
}
