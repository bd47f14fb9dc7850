/* SPDX-License-Identifier: MIT */
/*
 * Waiting awake for another process to write a word, for as long as that is cheaper
 * than to sleep.
 *
 * It makes sense only while that process runs on another processor.  On the same one it
 * is given way a few times.  Where waiting awake was in vain the next waits sleep at
 * once, ever more of them.
 */
#ifndef TRANSPORT_SPIN_H
#define TRANSPORT_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A word of theirs that changes, and on which processor they are. */
struct spin_sight {
    const _Atomic(uint64_t) *word;
    const _Atomic(uint32_t) *processor;
    uint64_t before;
};

/* What one direction has learned; all zero is nothing. */
struct spin_habit {
    unsigned skip;
    unsigned last;
};

/* Whether the word is another one than before, after at most so many nanoseconds. */
bool spin_on(struct spin_habit *, const struct spin_sight *, int64_t nanoseconds);

#endif
