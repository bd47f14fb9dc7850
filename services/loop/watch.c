/* SPDX-License-Identifier: MIT */
/*
 * What all watches have in common: their life, and how they are paused and held.
 */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- making -------------------------------------------------------------- */

int watch_new(wherry_loop *loop, const struct watch_sort *sort, size_t size,
              wherry_watch **out)
{
    if (loop->freeing)
        return wherry_error_set(-ESHUTDOWN,
                                "the loop is being freed: nothing more is watched");
    wherry_watch *watch = calloc(1, size);
    if (!watch)
        return wherry_error_set(-ENOMEM, "no memory for a watch");
    watch->loop = loop;
    watch->sort = sort;
    *out = watch;
    return 0;
}

void watch_add(wherry_watch *watch, uv_handle_t *handle)
{
    handle->data = watch;
    watch->handles[watch->handle_count++] = handle;
    watch->part_open++;
    if (watch->is_light)
        uv_unref(handle);
}

void watch_add_timer(wherry_watch *watch, uv_timer_t *timer)
{
    uv_timer_init(watch->loop->uv, timer);
    watch_add(watch, (uv_handle_t *)timer);
}

void watch_begin(wherry_watch *watch, void *user,
                 void (*on_close)(void *user, wherry_watch *watch), wherry_watch **out)
{
    wherry_loop *loop = watch->loop;
    watch->user = user;
    watch->on_close = on_close;
    watch->after = loop->first;
    if (loop->first)
        loop->first->before = watch;
    loop->first = watch;
    if (out)
        *out = watch;
}

void watch_events(void *out, size_t out_size, const void *events, size_t size)
{
    memset(out, 0, out_size);
    memcpy(out, events, size < out_size ? size : out_size);
}

/* --- its end ------------------------------------------------------------- */

// The one place where a watch ends: no callback is under way, and none can follow.
static void end(wherry_watch *watch)
{
    if (watch->on_close)
        watch->on_close(watch->user, watch);
    loop_forget(watch->loop, watch);
    free(watch);
}

void watch_part_closed(uv_handle_t *handle)
{
    wherry_watch *watch = handle->data;
    watch->part_open--;
    if (watch->part_open == 0)
        end(watch);
}

void watch_release(wherry_watch *watch)
{
    watch->state = WATCH_GONE;
    for (unsigned i = 0; i < watch->handle_count; i++)
        uv_close(watch->handles[i], watch_part_closed);
}

void watch_close(wherry_watch *watch, bool at_once)
{
    bool is_slow = watch->state == WATCH_CLOSING && at_once;
    if (watch->state != WATCH_OPEN && !is_slow)
        return;
    watch->state = WATCH_CLOSING;
    watch->sort->close(watch, at_once);
}

void wherry_watch_close(wherry_watch *watch)
{
    if (watch)
        watch_close(watch, false);
}

/* --- while it is there --------------------------------------------------- */

bool watch_receives(const wherry_watch *watch)
{
    return watch->state == WATCH_OPEN && !watch->paused;
}

int watch_check(const wherry_watch *watch, const struct watch_sort *sort,
                const char *what)
{
    if (watch->sort != sort)
        return wherry_error_set(-EINVAL, "this watch is not that of %s", what);
    if (watch->state != WATCH_OPEN)
        return wherry_error_set(-ESHUTDOWN, "the watch of %s is closed", what);
    return 0;
}

static int set_paused(wherry_watch *watch, bool paused)
{
    if (!watch->sort->pause)
        return wherry_error_set(-ENOTSUP, "timers and signals are not paused: set the "
                                          "timer to WHERRY_FOREVER, close the signal");
    if (watch->state != WATCH_OPEN)
        return wherry_error_set(-ESHUTDOWN, "the watch is closed");
    if (watch->paused != paused) {
        watch->paused = paused;
        watch->sort->pause(watch);
    }
    return 0;
}

int wherry_watch_pause(wherry_watch *watch)
{
    return set_paused(watch, true);
}

int wherry_watch_resume(wherry_watch *watch)
{
    return set_paused(watch, false);
}

void wherry_watch_hold(wherry_watch *watch, int holds)
{
    watch->is_light = !holds;
    for (unsigned i = 0; i < watch->handle_count && watch->state != WATCH_GONE; i++) {
        if (holds)
            uv_ref(watch->handles[i]);
        else
            uv_unref(watch->handles[i]);
    }
    if (watch->sort->hold && watch->state == WATCH_OPEN)
        watch->sort->hold(watch);
}

wherry_loop *wherry_watch_loop(const wherry_watch *watch)
{
    return watch->loop;
}
