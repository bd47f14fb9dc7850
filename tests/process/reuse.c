/* SPDX-License-Identifier: MIT */
/*
 * reuse: a process has ended, its parent's program has waited for it past the library,
 * and its number is another's by now.  That one is never taken for it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/wait.h>

#include "start.h"

enum { REUSES = 200, REUSES_IF_SLOW = 20 };

/* One of that number, which leads a group of its own; it waits to be killed. */
static void take_number(pid_t number)
{
    struct harness_gate leads;
    gate_open(&leads);
    pid_t pid = harness_fork_as(number);
    if (pid == 0) {
        setpgid(0, 0);
        gate_pass(&leads);
        for (;;)
            pause();
    }
    if (pid < 0 && (errno == EPERM || errno == ENOSYS))
        harness_exit(HARNESS_NOT_PERMITTED);
    CHECK_INT(pid, number);
    gate_wait(&leads);
    gate_close(&leads);
}

static void wait_past_the_library(pid_t pid)
{
    int status;
    pid_t r;
    CHECK_INT(kill(pid, SIGKILL), 0);
    do
        r = waitpid(pid, &status, 0);
    while (r < 0 && errno == EINTR);
    CHECK_INT(r, pid);
}

static void reuse_one(void)
{
    static const enum wherry_whom whom[] = {WHERRY_ONE, WHERRY_ITS_GROUP,
                                            WHERRY_ITS_TREE};
    struct wherry_plan plan = {.line = "exec sleep 94", .place = WHERRY_GROUP_OWN};
    wherry_process *process = start(&plan);
    pid_t number = (pid_t)wherry_process_id(process);
    wait_past_the_library(number);
    take_number(number);
    for (size_t i = 0; i < sizeof(whom) / sizeof(whom[0]); i++)
        FAILS(wherry_process_kill(process, SIGKILL, whom[i]), -ESRCH, "has ended");
    CHECK_ERROR(wherry_process_wait(process, NULL, 0, soon()), -ECHILD);
    for (size_t i = 0; i < sizeof(whom) / sizeof(whom[0]); i++)
        CHECK(wherry_process_kill(process, SIGKILL, whom[i]) < 0);
    wherry_process_close(process);
    CHECK_INT(waitpid(number, NULL, WNOHANG), 0);
    wait_past_the_library(number);
}

// In a namespace of its own a number can be asked for, and nobody else takes it.
static void reuse_many(void *unused)
{
    int count = harness_is_slow() ? REUSES_IF_SLOW : REUSES;
    (void)unused;
    for (int i = 0; i < count; i++)
        reuse_one();
    harness_note("%d numbers were another's", count);
}

TEST(a_number_that_is_anothers_by_now_is_not_signalled)
{
    harness_in_own_namespace(reuse_many, NULL);
}
