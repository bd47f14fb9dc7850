/* SPDX-License-Identifier: MIT */
/*
 * Timers: libuv's, held to deadlines in nanoseconds.
 *
 * libuv counts in milliseconds that have begun, so a timer of its may come early by a
 * part of one; then it is set once more.
 */
#include "loop/loop.h"

#include <errno.h>

enum { MILLISECOND = 1000000 };

struct timer_watch {
    wherry_watch watch;
    struct wherry_timer_events events;
    uv_timer_t timer;
    wherry_deadline due; /* WHERRY_FOREVER: it is not set */
};

uint64_t timer_until(wherry_deadline at)
{
    wherry_deadline now = wherry_now();
    return at <= now ? 0 : (uint64_t)(at - now - 1) / MILLISECOND + 1;
}

static void came(uv_timer_t *timer);

static void set(struct timer_watch *watch, wherry_deadline due)
{
    watch->due = due < 0 ? 0 : due;
    uv_timer_stop(&watch->timer);
    if (due == WHERRY_FOREVER)
        return;
    uint64_t until = timer_until(due);
    // libuv calls timers until none is due: one that is set from there comes in the
    // next turn, or nothing else would have its own.
    if (!watch->watch.loop->in_timer)
        uv_update_time(watch->watch.loop->uv);
    else if (until == 0)
        until = 1;
    uv_timer_start(&watch->timer, came, until, 0);
}

// The first that has not passed yet, in the rhythm of those before.
static wherry_deadline next_due(const struct timer_watch *watch, wherry_deadline now)
{
    int64_t interval = watch->events.interval;
    if (interval == 0 || WHERRY_FOREVER - now <= interval)
        return WHERRY_FOREVER;
    return watch->due + (now - watch->due) / interval * interval + interval;
}

static void call(struct timer_watch *watch)
{
    wherry_deadline now = wherry_now();
    if (now < watch->due) {
        set(watch, watch->due);
        return;
    }
    set(watch, next_due(watch, now));
    if (watch->events.on_timer)
        watch->events.on_timer(watch->watch.user, &watch->watch);
}

static void came(uv_timer_t *timer)
{
    struct timer_watch *watch = timer->data;
    wherry_loop *loop = watch->watch.loop;
    loop->in_timer = true;
    call(watch);
    loop->in_timer = false;
}

static void close_timer(wherry_watch *watch, bool at_once)
{
    (void)at_once;
    watch_release(watch);
}

static const struct watch_sort timer_sort = {.close = close_timer};

int wherry_loop_timer(wherry_loop *loop, wherry_deadline first,
                      const struct wherry_timer_events *events, size_t size,
                      wherry_watch **out)
{
    struct wherry_timer_events given;
    wherry_watch *made;
    watch_events(&given, sizeof(given), events, size);
    if (given.interval < 0)
        return wherry_error_set(-EINVAL,
                                "the interval of a timer is 0 or more "
                                "nanoseconds, not %lld",
                                (long long)given.interval);
    int r = watch_new(loop, &timer_sort, sizeof(struct timer_watch), &made);
    if (r < 0)
        return r;
    struct timer_watch *watch = (struct timer_watch *)made;
    watch->events = given;
    watch_add_timer(made, &watch->timer);
    set(watch, first);
    watch_begin(made, given.user, given.on_close, out);
    return 0;
}

int wherry_watch_set_timer(wherry_watch *watch, wherry_deadline first)
{
    int r = watch_check(watch, &timer_sort, "a timer");
    if (r >= 0)
        set((struct timer_watch *)watch, first);
    return r;
}
