/* SPDX-License-Identifier: MIT */
/*
 * Sleeping and waking: by bells, and by the deaths of others.  The kernel is asked for
 * each, which has a fence.
 */
#include "parts.h"

static void enter_kernel(const char *what)
{
    moves_point(&moves_full);
    memory_show(run.now);
    run.fibers[run.now].looked = NULL;
    run.version++;
    run_say("  %-8s %s", run_name(run.now), what);
}

static bool is_awake(const struct fiber *fiber)
{
    if (fiber->awaits->is_rung)
        return true;
    for (unsigned i = 0; i < run.count; i++)
        if ((fiber->deaths >> i & 1) && run.fibers[i].state == FIBER_DEAD)
            return true;
    return false;
}

// Whether it comes back from there, because it was chosen to.
static bool leave_it_to_others(void)
{
    struct fiber *fiber = &run.fibers[run.now];
    if (!moves_elsewhere())
        return false;
    fiber->was_chosen = true;
    return true;
}

void sleep_wake(void)
{
    for (unsigned i = 0; i < run.count; i++)
        if (run.fibers[i].state == FIBER_ASLEEP && is_awake(&run.fibers[i]))
            run.fibers[i].state = FIBER_READY;
}

void explore_ring(struct explore_bell *bell)
{
    if (run_goes())
        enter_kernel("rings");
    bell->is_rung = true;
    sleep_wake();
}

void explore_hush(struct explore_bell *bell)
{
    if (run_goes())
        enter_kernel("has heard");
    bell->is_rung = false;
}

void explore_sleep(const struct explore_bell *bell, unsigned deaths)
{
    struct fiber *fiber = &run.fibers[run.now];
    enter_kernel("sleeps");
    fiber->awaits = bell;
    fiber->deaths = deaths;
    if (is_awake(fiber))
        return;
    fiber->state = FIBER_ASLEEP;
    if (!leave_it_to_others())
        explore_find("%s sleeps for ever", run_name(run.now));
}

void explore_ask(const char *what)
{
    if (run_goes())
        enter_kernel(what);
}

bool explore_has_died(unsigned role)
{
    return run.fibers[role].state == FIBER_DEAD;
}

// What is held back does not stay so for ever.
void explore_give_way(void)
{
    if (!run_goes())
        return;
    enter_kernel("gives way");
    if (leave_it_to_others())
        return;
    for (unsigned i = 0; i < run.count; i++)
        memory_show(i);
    if (++run.points > POINTS_MOST)
        explore_find("%s has no end", run_name(run.now));
}
