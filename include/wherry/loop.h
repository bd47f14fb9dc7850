/* SPDX-License-Identifier: MIT */
/*
 * The loop service: channels, listeners, processes, timers and signals, each watched
 * for the program, which is called back.  In libwherry-services, on libuv.
 *
 *     wherry_loop_new(&loop);
 *     struct wherry_channel_events events = {.on_message = print};
 *     wherry_loop_channel(loop, &channel, &events, sizeof(events), NULL);
 *     wherry_loop_run(loop, WHERRY_FOREVER);
 *     wherry_loop_free(loop);
 *
 * A watch is what a loop watches.  What it watches it has taken, and closes it in the
 * end.  It is good until its on_close, the last of its callbacks, has returned.
 *
 * Callbacks come from wherry_loop_run() only (or from the program's own uv_run(3)),
 * never from inside another call.  In one, everything may be done: close and free any
 * watch, its own too, and the loop; watch something else; start processes.  What has no
 * callback is received and dropped.  A busy watch gives way to the others after 32
 * messages, or as soon as 256 KiB have come.
 *
 * One thread uses a loop and all that it watches, but for wherry_loop_stop().  There
 * are no other threads, but one for each exec: that is closed, until its program ends.
 * Nothing costs processor time while nothing happens.
 */
#ifndef WHERRY_LOOP_H
#define WHERRY_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/channel.h>
#include <wherry/process.h>

WHERRY_BEGIN

struct uv_loop_s; /* uv_loop_t of uv.h, which only those who have one need */

typedef struct wherry_loop wherry_loop;
typedef struct wherry_watch wherry_watch;

/* --- the loop ------------------------------------------------------------------------
 */

/* Makes a loop.  Errors: -ENOMEM, -EMFILE, -ENFILE. */
WHERRY_EXPORT int wherry_loop_new(wherry_loop **out);

/* The same on a loop of libuv that the program has, and that lives as long.  Whoever
 * runs that runs this, and no handler or setting of the program's is touched.  Errors:
 * as wherry_loop_new. */
WHERRY_EXPORT int wherry_loop_attach(struct uv_loop_s *uv, wherry_loop **out);

/* Runs until there is nothing left to wait for: 0, or it was stopped: 1.  WHERRY_POLL
 * does what can be done at once.  Errors: -ETIMEDOUT, -EAGAIN (WHERRY_POLL: there is
 * more to wait for), -EDEADLK (it runs already: this is one of its callbacks). */
WHERRY_EXPORT int wherry_loop_run(wherry_loop *loop, wherry_deadline deadline);

/* Makes wherry_loop_run() return soon, or at once the next time if it does not run; and
 * the uv_run(3) of a loop that was attached.  From any thread and any signal handler.
 */
WHERRY_EXPORT void wherry_loop_stop(wherry_loop *loop);

/* Closes all watches without waiting for a slow peer, but for programs behind exec:,
 * calls each on_close, and frees the loop.  From a callback this happens as soon as
 * that has returned; the run ends with 1 then.  One that was attached is gone after the
 * next turns of the program's loop: run it before uv_loop_close(3).  NULL is fine. */
WHERRY_EXPORT void wherry_loop_free(wherry_loop *loop);

/* --- channels ------------------------------------------------------------------------
 */

/* What a channel does; each may be NULL. */
struct wherry_channel_events {
    void *user; /* is given to each */

    /* A message.  It may be taken (*message is NULL then), else it is freed. */
    void (*on_message)(void *user, wherry_watch *watch, wherry_message **message);

    /* There may be room again, once after each -EAGAIN of a sending call. */
    void (*on_room)(void *user, wherry_watch *watch);

    /* Nothing more comes: 0, the peer finished; else the error, wherry_error_text() is
     * its sentence.  All messages came before.  The watch closes itself then. */
    void (*on_disconnect)(void *user, wherry_watch *watch, int error);

    /* A message was lost, and more may come: -EMFILE and the like (wherry_recv).  Or,
     * half open, what was left to send is lost, and the watch closes itself. */
    void (*on_error)(void *user, wherry_watch *watch, int error);

    void (*on_close)(void *user, wherry_watch *watch);

    /* 1: when the peer has finished, this end goes on sending until it has, too. */
    int half_open;
};

/* Watches a channel, and takes it.  `size` is sizeof(struct wherry_channel_events),
 * `out` may be NULL.  A channel that cannot be received from is there to be sent to.
 * Errors (the channel stays the caller's): -ENOTSUP (sysv: has no descriptor to wait
 * for), -EEXIST (it is watched already), -EMFILE, -ENFILE, -ENOMEM, -ESHUTDOWN (the
 * loop is being freed). */
