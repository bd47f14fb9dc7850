/* SPDX-License-Identifier: MIT */
/*
 * The descriptor is readable exactly when a recv would not have to wait, whatever the
 * library has read ahead or passed over, in poll(2) and in epoll(7).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bytes.h"

enum { SIZE = 24, WAITING = 1000 };

static struct pollfd descriptor_of(wherry_channel *channel, enum wherry_direction way)
{
    struct pollfd wait = {.fd = -1};
    CHECK_OK(wherry_fd(channel, way, &wait.fd, &wait.events));
    CHECK(wait.fd >= 0);
    return wait;
}

static bool happens(struct pollfd wait, int milliseconds)
{
    wherry_deadline end = wherry_after(milliseconds);
    int r;
    do
        r = poll(&wait, 1, milliseconds);
    while (r < 0 && errno == EINTR && wherry_now() < end);
    CHECK(!(wait.revents & POLLNVAL));
    return r > 0;
}

static bool happens_soon(struct pollfd wait)
{
    return happens(wait, harness_stretch(HARNESS_PATIENCE));
}

// Nothing is there, and the descriptor knows: a recv has looked.
static void check_quiet(wherry_channel *channel, struct pollfd wait)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
    CHECK(!happens(wait, 0));
}

static void open_with_descriptor(const struct row *row, struct ends *ends)
{
    ends_open(row, NULL, ends);
    if (!(channel_info(ends->receiver).abilities & WHERRY_ABLE_DESCRIPTOR))
        ends_skip(ends, "no descriptor to wait for");
}

ROW_TEST(it_is_readable_from_a_message_to_its_recv)
{
    struct ends ends;
    open_with_descriptor(row, &ends);
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    CHECK_INT(in.events, POLLIN);
    for (unsigned i = 0; i < 5; i++) {
        check_quiet(ends.receiver, in);
        bytes_send(ends.sender, SIZE, i, 0);
        CHECK(happens_soon(in));
        CHECK(happens(in, 0)); // and stays so
        bytes_receive(ends.receiver, SIZE, i, 0);
    }
    check_quiet(ends.receiver, in);
    CHECK_INT(descriptor_of(ends.receiver, WHERRY_IN).fd, in.fd);
    ends_close(&ends);
}

ROW_TEST(it_is_readable_for_what_was_there_before_it)
{
    struct ends ends;
    open_with_descriptor(row, &ends);
    ends_need_messages(&ends);
    for (unsigned i = 0; i < 5; i++)
        bytes_send(ends.sender, SIZE, i, 0);
    bytes_receive(ends.receiver, SIZE, 0, 0); // the others are read ahead
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    for (unsigned i = 1; i < 5; i++) {
        CHECK(happens(in, 0));
        bytes_receive(ends.receiver, SIZE, i, 0);
    }
    check_quiet(ends.receiver, in);
    ends_close(&ends);
}

// --- one message for one wake ---

static void send_waiting(struct ends *ends, void *nothing)
{
    (void)nothing;
    for (unsigned i = 0; i < WAITING; i++) {
        char bytes[SIZE];
        size_t size = size_there(ends->sender, SIZE);
        bytes_fill(bytes, size, i);
        unsigned flags = i % 10 != 9 ? WHERRY_MORE : 0;
        CHECK_INT(wherry_write(ends->sender, bytes, size, 0, flags, soon()), 0);
    }
    finish_all(ends->sender);
}

// Takes one for each time that `is_awake` says so, to the end.
static void take_one_by_one(struct ends *ends, bool (*is_awake)(void *), void *argument)
{
    wherry_message *message = NULL;
    unsigned got = 0;
    size_t size = size_there(ends->receiver, SIZE);
    while (got < WAITING) {
        if (!is_awake(argument))
            FAIL("no wake for message %u of %d", got, WAITING);
        int r = wherry_recv(ends->receiver, &message, WHERRY_POLL);
        if (r == -EAGAIN) // a part of one
            continue;
        CHECK_INT(r, 1);
        CHECK_INT(wherry_message_size(message), size);
        bytes_check(wherry_message_data(message), size, got++);
        wherry_message_free(message);
    }
    if (ends->row->endless)
        return;
    int r = -EAGAIN;
    while (r == -EAGAIN && is_awake(argument))
        r = wherry_recv(ends->receiver, &message, WHERRY_POLL);
    CHECK_INT(r, 0);
}

static bool wakes_poll(void *argument)
{
    return happens_soon(*(struct pollfd *)argument);
}

static bool wakes_epoll(void *argument)
{
    struct epoll_event event;
    int r;
    do
        r = epoll_wait(*(int *)argument, &event, 1, harness_stretch(HARNESS_PATIENCE));
    while (r < 0 && errno == EINTR);
    return r == 1;
}

static pid_t fork_waiting(const struct row *row, struct ends *ends)
{
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_waiting, NULL, ends);
    ends_need(ends, WHERRY_ABLE_DESCRIPTOR);
    ends_need_messages(ends);
    if (ends_can(ends, WHERRY_ABLE_LOSS))
        ends_skip(ends, "a thousand at once would be lost in part");
    return child;
}

ROW_TEST(one_message_is_taken_for_each_wake_of_poll)
{
    struct ends ends;
    pid_t child = fork_waiting(row, &ends);
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    take_one_by_one(&ends, wakes_poll, &in);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

ROW_TEST(one_message_is_taken_for_each_wake_of_epoll)
{
    struct ends ends;
    pid_t child = fork_waiting(row, &ends);
    int watch = epoll_create1(EPOLL_CLOEXEC);
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    struct epoll_event event = {.events = (uint32_t)in.events};
    CHECK_INT(epoll_ctl(watch, EPOLL_CTL_ADD, in.fd, &event), 0);
    take_one_by_one(&ends, wakes_epoll, &watch);
    close(watch);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

// --- what user space holds ---

ROW_TEST(what_was_passed_over_keeps_it_readable)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_descriptor(row, &ends);
    ends_need(&ends, WHERRY_ABLE_KINDS);
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    bytes_send(ends.sender, SIZE, 0, 1);
    bytes_send(ends.sender, SIZE, 1, 2);
    CHECK_INT(wherry_recv_kind(ends.receiver, 2, &message, soon()), 1);
    wherry_message_free(message);
    CHECK(happens(in, 0));
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 2, &message, WHERRY_POLL), -EAGAIN);
    CHECK(happens(in, 0));
    bytes_receive(ends.receiver, SIZE, 0, 1);
    check_quiet(ends.receiver, in);
    ends_close(&ends);
}

ROW_TEST(what_was_held_by_a_drain_makes_it_readable)
{
    struct ends ends;
    open_with_descriptor(row, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    struct pollfd in = descriptor_of(ends.sender, WHERRY_IN);
    text_send(ends.sender, "to be confirmed");
    text_send(ends.receiver, "meanwhile");
    CHECK_INT(wherry_drain(ends.sender, wherry_after(5)), 1);
    CHECK_INT(channel_info(ends.sender).held_messages, 1);
    CHECK(happens(in, 0));
    text_receive(ends.sender, "meanwhile");
    check_quiet(ends.sender, in);
    ends_close(&ends);
}

ROW_TEST(a_message_that_a_read_left_keeps_it_readable)
{
    struct ends ends;
    char byte;
    open_with_descriptor(row, &ends);
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    text_send(ends.sender, "too long for it");
    CHECK_ERROR(wherry_read(ends.receiver, &byte, 1, NULL, NULL, soon()), -ENOSPC);
    CHECK(happens(in, 0));
    text_receive(ends.receiver, "too long for it");
    check_quiet(ends.receiver, in);
    ends_close(&ends);
}

// --- the end ---

ROW_TEST(the_end_makes_it_readable_for_good)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_descriptor(row, &ends);
    ends_need_end(&ends);
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    text_send(ends.sender, "the last");
    text_receive(ends.receiver, "the last");
    check_quiet(ends.receiver, in);
    ends_close_sender(&ends);
    for (int i = 0; i < 3; i++) {
        CHECK(happens_soon(in));
        int r = wherry_recv(ends.receiver, &message, WHERRY_POLL);
        while (r == -EAGAIN && happens_soon(in))
            r = wherry_recv(ends.receiver, &message, WHERRY_POLL);
        CHECK_INT(r, 0);
    }
    ends_close(&ends);
}

static void speak_and_hang(struct ends *ends, void *nothing)
{
    (void)nothing;
    text_send(ends->sender, "I live");
    hang();
}

ROW_TEST(death_makes_it_readable)
{
    struct ends ends;
    wherry_message *message = NULL;
    pid_t child = row_fork(row, NULL, ROW_SENDS, speak_and_hang, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DESCRIPTOR);
    ends_need_end(&ends);
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    text_receive(ends.receiver, "I live");
    check_quiet(ends.receiver, in);
    harness_kill(child);
    CHECK(happens_soon(in));
    int r = wherry_recv(ends.receiver, &message, WHERRY_POLL);
    while (r == -EAGAIN && happens_soon(in))
        r = wherry_recv(ends.receiver, &message, WHERRY_POLL);
    CHECK(r == 0 || r == -ECONNRESET);
    CHECK(happens(in, 0));
    ends_close(&ends);
}

// --- sending ---

ROW_TEST(the_other_descriptor_is_writable_while_there_is_room)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_descriptor(row, &ends);
    ends_need(&ends, WHERRY_ABLE_DESCRIPTOR);
    struct pollfd out = descriptor_of(ends.sender, WHERRY_OUT);
    CHECK(out.events == POLLOUT || out.events == POLLIN); // a doorbell rings for room
    CHECK(happens(out, 0));
    if (ends_can(&ends, WHERRY_ABLE_LOSS))
        SKIP("it is never full: the kernel loses what does not fit");
    fill_up(ends.sender, 1000);
    CHECK(!happens(out, 0));
    int r;
    while ((r = wherry_recv(ends.receiver, &message, WHERRY_POLL)) == 1)
        wherry_message_free(message);
    CHECK_ERROR(r, -EAGAIN);
    CHECK(happens_soon(out));
    CHECK_INT(wherry_write(ends.sender, "again", 5, 0, 0, WHERRY_POLL), 0);
    ends_close(&ends);
}

// --- no wake-up is lost ---

/* Each way of moving is tried thoroughly once, a million rounds in all. */
enum { SOME_ROUNDS = 5000, SLOW_ROUNDS = 500 };

