/* SPDX-License-Identifier: MIT */
/*
 * The loop: made or attached, run, stopped, freed.
 *
 * Two handles of its own hold nothing up: a timer for the deadline of a run, and what
 * another thread stops it by.
 */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

int loop_error(int error, const char *what)
{
    return wherry_error_set(error, "%s: %s", what, uv_strerror(error));
}

/* --- making -------------------------------------------------------------- */

static void stop_heard(uv_async_t *handle)
{
    wherry_loop *loop = handle->data;
    // Whoever runs it by wherry_loop_run wants to know why it came back.
    bool stopped = loop->running ? atomic_load(&loop->stopped)
                                 : atomic_exchange(&loop->stopped, false);
    if (stopped)
        uv_stop(loop->uv);
}

static int begin(wherry_loop *loop)
{
    int r = uv_async_init(loop->uv, &loop->stop, stop_heard);
    if (r < 0)
        return loop_error(r, "a loop");
    uv_timer_init(loop->uv, &loop->timer);
    loop->stop.data = loop->timer.data = loop;
    uv_unref((uv_handle_t *)&loop->stop);
    uv_unref((uv_handle_t *)&loop->timer);
    loop->handle_open = 2;
    return 0;
}

static int make(uv_loop_t *attached, wherry_loop **out)
{
    wherry_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return wherry_error_set(-ENOMEM, "no memory for a loop");
    loop->is_own = !attached;
    loop->uv = attached ? attached : &loop->own;
    int r = loop->is_own ? uv_loop_init(&loop->own) : 0;
    if (r < 0) {
        free(loop);
        return loop_error(r, "a loop");
    }
    r = begin(loop);
    if (r < 0) {
        if (loop->is_own)
            uv_loop_close(&loop->own);
        free(loop);
        return r;
    }
    *out = loop;
    return 0;
}

int wherry_loop_new(wherry_loop **out)
{
    return make(NULL, out);
}

int wherry_loop_attach(struct uv_loop_s *uv, wherry_loop **out)
{
    return make(uv, out);
}

/* --- its end ------------------------------------------------------------- */

// Attached, it is gone when libuv has closed what it had there; one of its own is gone
// when wherry_loop_free says so.
static void try_gone(wherry_loop *loop)
{
    bool is_empty = loop->handle_open == 0 && !loop->first;
    if (loop->freeing && !loop->running && !loop->is_own && is_empty)
        free(loop);
}

static void closed(uv_handle_t *handle)
{
    wherry_loop *loop = handle->data;
    loop->handle_open--;
    try_gone(loop);
}

void loop_forget(wherry_loop *loop, wherry_watch *watch)
{
    if (watch->before)
        watch->before->after = watch->after;
    else if (loop->first == watch)
        loop->first = watch->after;
    if (watch->after)
        watch->after->before = watch->before;
    try_gone(loop);
}

static void close_all(wherry_loop *loop)
{
    loop->freeing = true;
    for (wherry_watch *each = loop->first; each; each = each->after)
        watch_close(each, true);
    uv_close((uv_handle_t *)&loop->timer, closed);
    uv_close((uv_handle_t *)&loop->stop, closed);
}

static void end(wherry_loop *loop)
{
    if (!loop->is_own) {
        try_gone(loop);
        return;
    }
    while (uv_run(&loop->own, UV_RUN_DEFAULT))
        ;
    uv_loop_close(&loop->own);
    free(loop);
}

void wherry_loop_free(wherry_loop *loop)
{
    if (!loop || loop->freeing)
        return;
    close_all(loop);
    if (loop->running)
        uv_stop(loop->uv); // wherry_loop_run ends it
    else
        end(loop);
}

/* --- running ------------------------------------------------------------- */

static void deadline_came(uv_timer_t *timer)
{
    wherry_loop *loop = timer->data;
    if (wherry_now() < loop->deadline) {
        uv_timer_start(timer, deadline_came, 1, 0);
        return;
    }
    loop->late = true;
    uv_stop(loop->uv);
}

static int run_until(wherry_loop *loop, wherry_deadline deadline)
{
    loop->late = false;
    loop->deadline = deadline;
    if (deadline != WHERRY_FOREVER) {
        uv_update_time(loop->uv);
        uv_timer_start(&loop->timer, deadline_came, timer_until(deadline), 0);
    }
    int left = uv_run(loop->uv, UV_RUN_DEFAULT);
    if (!loop->freeing)
        uv_timer_stop(&loop->timer);
    if (loop->late && left)
        return wherry_error_set(-ETIMEDOUT, "the loop: the deadline passed");
    return left ? 1 : 0;
}

static int run(wherry_loop *loop, wherry_deadline deadline)
{
    int r = deadline != WHERRY_POLL           ? run_until(loop, deadline)
            : uv_run(loop->uv, UV_RUN_NOWAIT) ? -EAGAIN
                                              : 0;
    return atomic_exchange(&loop->stopped, false) || loop->freeing ? 1 : r;
}

int wherry_loop_run(wherry_loop *loop, wherry_deadline deadline)
{
    if (loop->running || loop->freeing)
        return wherry_error_set(-EDEADLK, "the loop runs already: this is one of its "
                                          "callbacks, return from it");
    loop->running = true;
    int r = run(loop, deadline);
    loop->running = false;
    if (loop->freeing)
        end(loop);
    return r;
}

void wherry_loop_stop(wherry_loop *loop)
{
    atomic_store(&loop->stopped, true);
    uv_async_send(&loop->stop);
}
