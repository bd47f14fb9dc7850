/* SPDX-License-Identifier: MIT */
/*
 * process: a process from its plan to its end.
 *
 * Deals in descriptors and knows no channel: ../channel/kin.c makes channels of what a
 * process leaves here.  What can be decided without asking the system is decided by
 * pure functions (plan.c, layout.c, environment.c, search.c), before anything starts.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/process.h>

#include "base/base.h"
#include "os/os.h"

enum {
    PROCESS_NUMBER_MOST = 1 << 20, /* the largest number that can be laid out */
    PROCESS_LAID_MOST = 1024,      /* how many can */
    PROCESS_STANDARD = 3           /* 0, 1 and 2, which every process has */
};

/* --- plan.c -------------------------------------------------------------- */

/* Whether the plan makes sense, looking at nothing but the plan.  Errors: -EINVAL; the
 * sentence is set. */
int plan_check(const struct wherry_plan *);

/* What it lays out at that number, or NULL. */
const struct wherry_laid *plan_find(const struct wherry_plan *, int number);

/* Whether the new process reads there, rather than writes. */
bool plan_reads(const struct wherry_laid *);

/* `umask` of a plan that was checked. */
uint32_t plan_umask(const struct wherry_plan *);

/* --- layout.c: descriptors by number ------------------------------------- */

/* One number and which of this process's descriptors is to stand there. */
struct layout_row {
    int number;
    int source;
};

/* The steps that lead there, whatever numbers the sources have among those that are
 * laid out; `out` has room for two steps a row.  How many. */
size_t layout_steps(const struct layout_row *rows, size_t count, struct os_lay *out);

/* --- environment.c ------------------------------------------------------- */

/* `base` with the changes applied, the last one of a name last; NULL at the end.  One
 * block, to be freed; what it points to is borrowed.  NULL: no memory. */
const char **environment_make(const char *const *base, const char *const *changes);

/* The value of a name in such a list, or NULL. */
const char *environment_find(const char *const *list, const char *name);

/* --- search.c ------------------------------------------------------------ */

/* The paths at which a program is looked for, `path` being what PATH says (NULL: the
 * system's usual one); NULL at the end.  One block, to be freed.  NULL: no memory. */
const char **search_make(const char *file, const char *path);

/* --- process.c ----------------------------------------------------------- */

/* This process's end of what was laid out at a number. */
struct process_end {
    int number;
    int fd; /* -1: it was given out */

    enum process_end_sort {
        PROCESS_READS, /* a pipe that this process reads */
        PROCESS_WRITES,
        PROCESS_MESSAGES
    } sort;
};

struct wherry_process {
    int64_t pid;
    int fd;              /* a pidfd */
    bool leads;          /* a group of its own */
    struct os_lock lock; /* of the three below */
    bool has_ended;
    int lost; /* why nobody knows how, or 0 */
    struct os_ended ended;
    struct os_relative *family; /* that tree_kill found */
    size_t family_size;
    size_t end_count;
    struct process_end ends[];
};

/* --- spawn.c ------------------------------------------------------------- */

/* As wherry_spawn, of a plan without channels. */
int process_spawn(const struct wherry_plan *, wherry_process **out);

/* Gives out the end at that number; `out->fd` is the caller's.  Errors: -ENOENT. */
int process_take_end(wherry_process *, int number, struct process_end *out);

/* It was not used: it can be given out again. */
void process_give_back(wherry_process *, const struct process_end *);

/* The variable in which a new process finds the number of its message channel. */
#define PROCESS_CHANNEL "WHERRY_CHANNEL"

/* --- collect.c ----------------------------------------------------------- */

/* As wherry_collect, of a plan without channels. */
int process_collect(const struct wherry_plan *, const struct wherry_collect *,
                    struct wherry_collected *out, wherry_deadline);

/* --- tree.c -------------------------------------------------------------- */

/* Signals the process and all that descend from it; once it has ended, those that were
 * found before.  Errors: as wherry_process_kill, -ENOTSUP; the sentence is not always
 * set. */
int tree_kill(wherry_process *, int signal);

/* Waits until all that were found have ended, and kills whoever has not by then. */
void tree_end(const wherry_process *, wherry_deadline deadline);

#endif
