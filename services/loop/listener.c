/* SPDX-License-Identifier: MIT */
/*
 * The watch of a listener.
 *
 * Its descriptor stays readable while somebody waits to be accepted, also when that
 * fails for want of descriptors or memory: then it rests, or the loop would spin.
 */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

struct listener_watch {
    wherry_watch watch;
    struct wherry_listener_events events;
    wherry_listener *listener;
    uv_poll_t in;
    uv_timer_t rest;
    bool is_over; /* it has given the only channel that it has */
};

static void readable(uv_poll_t *handle, int status, int events);

static void listen_again(struct listener_watch *watch)
{
    if (watch_receives(&watch->watch) && !watch->is_over)
        uv_poll_start(&watch->in, UV_READABLE, readable);
}

static void rested(uv_timer_t *timer)
{
    listen_again(timer->data);
}

static void explain(struct listener_watch *watch, int error)
{
    uv_poll_stop(&watch->in);
    watch->is_over = error == -EALREADY;
    if (watch->is_over)
        return;
    uv_timer_start(&watch->rest, rested, REST, 0);
    if (watch->events.on_error)
        watch->events.on_error(watch->watch.user, &watch->watch, error);
}

static void readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct listener_watch *watch = handle->data;
    for (int i = 0; i < TURN_CHANNELS && watch_receives(&watch->watch); i++) {
        wherry_channel *channel = NULL;
        int r = wherry_accept(watch->listener, WHERRY_POLL, &channel);
        if (r < 0 && r != -EAGAIN)
            explain(watch, r);
        if (r < 0)
            return;
        if (watch->events.on_channel)
            watch->events.on_channel(watch->watch.user, &watch->watch, &channel);
        channel_drop(channel);
    }
}

static void pause_listener(wherry_watch *base)
{
    struct listener_watch *watch = (struct listener_watch *)base;
    uv_poll_stop(&watch->in);
    listen_again(watch);
}

static void close_listener(wherry_watch *base, bool at_once)
{
    struct listener_watch *watch = (struct listener_watch *)base;
    (void)at_once;
    uv_poll_stop(&watch->in);
    wherry_close_listener(watch->listener);
    watch->listener = NULL;
    watch_release(base);
}

static const struct watch_sort listener_sort = {.close = close_listener,
                                                .pause = pause_listener};

int wherry_loop_listener(wherry_loop *loop, wherry_listener **listener,
                         const struct wherry_listener_events *events, size_t size,
                         wherry_watch **out)
{
    wherry_watch *made;
    wherry_native fd;
    short ready;
    int r = watch_new(loop, &listener_sort, sizeof(struct listener_watch), &made);
    if (r < 0)
        return r;
    struct listener_watch *watch = (struct listener_watch *)made;
    watch_events(&watch->events, sizeof(watch->events), events, size);
    r = wherry_listener_fd(*listener, &fd, &ready);
    if (r >= 0 && (r = uv_poll_init(loop->uv, &watch->in, fd)) < 0)
        r = loop_error(r, wherry_listener_address(*listener));
    if (r < 0) {
        free(watch);
        return r;
    }
    watch->listener = *listener;
    watch_add(made, (uv_handle_t *)&watch->in);
    watch_add_timer(made, &watch->rest);
    watch_begin(made, watch->events.user, watch->events.on_close, out);
    listen_again(watch);
    *listener = NULL;
    return 0;
}

wherry_listener *wherry_watch_listener(const wherry_watch *watch)
{
    return watch->sort == &listener_sort
               ? ((const struct listener_watch *)watch)->listener
               : NULL;
}