WHERRY_EXPORT int wherry_loop_channel(wherry_loop *loop, wherry_channel **channel,
                                      const struct wherry_channel_events *events,
                                      size_t size, wherry_watch **out);

/* Sends on a watched channel as wherry_send() with WHERRY_POLL.  Nothing is kept beyond
 * the bounds of the channel itself: what it holds after a result of 0 (the rest of one
 * message, a private list of `full=`) goes out by itself as there is room.  Errors: as
 * wherry_send; -EAGAIN: full, and on_room follows; -ESHUTDOWN: it is closed or finished
 * here; -EINVAL: it watches no channel. */
WHERRY_EXPORT int wherry_watch_send(wherry_watch *watch, wherry_message **message,
                                    unsigned flags);

/* The same with bytes, as wherry_write().  Errors: as wherry_watch_send. */
WHERRY_EXPORT int wherry_watch_write(wherry_watch *watch, const void *bytes,
                                     size_t size, int64_t kind, unsigned flags);

/* No more from me, as wherry_finish(); what is still held goes out before, as there is
 * room.  A watch that does not receive closes itself then.  Errors: as wherry_finish,
 * without -EAGAIN; -EINVAL, -ESHUTDOWN. */
WHERRY_EXPORT int wherry_watch_finish(wherry_watch *watch);

/* --- listeners -----------------------------------------------------------------------
 */

/* What a listener does. */
struct wherry_listener_events {
    void *user;

    /* Somebody dialled.  The channel may be taken, by wherry_loop_channel() for
     * instance (*channel is NULL then), else it is closed. */
    void (*on_channel)(void *user, wherry_watch *watch, wherry_channel **channel);

    /* A channel could not be had: -EMFILE, -ENOMEM and so on.  It is tried again after
     * 20 ms. */
    void (*on_error)(void *user, wherry_watch *watch, int error);

    void (*on_close)(void *user, wherry_watch *watch);
};

/* Watches a listener, and takes it.  A peer that never says its hello is given up with
 * the next that comes, at the earliest after `handshake=`.  One that gives a single
 * channel, as fifo: or udp:, stays until it is closed, but holds up no run.  Errors: as
 * wherry_loop_channel. */
WHERRY_EXPORT int wherry_loop_listener(wherry_loop *loop, wherry_listener **listener,
                                       const struct wherry_listener_events *events,
                                       size_t size, wherry_watch **out);

/* --- processes -----------------------------------------------------------------------
 */

/*
 * What a process does.  Pipes and message sockets lead to it by their numbers in the
 * plan.  As with Node: messages come before on_disconnect, data before on_end; on_exit
 * when the process has ended, after all that it had said by then; on_close after that
 * and after the last end of a pipe or channel, which is later where a process that it
 * left behind holds one.  Pipes that it only reads are closed when it has ended.
 */
struct wherry_process_events {
    void *user;

    /* Bytes from the pipe at `number`; borrowed. */
    void (*on_data)(void *user, wherry_watch *watch, int number, const void *bytes,
                    size_t size);

    /* It writes no more there; 0, or the error. */
    void (*on_end)(void *user, wherry_watch *watch, int number, int error);

    /* A message from the socket at `number`, which may be taken. */
    void (*on_message)(void *user, wherry_watch *watch, int number,
                       wherry_message **message);

    /* No more messages from there: 0, the peer finished; -ECONNRESET, it died. */
    void (*on_disconnect)(void *user, wherry_watch *watch, int number, int error);

    /* There may be room again at `number`, once after each -EAGAIN. */
    void (*on_room)(void *user, wherry_watch *watch, int number);

    /* How it ended.  NULL, and -ECHILD: somebody else waited for it, nobody knows. */
    void (*on_exit)(void *user, wherry_watch *watch, const struct wherry_exit *exit,
                    int error);

    void (*on_close)(void *user, wherry_watch *watch);

    const char *pipes;    /* options of the pipes; NULL: "framing=raw" */
    const char *messages; /* and of the message sockets; NULL: as they are */

    /* A message from the socket at `number` was lost, and more may come: -EMFILE and
     * the like (wherry_recv). */
    void (*on_error)(void *user, wherry_watch *watch, int number, int error);
};

/* Watches a process with all channels to it that were not had yet
 * (wherry_process_channel), and takes it.  Closing the watch before the process has
 * ended forgets that (wherry_process_close).  A stage of a pipeline stays the
 * pipeline's, which is closed after the on_close of its stages.  Errors: as
 * wherry_loop_channel, and -EINVAL (an option); the process stays the caller's, the
 * channels are closed. */
