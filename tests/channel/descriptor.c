/* SPDX-License-Identifier: MIT */
/*
 * The descriptor of a channel where there is none, or none can be had, and what it
 * tells of an error that is owed.
 */
#include "scripted.h"

#include <poll.h>

static struct scripted script;
static wherry_channel *channel;

static int get(enum wherry_direction direction, struct pollfd *out)
{
    return wherry_fd(channel, direction, &out->fd, &out->events);
}

static const enum wherry_direction both[] = {WHERRY_IN, WHERRY_OUT};

TEST(where_there_is_none_that_is_said)
{
    struct pollfd got = {.fd = -5};
    channel = scripted_open(&script, "own:");
    for (int i = 0; i < 2; i++) {
        script.wait[both[i]] = always(1);
        FAILS(get(both[i], &got), -ENOTSUP, "own:: this mechanism has no descriptor");
    }
    CHECK_INT(got.fd, -5);
    scripted_close(&script, channel);
}

TEST(why_there_is_none_is_told_and_the_next_call_asks_again)
{
    struct pollfd got = {.fd = -5};
    channel = scripted_open(&script, "own:");
    for (int i = 0; i < 2; i++) {
        script.wait[both[i]] = first(-EIO);
        FAILS(get(both[i], &got), -EIO, "own:");
        CHECK_INT(got.fd, -5);
        CHECK_OK(get(both[i], &got));
        CHECK_INT(poll(&got, 1, 0), 1);
        got.fd = -5;
    }
    scripted_close(&script, channel);
}

TEST(one_that_cannot_be_watched_leaves_nothing_behind)
{
    struct pollfd got;
    channel = scripted_open(&script, "own:");
    int before = harness_descriptors();
    script.fd = -1;
    FAILS(get(WHERRY_IN, &got), -EBADF, "own:");
    CHECK_INT(harness_descriptors(), before);
    script.fd = script.bell;
    CHECK_OK(get(WHERRY_IN, &got));
    scripted_close(&script, channel);
}

TEST(without_a_descriptor_left_that_is_said_and_nothing_is_left_behind)
{
    struct pollfd got;
    channel = scripted_open(&script, "own:");
    int before = harness_descriptors();
    for (unsigned room = 0; room < 2; room++) {
        descriptors_leave(room);
        FAILS(get(WHERRY_IN, &got), -EMFILE, "own:");
        descriptors_leave_all();
        CHECK_INT(harness_descriptors(), before);
    }
    CHECK_OK(get(WHERRY_IN, &got));
    scripted_close(&script, channel);
}

TEST(an_error_that_is_owed_makes_it_readable)
{
    enum { MANY = 3 };

    wherry_message *messages[MANY];
    struct pollfd got;
    channel = scripted_open(&script, "own:");
    script.fd = script.silent;
    scripted_arrives(&script, 0, "one");
    scripted_arrives_result(&script, -EMFILE);
    CHECK_OK(get(WHERRY_IN, &got));
    CHECK_INT(wherry_recv_many(channel, messages, MANY, soon()), 1);
    wherry_message_free(messages[0]);
    CHECK_INT(poll(&got, 1, 0), 1);
    FAILS(wherry_recv(channel, messages, WHERRY_POLL), -EMFILE, "own:");
    CHECK_INT(poll(&got, 1, 0), 0);
    CHECK_ERROR(wherry_recv(channel, messages, WHERRY_POLL), -EAGAIN);
    scripted_close(&script, channel);
}
