/* SPDX-License-Identifier: MIT */
/*
 * What is known of an object, fact by fact, on stdout.
 */
#ifndef KNOWN_H
#define KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "table.h"

enum { KNOWN_MOST = 24, KNOWN_TEXT = 512 };

/* All zero is nothing. */
struct known {
    struct column columns[KNOWN_MOST];
    char texts[KNOWN_MOST][KNOWN_TEXT]; /* "": that is not known */
    size_t count;
};

/* Adds a fact; the name is kept.  A number below 0 and a time of 0 or less are not
 * known. */
void known_text(struct known *known, const char *name, const char *text);
void known_number(struct known *known, const char *name, int64_t number);
void known_time(struct known *known, const char *name, int64_t seconds);
void known_mode(struct known *known, const char *name, uint32_t mode);
void known_flag(struct known *known, const char *name, int flag);

/* Prints what is known, a line each, or all as a table of one row in JSON, which
 * `plural` names.  DONE or FAILED, said on stderr. */
int known_print(const struct known *known, const char *plural, const char *verb,
                bool as_json);

/* The same address with an option, unless it says something of that itself; to be
 * freed. NULL: no memory, said on stderr. */
char *address_with(const char *verb, const char *address, const char *option);

/* Says why `whole` could not be opened, which was made of `address` by address_with, to
 * whoever wrote that.  FAILED or USAGE. */
int address_failed(const char *verb, const char *address, const char *whole);

#endif
