/* SPDX-License-Identifier: MIT */
/*
 * Rows of tables, cell by cell: each cell is made printable, so that it may be what
 * anybody chose.
 */
#ifndef CELLS_H
#define CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "table.h"

enum { CELL_MOST = 4608 }; /* bytes: a path, and some of it escaped */

/* Begins a row; one at a time, of at most 24 cells. */
void cells_begin(struct table *table);

/* The next cell, printf(3). */
void cells_add(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, empty, and null in JSON; of no or an empty text, of a flag or count
 * below 0, and of a number that is not there, too. */
void cells_add_none(void);
void cells_add_text(const char *text);
void cells_add_flag(int flag);
void cells_add_number(bool is_there, double number);
void cells_add_count(int64_t count);

/* Nothing in the cells up to that one, counted from 0. */
void cells_skip_to(size_t cell);

/* Puts the row into the table. */
void cells_end(void);

#endif
