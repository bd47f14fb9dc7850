/* SPDX-License-Identifier: MIT */
/*
 * How far something has come.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <wherry.h>

#include "say.h"

enum {
    SMALL = 4096,    // bytes
    LOOK_EVERY = 64, // small messages between two looks at the clock
    MIB = 1048576
};

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
    bool is_small = bytes < SMALL && progress->messages % LOOK_EVERY != 0;
    if (!progress->is_on || is_small)
        return;
    int64_t now = wherry_now();
    if (now < progress->next)
        return;
    double seconds = (double)(now - progress->began) / (double)second;
    char text[160];
    snprintf(text, sizeof(text),
             "wherry: %s: %" PRId64 " messages, %.1f MiB, %.1f MiB/s", progress->verb,
             progress->messages, (double)progress->bytes / MIB,
             (double)progress->bytes / MIB / seconds);
    say_status(text);
    progress->is_shown = true;
    progress->next = now + second / 4;
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        say_status(NULL);
    progress->is_shown = false;
}
