/* SPDX-License-Identifier: MIT */
/*
 * Both processes on one processor while round trips are timed.
 *
 * Where the kernel puts them makes more difference than the mechanism does: on two
 * processors each round trip waits for two of them to wake up, which a virtual machine
 * does slowly.  On one, mechanisms compare.  `wherry bench` measures both.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "tour/tour.h"

static cpu_set_t before;
static bool is_pinned;

int tour_processor(void)
{
    return sched_getcpu();
}

void tour_pin(int processor)
{
    cpu_set_t one;
    if (is_pinned || processor < 0 || processor >= CPU_SETSIZE ||
        sched_getaffinity(0, sizeof(before), &before) < 0)
        return;
    CPU_ZERO(&one);
    CPU_SET((size_t)processor, &one);
    is_pinned = sched_setaffinity(0, sizeof(one), &one) == 0;
}

void tour_unpin(void)
{
    if (is_pinned)
        (void)sched_setaffinity(0, sizeof(before), &before);
    is_pinned = false;
}
