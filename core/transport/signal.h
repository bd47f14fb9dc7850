/* SPDX-License-Identifier: MIT */
/*
 * The inside of signals, between signal.c and signal_moves.c.
 */
#ifndef TRANSPORT_SIGNAL_H
#define TRANSPORT_SIGNAL_H

#include "transport/transport.h"

/* The signals that an address names. */
struct signal_list {
    uint64_t signals; /* OS_SIGNAL_BIT */
    int first;        /* as which kind 0 is sent */
};

/* The endpoint that receives the signals of a list.  It takes the descriptor, also on
 * failure, and on success what the opener holds of the thread's mask. */
int signal_receiver(const struct signal_list *, struct os_descriptor,
                    const struct os_signal_hold *, struct endpoint *out);

/* The endpoint that sends to the process `pid`, whose descriptor it takes, also on
 * failure. */
int signal_sender(const struct signal_list *, struct os_descriptor, int64_t pid,
                  struct endpoint *out);

#endif
