/* SPDX-License-Identifier: MIT */
/*
 * timer: once, again and again, set anew, never.
 */
#include <uv.h>

#include "story.h"

enum { MILLISECOND = 1000000 };

static wherry_deadline due;
static int count;

static void not_early(void *user, wherry_watch *watch)
{
    (void)user;
    (void)watch;
    CHECK(wherry_now() >= due);
    count++;
}

static wherry_watch *timer(wherry_deadline first, struct wherry_timer_events events)
{
    wherry_watch *watch = NULL;
    WORKS(wherry_loop_timer(loop, first, &events, sizeof(events), &watch));
    return watch;
}

TEST(a_timer_comes_once_and_never_early)
{
    begin();
    for (int i = 0; i < 20; i++) {
        due = wherry_now() + i * MILLISECOND / 3;
        wherry_watch *watch =
            timer(due, (struct wherry_timer_events){.on_timer = not_early});
        run();
        CHECK_INT(count, i + 1);
        wherry_watch_close(watch);
    }
    end();
}

static void comes_again(void *user, wherry_watch *watch)
{
    int64_t interval = *(int64_t *)user;
    CHECK(wherry_now() >= due);
    due += interval;
    if (++count == 5)
        wherry_watch_close(watch);
}

static void closed(void *user, wherry_watch *watch)
{
    (void)user;
    (void)watch;
    tell("close");
}

TEST(a_timer_comes_again_and_again_until_it_is_closed)
{
    int64_t interval = 1500000;
    begin();
    due = wherry_now();
    timer(due, (struct wherry_timer_events){.user = &interval,
                                            .on_timer = comes_again,
                                            .on_close = closed,
                                            .interval = interval});
    run();
    CHECK_INT(count, 5);
    CHECK_STORY("close");
    end();
}

enum { INTERVAL = 5 * MILLISECOND };

struct times {
    wherry_deadline first, second, third;
};

static void comes_late(void *user, wherry_watch *watch)
{
    struct times *times = user;
    count++;
    while (count == 1 && wherry_now() < times->first + 10 * INTERVAL) // all missed
        ;
    if (count == 2)
        times->second = wherry_now();
    times->third = wherry_now();
    if (count == 3)
        wherry_watch_close(watch);
}

TEST(those_that_were_missed_are_one_and_the_rhythm_stays)
{
    struct times times = {.first = wherry_now()};
    begin();
    timer(times.first, (struct wherry_timer_events){.user = &times,
                                                    .on_timer = comes_late,
                                                    .interval = INTERVAL});
    run();
    int64_t before = (times.second - times.first) / INTERVAL;
    CHECK((times.third - times.first) / INTERVAL > before);
    end();
}

static void turns(uv_idle_t *idle)
{
    (void)idle;
}

// libuv takes a millisecond that has begun for one that is over.
TEST(in_a_loop_that_never_sleeps_nothing_is_early_either)
{
    uv_loop_t host;
    uv_idle_t idle;
    CHECK_INT(uv_loop_init(&host), 0);
    uv_idle_init(&host, &idle);
    uv_idle_start(&idle, turns);
    WORKS(wherry_loop_attach(&host, &loop));
    for (int i = 0; i < 20; i++) {
        due = wherry_now() + MILLISECOND + i * MILLISECOND / 20;
        timer(due, (struct wherry_timer_events){.on_timer = not_early});
        CHECK_ERROR(wherry_loop_run(loop, due), -ETIMEDOUT);
        CHECK(wherry_now() >= due);
    }
    uv_close((uv_handle_t *)&idle, NULL);
    wherry_loop_free(loop);
    uv_run(&host, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&host), 0);
}

TEST(a_timer_is_set_anew_and_taken_back)
{
    begin();
    wherry_watch *watch =
        timer(wherry_after(60000), (struct wherry_timer_events){.on_timer = not_early});
    WORKS(wherry_watch_set_timer(watch, WHERRY_FOREVER));
    run();
    CHECK_INT(count, 0);
    WORKS(wherry_watch_set_timer(watch, wherry_after(1)));
    run();
    CHECK_INT(count, 1);
    WORKS(wherry_watch_set_timer(watch, INT64_MIN));
    run();
    CHECK_INT(count, 2);
    wherry_watch_close(watch);
    wherry_watch_close(watch);
    FAILS(wherry_watch_set_timer(watch, wherry_now()), -ESHUTDOWN, "a timer is closed");
    wherry_watch_close(NULL);
    end();
}

TEST(an_interval_that_has_no_end_comes_once)
{
    begin();
    timer(wherry_now(),
          (struct wherry_timer_events){.on_timer = not_early, .interval = INT64_MAX});
    run();
    CHECK_INT(count, 1);
    end();
}

TEST(what_a_timer_cannot_do_is_said)
{
    wherry_watch *watch = NULL;
    struct wherry_timer_events events = {.interval = -1};
    begin();
    FAILS(wherry_loop_timer(loop, wherry_now(), &events, sizeof(events), &watch),
          -EINVAL, "0 or more nanoseconds");
    CHECK(watch == NULL);
    watch = timer(WHERRY_FOREVER, (struct wherry_timer_events){.user = NULL});
    FAILS(wherry_watch_pause(watch), -ENOTSUP, "are not paused");
    FAILS(wherry_watch_resume(watch), -ENOTSUP, "are not paused");
    FAILS(wherry_watch_finish(watch), -EINVAL, "not that of a channel");
    FAILS(wherry_watch_write(watch, "x", 1, 0, 0), -EINVAL, "not that of a channel");
    CHECK(wherry_watch_channel(watch) == NULL);
    CHECK(wherry_watch_listener(watch) == NULL);
    CHECK(wherry_watch_process(watch) == NULL);
    CHECK(wherry_watch_end(watch, 1) == NULL);
    end();
}

TEST(a_timer_that_does_not_hold_lets_the_run_end)
{
    begin();
    wherry_watch *watch =
        timer(wherry_after(60000), (struct wherry_timer_events){.on_timer = not_early});
    wherry_watch_hold(watch, 0);
    CHECK_INT(wherry_loop_run(loop, WHERRY_FOREVER), 0);
    wherry_watch_hold(watch, 1);
    CHECK_ERROR(wherry_loop_run(loop, at_once()), -ETIMEDOUT);
    end();
}