static unsigned rounds_of(const struct row *row)
{
    static const struct {
        const char *name;
        unsigned rounds;
    } thorough[] = {{"pair-packet", 300000},
                    {"pair-stream", 300000},
                    {"pipe-duplex", 300000},
                    {"tcp-v4", 100000}};

    if (!row_is_thorough())
        return SLOW_ROUNDS;
    for (size_t i = 0; i < sizeof thorough / sizeof thorough[0]; i++)
        if (strcmp(row->name, thorough[i].name) == 0)
            return thorough[i].rounds;
    return SOME_ROUNDS;
}

// Waits for the descriptor only; fails the test when it does not come.
static void take_by_wake(wherry_channel *channel, struct pollfd in, unsigned round)
{
    unsigned char bytes[8];
    int64_t r = -EAGAIN;
    while (r == -EAGAIN) {
        if (!happens_soon(in))
            FAIL("the wake of round %u was lost", round);
        r = wherry_read(channel, bytes, sizeof bytes, NULL, NULL, WHERRY_POLL);
    }
    CHECK_INT(r, size_there(channel, 1));
    CHECK_INT(bytes[0], 'a' + round % 26);
}

// One byte, or the least that there is.
static void send_round(wherry_channel *channel, unsigned round)
{
    const char bytes[4] = {(char)('a' + round % 26)};
    size_t size = size_there(channel, 1);
    CHECK_INT(wherry_write(channel, bytes, size, 0, 0, soon()), 0);
}

