/* SPDX-License-Identifier: MIT */
/*
 * A conversation: stdin to the peer and the peer to stdout, both at once.
 *
 * The main thread receives, another one sends: the library allows just that.  So a slow
 * reader of stdout never holds up what is sent, and neither waits for the other.
 */
#ifndef TALK_H
#define TALK_H

#include "input.h"
#include "open.h"
#include "settings.h"

enum talk_way {
    TALK_BOTH, /* until both have ended */
    TALK_SEND, /* what comes is thrown away; it ends when the peer has taken all */
    TALK_RECV  /* nothing is sent */
};

struct talk_plan {
    const char *verb;
    const struct choices *choices;
    enum talk_way way;
    struct input *input;
    char *const *words; /* sent instead of the input, if there are any */
    int word_count;
    bool listens;
    int64_t received; /* so far, from all peers */
};

/* Whether a program was started for the channel. */
bool talk_is_with_command(const struct wherry_channel_info *info);

/* Talks on a watched channel until it is over.  DONE, or FAILED, said on stderr. */
int talk(wherry_channel *channel, struct talk_plan *plan);

/* The same, or publishes where it is a topic that was opened. */
int talk_or_publish(const struct opened *opened, struct talk_plan *plan);

/* Listens, and talks to one peer, or with --keep to one after another. */
int talk_and_keep(const char *address, struct talk_plan *plan);

#endif
