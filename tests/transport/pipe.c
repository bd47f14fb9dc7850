/* SPDX-License-Identifier: MIT */
/*
 * pipe: what a user of pipe(2) knows, through channels.
 */
#include <stdlib.h>

#include "talk.h"

static wherry_channel *ends[2];
static struct harness_gate gate;

static void open_ends(const char *address)
{
    WORKS(wherry_pair(address, ends));
}

static void close_ends(void)
{
    wherry_close(ends[0]);
    wherry_close(ends[1]);
}

TEST(a_pipe_is_one_way_and_each_end_refuses_the_other_direction)
{
    open_ends("pipe:");
    say(ends[1], "down the river");
    hear(ends[0], "down the river");
    FAILS(wherry_write(ends[0], "up", 2, 0, 0, WHERRY_POLL), -EPERM, "receiving end");
    wherry_message *message;
    FAILS(wherry_recv(ends[1], &message, WHERRY_POLL), -EPERM, "sending end");
    CHECK_INT(info_of(ends[0]).abilities & (WHERRY_ABLE_SEND | WHERRY_ABLE_FINISH), 0);
    CHECK_INT(info_of(ends[1]).abilities & WHERRY_ABLE_RECV, 0);
    close_ends();
}

TEST(what_was_read_is_gone)
{
    open_ends("pipe:");
    say(ends[1], "once");
    hear(ends[0], "once");
    hear_nothing(ends[0]);
    close_ends();
}

TEST(duplex_makes_two_pipes)
{
    open_ends("pipe:?duplex=1");
    say(ends[0], "there");
    say(ends[1], "and back");
    hear(ends[1], "there");
    hear(ends[0], "and back");
    close_ends();
}

static void reads_one(void *unused)
{
    (void)unused;
    wherry_close(ends[1]);
    hear(ends[0], "at last");
    wherry_close(ends[0]);
}

TEST(an_empty_reader_sleeps_until_a_writer_wakes_it)
{
    open_ends("pipe:");
    pid_t reader = harness_child(reads_one, NULL);
    wherry_close(ends[0]);
    harness_wait_blocked(reader);
    say(ends[1], "at last");
    CHECK_INT(harness_wait(reader), 0);
    wherry_close(ends[1]);
}

enum { MANY = 20, LARGE = 8192 };

static void writes_more_than_fits(void *unused)
{
    static char bytes[LARGE];
    (void)unused;
    wherry_close(ends[0]);
    for (int i = 0; i < MANY; i++) {
        memset(bytes, 'a' + i, sizeof(bytes));
        WORKS(wherry_write(ends[1], bytes, sizeof(bytes), 0, 0, soon()));
    }
    wherry_close(ends[1]);
}

TEST(a_full_writer_sleeps_until_a_reader_wakes_it)
{
    char bytes[LARGE];
    open_ends("pipe:?buffer=64K");
    pid_t writer = harness_child(writes_more_than_fits, NULL);
    wherry_close(ends[1]);
    harness_wait_blocked(writer);
    CHECK_RANGE(info_of(ends[0]).unread_bytes, 50000, 65536);
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(wherry_read(ends[0], bytes, LARGE, NULL, NULL, soon()), LARGE);
        CHECK_INT(bytes[0], 'a' + i);
        CHECK_INT(bytes[LARGE - 1], 'a' + i);
    }
    hear_end(ends[0]);
    CHECK_INT(harness_wait(writer), 0);
    wherry_close(ends[0]);
}

TEST(a_message_of_64_kib_fits_without_a_reader)
{
    char *bytes = calloc(1, 65536);
    open_ends("pipe:");
    WORKS(wherry_write(ends[1], bytes, 65536, 0, 0, WHERRY_POLL));
    CHECK_INT(info_of(ends[1]).queued_bytes, 0);
    CHECK_INT(wherry_read(ends[0], bytes, 65536, NULL, NULL, WHERRY_POLL), 65536);
    close_ends();
    free(bytes);
}

static void answers(void *unused)
{
    (void)unused;
    wherry_close(ends[0]);
    hear(ends[1], "question");
    say(ends[1], "answer");
    wherry_close(ends[1]);
}

TEST(a_pair_works_across_a_plain_fork)
{
    open_ends("pipe:?duplex=yes");
    pid_t child = harness_child(answers, NULL);
    wherry_close(ends[1]);
    say(ends[0], "question");
    hear(ends[0], "answer");
    hear_end(ends[0]);
    CHECK_INT(harness_wait(child), 0);
    wherry_close(ends[0]);
}

static void keeps_a_copy(void *unused)
{
    (void)unused;
    gate_wait(&gate);
}

TEST(the_end_comes_with_the_last_copy_of_the_writing_end_and_its_holder_is_named)
{
    char byte;
    gate_open(&gate);
    open_ends("pipe:?framing=raw");
    pid_t child = harness_child(keeps_a_copy, NULL);
    say(ends[1], "x");
    wherry_close(ends[1]);
    hear(ends[0], "x");
    CHECK_ERROR(wherry_read(ends[0], &byte, 1, NULL, NULL, at_once()), -ETIMEDOUT);
    struct wherry_channel_info info = info_of(ends[0]);
    CHECK_INT(info.holder_count, 1);
    CHECK_INT(info.holders[0], child);
    gate_pass(&gate);
    CHECK_INT(harness_wait(child), 0);
    hear_end(ends[0]);
    wherry_close(ends[0]);
    gate_close(&gate);
}

TEST(a_widowed_writer_gets_an_error_and_no_signal)
{
    open_ends("pipe:");
    wherry_close(ends[0]);
    CHECK_ERROR(wherry_write(ends[1], "x", 1, 0, 0, soon()), -EPIPE);
    wherry_close(ends[1]);
}

static void asks_for_too_much(void *unused)
{
    (void)unused;
    wherry_channel *refused[2];
    if (geteuid() == 0)
        CHECK_INT(seteuid(65534), 0);
    FAILS(wherry_pair("pipe:?buffer=64M", refused), -EPERM, "fs.pipe-max-size");
}

TEST(a_buffer_that_the_system_refuses_is_told)
{
    CHECK_INT(harness_wait(harness_child(asks_for_too_much, NULL)), 0);
}

TEST(a_pipe_has_no_name_and_is_neither_dialled_nor_listened_on)
{
    wherry_channel *channel;
    wherry_listener *listener;
    FAILS(wherry_pair("pipe:x", ends), -EINVAL, "has no name");
    FAILS(wherry_dial("pipe:", soon(), &channel), -ENOTSUP, "pair");
    FAILS(wherry_listen("pipe:", &listener), -ENOTSUP, "pipe");
}
