/* SPDX-License-Identifier: MIT */
/*
 * Sending on a watched channel: what is full is tried again when there is room.
 *
 * The descriptor that there is for that may be another's too (stdio:), may be polled by
 * the program itself, and changes or goes with the channel; libuv would also set flags
 * on it.  So it stands in an epoll(7) of the watch's own while, and only while,
 * somebody waits for room.
 */
#include "loop/loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { RETRY = 10 }; // ms

static void try_again(struct channel_watch *watch);

static void has_room(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    try_again(handle->data);
}

static void is_time(uv_timer_t *timer)
{
    try_again(timer->data);
}

/* --- waiting ------------------------------------------------------------- */

void room_begin(struct channel_watch *watch)
{
    watch->room.watch = watch->room.watched = -1;
    watch_add_timer(&watch->watch, &watch->room.retry);
}

static int make_watch(struct channel_watch *watch)
{
    struct room *room = &watch->room;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = uv_poll_init(watch->watch.loop->uv, &room->poll, fd);
    if (r < 0) {
        close(fd);
        return r;
    }
    room->watch = fd;
    watch_add(&watch->watch, (uv_handle_t *)&room->poll);
    return 0;
}

static int watch_descriptor(struct channel_watch *watch)
{
    struct room *room = &watch->room;
    short events = 0;
    int r = room->watch < 0 ? make_watch(watch) : 0;
    if (r >= 0)
        r = wherry_fd(watch->channel, WHERRY_OUT, &room->watched, &events);
    if (r < 0)
        return r;
    // The low event bits of epoll(7) are those of poll(2).
    struct epoll_event event = {.events = (unsigned short)events};
    if (epoll_ctl(room->watch, EPOLL_CTL_ADD, room->watched, &event) < 0)
        return -errno;
    return uv_poll_start(&room->poll, UV_READABLE, has_room);
}

void room_wait(struct channel_watch *watch)
{
    struct room *room = &watch->room;
    if (room->waiting)
        return;
    room->waiting = true;
    if (watch_descriptor(watch) < 0)
        uv_timer_start(&room->retry, is_time, RETRY, 0);
}

void room_stop(struct channel_watch *watch)
{
    struct room *room = &watch->room;
    if (!room->waiting)
        return;
    room->waiting = false;
    uv_timer_stop(&room->retry);
    if (room->watch < 0)
        return;
    uv_poll_stop(&room->poll);
    // It may have been closed meanwhile, and its number be another's: that is no harm.
    epoll_ctl(room->watch, EPOLL_CTL_DEL, room->watched, NULL);
}

void room_end(struct channel_watch *watch)
{
    room_stop(watch);
    if (watch->room.watch >= 0)
        close(watch->room.watch);
}

/* --- what is held -------------------------------------------------------- */

static bool sends(const struct channel_watch *watch)
{
    return (watch->abilities & WHERRY_ABLE_SEND) && !watch->finished;
}

int room_finish(struct channel_watch *watch)
{
    if (!sends(watch))
        return 0;
    int r = wherry_finish(watch->channel);
    watch->finishing = r == -EAGAIN;
    watch->finished = r >= 0;
    return r;
}

// Who still receives hears of it there.
static void broken(struct channel_watch *watch, int error)
{
    if (watch->receives)
        return;
    if (!(watch->abilities & WHERRY_ABLE_RECV)) {
        channel_over(watch, error);
        return;
    }
    if (watch->events.on_error)
        watch->events.on_error(watch->watch.user, &watch->watch, error);
    watch_close(&watch->watch, false);
}

void room_settle(struct channel_watch *watch)
{
    if (!sends(watch) || watch->room.waiting)
        return;
    int r = wherry_flush(watch->channel);
    if (r == -EAGAIN)
        room_wait(watch);
    else if (r < 0)
        broken(watch, r);
}

static void finish_late(struct channel_watch *watch)
{
    int r = room_finish(watch);
    if (r == -EAGAIN)
        room_wait(watch);
    else if (watch->watch.state == WATCH_CLOSING)
        channel_dispose(watch);
    else if (r < 0)
        broken(watch, r);
    else if (!watch->receives)
        watch_close(&watch->watch, false);
}

static void try_again(struct channel_watch *watch)
{
    room_stop(watch);
    if (watch->watch.state == WATCH_CLOSING || watch->finishing) {
        finish_late(watch);
        return;
    }
    room_settle(watch);
    if (watch->room.waiting || !watch->room.wanted || watch->watch.state != WATCH_OPEN)
        return;
    watch->room.wanted = false;
    if (watch->events.on_room)
        watch->events.on_room(watch->watch.user, &watch->watch);
}

/* --- the public verbs ---------------------------------------------------- */

static int check(const wherry_watch *base)
{
    const struct channel_watch *watch = (const struct channel_watch *)base;
    int r = watch_check(base, &channel_sort, "a channel");
    if (r >= 0 && watch->finishing)
        return wherry_error_set(-ESHUTDOWN, "this end has finished sending");
    return r;
}

static int after_sending(struct channel_watch *watch, int r, unsigned flags)
{
    if (r == -EAGAIN) {
        watch->room.wanted = true;
        room_wait(watch);
    } else if (r >= 0 && !(flags & WHERRY_MORE) && !watch->room.waiting &&
               wherry_flush(watch->channel) == -EAGAIN) {
        room_wait(watch);
    }
    return r;
}

int wherry_watch_send(wherry_watch *base, wherry_message **message, unsigned flags)
{
    struct channel_watch *watch = (struct channel_watch *)base;
    int r = check(base);
    if (r < 0)
        return r;
    r = wherry_send(watch->channel, message, flags, WHERRY_POLL);
    return after_sending(watch, r, flags);
}

int wherry_watch_write(wherry_watch *base, const void *bytes, size_t size, int64_t kind,
                       unsigned flags)
{
    struct channel_watch *watch = (struct channel_watch *)base;
    int r = check(base);
    if (r < 0)
        return r;
    r = wherry_write(watch->channel, bytes, size, kind, flags, WHERRY_POLL);
    return after_sending(watch, r, flags);
}

int wherry_watch_finish(wherry_watch *base)
{
    struct channel_watch *watch = (struct channel_watch *)base;
    int r = watch_check(base, &channel_sort, "a channel");
    if (r < 0 || watch->finished || watch->finishing)
        return r;
    if (!sends(watch))
        return wherry_finish(watch->channel); // it says why not
    r = room_finish(watch);
    if (r == -EAGAIN)
        room_wait(watch);
    else if (r >= 0 && !watch->receives)
        watch_close(base, false);
    return r == -EAGAIN ? 0 : r;
}
