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

/* How long the end of what was signalled is waited for, unless the caller says. */
#define PROCESS_PATIENCE INT64_C(2000000000) // nanoseconds

/* --- plan.c -------------------------------------------------------------- */

/* Whether the plan makes sense, looking at nothing but the plan.  Errors: -EINVAL; the
 * sentence is set. */
int plan_check(const struct wherry_plan *);

/* What it lays out at that number, or NULL. */
const struct wherry_laid *plan_find(const struct wherry_plan *, int number);

/* Whether the new process reads there, rather than writes. */
bool plan_reads(const struct wherry_laid *);

/* Whether it is a channel of messages to this process. */
bool plan_is_channel(const struct wherry_laid *);

/* `umask` of a plan that was checked. */
uint32_t plan_umask(const struct wherry_plan *);

/* How many words a list of one has, NULL at its end; a NULL one has none. */
size_t plan_count_words(const char *const *list);

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

/* --- command.c ----------------------------------------------------------- */

/* Whether `command` of a plan can be taken for words, of which there are some.
 * Errors: -EINVAL; the sentence is set. */
int command_check(const char *command);

/* The words of a command that was checked; NULL at the end.  One block, to be freed.
 * NULL: no memory. */
const char **command_words(const char *command);

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
        PROCESS_MESSAGES,
        PROCESS_NODE
    } sort;
};

struct wherry_process {
    int64_t pid;
    int fd;  /* a pidfd of the child that is waited for: it, or its guard */
    int own; /* a pidfd of it, the same if it has no guard */
    struct os_descriptor report; /* what its guard says, or none */
    bool leads;                  /* a group of its own */
    bool is_stage;               /* a pipeline's, which closes it */
    struct os_lock lock;         /* of the three below */
    bool has_ended;
    int lost; /* why nobody knows how, or 0 */
    struct os_ended ended;
    struct os_relative *family; /* that tree_kill found */
    size_t family_size;
    size_t end_count;
    struct process_end ends[];
};

/* --- spawn.c ------------------------------------------------------------- */

/* What stands at 0 and at 1 unless the plan lays out something there; -1: the plan's
 * own way. */
struct process_joined {
    int in, out;
};

#define PROCESS_ALONE (&(const struct process_joined){-1, -1})

/* As wherry_spawn, of a plan without channels. */
int process_spawn(const struct wherry_plan *, const struct process_joined *,
                  wherry_process **out);

/* Gives out the end at that number; `out->fd` is the caller's.  Errors: -ENOENT. */
int process_take_end(wherry_process *, int number, struct process_end *out);

/* It was not used: it can be given out again. */
void process_give_back(wherry_process *, const struct process_end *);

/* The variables in which a new process finds the number of its message channel. */
#define PROCESS_CHANNEL "WHERRY_CHANNEL"
#define PROCESS_NODE_CHANNEL "NODE_CHANNEL_FD"

/* --- pipeline.c ---------------------------------------------------------- */

struct wherry_pipeline {
    size_t count;
    wherry_process *stages[];
};

/* Whether a pipeline can have so many stages.  Errors: -EINVAL; the sentence is set. */
int pipeline_check_count(size_t count);

/* Says which of several plans the sentence is about, and returns the error. */
int pipeline_blame(int error, size_t stage, size_t count);

/* As wherry_pipeline_spawn, of plans without channels. */
int pipeline_spawn(const struct wherry_plan *plans, size_t count,
                   wherry_pipeline **out);

/* --- guard.c: processes that die with this one --------------------------- */

/* How it ended, if its guard has said so; false: it has not. */
bool guard_tells(wherry_process *, struct os_ended *out);

/* --- collect.c ----------------------------------------------------------- */

/* As wherry_pipeline_collect, of plans without channels. */
int process_collect(const struct wherry_plan *plans, size_t count,
                    const struct wherry_collect *, struct wherry_collected *out,
                    wherry_deadline);

/* --- tree.c -------------------------------------------------------------- */

/* Signals the process and all that descend from it; once it has ended, those that were
 * found before.  Errors: as wherry_process_kill, -ENOTSUP; the sentence is not always
 * set. */
int tree_kill(wherry_process *, int signal);

/* Of processes that nobody is to have: all that runs of them is killed, and waited for,
 * PROCESS_PATIENCE at most.  The sentence that stands is kept. */
void tree_take_back(wherry_process *const *roots, size_t count);

/* How long the end is waited for after a signal, where this grace is wished, in
 * nanoseconds: however little that is, one that was killed needs time to go. */
int64_t tree_patience(int signal, int64_t grace);

/* Waits until all that were found have ended, and kills whoever has not by then. */
void tree_end(const wherry_process *, wherry_deadline deadline);

#endif
