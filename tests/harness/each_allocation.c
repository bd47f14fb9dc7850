/* SPDX-License-Identifier: MIT */
/*
 * A scenario without memory: it is run in a child for every allocation that it makes,
 * and that one fails, or that and all that follow.
 */
#define _GNU_SOURCE
#include <string.h>
#include <unistd.h>

#include "parts.h"

enum {
    RUNS_MOST = 100000,
    STATUS_NONE_FAILED = 10, // the scenario makes fewer allocations than that
    STATUS_SURVIVED = 11,
    STATUS_LEAKED = 12,
};

struct run {
    void (*scenario)(void *argument);
    void *argument;
    unsigned long n;
    bool is_forever;
};

static void run_once(void *argument)
{
    const struct run *run = argument;
    struct inventory *before = inventory_take(OF_PROCESS);
    unsigned long mark = harness_allocations();
    harness_fail_allocation(run->n, run->is_forever);
    run->scenario(run->argument);
    unsigned long failed = harness_failed_allocations();
    harness_fail_allocation(0, false);
    int leaks = harness_blocks_since(mark) + inventory_leaks(before) + children_leaks();
    harness_exit(leaks ? STATUS_LEAKED : failed ? STATUS_SURVIVED : STATUS_NONE_FAILED);
}

/* True if an allocation failed and the scenario lived with it. */
static bool survives(struct run *run)
{
    int status = harness_wait(harness_child(run_once, run));
    if (status == STATUS_SURVIVED || status == STATUS_NONE_FAILED)
        return status == STATUS_SURVIVED;
    char place[256];
    code_place(atomic_load(&harness_report->failed_at), place, sizeof place);
    const char *mode = run->is_forever ? "and all after it" : "once";
    if (status < 0)
        FAIL("allocation %lu (at %s) fails %s: killed by signal %d (%s)", run->n, place,
             mode, -status, strsignal(-status));
    FAIL("allocation %lu (at %s) fails %s: %s", run->n, place, mode,
         status == STATUS_LEAKED ? "something is left behind" : "the scenario failed");
}

unsigned long harness_each_allocation(void (*scenario)(void *argument), void *argument)
{
    struct run run = {.scenario = scenario, .argument = argument};
    unsigned long runs = 0;
    for (run.n = 1; run.n < RUNS_MOST; run.n++) {
        run.is_forever = false;
        if (!survives(&run))
            break;
        run.is_forever = true;
        survives(&run);
        runs += 2;
    }
    harness_note("%lu allocations, %lu runs in which they failed", run.n - 1, runs);
    return run.n - 1;
}
