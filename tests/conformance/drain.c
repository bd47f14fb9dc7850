/* SPDX-License-Identifier: MIT */
/*
 * Draining: 0 when the peer's program has taken everything, else how much it has not
 * confirmed; never a guess.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "caller.h"

enum { COUNT = 5 };

// In the child: takes what there is each time it is let through, until the end.
static void take_when_told(struct ends *ends, void *argument)
{
    struct harness_gate *gates = argument;
    wherry_message *message;
    int r = -EAGAIN;
    for (unsigned number = 0; r != 0;) {
        gate_wait(&gates[0]);
        while ((r = wherry_recv(ends->receiver, &message, WHERRY_POLL)) == 1) {
            char text[32];
            snprintf(text, sizeof text, "message %u", number++);
            CHECK_BYTES(wherry_message_data(message), text, strlen(text));
            wherry_message_free(message);
        }
        CHECK(r == 0 || r == -EAGAIN);
        gate_pass(&gates[1]);
    }
}

static void send_some(wherry_channel *channel, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        char text[32];
        snprintf(text, sizeof text, "message %u", i);
        text_send(channel, text);
    }
}

ROW_TEST(drain_is_0_once_the_peers_program_has_taken_all)
{
    struct ends ends;
    struct harness_gate gates[2]; // the child may take; the child has taken
    gate_open(&gates[0]);
    gate_open(&gates[1]);
    pid_t child = row_fork(row, NULL, ROW_RECEIVES, take_when_told, gates, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    send_some(ends.sender, 0, COUNT);
    // The kernel has them all, the program has none of them.
    CHECK_INT(wherry_drain(ends.sender, wherry_after(30)), COUNT);
    CHECK_INT(wherry_drain(ends.sender, WHERRY_POLL), COUNT);
    gate_pass(&gates[0]);
    CHECK_INT(wherry_drain(ends.sender, soon()), 0);
    gate_wait(&gates[1]);
    CHECK_INT(wherry_drain(ends.sender, WHERRY_POLL), 0);
    // What was confirmed stays confirmed.
    send_some(ends.sender, COUNT, 3);
    CHECK_INT(wherry_drain(ends.sender, wherry_after(30)), 3);
    gate_pass(&gates[0]);
    gate_wait(&gates[1]);
    CHECK_INT(wherry_drain(ends.sender, soon()), 0);
    CHECK_OK(wherry_finish(ends.sender));
    gate_pass(&gates[0]);
    CHECK_INT(harness_wait(child), 0);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
    ends_close(&ends);
}

ROW_TEST(drain_counts_what_of_it_was_not_taken)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    send_some(ends.sender, 0, COUNT);
    CHECK_INT(wherry_drain(ends.sender, wherry_after(20)), COUNT);
    text_receive(ends.receiver, "message 0");
    text_receive(ends.receiver, "message 1");
    // One word answers for all that came before it: some of them prove nothing.
    CHECK_RANGE(wherry_drain(ends.sender, wherry_after(20)), COUNT - 2, COUNT);
    for (int i = 2; i < COUNT; i++) {
        char text[32];
        snprintf(text, sizeof text, "message %d", i);
        text_receive(ends.receiver, text);
    }
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EAGAIN);
    CHECK_INT(wherry_drain(ends.sender, soon()), 0);
    ends_close(&ends);
}

ROW_TEST(drain_without_anything_sent_is_0)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    CHECK_INT(wherry_drain(ends.sender, WHERRY_POLL), 0);
    CHECK_INT(wherry_drain(ends.receiver, soon()), 0);
    ends_close(&ends);
}

ROW_TEST(gathered_messages_are_drained_too)
{
    struct ends ends;
    struct caller caller;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    CHECK_INT(wherry_write(ends.sender, "gathered", 8, 0, WHERRY_MORE, soon()), 0);
    caller_start(&caller, &call_drain, ends.sender, soon());
    text_receive(ends.receiver, "gathered");
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EAGAIN);
    CHECK_INT(caller_join(&caller), 0);
    ends_close(&ends);
}

ROW_TEST(what_arrives_while_draining_is_held_in_order)
{
    struct ends ends;
    struct caller caller;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    text_send(ends.sender, "one");
    for (int i = 0; i < COUNT; i++)
        bytes_send(ends.receiver, 100, (unsigned)i, 0);
    caller_start(&caller, &call_drain, ends.sender, soon());
    text_receive(ends.receiver, "one");
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EAGAIN);
    CHECK_INT(caller_join(&caller), 0);
    CHECK_INT(channel_info(ends.sender).held_messages, COUNT);
    CHECK_INT(channel_info(ends.sender).held_bytes, COUNT * 100);
    text_send(ends.receiver, "behind them");
    for (int i = 0; i < COUNT; i++)
        bytes_receive(ends.sender, 100, (unsigned)i, 0);
    text_receive(ends.sender, "behind them");
    CHECK_INT(channel_info(ends.sender).held_messages, 0);
    ends_close(&ends);
}

ROW_TEST(drain_says_when_no_more_can_be_held)
{
    struct ends ends;
    ends_open(row, "held=300", &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    text_send(ends.sender, "one");
    for (int i = 0; i < COUNT; i++)
        bytes_send(ends.receiver, 100, (unsigned)i, 0);
    CHECK_ERROR(wherry_drain(ends.sender, soon()), -ENOBUFS);
    CHECK_CONTAINS(wherry_error_text(), "held=");
    CHECK_RANGE(channel_info(ends.sender).held_bytes, 100, 300);
    for (int i = 0; i < COUNT; i++)
        bytes_receive(ends.sender, 100, (unsigned)i, 0);
    ends_close(&ends);
}

ROW_TEST(a_message_that_the_peer_only_holds_is_not_taken)
{
    struct ends ends;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN | WHERRY_ABLE_KINDS);
    bytes_send(ends.sender, 10, 0, 1);
    bytes_send(ends.sender, 10, 1, 2);
    CHECK_INT(wherry_drain(ends.sender, WHERRY_POLL), 2);
    CHECK_INT(wherry_recv_kind(ends.receiver, 2, &message, soon()), 1);
    wherry_message_free(message);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 2, &message, WHERRY_POLL), -EAGAIN);
    CHECK_RANGE(wherry_drain(ends.sender, wherry_after(20)), 1, 2);
    bytes_receive(ends.receiver, 10, 0, 1);
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EAGAIN);
    CHECK_INT(wherry_drain(ends.sender, soon()), 0);
    ends_close(&ends);
}

ROW_TEST(a_message_that_does_not_fit_into_a_read_is_not_taken)
{
    struct ends ends;
    char room[64];
    wherry_message *none = NULL;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN | WHERRY_ABLE_KINDS);
    text_send(ends.sender, "too long for a byte");
    CHECK_INT(wherry_drain(ends.sender, WHERRY_POLL), 1);
    // It is passed over, and the sync behind it is held.
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 9, &none, wherry_after(20)),
                -ETIMEDOUT);
    CHECK_ERROR(wherry_read(ends.receiver, room, 1, NULL, NULL, soon()), -ENOSPC);
    CHECK_CONTAINS(wherry_error_text(), "19 bytes");
    CHECK_INT(wherry_drain(ends.sender, wherry_after(20)), 1);
    CHECK_INT(wherry_read(ends.receiver, room, sizeof(room), NULL, NULL, soon()), 19);
    CHECK_INT(wherry_drain(ends.sender, soon()), 0);
    ends_close(&ends);
}

ROW_TEST(where_nobody_confirms_drain_says_so)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_DRAIN))
        SKIP("the peer confirms here");
    text_send(ends.sender, "one");
    CHECK_ERROR(wherry_drain(ends.sender, soon()), -ENOTSUP);
    CHECK_CONTAINS(wherry_error_text(), channel_info(ends.sender).address);
    ends_close(&ends);
}

ROW_TEST(what_a_peer_took_before_it_closed_is_drained)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    text_send(ends.sender, "one");
    CHECK_INT(wherry_drain(ends.sender, WHERRY_POLL), 1);
    text_receive(ends.receiver, "one");
    ends_close_receiver(&ends);
    CHECK_INT(wherry_drain(ends.sender, soon()), 0);
    ends_close(&ends);
}

static void fill(wherry_channel *channel)
{
    static const char bytes[60000];
    while (wherry_write(channel, bytes, sizeof(bytes), 0, 0, WHERRY_POLL) == 0)
        ;
}

ROW_TEST(a_drain_without_room_takes_in_what_its_peer_is_waiting_to_send)
{
    struct ends ends;
    struct caller caller, listener;
    wherry_message *message;
    ends_open(row, "held=64M", &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN | WHERRY_ABLE_DUPLEX);
    fill(ends.sender);
    uint64_t count = channel_info(ends.sender).sent_messages;
    caller_start(&caller, &call_drain, ends.sender, soon());
    for (int round = 0; round < 3; round++) {
        fill(ends.receiver);
        text_send(ends.receiver, "waits for room");
    }
    for (uint64_t i = 0; i < count; i++) {
        CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
        wherry_message_free(message);
    }
    caller_start(&listener, &call_recv, ends.receiver, soon());
    CHECK_INT(caller_join(&caller), 0);
    text_send(ends.sender, "the listener's");
    CHECK_INT(caller_join(&listener), 1);
    ends_close(&ends);
}

ROW_TEST(drain_before_close_loses_nothing)
{
    struct ends ends;
    struct caller caller;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    send_some(ends.sender, 0, COUNT);
    caller_start(&caller, &call_drain, ends.sender, soon());
    for (int i = 0; i < COUNT; i++) {
        char text[32];
        snprintf(text, sizeof text, "message %d", i);
        text_receive(ends.receiver, text);
    }
    // The peer's orderly end after taking everything confirms it as well.
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EAGAIN);
    ends_close_receiver(&ends);
    CHECK_INT(caller_join(&caller), 0);
    ends_close(&ends);
}
