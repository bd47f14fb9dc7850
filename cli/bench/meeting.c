/* SPDX-License-Identifier: MIT */
/*
 * What driver and responder say to each other outside of what is measured.
 *
 * A process whose other one is gone, or that cannot go on, ends here: the bench, which
 * watches both, ends the other and tells what the first wrote down.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void bench_tell(const struct bench_meeting *meeting, const void *word, size_t size)
{
    if (write(meeting->to, word, size) != (ssize_t)size)
        _exit(EXIT_FAILURE);
}

void bench_hear(const struct bench_meeting *meeting, void *word, size_t size)
{
    if (read(meeting->from, word, size) != (ssize_t)size)
        _exit(EXIT_FAILURE);
}

void bench_give_up(const struct bench_meeting *meeting, int error, const char *what)
{
    char *failure = meeting->shared->failure;
    const char *sentence = wherry_error_text();
    if (failure[0] == '\0')
        snprintf(failure, sizeof(meeting->shared->failure), "%s: %s%s%s", what,
                 strerror(-error), sentence[0] ? ": " : "", sentence);
    _exit(EXIT_FAILURE);
}
