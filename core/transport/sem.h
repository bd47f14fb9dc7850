/* SPDX-License-Identifier: MIT */
/*
 * The inside of a POSIX semaphore, between sem.c and sem_moves.c.
 */
#ifndef TRANSPORT_SEM_H
#define TRANSPORT_SEM_H

#include "transport/transport.h"

/* The semaphore that the whole region is (taken), under its name.  Errors: -ENOMEM, the
 * region is still the caller's. */
int sem_of_region(wherry_region *, const char *address, wherry_semaphore **out);

/* The one at a place in a region, which stays the caller's.  Errors: -ENOMEM. */
int sem_in_region(wherry_region *, uint64_t offset, wherry_semaphore **out);

#endif