static void answer_rounds(struct ends *ends, void *argument)
{
    unsigned rounds = *(unsigned *)argument;
    struct pollfd in = descriptor_of(ends->receiver, WHERRY_IN);
    for (unsigned i = 0; i < rounds; i++) {
        take_by_wake(ends->receiver, in, i);
        send_round(ends->receiver, i);
    }
}

ROW_TEST(no_wake_is_lost_there_and_back)
{
    struct ends ends;
    unsigned rounds = rounds_of(row);
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DESCRIPTOR | WHERRY_ABLE_DUPLEX);
    struct wherry_channel_info other = channel_info(ends.receiver);
    if (other.abilities & WHERRY_ABLE_CONNECTIONLESS)
        SKIP("an answer needs to=");
    ends_close(&ends);
    pid_t child = row_fork(row, NULL, ROW_RECEIVES, answer_rounds, &rounds, &ends);
    struct pollfd in = descriptor_of(ends.sender, WHERRY_IN);
    for (unsigned i = 0; i < rounds; i++) {
        send_round(ends.sender, i);
        take_by_wake(ends.sender, in, i);
    }
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

static void send_rounds(struct ends *ends, void *argument)
{
    unsigned rounds = *(unsigned *)argument;
    for (unsigned i = 0; i < rounds; i++)
        send_round(ends->sender, i);
}

ROW_TEST(no_wake_is_lost_one_way)
{
    struct ends ends;
    unsigned rounds = rounds_of(row);
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_rounds, &rounds, &ends);
    ends_need(&ends, WHERRY_ABLE_DESCRIPTOR);
    ends_need_messages(&ends);
    if (ends_can(&ends, WHERRY_ABLE_LOSS))
        ends_skip(&ends, "some would be lost with their wakes");
    struct pollfd in = descriptor_of(ends.receiver, WHERRY_IN);
    for (unsigned i = 0; i < rounds; i++)
        take_by_wake(ends.receiver, in, i);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}
