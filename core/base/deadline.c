/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic of deadlines, without a clock.
 *
 * WHERRY_POLL (0) and WHERRY_FOREVER (the largest number) are the ends of one scale, so
 * that the sooner of two is the lesser.
 */
#include "base/base.h"

wherry_deadline deadline_add(wherry_deadline now, int64_t nanoseconds)
{
    int64_t sum;
    if (now == WHERRY_FOREVER)
        return WHERRY_FOREVER;
    if (__builtin_add_overflow(now, nanoseconds, &sum))
        return nanoseconds > 0 ? WHERRY_FOREVER : WHERRY_POLL + 1;
    return sum > WHERRY_POLL ? sum : WHERRY_POLL + 1;
}

wherry_deadline deadline_sooner(wherry_deadline a, wherry_deadline b)
{
    return a < b ? a : b;
}

wherry_deadline deadline_sound(wherry_deadline deadline)
{
    return deadline < 0 ? 1 : deadline;
}
