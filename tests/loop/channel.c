/* SPDX-License-Identifier: MIT */
/*
 * channel: what is received, in which order, and what callbacks may do to watches.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>

#include "story.h"

static wherry_channel *ends[2];
static wherry_watch *watches[2];

static void open_pair(const char *address)
{
    begin();
    WORKS(wherry_pair(address, ends));
}

/* --- the order ----------------------------------------------------------- */

TEST(messages_come_before_the_end_of_the_channel)
{
    open_pair("pair:");
    say(ends[1], "one");
    say(ends[1], "two");
    wherry_close(ends[1]);
    watch_channel(ends[0], NULL);
    run();
    CHECK_STORY("message one, message two, disconnect 0, close");
    end();
}

TEST(a_peer_that_dies_is_told_from_one_that_finishes)
{
    wherry_channel *other;
    int pipe_ends[2];
    char address[64];
    begin();
    CHECK_INT(pipe2(pipe_ends, O_CLOEXEC), 0);
    snprintf(address, sizeof(address), "fd:%d?close=yes", pipe_ends[0]);
    WORKS(wherry_dial(address, soon(), &other));
    watch_channel(other, NULL);
    close(pipe_ends[1]);
    run();
    CHECK_STORY("disconnect ECONNRESET, close");
    end();
}

static const char *sentence;

static void keep_sentence(void *user, wherry_watch *watch, int error)
{
    static char text[512];
    (void)user;
    (void)watch;
    snprintf(text, sizeof(text), "%s: %s", harness_errno_name(error),
             wherry_error_text());
    sentence = text;
}

TEST(the_sentence_of_an_error_is_there_in_its_callback)
{
    struct wherry_channel_events events = {.on_disconnect = keep_sentence};
    begin();
    WORKS(wherry_pair("pair:?type=stream&framing=wherry", ends));
    wherry_native fd;
    short ignored;
    WORKS(wherry_fd(ends[1], WHERRY_OUT, &fd, &ignored));
    CHECK_INT(write(fd, "HTTP/1.1 200 OK\r\n\r\n", 19), 19);
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    run();
    CHECK_CONTAINS(sentence, "EPROTO: pair:");
    wherry_close(ends[1]);
    end();
}

TEST(without_callbacks_messages_are_dropped_and_the_end_is_found)
{
    const struct wherry_channel_events events = {.user = NULL};
    open_pair("pair:");
    say(ends[1], "one");
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    wherry_close(ends[1]);
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    end();
}

TEST(a_program_that_knows_less_of_events_has_less)
{
    open_pair("pair:");
    say(ends[1], "one");
    wherry_close(ends[1]);
    WORKS(wherry_loop_channel(loop, &ends[0], &telling,
                              offsetof(struct wherry_channel_events, on_room), NULL));
    run();
    CHECK_STORY("message one");
    end();
}

/* --- what is in a message ------------------------------------------------ */

static wherry_message *taken;

static void take(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)user;
    (void)watch;
    taken = *message;
    *message = NULL;
}

TEST(a_message_can_be_taken_with_its_open_files)
{
    struct wherry_channel_events events = {.on_message = take};
    wherry_message *message = NULL;
    char inside[8] = "";
    open_pair("pair:");
    harness_write_file("file", "inside", 6);
    int file = open(harness_path("file"), O_RDONLY | O_CLOEXEC);
    WORKS(wherry_message_copy("x", 1, &message));
    WORKS(wherry_message_attach(message, file));
    close(file);
    WORKS(wherry_send(ends[1], &message, 0, soon()));
    wherry_close(ends[1]);
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    run();
    CHECK_INT(wherry_message_files(taken), 1);
    CHECK_INT(read_on(wherry_message_file(taken, 0), inside, sizeof(inside)), 6);
    CHECK_STRING(inside, "inside");
    end();
    wherry_message_free(taken); // after its channel
}

TEST(open_files_that_nobody_takes_are_closed)
{
    wherry_message *message = NULL;
    open_pair("pair:");
    WORKS(wherry_message_copy("x", 1, &message));
    WORKS(wherry_message_attach(message, STDERR_FILENO));
    WORKS(wherry_send(ends[1], &message, 0, soon()));
    wherry_close(ends[1]);
    watch_channel(ends[0], NULL);
    int before = harness_descriptors();
    run();
    CHECK(harness_descriptors() < before);
    CHECK_STORY("message x, disconnect 0, close");
    end();
}

/* --- mechanisms ---------------------------------------------------------- */

static void over(const char *address)
{
    open_pair(address);
    say(ends[1], "one");
    wherry_close(ends[1]);
    watch_channel(ends[0], NULL);
    run();
    CHECK_STORY("message one, disconnect 0, close");
    end();
}

TEST(pipes_sockets_of_streams_and_of_packets_are_the_same)
{
    over("pipe:");
    over("pipe:?framing=line");
    over("pair:?type=stream");
    over("pair:?type=packet");
}

