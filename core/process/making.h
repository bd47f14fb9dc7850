/* SPDX-License-Identifier: MIT */
/*
 * What is opened and made up on the way from a plan to a process.  Private to
 * core/process: spawn.c makes it, lay.c opens what is laid out, refuse.c tells what
 * went wrong.
 */
#ifndef PROCESS_MAKING_H
#define PROCESS_MAKING_H

#include "process/process.h"

enum { MAKING_CHANNEL = sizeof(PROCESS_NODE_CHANNEL) + 16, MAKING_NUMBERS = 64 };

/* What the guard of a process is run with. */
struct making_guard {
    const char *files[2]; /* its own, NULL at the end */
    int parent, report;   /* their numbers there */
    bool has_said_why;    /* it could not start the program */
    char numbers[MAKING_NUMBERS];
    const char **arguments;
    const char **environment;
};

struct making {
    const struct wherry_plan *plan;
    const struct process_joined *joined;
    struct layout_row
        *rows;   /* the listed ones, then those of 0, 1 and 2 that are not */
    int *opened; /* for each row, a descriptor to be closed again, or -1 */
    size_t row_count;
    struct os_lay *lays;
    struct os_limit *limits;
    const char **environment;
    const char **words; /* of `command` */
    const char **files;
    const char **arguments;
    char channel[MAKING_CHANNEL]; /* "WHERRY_CHANNEL=3", or empty */
    struct os_account *account;   /* NULL: it is another's in nothing */
    struct making_guard guard;
    wherry_process *process;
};

/* --- lay.c --------------------------------------------------------------- */

/* Opens what the plan lays out, and finds the steps to it.  Errors: as wherry_spawn;
 * the sentence is set. */
int making_lay_out(struct making *, struct os_start *start);

/* One more number; `opened` is closed again when the new process has it, -1: nothing.
 */
void making_add_row(struct making *, int number, int source, int opened);

/* --- guard.c ------------------------------------------------------------- */

enum { GUARD_ROWS = 2 };

/* Adds the rows of a guard, behind all others.  Errors: as wherry_spawn; the sentence
 * is set. */
int guard_lay(struct making *);

/* Turns the start of a program into that of its guard.  The same errors. */
int guard_words(struct making *, struct os_start *start);

/* After os_start, whose result `error` is: waits until the guard has started the
 * program, which `started` is about then.  0, or an error as of os_start, with all that
 * was started ended. */
int guard_meet(struct making *, int error, struct os_started *started);

void guard_free(struct making_guard *);

/* --- spawn.c ------------------------------------------------------------- */

/* What is run, as the plan names it. */
const char *making_program(const struct making *);

/* --- refuse.c ------------------------------------------------------------ */

/* Makes the sentence of an error of os_start, and returns the error. */
int making_refuse(const struct making *, int error, const struct os_started *how);

#endif
