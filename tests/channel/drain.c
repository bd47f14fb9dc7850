/* SPDX-License-Identifier: MIT */
/*
 * Draining where the sync finds no room, where it cannot be said any more, and where
 * the answer cannot be waited for.
 */
#include "scripted.h"

static struct scripted script;
static wherry_channel *channel;

/* A channel that has sent one message, which nobody has confirmed. */
static void send_one(void)
{
    channel = scripted_open_with_words(&script, "own:");
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    CHECK_INT(say(channel, "one"), 0);
}

/* One that has a message in its own list, and has not yet said hello. */
static void queue_one(void)
{
    channel = scripted_open_with_words(&script, "own:?full=latest");
    script.send = first(-EAGAIN);
    CHECK_INT(say(channel, "one"), 0);
    CHECK_STRING(script.said, "");
}

/* Nothing is there for so many looks, then the answer. */
static void answer_arrives_after(int looks)
{
    for (int i = 0; i < looks; i++)
        scripted_arrives_result(&script, -EAGAIN);
    scripted_arrives_word(&script, FRAME_SYNC_ACK, 1);
}

TEST(a_sync_waits_for_room)
{
    send_one();
    answer_arrives_after(4);
    script.send = (struct answers){.first = -EAGAIN, .times = 3};
    CHECK_INT(wherry_drain(channel, soon()), 0);
    CHECK_STRING(script.said, "hello one sync:1");
    scripted_close(&script, channel);
}

TEST(an_answer_that_lies_there_is_heard_before_anything_is_said)
{
    send_one();
    CHECK_INT(wherry_drain(channel, WHERRY_POLL), 1);
    answer_arrives_after(0);
    script.send = always(-EPIPE); // the peer has gone since
    CHECK_INT(wherry_drain(channel, soon()), 0);
    CHECK_STRING(script.said, "hello one sync:1");
    scripted_close(&script, channel);
}

TEST(a_sync_goes_behind_what_was_queued)
{
    queue_one();
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    answer_arrives_after(1);
    CHECK_INT(wherry_drain(channel, soon()), 0);
    CHECK_STRING(script.said, "hello one sync:1");
    scripted_close(&script, channel);
}

TEST(while_there_is_no_room_drain_counts_at_its_deadline)
{
    send_one();
    script.send = always(-EAGAIN);
    CHECK_INT(wherry_drain(channel, WHERRY_POLL), 1);
    CHECK_INT(wherry_drain(channel, at_once()), 1);
    script.send = always(0);
    scripted_arrives_word(&script, FRAME_SYNC_ACK, 1);
    CHECK_INT(wherry_drain(channel, soon()), 0);
    scripted_close(&script, channel);
}

TEST(without_room_drain_waits_for_both_directions)
{
    send_one();
    script.fd = script.silent;
    script.send = always(-EAGAIN);
    CHECK_INT(wherry_drain(channel, at_once()), 1);
    CHECK(script.waited[WHERRY_IN] > 0 && script.waited[WHERRY_OUT] > 0);
    script.waited[WHERRY_OUT] = 0;
    script.send = always(0);
    CHECK_INT(wherry_drain(channel, at_once()), 1);
    CHECK_INT(script.waited[WHERRY_OUT], 0);
    scripted_close(&script, channel);
}

TEST(a_drain_without_room_can_be_cancelled)
{
    send_one();
    script.send = always(-EAGAIN);
    wherry_cancel(channel);
    FAILS(wherry_drain(channel, soon()), -ECANCELED, "own:");
    scripted_close(&script, channel);
}

TEST(what_stops_the_sync_is_told)
{
    queue_one();
    script.send = first(-EPIPE); // its hello
    for (int i = 0; i < 2; i++)
        FAILS(wherry_drain(channel, soon()), -EPIPE, "own:?full=latest: nobody");
    FAILS(say(channel, "two"), -EPIPE, "own:?full=latest: nobody");
    CHECK_STRING(script.said, "");
    scripted_close(&script, channel);

    queue_one();
    script.send = first(0); // its hello, before what was queued
    script.send.then = -EPIPE;
    FAILS(wherry_drain(channel, soon()), -EPIPE, "own:?full=latest: nobody");
    CHECK_STRING(script.said, "hello");
    scripted_close(&script, channel);
}

TEST(a_channel_that_was_cut_off_is_not_drained)
{
    send_one();
    script.keep = first(-ENOMEM);
    CHECK_ERROR(wherry_write(channel, "two", 3, 0, WHERRY_MORE, soon()), -ENOMEM);
    FAILS(wherry_drain(channel, soon()), -ENOMEM, "own:");
    scripted_close(&script, channel);
}

TEST(drain_comes_before_finish)
{
    send_one();
    CHECK_INT(wherry_finish(channel), 0);
    FAILS(wherry_drain(channel, soon()), -ESHUTDOWN, "before finish");
    scripted_close(&script, channel);
}

TEST(what_was_confirmed_before_finish_stays_confirmed)
{
    send_one();
    scripted_arrives_word(&script, FRAME_SYNC_ACK, 1);
    CHECK_INT(wherry_drain(channel, soon()), 0);
    CHECK_INT(wherry_finish(channel), 0);
    CHECK_INT(wherry_drain(channel, soon()), 0);
    scripted_close(&script, channel);
}

TEST(an_answer_that_cannot_be_waited_for_is_an_error)
{
    send_one();
    script.wait[WHERRY_IN] = always(-EIO);
    FAILS(wherry_drain(channel, soon()), -EIO, "own:");
    scripted_close(&script, channel);
}

TEST(a_count_past_the_largest_int_is_told_as_that)
{
    send_one();
    atomic_store(&channel->out.messages, (uint64_t)INT32_MAX + 5);
    script.fd = script.silent;
    CHECK_INT(wherry_drain(channel, WHERRY_POLL), INT32_MAX);
    scripted_close(&script, channel);
}
