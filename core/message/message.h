/* SPDX-License-Identifier: MIT */
/*
 * message: the nouns of talk.  Addresses with their options, messages, and the store that
 * lets a channel send and receive without allocating.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wherry/mechanism.h>
#include <wherry/message.h>

/* --- address.c: scheme:rest?option=value&… ------------------------------------------------ */

enum {
    ADDRESS_TEXT = 4096,    /* the longest address */
    ADDRESS_OPTIONS = 32,   /* the most options in one */
    ADDRESS_SCHEME = 16,    /* the longest scheme, its NUL counted */
};

/* An address taken apart; its strings live as long as it does. */
struct address;

/* Takes an address apart: scheme, rest, options.  Knows no schemes.  `options_first` says of
 * a scheme whether its options stand before the rest (`exec?framing=raw:grep 'a?b'`); such
 * a rest is kept as it is, no %HH and no `?` in it mean anything.
 * Errors: -EINVAL (the sentence says where), -ENAMETOOLONG, -ENOMEM. */
int address_parse(const char *text, bool (*options_first)(const char *scheme),
                  struct address **out);

/* Checks every option against the tables (each ends with a NULL name; the list of tables
 * ends with NULL) and works out every value, defaults included.
 * Errors: -EINVAL: unknown (with the nearest known one), twice, not a value of its type,
 * or out of its bounds, which the sentence names. */
int address_resolve(struct address *, const struct wherry_option *const *tables);

void address_free(struct address *);

const char *address_text(const struct address *);   /* as it was given */
const char *address_scheme(const struct address *);
const char *address_rest(const struct address *);   /* decoded, NUL after its end */
size_t address_rest_size(const struct address *);   /* %00 may stand in it */

/* Values after address_resolve; asking for an option that is in no table is a mistake of
 * ours (assert). Numbers: bytes, nanoseconds, 0/1 for flags, the place among `choices`. */
int64_t address_number(const struct address *, const char *option);
const char *address_string(const struct address *, const char *option); /* NULL: not set */
bool address_given(const struct address *, const char *option);

/* The nearest of `count` names to a mistyped one, or NULL when none is near. */
const char *address_nearest(const char *name, const char *const *names, size_t count);

/* --- option.c: one value of an option ----------------------------------------------------- */

/* Reads a value as its option's type: the number in *out (0 for text).
 * Errors: -EINVAL, the sentence names the option, its bounds and an example. */
int option_read(const struct wherry_option *, const char *text, int64_t *out);

/* Writes "64K", "2s", "yes", "block": what option_read would read as `value`. */
void option_print(const struct wherry_option *, int64_t value, char *out, size_t size);

/* The option with that name in one table, or NULL. */
const struct wherry_option *option_find(const struct wherry_option *table,
                                        const char *name);

/* Whether `value` is the place of `name` among the choices. */
bool option_is(const struct wherry_option *, int64_t value, const char *name);

#endif
