/* SPDX-License-Identifier: MIT */
/*
 * listener: who dials is called back, and may be watched at once.
 */
#include "story.h"

static void accepts(void *user, wherry_watch *watch, wherry_channel **channel)
{
    struct wherry_channel_events events = telling_of("accepted");
    (void)user;
    tell("channel");
    WORKS(wherry_loop_channel(wherry_watch_loop(watch), channel, &events,
                              sizeof(events), NULL));
    CHECK(*channel == NULL);
}

static void told_error(void *user, wherry_watch *watch, int error)
{
    (void)user;
    tell("error %s", harness_errno_name(error));
    wherry_loop_stop(wherry_watch_loop(watch));
}

static void told_close(void *user, wherry_watch *watch)
{
    (void)user;
    CHECK(wherry_watch_listener(watch) == NULL);
    tell("close");
}

static struct wherry_listener_events events = {
    .on_channel = accepts, .on_error = told_error, .on_close = told_close};

static char address[512];

static wherry_watch *listen_at(const char *where)
{
    wherry_listener *listener = NULL;
    wherry_watch *watch = NULL;
    begin();
    WORKS(wherry_listen(where, &listener));
    snprintf(address, sizeof(address), "%s", wherry_listener_address(listener));
    WORKS(wherry_loop_listener(loop, &listener, &events, sizeof(events), &watch));
    CHECK(listener == NULL);
    CHECK_STRING(wherry_listener_address(wherry_watch_listener(watch)), address);
    return watch;
}

static wherry_channel *dial(const char *text)
{
    wherry_channel *channel = NULL;
    WORKS(wherry_dial(address, soon(), &channel));
    if (text)
        say(channel, text);
    return channel;
}

static void run_a_while(void)
{
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
}

TEST(who_dials_is_accepted_and_heard)
{
    wherry_watch *watch = listen_at(address_in_directory("unix", "pier"));
    wherry_channel *first = dial("one");
    wherry_channel *second = dial("two");
    run_a_while();
    CHECK_CONTAINS(story, "channel, channel, accepted");
    CHECK_CONTAINS(story, "accepted, message one");
    CHECK_CONTAINS(story, "accepted, message two");
    story[0] = 0;
    wherry_close(first);
    run_a_while();
    CHECK_STORY("accepted, disconnect 0, accepted, close");
    wherry_close(second);
    wherry_watch_close(watch);
    run();
    CHECK_CONTAINS(story, "close");
    end();
}

static void leaves_it(void *user, wherry_watch *watch, wherry_channel **channel)
{
    (void)user;
    (void)watch;
    CHECK(*channel != NULL);
    tell("left");
}

TEST(a_channel_that_nobody_takes_is_closed)
{
    events.on_channel = leaves_it;
    listen_at("tcp:127.0.0.1:0");
    wherry_channel *channel = dial("one");
    run_a_while();
    CHECK_STORY("left");
    char heard[8];
    int ended = 0;
    int64_t r = wherry_read(channel, heard, sizeof(heard), NULL, &ended, soon());
    CHECK(r == 0 || r == -ECONNRESET);
    wherry_close(channel);
    end();
    CHECK_STORY("close");
}

TEST(a_listener_that_is_paused_accepts_nobody_until_it_goes_on)
{
    wherry_watch *watch = listen_at(address_in_directory("unix", "pier"));
    WORKS(wherry_watch_pause(watch));
    wherry_channel *channel = dial("one");
    CHECK_INT(wherry_loop_run(loop, at_once()), 0);
    CHECK_STORY("");
    WORKS(wherry_watch_resume(watch));
    run_a_while();
    CHECK_STORY("channel, accepted, message one");
    wherry_close(channel);
    end();
}

TEST(a_listener_without_connections_gives_its_one_channel)
{
    wherry_watch *watch = listen_at("udp:127.0.0.1:0");
    wherry_channel *channel = dial("one");
    run_a_while();
    CHECK_STORY("channel, accepted, message one");
    CHECK(wherry_watch_listener(watch) != NULL);
    wherry_close(channel);
    end();
}

TEST(a_fifo_is_accepted_once_and_ends_with_its_writers)
{
    wherry_watch *watch = listen_at(address_in_directory("fifo", "boat?writers=one"));
    wherry_channel *channel = dial("one");
    wherry_close(channel);
    run();
    CHECK_STORY("channel, accepted, message one, accepted, disconnect 0, accepted, "
                "close");
    wherry_watch_close(watch);
    run();
    end();
}

// Without rest it would be asked again and again, and nobody else have a turn.
TEST(without_a_descriptor_left_it_says_so_and_tries_again_later)
{
    listen_at(address_in_directory("unix", "pier"));
    wherry_channel *channel = dial("one");
    leave_descriptors(0);
    CHECK_INT(wherry_loop_run(loop, soon()), 1);
    CHECK_STORY("error EMFILE");
    for (int i = 0; i < 5; i++)
        CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    CHECK_STORY("");
    leave_descriptors(-1);
    while (!strstr(story, "message one"))
        CHECK_ERROR(wherry_loop_run(loop, wherry_after(5)), -ETIMEDOUT);
    wherry_close(channel);
    end();
}

static void closes_listener(void *user, wherry_watch *watch, wherry_channel **channel)
{
    (void)user;
    (void)channel;
    tell("channel");
    wherry_watch_close(watch);
}

TEST(a_listener_is_closed_by_its_own_callback)
{
    events.on_channel = closes_listener;
    listen_at(address_in_directory("unix", "pier"));
    wherry_channel *first = dial("one");
    wherry_channel *second = dial("two");
    run();
    CHECK_STORY("channel, close");
    wherry_close(first);
    wherry_close(second);
    end();
}
