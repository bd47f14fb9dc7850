/* SPDX-License-Identifier: MIT */
/*
 * Opening channels for verbs: errors are said, Ctrl-C works, whoever waits long is
 * told.
 */
#ifndef OPEN_H
#define OPEN_H

#include "settings.h"

/* How a verb opens an address. */
struct opening {
    const char *verb;
    const struct choices *choices;
    bool listens;    /* else it dials */
    bool only_looks; /* makes nothing that is not there */
    bool publishes;  /* knows what to do with a topic, which has no channel */
};

/* What it opened.  The listener stays for the next peer; NULL when dialled. */
struct opened {
    char *address; /* with what --framing and --raw add */
    wherry_listener *listener;
    wherry_channel *channel; /* NULL: it is a topic */
};

/* Turns to the other way where the mechanism has no such way and nothing was asked for.
 */
void open_either_way(struct opening *opening, const char *address);

/* Whether that address can be opened at all, as far as it tells by itself.  DONE,
 * FAILED or USAGE, said on stderr. */
int open_check(const struct opening *opening, const char *address);

/* Opens a channel, waiting for the peer where there must be one.  DONE, FAILED or
 * USAGE, said on stderr (an interrupt is FAILED without a word). */
int open_channel(const struct opening *opening, const char *address,
                 struct opened *out);

/* Closes the channel and accepts the next one (or dials again). */
int open_next(const struct opening *opening, struct opened *opened);

/* Closes what is open. */
void open_close(struct opened *opened);

/* The deadline of a wait that begins now: --timeout. */
wherry_deadline open_deadline(const struct choices *choices);

#endif
