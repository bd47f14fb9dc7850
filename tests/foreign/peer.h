/* SPDX-License-Identifier: MIT */
/*
 * Programs that are not ours, at the other end.
 */
#ifndef PEER_H
#define PEER_H

#include <wherry.h>

#include "harness.h"

struct peer {
    pid_t pid;
    int input;  /* what we write to its stdin */
    int output; /* what we read from its stdout */
};

/* A wait that ends the test if it is not over soon: programs take time to start. */
wherry_deadline soon(void);

/* The port of a listener, as its program is told it; until the next call. */
const char *peer_port(const wherry_listener *);

/* Starts a program (skips the test when there is none of that name), with pipes to its
 * stdin and from its stdout. */
void peer_start(struct peer *, const char *const argv[]);

/* Its next line, without the newline. */
void peer_line(struct peer *, char *line, size_t size);

/* Writes to its stdin; peer_end closes it. */
void peer_type(struct peer *, const char *text);
void peer_end(struct peer *);

/* Its stdout must go on with exactly that text. */
void peer_prints(struct peer *, const char *text);

/* Waits until it ends, with status 0, and closes what is left. */
void peer_wait(struct peer *);

/* Kills it, and closes what is left. */
void peer_kill(struct peer *);

/* The same as CHECK_OK, with the sentence. */
#define OPEN(call)                                                                     \
    do {                                                                               \
        int opened = (call);                                                           \
        if (opened < 0)                                                                \
            FAIL("%s: %s: %s", #call, harness_errno_name(opened),                      \
                 wherry_error_text());                                                 \
    } while (0)

#endif
