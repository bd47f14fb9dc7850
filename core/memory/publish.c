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

int publish_place(const wherry_region *region, uint64_t offset, uint64_t size,
                  const char *what)
{
    if (region->access != WHERRY_REGION_WRITE)
        return failure(-EACCES,
                       "%s: the region is not open for writing what others see", what);
    if (offset % WHERRY_LOCK_ALIGNED != 0)
        return failure(-EINVAL, "%s at %llu: that is no multiple of %d", what,
                       (unsigned long long)offset, WHERRY_LOCK_ALIGNED);
    if (offset > region->size || region->size - offset < size)
        return failure(-ERANGE, "%s at %llu: not within the %zu bytes of the region",
                       what, (unsigned long long)offset, region->size);
    int r = wherry_region_check(region);
    return r == -ESTALE ? 0 : r; // without its name it is memory still
}

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
