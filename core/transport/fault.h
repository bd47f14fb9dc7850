/* SPDX-License-Identifier: MIT */
/*
 * The inside of fault:, between fault.c, which opens, and fault_moves.c, which moves.
 */
#ifndef TRANSPORT_FAULT_H
#define TRANSPORT_FAULT_H

#include "transport/transport.h"

struct fault_plan {
    int64_t drop;  /* every so many messages that are sent, one is lost; 0: none */
    int64_t cut;   /* after so many the connection breaks; 0: never */
    int64_t delay; /* nanoseconds that what arrives is held back */
};

/* Puts moves of its own around those of an open endpoint, which is closed on failure.
 * Errors: -EMFILE, -ENFILE, -ENOMEM. */
int fault_wrap(const struct fault_plan *, struct endpoint *);

#endif
