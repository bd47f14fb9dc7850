/* SPDX-License-Identifier: MIT */
/*
 * The words between the messages, when there is no room for them, when they cannot be
 * kept, and when the peer says what it must not say.
 */
#include "scripted.h"

static struct scripted script;
static wherry_channel *channel;
static wherry_message *message;

static void open_with_words(void)
{
    channel = scripted_open_with_words(&script, "own:");
}

static void hear_nothing(void)
{
    CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
}

TEST(a_hello_without_room_goes_before_the_next_message)
{
    open_with_words();
    script.send = first(-EAGAIN);
    CHECK_ERROR(wherry_write(channel, "one", 3, 0, 0, WHERRY_POLL), -EAGAIN);
    CHECK_STRING(script.said, "");
    CHECK_INT(say(channel, "one"), 0);
    CHECK_STRING(script.said, "hello one");
    scripted_close(&script, channel);
    CHECK_STRING(script.said, "hello one end");
}

TEST(after_a_word_that_cannot_be_kept_nothing_more_is_said)
{
    open_with_words();
    script.keep = first(-ENOMEM);
    FAILS(say(channel, "one"), -ENOMEM, "own:");
    FAILS(say(channel, "two"), -ENOMEM, "own:");
    FAILS(wherry_finish(channel), -ENOMEM, "own:");
    scripted_close(&script, channel);
    CHECK_STRING(script.said, "hello");
}

TEST(a_sync_is_answered_when_there_is_room)
{
    open_with_words();
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_SYNC, 5);
    script.send = always(-EAGAIN);
    hear_nothing();
    script.send = first(0); // for the hello
    script.send.then = -EAGAIN;
    hear_nothing();
    CHECK_STRING(script.said, "hello");
    script.send = always(0);
    hear_nothing();
    CHECK_STRING(script.said, "hello ack:5");
    hear_nothing();
    CHECK_STRING(script.said, "hello ack:5");
    scripted_close(&script, channel);
}

TEST(whoever_has_finished_confirms_nothing_more)
{
    open_with_words();
    CHECK_INT(wherry_finish(channel), 0);
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_SYNC, 5);
    hear_nothing();
    hear_nothing();
    CHECK_STRING(script.said, "hello end");
    scripted_close(&script, channel);
}

TEST(whoever_was_cut_off_confirms_nothing_more)
{
    open_with_words();
    script.keep = first(-ENOMEM);
    CHECK_ERROR(say(channel, "one"), -ENOMEM);
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_SYNC, 5);
    hear_nothing();
    CHECK_STRING(script.said, "hello");
    scripted_close(&script, channel);
}

/* What the peer says is refused in these words, now and from then on. */
static void is_refused(const char *words)
{
    for (int i = 0; i < 2; i++) {
        FAILS(wherry_recv(channel, &message, soon()), -EPROTO, words);
        CHECK_CONTAINS(wherry_error_text(), "own:");
    }
    scripted_close(&script, channel);
}

TEST(a_sync_past_the_last_number_is_refused)
{
    open_with_words();
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_SYNC, INT64_MAX);
    is_refused("impossible number");
}

TEST(nobody_confirms_more_than_was_sent)
{
    open_with_words();
    CHECK_INT(say(channel, "one"), 0);
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_SYNC_ACK, 2);
    is_refused("confirms 2 messages, 1 were sent");
}

TEST(a_second_hello_is_refused)
{
    open_with_words();
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    is_refused("hello twice");
}

TEST(a_word_where_none_are_spoken_is_refused)
{
    channel = scripted_open(&script, "own:");
    scripted_arrives_word(&script, FRAME_END, 0);
    is_refused("where only messages go");
}
