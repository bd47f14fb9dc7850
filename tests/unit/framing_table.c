/* SPDX-License-Identifier: MIT */
/*
 * The table of framings: names, what each can do, and what each refuses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <wherry/channel.h>

#include "framing/framing.h"
#include "harness.h"

TEST(the_names_are_those_of_the_table_in_its_order)
{
    char names[256] = "";
    size_t count = 0;
    for (; framing_at(count); count++) {
        if (count)
            strcat(names, "|");
        strcat(names, framing_at(count)->info.name);
    }
    CHECK_STRING(framing_names, names);
    CHECK(count >= 5);
    CHECK(!framing_at(count));
    CHECK(!framing_at(SIZE_MAX));
}

TEST(every_framing_is_found_by_its_name)
{
    for (size_t i = 0; framing_at(i); i++)
        CHECK(framing_find(framing_at(i)->info.name) == framing_at(i));
    CHECK(!framing_find("wherr"));
    CHECK(!framing_find("wherryy"));
    CHECK(!framing_find(""));
}

TEST(the_public_table_is_the_same)
{
    size_t i = 0;
    for (; framing_at(i); i++)
        CHECK(wherry_framing_at(i) == &framing_at(i)->info);
    CHECK(!wherry_framing_at(i));
}

TEST(every_framing_says_what_it_is)
{
    const unsigned all =
        WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES | WHERRY_ABLE_DRAIN | WHERRY_ABLE_FINISH;
    for (size_t i = 0; framing_at(i); i++) {
        const struct framing *framing = framing_at(i);
        CHECK(strlen(framing->info.summary) > 20);
        CHECK_INT(framing->info.abilities & ~all, 0);
        CHECK(framing->encode && framing->scan);
    }
}

TEST(a_framing_refuses_what_it_says_it_cannot)
{
    static const struct {
        unsigned ability;
        struct frame frame;
        const char *told;
    } cases[] = {
        {WHERRY_ABLE_KINDS, {.kind = 1}, "kinds"},
        {WHERRY_ABLE_FILES, {.files = 1}, "open files"},
        {WHERRY_ABLE_DRAIN, {.word = FRAME_SYNC}, "words"},
        {WHERRY_ABLE_DRAIN, {.word = FRAME_SYNC_ACK}, "words"},
        {WHERRY_ABLE_DRAIN, {.word = FRAME_END}, "words"},
    };

    for (size_t i = 0; framing_at(i); i++) {
        const struct framing *framing = framing_at(i);
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            struct frame_edges edges;
            int r = framing_encode(framing, &cases[k].frame, &edges);
            if (framing->info.abilities & cases[k].ability) {
                CHECK_INT(r, 0);
                continue;
            }
            CHECK_ERROR(r, -ENOTSUP);
            CHECK_CONTAINS(wherry_error_text(), framing->info.name);
            CHECK_CONTAINS(wherry_error_text(), cases[k].told);
            CHECK_CONTAINS(wherry_error_text(), "framing=wherry");
        }
    }
}

static const struct {
    const char *bytes;
    size_t size;
    const char *told;
} likenesses[] = {

#define LIKENESS(bytes, told)                                                          \
    {                                                                                  \
        (bytes), sizeof(bytes) - 1, (told)                                             \
    }
    LIKENESS("GET ", "an HTTP request"),
    LIKENESS("GET", "a line of text"),
    LIKENESS("{", "JSON"),
    LIKENESS("\5\0\0\0{", "a little-endian length and JSON"),
    LIKENESS("\5\0\0\0", "nothing that is known"),
    LIKENESS("\0\0\0\1[", "a little-endian length and JSON"), // 16 MiB
    LIKENESS("\1\0\0\1[", "nothing that is known"),           // 16 MiB + 1
    LIKENESS("\1\0\0\0\1\0\0\0", "a record of the wherry framing"),
    LIKENESS("\1\0\0\0\x08\0\0\0", "a record of the wherry framing"),
    LIKENESS("\0\0\0\1\1\0\0\0", "a record of the wherry framing"),
    LIKENESS("\1\0\0\1\1\0\0\0", "nothing that is known"),
    LIKENESS("\1\0\0\0\1\0\0\1", "nothing that is known"),
    LIKENESS("\1\0\0\0\1\0\0", "nothing that is known"),
    LIKENESS("\1\0\0\0\0\0\0\0", "nothing that is known"),
    LIKENESS("\0\0\0\5", "a big-endian length"),
    LIKENESS("\0\0\5\0", "a big-endian length"),
    LIKENESS("\0\5\0\0", "a big-endian length"),
    LIKENESS("\5\0\0\5x", "nothing that is known"),
    LIKENESS("\0\0\5", "nothing that is known"),
    LIKENESS("\0\0\0\0", "nothing that is known"),
    LIKENESS("abcdefghijklmnopqrstuvwx\1", "a line of text"),
    LIKENESS("abcdefghijklmnopqrstuvw\1", "nothing that is known"),
    LIKENESS("\1bc", "nothing that is known"),
    LIKENESS("a\t\v\f\r\n", "a line of text"),
    LIKENESS("a\x08", "nothing that is known"),
    LIKENESS("a\x0e", "nothing that is known"),
    LIKENESS("a\x7f", "nothing that is known"),
    LIKENESS("a\xf4", "a line of text"),
    LIKENESS("a\xf5", "nothing that is known"),
};

TEST(bytes_of_something_else_are_known_by_how_they_begin)
{
    for (size_t i = 0; i < sizeof likenesses / sizeof *likenesses; i++) {
        uint8_t *exact = malloc(likenesses[i].size);
        CHECK(exact);
        memcpy(exact, likenesses[i].bytes, likenesses[i].size);
        CHECK_ERROR(framing_foreign("header", exact, likenesses[i].size), -EPROTO);
        CHECK_CONTAINS(wherry_error_text(), likenesses[i].told);
        free(exact);
    }
}

TEST(bytes_are_shown_as_plain_text_or_as_hex)
{
    framing_foreign("header", (const uint8_t *)" ~\x1f\x7f\x80\xff", 6);
    CHECK_CONTAINS(wherry_error_text(), "\" ~\\x1F\\x7F\\x80\\xFF\"");
}

TEST(what_is_shown_stops_after_24_bytes)
{
    char told[128] = "\"";
    uint8_t bytes[40] = {0};
    for (int i = 0; i < 24; i++)
        strcat(told, "\\x00");
    strcat(told, "\"");
    framing_foreign("header", bytes, sizeof bytes);
    CHECK_CONTAINS(wherry_error_text(), told);
}
