/* SPDX-License-Identifier: MIT */
/*
 * What is known of a semaphore, on stdout.
 */
#ifndef SEMAPHORE_SHOW_H
#define SEMAPHORE_SHOW_H

#include "command.h"

/* Opens the semaphore of an address, without making it, and tells what is known of it.
 * DONE, FAILED or USAGE, said on stderr. */
int semaphore_describe(const char *verb, const char *address, bool as_json);

#endif
