/* SPDX-License-Identifier: MIT */
/*
 * signal: watched whichever thread gets it, and what the program does itself stays.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <uv.h>

#include "story.h"

static void came(void *user, wherry_watch *watch, int number)
{
    (void)user;
    tell("signal %d", number == SIGUSR1 ? 1 : number == SIGUSR2 ? 2 : number);
    wherry_loop_stop(wherry_watch_loop(watch));
}

static void closed(void *user, wherry_watch *watch)
{
    (void)user;
    (void)watch;
    tell("close");
}

static const struct wherry_signal_events events = {.on_signal = came,
                                                   .on_close = closed};

static wherry_watch *watch_signal(int number)
{
    wherry_watch *watch = NULL;
    WORKS(wherry_loop_signal(loop, number, &events, sizeof(events), &watch));
    wherry_watch_hold(watch, 1);
    return watch;
}

static sighandler_t handler_of(int number)
{
    struct sigaction action;
    CHECK_INT(sigaction(number, NULL, &action), 0);
    return action.sa_handler;
}

TEST(a_signal_is_called_back)
{
    begin();
    wherry_watch *watch = watch_signal(SIGUSR1);
    CHECK_INT(raise(SIGUSR1), 0);
    CHECK_INT(wherry_loop_run(loop, soon()), 1);
    CHECK_STORY("signal 1");
    wherry_watch_close(watch);
    run();
    CHECK_STORY("close");
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
    end();
}

static void *wait_for_nothing(void *gate)
{
    gate_wait(gate);
    return NULL;
}

TEST(a_signal_that_another_thread_gets_is_called_back)
{
    struct harness_gate gate;
    pthread_t thread;
    gate_open(&gate);
    CHECK_INT(pthread_create(&thread, NULL, wait_for_nothing, &gate), 0);
    begin();
    watch_signal(SIGUSR1);
    CHECK_INT(pthread_kill(thread, SIGUSR1), 0);
    CHECK_INT(wherry_loop_run(loop, soon()), 1);
    CHECK_STORY("signal 1");
    end();
    gate_pass(&gate);
    CHECK_INT(pthread_join(thread, NULL), 0);
    gate_close(&gate);
}

TEST(a_signal_holds_up_no_run)
{
    wherry_watch *watch = NULL;
    begin();
    WORKS(wherry_loop_signal(loop, SIGUSR1, &events, sizeof(events), &watch));
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 0);
    end();
    CHECK_STORY("close");
}

static void own_handler(int number)
{
    (void)number;
}

TEST(a_handler_of_the_programs_is_left_alone)
{
    wherry_watch *watch = NULL;
    signal(SIGUSR1, own_handler);
    begin();
    FAILS(wherry_loop_signal(loop, SIGUSR1, &events, sizeof(events), &watch), -EBUSY,
          "a handler of its own");
    CHECK(watch == NULL);
    CHECK(handler_of(SIGUSR1) == own_handler);
    end();
    CHECK(handler_of(SIGUSR1) == own_handler);
    CHECK_STORY("");
    signal(SIGUSR1, SIG_DFL);
}

TEST(what_was_ignored_is_ignored_again_after_the_last_watch)
{
    signal(SIGUSR1, SIG_IGN);
    begin();
    wherry_watch *first = watch_signal(SIGUSR1);
    watch_signal(SIGUSR1);
    wherry_watch_close(first);
    CHECK(handler_of(SIGUSR1) != SIG_IGN);
    end();
    CHECK(handler_of(SIGUSR1) == SIG_IGN);
    signal(SIGUSR1, SIG_DFL);
}

static void host_heard(uv_signal_t *handle, int number)
{
    (void)number;
    tell("host");
    uv_close((uv_handle_t *)handle, NULL);
}

TEST(the_programs_own_watch_in_its_loop_hears_it_too)
{
    uv_loop_t host;
    uv_signal_t own;
    CHECK_INT(uv_loop_init(&host), 0);
    uv_signal_init(&host, &own);
    CHECK_INT(uv_signal_start(&own, host_heard, SIGUSR1), 0);
    WORKS(wherry_loop_attach(&host, &loop));
    wherry_watch *watch = watch_signal(SIGUSR1);
    CHECK_INT(raise(SIGUSR1), 0);
    CHECK_INT(wherry_loop_run(loop, soon()), 1);
    CHECK_CONTAINS(story, "host");
    CHECK_CONTAINS(story, "signal 1");
    wherry_watch_close(watch);
    wherry_loop_free(loop);
    uv_run(&host, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&host), 0);
}

TEST(a_program_that_is_started_has_none_of_it)
{
    struct wherry_exit exit;
    wherry_process *process = NULL;
    struct wherry_plan plan = {.line = "kill -USR1 $$"};
    begin();
    watch_signal(SIGUSR1);
    WORKS(wherry_spawn(&plan, sizeof(plan), &process));
    WORKS(wherry_process_wait(process, &exit, sizeof(exit), soon()));
    CHECK_INT(exit.signal, SIGUSR1);
    wherry_process_close(process);
    end();
}

TEST(what_cannot_be_watched_is_refused)
{
    wherry_watch *watch = NULL;
    begin();
    FAILS(wherry_loop_signal(loop, SIGKILL, &events, sizeof(events), &watch), -EINVAL,
          "watching a signal");
    FAILS(wherry_loop_signal(loop, 0, &events, sizeof(events), &watch), -EINVAL,
          "watching a signal");
    FAILS(wherry_loop_signal(loop, 9999, &events, sizeof(events), &watch), -EINVAL,
          "watching a signal");
    CHECK(watch == NULL);
    end();
    CHECK_STORY("");
}
