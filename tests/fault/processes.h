/* SPDX-License-Identifier: MIT */
/*
 * What programs do with processes, as scenarios for system calls that fail
 * (launches.c), allocations that fail (allocations.c), and many cycles (cycles.c).
 */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <stddef.h>

#include "fault.h"

/* All of them; each gives back everything it took, and leaves no process.  A wait that
 * does not come to an end is given up after so many milliseconds. */
const struct fault_scenario *process_scenarios(int milliseconds, size_t *count);

/* Whether it looks at all processes of the machine. */
int process_scenario_looks_around(const struct fault_scenario *scenario);

#endif
