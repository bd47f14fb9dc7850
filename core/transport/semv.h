/* SPDX-License-Identifier: MIT */
/*
 * The inside of a System V set, between semv.c and semv_moves.c.
 */
#ifndef TRANSPORT_SEMV_H
#define TRANSPORT_SEMV_H

#include "transport/transport.h"

/* --- semv_values.c ------------------------------------------------------- */

/* Whether initial= makes sense, and goes with members=.  Errors: -EINVAL; the sentence
 * is set. */
int semv_check_values(const struct address *);

/* The values of a set that is made, one for each of members=; to be freed.  Errors:
 * -ENOMEM. */
int semv_values(const struct address *, uint16_t **out);

/* --- semv_moves.c -------------------------------------------------------- */

struct semv_plan {
    int id;
    uint32_t member;
    uint32_t members;
    bool undo;     /* unless an operation says otherwise */
    int64_t owner; /* the process that removes it when it closes it; 0: none */
    const char *address;
};

/* Errors: -ENOMEM. */
int semv_new(const struct semv_plan *, wherry_semaphore **out);

#endif
