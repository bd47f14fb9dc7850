/* SPDX-License-Identifier: MIT */
/*
 * The raw framing: bytes as they come.
 */
#include <errno.h>

#include <wherry/channel.h>

#include "framing_stream.h"

TEST(all_that_is_there_is_a_record)
{
    struct frame frame;
    struct frame_place place;
    CHECK_INT(scan_once("raw", "a\nb\0", 4, 100, &frame, &place), FRAMING_FOUND);
    CHECK_INT(frame.size, 4);
    CHECK_INT(frame.word, FRAME_MESSAGE);
    CHECK_INT(frame.kind, 0);
    CHECK_INT(frame.files, 0);
    CHECK_INT(place.head_size, 0);
    CHECK_INT(place.tail_size, 0);
}

TEST(nothing_is_no_record)
{
    struct frame frame;
    CHECK_INT(scan_once("raw", "", 0, 100, &frame, NULL), FRAMING_MORE);
}

TEST(more_than_the_limit_is_several_records)
{
    static const size_t at_once[] = {0};
    struct stream_result result;
    stream_read(framing_find("raw"), (const uint8_t *)"abcdefgh", 8, at_once, 3,
                &result);
    CHECK_INT(result.error, 0);
    CHECK_INT(result.count, 3);
    CHECK_INT(result.records[0].size, 3);
    CHECK_INT(result.records[1].size, 3);
    CHECK_INT(result.records[2].size, 2);
    CHECK_BYTES(result.payloads, "abcdefgh", 8);
}

TEST(a_limit_of_nothing_takes_nothing)
{
    struct frame frame;
    CHECK_ERROR(scan_once("raw", "a", 1, 0, &frame, NULL), -EMSGSIZE);
}

TEST(nothing_stands_around_a_payload)
{
    struct frame_edges edges;
    CHECK_INT(framing_encode(framing_find("raw"), &(struct frame){.size = UINT64_MAX},
                             &edges),
              0);
    CHECK_INT(edges.place.head_size, 0);
    CHECK_INT(edges.place.tail_size, 0);
}

TEST(an_empty_message_is_refused)
{
    CHECK_ERROR(framing_find("raw")->check(NULL, 0), -EBADMSG);
    CHECK_CONTAINS(wherry_error_text(), "empty");
    CHECK_INT(framing_find("raw")->check((const uint8_t *)"\n", 1), 0);
}

TEST(the_end_of_the_bytes_ends_a_record)
{
    CHECK(framing_find("raw")->end_completes);
    CHECK(!framing_find("raw")->has_words);
}
