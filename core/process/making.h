/* SPDX-License-Identifier: MIT */
/*
 * What is opened and made up on the way from a plan to a process.  Private to
 * core/process: spawn.c makes it, lay.c opens what is laid out, refuse.c tells what
 * went wrong.
 */
#ifndef PROCESS_MAKING_H
#define PROCESS_MAKING_H

#include "process/process.h"

enum { MAKING_CHANNEL = sizeof(PROCESS_NODE_CHANNEL) + 16 };

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
    wherry_process *process;
};

/* --- lay.c --------------------------------------------------------------- */

/* Opens what the plan lays out, and finds the steps to it.  Errors: as wherry_spawn;
 * the sentence is set. */
int making_lay_out(struct making *, struct os_start *start);

/* --- spawn.c ------------------------------------------------------------- */

/* What is run, as the plan names it. */
const char *making_program(const struct making *);

/* --- refuse.c ------------------------------------------------------------ */

/* Makes the sentence of an error of os_start, and returns the error. */
int making_refuse(const struct making *, int error, const struct os_started *how);

#endif
