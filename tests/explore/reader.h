/* SPDX-License-Identifier: MIT */
/*
 * How whoever reads a ring waits in a scene: it has a bell, which the writer rings.
 */
#ifndef EXPLORE_READER_H
#define EXPLORE_READER_H

#include "explore.h"
#include "memory/ring.h"

static inline void reader_waits(struct ring_in *ring, struct explore_bell *bell)
{
    if (ring_in_is_asleep(ring)) {
        explore_hush(bell);
        ring_in_wakes(ring);
    }
    if (ring_in_sleeps(ring))
        explore_sleep(bell, EXPLORE_ALL);
}

#endif
