/* SPDX-License-Identifier: MIT */
/*
 * The inside of a POSIX semaphore, between sem.c and sem_moves.c.
 */
#ifndef TRANSPORT_SEM_H
#define TRANSPORT_SEM_H

#include "transport/transport.h"

/* One that has no memory yet; `address` is its name, or "".  Errors: -ENOMEM. */
int sem_new(const char *address, wherry_semaphore **out);

/* Gives it a region of its own, all of which it is, or a place in another's. */
void sem_lives_in(wherry_semaphore *, wherry_region *own);
void sem_lives_at(wherry_semaphore *, void *place);

#endif
