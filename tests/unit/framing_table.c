/* SPDX-License-Identifier: MIT */
/*
 * The table of framings: names, what each can do, and what each refuses.
 */
#include <errno.h>
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
        CHECK(framing->check && framing->encode && framing->scan);
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
            int r = framing->encode(&cases[k].frame, &edges);
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
