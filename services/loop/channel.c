/* SPDX-License-Identifier: MIT */
/*
 * The watch of a channel: receiving, and its life.  room.c sends.
 *
 * Its descriptor stays readable while anything is left to receive, in the kernel or in
 * the channel, so a turn may end after any message.
 */
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

static bool receives_now(const struct channel_watch *watch)
{
    return watch->receives && watch_receives(&watch->watch);
}

/* --- its end ------------------------------------------------------------- */

void channel_drop(wherry_channel *channel)
{
    // Cancelled, it says the end if there is room, and does not wait for any.
    if (channel)
        wherry_cancel(channel);
    wherry_close(channel);
}

static void farewell(void *argument)
{
    struct channel_watch *watch = argument;
    channel_drop(watch->channel);
    uv_async_send(&watch->farewell_said);
}

static void farewell_said(uv_async_t *handle)
{
    struct channel_watch *watch = handle->data;
    if (watch->has_thread)
        uv_thread_join(&watch->thread);
    uv_close((uv_handle_t *)handle, watch_part_closed);
}

// Signals are for the threads that the program knows of.
static bool begin_thread(struct channel_watch *watch)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool has_begun = uv_thread_create(&watch->thread, farewell, watch) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return has_begun;
}

// A program may take its time to end, which is no matter of this thread's.  Our handles
// go first: the numbers of its descriptors are others' soon.  Not by uv_queue_work(3):
// after that a child of fork(2) crashes at its exit(3) (libuv 1.44).
static void dispose_of_program(struct channel_watch *watch)
{
    wherry_watch *base = &watch->watch;
    uv_async_init(base->loop->uv, &watch->farewell_said, farewell_said);
    watch->farewell_said.data = watch;
    base->part_open++;
    watch_release(base);
    watch->has_thread = begin_thread(watch);
    if (!watch->has_thread)
        farewell(watch);
}

void channel_dispose(struct channel_watch *watch)
{
    room_end(watch);
    if (watch->starts) {
        dispose_of_program(watch);
        return;
    }
    channel_drop(watch->channel);
    watch->channel = NULL;
    watch_release(&watch->watch);
}

static void waited_long_enough(uv_timer_t *timer)
{
    channel_dispose(timer->data);
}

static void close_channel(wherry_watch *base, bool at_once)
{
    struct channel_watch *watch = (struct channel_watch *)base;
    if (watch->abilities & WHERRY_ABLE_RECV)
        uv_poll_stop(&watch->in);
    int r = room_finish(watch);
    if (r != -EAGAIN || at_once) {
        channel_dispose(watch);
        return;
    }
    uv_timer_start(&watch->timer, waited_long_enough, CLOSE_MOST, 0);
    room_wait(watch);
}

void channel_over(struct channel_watch *watch, int error)
{
    bool sends = (watch->abilities & WHERRY_ABLE_SEND) && !watch->finished;
    watch->receives = false;
    if (watch->abilities & WHERRY_ABLE_RECV)
        uv_poll_stop(&watch->in);
    if (watch->events.on_disconnect)
        watch->events.on_disconnect(watch->watch.user, &watch->watch, error);
    if (error < 0 || !sends || !watch->events.half_open)
        watch_close(&watch->watch, false);
}

/* --- receiving ----------------------------------------------------------- */

static void readable(uv_poll_t *handle, int status, int events);

static void listen_again(uv_timer_t *timer)
{
    struct channel_watch *watch = timer->data;
    if (receives_now(watch))
        uv_poll_start(&watch->in, UV_READABLE, readable);
}

// Some errors are one message's, and more may come behind it.
static enum turn explain(struct channel_watch *watch, int error)
{
    struct wherry_channel_info info = {.ended = error};
    wherry_describe(watch->channel, &info,
                    offsetof(struct wherry_channel_info, error_text));
    if (info.ended) {
        channel_over(watch, error);
        return TURN_OVER;
    }
    // What is short may be there again soon, and would be short at once if it is not.
    if (error == -ENOMEM) {
        uv_poll_stop(&watch->in);
        uv_timer_start(&watch->timer, listen_again, REST, 0);
    }
    if (watch->events.on_error)
        watch->events.on_error(watch->watch.user, &watch->watch, error);
    return TURN_QUIET;
}

