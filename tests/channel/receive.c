/* SPDX-License-Identifier: MIT */
/*
 * Receiving: errors that end a channel and errors that do not, words between messages,
 * and kinds that there are not.
 */
#include "scripted.h"

#include <string.h>

static struct scripted script;
static wherry_channel *channel;
static wherry_message *message;

static unsigned asked;

static size_t count_runs(void *state, wherry_message **out, size_t most)
{
    (void)state;
    (void)out;
    (void)most;
    asked++;
    return 0;
}

TEST(behind_the_end_and_before_what_is_held_no_run_is_asked_for)
{
    enum { MANY = 8 };

    wherry_message *messages[MANY];
    channel = scripted_open(&script, "own:");
    script.moves.recv_ahead = count_runs;
    scripted_arrives(&script, 1, "one");
    scripted_arrives(&script, 1, "two");
    scripted_arrives_result(&script, 0);
    CHECK_INT(wherry_recv_kind(channel, 2, &message, soon()), 0);
    CHECK_INT(wherry_recv_many(channel, messages, MANY, soon()), 2);
    CHECK_INT(asked, 0);
    CHECK_BYTES(wherry_message_data(messages[0]), "one", 3);
    CHECK_BYTES(wherry_message_data(messages[1]), "two", 3);
    wherry_message_free(messages[0]);
    wherry_message_free(messages[1]);
    CHECK_INT(wherry_recv_many(channel, messages, MANY, soon()), 0);
    scripted_close(&script, channel);
}

static int is_there(void *state, enum wherry_direction direction)
{
    (void)state;
    return direction == WHERRY_IN;
}

// Leaves something where no message is.
static size_t find_none(void *state, wherry_message **out, size_t most)
{
    static wherry_message nonsense;
    (void)state;
    (void)most;
    nonsense.size = 1000;
    *out = &nonsense;
    return 0;
}

static unsigned turns;

static size_t find_at_second_look(void *state, void *bytes, size_t capacity,
                                  struct wherry_bytes *out, size_t most)
{
    (void)state;
    if (++turns % 2 != 0 || capacity < 3 || most == 0)
        return 0;
    memcpy(bytes, "two", 3);
    *out = (struct wherry_bytes){bytes, 3, 2};
    return 1;
}

TEST(what_a_look_in_vain_left_behind_is_no_message)
{
    char room[8];
    int64_t kind = 0;
    channel = scripted_open(&script, "own:");
    CHECK_INT(say(channel, "hello"), 0);
    scripted_arrives(&script, 1, "one");
    hear(channel, "one");
    script.moves.spin = is_there;
    script.moves.recv_ahead = find_none;
    script.moves.read_ahead = find_at_second_look;
    turns = 0;
    CHECK_INT(wherry_read(channel, room, sizeof(room), &kind, NULL, soon()), 3);
    CHECK_BYTES(room, "two", 3);
    CHECK_INT(kind, 2);
    CHECK_INT(turns, 2);
    scripted_arrives(&script, 3, "three");
    script.moves.read_ahead = NULL;
    CHECK_INT(wherry_read(channel, room, sizeof(room), &kind, NULL, soon()), 5);
    CHECK_INT(kind, 3);
    scripted_close(&script, channel);
}

static const int of_packets[] = {-EMSGSIZE, -EPROTO, -ECONNREFUSED};

TEST(a_packet_that_is_refused_is_lost_alone)
{
    scripted_begin(&script);
    script.moves.abilities |= WHERRY_ABLE_MESSAGES;
    channel = scripted_open_as(&script, "own:");
    for (int i = 0; i < 3; i++) {
        scripted_arrives_result(&script, of_packets[i]);
        scripted_arrives(&script, 0, "next");
        FAILS(wherry_recv(channel, &message, soon()), of_packets[i], "own:");
        hear(channel, "next");
    }
    scripted_close(&script, channel);
}

static int ended(void)
{
    struct wherry_channel_info info;
    CHECK_OK(wherry_describe(channel, &info, sizeof(info)));
    return info.ended;
}

TEST(whether_more_may_come_is_described)
{
    channel = scripted_open(&script, "own:");
    scripted_arrives_result(&script, -EMFILE);
    scripted_arrives_result(&script, -EPROTO);
    CHECK_ERROR(wherry_recv(channel, &message, soon()), -EMFILE);
    CHECK_INT(ended(), 0);
    CHECK_ERROR(wherry_recv(channel, &message, soon()), -EPROTO);
    CHECK_INT(ended(), -EPROTO);
    scripted_close(&script, channel);
    channel = scripted_open(&script, "own:");
    scripted_arrives_result(&script, 0);
    CHECK_INT(wherry_recv(channel, &message, soon()), 0);
    CHECK_INT(ended(), 1);
    scripted_close(&script, channel);
}

TEST(in_a_stream_of_bytes_nothing_follows_what_was_refused)
{
    for (int i = 0; i < 3; i++) {
        channel = scripted_open(&script, "own:");
        scripted_arrives_result(&script, of_packets[i]);
        scripted_arrives(&script, 0, "next");
        FAILS(wherry_recv(channel, &message, soon()), of_packets[i], "own:");
        FAILS(wherry_recv(channel, &message, soon()), of_packets[i], "own:");
        scripted_close(&script, channel);
    }
}

