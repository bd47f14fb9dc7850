/* SPDX-License-Identifier: MIT */
/*
 * Sending and finishing when the transport refuses, keeps a part back, or cannot be
 * half closed.
 */
#include "scripted.h"

#include <string.h>
#include <unistd.h>

static struct scripted script;
static wherry_channel *channel;
static wherry_message *message;

static void new_message(const char *text)
{
    CHECK_OK(wherry_message_copy(text, strlen(text), &message));
}

TEST(what_the_transport_refuses_is_told_and_stays_the_callers)
{
    static const struct {
        int error, told;
        const char *words;
    } refusals[] = {
        {-ETOOMANYREFS, -ETOOMANYREFS, "are on their way; try again later"},
        {-EDESTADDRREQ, -EDESTADDRREQ, "needs a destination"},
        {-ENOTCONN, -EDESTADDRREQ, "needs a destination"},
        {-EIO, -EIO, "input or output failed"},
    };

    channel = scripted_open(&script, "own:");
    new_message("one");
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        script.send = first(refusals[i].error);
        FAILS(wherry_send(channel, &message, 0, soon()), refusals[i].told,
              refusals[i].words);
        CHECK_CONTAINS(wherry_error_text(), "own:");
        CHECK(message != NULL);
    }
    CHECK_INT(wherry_send(channel, &message, 0, soon()), 0);
    CHECK(message == NULL);
    CHECK_STRING(script.said, "one");
    scripted_close(&script, channel);
}

TEST(more_open_files_than_the_peer_takes_are_refused)
{
    channel = scripted_open_with_words(&script, "own:");
    new_message("one");
    CHECK_OK(wherry_message_attach(message, STDERR_FILENO));
    CHECK_OK(wherry_message_attach(message, STDERR_FILENO));
    scripted_arrives_word(&script, FRAME_HELLO, 0); // it takes one
    CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
    FAILS(wherry_send(channel, &message, 0, soon()), -E2BIG, "peer's limit of 1");
    wherry_message_free(message);
    new_message("two");
    CHECK_OK(wherry_message_attach(message, STDERR_FILENO));
    CHECK_INT(wherry_send(channel, &message, 0, soon()), 0);
    CHECK_STRING(script.said, "hello two");
    scripted_close(&script, channel);
}

TEST(the_least_of_three_limits_is_the_one_that_is_named)
{
    static const char bytes[4000];

    static const struct {
        const char *address;
        uint64_t of_mechanism;
        const char *words;
    } limits[] = {
        {"own:?message=2K", 3000, "over this channel's limit of 2048"},
        {"own:?message=8K", 3000, "over the mechanism's limit of 3000"},
        {"own:?message=8K", 5000, "over the peer's limit of 1000"},
    };

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        channel = scripted_open_with_words(&script, limits[i].address);
        channel->mechanism_limit = limits[i].of_mechanism;
        scripted_arrives_word(&script, FRAME_HELLO, 0); // it takes 1000
        CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
        FAILS(wherry_write(channel, bytes, sizeof bytes, 0, 0, soon()), -EMSGSIZE,
              limits[i].words);
        CHECK_STRING(script.said, "");
        scripted_close(&script, channel);
    }
}

TEST(a_destination_can_be_taken_back)
{
    channel = scripted_open(&script, "own:");
    new_message("one");
    CHECK_OK(wherry_message_set_to(message, "udp:127.0.0.1:4000"));
    FAILS(wherry_send(channel, &message, 0, soon()), -EISCONN, "one peer");
    CHECK_OK(wherry_message_set_to(message, NULL));
    CHECK_INT(wherry_send(channel, &message, 0, soon()), 0);
    CHECK_STRING(script.said, "one");
    scripted_close(&script, channel);
}