static size_t deliver(struct channel_watch *watch, wherry_message *message)
{
    size_t size = wherry_message_size(message);
    if (watch->events.on_message)
        watch->events.on_message(watch->watch.user, &watch->watch, &message);
    wherry_message_free(message);
    return size;
}

enum turn channel_turn(struct channel_watch *watch)
{
    size_t bytes = 0;
    for (int i = 0; i < TURN_MESSAGES && bytes < TURN_BYTES; i++) {
        wherry_message *message = NULL;
        if (!receives_now(watch))
            return TURN_OVER;
        int r = wherry_recv(watch->channel, &message, WHERRY_POLL);
        if (r == 0) {
            channel_over(watch, 0);
            return TURN_OVER;
        }
        if (r < 0)
            return r == -EAGAIN ? TURN_QUIET : explain(watch, r);
        bytes += deliver(watch, message);
    }
    return receives_now(watch) ? TURN_MORE : TURN_OVER;
}

static void readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    struct channel_watch *watch = handle->data;
    (void)channel_turn(watch);
    // A drain of the peer's is answered, and what the callbacks gathered leaves.
    if (watch->watch.state == WATCH_OPEN)
        room_settle(watch);
}

static void pause_channel(wherry_watch *base)
{
    struct channel_watch *watch = (struct channel_watch *)base;
    if (receives_now(watch))
        uv_poll_start(&watch->in, UV_READABLE, readable);
    else if (watch->receives)
        uv_poll_stop(&watch->in);
}

const struct watch_sort channel_sort = {.close = close_channel, .pause = pause_channel};

/* --- its beginning ------------------------------------------------------- */

static int check_sending(wherry_channel *channel)
{
    wherry_native fd;
    short events;
    return wherry_fd(channel, WHERRY_OUT, &fd, &events);
}

// The last thing that can fail, so that nothing need be undone.
static int begin_receiving(struct channel_watch *watch)
{
    wherry_native fd;
    short events;
    if (!(watch->abilities & WHERRY_ABLE_RECV))
        return check_sending(watch->channel);
    int r = wherry_fd(watch->channel, WHERRY_IN, &fd, &events);
    if (r < 0)
        return r;
    r = uv_poll_init(watch->watch.loop->uv, &watch->in, fd);
    if (r < 0)
        return loop_error(r, r == -EEXIST ? "the channel is watched already"
                                          : "a channel in a loop");
    watch_add(&watch->watch, (uv_handle_t *)&watch->in);
    watch->receives = true;
    uv_poll_start(&watch->in, UV_READABLE, readable);
    return 0;
}

static bool starts_a_program(const char *scheme)
{
    const struct wherry_mechanism *mechanism = wherry_mechanism_find(scheme);
    return mechanism && (mechanism->traits & WHERRY_TRAIT_COMMAND);
}

int wherry_loop_channel(wherry_loop *loop, wherry_channel **channel,
                        const struct wherry_channel_events *events, size_t size,
                        wherry_watch **out)
{
    wherry_watch *made;
    struct wherry_channel_info info;
    int r = watch_new(loop, &channel_sort, sizeof(struct channel_watch), &made);
    if (r < 0)
        return r;
    struct channel_watch *watch = (struct channel_watch *)made;
    watch_events(&watch->events, sizeof(watch->events), events, size);
    wherry_describe(*channel, &info, offsetof(struct wherry_channel_info, peer));
    watch->abilities = info.abilities;
    watch->starts = starts_a_program(info.scheme);
    watch->channel = *channel;
    r = begin_receiving(watch);
    if (r < 0) {
        free(watch);
        return r;
    }
    watch_add_timer(made, &watch->timer);
    room_begin(watch);
    watch_begin(made, watch->events.user, watch->events.on_close, out);
    *channel = NULL;
    return 0;
}

wherry_channel *wherry_watch_channel(const wherry_watch *watch)
{
    bool is_open = watch->sort == &channel_sort && watch->state == WATCH_OPEN;
    return is_open ? ((const struct channel_watch *)watch)->channel : NULL;
}
