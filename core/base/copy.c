/* SPDX-License-Identifier: MIT */
/*
 * Long copies, a line of the cache at a time.
 */
#include "base/base.h"

// A quarter of a line: what every processor of today moves at once, from any place.
typedef uint64_t quarter __attribute__((vector_size(16), aligned(1), may_alias));

void copy_lines(void *to, const void *from, size_t size)
{
    quarter *at = to;
    const quarter *behind = from;
    for (; size >= 4 * sizeof(quarter); size -= 4 * sizeof(quarter)) {
        const quarter first = behind[0];
        const quarter second = behind[1];
        const quarter third = behind[2];
        const quarter fourth = behind[3];
        at[0] = first;
        at[1] = second;
        at[2] = third;
        at[3] = fourth;
        at += 4;
        behind += 4;
    }
    memcpy(at, behind, size);
}
