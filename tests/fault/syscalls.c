/* SPDX-License-Identifier: MIT */
/*
 * Channels on a kernel that fails at every system call, in every way it can.
 */
#include "channels.h"
#include "harness.h"

enum { PATIENCE = 40 }; // where a fault prolongs a wait, a run costs that much

void harness_register(void)
{
    size_t count;
    const struct fault_scenario *scenarios = channel_scenarios(PATIENCE, &count);
    for (size_t i = 0; i < count; i++)
        fault_add(&scenarios[i]);
}
