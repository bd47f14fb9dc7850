/* SPDX-License-Identifier: MIT */
/*
 * The program as a shell runs it, for the tests beside this file.
 *
 * Scripts are sh(1), run in the test's directory with `wherry` in $PATH.  A test is one
 * process, so what the last script said is kept in one place.
 */
#ifndef SHELL_H
#define SHELL_H

#include "harness.h"

struct said {
    int status;        /* exit status, or minus the signal that killed it */
    size_t size;       /* of `out` */
    char out[1 << 20]; /* what it and all it started wrote to stdout, */
    char err[1 << 16]; /* and to stderr; each ends with a 0 */
};

/* What the last script said. */
extern struct said said;

/* Runs a script until it and everything it started in the background has ended; fails
 * the test if that takes too long. */
void shell(const char *script);

/* shell(), and checks all of what it said on stdout, and that it ended well. */
#define CHECK_SHELL(script, expected)                                                  \
    do {                                                                               \
        shell(script);                                                                 \
        CHECK_STRING(said.out, (expected));                                            \
        CHECK_INT(said.status, 0);                                                     \
    } while (0)

/* Nanoseconds of processor that all scripts so far have taken. */
int64_t processor_time(void);

/* A program that goes on beside the test. */
struct beside {
    pid_t pid;
    int in;  /* to its stdin; -1: closed */
    int out; /* from its stdout and stderr */
};

/* Starts `command`, one simple command of sh(1). */
void beside_start(struct beside *beside, const char *command);

/* Writes to its stdin. */
void beside_tell(struct beside *beside, const char *text);

/* Ends its stdin. */
void beside_hush(struct beside *beside);

/* Waits for its next line on stdout or stderr, without the newline; "" at the end. */
const char *beside_line(struct beside *beside);

/* Waits for its end: exit status, or minus the signal. */
int beside_end(struct beside *beside);

/* Waits until there is something at that path in the test's directory. */
void wait_for_path(const char *name);

/* Whether there is. */
bool path_is_there(const char *name);

#endif
