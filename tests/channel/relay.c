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

TEST(what_stops_the_rest_of_a_message_is_told)
{
    open_two();
    scripted_arrives(&from_script, 0, "one");
    to_script.flush = first(-EAGAIN);
    to_script.flush.then = -EIO;
    FAILS(wherry_relay(from, to, &one_way, soon()), -EIO, "own:to:");
    close_two();
}

TEST(the_rest_of_a_message_goes_before_the_next_is_taken)
{
    open_two();
    scripted_arrives(&from_script, 0, "one");
    scripted_arrives(&from_script, 0, "two");
    scripted_arrives_result(&from_script, 0);
    to_script.flush = always(-EAGAIN);
    CHECK_ERROR(wherry_relay(from, to, &one_way, at_once()), -ETIMEDOUT);
    CHECK_STRING(to_script.said, "one");
    CHECK_INT(from_script.heard, 1);
    to_script.flush = (struct answers){.first = -EAGAIN, .times = 5};
    CHECK_INT(wherry_relay(from, to, &one_way, soon()), 0);
    CHECK_STRING(to_script.said, "one two");
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

TEST(a_wait_that_the_system_refuses_is_told)
{
    open_two();
    from_script.fd = from_script.silent;
    CHECK_ERROR(wherry_relay(from, to, &one_way, at_once()), -ETIMEDOUT);
    waits_are_refused();
    FAILS(wherry_relay(from, to, &one_way, soon()), -EINVAL, "the relay: invalid");
    descriptors_leave_all();
    close_two();
}

/* --- peers that never stop ------------------------------------------------- */

static int never_stops(void *state, wherry_message **out)
{
    (void)state;
    return wherry_message_copy("more", 4, out) < 0 ? -ENOMEM : 1;
}

// Ends the relay with what comes from the quiet one.
static void cancel_at_the_answer(void *user, const struct wherry_relay_notice *notice)
{
    (void)user;
    if (notice->event == WHERRY_RELAY_MOVED && notice->from == to)
        wherry_cancel(from);
}

static void take_and_forget(void)
{
    to_script.is_mute = true;
    from_script.moves.recv = never_stops;
}

TEST(a_peer_that_never_stops_does_not_keep_the_other_from_its_turn)
{
    const struct wherry_relay_options options = {.notice = cancel_at_the_answer};
    open_two();
    take_and_forget();
    scripted_arrives(&to_script, 0, "answer");
    FAILS(wherry_relay(from, to, &options, WHERRY_FOREVER), -ECANCELED, "own:from");
    CHECK_STRING(from_script.said, "answer");
    close_two();
}

TEST(a_peer_that_never_stops_is_relayed_until_the_deadline)
{
    open_two();
    take_and_forget();
    FAILS(wherry_relay(from, to, NULL, at_once()), -ETIMEDOUT, "deadline");
    CHECK_ERROR(wherry_relay(from, to, NULL, WHERRY_POLL), -EAGAIN);
    close_two();
}

TEST(what_could_not_be_sent_on_is_received_next)
{
    open_two();
    scripted_arrives(&from_script, 7, "one");
    scripted_arrives(&from_script, 0, "two");
    to_script.send = always(-EAGAIN);
    CHECK_ERROR(wherry_relay(from, to, &one_way, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_relay(from, to, &one_way, at_once()), -ETIMEDOUT);
    to_script.send = always(-EPIPE);
    CHECK_ERROR(wherry_relay(from, to, &one_way, soon()), -EPIPE);
    hear(from, "one");
    hear(from, "two");
    close_two();
}
