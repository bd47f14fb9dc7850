/* SPDX-License-Identifier: MIT */
/*
 * Relays whose channels fail: what goes wrong is told, and nothing that was on its way
 * is left behind.
 */
#include "scripted.h"

static struct scripted from_script;
static struct scripted to_script;
static wherry_channel *from;
static wherry_channel *to;

static const struct wherry_relay_options one_way = {.one_way = 1};

static void open_two(void)
{
    from = scripted_open(&from_script, "own:from");
    to = scripted_open(&to_script, "own:to");
}

static void close_two(void)
{
    scripted_close(&from_script, from);
    scripted_close(&to_script, to);
}

TEST(without_options_both_ways_are_joined)
{
    open_two();
    scripted_arrives(&from_script, 0, "there");
    scripted_arrives_result(&from_script, 0);
    scripted_arrives(&to_script, 0, "back");
    scripted_arrives_result(&to_script, 0);
    CHECK_INT(wherry_relay(from, to, NULL, soon()), 0);
    CHECK_STRING(to_script.said, "there");
    CHECK_STRING(from_script.said, "back");
    CHECK_INT(to_script.finished, 1);
    CHECK_INT(from_script.finished, 1);
    close_two();
}

static void count_ends(void *user, const struct wherry_relay_notice *notice)
{
    *(int *)user += notice->event == WHERRY_RELAY_LEFT;
}

TEST(a_channel_joined_with_itself_echoes_and_ends_once)
{
    int ends = 0;
    const struct wherry_relay_options options = {.notice = count_ends, .user = &ends};
    open_two();
    scripted_arrives(&from_script, 0, "there and back");
    scripted_arrives_result(&from_script, 0);
    CHECK_INT(wherry_relay(from, from, &options, soon()), 0);
    CHECK_STRING(from_script.said, "there and back");
    CHECK_INT(ends, 1);
    close_two();
}

TEST(what_stops_a_message_is_told)
{
    open_two();
    scripted_arrives(&from_script, 0, "one");
    to_script.send = always(-EPIPE);
    FAILS(wherry_relay(from, to, &one_way, soon()), -EPIPE, "own:to: nobody reads");
    close_two();
}

TEST(a_channel_without_a_descriptor_is_not_relayed)
{
    open_two();
    from_script.wait[WHERRY_IN] = always(1);
    FAILS(wherry_relay(from, to, &one_way, soon()), -ENOTSUP, "own:from");
    close_two();
}

TEST(without_a_descriptor_left_that_is_said)
{
    open_two();
    from_script.fd = from_script.silent;
    // A bell for each channel, which stays, and two for what watches one.
    static const unsigned rooms[] = {0, 1, 1, 1};
    static const char *const told[] = {"no descriptor", "no descriptor", "own:from",
                                       "own:from"};
    for (int i = 0; i < 4; i++) {
        descriptors_leave(rooms[i]);
        FAILS(wherry_relay(from, to, &one_way, soon()), -EMFILE, told[i]);
        descriptors_leave_all();
    }
    FAILS(wherry_relay(from, to, &one_way, at_once()), -ETIMEDOUT, "relay");
    close_two();
}
