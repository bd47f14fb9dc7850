/* SPDX-License-Identifier: MIT */
/*
 * run: a loop from its beginning to its end, alone and on one that the program has.
 */
#include <pthread.h>
#include <uv.h>

#include "story.h"

static struct wherry_timer_events timer_events;

static wherry_watch *timer_at(wherry_deadline at,
                              void (*on_timer)(void *, wherry_watch *))
{
    wherry_watch *watch = NULL;
    timer_events.on_timer = on_timer;
    WORKS(wherry_loop_timer(loop, at, &timer_events, sizeof(timer_events), &watch));
    return watch;
}

static void fires(void *user, wherry_watch *watch)
{
    (void)user;
    (void)watch;
    tell("timer");
}

TEST(a_loop_with_nothing_to_wait_for_ends_at_once)
{
    begin();
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 0);
    CHECK_INT(wherry_loop_run(loop, WHERRY_POLL), 0);
    end();
    wherry_loop_free(NULL);
}

TEST(a_run_ends_at_its_deadline_and_not_before)
{
    begin();
    timer_at(wherry_after(60000), fires);
    wherry_deadline at = wherry_after(15);
    FAILS(wherry_loop_run(loop, at), -ETIMEDOUT, "the deadline passed");
    CHECK(wherry_now() >= at);
    FAILS(wherry_loop_run(loop, wherry_after(-1)), -ETIMEDOUT, "the deadline passed");
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    CHECK_STORY("");
    end();
}

TEST(a_run_that_polls_does_what_can_be_done)
{
    wherry_channel *ends[2];
    begin();
    WORKS(wherry_pair("pair:", ends));
    say(ends[1], "one");
    watch_channel(ends[0], NULL);
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    CHECK_STORY("message one");
    wherry_close(ends[1]);
    end();
}

/* --- stop ---------------------------------------------------------------- */

static void stops(void *user, wherry_watch *watch)
{
    (void)user;
    tell("stop");
    wherry_loop_stop(wherry_watch_loop(watch));
}

TEST(a_callback_stops_the_run_and_it_can_go_on)
{
    begin();
    timer_at(wherry_now(), stops);
    timer_at(wherry_after(60000), fires);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 1);
    CHECK_STORY("stop");
    FAILS(wherry_loop_run(loop, at_once()), -ETIMEDOUT, "the deadline");
    end();
}

static void *stop_it(void *sleeper)
{
    harness_wait_blocked(*(pid_t *)sleeper);
    wherry_loop_stop(loop);
    return NULL;
}

TEST(another_thread_stops_a_run_that_waits)
{
    pthread_t thread;
    pid_t sleeper = harness_thread();
    begin();
    timer_at(wherry_after(60000), fires);
    CHECK_INT(pthread_create(&thread, NULL, stop_it, &sleeper), 0);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 1);
    CHECK_INT(pthread_join(thread, NULL), 0);
    end();
}

TEST(a_stop_before_the_run_ends_it_at_once_and_only_once)
{
    begin();
    timer_at(wherry_after(60000), fires);
    wherry_loop_stop(loop);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 1);
    FAILS(wherry_loop_run(loop, at_once()), -ETIMEDOUT, "the deadline");
    end();
}

static void runs(void *user, wherry_watch *watch)
{
    (void)user;
    FAILS(wherry_loop_run(wherry_watch_loop(watch), WHERRY_FOREVER), -EDEADLK,
          "one of its callbacks");
    tell("refused");
}

TEST(a_callback_cannot_run_the_loop)
{
    begin();
    timer_at(wherry_now(), runs);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 0);
    CHECK_STORY("refused");
    end();
}

/* --- free ---------------------------------------------------------------- */

TEST(freeing_closes_every_watch_and_says_so)
{
    wherry_channel *ends[2];
    begin();
    WORKS(wherry_pair("pair:", ends));
    watch_channel(ends[0], "a");
    watch_channel(ends[1], "b");
    end();
    CHECK_CONTAINS(story, "a, close");
    CHECK_CONTAINS(story, "b, close");
}

static void frees(void *user, wherry_watch *watch)
{
    wherry_watch *another = NULL;
    wherry_loop *this_one = wherry_watch_loop(watch);
    (void)user;
    wherry_loop_free(this_one);
    FAILS(wherry_loop_timer(this_one, wherry_now(), &timer_events, sizeof(timer_events),
                            &another),
          -ESHUTDOWN, "being freed");
    tell("freed");
}