TEST(none_and_too_many_messages_are_refused)
{
    static const size_t counts[] = {0, (size_t)INT32_MAX + 1};
    struct wherry_bytes bytes = {NULL, 0, 0};
    channel = scripted_open(&script, "own:");
    for (int i = 0; i < 2; i++) {
        FAILS(wherry_send_many(channel, &message, counts[i], soon()), -EINVAL, "none");
        FAILS(wherry_recv_many(channel, &message, counts[i], soon()), -EINVAL, "none");
        FAILS(wherry_write_many(channel, &bytes, counts[i], soon()), -EINVAL, "none");
        FAILS(wherry_read_many(channel, NULL, 0, &bytes, counts[i], soon()), -EINVAL,
              "none");
    }
    scripted_close(&script, channel);
}

/* --- runs ------------------------------------------------------------------ */

TEST(what_a_transport_gathers_is_in_order_with_the_rest)
{
    static const char *const texts[] = {"a", "bb", "ccc", "d", "e", "f"};
    struct wherry_channel_info info;
    wherry_message *messages[6];
    scripted_begin(&script);
    script.moves.gather = scripted_gather;
    channel = scripted_open_as(&script, "own:");
    for (size_t i = 0; i < 6; i++)
        CHECK_OK(wherry_message_copy(texts[i], strlen(texts[i]), &messages[i]));
    CHECK_INT(wherry_send_many(channel, messages, 6, soon()), 6);
    CHECK_STRING(script.said, "a bb ccc d e f");
    CHECK_INT(wherry_describe(channel, &info, sizeof info), 0);
    CHECK_INT(info.sent_messages, 6);
    CHECK_INT(info.sent_bytes, 9);
    CHECK_INT(script.gathered, 4); // the first says hello, nothing follows the last
    new_message("g");
    CHECK_INT(wherry_send(channel, &message, WHERRY_MORE, soon()), 0);
    CHECK(message == NULL);
    CHECK_INT(script.gathered, 5);
    CHECK_STRING(script.said, "a bb ccc d e f g");
    scripted_close(&script, channel);
}

TEST(bytes_of_a_batch_are_gathered_in_order_with_the_rest)
{
    static const struct wherry_bytes batch[] = {{"a", 1, 0},   {"bb", 2, 0},
                                                {"ccc", 3, 0}, {"d", 1, 0},
                                                {"e", 1, 0},   {"f", 1, 0}};
    struct wherry_channel_info info;
    scripted_begin(&script);
    script.moves.gather = scripted_gather;
    channel = scripted_open_as(&script, "own:");
    CHECK_INT(wherry_write_many(channel, batch, 6, soon()), 6);
    CHECK_STRING(script.said, "a bb ccc d e f");
    CHECK_INT(wherry_describe(channel, &info, sizeof info), 0);
    CHECK_INT(info.sent_messages, 6);
    CHECK_INT(info.sent_bytes, 9);
    CHECK_INT(script.gathered, 4); // the first says hello, nothing follows the last
    scripted_close(&script, channel);
}

// What was gathered before it is pushed on all the same.
TEST(an_error_in_a_batch_of_bytes_is_the_next_calls)
{
    static const struct wherry_bytes batch[] = {{"a", 1, 0}, {"b", 1, -1}};
    channel = scripted_open(&script, "own:");
    script.flush = first(-EAGAIN);
    CHECK_INT(wherry_write_many(channel, batch, 2, soon()), 1);
    CHECK_STRING(script.said, "a");
    CHECK_INT(script.flush.times, 0);
    FAILS(wherry_write_many(channel, batch + 1, 1, soon()), -EINVAL, "kind");
    scripted_close(&script, channel);
}

TEST(bytes_with_more_are_gathered_by_whoever_gathers)
{
    scripted_begin(&script);
    script.moves.gather = scripted_gather;
    script.moves.keep = NULL; // it knows no borrowed messages
    channel = scripted_open_as(&script, "own:?message=4");
    CHECK_INT(say(channel, "one"), 0);
    CHECK_INT(wherry_write(channel, "two", 3, 7, WHERRY_MORE, soon()), 0);
    CHECK_INT(script.gathered, 1);
    FAILS(wherry_write(channel, "three", 5, 0, WHERRY_MORE, soon()), -EMSGSIZE, "4");
    FAILS(wherry_write(channel, "four", 4, -1, WHERRY_MORE, soon()), -EINVAL, "kind");
    CHECK_INT(wherry_finish(channel), 0);
    FAILS(wherry_write(channel, "five", 4, 0, WHERRY_MORE, soon()), -ESHUTDOWN, "own:");
    CHECK_STRING(script.said, "one two");
    struct wherry_channel_info info;
    CHECK_INT(wherry_describe(channel, &info, sizeof info), 0);
    CHECK_INT(info.sent_messages, 2);
    CHECK_INT(info.sent_bytes, 6);
    scripted_close(&script, channel);
}

