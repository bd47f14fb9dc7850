/* SPDX-License-Identifier: MIT */
/*
 * A process that was started: its end, its signals.
 *
 * Its pidfd is the only name it is known by: a number can be another's after it has
 * been waited for.
 */
#include "process/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRACED = 1000000 }; // nanoseconds between two tries

int64_t wherry_process_id(const wherry_process *process)
{
    return process->pid;
}

wherry_native wherry_process_fd(const wherry_process *process)
{
    return process->fd;
}

/* --- its end ------------------------------------------------------------- */

// A guard ends as its process did, and has said the rest before; where somebody else
// has waited for it, that is all there is.
static int ask(wherry_process *process)
{
    int r = os_reap(process->fd, &process->ended);
    return r != -EAGAIN && guard_tells(process, &process->ended) ? 0 : r;
}

// 0: it is known how it ended.  Of two threads that ask, one asks the system.
static int reap(wherry_process *process)
{
    os_lock_take(&process->lock);
    int r = process->has_ended ? process->lost : ask(process);
    if (r != -EAGAIN) {
        process->lost = r;
        process->has_ended = true;
    }
    os_lock_give(&process->lock);
    return r;
}

static int explain(const wherry_process *process, int error)
{
    if (error == -ECHILD)
        return failure(error,
                       "process %lld has ended, and how is not known: this program "
                       "waits for any child somewhere (waitpid(-1), SIGCHLD ignored)",
                       (long long)process->pid);
    if (error == -ETIMEDOUT)
        return failure(error, "process %lld: the deadline passed, it still runs",
                       (long long)process->pid);
    return failure_plain(error, "waiting for a process");
}

static void tell(const struct os_ended *ended, struct wherry_exit *out, size_t size)
{
    const struct wherry_exit whole = {.code = ended->code,
                                      .signal = ended->signal,
                                      .core = ended->core,
                                      .user_time = ended->user_time,
                                      .system_time = ended->system_time,
                                      .memory_most = ended->memory_most};
    memset(out, 0, size);
    memcpy(out, &whole, size < sizeof(whole) ? size : sizeof(whole));
}

int wherry_process_wait(wherry_process *process, struct wherry_exit *out, size_t size,
                        wherry_deadline deadline)
{
    struct os_wait end = {.fd = process->fd, .events = os_wait_in};
    int waited = 0;
    int r;
    while ((r = reap(process)) == -EAGAIN) {
        if (deadline == WHERRY_POLL)
            return r;
        if (waited < 0 || (deadline != WHERRY_FOREVER && wherry_now() >= deadline))
            return explain(process, waited < 0 ? waited : -ETIMEDOUT);
        // One that is traced ends for its tracer first: readable, and not to be had.
        if (waited > 0)
            (void)os_wait(NULL, 0, deadline_add(wherry_now(), TRACED));
        waited = os_wait(&end, 1, deadline);
    }
    if (r < 0)
        return explain(process, r);
    if (out)
        tell(&process->ended, out, size);
    return 0;
}

/* --- its channels -------------------------------------------------------- */

int wherry_process_laid(const wherry_process *process, size_t index,
                        enum wherry_from *from)
{
    if (index >= process->end_count)
        return failure(-ENOENT, "process %lld: %zu pipes and message sockets lead here",
                       (long long)process->pid, process->end_count);

    static const enum wherry_from sources[] = {
        [PROCESS_READS] = WHERRY_FROM_PIPE,
        [PROCESS_WRITES] = WHERRY_FROM_PIPE,
        [PROCESS_MESSAGES] = WHERRY_FROM_MESSAGES,
        [PROCESS_NODE] = WHERRY_FROM_NODE,
    };
    const struct process_end *end = &process->ends[index];
    if (from)
        *from = sources[end->sort];
    return end->number;
}

static struct process_end *find_end(wherry_process *process, int number)
{
    for (size_t i = 0; i < process->end_count; i++) {
        if (process->ends[i].number == number)
            return &process->ends[i];
    }
    return NULL;
}

int process_take_end(wherry_process *process, int number, struct process_end *out)
{
    struct process_end *end = find_end(process, number);
    if (!end || end->fd < 0)
        return failure(-ENOENT,
                       "process %lld: there is no end of a pipe or message channel for "
                       "its number %d, or it was given out before",
                       (long long)process->pid, number);
    *out = *end;
    end->fd = -1;
    return 0;
}

void process_give_back(wherry_process *process, const struct process_end *end)
{
    find_end(process, end->number)->fd = end->fd;
}

/* --- its signals --------------------------------------------------------- */

// Until it is waited for, by whomever, its number is nobody else's: until then a
// guarded one is there for its guard.
static bool has_number(const wherry_process *process)
{
    return process->own != process->fd ? os_kill(process->own, 0, false) >= 0
                                       : os_is_child(process->fd);
}

// Who has been waited for here is -EINVAL: before Linux 6.9 there is no other way.
static int kill_group_by_number(wherry_process *process, int signal)
{
    int r = -EINVAL;
    os_lock_take(&process->lock);
    if (!process->has_ended)
        r = has_number(process) ? os_kill_group(process->pid, signal) : -ESRCH;
    os_lock_give(&process->lock);
    return r;
}

static int kill_group(wherry_process *process, int signal)
{
    if (!process->leads)
        return failure(-EINVAL,
                       "process %lld is in the group of this process: start it with a "
                       "group of its own to signal that",
                       (long long)process->pid);
    int r = os_kill(process->own, signal, true);
    return r == -EINVAL ? kill_group_by_number(process, signal) : r;
}

static int kill_whom(wherry_process *process, int signal, enum wherry_whom whom)
{
    if (whom == WHERRY_ONE)
        return os_kill(process->own, signal, false);
    return whom == WHERRY_ITS_GROUP ? kill_group(process, signal)
                                    : tree_kill(process, signal);
}

int wherry_process_kill(wherry_process *process, int signal, enum wherry_whom whom)
{
    if (signal < 0 || signal >= OS_SIGNALS)
        return failure(-EINVAL, "there is no signal %d", signal);
    if (whom < WHERRY_ONE || whom > WHERRY_ITS_TREE)
        return failure(-EINVAL, "whom to signal: %d is nobody", (int)whom);
    int r = kill_whom(process, signal, whom);
    if (r == -ESRCH)
        return failure(r, "process %lld has ended", (long long)process->pid);
    if (r == -EPERM)
        return failure(r, "process %lld: this user may not signal it",
                       (long long)process->pid);
    return r;
}

void wherry_process_close(wherry_process *process)
{
    if (!process || process->is_stage)
        return;
    if (process->fd >= 0)
        (void)reap(process);
    for (size_t i = 0; i < process->end_count; i++)
        os_close(process->ends[i].fd);
    if (process->own != process->fd)
        os_close(process->own);
    os_close(process->fd);
    os_release(&process->report);
    free(process->family);
    free(process);
}
