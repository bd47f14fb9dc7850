/* SPDX-License-Identifier: MIT */
/*
 * The inside of the loop service, between the files of services/loop.
 *
 * A watch is one piece of memory: what all have in common first, then what its sort
 * adds.  libuv's handles are in it, so it is freed only when libuv has closed them all,
 * which it says outside of all other callbacks: a pointer to a watch stays good until
 * the callback in hand has returned, whatever that closes.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdatomic.h>
#include <stdbool.h>

#include <uv.h>

#include <wherry/loop.h>
#include <wherry/mechanism.h>

enum {
    TURN_MESSAGES = 32,      /* from one watch, before others have their turn */
    TURN_BYTES = 256 * 1024, /* or so many bytes */
    TURN_CHANNELS = 16,      /* from one listener */
    REST = 20,               /* ms, after an error that may be over then */
    CLOSE_MOST = 2000,       /* ms, for what a closed channel has to send yet */
    WATCH_HANDLES = 4
};

/* --- watch.c: what all watches have in common ---------------------------- */

enum watch_state {
    WATCH_OPEN,
    WATCH_CLOSING, /* no callback but on_close comes any more */
    WATCH_GONE     /* and libuv closes its handles */
};

struct watch_sort {
    /* Stops, and calls watch_release() now, or, unless `at_once`, later. */
    void (*close)(wherry_watch *watch, bool at_once);

    /* Stops or goes on receiving, as watch->paused says.  NULL: it does not receive. */
    void (*pause)(wherry_watch *watch);

    /* What belongs to it holds a run up as it does.  NULL: nothing does. */
    void (*hold)(wherry_watch *watch);
};

struct wherry_watch {
    const struct watch_sort *sort;
    wherry_loop *loop;
    wherry_watch *before, *after; /* in the loop's list */
    uv_handle_t *handles[WATCH_HANDLES];
    unsigned handle_count;
    unsigned part_open; /* those and others that libuv has not closed yet */
    enum watch_state state;
    bool paused;
    bool is_light; /* holds up no run */
    void *user;
    void (*on_close)(void *user, wherry_watch *watch); /* or NULL */
};

/* A watch of `size` bytes, all zero but for what is in common; in no list yet, so that
 * free() undoes it.  Errors: -ENOMEM, -ESHUTDOWN. */
int watch_new(wherry_loop *loop, const struct watch_sort *sort, size_t size,
              wherry_watch **out);

/* A handle that libuv has made is the watch's from now on. */
void watch_add(wherry_watch *watch, uv_handle_t *handle);

/* A timer is made and added. */
void watch_add_timer(wherry_watch *watch, uv_timer_t *timer);

/* Everything worked: it is in the loop's list, and in *out unless that is NULL. */
void watch_begin(wherry_watch *watch, void *user,
                 void (*on_close)(void *user, wherry_watch *watch), wherry_watch **out);

/* libuv has closed one of those that `part_open` counts; the last is the watch's end.
 */
void watch_part_closed(uv_handle_t *handle);

/* Closes its handles; on_close and the end of its memory follow. */
void watch_release(wherry_watch *watch);

/* As wherry_watch_close, or at once: without time for what is left to send. */
void watch_close(wherry_watch *watch, bool at_once);

/* Whether it may receive at the moment. */
bool watch_receives(const wherry_watch *watch);

/* -EINVAL with a sentence, unless it is open and of that sort; -ESHUTDOWN if closed. */
int watch_check(const wherry_watch *watch, const struct watch_sort *sort,
                const char *what);

/* Copies what the caller's `struct` has of events, `size` bytes at most. */
void watch_events(void *out, size_t out_size, const void *events, size_t size);

/* --- loop.c -------------------------------------------------------------- */

struct wherry_loop {
    uv_loop_t *uv;
    uv_loop_t own; /* unless one was attached */
    bool is_own;
    bool running;  /* wherry_loop_run */
    bool late;     /* its deadline has passed */
    bool in_timer; /* libuv calls one that is due, and then whichever else is */
    bool freeing;
    wherry_deadline deadline;
    uv_timer_t timer; /* at the deadline */
    uv_async_t stop;
    atomic_bool stopped;
    unsigned handle_open; /* of these two */
    wherry_watch *first;
};

/* A watch is gone. */
void loop_forget(wherry_loop *loop, wherry_watch *watch);

/* An error of libuv, which has the same numbers, with its sentence. */
int loop_error(int error, const char *what);

/* --- timer.c ------------------------------------------------------------- */

/* Milliseconds from now to `at`, rounded up: a timer of libuv set to that is early by
 * less than one. */
uint64_t timer_until(wherry_deadline at);

/* --- channel.c: receiving, and the life of the watch of a channel -------- */

/* Waiting until there is room to send. */
struct room {
    uv_poll_t poll;   /* of `watch`, once that is there */
    uv_timer_t retry; /* where nothing can be watched */
    int watch;        /* an epoll(7) over the channel's descriptor; -1: not yet made */
    int watched;      /* that descriptor */
    bool waiting;
    bool wanted; /* on_room is owed */
};

struct channel_watch {
    wherry_watch watch;
    struct wherry_channel_events events;
    wherry_channel *channel; /* while it is open */
    unsigned abilities;
    uv_poll_t in;
    uv_timer_t timer;         /* rests after an error; the bound of closing */
    uv_thread_t thread;       /* waits for the program that was started for it */
    uv_async_t farewell_said; /* by that */
    struct room room;
    bool has_thread;
    bool starts;    /* a program was started for the channel */
    bool receives;  /* more may come */
    bool finishing; /* the end is to be said when there is room */
    bool finished;
};

extern const struct watch_sort channel_sort;

/* What a turn of receiving came to. */
enum turn {
    TURN_QUIET, /* nothing is there now */
    TURN_MORE,  /* something may be */
    TURN_OVER   /* nothing more is received: the end, paused, closed */
};

/* Receives for one turn. */
enum turn channel_turn(struct channel_watch *watch);

/* Nothing can be received or sent any more; tells, and closes. */
void channel_over(struct channel_watch *watch, int error);

/* The watch has nothing left to wait for: the end is said, or could not be. */
void channel_dispose(struct channel_watch *watch);

/* Closes a channel without waiting for anybody.  NULL is fine. */
void channel_drop(wherry_channel *channel);

/* --- room.c: sending ----------------------------------------------------- */

void room_begin(struct channel_watch *watch);

/* Waits until something may be sent, if it does not already. */
void room_wait(struct channel_watch *watch);

void room_stop(struct channel_watch *watch);

/* Before the watch is released. */
void room_end(struct channel_watch *watch);

/* What is held goes on, now and as there is room. */
void room_settle(struct channel_watch *watch);

/* Says the end, unless it was: 0, -EAGAIN (no room), or an error. */
int room_finish(struct channel_watch *watch);

#endif