/* --- a part that stays behind --------------------------------------------- */

TEST(what_the_deadline_leaves_goes_on_with_the_next_send)
{
    channel = scripted_open(&script, "own:");
    script.flush = always(-EAGAIN);
    CHECK_INT(wherry_write(channel, "one", 3, 0, 0, at_once()), 0);
    script.flush = always(0);
    CHECK_INT(say(channel, "two"), 0);
    CHECK_STRING(script.said, "one two");
    scripted_close(&script, channel);
}

TEST(a_part_that_cannot_be_kept_cuts_the_channel_off)
{
    static const unsigned flags[] = {0, WHERRY_MORE};
    for (int i = 0; i < 2; i++) {
        channel = scripted_open(&script, "own:");
        script.flush = always(-EAGAIN);
        script.keep = first(-ENOMEM);
        FAILS(wherry_write(channel, "one", 3, 0, flags[i], at_once()), -ENOMEM,
              "own:: out of memory");
        script.flush = always(0);
        FAILS(say(channel, "two"), -ENOMEM, "own:: out of memory");
        scripted_close(&script, channel);
        CHECK_STRING(script.said, "one");
    }
}

TEST(what_goes_wrong_with_the_rest_is_told)
{
    channel = scripted_open(&script, "own:");
    script.flush = first(-EAGAIN);
    script.flush.then = -EPIPE;
    FAILS(say(channel, "one"), -EPIPE, "own:: nobody reads the other end");
    FAILS(say(channel, "two"), -EPIPE, "own:: nobody reads the other end");
    scripted_close(&script, channel);
    CHECK_STRING(script.said, "one");
}

/* --- finish ---------------------------------------------------------------- */

TEST(flush_moves_on_what_the_deadline_left_and_says_when_all_is_gone)
{
    channel = scripted_open(&script, "own:");
    script.flush = always(-EAGAIN);
    CHECK_INT(wherry_write(channel, "one", 3, 0, 0, at_once()), 0);
    CHECK_ERROR(wherry_flush(channel), -EAGAIN);
    script.flush = first(0);
    CHECK_INT(wherry_flush(channel), 0);
    script.flush = first(-EPIPE);
    FAILS(wherry_flush(channel), -EPIPE, "nobody reads the other end");
    FAILS(wherry_flush(channel), -EPIPE, "nobody reads the other end");
    scripted_close(&script, channel);
}

TEST(flush_sends_what_is_queued)
{
    channel = scripted_open(&script, "own:?full=drop-oldest");
    script.send = first(-EAGAIN);
    CHECK_INT(wherry_write(channel, "one", 3, 0, 0, soon()), 0);
    CHECK_STRING(script.said, "");
    CHECK_INT(wherry_flush(channel), 0);
    CHECK_STRING(script.said, "one");
    CHECK_INT(wherry_finish(channel), 0);
    CHECK_INT(wherry_flush(channel), 0);
    scripted_close(&script, channel);
}

TEST(flush_answers_the_peers_drain_as_soon_as_there_is_room)
{
    channel = scripted_open_with_words(&script, "own:");
    scripted_arrives_word(&script, FRAME_HELLO, 1);
    scripted_arrives_word(&script, FRAME_SYNC, 0);
    script.send = always(-EAGAIN);
    CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_flush(channel), -EAGAIN);
    CHECK_STRING(script.said, "");
    script.send = always(0);
    CHECK_INT(wherry_flush(channel), 0);
    CHECK_CONTAINS(script.said, "hello ack:0");
    scripted_close(&script, channel);
}

