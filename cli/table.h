/* SPDX-License-Identifier: MIT */
/*
 * A table on stdout, for people or as JSON: libsmartcols(3).
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>

enum column_type { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_FLAG /* "yes" or "no" */ };

struct column {
    const char *name; /* "open files"; in JSON "open_files" */
    enum column_type type;
    bool wraps; /* a newline in its texts begins another line of the cell */
};

struct table;

/* How wide stdout is, in columns; 0: it is no terminal. */
size_t table_width(void);

/* Begins a table; `name` is its name in JSON.  NULL when there is no memory. */
struct table *table_new(const char *name, const struct column *columns, size_t count,
                        bool as_json);

/* Adds a row: one text a column, copied; NULL is an empty cell.  Without `cells` there
 * was no memory for them, and table_print() says so. */
void table_add(struct table *table, const char *const *cells);

/* Prints it and frees it.  DONE, or FAILED when there was no memory, and said so. */
int table_print(struct table *table, const char *verb);

/* Prints several as one JSON object, and frees them.  As table_print. */
int table_print_together(struct table *const *tables, size_t count, const char *verb);

#endif
