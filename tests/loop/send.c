/* SPDX-License-Identifier: MIT */
/*
 * send: full channels, room again, and what is still here when a watch is closed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>

#include "story.h"

enum { SIZE = 4000, LARGE = 4000000 };

static wherry_channel *ends[2];
static wherry_watch *watch;
static char bytes[SIZE];
static unsigned sent;

static void open_pair(const char *address)
{
    begin();
    WORKS(wherry_pair(address, ends));
}

// As many messages as there is room for.
static int fill(void)
{
    int r;
    do {
        snprintf(bytes, sizeof(bytes), "%u", sent);
        r = wherry_watch_write(watch, bytes, sizeof(bytes), 0, 0);
        sent += r >= 0;
    } while (r >= 0);
    return r;
}

static void hear_number(wherry_channel *from, unsigned number)
{
    char heard[SIZE] = "";
    char expected[16];
    int ended = 0;
    WORKS(wherry_read(from, heard, sizeof(heard), NULL, &ended, soon()));
    CHECK_INT(ended, 0);
    snprintf(expected, sizeof(expected), "%u", number);
    CHECK_STRING(heard, expected);
}

TEST(what_is_sent_arrives_and_more_is_gathered)
{
    wherry_message *message = NULL;
    open_pair("pair:");
    watch = watch_channel(ends[0], NULL);
    WORKS(wherry_message_copy("one", 3, &message));
    WORKS(wherry_watch_send(watch, &message, WHERRY_MORE));
    CHECK(message == NULL);
    WORKS(wherry_watch_write(watch, "two", 3, 5, 0));
    hear(ends[1], "one");
    hear(ends[1], "two");
    wherry_close(ends[1]);
    run();
    end();
}

static void sends_more(void *user, wherry_watch *one)
{
    (void)user;
    (void)one;
    tell("room");
    CHECK_ERROR(fill(), -EAGAIN);
}

TEST(a_full_channel_says_so_and_then_that_there_is_room)
{
    struct wherry_channel_events events = {.on_room = sends_more};
    open_pair("pair:");
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), &watch));
    CHECK_ERROR(fill(), -EAGAIN);
    CHECK_ERROR(fill(), -EAGAIN);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    CHECK_STORY("");
    unsigned before = sent;
    for (unsigned i = 0; i < before; i++)
        hear_number(ends[1], i);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    CHECK_STORY("room");
    CHECK(sent > before);
    for (unsigned i = before; i < sent; i++)
        hear_number(ends[1], i);
    wherry_close(ends[1]);
    end();
}

static void send_large(void)
{
    char *large = calloc(1, LARGE);
    WORKS(wherry_watch_write(watch, large, LARGE, 0, 0));
    free(large);
}

// The kernel takes a part of a large message, and the rest is nobody's to send again.
TEST(the_rest_of_a_message_goes_out_by_itself)
{
    size_t got = 0;
    open_pair("pair:?type=stream&framing=raw");
    watch = watch_channel(ends[0], NULL);
    send_large();
    while (got < LARGE) {
        wherry_message *message = NULL;
        int r = wherry_loop_run(loop, WHERRY_POLL);
        CHECK(r == -EAGAIN);
        if (wherry_recv(ends[1], &message, WHERRY_POLL) == 1)
            got += wherry_message_size(message);
        wherry_message_free(message);
    }
    CHECK_INT(got, LARGE);
    CHECK_STORY("");
    wherry_close(ends[1]);
    end();
}

TEST(that_there_is_room_is_told_once_for_each_time_there_was_none)
{
    wherry_message *message = NULL;
    open_pair("pair:?type=stream");
    watch = watch_channel(ends[0], NULL);
    CHECK_ERROR(fill(), -EAGAIN);
    for (unsigned i = 0; i < sent; i++)
        hear_number(ends[1], i);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    CHECK_STORY("room");
    send_large();
    while (!message) {
        CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
        (void)wherry_recv(ends[1], &message, WHERRY_POLL);
    }
    wherry_message_free(message);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    CHECK_STORY("");
    wherry_close(ends[1]);
    end();
}

TEST(a_rest_that_is_lost_is_the_end_and_no_error_besides)
{
    open_pair("pair:?type=stream");
    watch = watch_channel(ends[0], NULL);
    send_large();
    wherry_close(ends[1]);
    run();
    CHECK(strncmp(story, "disconnect E", 12) == 0);
    CHECK(strstr(story, "error") == NULL);
    end();
}

TEST(a_private_list_goes_out_by_itself)
{
    open_pair("pair:?full=drop-oldest&queue=1M");
    watch = watch_channel(ends[0], NULL);
    unsigned count = 0;
    while (info_of(wherry_watch_channel(watch)).queued_messages < 3) {
        snprintf(bytes, sizeof(bytes), "%u", count++);
        WORKS(wherry_watch_write(watch, bytes, sizeof(bytes), 0, 0));
    }
    for (unsigned i = 0; i < count; i++) {
        hear_number(ends[1], i);
        CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    }
    CHECK_INT(info_of(wherry_watch_channel(watch)).queued_messages, 0);
    wherry_close(ends[1]);
    end();
}

TEST(a_full_channel_that_is_closed_says_its_end_when_there_is_room)
{
    open_pair("pair:");
    watch = watch_channel(ends[0], NULL);
    CHECK_ERROR(fill(), -EAGAIN);
    wherry_watch_close(watch);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    CHECK_STORY("");
    for (unsigned i = 0; i < sent; i++)
        hear_number(ends[1], i);
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    hear_end(ends[1]);
    wherry_close(ends[1]);
    CHECK_STORY("close");
    end();
}

// Not even 16 bytes, which the end takes, are free any more.
static unsigned fill_to_the_brim(void)
{
    unsigned empty = 0;
    CHECK_ERROR(fill(), -EAGAIN);
    while (wherry_watch_write(watch, "", 0, 0, 0) >= 0)
        empty++;
    return empty;
}

TEST(finishing_a_full_channel_is_said_when_there_is_room)
{
    open_pair("pipe:");
    wherry_channel *swapped = ends[0];
    ends[0] = ends[1];
    ends[1] = swapped;
    watch = watch_channel(ends[0], NULL);
    unsigned empty = fill_to_the_brim();
    WORKS(wherry_watch_finish(watch));
    WORKS(wherry_watch_finish(watch));
    FAILS(wherry_watch_write(watch, "x", 1, 0, 0), -ESHUTDOWN, "finished");
    for (unsigned i = 0; i < sent; i++)
        hear_number(ends[1], i);
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    while (empty-- > 0)
        hear(ends[1], "");
    hear_end(ends[1]);
    wherry_close(ends[1]);
    CHECK_STORY("close"); // it could only send
    end();
}

TEST(a_peer_that_never_reads_holds_up_nobody_longer_than_it_may)
{
    open_pair("pair:");
    watch = watch_channel(ends[0], NULL);
    CHECK_ERROR(fill(), -EAGAIN);
    wherry_watch_close(watch);
    wherry_deadline began = wherry_now();
    CHECK_INT(wherry_loop_run(loop, wherry_after(harness_stretch(20000))), 0);
    CHECK(wherry_now() - began >= 1900 * INT64_C(1000000));
    CHECK_STORY("close");
    wherry_close(ends[1]);
    end();
}

TEST(freeing_the_loop_does_not_wait_for_such_a_peer)
{
    open_pair("pair:");
    watch = watch_channel(ends[0], NULL);
    CHECK_ERROR(fill(), -EAGAIN);
    wherry_watch_close(watch);
    wherry_deadline began = wherry_now();
    end();
    if (!harness_is_slow())
        CHECK(wherry_now() - began < 90 * INT64_C(1000000));
    CHECK_STORY("close");
    wherry_close(ends[1]);
}

TEST(a_reader_that_goes_is_told_to_who_only_sends_and_has_some_left)
{
    open_pair("pipe:");
    watch = watch_channel(ends[1], NULL);
    send_large();
    wherry_close(ends[0]);
    run();
    CHECK_STORY("disconnect EPIPE, close");
    end();
}

TEST(half_open_a_rest_that_is_lost_is_an_error)
{
    struct wherry_channel_events events = telling;
    wherry_message *message = NULL;
    events.half_open = 1;
    open_pair("pair:?type=stream&framing=wherry");
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), &watch));
    WORKS(wherry_finish(ends[1]));
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    CHECK_STORY("disconnect 0");
    send_large();
    CHECK_ERROR(wherry_recv(ends[1], &message, WHERRY_POLL), -EAGAIN);
    wherry_close(ends[1]);
    run();
    CHECK_STORY("error EPIPE, close");
    end();
}

TEST(a_reader_that_goes_makes_room_for_an_error)
{
    open_pair("pipe:");
    watch = watch_channel(ends[1], NULL);
    CHECK_ERROR(fill(), -EAGAIN);
    wherry_close(ends[0]);
    run();
    CHECK_STORY("room");
    CHECK_ERROR(fill(), -EPIPE);
    end();
    CHECK_STORY("close");
}

TEST(a_reader_that_goes_is_an_error_of_the_next_send)
{
    open_pair("pipe:");
    watch = watch_channel(ends[1], NULL);
    wherry_close(ends[0]);
    CHECK_ERROR(wherry_watch_write(watch, "x", 1, 0, 0), -EPIPE);
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    end();
    CHECK_STORY("close");
}

TEST(the_reading_end_cannot_send_or_finish)
{
    open_pair("pipe:");
    watch = watch_channel(ends[0], NULL);
    FAILS(wherry_watch_write(watch, "x", 1, 0, 0), -EPERM, "one-way");
    FAILS(wherry_watch_finish(watch), -EPERM, "receiving end");
    wherry_close(ends[1]);
    end();
}

// libuv sets O_NONBLOCK on what it polls; this is shared with whoever started us.
TEST(the_flags_of_a_lent_descriptor_stay_as_they_are)
{
    int lent[2];
    char address[64];
    wherry_channel *channel = NULL;
    begin();
    CHECK_INT(pipe2(lent, O_CLOEXEC), 0);
    snprintf(address, sizeof(address), "fd:%d?framing=raw&close=no", lent[1]);
    int flags = fcntl(lent[1], F_GETFL);
    WORKS(wherry_dial(address, soon(), &channel));
    watch = watch_channel(channel, NULL);
    CHECK_ERROR(fill(), -EAGAIN);
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    CHECK_INT(fcntl(lent[1], F_GETFL), flags);
    close(lent[0]);
    close(lent[1]);
    run();
    CHECK_STORY("room");
    end();
}
