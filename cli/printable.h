/* SPDX-License-Identifier: MIT */
/*
 * Texts that anybody may have chosen, for a terminal and for JSON.
 */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stddef.h>

/* Writes `text` into `out`, cut at `size`: what is no UTF-8, and characters that
 * control a terminal or turn the direction of writing, as \xHH for each byte.  Returns
 * `out`. */
const char *printable(const char *text, char *out, size_t size);

/* `size` bytes as text for JSON: what is no UTF-8, and NUL, as U+FFFD for each byte. To
 * be freed; NULL: no memory. */
char *text_of(const char *bytes, size_t size);

#endif
