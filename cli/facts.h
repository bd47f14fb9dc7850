/* SPDX-License-Identifier: MIT */
/*
 * What the table of mechanisms says of each, in a few words: the columns of `wherry
 * transports`.
 */
#ifndef FACTS_H
#define FACTS_H

#include "table.h"

#include <wherry.h>

/* The narrow tables, one below the other. */
enum fact_group { FACT_WHO, FACT_HOW, FACT_MEASURED, FACT_GROUPS, FACT_ALL, FACT_NONE };

/* One column.  JSON has all of them. */
struct fact {
    const char *name;      /* "open files"; in JSON "open_files" */
    const char *narrow;    /* its heading in the narrow table, NULL: it is in none */
    enum fact_group group; /* which of them */
    enum column_type type;
    bool is_wide; /* a column of the whole table for people */
    /* Borrowed, at most until it is asked again; NULL: an empty cell. */
    const char *(*text)(const struct wherry_mechanism *);
};

enum { FACTS = 23 };

/* Whether more than two processes can use one address at a time. */
bool mechanism_has_many(const struct wherry_mechanism *mechanism);

/* In the order of the columns. */
extern const struct fact facts[FACTS];

#endif
