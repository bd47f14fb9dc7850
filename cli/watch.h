/* SPDX-License-Identifier: MIT */
/*
 * Watching programs that were started, until they have ended.
 *
 * Their outputs are counted on the way to ours where there is a bound; over a bound, of
 * bytes or of time, all are stopped with what they started.  Signals that they do not
 * get from the terminal are passed on to them.
 */
#ifndef WATCH_H
#define WATCH_H

#include "settings.h"

enum {
    WATCH_TIMED_OUT = 124, /* as timeout(1) */
    WATCH_TOO_MUCH = 125
};

/* One of their outputs, counted on its way to ours. */
struct watch_output {
    wherry_channel *channel; /* NULL: it is not counted, or has ended */
    int to;
    int64_t left;
};

struct watch {
    const struct start_choices *start;
    wherry_process **processes;
    size_t count;
    struct watch_output *outputs;
    size_t output_count;
    wherry_deadline deadline;
    int asked;   /* how many signals they were sent */
    int stopped; /* the exit status that says why, or 0 */
    int failed;  /* why our own output could not be written, or 0 */
};

/* Until all have ended; `exits` has room for as many.  0, or a negative errno. */
int watch(struct watch *, struct wherry_exit *exits);

#endif
