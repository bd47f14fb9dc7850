/* SPDX-License-Identifier: MIT */
/*
 * Who keeps a region mapped, and in which process.
 *
 * The program keeps it until wherry_region_close, and whatever is open in it keeps it
 * too: memory that the kernel or a C library knows of is never taken from under them.
 *
 * A life is one process's use of a region.  Its number lies in a page that fork(2)
 * wipes, and grows from parent to child, so no child takes its parent's for its own.
 */
#include "memory/memory.h"

void region_keep(wherry_region *region)
{
    atomic_fetch_add(&region->keepers, 1);
}

void region_let_go(wherry_region *region)
{
    if (atomic_fetch_sub(&region->keepers, 1) == 1)
        region_free(region);
}

bool region_is_kept(const wherry_region *region)
{
    return atomic_load(&region->keepers) > 1;
}

// Two threads may be the first.
static int word_of(wherry_region *region, atomic_uint **out)
{
    atomic_uint *none = NULL;
    atomic_uint *made;
    *out = atomic_load(&region->life);
    if (*out)
        return 0;
    int r = os_fork_word_new(&made);
    if (r < 0)
        return r;
    *out = made;
    if (!atomic_compare_exchange_strong(&region->life, &none, made)) {
        os_fork_word_free(made);
        *out = none;
    }
    return 0;
}

int region_live(wherry_region *region, struct region_life *out)
{
    atomic_uint *word;
    unsigned number = 0;
    int r = word_of(region, &word);
    if (r < 0)
        return r;
    const unsigned next = atomic_fetch_add(&region->lives, 1) + 1;
    if (atomic_compare_exchange_strong(word, &number, next))
        number = next;
    *out = (struct region_life){.word = word, .number = number};
    return 0;
}
