/* SPDX-License-Identifier: MIT */
/*
 * How far something has come.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <wherry.h>

enum { LOOK_EVERY = 64 }; // messages between two looks at the clock

static const int64_t second = 1000000000;

void progress_begin(struct progress *progress, const char *verb, bool wanted)
{
    *progress =
        (struct progress){.verb = verb, .is_on = wanted && isatty(STDERR_FILENO)};
    if (!progress->is_on)
        return;
    progress->began = wherry_now();
    progress->next = progress->began + second;
}

void progress_add(struct progress *progress, size_t bytes)
{
    progress->messages++;
    progress->bytes += (int64_t)bytes;
    bool is_small = bytes < 4096 && progress->messages % LOOK_EVERY != 0;
    if (!progress->is_on || is_small)
        return;
    int64_t now = wherry_now();
    if (now < progress->next)
        return;
    double seconds = (double)(now - progress->began) / (double)second;
    fprintf(stderr, "\rwherry: %s: %" PRId64 " messages, %.1f MiB, %.1f MiB/s\033[K",
            progress->verb, progress->messages, (double)progress->bytes / 1048576,
            (double)progress->bytes / 1048576 / seconds);
    fflush(stderr);
    progress->is_shown = true;
    progress->next = now + second / 4;
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        fprintf(stderr, "\r\033[K");
    progress->is_shown = false;
}