TEST(want_of_memory_or_descriptors_does_not_end_a_channel)
{
    channel = scripted_open(&script, "own:");
    scripted_arrives_result(&script, -ENOMEM);
    scripted_arrives_result(&script, -EMFILE);
    scripted_arrives(&script, 0, "next");
    FAILS(wherry_recv(channel, &message, soon()), -ENOMEM, "own:");
    FAILS(wherry_recv(channel, &message, soon()), -EMFILE, "own:");
    hear(channel, "next");
    scripted_close(&script, channel);
}

TEST(a_dead_peer_of_another_world_is_not_called_process_0)
{
    channel = scripted_open_with_words(&script, "own:");
    // The kernel says 0 of a process that this pid namespace does not see.
    *message_store_peer(channel->store) =
        (struct wherry_peer){.trust = WHERRY_TRUST_KERNEL, .pid = 0, .uid = 1000};
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives_result(&script, 0);
    FAILS(wherry_recv(channel, &message, soon()), -ECONNRESET,
          "without an orderly end");
    CHECK(!strstr(wherry_error_text(), "process"));
    scripted_close(&script, channel);
}

TEST(a_kind_below_all_others_is_refused)
{
    channel = scripted_open(&script, "own:");
    FAILS(wherry_recv_kind(channel, INT64_MIN, &message, soon()), -EINVAL, "own:");
    scripted_arrives(&script, INT64_MAX, "one");
    CHECK_INT(wherry_recv_kind(channel, -INT64_MAX, &message, soon()), 1);
    wherry_message_free(message);
    scripted_close(&script, channel);
}

TEST(the_lowest_kind_is_found_past_a_sync_which_stays_where_it_is)
{
    channel = scripted_open_with_words(&script, "own:");
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives(&script, 3, "three");
    scripted_arrives_word(&script, FRAME_SYNC, 1);
    scripted_arrives(&script, 1, "one");
    CHECK_INT(wherry_recv_kind(channel, -5, &message, soon()), 1);
    CHECK_INT(wherry_message_kind(message), 1);
    wherry_message_free(message);
    CHECK_STRING(script.said, "");
    hear(channel, "three");
    CHECK_STRING(script.said, "hello ack:1");
    scripted_close(&script, channel);
}

TEST(syncs_behind_a_message_that_nobody_takes_are_few)
{
    enum { ROUNDS = 40, SETTLED = 5 };

    unsigned long blocks = 0;
    channel = scripted_open_with_words(&script, "own:");
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives(&script, 9, "nine");
    for (int i = 0; i < ROUNDS; i++) {
        if (i == SETTLED)
            blocks = harness_live_blocks();
        scripted_arrives_word(&script, FRAME_SYNC, 2 * i);
        scripted_arrives(&script, 1, "one");
        scripted_arrives_word(&script, FRAME_SYNC, 2 * i + 1);
        scripted_arrives_word(&script, FRAME_SYNC, 2 * i + 2);
        CHECK_INT(wherry_recv_kind(channel, -5, &message, soon()), 1);
        wherry_message_free(message);
    }
    CHECK_INT(harness_live_blocks(), blocks);
    CHECK_STRING(script.said, "");
    hear(channel, "nine");
    CHECK_STRING(script.said, "hello ack:80");
    scripted_close(&script, channel);
}

TEST(an_impossible_sync_is_refused_behind_a_message_too)
{
    channel = scripted_open_with_words(&script, "own:");
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    scripted_arrives(&script, 9, "nine");
    scripted_arrives_word(&script, FRAME_SYNC, INT64_MAX);
    FAILS(wherry_recv_kind(channel, 1, &message, soon()), -EPROTO, "impossible number");
    hear(channel, "nine");
    scripted_close(&script, channel);
}

enum { WORDS = 200 };

/* A message arrives behind very many words, and no event after that. */
static void hear_words(void)
{
    channel = scripted_open_with_words(&script, "own:");
    script.fd = script.silent;
    scripted_arrives_word(&script, FRAME_HELLO, 0);
    for (int i = 0; i < WORDS; i++)
        scripted_arrives_word(&script, FRAME_SYNC_ACK, 0);
    scripted_arrives(&script, 0, "one");
}

TEST(words_without_end_are_heard_in_portions)
{
    hear_words();
    unsigned heard = 0;
    int looks = 0;
    // A poll looks at some of them, and the next one goes on.
    while (wherry_recv(channel, &message, WHERRY_POLL) == -EAGAIN) {
        CHECK_RANGE(script.heard, heard + 1, heard + WORDS / 2);
        heard = script.heard;
        looks++;
    }
    CHECK_RANGE(looks, 2, WORDS);
    wherry_message_free(message);
    scripted_close(&script, channel);
}

TEST(a_call_hears_all_words_without_an_event_for_each_portion)
{
    hear_words();
    hear(channel, "one");
    scripted_close(&script, channel);
}

TEST(a_poll_looks_at_once_also_where_answers_are_always_late)
{
    enum { ROUNDS = 10 };

    channel = scripted_open(&script, "own:");
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_INT(say(channel, "question"), 0);
        scripted_arrives_result(&script, -EAGAIN);
        scripted_arrives(&script, 0, "answer");
        hear(channel, "answer");
    }
    CHECK_INT(say(channel, "question"), 0);
    CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
    CHECK_INT(say(channel, "question"), 0);
    scripted_arrives(&script, 0, "answer");
    CHECK_INT(wherry_recv(channel, &message, WHERRY_POLL), 1);
    wherry_message_free(message);
    scripted_close(&script, channel);
}