TEST(the_receiving_end_has_nothing_to_flush)
{
    wherry_channel *ends[2];
    CHECK_OK(wherry_pair("pipe:", ends));
    FAILS(wherry_flush(ends[0]), -EPERM, "the receiving end");
    wherry_close(ends[0]);
    wherry_close(ends[1]);
}

TEST(finish_goes_on_where_it_had_no_room)
{
    channel = scripted_open_with_words(&script, "own:");
    script.send = first(-EAGAIN); // its hello
    CHECK_ERROR(wherry_finish(channel), -EAGAIN);
    CHECK_STRING(script.said, "");
    script.flush = first(0);
    script.flush.then = -EAGAIN; // the end went in part
    CHECK_ERROR(wherry_finish(channel), -EAGAIN);
    CHECK_ERROR(wherry_finish(channel), -EAGAIN);
    CHECK_INT(script.finished, 0);
    script.flush = always(0);
    CHECK_INT(wherry_finish(channel), 0);
    CHECK_INT(wherry_finish(channel), 0);
    CHECK_STRING(script.said, "hello end");
    CHECK_INT(script.finished, 1);
    scripted_close(&script, channel);
}

TEST(where_the_end_is_a_word_no_half_close_is_needed)
{
    for (int i = 0; i < 2; i++) {
        channel = scripted_open_with_words(&script, "own:");
        if (i == 0)
            script.moves.finish = NULL;
        script.finish = always(-ENOTSUP);
        CHECK_INT(wherry_finish(channel), 0);
        CHECK_STRING(script.said, "hello end");
        FAILS(say(channel, "late"), -ESHUTDOWN, "own:");
        scripted_close(&script, channel);
    }
}

TEST(where_there_is_no_end_finish_says_so_and_sending_goes_on)
{
    for (int i = 0; i < 2; i++) {
        channel = scripted_open(&script, "own:");
        if (i == 0)
            script.moves.finish = NULL;
        script.finish = always(-ENOTSUP);
        FAILS(wherry_finish(channel), -ENOTSUP, "own:");
        FAILS(wherry_finish(channel), -ENOTSUP, "own:");
        CHECK_INT(say(channel, "one"), 0);
        CHECK_STRING(script.said, "one");
        scripted_close(&script, channel);
    }
}

TEST(a_half_close_that_fails_is_told)
{
    channel = scripted_open_with_words(&script, "own:");
    script.finish = first(-EIO);
    FAILS(wherry_finish(channel), -EIO, "own:: input or output failed");
    scripted_close(&script, channel);
}

/* --- whose words an error is told in --------------------------------------- */

TEST(an_error_without_a_sentence_is_not_told_in_an_older_one)
{
    static const int errors[] = {-ENOTSUP, -EMSGSIZE, -EBADMSG, -ENOBUFS};
    wherry_channel *none;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        channel = scripted_open(&script, "own:");
        FAILS(wherry_dial("older:", soon(), &none), -EINVAL, "older");
        script.send = first(errors[i]);
        FAILS(say(channel, "one"), errors[i], "own:");
        CHECK(!strstr(wherry_error_text(), "older"));
        FAILS(wherry_dial("older:", soon(), &none), -EINVAL, "older");
        scripted_arrives_result(&script, errors[i]);
        FAILS(wherry_recv(channel, &message, soon()), errors[i], "own:");
        CHECK(!strstr(wherry_error_text(), "older"));
        scripted_close(&script, channel);
    }
}

TEST(finish_after_a_cut_says_why_it_was_cut)
{
    wherry_channel *none;
    channel = scripted_open(&script, "own:?full=disconnect&queue=4");
    script.send = always(-EAGAIN);
    CHECK_INT(say(channel, "one"), 0);
    FAILS(say(channel, "two"), -ENOBUFS, "the peer is too slow");
    FAILS(wherry_dial("older:", soon(), &none), -EINVAL, "older");
    FAILS(wherry_finish(channel), -ENOBUFS, "the peer is too slow");
    FAILS(say(channel, "three"), -ENOBUFS, "the peer is too slow");
    script.send = always(0);
    scripted_close(&script, channel);
}
