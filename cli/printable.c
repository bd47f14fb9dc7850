/* SPDX-License-Identifier: MIT */
/*
 * Texts that anybody may have chosen, for a terminal and for JSON.
 */
#include "printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { ESCAPED = 4, LONGEST = 4 }; // bytes: \xHH, and a character of UTF-8

// How many bytes a character has, by its first one; 0: none begins so.
static size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    return first >= 0xf0 && first < 0xf5 ? 4
           : first >= 0xe0               ? (first < 0xf0 ? 3 : 0)
           : first >= 0xc2               ? 2
                                         : 0;
}

static bool is_shown(uint32_t character)
{
    bool controls = character < ' ' || (character >= 0x7f && character < 0xa0);
    bool turns = character == 0x061c || character == 0x200e || character == 0x200f ||
                 (character >= 0x2028 && character <= 0x202e) ||
                 (character >= 0x2066 && character <= 0x2069);
    return !controls && !turns;
}

// The bytes of the character that begins here, if it is one and may be shown; else 0.
static size_t shown_size(const char *text)
{
    static const uint32_t least[LONGEST + 1] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = (unsigned char)text[0];
    const size_t size = length_of(first);
    uint32_t character = size < 2 ? first : first & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | ((unsigned char)text[i] & 0x3f);
    }
    bool is_surrogate = character >= 0xd800 && character < 0xe000;
    bool is_one = size > 0 && character >= least[size] && character <= 0x10ffff;
    return is_one && !is_surrogate && is_shown(character) ? size : 0;
}

const char *printable(const char *text, char *out, size_t size)
{
    size_t used = 0;
    while (*text) {
        size_t step = shown_size(text);
        if (used + (step ? step : ESCAPED) >= size)
            break;
        if (step == 0) {
            (void)snprintf(out + used, size - used, "\\x%02x", (unsigned char)*text++);
            used += ESCAPED;
        }
        for (; step > 0; step--)
            out[used++] = *text++;
    }
    out[used] = 0;
    return out;
}
