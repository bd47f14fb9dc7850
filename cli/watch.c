/* SPDX-License-Identifier: MIT */
/*
 * Watching programs that were started, until they have ended.
 */
#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "interrupt.h"

enum { LOOK_MILLISECONDS = 10, GRACE = 2000 /* milliseconds */ };

/* --- stopping them ------------------------------------------------------- */

static int signal_all(const struct watch *all, int signal, enum wherry_whom whom)
{
    int result = -ESRCH;
    for (size_t i = 0; i < all->count; i++) {
        int r = wherry_process_kill(all->processes[i], signal, whom);
        result = r >= 0 ? 0 : result;
    }
    return result;
}

static void stop(struct watch *all, int why)
{
    int signal = all->start->stop_signal ? all->start->stop_signal : SIGTERM;
    all->stopped = all->stopped ? all->stopped : why;
    (void)signal_all(all, all->asked++ > 0 ? SIGKILL : signal, WHERRY_ITS_TREE);
    all->deadline = wherry_after(all->start->grace ? all->start->grace : GRACE);
}

// What they started has the rest of the grace, and goes then.
static void end_families(const struct watch *all)
{
    struct pollfd none = {.fd = -1};
    while (wherry_now() < all->deadline && signal_all(all, 0, WHERRY_ITS_TREE) >= 0)
        (void)poll(&none, 1, LOOK_MILLISECONDS);
    (void)signal_all(all, SIGKILL, WHERRY_ITS_TREE);
}

/* --- time ---------------------------------------------------------------- */

static int milliseconds_until(wherry_deadline deadline)
{
    if (deadline == WHERRY_FOREVER)
        return -1;
    int64_t left = (deadline - wherry_now()) / 1000000 + 1;
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/* --- their outputs ------------------------------------------------------- */

static void close_output(struct watch_output *output)
{
    wherry_close(output->channel);
    output->channel = NULL;
}

// A pipe that is said to have room has this much, at least (PIPE_BUF).
static int write_some(int fd, const uint8_t *bytes, size_t size)
{
    ssize_t done = write(fd, bytes, size < PIPE_BUF ? size : PIPE_BUF);
    bool is_passing = done < 0 && (errno == EINTR || errno == EAGAIN);
    return done >= 0 ? (int)done : is_passing ? 0 : -errno;
}

// Waits for room as long as the deadline and whoever interrupts us let it.
static bool write_all(struct watch *all, int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        struct pollfd waits[2] = {{.fd = fd, .events = POLLOUT},
                                  {.fd = interrupt_fd(), .events = POLLIN}};
        (void)poll(waits, 2, milliseconds_until(all->deadline));
        bool is_late = all->deadline != WHERRY_FOREVER && wherry_now() >= all->deadline;
        if (interrupted() || is_late)
            return false;
        int done = waits[0].revents ? write_some(fd, bytes, size) : 0;
        if (done < 0) {
            all->failed = done == -EPIPE ? all->failed : done;
            return false;
        }
        bytes += done;
        size -= (size_t)done;
    }
    return true;
}

// Where nobody reads any more, it learns of that as if it wrote there itself.
static void pass_on(struct watch *all, struct watch_output *output)
{
    wherry_message *message = NULL;
    int r = 0;
    while (output->channel &&
           (r = wherry_recv(output->channel, &message, WHERRY_POLL)) == 1) {
        const size_t size = wherry_message_size(message);
        const bool is_over = size > (size_t)output->left;
        const size_t may = is_over ? (size_t)output->left : size;
        bool is_read = write_all(all, output->to, wherry_message_data(message), may);
        output->left -= (int64_t)may;
        wherry_message_free(message);
        if (is_over)
            stop(all, WATCH_TOO_MUCH);
        if (is_over || !is_read)
            close_output(output);
    }
    if (output->channel && r != -EAGAIN)
        close_output(output);
}

/* --- signals ------------------------------------------------------------- */

// Whether the terminal tells them, too.
static bool is_told(const struct start_choices *start, int signal)
{
    bool is_ours = !start->own_group && !start->session;
    return signal == SIGINT && is_ours && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

// Each that came: a program may need two.
static void pass_signals_on(const struct watch *all)
{
    int signal;
    while ((signal = interrupt_next()) > 0) {
        if (signal != SIGPIPE && !is_told(all->start, signal))
            (void)signal_all(all, signal, WHERRY_ONE);
    }
}

/* --- waiting ------------------------------------------------------------- */

static struct pollfd wait_for_output(const struct watch_output *output)
{
    wherry_native fd = -1;
    short events = POLLIN;
    if (output->channel)
        (void)wherry_fd(output->channel, WHERRY_IN, &fd, &events);
    return (struct pollfd){.fd = fd, .events = events};
}

// -EAGAIN while any of them runs.  Who ends after this look is waited for in `waits`,
// and seen by the next one.
static int see_ends(const struct watch *all, struct wherry_exit *exits,
                    struct pollfd *waits)
{
    int result = 0;
    for (size_t i = 0; i < all->count; i++) {
        wherry_process *process = all->processes[i];
        int r = wherry_process_wait(process, &exits[i], sizeof(exits[i]), WHERRY_POLL);
        waits[i] = (struct pollfd){.fd = r == -EAGAIN ? wherry_process_fd(process) : -1,
                                   .events = POLLIN};
        if (r < 0 && (result == 0 || result == -EAGAIN))
            result = r;
    }
    return result;
}

static void wait_for_news(const struct watch *all, struct pollfd *waits)
{
    size_t count = all->count;
    for (size_t i = 0; i < all->output_count; i++)
        waits[count++] = wait_for_output(&all->outputs[i]);
    waits[count++] = (struct pollfd){.fd = interrupt_fd(), .events = POLLIN};
    (void)poll(waits, (nfds_t)count, milliseconds_until(all->deadline));
}

int watch(struct watch *all, struct wherry_exit *exits)
{
    struct pollfd *waits = calloc(1 + all->count + all->output_count, sizeof(*waits));
    int r = waits ? -EAGAIN : -ENOMEM;
    while (r == -EAGAIN) {
        // What they said before their ends is passed on after those.
        r = see_ends(all, exits, waits);
        for (size_t i = 0; i < all->output_count; i++)
            pass_on(all, &all->outputs[i]);
        if (r != -EAGAIN)
            break;
        pass_signals_on(all);
        if (all->deadline != WHERRY_FOREVER && wherry_now() >= all->deadline)
            stop(all, WATCH_TIMED_OUT);
        wait_for_news(all, waits);
    }
    if (all->stopped)
        end_families(all);
    for (size_t i = 0; i < all->output_count; i++)
        close_output(&all->outputs[i]);
    free(waits);
    return r;
}
