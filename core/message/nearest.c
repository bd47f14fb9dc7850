/* SPDX-License-Identifier: MIT */
/*
 * What was meant by a mistyped name: a scheme, an option, a value.
 */
#include "message/message.h"

#include <string.h>

enum { NAME_SIZE = 32 }; // longer names are near to none

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int lower(unsigned char letter) // in every locale
{
    return letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter;
}

static bool same_letter(char a, char b)
{
    return lower((unsigned char)a) == lower((unsigned char)b);
}

/* How many letters must be added, dropped, changed or swapped with the next to make one
 * name of the other, regardless of case; both at most NAME_SIZE long.  Row i, column j
 * of the table is that of the first i letters of `a` and the first j of `b`. */
static size_t distance(const char *a, const char *b)
{
    size_t table[NAME_SIZE + 1][NAME_SIZE + 1];
    const size_t height = strlen(a);
    const size_t width = strlen(b);
    for (size_t i = 0; i <= height; i++)
        table[i][0] = i;
    for (size_t j = 0; j <= width; j++)
        table[0][j] = j;
    for (size_t i = 1; i <= height; i++) {
        for (size_t j = 1; j <= width; j++) {
            const bool same = same_letter(a[i - 1], b[j - 1]);
            const bool swapped = i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                                 same_letter(a[i - 2], b[j - 1]);
            size_t least = table[i - 1][j - 1] + !same;
            least = least_of(least, least_of(table[i - 1][j], table[i][j - 1]) + 1);
            if (swapped)
                least = least_of(least, table[i - 2][j - 2] + 1);
            table[i][j] = least;
        }
    }
    return table[height][width];
}

const char *address_nearest(const char *name, const char *const *names, size_t count)
{
    const size_t size = strlen(name);
    const char *nearest = NULL;
    size_t least = size < 6 ? 2 : size / 3 + 1; // a third of the letters may be wrong
    if (size == 0 || size > NAME_SIZE)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > NAME_SIZE)
            continue;
        size_t far = distance(name, names[i]);
        if (far >= least || far >= strlen(names[i]))
            continue;
        least = far;
        nearest = names[i];
    }
    return nearest;
}
