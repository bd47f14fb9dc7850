/* SPDX-License-Identifier: MIT */
/*
 * Channels opened, used and closed, and processes started, talked to and ended, again
 * and again in one process: nothing grows.  How often each scenario is repeated is
 * WHERRY_TEST_CYCLES (100 if it is not set).
 */
#include <stdlib.h>

#include "channels.h"
#include "harness.h"
#include "processes.h"

enum { CYCLES = 100 };

static void run(void *argument)
{
    const struct fault_scenario *scenario = argument;
    CHECK_INT(scenario->run(scenario->argument), 0);
    if (scenario->clear)
        scenario->clear();
}

static void repeat(const void *argument)
{
    const char *told = getenv("WHERRY_TEST_CYCLES");
    unsigned long count = told ? strtoul(told, NULL, 10) : 0;
    harness_cycles(count ? count : CYCLES, run, (void *)(uintptr_t)argument);
}

static void add_all(const struct fault_scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++)
        harness_add(scenarios[i].name, repeat, &scenarios[i]);
}

void harness_register(void)
{
    size_t count;
    const struct fault_scenario *scenarios =
        channel_scenarios(HARNESS_PATIENCE, &count);
    add_all(scenarios, count);
    scenarios = process_scenarios(HARNESS_PATIENCE, &count);
    add_all(scenarios, count);
}
