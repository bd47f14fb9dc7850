/* SPDX-License-Identifier: MIT */
/*
 * What is known of a region, on stdout.
 */
#ifndef REGION_H
#define REGION_H

#include "command.h"

/* What the verb can do, in words; ends with NULL. */
extern const char *const region_actions[];

/* Opens the region of an address to be read, without making it, and tells what is known
 * of it.  DONE, FAILED or USAGE, said on stderr. */
int region_describe(const char *verb, const char *address, bool as_json);

/* Opens one that is there, with an option for what is to be done ("access=read"). NULL:
 * said on stderr, and *status is what to return. */
wherry_region *region_find(const char *verb, const char *address, const char *access,
                           int *status);

#endif