TEST(a_callback_frees_the_loop_and_the_run_ends)
{
    wherry_channel *ends[2];
    begin();
    WORKS(wherry_pair("pair:", ends));
    watch_channel(ends[0], NULL);
    wherry_close(ends[1]);
    timer_at(wherry_now(), frees);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 1);
    CHECK_STORY("freed, close");
}

static void frees_again(void *user, wherry_watch *watch)
{
    (void)user;
    wherry_loop_free(wherry_watch_loop(watch));
    CHECK_ERROR(wherry_loop_run(wherry_watch_loop(watch), WHERRY_POLL), -EDEADLK);
    tell("again");
}

TEST(the_last_callback_may_free_the_loop_that_is_being_freed)
{
    begin();
    timer_events.on_close = frees_again;
    timer_at(WHERRY_FOREVER, fires);
    end();
    CHECK_STORY("again");
}

/* --- on a loop of the program's ------------------------------------------ */

static uv_loop_t host;

static void begin_attached(void)
{
    CHECK_INT(uv_loop_init(&host), 0);
    WORKS(wherry_loop_attach(&host, &loop));
}

static void end_attached(void)
{
    wherry_loop_free(loop);
    CHECK_INT(uv_run(&host, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_loop_close(&host), 0);
}

static void host_timer(uv_timer_t *timer)
{
    tell("host");
    uv_close((uv_handle_t *)timer, NULL);
}

TEST(a_loop_of_the_programs_runs_both)
{
    wherry_channel *ends[2];
    uv_timer_t timer;
    begin_attached();
    uv_timer_init(&host, &timer);
    uv_timer_start(&timer, host_timer, 1, 0);
    WORKS(wherry_pair("pair:", ends));
    say(ends[1], "one");
    wherry_close(ends[1]);
    watch_channel(ends[0], NULL);
    CHECK_INT(uv_run(&host, UV_RUN_DEFAULT), 0);
    CHECK_CONTAINS(story, "message one, disconnect 0, close");
    CHECK_CONTAINS(story, "host");
    end_attached();
}

TEST(attached_and_idle_it_holds_up_no_loop_of_the_programs)
{
    begin_attached();
    CHECK_INT(uv_run(&host, UV_RUN_DEFAULT), 0);
    end_attached();
}

TEST(a_stop_ends_the_programs_own_run)
{
    begin_attached();
    timer_at(wherry_now(), stops);
    timer_at(wherry_after(60000), fires);
    CHECK(uv_run(&host, UV_RUN_DEFAULT) != 0);
    CHECK_STORY("stop");
    CHECK_ERROR(wherry_loop_run(loop, WHERRY_POLL), -EAGAIN);
    end_attached();
}

TEST(attached_it_may_be_run_by_either)
{
    begin_attached();
    timer_at(wherry_now(), fires);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 0);
    CHECK_STORY("timer");
    end_attached();
}

TEST(attached_it_can_be_freed_in_a_callback_of_either)
{
    begin_attached();
    timer_at(wherry_now(), frees);
    CHECK_INT(uv_run(&host, UV_RUN_DEFAULT), 0);
    CHECK_STORY("freed");
    CHECK_INT(uv_loop_close(&host), 0);
    begin_attached();
    timer_at(wherry_now(), frees);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 1);
    CHECK_STORY("freed");
    CHECK_INT(uv_run(&host, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_loop_close(&host), 0);
}

TEST(freed_in_a_callback_a_run_ends_though_the_program_has_more)
{
    uv_timer_t timer;
    begin_attached();
    uv_timer_init(&host, &timer);
    uv_timer_start(&timer, host_timer, 60000, 0);
    timer_at(wherry_now(), frees);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 1);
    CHECK_STORY("freed");
    uv_close((uv_handle_t *)&timer, NULL);
    CHECK_INT(uv_run(&host, UV_RUN_DEFAULT), 0);
    CHECK_INT(uv_loop_close(&host), 0);
}

TEST(two_may_be_attached_to_one)
{
    wherry_loop *second = NULL;
    begin_attached();
    WORKS(wherry_loop_attach(&host, &second));
    timer_at(wherry_now(), fires);
    CHECK_INT(uv_run(&host, UV_RUN_DEFAULT), 0);
    wherry_loop_free(second);
    end_attached();
    CHECK_STORY("timer");
}
