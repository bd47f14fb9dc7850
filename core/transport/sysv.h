/* SPDX-License-Identifier: MIT */
/*
 * The inside of a System V queue, between sysv.c, sysv_key.c and sysv_moves.c.
 */
#ifndef TRANSPORT_SYSV_H
#define TRANSPORT_SYSV_H

#include "transport/key.h"
#include "transport/queue.h"

/* --- sysv_key.c ---------------------------------------------------------- */

/* The identifier of the queue, made as the address says, and whether it was.
 * Errors: as msgget(2); the sentence is set for -ENOENT and -ENOSPC. */
int sysv_open(const struct address *, const struct key *, bool writes, bool *is_made);

/* --- sysv_moves.c -------------------------------------------------------- */

/* The endpoint of the queue of that identifier, which goes with it if it is given an
 * owner. */
int sysv_end(const struct address *, int id, bool writes, struct endpoint *out);

#endif
