/* SPDX-License-Identifier: MIT */
/*
 * The peer is killed while this end waits in a call: the call ends within a tenth of a
 * second, with an error that names who died where the kernel told, and the end of the
 * bytes where a foreign framing has nothing more to say.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "caller.h"

enum { TOLD_MILLISECONDS = 100, MILLION = 1000000 };

// In the child: says something, hears something where it can, and then nothing more.
static void speak_and_hang(struct ends *ends, void *argument)
{
    struct harness_gate *ready = argument;
    if (ends->sender)
        text_send(ends->sender, "I live");
    if (ends->receiver && ends_can(ends, WHERRY_ABLE_DUPLEX) &&
        !ends_can(ends, WHERRY_ABLE_CONNECTIONLESS))
        text_send(ends->receiver, "I live");
    gate_pass(ready);
    hang();
}

// How a call ends whose peer died: by how the channel's end is told.
static void check_result(const struct ends *ends, const struct waiting_call *call,
                         long long r)
{
    bool is_sending = call->is_full || call == &call_drain;
    if (is_sending)
        CHECK(r == -EPIPE || r == -ECONNRESET);
    else if (ends_say_end(ends))
        CHECK_ERROR(r, -ECONNRESET);
    else
        CHECK(r == 0 || r == -ECONNRESET);
}

// A FIFO that the dead had made stays: whoever comes next finds and uses it.
static void remove_name(wherry_channel *channel)
{
    struct wherry_channel_info info = channel_info(channel);
    if (strncmp(info.address, "fifo:", 5) != 0)
        return;
    info.address[strcspn(info.address, "?")] = 0;
    unlink(info.address + 5);
}

static void check_call(const struct row *row, const struct waiting_call *call)
{
    struct ends ends;
    struct caller caller;
    struct harness_gate ready;
    gate_open(&ready);
    enum row_side child_side = call->side == ROW_SENDS ? ROW_RECEIVES : ROW_SENDS;
    if (row->endless)
        SKIP("nobody is told of the end here");
    pid_t child = row_fork(row, NULL, child_side, speak_and_hang, &ready, &ends);
    gate_wait(&ready);
    call_need(call, &ends);
    wherry_channel *channel = ends.sender ? ends.sender : ends.receiver;
    if (child_side == ROW_SENDS || ends_can(&ends, WHERRY_ABLE_DUPLEX))
        text_receive(channel, "I live");
    call_prepare(call, &ends);
    caller_start(&caller, call, channel, WHERRY_FOREVER);
    int64_t killed = harness_now();
    harness_kill(child);
    long long r = caller_join(&caller);
    CHECK_RANGE(caller.ended - killed, 0,
                (int64_t)harness_stretch(TOLD_MILLISECONDS) * MILLION);
    check_result(&ends, call, r);
    if (r < 0)
        CHECK_CONTAINS(caller.error_text, channel_info(channel).address);
    if (r < 0 && ends_can(&ends, WHERRY_ABLE_SENDER)) {
        char pid[32];
        snprintf(pid, sizeof pid, "process %d", (int)child);
        CHECK_CONTAINS(caller.error_text, pid);
    }
    remove_name(channel);
    gate_close(&ready);
    ends_close(&ends);
}

ROW_TEST(death_ends_recv)
{
    check_call(row, &call_recv);
}

ROW_TEST(death_ends_recv_kind)
{
    check_call(row, &call_recv_kind);
}

ROW_TEST(death_ends_recv_many)
{
    check_call(row, &call_recv_many);
}

ROW_TEST(death_ends_read_many)
{
    check_call(row, &call_read_many);
}

ROW_TEST(death_ends_read)
{
    check_call(row, &call_read);
}

ROW_TEST(death_ends_send)
{
    check_call(row, &call_send);
}

ROW_TEST(death_ends_write)
{
    check_call(row, &call_write);
}

ROW_TEST(death_ends_send_many)
{
    check_call(row, &call_send_many);
}

ROW_TEST(death_ends_write_many)
{
    check_call(row, &call_write_many);
}

ROW_TEST(death_ends_drain)
{
    check_call(row, &call_drain);
}

ROW_TEST(death_ends_relay)
{
    check_call(row, &call_relay);
}

ROW_TEST(what_the_dead_had_sent_still_arrives)
{
    struct ends ends;
    struct harness_gate ready;
    wherry_message *message = NULL;
    gate_open(&ready);
    pid_t child = row_fork(row, NULL, ROW_SENDS, speak_and_hang, &ready, &ends);
    gate_wait(&ready);
    harness_kill(child);
    text_receive(ends.receiver, "I live");
    if (!row->endless) {
        int r = wherry_recv(ends.receiver, &message, soon());
        CHECK_ERROR(r, ends_say_end(&ends) ? -ECONNRESET : 0);
    }
    gate_close(&ready);
    ends_close(&ends);
}

static void send_half(struct ends *ends, void *argument)
{
    struct harness_gate *ready = argument;
    size_t size = (size_t)ends->can.message_limit;
    wherry_message *message;
    text_send(ends->sender, "whole");
    CHECK_OK(wherry_message_new(size, &message));
    bytes_fill(wherry_message_data(message), size, 0);
    CHECK_OK(wherry_send(ends->sender, &message, 0, wherry_after(20)));
    gate_pass(ready);
    hang();
}

ROW_TEST(half_a_message_of_the_dead_is_not_delivered)
{
    struct ends ends;
    struct harness_gate ready;
    wherry_message *message = NULL;
    gate_open(&ready);
    if (row->endless)
        SKIP("datagrams are whole");
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_half, &ready, &ends);
    if (ends_can(&ends, WHERRY_ABLE_MESSAGES) ||
        ends.can.message_limit < (INT64_C(16) << 20))
        ends_skip(&ends, "its messages go out whole or not at all");
    ends_need_messages(&ends);
    gate_wait(&ready);
    harness_kill(child);
    text_receive(ends.receiver, "whole");
    int r = wherry_recv(ends.receiver, &message, soon());
    // A last line without its newline is a message: nobody can tell.  A FIFO of many
    // writers takes small messages only, whole.
    bool is_line = strcmp(ends.can.framing, "line") == 0;
    bool is_small = r == 1 && wherry_message_size(message) <= 4096;
    wherry_message_free(message);
    if (is_line || is_small)
        CHECK_INT(r, 1);
    else
        CHECK_ERROR(r, -ECONNRESET);
    if (r < 0)
        CHECK_CONTAINS(wherry_error_text(), channel_info(ends.receiver).address);
    gate_close(&ready);
    ends_close(&ends);
}

// --- accept ---

static void connect_and_hang(void *argument)
{
    struct harness_gate *ready = argument;
    char address[ROW_ADDRESS] = "";
    FILE *file = fopen(harness_path("address"), "re");
    CHECK(file && fgets(address, sizeof address, file));
    // A dialler that is killed before it is accepted.
    wherry_channel *channel;
    CHECK_OK(wherry_dial(address, soon(), &channel));
    gate_pass(ready);
    hang();
}

ROW_TEST(accept_waits_on_for_the_living_when_a_dialler_dies)
{
    struct harness_gate ready;
    wherry_listener *listener = row_listen_for_many(row, NULL);
    wherry_channel *dialled, *accepted;
    gate_open(&ready);
    const char *where = wherry_listener_address(listener);
    harness_write_file("address", where, strlen(where));
    pid_t child = harness_child(connect_and_hang, &ready);
    gate_wait(&ready);
    harness_kill(child);
    CHECK_OK(wherry_dial(where, soon(), &dialled));
    text_send(dialled, "alive");
    // The dead one had said hello and may come first; then its end is told.
    for (;;) {
        wherry_message *message = NULL;
        CHECK_OK(wherry_accept(listener, soon(), &accepted));
        int r = wherry_recv(accepted, &message, soon());
        wherry_close(accepted);
        if (r == 1) {
            CHECK_BYTES(wherry_message_data(message), "alive", 5);
            wherry_message_free(message);
            break;
        }
        CHECK(r == 0 || r == -ECONNRESET);
    }
    wherry_close(dialled);
    wherry_close_listener(listener);
    gate_close(&ready);
}
