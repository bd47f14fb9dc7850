/* SPDX-License-Identifier: MIT */
/*
 * Two figures for each mechanism, in a few seconds: what `wherry transports --measure`
 * prints.  The measuring is that of `wherry bench`: bench/brief.c.
 */
#ifndef BRIEF_H
#define BRIEF_H

#include <stdbool.h>
#include <stddef.h>

struct bench_brief {
    const char *scheme;
    bool is_there;     /* else it was not measured */
    double round_trip; /* nanoseconds, of a small message */
    double throughput; /* bytes a second, one way, in messages of */
    size_t size;       /* so many bytes */
};

/* Measures those of the schemes that bench knows, each by the first of its mechanisms
 * there, with progress on a terminal.  DONE, or FAILED: one could not be measured, and
 * so it was said, or the user ended it. */
int bench_brief(const char *verb, struct bench_brief *briefs, size_t count);

/* Prints what the figures are of. */
void bench_brief_explain(const struct bench_brief *briefs, size_t count);

#endif
