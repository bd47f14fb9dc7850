/* SPDX-License-Identifier: MIT */
/*
 * kill: one process, its group, and all that descend from it.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "start.h"

static wherry_process *start_told(const char *task, enum wherry_group place,
                                  wherry_channel **from)
{
    const char *const arguments[] = {task, NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    plan.place = place;
    wherry_process *process = start(&plan);
    *from = end_of(process, 1);
    return process;
}

static int hear_number(wherry_channel *from)
{
    char text[32] = "";
    int ended = 0;
    WORKS(wherry_read(from, text, sizeof(text) - 1, NULL, &ended, soon()));
    CHECK_INT(ended, 0);
    return atoi(text);
}

// As proc_pid_stat(5) has it; X: there is no such process.
static char state_of(int pid)
{
    char path[64];
    char stat[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (!exists(path))
        return 'X';
    harness_read_file(path, stat, sizeof(stat));
    const char *state = strrchr(stat, ')');
    return state ? state[2] : 'X';
}

static bool has_ended(int pid)
{
    char state = state_of(pid);
    return state == 'Z' || state == 'X';
}

static bool are_all_stopped(void *argument)
{
    const int *pids = argument;
    return state_of(pids[0]) == 'T' && state_of(pids[1]) == 'T' &&
           state_of(pids[2]) == 'T';
}

static bool have_all_ended(void *argument)
{
    const int *pids = argument;
    return has_ended(pids[0]) && has_ended(pids[1]) && has_ended(pids[2]);
}

// Its own number, its child's and its grandchild's; the last one has said so.
static void hear_family(wherry_channel *from, int pids[3])
{
    int count = 0;
    while (count < 3) {
        int pid = hear_number(from);
        bool is_new = true;
        for (int i = 0; i < count; i++)
            is_new = is_new && pids[i] != pid;
        if (is_new)
            pids[count++] = pid;
    }
}

TEST(sigterm_ends_one_that_does_not_mind_and_sigkill_any)
{
    wherry_channel *from = NULL;
    wherry_process *process = start_told("stubborn", WHERRY_GROUP_PARENT, &from);
    hear(from, "ready");
    WORKS(wherry_process_kill(process, 0, WHERRY_ONE));
    WORKS(wherry_process_kill(process, SIGTERM, WHERRY_ONE));
    FAILS(wherry_process_wait(process, NULL, 0, at_once()), -ETIMEDOUT, "still runs");
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ONE));
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}

TEST(one_that_has_been_waited_for_is_gone)
{
    struct wherry_plan plan = {.file = "true", .place = WHERRY_GROUP_OWN};
    wherry_process *process = start(&plan);
    WORKS(wherry_process_wait(process, NULL, 0, soon()));
    FAILS(wherry_process_kill(process, 0, WHERRY_ONE), -ESRCH, "has ended");
    FAILS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE), -ESRCH, "has ended");
    CHECK(wherry_process_kill(process, SIGKILL, WHERRY_ITS_GROUP) < 0);
    wherry_process_close(process);
}

TEST(what_makes_no_sense_is_refused)
{
    struct wherry_plan plan = {.file = "true"};
    wherry_process *process = start(&plan);
    FAILS(wherry_process_kill(process, 65, WHERRY_ONE), -EINVAL, "no signal 65");
    FAILS(wherry_process_kill(process, -1, WHERRY_ONE), -EINVAL, "no signal -1");
    FAILS(wherry_process_kill(process, SIGTERM, (enum wherry_whom)7), -EINVAL,
          "nobody");
    FAILS(wherry_process_kill(process, SIGTERM, WHERRY_ITS_GROUP), -EINVAL,
          "in the group of this process");
    ends_with(process, "exit 0");
}

TEST(a_group_is_signalled_as_a_whole)
{
    int pids[3];
    wherry_channel *from = NULL;
    wherry_process *process = start_told("family", WHERRY_GROUP_OWN, &from);
    hear_family(from, pids);
    CHECK_INT(pids[0], wherry_process_id(process));
    WORKS(wherry_process_kill(process, SIGTERM, WHERRY_ITS_GROUP));
    harness_until(have_all_ended, pids);
    wherry_close(from);
    ends_with(process, "SIGTERM, asked to end");
}

TEST(a_group_can_be_signalled_after_its_leader_has_ended)
{
    int pids[3];
    wherry_channel *from = NULL;
    wherry_process *process = start_told("family", WHERRY_GROUP_OWN, &from);
    hear_family(from, pids);
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ONE));
    WORKS(wherry_process_wait(process, NULL, 0, soon()));
    int r = wherry_process_kill(process, SIGKILL, WHERRY_ITS_GROUP);
    if (r == -EINVAL) // before Linux 6.9
        kill(-pids[0], SIGKILL);
    else
        WORKS(r);
    harness_until(have_all_ended, pids);
    wherry_close(from);
    wherry_process_close(process);
}

TEST(a_tree_is_killed_with_its_children_and_theirs)
{
    int pids[3];
    wherry_channel *from = NULL;
    wherry_process *process = start_told("family", WHERRY_GROUP_PARENT, &from);
    hear_family(from, pids);
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE));
    harness_until(have_all_ended, pids);
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}

TEST(a_tree_gets_other_signals_too)
{
    int pids[3];
    wherry_channel *from = NULL;
    wherry_process *process = start_told("family", WHERRY_GROUP_SESSION, &from);
    hear_family(from, pids);
    WORKS(wherry_process_kill(process, SIGHUP, WHERRY_ITS_TREE));
    harness_until(have_all_ended, pids);
    wherry_close(from);
    ends_with(process, "SIGHUP, hang-up");
}

// Its numbers are from 1 on, and /proc shows those outside.
static void kill_in_a_namespace(void *unused)
{
    (void)unused;
    if (unshare(CLONE_NEWPID) < 0)
        harness_exit(77);
    pid_t first = fork();
    if (first > 0)
        harness_exit(harness_wait(first));
    pid_t beside = fork();
    if (beside == 0)
        for (;;)
            pause();
    struct wherry_plan plan = {.line = "exec sleep 95"};
    wherry_process *process = start(&plan);
    FAILS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE), -ENOTSUP,
          "of another pid namespace");
    WORKS(wherry_process_wait(process, NULL, 0, soon())); // it was signalled itself
    wherry_process_close(process);
    CHECK_INT(waitpid(beside, NULL, WNOHANG), 0);
    harness_kill(beside);
    harness_exit(0);
}

TEST(with_the_proc_of_another_namespace_nobody_else_is_signalled)
{
    int status = harness_wait(harness_child(kill_in_a_namespace, NULL));
    if (status == 77)
        SKIP("this user may make no pid namespace");
    CHECK_INT(status, 0);
}

// A shell that starts children as fast as it can: none gets away.
// The kernel hangs up and wakes groups whose last parent ends while they are stopped.
TEST(a_tree_of_many_groups_is_killed_whole)
{
    wherry_channel *from = NULL;
    wherry_process *process = start_told("jobs", WHERRY_GROUP_SESSION, &from);
    hear(from, "ready");
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE));
    hear_end(from); // all of them have the pipe
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}

TEST(a_tree_that_has_lost_its_root_is_found_if_it_was_before)
{
    int pids[3];
    wherry_channel *from = NULL;
    wherry_process *process = start_told("family", WHERRY_GROUP_PARENT, &from);
    hear_family(from, pids);
    WORKS(wherry_process_kill(process, 0, WHERRY_ITS_TREE));
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ONE));
    WORKS(wherry_process_wait(process, NULL, 0, soon()));
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE));
    harness_until(have_all_ended, pids);
    wherry_close(from);
    wherry_process_close(process);
}

TEST(a_tree_that_is_only_asked_about_goes_on_undisturbed)
{
    int pids[3];
    wherry_channel *from = NULL;
    wherry_process *process = start_told("family", WHERRY_GROUP_PARENT, &from);
    hear_family(from, pids);
    WORKS(wherry_process_kill(process, 0, WHERRY_ITS_TREE));
    for (int i = 0; i < 3; i++)
        CHECK(strchr("SR", state_of(pids[i])) != NULL);
    WORKS(wherry_process_kill(process, SIGTSTP, WHERRY_ITS_TREE));
    harness_until(are_all_stopped, pids);
    WORKS(wherry_process_kill(process, SIGCONT, WHERRY_ITS_TREE));
    for (int i = 0; i < 3; i++)
        CHECK(state_of(pids[i]) != 'T');
    WORKS(wherry_process_kill(process, SIGSTOP, WHERRY_ITS_TREE));
    harness_until(are_all_stopped, pids);
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE));
    harness_until(have_all_ended, pids);
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}

TEST(a_tree_that_grows_while_it_is_killed_is_killed_whole)
{
    char mark[64];
    char line[256];
    const struct wherry_laid laid[] = {{.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 2, .from = WHERRY_FROM_NULL}};
    snprintf(mark, sizeof(mark), "86%06d", (int)getpid() % 1000000);
    snprintf(line, sizeof(line),
             "echo; i=0; while [ $i -lt 200 ]; do sleep %s & i=$((i+1)); done; wait",
             mark);
    struct wherry_plan plan = {.line = line, .laid = laid, .laid_count = 2};
    wherry_process *process = start(&plan);
    wherry_channel *from = end_of(process, 1);
    hear(from, "");
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE));
    // All of them have the pipe: it ends with the last one.
    hear_end(from);
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}
