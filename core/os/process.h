/* SPDX-License-Identifier: MIT */
/*
 * os: processes.  Part of os.h, which others include.
 */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include "os/guard.h"
#include "os/os.h"

/* --- process_linux.c: the only place that starts one --------------------- */

/* One step towards the descriptors of a new process, in which all are close-on-exec
 * when the first step is made. */
struct os_lay {
    enum os_lay_sort {
        OS_LAY_LIFT,  /* copy `from` out of the way, to `to` or above */
        OS_LAY_PLACE, /* copy `from`, or what the step `lifted` copied, to `to` */
        OS_LAY_KEEP   /* let `to` stay open */
    } sort;

    int from;
    int to;
    int lifted; /* the index of a step before; -1: none */
};

struct os_limit {
    int resource;        /* os_limit_find */
    uint64_t soft, hard; /* UINT64_MAX: none */
};

enum { OS_GROUPS = 1024 }; /* the most groups of a user that are looked at */

/* Whom a process acts for. */
struct os_account {
    uint32_t user, group;
    size_t group_count;
    uint32_t groups[OS_GROUPS];
};

/* What a new process does before it becomes the program, in this order. */
struct os_start {
    enum os_standing standing;
    uint32_t umask;
    bool has_umask;
    int nice;
    const struct os_lay *lays;
    size_t lay_count;
    const struct os_limit *limits;
    size_t limit_count;
    const struct os_account *account; /* NULL: as it is */
    const char *directory;            /* NULL: as it is */
    int death_signal;                 /* 0: none */
    bool is_deaf;                     /* its program begins with all signals blocked */
    /* The first of them that is there is run; NULL at the end.  The lists, too. */
    const char *const *files;
    const char *const *arguments;
    const char *const *environment;
};

/* What could not be done. */
enum os_step {
    OS_STEP_START, /* no process was made */
    OS_STEP_STANDING,
    OS_STEP_NICE,
    OS_STEP_LAY, /* `index` says which */
    OS_STEP_LIMIT,
    OS_STEP_ACCOUNT,
    OS_STEP_DIRECTORY,
    OS_STEP_RUN,   /* `index` says which file */
    OS_STEP_GUARD, /* guard.c: its guard could not do its work */
    OS_STEPS
};

struct os_started {
    int64_t pid;
    int fd; /* a pidfd: readable once it has ended */
    enum os_step failed;
    size_t index;
};

/* Starts a process that shares nothing with this one from the moment its program runs,
 * and waits for that moment.  On failure `failed` and `index` are set, and nothing is
 * left behind. */
int os_start(const struct os_start *, struct os_started *out);

/* How one ended, as wherry_exit. */
struct os_ended {
    int code;
    int signal;
    bool core;
    int64_t user_time, system_time; /* nanoseconds */
    int64_t memory_most;            /* bytes */
};

/* Waits for it, if it has ended.  Errors: -EAGAIN (it runs), -ECHILD (somebody else
 * has). */
int os_reap(int fd, struct os_ended *out);

/* A pidfd of a process.  Errors: -ESRCH, -EMFILE …. */
int os_process(int64_t pid);

/* Whether it is there, running or ended, and nobody has waited for it. */
bool os_is_child(int fd);

/* Sends a signal; to its whole group, which it leads, if `group`.  Errors: -ESRCH,
 * -EINVAL (no such signal; groups need Linux 6.9), -EPERM. */
int os_kill(int fd, int signal, bool group);

/* The same for the group of a leader that has not been reaped. */
int os_kill_group(int64_t leader, int signal);

/* A name of prlimit(1), "nofile": the resource, or -EINVAL. */
int os_limit_find(const char *name);

/* --- account_linux.c: users and groups ----------------------------------- */

/* The account of a user and a group, each a name or a number; NULL: this process's own,
 * or the user's first group.  False in *changes: this process has no other, nor the
 * right to take one.
 * Errors: -ENOENT (there is no such one), -E2BIG (the user is in more than OS_GROUPS
 * groups), -ENOMEM, -EIO …; the sentence is set. */
int os_account_find(const char *user, const char *group, struct os_account *out,
                    bool *changes);

/* --- environment_linux.c ------------------------------------------------- */

/* "NAME=VALUE" each, NULL at the end. */
const char *const *os_environment(void);

/* The value, or NULL. */
const char *os_environment_get(const char *name);

/* The same, unless this program has rights that its caller has not (AT_SECURE). */
const char *os_environment_trusted(const char *name);

/* Takes it out. */
void os_environment_take(const char *name);

/* --- family_linux.c: who descends from whom ------------------------------ */

struct os_relative {
    int64_t pid;
    int64_t parent;
    uint64_t since; /* when it began, in the kernel's ticks */
    bool is_still;  /* it is stopped, or has ended: it starts no other */
};

/* All processes that can be seen; to be freed.  Errors: -ENOMEM, as opendir(3),
 * -ENOTSUP
 * (/proc shows other numbers than ours); the sentence is set. */
int os_everybody(struct os_relative **out, size_t *count);

/* One process.  Errors: -ESRCH; as open(2) (where /proc is not there, or closed). */
int os_relative_look(int64_t pid, struct os_relative *out);

/* Signals that very process.  Errors: -ESRCH (it is gone), -EPERM. */
int os_kill_relative(const struct os_relative *, int signal);

/* Waits until it has ended.  Errors: -ETIMEDOUT, -EMFILE …. */
int os_await_relative(const struct os_relative *, wherry_deadline deadline);

#endif
