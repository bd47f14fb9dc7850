/* SPDX-License-Identifier: MIT */
/*
 * The inside of a listener, between listener.c and publish.c.
 */
#ifndef CHANNEL_LISTENER_H
#define CHANNEL_LISTENER_H

#include "channel/channel.h"

enum { HALF_OPEN = 64 };

struct half_open {
    wherry_channel *channel;
    wherry_deadline until;
};

struct wherry_listener {
    const struct transport *transport;
    void *state;
    struct channel_limits limits;
    char shown[ENDPOINT_ADDRESS];
    wherry_channel *spare; /* the next one to be taken; NULL: not yet made */
    struct half_open half_open[HALF_OPEN]; /* oldest first */
    size_t half_open_count;
    int watch; /* over the transport's descriptors, the half-open channels, `once` */
    int once;  /* a bell that is rung while the transport needs no waiting; -1: it does
                */
    int bell;  /* cancel */
    atomic_bool canceled;
};

/* Waits until somebody may have come: 0, -EAGAIN (WHERRY_POLL), -ETIMEDOUT, -ECANCELED;
 * the sentence is set. */
int listener_wait(struct wherry_listener *, wherry_deadline);

#endif
