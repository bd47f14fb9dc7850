/* SPDX-License-Identifier: MIT */
/*
 * Processes that are always reaped.
 *
 * Each process alone holds the writing end of a pipe, so its end, however it comes,
 * ends the pipe: that is what the tour waits for, with a time limit, before it reaps.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"
#include "tour/tour.h"

int tour_pipe(int ends[2])
{
    if (pipe(ends) < 0)
        return -errno;
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

void tour_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

int tour_process_fork(struct tour_process *process, int *report)
{
    int life[2];
    *process = (struct tour_process){-1, -1};
    int r = tour_pipe(life);
    if (r < 0)
        return r;
    (void)fflush(NULL); // or the child would print it again
    pid_t pid = fork();
    if (pid < 0) {
        r = -errno;
        tour_close(&life[0]);
        tour_close(&life[1]);
        return r;
    }
    tour_close(&life[pid == 0 ? 0 : 1]);
    if (pid == 0) {
        tour_guard_child();
        *report = life[1];
        return 0;
    }
    *process = (struct tour_process){pid, life[0]};
    return 1;
}

// In the child.
static _Noreturn void become(const char *const argv[], const int in_out[2], int life,
                             const char *errors)
{
    (void)fcntl(life, F_SETFD, 0);
    // Both through copies above 2: either may be 0 or 1 itself.
    int in = fcntl(in_out[0], F_DUPFD_CLOEXEC, 3);
    int out = fcntl(in_out[1], F_DUPFD_CLOEXEC, 3);
    int said = open(errors, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(said, 2) == 2) {
        // execvp changes nothing of it: the missing const is older than C's.
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    }
    _exit(127);
}

int tour_process_exec(struct tour_process *process, const char *const argv[],
                      const int in_out[2], const char *errors)
{
    int life = -1;
    int r = tour_process_fork(process, &life);
    if (r == 0)
        become(argv, in_out, life, errors);
    return r < 0 ? r : 0;
}

bool tour_process_lives(const struct tour_process *process)
{
    struct pollfd wait = {.fd = process->life, .events = POLLIN};
    return process->life >= 0 && poll(&wait, 1, 0) == 0;
}

// Reads what it says until it is gone; false when the time is up.
static bool read_life(int life, wherry_deadline deadline, uint8_t *bytes, size_t size)
{
    size_t used = 0;
    uint8_t rest[64] = {0};
    for (;;) {
        struct pollfd wait = {.fd = life, .events = POLLIN};
        int64_t left = (deadline - wherry_now()) / 1000000;
        int r = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (r == 0 || interrupted())
            return false;
        if (r < 0)
            continue;
        bool full = used == size;
        ssize_t got =
            read(life, full ? rest : bytes + used, full ? sizeof(rest) : size - used);
        if (got == 0)
            return true;
        if (got > 0 && !full)
            used += (size_t)got;
    }
}

int tour_process_end(struct tour_process *process, int milliseconds, void *report,
                     size_t size)
{
    int status = 0;
    if (process->pid <= 0)
        return 0;
    if (!read_life(process->life, wherry_after(milliseconds), report, size))
        (void)kill(process->pid, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        ;
    tour_close(&process->life);
    process->pid = -1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
