/* SPDX-License-Identifier: MIT */
/*
 * host: a program that has children, handlers and settings of its own finds all of them
 * as they were.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "start.h"

static atomic_int children_ended;

static void count_child(int number)
{
    (void)number;
    children_ended++;
}

static void run_some(void)
{
    struct wherry_plan plan = {.line = "exit 4",
                               .umask = "077",
                               .directory = "/",
                               .nice = 1,
                               .place = WHERRY_GROUP_SESSION};
    for (int i = 0; i < 20; i++)
        ends_with(start(&plan), "exit 4");
}

static void wait_to_be_killed(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

TEST(its_own_children_are_its_own)
{
    pid_t runs = harness_child(wait_to_be_killed, NULL);
    pid_t ended = fork();
    if (ended == 0)
        _exit(6);
    siginfo_t info;
    int r;
    do
        r = waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT);
    while (r < 0 && errno == EINTR);
    CHECK_INT(r, 0);
    run_some();
    int status = 0;
    CHECK_INT(waitpid(ended, &status, WNOHANG), ended);
    CHECK_INT(WEXITSTATUS(status), 6);
    CHECK_INT(waitpid(runs, &status, WNOHANG), 0);
    harness_kill(runs);
}

TEST(its_handler_of_sigchld_stays_and_is_called)
{
    struct sigaction action = {.sa_handler = count_child, .sa_flags = SA_RESTART};
    struct sigaction now;
    CHECK_INT(sigaction(SIGCHLD, &action, NULL), 0);
    run_some();
    CHECK_INT(sigaction(SIGCHLD, NULL, &now), 0);
    CHECK(now.sa_handler == count_child);
    CHECK(children_ended > 0);
    signal(SIGCHLD, SIG_DFL);
}

TEST(one_that_ignores_sigchld_does_not_learn_how_they_ended_and_does_not_hang)
{
    struct wherry_plan plan = {.line = "exit 4"};
    signal(SIGCHLD, SIG_IGN);
    wherry_process *process = start(&plan);
    CHECK_ERROR(wherry_process_wait(process, NULL, 0, soon()), -ECHILD);
    wherry_process_close(process);
    signal(SIGCHLD, SIG_DFL);
}

TEST(its_settings_are_as_before)
{
    char here[2][512];
    struct rlimit limits[2];
    mode_t mask = umask(022);
    umask(mask);
    int nice_before = getpriority(PRIO_PROCESS, 0);
    pid_t session = getsid(0);
    int descriptors = harness_descriptors();
    CHECK(getcwd(here[0], sizeof(here[0])));
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limits[0]), 0);
    run_some();
    CHECK(getcwd(here[1], sizeof(here[1])));
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limits[1]), 0);
    CHECK_STRING(here[1], here[0]);
    CHECK_INT(limits[1].rlim_cur, limits[0].rlim_cur);
    CHECK_INT(umask(mask), mask);
    CHECK_INT(getpriority(PRIO_PROCESS, 0), nice_before);
    CHECK_INT(getsid(0), session);
    CHECK_INT(harness_descriptors(), descriptors);
}
