/* SPDX-License-Identifier: MIT */
/*
 * The watch of a signal: libuv's handler, which is one for the process.
 *
 * Not a channel of `signal:`, which blocks the signal in this thread: in a program that
 * had threads before (libuv's own among them) the system would deliver it to one of
 * those, and end the program; and watches of the program's own in its loop would not
 * hear of it.  What libuv does to a handler that the program set by itself is undone:
 * then there is no watch.
 */
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct signal_watch {
    wherry_watch watch;
    struct wherry_signal_events events;
    uv_signal_t signal;
    struct sigaction before;
    int number;
};

static void came(uv_signal_t *handle, int number)
{
    struct signal_watch *watch = handle->data;
    if (watch->events.on_signal)
        watch->events.on_signal(watch->watch.user, &watch->watch, number);
}

static bool is_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) ||
           (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

// What libuv leaves is the system's usual; what stood before may be "ignored".
static void stop(struct signal_watch *watch)
{
    struct sigaction now;
    uv_signal_stop(&watch->signal);
    bool is_last = sigaction(watch->number, NULL, &now) == 0 && !is_handler(&now);
    if (is_last && !is_handler(&watch->before))
        sigaction(watch->number, &watch->before, NULL);
}

static void close_signal(wherry_watch *watch, bool at_once)
{
    (void)at_once;
    stop((struct signal_watch *)watch);
    watch_release(watch);
}

static const struct watch_sort signal_sort = {.close = close_signal};

// What stood before the first of several watches is what comes back after the last.
static void learn_before(struct signal_watch *watch)
{
    const wherry_watch *each = watch->watch.loop->first;
    for (; each && is_handler(&watch->before); each = each->after) {
        const struct signal_watch *other = (const struct signal_watch *)each;
        if (each->sort == &signal_sort && other->number == watch->number)
            watch->before = other->before;
    }
}

// A handler that was there and is not any more was not libuv's: it comes back.
static int start(struct signal_watch *watch)
{
    struct sigaction now;
    if (sigaction(watch->number, NULL, &watch->before) < 0)
        return loop_error(-errno, "watching a signal");
    int r = uv_signal_start(&watch->signal, came, watch->number);
    if (r < 0)
        return loop_error(r, "watching a signal");
    sigaction(watch->number, NULL, &now);
    if (!is_handler(&watch->before) || now.sa_handler == watch->before.sa_handler) {
        learn_before(watch);
        return 0;
    }
    uv_signal_stop(&watch->signal);
    sigaction(watch->number, &watch->before, NULL);
    return wherry_error_set(-EBUSY,
                            "signal %d: this program has a handler of its own for it, "
                            "which stays; watch another signal, or remove that first",
                            watch->number);
}

int wherry_loop_signal(wherry_loop *loop, int number,
                       const struct wherry_signal_events *events, size_t size,
                       wherry_watch **out)
{
    wherry_watch *made;
    int r = watch_new(loop, &signal_sort, sizeof(struct signal_watch), &made);
    if (r < 0)
        return r;
    struct signal_watch *watch = (struct signal_watch *)made;
    watch_events(&watch->events, sizeof(watch->events), events, size);
    watch->number = number;
    r = uv_signal_init(loop->uv, &watch->signal);
    if (r < 0) {
        free(watch);
        return loop_error(r, "watching a signal");
    }
    made->is_light = true;
    watch_add(made, (uv_handle_t *)&watch->signal);
    r = start(watch);
    if (r < 0) {
        watch_begin(made, NULL, NULL, NULL);
        watch_release(made);
        return r;
    }
    watch_begin(made, watch->events.user, watch->events.on_close, out);
    return 0;
}
