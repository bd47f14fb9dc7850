/* SPDX-License-Identifier: MIT */
/*
 * short: without memory, and without descriptors, an error is told and nothing is left
 * behind.
 */
#include <stdlib.h>

#include "story.h"

/* --- memory -------------------------------------------------------------- */

static void ends_it(void *user, wherry_watch *watch, wherry_channel **channel)
{
    (void)user;
    (void)channel;
    wherry_loop_stop(wherry_watch_loop(watch));
}

static void trouble(void *user, wherry_watch *watch, int error)
{
    (void)user;
    CHECK_INT(error, -ENOMEM);
    wherry_loop_stop(wherry_watch_loop(watch));
}

static int talk(void)
{
    wherry_channel *ends[2] = {NULL, NULL};
    struct wherry_channel_events events = {.on_error = trouble};
    int r = wherry_pair("pair:", ends);
    if (r >= 0)
        r = wherry_loop_channel(loop, &ends[0], &events, sizeof(events), NULL);
    if (r >= 0)
        r = wherry_write(ends[1], "one", 3, 0, 0, WHERRY_POLL);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
    return r >= 0 ? wherry_loop_run(loop, soon()) : r;
}

static int meet(void)
{
    wherry_listener *listener = NULL;
    wherry_channel *channel = NULL;
    struct wherry_listener_events events = {.on_channel = ends_it, .on_error = trouble};
    int r = wherry_listen(address_in_directory("unix", "pier"), &listener);
    char address[512] = "";
    if (r >= 0)
        snprintf(address, sizeof(address), "%s", wherry_listener_address(listener));
    if (r >= 0)
        r = wherry_loop_listener(loop, &listener, &events, sizeof(events), NULL);
    wherry_close_listener(listener);
    if (r >= 0)
        r = wherry_dial(address, soon(), &channel);
    if (r >= 0)
        r = wherry_write(channel, "one", 3, 0, 0, soon());
    if (r >= 0)
        r = wherry_loop_run(loop, soon());
    wherry_close(channel);
    return r;
}

// It is told though nobody can hear what the process said.
static void stops(void *user, wherry_watch *watch, const struct wherry_exit *exit,
                  int error)
{
    (void)user;
    (void)exit;
    (void)error;
    wherry_loop_stop(wherry_watch_loop(watch));
}

static int start(void)
{
    static const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_PIPE},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 3, .from = WHERRY_FROM_MESSAGES}};
    struct wherry_plan plan = {.line = "echo one", .laid = laid, .laid_count = 3};
    struct wherry_process_events events = {.on_exit = stops};
    wherry_process *process = NULL;
    int r = wherry_spawn(&plan, sizeof(plan), &process);
    if (r >= 0)
        r = wherry_loop_process(loop, &process, &events, sizeof(events), NULL);
    if (process) // to nobody's watch: it is waited for here
        (void)wherry_process_wait(process, NULL, 0, soon());
    wherry_process_close(process);
    return r >= 0 ? wherry_loop_run(loop, soon()) : r;
}

static int tick(void)
{
    struct wherry_timer_events timer = {.user = NULL};
    struct wherry_signal_events signal = {.user = NULL};
    int r = wherry_loop_timer(loop, wherry_now(), &timer, sizeof(timer), NULL);
    if (r >= 0)
        r = wherry_loop_signal(loop, 10, &signal, sizeof(signal), NULL);
    return r >= 0 ? wherry_loop_run(loop, soon()) : r;
}

static void scenario(void *argument)
{
    int (*const *use)(void) = argument;
    int r = wherry_loop_new(&loop);
    if (r >= 0)
        r = (*use)();
    wherry_loop_free(loop);
    CHECK(r >= 0 || r == -ENOMEM);
}

static int (*const uses[])(void) = {talk, meet, start, tick};

TEST(every_allocation_may_fail)
{
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
        CHECK(harness_each_allocation(scenario, (void *)(uintptr_t)&uses[i]) > 1);
}

/* --- descriptors --------------------------------------------------------- */

static bool is_short(int r)
{
    return r == -EMFILE;
}

// With room for 0, 1, 2 … more it fails until there is enough, and leaves nothing.
static void with_few_descriptors(int (*use)(void))
{
    int r = -EMFILE;
    int before = harness_descriptors();
    for (int room = 0; is_short(r); room++) {
        CHECK(room < 64);
        begin();
        leave_descriptors(room);
        r = use();
        leave_descriptors(-1);
        end();
        CHECK(r >= 0 || is_short(r));
        CHECK_INT(harness_descriptors(), before);
    }
}

TEST(without_descriptors_there_is_no_loop)
{
    leave_descriptors(0);
    FAILS(wherry_loop_new(&loop), -EMFILE, "a loop: too many open files");
    leave_descriptors(-1);
    CHECK(loop == NULL);
}

TEST(without_descriptors_channels_say_so)
{
    with_few_descriptors(talk);
}

TEST(without_descriptors_processes_say_so)
{
    with_few_descriptors(start);
}

TEST(without_descriptors_signals_say_so)
{
    with_few_descriptors(tick);
}
