/* SPDX-License-Identifier: MIT */
/*
 * The orderly end: the peer gets every message and then 0, and can still answer after a
 * half-close.
 */
#include <errno.h>
#include <string.h>

#include "bytes.h"

ROW_TEST(finish_is_heard_after_all_messages)
{
    struct ends ends;
    char bytes[16];
    int ended = 0;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FINISH);
    ends_need_messages(&ends);
    for (unsigned i = 0; i < 5; i++)
        bytes_send(ends.sender, i + 1, i, 0);
    CHECK_OK(wherry_finish(ends.sender));
    for (unsigned i = 0; i < 5; i++)
        bytes_receive(ends.receiver, i + 1, i, 0);
    // However it is asked, and however often.
    for (int i = 0; i < 2; i++) {
        end_receive(ends.receiver);
        CHECK_INT(wherry_recv_many(ends.receiver, &message, 1, soon()), 0);
        CHECK_INT(wherry_read(ends.receiver, bytes, 16, NULL, &ended, soon()), 0);
        CHECK_INT(ended, 1);
        CHECK_INT(wherry_recv(ends.receiver, &message, WHERRY_POLL), 0);
        CHECK(message == NULL);
    }
    ends_close(&ends);
}

ROW_TEST(close_after_use_is_an_orderly_end)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need_end(&ends);
    text_send(ends.sender, "goodbye");
    ends_close_sender(&ends);
    text_receive(ends.receiver, "goodbye");
    end_receive(ends.receiver);
    ends_close(&ends);
}

ROW_TEST(answers_come_back_after_a_half_close)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FINISH | WHERRY_ABLE_DUPLEX);
    text_send(ends.sender, "question");
    CHECK_OK(wherry_finish(ends.sender));
    text_receive(ends.receiver, "question");
    end_receive(ends.receiver);
    text_send(ends.receiver, "answer");
    text_receive(ends.sender, "answer");
    text_send(ends.receiver, "and another");
    ends_close_receiver(&ends);
    text_receive(ends.sender, "and another");
    end_receive(ends.sender);
    ends_close(&ends);
}

ROW_TEST(nothing_is_sent_after_finish)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FINISH);
    CHECK_OK(wherry_finish(ends.sender));
    CHECK_OK(wherry_finish(ends.sender));
    CHECK_ERROR(wherry_write(ends.sender, "no", 2, 0, 0, soon()), -ESHUTDOWN);
    CHECK_CONTAINS(wherry_error_text(), channel_info(ends.sender).address);
    end_receive(ends.receiver);
    ends_close(&ends);
}

ROW_TEST(what_was_gathered_leaves_with_finish)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FINISH);
    ends_need_messages(&ends);
    CHECK_INT(wherry_write(ends.sender, "first", 5, 0, WHERRY_MORE, soon()), 0);
    CHECK_INT(wherry_write(ends.sender, "second", 6, 0, WHERRY_MORE, soon()), 0);
    CHECK_OK(wherry_finish(ends.sender));
    text_receive(ends.receiver, "first");
    text_receive(ends.receiver, "second");
    end_receive(ends.receiver);
    ends_close(&ends);
}

ROW_TEST(what_was_gathered_leaves_with_close)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    text_gather(ends.sender, "first");
    text_gather(ends.sender, "second");
    ends_close_sender(&ends);
    text_receive(ends.receiver, "first");
    text_receive(ends.receiver, "second");
    ends_close(&ends);
}

ROW_TEST(finish_into_a_full_channel_loses_nothing)
{
    enum { SIZE = 500 };

    struct ends ends;
    wherry_message *message;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FINISH);
    ends_need_messages(&ends);
    unsigned count = fill_up(ends.sender, SIZE), got = 0;
    int finished = -EAGAIN, r = -EAGAIN;
    wherry_deadline end = soon();
    while (r != 0) {
        if (finished == -EAGAIN)
            finished = wherry_finish(ends.sender);
        r = wherry_recv(ends.receiver, &message, WHERRY_POLL);
        CHECK(r >= 0 || r == -EAGAIN);
        CHECK(wherry_now() < end);
        if (r != 1)
            continue;
        CHECK_INT(wherry_message_size(message), SIZE);
        bytes_check(wherry_message_data(message), SIZE, got++);
        wherry_message_free(message);
    }
    CHECK_INT(finished, 0);
    CHECK_INT(got, count);
    ends_close(&ends);
}

static void read_slowly(struct ends *ends, void *argument)
{
    enum { SIZE = 500 };

    struct harness_gate *gate = argument;
    wherry_message *message;
    gate_wait(gate);
    int r;
    while ((r = wherry_recv(ends->receiver, &message, soon())) == 1) {
        CHECK_INT(wherry_message_size(message), SIZE);
        wherry_message_free(message);
    }
    CHECK_INT(r, 0);
}

ROW_TEST(close_lingers_until_a_slow_peer_makes_room_for_the_end)
{
    enum { SIZE = 500 };

    struct ends ends;
    struct harness_gate gate;
    gate_open(&gate);
    if (row->endless)
        SKIP("nobody is told of the end here");
    pid_t child = row_fork(row, "linger=8s", ROW_RECEIVES, read_slowly, &gate, &ends);
    ends_need_messages(&ends);
    fill_up(ends.sender, SIZE);
    gate_pass(&gate);
    ends_close_sender(&ends); // full at this moment, or a moment ago
    CHECK_INT(harness_wait(child), 0);
    gate_close(&gate);
    ends_close(&ends);
}

ROW_TEST(close_does_not_wait_longer_than_it_lingers)
{
    struct ends ends;
    ends_open(row, "linger=30ms", &ends);
    if (ends_can(&ends, WHERRY_ABLE_LOSS))
        SKIP("it is never full: the kernel loses what does not fit");
    fill_up(ends.sender, 500);
    int64_t began = harness_now();
    ends_close_sender(&ends);
    CHECK_RANGE(harness_now() - began, 0, INT64_C(1000000) * harness_stretch(300));
    ends_close(&ends);
}

ROW_TEST(where_there_is_no_half_close_finish_says_so)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_FINISH))
        SKIP("there is one");
    for (int i = 0; i < 2; i++) {
        CHECK_ERROR(wherry_finish(ends.sender), -ENOTSUP);
        CHECK_CONTAINS(wherry_error_text(), channel_info(ends.sender).address);
    }
    text_send(ends.sender, "all the same");
    text_receive(ends.receiver, "all the same");
    ends_close(&ends);
}

ROW_TEST(closing_an_end_that_never_spoke_is_no_orderly_end)
{
    struct ends ends;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    if (row->way != ROW_PAIR || !ends_say_end(&ends))
        SKIP("dialling speaks, and foreign framings have no word for it");
    ends_close_sender(&ends);
    CHECK_ERROR(wherry_recv(ends.receiver, &message, soon()), -ECONNRESET);
    CHECK_CONTAINS(wherry_error_text(), channel_info(ends.receiver).address);
    CHECK(message == NULL);
    CHECK_ERROR(wherry_recv(ends.receiver, &message, soon()), -ECONNRESET);
    ends_close(&ends);
}

ROW_TEST(both_may_finish)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FINISH | WHERRY_ABLE_DUPLEX);
    text_send(ends.sender, "to");
    text_send(ends.receiver, "fro");
    CHECK_OK(wherry_finish(ends.sender));
    CHECK_OK(wherry_finish(ends.receiver));
    text_receive(ends.receiver, "to");
    text_receive(ends.sender, "fro");
    end_receive(ends.sender);
    end_receive(ends.receiver);
    ends_close(&ends);
}
