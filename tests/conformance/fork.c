/* SPDX-License-Identifier: MIT */
/*
 * wherry_pair, a plain fork(2), and each process closes the end that it does not use.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"

static void open_pair(const struct row *row, struct ends *ends)
{
    if (row->way != ROW_PAIR)
        SKIP("its ends are not made at once");
    ends_open(row, NULL, ends);
}

// What a child of these tests has: the ends as they were at the fork.
struct child {
    struct ends *ends;
    struct harness_gate gate; // passed by the parent
    struct harness_gate done; // passed by the child
};

static void open_gates(struct child *child, struct ends *ends)
{
    child->ends = ends;
    gate_open(&child->gate);
    gate_open(&child->done);
}

static void close_gates(struct child *child)
{
    gate_close(&child->gate);
    gate_close(&child->done);
}

static void speak(void *argument)
{
    struct child *child = argument;
    wherry_close(child->ends->receiver);
    text_send(child->ends->sender, "from the child");
    if (ends_can(child->ends, WHERRY_ABLE_DUPLEX))
        text_receive(child->ends->sender, "from the parent");
    wherry_close(child->ends->sender);
}

ROW_TEST(a_parent_and_its_child_talk)
{
    struct ends ends;
    struct child child;
    open_pair(row, &ends);
    open_gates(&child, &ends);
    pid_t pid = harness_child(speak, &child);
    ends_close_sender(&ends);
    text_receive(ends.receiver, "from the child");
    if (ends_can(&ends, WHERRY_ABLE_DUPLEX))
        text_send(ends.receiver, "from the parent");
    if (!row->endless)
        end_receive(ends.receiver);
    CHECK_INT(harness_wait(pid), 0);
    close_gates(&child);
    ends_close(&ends);
}

ROW_TEST(the_sender_is_the_child_and_not_the_creator)
{
    struct ends ends;
    struct child child;
    wherry_message *message;
    open_pair(row, &ends);
    ends_need(&ends, WHERRY_ABLE_SENDER);
    open_gates(&child, &ends);
    pid_t pid = harness_child(speak, &child);
    ends_close_sender(&ends);
    struct wherry_peer before = channel_info(ends.receiver).peer;
    CHECK(before.trust != WHERRY_TRUST_KERNEL || before.pid == pid);
    CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
    const struct wherry_peer *sender = wherry_message_sender(message);
    CHECK_INT(sender->trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(sender->pid, pid);
    CHECK_INT(sender->uid, getuid());
    CHECK_INT(sender->gid, getgid());
    wherry_message_free(message);
    struct wherry_peer peer = channel_info(ends.receiver).peer;
    CHECK_INT(peer.trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(peer.pid, pid);
    if (ends_can(&ends, WHERRY_ABLE_DUPLEX))
        text_send(ends.receiver, "from the parent");
    CHECK_INT(harness_wait(pid), 0);
    close_gates(&child);
    ends_close(&ends);
}

static void close_both(void *argument)
{
    struct child *child = argument;
    wherry_close(child->ends->receiver);
    wherry_close(child->ends->sender);
}

ROW_TEST(closing_a_copy_that_was_never_used_says_nothing)
{
    struct ends ends;
    struct child child;
    wherry_message *message = NULL;
    open_pair(row, &ends);
    open_gates(&child, &ends);
    text_send(ends.sender, "before");
    pid_t pid = harness_child(close_both, &child);
    CHECK_INT(harness_wait(pid), 0);
    text_receive(ends.receiver, "before");
    CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EAGAIN);
    text_send(ends.sender, "after");
    text_receive(ends.receiver, "after");
    if (ends_can(&ends, WHERRY_ABLE_DUPLEX)) {
        text_send(ends.receiver, "back");
        text_receive(ends.sender, "back");
    }
    close_gates(&child);
    ends_close(&ends);
}

enum { NOT_A_CHILDS = 3 }; // how a child ends that is told -ECHILD

static void take_two(void *argument)
{
    struct child *child = argument;
    wherry_message *message = NULL;
    wherry_close(child->ends->sender);
    gate_wait(&child->gate);
    int r = wherry_recv(child->ends->receiver, &message, soon());
    if (r == -ECHILD)
        wherry_close(child->ends->receiver);
    if (r == -ECHILD)
        exit(NOT_A_CHILDS);
    CHECK_INT(r, 1);
    CHECK_INT(wherry_message_size(message), 3);
    CHECK(memcmp(wherry_message_data(message), "one", 3) == 0);
    wherry_message_free(message);
    text_receive(child->ends->receiver, "two");
    wherry_close(child->ends->receiver);
}

ROW_TEST(a_parent_that_leaves_a_channel_to_its_child_takes_nothing_of_it)
{
    struct ends ends;
    struct child child;
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    if (ends_can(&ends, WHERRY_ABLE_NUMBER))
        ends_skip(&ends, "signals go to a process, not to who has the channel");
    open_gates(&child, &ends);
    text_send(ends.sender, "one");
    text_send(ends.sender, "two");
    if (ends_can(&ends, WHERRY_ABLE_DRAIN))
        CHECK_INT(wherry_drain(ends.sender, WHERRY_POLL), 2);
    pid_t pid = harness_child(take_two, &child);
    ends_close_receiver(&ends);
    gate_pass(&child.gate);
    const int end = harness_wait(pid);
    close_gates(&child);
    ends_close(&ends);
    if (end == NOT_A_CHILDS)
        ends_skip(&ends, "its memory is not there in a child");
    CHECK_INT(end, 0);
}

static void hold_a_copy(void *argument)
{
    struct child *child = argument;
    wherry_close(child->ends->receiver);
    gate_pass(&child->done);
    hang();
}

static void speak_and_hang(void *argument)
{
    struct child *child = argument;
    wherry_close(child->ends->receiver);
    text_send(child->ends->sender, "spoken");
    gate_pass(&child->done);
    hang();
}

static bool is_held_by(const struct wherry_channel_info *info, pid_t pid)
{
    for (int i = 0; i < info->holder_count && i < 8; i++)
        if (info->holders[i] == pid)
            return true;
    return false;
}

ROW_TEST(the_end_comes_with_the_last_copy_and_describe_names_who_has_it)
{
    struct ends ends;
    struct child child;
    wherry_message *message = NULL;
    open_pair(row, &ends);
    ends_need_end(&ends);
    open_gates(&child, &ends);
    pid_t forgetful = harness_child(hold_a_copy, &child);
    pid_t speaker = harness_child(speak_and_hang, &child);
    ends_close_sender(&ends);
    gate_wait(&child.done);
    gate_wait(&child.done);
    text_receive(ends.receiver, "spoken");
    harness_kill(speaker);
    // Whoever spoke is dead, but a copy keeps the channel open: nothing is told yet.
    CHECK_ERROR(wherry_recv(ends.receiver, &message, wherry_after(20)), -ETIMEDOUT);
    struct wherry_channel_info info = channel_info_and_holders(ends.receiver);
    CHECK(info.holder_count >= 1);
    CHECK(is_held_by(&info, forgetful));
    CHECK(!is_held_by(&info, speaker));
    CHECK(!is_held_by(&info, getpid()));
    harness_kill(forgetful);
    int r = wherry_recv(ends.receiver, &message, soon());
    CHECK_ERROR(r, ends_say_end(&ends) ? -ECONNRESET : 0);
    CHECK_INT(channel_info_and_holders(ends.receiver).holder_count, 0);
    close_gates(&child);
    ends_close(&ends);
}

static void say_the_second(void *argument)
{
    struct child *child = argument;
    text_send(child->ends->sender, "second");
    gate_pass(&child->done);
    gate_wait(&child->gate);
}

ROW_TEST(a_channel_that_was_used_goes_on_in_the_child)
{
    struct ends ends;
    struct child child;
    open_pair(row, &ends);
    open_gates(&child, &ends);
    text_send(ends.sender, "first");
    pid_t pid = harness_child(say_the_second, &child);
    gate_wait(&child.done);
    text_receive(ends.receiver, "first");
    text_receive(ends.receiver, "second");
    gate_pass(&child.gate);
    CHECK_INT(harness_wait(pid), 0);
    close_gates(&child);
    ends_close(&ends);
}

// --- whoever dialled ---

static void say_who(struct ends *ends, void *nothing)
{
    (void)nothing;
    text_send(ends->sender, "it is me");
}

ROW_TEST(the_kernel_names_the_process_that_dialled)
{
    struct ends ends;
    wherry_message *message;
    pid_t child = row_fork(row, NULL, ROW_SENDS, say_who, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_SENDER);
    CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
    CHECK_INT(wherry_message_sender(message)->trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(wherry_message_sender(message)->pid, child);
    CHECK_INT(wherry_message_sender(message)->uid, getuid());
    wherry_message_free(message);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}
