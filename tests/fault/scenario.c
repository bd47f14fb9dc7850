/* SPDX-License-Identifier: MIT */
/*
 * The process that is traced: it counts what it has, runs the scenario, and counts
 * again.  There are thousands of such runs a second, so first only numbers are
 * compared; names are looked for when they differ.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "parts.h"

enum { DESCRIPTORS_MOST = 128 };

struct count {
    bool is_open[DESCRIPTORS_MOST];
    unsigned long blocks;
    unsigned long threads;
};

static bool has_begun;

/* A thread that was joined may be there a moment longer. */
static unsigned long count_threads(void)
{
    enum { LOOKS = 200 };
    struct stat tasks = {.st_nlink = 0};
    for (int i = 0; i < LOOKS; i++) {
        if (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3)
            break;
        sched_yield();
    }
    return tasks.st_nlink;
}

static void take_count(struct count *count)
{
    for (int fd = 0; fd < DESCRIPTORS_MOST; fd++)
        count->is_open[fd] = fcntl(fd, F_GETFD) >= 0;
    count->blocks = harness_live_blocks();
    count->threads = count_threads();
}

static int compare_descriptors(const struct count *before, const struct count *after)
{
    int leaks = 0;
    for (int fd = 0; fd < DESCRIPTORS_MOST; fd++) {
        if (!after->is_open[fd] || before->is_open[fd])
            continue;
        char path[64], target[256];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = 0;
        dprintf(STDERR_FILENO, "left behind: descriptor %d -> %s\n", fd, target);
        leaks++;
    }
    return leaks;
}

static int count_leaks(const struct count *before, unsigned long mark)
{
    struct count after;
    siginfo_t any;
    take_count(&after);
    int leaks = compare_descriptors(before, &after);
    if (after.blocks > before->blocks)
        leaks += harness_blocks_since(mark);
    if (after.threads > before->threads) {
        dprintf(STDERR_FILENO, "left behind: a thread\n");
        leaks++;
    }
    if (waitid(P_ALL, 0, &any, WEXITED | WNOWAIT | WNOHANG) == 0 || errno != ECHILD) {
        dprintf(STDERR_FILENO, "left behind: a child\n");
        leaks++;
    }
    return leaks;
}

/* Removes what was left in a directory, and names it if told to; how many. */
static int take_names_of(const char *path, bool is_told)
{
    int count = 0;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (*entry->d_name == '.' || strcmp(entry->d_name, "wherry") == 0)
            continue;
        if (is_told)
            dprintf(STDERR_FILENO, "left behind: file %s\n", entry->d_name);
        unlinkat(dirfd(folder), entry->d_name, 0);
        count++;
    }
    if (folder)
        closedir(folder);
    return count;
}

static int take_names(bool is_told)
{
    return take_names_of(harness_directory(), is_told) +
           take_names_of(harness_path("wherry"), is_told);
}

void scenario_tidy(void)
{
    take_names(false);
}

void fault_begin(void)
{
    if (!has_begun)
        raise(SIGSTOP); // seen by the tracer only
    has_begun = true;
}

void fault_end(void)
{
    syscall(SYS_getppid, MARK);
}

pid_t scenario_start(const struct fault_scenario *scenario, struct outcome *outcome,
                     int output)
{
    atomic_store(&outcome->is_over, false);
    atomic_store(&outcome->leaks, 0);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    struct count before;
    take_count(&before);
    unsigned long mark = harness_allocations();
    if (!scenario->has_own_begin)
        fault_begin();
    int result = scenario->run(scenario->argument);
    fault_end();
    if (scenario->clear)
        scenario->clear();
    atomic_store(&outcome->result, result);
    atomic_store(&outcome->leaks, count_leaks(&before, mark));
    atomic_store(&outcome->names, take_names(true));
    atomic_store(&outcome->is_over, true);
    harness_exit(0);
}
