/* SPDX-License-Identifier: MIT */
/*
 * How far something has come, on a terminal, once it takes longer than a second.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *verb;
    int64_t messages;
    int64_t bytes;
    int64_t began;
    int64_t next; /* when it is shown again */
    bool is_on;
    bool is_shown;
};

/* Begins; nothing is ever shown where `wanted` is false or stderr is no terminal. */
void progress_begin(struct progress *progress, const char *verb, bool wanted);

/* Counts one message. */
void progress_add(struct progress *progress, size_t bytes);

/* Erases it. */
void progress_end(struct progress *progress);

#endif
