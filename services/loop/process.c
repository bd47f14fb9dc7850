/* SPDX-License-Identifier: MIT */
/*
 * The watch of a process, and of all that leads to it.
 *
 * Each pipe and message socket has a channel watch of its own, an end, whose events
 * become the process's.  When the process has ended, what it had said lies in the
 * kernel: each end is read until nothing is there, and then the end of the process is
 * told.  It is bounded how much is read first, for somebody that it left behind may go
 * on talking.
 */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>

enum {
    LAST_BYTES =
        2 << 20,   // of an end, between the process's end and exit: what a pipe holds
    LOOK_AGAIN = 1 // ms; meanwhile it is read as before, in turn with the others
};

struct end {
    struct process_watch *owner;
    struct end *next;
    int number;
    bool is_messages;
    bool is_quiet; /* nothing is there of what it said before it ended */
    size_t taken;  /* since then; a message is a byte more, of the kernel's */
    wherry_watch *watch;
};

struct process_watch {
    wherry_watch watch;
    struct wherry_process_events events;
    wherry_process *process;
    uv_poll_t poll;   /* its end */
    uv_timer_t timer; /* asks again */
    struct end *ends;
    bool has_ended; /* and how is in the three below */
    bool told;
    int error;
    struct wherry_exit exit;
};

static struct channel_watch *channel_of(const struct end *end)
{
    return (struct channel_watch *)end->watch;
}

/* --- its end ------------------------------------------------------------- */

static void dispose(struct process_watch *watch)
{
    uv_poll_stop(&watch->poll);
    wherry_process_close(watch->process);
    watch->process = NULL;
    watch_release(&watch->watch);
}

// After its exit and the last of its ends it is over, closed or not.
static void look_whether_over(struct process_watch *watch)
{
    if (watch->ends)
        return;
    if (watch->watch.state == WATCH_CLOSING)
        dispose(watch);
    else if (watch->told)
        watch_close(&watch->watch, false);
}

static void close_process(wherry_watch *base, bool at_once)
{
    struct process_watch *watch = (struct process_watch *)base;
    uv_poll_stop(&watch->poll);
    uv_timer_stop(&watch->timer);
    for (struct end *each = watch->ends; each; each = each->next)
        watch_close(each->watch, at_once);
    look_whether_over(watch);
}

static void end_closed(void *user, wherry_watch *base)
{
    struct end *end = user;
    struct process_watch *watch = end->owner;
    struct end **place = &watch->ends;
    (void)base;
    while (*place != end)
        place = &(*place)->next;
    *place = end->next;
    free(end);
    look_whether_over(watch);
}

/* --- its exit ------------------------------------------------------------ */

static void try_again(uv_timer_t *timer);

// Reads what an end has for a turn; whether it has to be asked again.
static bool has_more(struct end *end)
{
    if (end->is_quiet)
        return false;
    end->is_quiet =
        channel_turn(channel_of(end)) != TURN_MORE || end->taken >= LAST_BYTES;
    return !end->is_quiet;
}

// Nobody reads any more what only the process read.
static void close_what_it_read(struct process_watch *watch)
{
    for (struct end *each = watch->ends; each; each = each->next) {
        if (!(channel_of(each)->abilities & WHERRY_ABLE_RECV))
            watch_close(each->watch, true);
    }
}

static void tell_exit(struct process_watch *watch)
{
    const struct wherry_exit *exit = watch->error < 0 ? NULL : &watch->exit;
    watch->told = true;
    close_what_it_read(watch);
    if (watch->events.on_exit)
        watch->events.on_exit(watch->watch.user, &watch->watch, exit, watch->error);
    if (watch->watch.state == WATCH_OPEN)
        look_whether_over(watch);
}

static void read_out(struct process_watch *watch)
{
    bool more = false;
    for (struct end *each = watch->ends; each; each = each->next)
        more |= has_more(each);
    // A callback may have closed it.
    if (watch->watch.state != WATCH_OPEN)
        return;
    if (more)
        uv_timer_start(&watch->timer, try_again, LOOK_AGAIN, 0);
    else
        tell_exit(watch);
}

static void learn_exit(struct process_watch *watch)
{
    int r = wherry_process_wait(watch->process, &watch->exit, sizeof(watch->exit),
                                WHERRY_POLL);
    // One that is traced has ended for its tracer first.
    if (r == -EAGAIN) {
        uv_timer_start(&watch->timer, try_again, REST, 0);
        return;
    }
    watch->has_ended = true;
    watch->error = r;
    read_out(watch);
}

static void try_again(uv_timer_t *timer)
{
    struct process_watch *watch = timer->data;
    if (watch->has_ended)
        read_out(watch);
    else
        learn_exit(watch);
}

static void ended(uv_poll_t *poll, int status, int events)
{
    struct process_watch *watch = poll->data;
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    learn_exit(watch);
}

/* --- what its ends do ---------------------------------------------------- */

static bool is_open(const struct end *end)
{
    return end->owner->watch.state == WATCH_OPEN;
}

static void end_said(void *user, wherry_watch *base, wherry_message **message)
{
    struct end *end = user;
    struct process_watch *watch = end->owner;
    const struct wherry_process_events *events = &watch->events;
    (void)base;
    if (watch->has_ended)
        end->taken += wherry_message_size(*message) + 1;
    if (end->is_messages && events->on_message)
        events->on_message(watch->watch.user, &watch->watch, end->number, message);
    if (!end->is_messages && events->on_data)
        events->on_data(watch->watch.user, &watch->watch, end->number,
                        wherry_message_data(*message), wherry_message_size(*message));
}

