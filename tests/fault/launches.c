/* SPDX-License-Identifier: MIT */
/*
 * Processes on a kernel that fails at every system call, in every way it can: those of
 * this process, and those of the new one until its program runs.  After each run, when
 * nothing fails any more, another can be started.
 *
 * Killing a tree looks at every process of the machine, each with some system calls
 * that can fail.  So the tests run in a pid namespace of their own, where there are
 * few, and as many on each machine.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "processes.h"

enum { PATIENCE = 1000, LIMIT = 10000, OTHER_USER = 65534 };

static void check_that_another_starts(void)
{
    struct wherry_plan plan = {.line = "exit 4"};
    struct wherry_collected all;
    CHECK_OK(wherry_collect(&plan, sizeof plan, NULL, &all,
                            wherry_after(harness_stretch(HARNESS_PATIENCE))));
    CHECK_INT(all.exit.code, 4);
    wherry_collected_free(&all);
}

static int run(const void *argument)
{
    const struct fault_scenario *scenario = argument;
    int r = scenario->run(scenario->argument);
    fault_end();
    check_that_another_starts();
    return r;
}

static void skip(const void *unused)
{
    (void)unused;
    SKIP("this user may make no pid namespace");
}

/* What the C library loads once, to look up users and groups, is its own matter. */
static void load_names(void)
{
    gid_t group;
    int count = 1;
    (void)getpwuid(OTHER_USER);
    (void)getgrouplist("nobody", OTHER_USER, &group, &count);
}

/* The rest of this program is the first process of a namespace; false: it may not. */
static bool go_apart(void)
{
    int status = 0;
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
        return false;
    pid_t first = fork();
    if (first > 0) {
        signal(SIGTERM, SIG_IGN); // it is the first one's, who tidies up
        signal(SIGINT, SIG_IGN);
        waitpid(first, &status, 0);
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    return first == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("proc", "/proc", "proc", 0, NULL) == 0;
}

void harness_register(void)
{
    enum { MOST = 32 };

    static struct fault_scenario wrapped[MOST];
    size_t count;
    bool is_apart = go_apart();
    load_names();
    fault_limit(LIMIT); // a run starts several programs
    const struct fault_scenario *scenarios = process_scenarios(PATIENCE, &count);
    for (size_t i = 0; i < count && i < MOST; i++) {
        wrapped[i] = scenarios[i];
        wrapped[i].run = run;
        wrapped[i].argument = &scenarios[i];
        if (is_apart || !process_scenario_looks_around(&scenarios[i]))
            fault_add(&wrapped[i]);
        else
            harness_add(scenarios[i].name, skip, NULL);
    }
}
