/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of processes that die with their parent.
 */
#ifndef GUARD_H
#define GUARD_H

#include <fcntl.h>

#include "start.h"

enum { DESCENDANTS = 4 }; /* of `told descendants`, itself among them */

static const char *const to_descend[] = {"descendants", NULL};

/* In the build of the test's own program. */
static inline void find_guard(void)
{
    char path[600];
    snprintf(path, sizeof(path), "%s", told());
    *strrchr(path, '/') = 0;
    strcat(path, "/../../guard/wherry-guard");
    setenv("WHERRY_GUARD", path, 1);
}

static inline wherry_process *start_guarded(const struct wherry_plan *plan)
{
    struct wherry_plan guarded = *plan;
    guarded.guarded = 1;
    find_guard();
    return start(&guarded);
}

static inline wherry_process *start_told(const char *const *words,
                                         enum wherry_group place, wherry_channel **from)
{
    struct wherry_plan plan = plan_to_tell(words);
    plan.place = place;
    wherry_process *process = start_guarded(&plan);
    *from = end_of(process, 1);
    return process;
}

static inline int hear_number(wherry_channel *from)
{
    char text[32] = "";
    int ended = 0;
    WORKS(wherry_read(from, text, sizeof(text) - 1, NULL, &ended, soon()));
    CHECK_INT(ended, 0);
    return atoi(text);
}

/* A field of /proc/PID/status; -1: there is no such process. */
static inline int status_of(int pid, const char *field)
{
    char path[64];
    char status[4096] = "";
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, status, sizeof(status) - 1);
    if (fd >= 0)
        close(fd);
    const char *at = size > 0 ? strstr(status, field) : NULL;
    return at ? atoi(at + strlen(field)) : -1;
}

static inline char state_of(int pid)
{
    char path[64];
    char stat[512] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, stat, sizeof(stat) - 1);
    if (fd >= 0)
        close(fd);
    const char *at = size > 0 ? strrchr(stat, ')') : NULL;
    return at ? at[2] : 'X';
}

static inline bool is_gone(void *argument)
{
    char state = state_of(*(const int *)argument);
    return state == 'X' || state == 'Z';
}

static inline int guard_of(const wherry_process *process)
{
    return status_of((int)wherry_process_id(process), "PPid:\t");
}

/* Who may reach the programs of this build. */
static inline const char *other_user(void)
{
    struct wherry_plan plan = {
        .file = told(), .user = "12345", .group = "12345", .guarded = 1};
    wherry_process *process = NULL;
    find_guard();
    if (wherry_spawn(&plan, sizeof(plan), &process) == -EACCES)
        SKIP("no other user may run what is built here");
    WORKS(wherry_process_wait(process, NULL, 0, soon()));
    wherry_process_close(process);
    return plan.user;
}

#endif
