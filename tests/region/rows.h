/* SPDX-License-Identifier: MIT */
/*
 * The mechanisms of memory as rows of one table, for what all of them promise.
 */
#ifndef ROWS_H
#define ROWS_H

#include "../transport/talk.h"

enum { ADDRESS = 512, SIZE = 65536 };

/* One mechanism. */
struct row {
    const char *scheme;
    bool has_name;    /* others open it by its address, after everybody has gone, too */
    bool can_shrink;  /* whoever may open it can make it smaller */
    bool has_file;    /* a descriptor */
    bool has_private; /* access=private */
};

extern const struct row rows[]; /* ends with a NULL scheme */

/* An address of the test's own with these options, "?size=64K&create=no"; good until
 * the fourth call from here. */
const char *at(const struct row *row, const char *options);

/* One that is made, with SIZE bytes. */
wherry_region *make(const struct row *row);

/* The same memory once more, as another process would have it: by its address, or by an
 * open file. */
wherry_region *again(const struct row *row, const wherry_region *region,
                     enum wherry_region_access access);

/* What has a name is removed. */
void unmake(const struct row *row);

/* A test that runs for each row: "NAME/SCHEME". */
#define EACH_ROW(name)                                                                 \
    static void name(const struct row *row);                                           \
    static void name##_of(const void *argument)                                        \
    {                                                                                  \
        name(argument);                                                                \
    }                                                                                  \
    __attribute__((constructor)) static void registers_##name(void)                    \
    {                                                                                  \
        add_rows(#name, name##_of);                                                    \
    }                                                                                  \
    static void name(const struct row *row)

/* For EACH_ROW. */
void add_rows(const char *name, void (*run)(const void *));

#endif
