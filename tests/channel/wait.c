/* SPDX-License-Identifier: MIT */
/*
 * Waiting where there is nothing to wait for, where that is refused, and beside a
 * thread that is in the middle of something.
 */
#include "scripted.h"

#include <pthread.h>

static struct scripted script;
static wherry_channel *channel;
static wherry_message *message;

enum { LARGE = 60000 };

/* Memory that is only kept for a busy channel. */
static void make_busy(void)
{
    CHECK_OK(wherry_loan(channel, LARGE, &message, soon()));
    wherry_message_free(message);
}

TEST(where_there_is_nothing_to_wait_for_a_message_is_found_all_the_same)
{
    enum { LOOKS = 100 };

    channel = scripted_open(&script, "own:");
    script.wait[WHERRY_IN] = always(1);
    script.moves.flush = NULL;
    make_busy();
    for (int i = 0; i < LOOKS; i++)
        scripted_arrives_result(&script, -EAGAIN);
    scripted_arrives(&script, 0, "one");
    hear(channel, "one");
    scripted_close(&script, channel);
}

TEST(where_there_is_nothing_to_wait_for_a_deadline_ends_it)
{
    channel = scripted_open(&script, "own:");
    script.wait[WHERRY_IN] = always(1);
    int64_t deadline = at_once();
    FAILS(wherry_recv(channel, &message, deadline), -ETIMEDOUT, "own:");
    CHECK_RANGE(harness_now(), deadline, INT64_MAX);
    scripted_close(&script, channel);
}

TEST(what_cannot_be_waited_for_is_told)
{
    channel = scripted_open_with_words(&script, "own:");
    script.wait[WHERRY_IN] = always(-EIO);
    script.send = always(-EAGAIN);
    FAILS(wherry_recv(channel, &message, soon()), -EIO, "own:");
    // The same while an answer is due.
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_SYNC, 1);
    FAILS(wherry_recv(channel, &message, soon()), -EIO, "own:");
    scripted_close(&script, channel);
}

/* --- another thread -------------------------------------------------------- */

static unsigned asked_for_room;

// What another thread does between the receiver's look and its sleep.
static int finish_meanwhile(void *state, enum wherry_direction direction,
                            struct wherry_wait waits[WHERRY_WAITS])
{
    (void)state;
    if (direction == WHERRY_OUT)
        asked_for_room++;
    else {
        script.send = always(0);
        CHECK_INT(wherry_finish(channel), 0);
    }
    waits[0] = (struct wherry_wait){.fd = script.silent, .events = os_wait_in};
    return 1;
}

TEST(a_receiver_waits_for_no_room_once_the_sender_has_finished)
{
    channel = scripted_open_with_words(&script, "own:");
    script.moves.wait = finish_meanwhile;
    script.send = always(-EAGAIN);
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_word(&script, FRAME_SYNC, 1);
    FAILS(wherry_recv(channel, &message, at_once()), -ETIMEDOUT, "own:");
    CHECK_INT(asked_for_room, 0);
    CHECK_STRING(script.said, "hello end");
    scripted_close(&script, channel);
}

static struct harness_gate sending;
static struct harness_gate may_go_on;
static unsigned rests;

static int send_slowly(void *state, wherry_message **given, unsigned flags)
{
    (void)state;
    (void)given;
    (void)flags;
    gate_pass(&sending);
    gate_wait(&may_go_on);
    return 0;
}

static int64_t count_rests(void *state)
{
    (void)state;
    rests++;
    return 0;
}

static void *send_one(void *unused)
{
    CHECK_INT(say(channel, "one"), 0);
    return unused;
}

// Longer than a channel must be idle before it rests.
static void wait_in_vain(void)
{
    FAILS(wherry_recv(channel, &message, wherry_after(150)), -ETIMEDOUT, "own:");
}

TEST(an_idle_channel_gives_its_memory_back)
{
    struct wherry_channel_info before;
    struct wherry_channel_info after;
    channel = scripted_open(&script, "own:"); // its transport has none of its own
    script.fd = script.silent;
    make_busy();
    CHECK_OK(wherry_describe(channel, &before, sizeof before));
    wait_in_vain();
    CHECK_OK(wherry_describe(channel, &after, sizeof after));
    CHECK_RANGE(before.memory, LARGE, 4 * LARGE);
    CHECK_RANGE(after.memory, 1, LARGE);
    scripted_close(&script, channel);
}

TEST(a_channel_does_not_rest_in_the_middle_of_a_send)
{
    pthread_t thread;
    gate_open(&sending);
    gate_open(&may_go_on);
    channel = scripted_open(&script, "own:");
    script.moves.send = send_slowly;
    script.moves.rest = count_rests;
    script.fd = script.silent;
    make_busy();
    CHECK_INT(pthread_create(&thread, NULL, send_one, NULL), 0);
    gate_wait(&sending);
    wait_in_vain();
    CHECK_INT(rests, 0);
    gate_pass(&may_go_on);
    CHECK_INT(pthread_join(thread, NULL), 0);
    wait_in_vain();
    CHECK_INT(rests, 1);
    gate_close(&sending);
    gate_close(&may_go_on);
    scripted_close(&script, channel);
}
