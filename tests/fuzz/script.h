/* SPDX-License-Identifier: MIT */
/*
 * An input that is a script, for targets that share memory with it.
 *
 * Half of it says what this end does; the rest what the other one writes to its memory,
 * which it does before each single look of ours (WHERRY_FUZZ_SHARED): what is read
 * twice is two things.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include "fuzz.h"

/* What has not yet been used of the input. */
static struct {
    const uint8_t *at;
    const uint8_t *end;
} script;

/* What the library calls before each of its looks; the target has it. */
void shared_rewrite(void);

static inline uint8_t next(void)
{
    return script.at < script.end ? *script.at++ : 0;
}

static inline uint64_t next_number(void)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | next();
    return number;
}

static inline void script_begin(const uint8_t *bytes, size_t size)
{
    script.at = bytes;
    script.end = bytes + size;
}

/* What the next byte says of a table. */
#define SCRIPT_CHOICE(table) ((table)[next() % (sizeof(table) / sizeof((table)[0]))])

#endif
