/* SPDX-License-Identifier: MIT */
/*
 * Sides of small rings: each part is a block of its own, so that AddressSanitizer sees
 * a step beside it.
 */
#ifndef SIDE_H
#define SIDE_H

#include "fuzz.h"
#include "memory/ring.h"

/* Empty, and made the first time. */
static inline void side_make(struct ring_side *side, uint64_t size)
{
    if (!side->page) {
        side->page = aligned_alloc(RING_LINE, sizeof *side->page);
        side->data = aligned_alloc(RING_LINE, size);
        side->size = size;
    }
    PROPERTY(side->page && side->data);
    memset(side->page, 0, sizeof *side->page);
    memset(side->data, 0, size);
}

static inline void side_forget(struct ring_side *side)
{
    free(side->page);
    free(side->data);
    *side = (struct ring_side){.page = NULL};
}

#endif
