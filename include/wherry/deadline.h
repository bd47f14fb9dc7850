/* SPDX-License-Identifier: MIT */
/*
 * Deadlines: when a call stops waiting.
 *
 * A deadline is a point in time, not a length of it: nanoseconds of CLOCK_MONOTONIC
 * (clock_gettime(2)).  So it can be handed down through any number of calls and
 * retries, and nobody who sets the wall clock moves it.
 */
#ifndef WHERRY_DEADLINE_H
#define WHERRY_DEADLINE_H

#include <stdint.h>

#include <wherry/export.h>

WHERRY_BEGIN

typedef int64_t wherry_deadline;

/* Do not wait at all: what cannot be done at once is -EAGAIN. */
#define WHERRY_POLL ((wherry_deadline)0)

/* Wait until it is done, fails, or wherry_cancel() is called. */
#define WHERRY_FOREVER INT64_MAX

/* The present moment, in nanoseconds of CLOCK_MONOTONIC.  Never fails. */
WHERRY_EXPORT wherry_deadline wherry_now(void);

/* The deadline that many milliseconds from now.  A count of zero or less is a deadline
 * that has passed already (a call that would wait says -ETIMEDOUT), one too large to be
 * counted is WHERRY_FOREVER. */
WHERRY_EXPORT wherry_deadline wherry_after(int64_t milliseconds);

WHERRY_END

#endif
