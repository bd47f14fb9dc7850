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

int64_t wherry_process_id(const wherry_process *process)
{
    return process->pid;
}

wherry_native wherry_process_fd(const wherry_process *process)
{
    return process->fd;
}

/* --- its end ------------------------------------------------------------- */

// 0: it is known how it ended.
static int reap(wherry_process *process)
{
    if (atomic_load(&process->has_ended))
        return process->lost;
    int r = os_reap(process->fd, &process->ended);
    if (r == -EAGAIN)
        return r;
    process->lost = r;
    atomic_store(&process->has_ended, true);
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
    int r;
    while ((r = reap(process)) == -EAGAIN) {
        if (deadline == WHERRY_POLL)
            return r;
        int waited = os_wait(&end, 1, deadline);
        if (waited < 0)
            return explain(process, waited);
    }
    if (r < 0)
        return explain(process, r);
    if (out)
        tell(&process->ended, out, size);
    return 0;
}

/* --- its channels -------------------------------------------------------- */

int process_take_end(wherry_process *process, int number, struct process_end *out)
{
    for (size_t i = 0; i < process->end_count; i++) {
        struct process_end *end = &process->ends[i];
        if (end->number == number && end->fd >= 0) {
            *out = *end;
            end->fd = -1;
            return 0;
        }
    }
    return failure(-ENOENT,
                   "process %lld: there is no end of a pipe or message channel for its "
                   "number %d, or it was given out before",
                   (long long)process->pid, number);
}

void process_give_back(wherry_process *process, const struct process_end *end)
{
    for (size_t i = 0; i < process->end_count; i++) {
        if (process->ends[i].number == end->number)
            process->ends[i].fd = end->fd;
    }
}

/* --- its signals --------------------------------------------------------- */

static int kill_group(wherry_process *process, int signal)
{
    if (!process->leads)
        return failure(-EINVAL,
                       "process %lld is in the group of this process: start it with a "
                       "group of its own to signal that",
                       (long long)process->pid);
    int r = os_kill(process->fd, signal, true);
    // Until it is waited for, its number is nobody else's.
    if (r == -EINVAL && !atomic_load(&process->has_ended))
        r = os_kill_group(process->pid, signal);
    return r;
}

static int kill_whom(wherry_process *process, int signal, enum wherry_whom whom)
{
    if (whom == WHERRY_ONE)
        return os_kill(process->fd, signal, false);
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
    if (!process)
        return;
    if (process->fd >= 0)
        (void)reap(process);
    for (size_t i = 0; i < process->end_count; i++)
        os_close(process->ends[i].fd);
    os_close(process->fd);
    free(process);
}
