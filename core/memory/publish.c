/* SPDX-License-Identifier: MIT */
/*
 * What is made in shared memory by whoever comes first.
 *
 * Nobody waits for a maker, who could die: all make the same, each word from 0 to what
 * it is to be, so that it does not matter who did which, and how often.  The first word
 * is the last to be made.  From then on it is used, and words may change; who still is
 * at it finds them changed, or as they were, and writes nothing.
 */
#include <errno.h>

#include "memory/memory.h"

static bool claim(atomic_uint *word, uint32_t value)
{
    unsigned found = 0;
    if (value == 0)
        return atomic_load(word) == 0;
    return atomic_compare_exchange_strong(word, &found, value) || found == value;
}

int publish(atomic_uint *at, const uint32_t *image, size_t words)
{
    for (size_t i = 1; i < words; i++)
        if (!claim(&at[i], image[i]))
            return atomic_load(&at[0]) == image[0] ? 0 : -EEXIST;
    return claim(&at[0], image[0]) ? 0 : -EEXIST;
}
