/* SPDX-License-Identifier: MIT */
/*
 * The bare ways to start a program: posix_spawn(3), vfork(2), fork(2).
 *
 * Each does what a careful program does without a library, no more: three descriptors
 * are put at 0, 1 and 2, all others are close-on-exec already.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 16384, NOT_STARTED = 127 };

pid_t starter_posix_spawn(const struct processes_program *program)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return -error;
    for (int number = 0; number < PROCESSES_STANDARD && !error; number++)
        error = posix_spawn_file_actions_adddup2(&actions, program->at[number], number);
    if (!error)
        error = posix_spawn(&pid, program->words[0], &actions, NULL,
                            (char *const *)(uintptr_t)program->words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -error : pid;
}

static int become(void *with)
{
    const struct processes_program *program = with;
    for (int number = 0; number < PROCESSES_STANDARD; number++)
        dup2(program->at[number], number);
    execve(program->words[0], (char *const *)(uintptr_t)program->words, environ);
    _exit(NOT_STARTED);
}

// What vfork(2) is, with a stack of the child's own: what a compiler makes of a
// function that returns twice is not for sure.
pid_t starter_vfork(const struct processes_program *program)
{
    _Alignas(16) char stack[STACK];
    pid_t pid = clone(become, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
                      (void *)(uintptr_t)program);
    return pid < 0 ? -errno : pid;
}

pid_t starter_fork(const struct processes_program *program)
{
    pid_t pid = fork();
    if (pid == 0)
        become((void *)(uintptr_t)program);
    return pid < 0 ? -errno : pid;
}

int starter_end(pid_t pid)
{
    siginfo_t info;
    int r;
    do
        r = waitid(P_PID, (id_t)pid, &info, WEXITED);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    return info.si_code == CLD_EXITED && info.si_status == 0 ? 0 : -EPROTO;
}
