/* SPDX-License-Identifier: MIT */
/*
 * Texts that anybody may have chosen, for a terminal and for JSON.
 */
#include "printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

// The character that begins there, and in *size how many of the bytes it has; 0 of
// them: there is none.
static uint32_t character_at(const char *text, size_t most, size_t *size)
{
    static const uint32_t least[LONGEST + 1] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char first = (unsigned char)text[0];
    const size_t length = length_of(first);
    uint32_t character = length < 2 ? first : first & (0x7fU >> length);
    *size = 0;
    for (size_t i = 1; i < length; i++) {
        if (i == most || ((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
        character = character << 6 | ((unsigned char)text[i] & 0x3f);
    }
    bool is_surrogate = character >= 0xd800 && character < 0xe000;
    bool is_one = length > 0 && character >= least[length] && character <= 0x10ffff;
    *size = is_one && !is_surrogate ? length : 0;
    return character;
}

const char *printable(const char *text, char *out, size_t size)
{
    size_t used = 0;
    while (*text) {
        size_t step;
        uint32_t character = character_at(text, LONGEST, &step);
        if (!is_shown(character))
            step = 0;
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

char *text_of(const char *bytes, size_t size)
{
    static const char replacement[] = "\xef\xbf\xbd"; // U+FFFD
    char *text = malloc(size * (sizeof(replacement) - 1) + 1);
    char *at = text;
    for (size_t i = 0; text && i < size;) {
        size_t step;
        bool is_one = character_at(bytes + i, size - i, &step) != 0 && step > 0;
        const char *from = is_one ? bytes + i : replacement;
        const size_t length = is_one ? step : sizeof(replacement) - 1;
        memcpy(at, from, length);
        at += length;
        i += is_one ? step : 1;
    }
    if (text)
        *at = 0;
    return text;
}