WHERRY_EXPORT int wherry_loop_process(wherry_loop *loop, wherry_process **process,
                                      const struct wherry_process_events *events,
                                      size_t size, wherry_watch **out);

/* The watch of the pipe or message socket at `number` of a watched process, to send to
 * it, to pause or to close it; borrowed.  NULL: there is none, or it is closed. */
WHERRY_EXPORT wherry_watch *wherry_watch_end(wherry_watch *watch, int number);

/* --- timers and signals --------------------------------------------------------------
 */

/* What a timer does. */
struct wherry_timer_events {
    void *user;
    void (*on_timer)(void *user, wherry_watch *watch);
    void (*on_close)(void *user, wherry_watch *watch);

    /* Nanoseconds from one to the next; 0: once.  Those that were missed are one. */
    int64_t interval;
};

/* Calls back at that time, and never before it; libuv counts in milliseconds, so it is
 * up to two late.  Afterwards the timer is there to be set again, and to be closed.
 * Errors: -EINVAL (a negative interval), -ENOMEM, -ESHUTDOWN. */
WHERRY_EXPORT int wherry_loop_timer(wherry_loop *loop, wherry_deadline first,
                                    const struct wherry_timer_events *events,
                                    size_t size, wherry_watch **out);

/* Sets when a timer is next; WHERRY_FOREVER: not before it is set again.  Errors:
 * -EINVAL (it is no timer), -ESHUTDOWN (it is closed). */
WHERRY_EXPORT int wherry_watch_set_timer(wherry_watch *watch, wherry_deadline first);

/* What a signal does. */
struct wherry_signal_events {
    void *user;

    /* It came; several that came at once may be one. */
    void (*on_signal)(void *user, wherry_watch *watch, int number);

    void (*on_close)(void *user, wherry_watch *watch);
};

/* Watches a signal by a handler of libuv's, which is the process's until the last such
 * watch is closed; what it does then is what it did before.  It works whichever thread
 * the signal is delivered to, and programs started meanwhile know nothing of it; where
 * who sent it and its number matter, watch a channel of `signal:` instead.  A watch
 * that holds up no run.  Errors: -EBUSY (this program has a handler of its own, which
 * is left alone), -EINVAL (no such signal, or one that nobody can handle), -EMFILE,
 * -ENOMEM, -ESHUTDOWN. */
WHERRY_EXPORT int wherry_loop_signal(wherry_loop *loop, int number,
                                     const struct wherry_signal_events *events,
                                     size_t size, wherry_watch **out);

/* --- all watches ---------------------------------------------------------------------
 */

/* Receives and accepts nothing until wherry_watch_resume(); of a process, from all that
 * leads to it.  Its end is told all the same.  Errors: -ENOTSUP (timers and signals),
 * -ESHUTDOWN (it is closed). */
WHERRY_EXPORT int wherry_watch_pause(wherry_watch *watch);

/* The other way.  Errors: as wherry_watch_pause. */
WHERRY_EXPORT int wherry_watch_resume(wherry_watch *watch);

/* Whether a run waits for it (1) or may end without it (0).  All hold a run up from the
 * beginning while something can come from them, but signals. */
WHERRY_EXPORT void wherry_watch_hold(wherry_watch *watch, int holds);

/* Closes a watch and what it watches; on_close follows, no other callback.  A channel
 * that has something to send yet has 2 s of the loop's time to get rid of it and to say
 * the orderly end; the program behind an exec: has as long as wherry_close gives it, in
 * a thread of its own (where none can be made, in this one), which holds a run up, and
 * on_close comes when it has ended.  Once more, or NULL, is fine. */
WHERRY_EXPORT void wherry_watch_close(wherry_watch *watch);

/* The channel that it watches, borrowed, to be described; do not receive, send or close
 * there.  NULL: it watches something else, or is closed. */
WHERRY_EXPORT wherry_channel *wherry_watch_channel(const wherry_watch *watch);

/* The listener that it watches, likewise: for its address. */
WHERRY_EXPORT wherry_listener *wherry_watch_listener(const wherry_watch *watch);

/* The process that it watches, likewise: for its number, and to signal it. */
WHERRY_EXPORT wherry_process *wherry_watch_process(const wherry_watch *watch);

/* The loop that it is in. */
WHERRY_EXPORT wherry_loop *wherry_watch_loop(const wherry_watch *watch);

WHERRY_END

#endif
