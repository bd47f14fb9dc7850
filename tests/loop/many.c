/* SPDX-License-Identifier: MIT */
/*
 * many: a thousand channels in one loop, turns for all of them, and nothing done while
 * nothing happens.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "story.h"

enum { CHANNELS = 1000, DESCRIPTORS = 6 };

static unsigned heard;

static void counts(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)message;
    heard++;
    if (user && heard == *(unsigned *)user)
        wherry_loop_stop(wherry_watch_loop(watch));
}

static void need_descriptors(unsigned count)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < count)
        SKIP("a process may have %lu descriptors here", (unsigned long)limit.rlim_max);
}

TEST(a_thousand_channels_are_heard_each)
{
    static wherry_channel *others[CHANNELS];
    unsigned all = CHANNELS;
    struct wherry_channel_events events = {.user = &all, .on_message = counts};
    need_descriptors(DESCRIPTORS * CHANNELS);
    begin();
    for (int i = 0; i < CHANNELS; i++) {
        wherry_channel *ends[2];
        WORKS(wherry_pair("pair:", ends));
        WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
        others[i] = ends[1];
    }
    for (int i = 0; i < CHANNELS; i++)
        say(others[i], "x");
    CHECK_INT(wherry_loop_run(loop, soon()), 1);
    for (int i = 0; i < CHANNELS; i++)
        wherry_close(others[i]);
    CHECK_INT(wherry_loop_run(loop, soon()), 0);
    CHECK_INT(heard, CHANNELS);
    end();
}

static unsigned heard_before;

static void notes(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)user;
    (void)watch;
    (void)message;
    heard_before = heard;
}

// The busy one answers itself: there is always one more.
static void goes_round(void *user, wherry_watch *watch, wherry_message **message)
{
    (void)watch;
    heard++;
    WORKS(wherry_send(user, message, 0, WHERRY_POLL));
}

TEST(one_that_always_has_more_starves_nobody)
{
    wherry_channel *busy[2], *quiet[2];
    begin();
    WORKS(wherry_pair("pair:", busy));
    WORKS(wherry_pair("pair:", quiet));
    say(busy[1], "round");
    struct wherry_channel_events rounds = {.user = busy[1], .on_message = goes_round};
    struct wherry_channel_events once = {.on_message = notes};
    WORKS(wherry_loop_channel(loop, &busy[0], &rounds, sizeof(rounds), NULL));
    WORKS(wherry_loop_channel(loop, &quiet[0], &once, sizeof(once), NULL));
    for (int turn = 1; turn <= 20; turn++) {
        say(quiet[1], "now");
        unsigned before = heard;
        heard_before = 0;
        CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
        CHECK_RANGE(heard - before, 1, 64);
        CHECK(heard_before > 0);
    }
    wherry_close(busy[1]);
    wherry_close(quiet[1]);
    end();
}

TEST(large_messages_have_shorter_turns)
{
    wherry_channel *ends[2];
    struct wherry_channel_events events = {.on_message = counts};
    char *bytes = calloc(1, 60000);
    begin();
    WORKS(wherry_pair("pair:?buffer=1M", ends));
    for (int i = 0; i < 3; i++)
        WORKS(wherry_write(ends[1], bytes, 60000, 0, 0, WHERRY_POLL));
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    CHECK_INT(heard, 3);
    free(bytes);
    wherry_close(ends[1]);
    end();
}

static long sleeps(void)
{
    struct rusage usage;
    CHECK_INT(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_nvcsw;
}

TEST(while_nothing_happens_nothing_is_done)
{
    wherry_channel *ends[2];
    wherry_listener *listener = NULL;
    struct wherry_channel_events events = {.on_message = counts};
    struct wherry_listener_events accepting = {.user = NULL};
    struct wherry_process_events of_process = {.user = NULL};
    struct wherry_plan plan = {.line = "read line"};
    const struct wherry_laid pipe = {.number = 0, .from = WHERRY_FROM_PIPE};
    plan.laid = &pipe;
    plan.laid_count = 1;
    if (harness_is_slow())
        SKIP("signals interrupt it");
    begin();
    WORKS(wherry_pair("pair:", ends));
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    WORKS(wherry_listen(address_in_directory("unix", "pier"), &listener));
    WORKS(wherry_loop_listener(loop, &listener, &accepting, sizeof(accepting), NULL));
    wherry_watch *process = watch_process(&plan, &of_process);
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    long before = sleeps();
    CHECK_ERROR(wherry_loop_run(loop, wherry_after(300)), -ETIMEDOUT);
    CHECK_RANGE(sleeps() - before, 1, 5);
    pid_t pid = (pid_t)wherry_process_id(wherry_watch_process(process));
    wherry_close(ends[1]);
    end();
    until_gone(pid);
}

static void a_round(void *nothing)
{
    wherry_channel *ends[2];
    struct wherry_channel_events events = telling_of(NULL);
    (void)nothing;
    begin();
    WORKS(wherry_pair("pair:", ends));
    say(ends[1], "one");
    wherry_close(ends[1]);
    WORKS(wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL));
    run();
    end();
    CHECK_STORY("message one, disconnect 0, close");
}

TEST(loop_after_loop_leaves_nothing_behind)
{
    harness_cycles(harness_is_slow() ? 100 : 2000, a_round, NULL);
}
