/* SPDX-License-Identifier: MIT */
/*
 * stdin, cut into messages: lines without their newline, or bytes as they come.
 *
 * What has been read and not yet been given stays for the next peer.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct input {
    bool raw;
    bool ended; /* no more will be read */
    char *bytes;
    size_t start;
    size_t end;
    size_t seen; /* up to here there is no newline */
    size_t capacity;
};

/* What ends a wait for input: a descriptor that becomes readable, and the peer's that
 * hangs up (-1: none). */
struct input_wait {
    int stop;
    int peer;
};

/* The next message of at most `limit` bytes, borrowed until the next call.  1 and the
 * message, 0 at the end; -ECANCELED, -EPIPE (the peer hung up), -EMSGSIZE (a line
 * longer than `limit`), or what read(2) said. */
int input_next(struct input *, size_t limit, const struct input_wait *wait,
               const char **bytes, size_t *size);

/* Whether the next message is there already. */
bool input_has_next(struct input *);

void input_free(struct input *);

#endif