static void child_of_a_file(void *nothing)
{
    wherry_channel *channel = NULL;
    (void)nothing;
    int file = open(harness_path("lines"), O_RDONLY | O_CLOEXEC);
    CHECK_INT(dup2(file, 0), 0);
    close(file);
    begin();
    WORKS(wherry_dial("stdio:", soon(), &channel));
    watch_channel(channel, NULL);
    run();
    CHECK_STORY("message first, message second, disconnect 0, close");
    end();
}

TEST(stdin_may_be_a_file)
{
    harness_write_file("lines", "first\nsecond", 12);
    CHECK_INT(harness_wait(harness_child(child_of_a_file, NULL)), 0);
}

TEST(a_mechanism_without_a_descriptor_is_refused_and_stays_the_callers)
{
    wherry_listener *listener = NULL;
    wherry_channel *channel = NULL;
    wherry_watch *watch = NULL;
    begin();
    WORKS(wherry_listen("sysv:private", &listener));
    WORKS(wherry_accept(listener, soon(), &channel));
    FAILS(wherry_loop_channel(loop, &channel, &telling, sizeof(telling), &watch),
          -ENOTSUP, "no descriptor");
    CHECK(channel != NULL);
    CHECK(watch == NULL);
    wherry_close(channel);
    wherry_close_listener(listener);
    end();
}

TEST(a_channel_of_signals_can_be_watched)
{
    wherry_channel *self = NULL;
    wherry_listener *listener = NULL;
    begin();
    WORKS(wherry_listen("signal:self?signal=USR2", &listener));
    WORKS(wherry_accept(listener, soon(), &self));
    wherry_watch *watch = watch_channel(self, NULL);
    CHECK_INT(kill(getpid(), SIGUSR2), 0);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    CHECK_STORY("message ");
    wherry_watch_close(watch);
    run();
    wherry_close_listener(listener);
    end();
}

/* --- callbacks that do something ----------------------------------------- */

static void close_both(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)user;
    (void)message;
    (void)watch;
    tell("closing");
    wherry_watch_close(watches[0]);
    wherry_watch_close(watches[1]);
    CHECK(wherry_watch_channel(watch) == NULL);
    FAILS(wherry_watch_write(watch, "x", 1, 0, 0), -ESHUTDOWN, "is closed");
    FAILS(wherry_watch_pause(watch), -ESHUTDOWN, "is closed");
}

static void told_close(void *user, wherry_watch *watch)
{
    (void)user;
    (void)watch;
    tell("close");
}

TEST(a_callback_closes_its_own_watch_and_another)
{
    struct wherry_channel_events events = {.on_message = close_both,
                                           .on_close = told_close};
    open_pair("pair:");
    say(ends[0], "a");
    say(ends[0], "b");
    say(ends[1], "c");
    say(ends[1], "d");
    for (int i = 0; i < 2; i++)
        WORKS(
            wherry_loop_channel(loop, &ends[i], &events, sizeof(events), &watches[i]));
    run();
    CHECK_STORY("closing, close, close");
    end();
}

static void free_loop(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)user;
    (void)message;
    wherry_loop_free(wherry_watch_loop(watch));
    tell("freed");
}

TEST(a_message_frees_the_loop_that_brought_it)
{
    struct wherry_channel_events events = {.on_message = free_loop,
                                           .on_close = told_close};
    open_pair("pair:");
    say(ends[1], "a");
    say(ends[1], "b");
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    CHECK_INT(wherry_loop_run(loop, soon()), 1);
    CHECK_STORY("freed, close");
    wherry_close(ends[1]);
}

static void watch_more(void *user, wherry_watch *watch, wherry_message **message)
{
    wherry_channel *more[2];
    (void)user;
    (void)message;
    WORKS(wherry_pair("pair:", more));
    say(more[1], "more");
    wherry_close(more[1]);
    CHECK(wherry_watch_loop(watch) == loop);
    watch_channel(more[0], NULL);
    tell("watching");
}

TEST(a_callback_watches_something_else)
{
    struct wherry_channel_events events = {.on_message = watch_more};
    open_pair("pair:");
    say(ends[1], "a");
    wherry_close(ends[1]);
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    run();
    CHECK_STORY("watching, message more, disconnect 0, close");
    end();
}

/* --- pausing ------------------------------------------------------------- */

static void pause_it(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)user;
    tell("message %.*s", (int)wherry_message_size(*message),
         (const char *)wherry_message_data(*message));
    WORKS(wherry_watch_pause(watch));
}

TEST(a_watch_that_is_paused_receives_nothing_until_it_goes_on)
{
    struct wherry_channel_events events = {.on_message = pause_it};
    open_pair("pair:");
    say(ends[1], "one");
    say(ends[1], "two");
    wherry_close(ends[1]);
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), &watches[0]));
    CHECK_INT(wherry_loop_run(loop, soon()), 0); // it waits for nothing
    CHECK_STORY("message one");
    WORKS(wherry_watch_pause(watches[0]));
    WORKS(wherry_watch_resume(watches[0]));
    WORKS(wherry_watch_resume(watches[0]));
    run();
    CHECK_STORY("message two");
    end();
}

/* --- closing ------------------------------------------------------------- */

