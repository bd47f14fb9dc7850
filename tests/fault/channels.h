/* SPDX-License-Identifier: MIT */
/*
 * What programs do with channels, as scenarios for system calls that fail (syscalls.c),
 * allocations that fail (allocations.c), and many cycles (cycles.c).
 */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stddef.h>

#include "fault.h"

/* All of them, named SCENARIO/ROW; each gives back everything it took.  A wait that
 * does not come to an end is given up after so many milliseconds. */
const struct fault_scenario *channel_scenarios(int milliseconds, size_t *count);

#endif