static void end_over(void *user, wherry_watch *base, int error)
{
    struct end *end = user;
    struct process_watch *watch = end->owner;
    void (*tell)(void *, wherry_watch *, int, int) =
        end->is_messages ? watch->events.on_disconnect : watch->events.on_end;
    (void)base;
    if (tell && is_open(end))
        tell(watch->watch.user, &watch->watch, end->number, error);
}

static void end_lost(void *user, wherry_watch *base, int error)
{
    struct end *end = user;
    struct process_watch *watch = end->owner;
    (void)base;
    if (watch->events.on_error)
        watch->events.on_error(watch->watch.user, &watch->watch, end->number, error);
}

static void end_has_room(void *user, wherry_watch *base)
{
    struct end *end = user;
    struct process_watch *watch = end->owner;
    (void)base;
    if (watch->events.on_room)
        watch->events.on_room(watch->watch.user, &watch->watch, end->number);
}

/* --- its beginning ------------------------------------------------------- */

static int watch_end(struct process_watch *watch, struct end *end)
{
    const struct wherry_channel_events events = {.user = end,
                                                 .on_message = end_said,
                                                 .on_room = end_has_room,
                                                 .on_disconnect = end_over,
                                                 .on_error = end_lost,
                                                 .on_close = end_closed};
    const char *pipes = watch->events.pipes ? watch->events.pipes : "framing=raw";
    wherry_channel *channel = NULL;
    int r = wherry_process_channel(watch->process, end->number,
                                   end->is_messages ? watch->events.messages : pipes,
                                   &channel);
    if (r < 0)
        return r;
    r = wherry_loop_channel(watch->watch.loop, &channel, &events, sizeof(events),
                            &end->watch);
    channel_drop(channel);
    return r;
}

static int add_end(struct process_watch *watch, int number, enum wherry_from from)
{
    struct end *end = calloc(1, sizeof(*end));
    if (!end)
        return wherry_error_set(-ENOMEM, "no memory to watch a process");
    end->owner = watch;
    end->number = number;
    end->is_messages = from != WHERRY_FROM_PIPE;
    int r = watch_end(watch, end);
    if (r < 0) {
        free(end);
        return r == -ENOENT ? 0 : r; // it was had before
    }
    end->next = watch->ends;
    watch->ends = end;
    return 0;
}

static int add_ends(struct process_watch *watch)
{
    enum wherry_from from;
    int r = 0;
    for (size_t i = 0; r >= 0; i++) {
        int number = wherry_process_laid(watch->process, i, &from);
        if (number < 0)
            return 0;
        r = add_end(watch, number, from);
    }
    return r;
}

// What is paused is its ends.
static void pause_process(wherry_watch *base)
{
    const struct process_watch *watch = (const struct process_watch *)base;
    for (struct end *each = watch->ends; each; each = each->next) {
        if (base->paused)
            wherry_watch_pause(each->watch);
        else
            wherry_watch_resume(each->watch);
    }
}

static void hold_process(wherry_watch *base)
{
    const struct process_watch *watch = (const struct process_watch *)base;
    for (struct end *each = watch->ends; each; each = each->next)
        wherry_watch_hold(each->watch, !base->is_light);
}

static const struct watch_sort process_sort = {
    .close = close_process, .pause = pause_process, .hold = hold_process};

static int begin(struct process_watch *watch)
{
    int r = uv_poll_init(watch->watch.loop->uv, &watch->poll,
                         wherry_process_fd(watch->process));
    if (r < 0) {
        (void)loop_error(r, "watching a process");
        free(watch);
        return r;
    }
    watch_add(&watch->watch, (uv_handle_t *)&watch->poll);
    watch_add_timer(&watch->watch, &watch->timer);
    watch_begin(&watch->watch, NULL, NULL, NULL);
    r = add_ends(watch);
    if (r < 0) {
        watch->process = NULL; // it stays the caller's
        watch_close(&watch->watch, true);
    }
    return r;
}

int wherry_loop_process(wherry_loop *loop, wherry_process **process,
                        const struct wherry_process_events *events, size_t size,
                        wherry_watch **out)
{
    wherry_watch *made;
    int r = watch_new(loop, &process_sort, sizeof(struct process_watch), &made);
    if (r < 0)
        return r;
    struct process_watch *watch = (struct process_watch *)made;
    watch_events(&watch->events, sizeof(watch->events), events, size);
    watch->process = *process;
    r = begin(watch);
    if (r < 0)
        return r;
    made->user = watch->events.user;
    made->on_close = watch->events.on_close;
    uv_poll_start(&watch->poll, UV_READABLE, ended);
    *process = NULL;
    if (out)
        *out = made;
    return 0;
}

/* --- what is asked of it ------------------------------------------------- */

wherry_process *wherry_watch_process(const wherry_watch *watch)
{
    return watch->sort == &process_sort ? ((const struct process_watch *)watch)->process
                                        : NULL;
}

wherry_watch *wherry_watch_end(wherry_watch *watch, int number)
{
    if (watch->sort != &process_sort)
        return NULL;
    struct end *each = ((struct process_watch *)watch)->ends;
    while (each && each->number != number)
        each = each->next;
    return each && each->watch->state == WATCH_OPEN ? each->watch : NULL;
}
