/* SPDX-License-Identifier: MIT */
/*
 * Relay: two channels joined, or one with itself (echo).
 *
 * What arrives on one is sent on the other with its kind and open files; reading stops
 * while the writer is full, so that nothing is kept but one message a direction.
 */
#ifndef WHERRY_RELAY_H
#define WHERRY_RELAY_H

#include <wherry/channel.h>

WHERRY_BEGIN

enum wherry_relay_event {
    WHERRY_RELAY_JOINED, /* both channels are open and being watched */
    WHERRY_RELAY_MOVED,  /* one message went across */
    WHERRY_RELAY_LEFT    /* one side ended: `error` says how, 0 = it finished */
};

struct wherry_relay_notice {
    enum wherry_relay_event event;
    const wherry_channel *from;    /* the channel it came from, or that ended */
    const wherry_message *message; /* for MOVED, before it is sent; borrowed */
    int error;
};

struct wherry_relay_options {
    int one_way; /* 1: from the first channel to the second only */
    void (*notice)(void *user, const struct wherry_relay_notice *); /* may be NULL */
    void *user;
};

/* Joins `first` and `second` (NULL or the same: echo) until both have ended, and
 * returns 0; with `one_way` until the first has ended.  When one side finishes, the
 * other is told by wherry_finish and its own answers still come back.  `options` may be
 * NULL. Waits until `deadline`; wherry_cancel() on either channel ends it. Errors:
 * -ETIMEDOUT, -ECANCELED, and whatever ended a channel other than its orderly end
 * (-ECONNRESET, -EPROTO …).  The channels stay the caller's: what was received from one
 * and could not be sent on is what its next recv gives. */
WHERRY_EXPORT int wherry_relay(wherry_channel *first, wherry_channel *second,
                               const struct wherry_relay_options *options,
                               wherry_deadline deadline);

WHERRY_END

#endif
