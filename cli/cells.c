/* SPDX-License-Identifier: MIT */
/*
 * Rows of tables, cell by cell.
 */
#include "cells.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "printable.h"

enum { CELLS_MOST = 24 };

static struct {
    struct table *table;
    size_t count;
    char texts[CELLS_MOST][CELL_MOST];
    const char *cells[CELLS_MOST];
} row; // large, and one at a time

void cells_begin(struct table *table)
{
    row.table = table;
    row.count = 0;
}

void cells_add(const char *format, ...)
{
    static char text[CELL_MOST];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    row.cells[row.count] = printable(text, row.texts[row.count], CELL_MOST);
    row.count++;
}

void cells_add_none(void)
{
    row.cells[row.count++] = NULL;
}

void cells_skip_to(size_t cell)
{
    while (row.count < cell)
        cells_add_none();
}

void cells_add_text(const char *text)
{
    if (text && *text)
        cells_add("%s", text);
    else
        cells_add_none();
}

void cells_add_flag(int flag)
{
    if (flag < 0)
        cells_add_none();
    else
        cells_add("%s", flag ? "yes" : "no");
}

void cells_add_number(bool is_there, double number)
{
    if (is_there)
        cells_add("%.9g", number);
    else
        cells_add_none();
}

void cells_add_count(int64_t count)
{
    if (count < 0)
        cells_add_none();
    else
        cells_add("%" PRId64, count);
}

void cells_end(void)
{
    table_add(row.table, row.cells);
}
