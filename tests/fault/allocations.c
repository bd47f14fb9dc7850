/* SPDX-License-Identifier: MIT */
/*
 * Channels and processes without memory: every allocation of every scenario fails, once
 * and from then on.  What comes of it is success or -ENOMEM, and everything is given
 * back.
 */
#include <errno.h>

#include "channels.h"
#include "harness.h"
#include "processes.h"

enum { PATIENCE = 100 };

static void run(void *argument)
{
    const struct fault_scenario *scenario = argument;
    int r = scenario->run(scenario->argument);
    if (harness_failed_allocations() == 0)
        CHECK_INT(r, 0);
    else if (r != 0 &&
             r != -ETIMEDOUT) // of accept: it let a peer go, and waited for more
        CHECK_ERROR(r, -ENOMEM);
    if (scenario->clear)
        scenario->clear();
}

static void fail_each(const void *argument)
{
    CHECK(harness_each_allocation(run, (void *)(uintptr_t)argument) > 0);
}

static void add_all(const struct fault_scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++)
        harness_add(scenarios[i].name, fail_each, &scenarios[i]);
}

void harness_register(void)
{
    size_t count;
    const struct fault_scenario *scenarios = channel_scenarios(PATIENCE, &count);
    add_all(scenarios, count);
    scenarios = process_scenarios(HARNESS_PATIENCE, &count);
    add_all(scenarios, count);
}