TEST(closing_a_watch_is_an_orderly_end_for_the_peer)
{
    open_pair("pair:");
    wherry_watch *watch = watch_channel(ends[0], NULL);
    CHECK(wherry_watch_channel(watch) != NULL);
    wherry_watch_close(watch);
    run();
    CHECK_STORY("close");
    hear_end(ends[1]);
    wherry_close(ends[1]);
    end();
}

static void told_and_finishes(void *user, wherry_watch *watch, int error)
{
    (void)user;
    tell("disconnect %s", harness_errno_name(error));
    WORKS(wherry_watch_write(watch, "after", 5, 0, 0));
    WORKS(wherry_watch_finish(watch));
}

TEST(half_open_a_channel_goes_on_sending_until_it_has_finished)
{
    struct wherry_channel_events events = {
        .on_disconnect = told_and_finishes, .on_close = told_close, .half_open = 1};
    open_pair("pair:");
    WORKS(wherry_finish(ends[1]));
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    run();
    CHECK_STORY("disconnect 0, close");
    hear(ends[1], "after");
    hear_end(ends[1]);
    wherry_close(ends[1]);
    end();
}

TEST(half_open_it_stays_after_the_peers_end)
{
    struct wherry_channel_events events = telling;
    events.half_open = 1;
    open_pair("pair:");
    WORKS(wherry_finish(ends[1]));
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), &watches[0]));
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    CHECK_STORY("disconnect 0");
    WORKS(wherry_watch_write(watches[0], "after", 5, 0, 0));
    hear(ends[1], "after");
    wherry_close(ends[1]);
    end();
    CHECK_STORY("close");
}

static void gathers(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)user;
    WORKS(wherry_watch_send(watch, message, WHERRY_MORE));
}

TEST(what_callbacks_gather_leaves_with_their_turn)
{
    struct wherry_channel_events events = {.on_message = gathers};
    open_pair("pair:?type=stream");
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    say(ends[1], "one");
    say(ends[1], "two");
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    hear(ends[1], "one");
    hear(ends[1], "two");
    wherry_close(ends[1]);
    end();
}

TEST(a_message_that_is_lost_for_want_of_descriptors_is_told_and_more_come)
{
    wherry_message *message = NULL;
    open_pair("pair:");
    WORKS(wherry_message_copy("x", 1, &message));
    WORKS(wherry_message_attach(message, STDERR_FILENO));
    WORKS(wherry_send(ends[1], &message, 0, soon()));
    say(ends[1], "next");
    watch_channel(ends[0], NULL);
    leave_descriptors(0);
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    leave_descriptors(-1);
    CHECK_STORY("error EMFILE, message next");
    wherry_close(ends[1]);
    run();
    end();
}

TEST(without_memory_a_message_waits_and_comes_later)
{
    open_pair("pair:");
    watch_channel(ends[0], NULL);
    say(ends[1], "one");
    harness_fail_allocation(1, true);
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN); // it rests
    harness_fail_allocation(0, false);
    CHECK_STORY("error ENOMEM");
    wherry_close(ends[1]);
    run();
    CHECK_STORY("message one, disconnect 0, close");
    end();
}

TEST(a_peer_that_drains_is_answered)
{
    open_pair("pair:");
    watch_channel(ends[0], NULL);
    say(ends[1], "one");
    CHECK_INT(wherry_drain(ends[1], WHERRY_POLL), 1);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    CHECK_STORY("message one");
    CHECK_INT(wherry_drain(ends[1], WHERRY_POLL), 0);
    wherry_close(ends[1]);
    end();
}

/* --- a program behind it ------------------------------------------------- */

static void tell_of_time(void *user, wherry_watch *watch)
{
    (void)user;
    tell("timer");
    wherry_watch_close(watch);
}

static void close_and_go_on(void *user, wherry_watch *watch, wherry_message **message)
{
    const struct wherry_timer_events events = {.on_timer = tell_of_time};
    telling.on_message(user, watch, message);
    wherry_watch_close(watch);
    WORKS(wherry_loop_timer(loop, wherry_now(), &events, sizeof(events), NULL));
}

static void watch_stubborn(void)
{
    wherry_channel *channel;
    struct wherry_channel_events events = telling;
    events.on_message = close_and_go_on;
    WORKS(wherry_dial(
        "exec?grace=100ms:sh -c \"trap '' TERM; echo ready; exec sleep 60\"", soon(),
        &channel));
    WORKS(wherry_loop_channel(loop, &channel, &events, sizeof(events), NULL));
}

TEST(a_program_that_does_not_end_holds_up_nothing_but_its_own_close)
{
    begin();
    watch_stubborn();
    run();
    CHECK_STORY("message ready, timer, close");
    end();
}

TEST(a_loop_is_freed_when_the_programs_of_its_channels_have_ended)
{
    begin();
    watch_stubborn();
    while (!story[0])
        (void)wherry_loop_run(loop, WHERRY_POLL);
    wherry_loop_free(loop);
    CHECK_CONTAINS(story, "close");
    story[0] = 0;
    begin();
    watch_stubborn();
    wherry_loop_free(loop);
    CHECK_STORY("close");
}
