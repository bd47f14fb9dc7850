/* SPDX-License-Identifier: MIT */
/*
 * end: how a process ended, and waiting for it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "start.h"

static wherry_process *start_line(const char *line)
{
    struct wherry_plan plan = {.line = line};
    return start(&plan);
}

TEST(what_it_gives_to_exit_is_told)
{
    ends_with(start_line("exit 0"), "exit 0");
    ends_with(start_line("exit 3"), "exit 3");
    ends_with(start_line("exit 255"), "exit 255");
}

TEST(the_signal_that_ended_it_is_told_with_its_meaning)
{
    ends_with(start_line("kill -TERM $$"), "SIGTERM, asked to end");
    ends_with(start_line("kill -KILL $$"), "SIGKILL, killed");
    ends_with(start_line("kill -USR1 $$"), "SIGUSR1");
    ends_with(start_line("ulimit -c 0; kill -SEGV $$"), "SIGSEGV, segmentation fault");
}

TEST(the_three_ways_to_wait)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 1};
    wherry_process *process = start(&plan);
    wherry_channel *to = end_of(process, 0);
    struct wherry_exit exit;
    CHECK_ERROR(wherry_process_wait(process, &exit, sizeof(exit), WHERRY_POLL),
                -EAGAIN);
    int64_t began = wherry_now();
    FAILS(wherry_process_wait(process, &exit, sizeof(exit), wherry_after(20)),
          -ETIMEDOUT, "it still runs");
    CHECK(wherry_now() - began >= 20 * 1000000);
    wherry_close(to);
    WORKS(wherry_process_wait(process, &exit, sizeof(exit), WHERRY_FOREVER));
    CHECK_INT(exit.code, 0);
    CHECK_INT(exit.signal, 0);
    CHECK_INT(exit.core, 0);
    CHECK(exit.user_time + exit.system_time > 0);
    CHECK_RANGE(exit.memory_most, 4096, 1 << 30);
    memset(&exit, 0x5a, sizeof(exit));
    WORKS(wherry_process_wait(process, &exit, sizeof(exit), WHERRY_POLL));
    CHECK_INT(exit.code, 0);
    WORKS(wherry_process_wait(process, NULL, 0, WHERRY_POLL));
    wherry_process_close(process);
}

TEST(a_program_that_knows_less_of_ends_gets_less)
{
    struct wherry_exit exit;
    wherry_process *process = start_line("exit 7");
    memset(&exit, 0x5a, sizeof(exit));
    WORKS(wherry_process_wait(process, &exit, sizeof(exit.code), soon()));
    CHECK_INT(exit.code, 7);
    CHECK_INT(exit.signal, 0x5a5a5a5a);
    wherry_process_close(process);
}

TEST(its_descriptor_is_readable_once_it_has_ended_and_not_before)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 1};
    wherry_process *process = start(&plan);
    wherry_channel *to = end_of(process, 0);
    struct pollfd end = {.fd = wherry_process_fd(process), .events = POLLIN};
    int r;
    do
        r = poll(&end, 1, 0);
    while (r < 0 && errno == EINTR);
    CHECK_INT(r, 0);
    wherry_close(to);
    until_readable(end.fd);
    ends_with(process, "exit 0");
}

TEST(who_was_waited_for_by_others_has_ended_nobody_knows_how)
{
    struct wherry_exit exit;
    wherry_process *process = start_line("exit 9");
    int status = 0;
    pid_t pid;
    do
        pid = waitpid(-1, &status, 0);
    while (pid < 0 && errno == EINTR);
    CHECK_INT(pid, wherry_process_id(process));
    FAILS(wherry_process_wait(process, &exit, sizeof(exit), soon()), -ECHILD,
          "has ended, and how is not known");
    CHECK_ERROR(wherry_process_wait(process, &exit, sizeof(exit), WHERRY_POLL),
                -ECHILD);
    FAILS(wherry_process_kill(process, SIGTERM, WHERRY_ONE), -ESRCH, "has ended");
    wherry_process_close(process);
}

struct tracing {
    pid_t pid;
    struct harness_gate attached, released;
};

static void trace(void *argument)
{
    struct tracing *tracing = argument;
    CHECK_INT(ptrace(PTRACE_SEIZE, tracing->pid, NULL, NULL), 0);
    gate_pass(&tracing->attached);
    gate_wait(&tracing->released);
}

// For its tracer it has ended first: readable, and not to be had.
TEST(one_that_is_traced_is_waited_for_by_the_deadline_and_without_haste)
{
    struct wherry_plan plan = {.line = "exec sleep 93"};
    struct tracing tracing;
    struct rusage used[2];
    gate_open(&tracing.attached);
    gate_open(&tracing.released);
    wherry_process *process = start(&plan);
    tracing.pid = (pid_t)wherry_process_id(process);
    pid_t tracer = harness_child(trace, &tracing);
    gate_wait(&tracing.attached);
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ONE));
    until_readable(wherry_process_fd(process));
    getrusage(RUSAGE_SELF, &used[0]);
    CHECK_ERROR(wherry_process_wait(process, NULL, 0, wherry_after(300)), -ETIMEDOUT);
    getrusage(RUSAGE_SELF, &used[1]);
    int64_t spent = 0;
    for (int i = 0; i < 2; i++)
        spent += (i ? 1 : -1) *
                 ((used[i].ru_utime.tv_sec + used[i].ru_stime.tv_sec) * 1000000LL +
                  used[i].ru_utime.tv_usec + used[i].ru_stime.tv_usec);
    if (!harness_is_slow())
        CHECK_RANGE(spent, 0, 150000); // microseconds of 300,000
    gate_pass(&tracing.released);
    CHECK_INT(harness_wait(tracer), 0);
    ends_with(process, "SIGKILL, killed");
    gate_close(&tracing.attached);
    gate_close(&tracing.released);
}

TEST(closing_one_that_has_ended_leaves_no_zombie)
{
    wherry_process *process = start_line("exit 0");
    until_readable(wherry_process_fd(process));
    wherry_process_close(process);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    wherry_process_close(NULL);
}

TEST(closing_one_that_runs_lets_it_run)
{
    char said[SAID];
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 2};
    wherry_process *process = start(&plan);
    wherry_channel *to = end_of(process, 0);
    wherry_channel *from = end_of(process, 1);
    pid_t pid = (pid_t)wherry_process_id(process);
    wherry_process_close(process);
    say(to, "still here");
    wherry_close(to);
    CHECK_STRING(hear_all(from, said), "still here\n");
    wherry_close(from);
    CHECK_INT(harness_wait(pid), 0);
}

// Its child has the pipe open, and reads number 3 until that ends.
TEST(one_that_leaves_a_child_has_ended_and_the_pipe_has_not)
{
    const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 3, .from = WHERRY_FROM_PIPE, .access = WHERRY_ACCESS_READ}};
    struct wherry_plan plan = {
        .line = "cat <&3 & echo gone; exit 6", .laid = laid, .laid_count = 2};
    wherry_process *process = start(&plan);
    wherry_channel *from = end_of(process, 1);
    wherry_channel *to = end_of(process, 3);
    ends_with(process, "exit 6");
    hear(from, "gone");
    hear_nothing(from);
    say(to, "from the child");
    hear(from, "from the child");
    wherry_close(to);
    hear_end(from);
    wherry_close(from);
}

TEST(what_was_not_asked_for_of_its_channels_is_closed)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 3, .from = WHERRY_FROM_MESSAGES}};
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 3};
    wherry_process *process = start(&plan);
    pid_t pid = (pid_t)wherry_process_id(process);
    wherry_process_close(process); // so cat reads its end
    CHECK_INT(harness_wait(pid), 0);
}

static void cycle(void *argument)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 2, .from = WHERRY_FROM_NULL}};
    struct wherry_plan plan = {.file = argument, .laid = laid, .laid_count = 3};
    wherry_process *process = start(&plan);
    wherry_channel *from = end_of(process, 1);
    hear_end(from);
    wherry_close(from);
    ends_with(process, "exit 0");
}

TEST(nothing_grows_over_many_processes)
{
    harness_cycles(harness_is_slow() ? 100 : 1000, cycle, (void *)(uintptr_t)told());
}
