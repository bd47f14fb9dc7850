/* SPDX-License-Identifier: MIT */
/*
 * What was measured of processes, as tables: for people one for each row, as JSON one
 * of all; and the bars.
 */
#include <inttypes.h>
#include <stdio.h>

#include "bench/processes.h"
#include "cells.h"
#include "command.h"
#include "say.h"
#include "table.h"

enum { WHAT = 128 };

/* --- for people ---------------------------------------------------------- */

static const struct column columns[] = {
    {"way", COLUMN_TEXT, false},      {"place", COLUMN_TEXT, false},
    {"ratio", COLUMN_NUMBER, false},  {"to", COLUMN_TEXT, false},
    {"bar", COLUMN_TEXT, false},      {"us p50", COLUMN_NUMBER, false},
    {"p99", COLUMN_NUMBER, false},    {"p99.9", COLUMN_NUMBER, false},
    {"starts", COLUMN_NUMBER, false},
};

static void put_time(double nanoseconds)
{
    cells_add(nanoseconds < 1e6 ? "%.1f" : "%.0f", nanoseconds / 1e3);
}

static void add_way(struct table *table, const struct processes_result *result, int at)
{
    const struct processes_way *way = &result->row->ways[at];
    const struct processes_figure *figure = &result->figures[at];
    cells_begin(table);
    cells_add("%s", way->name);
    cells_add("%s", bench_places[result->place]);
    if (figure->has_ratio)
        cells_add(figure->ratio < 10 ? "%.2f" : "%.0f", figure->ratio);
    else
        cells_add_none();
    cells_add_text(figure->has_ratio ? way->against : NULL);
    if (way->bar > 0)
        cells_add("<= %.2f", way->bar);
    else
        cells_add_none();
    put_time(figure->median);
    put_time(figure->p99);
    put_time(figure->p999);
    cells_add("%zu", figure->count);
    cells_end();
}

// "Bytes through three programs, 1 GiB"
static void describe(const struct processes_result *result, char what[WHAT])
{
    char size[32];
    bench_size_text(result->size, size, sizeof(size));
    snprintf(what, WHAT, "%s%s%s", result->row->what, result->size ? ", " : "",
             result->size ? size : "");
}

// One row of the bench: all of its places.
static int print_row(const struct processes_result *results, size_t count)
{
    char what[WHAT];
    struct table *table =
        table_new("bench", columns, sizeof(columns) / sizeof(columns[0]), false);
    describe(results, what);
    say_heading(what);
    for (size_t i = 0; i < count; i++) {
        for (int way = 0; results[i].row->ways[way].name; way++) {
            if (results[i].figures[way].count > 0)
                add_way(table, &results[i], way);
        }
    }
    int status = table_print(table, "bench");
    printf("\n");
    return status;
}

/* --- JSON ---------------------------------------------------------------- */

static const struct column json_columns[] = {
    {"mechanism", COLUMN_TEXT, false},     {"place", COLUMN_TEXT, false},
    {"size", COLUMN_NUMBER, false},        {"way", COLUMN_TEXT, false},
    {"unit", COLUMN_TEXT, false},          {"ratio", COLUMN_NUMBER, false},
    {"ratio least", COLUMN_NUMBER, false}, {"ratio most", COLUMN_NUMBER, false},
    {"against", COLUMN_TEXT, false},       {"bar", COLUMN_NUMBER, false},
    {"median", COLUMN_NUMBER, false},      {"p99", COLUMN_NUMBER, false},
    {"p999", COLUMN_NUMBER, false},        {"starts", COLUMN_NUMBER, false},
    {"error", COLUMN_TEXT, false},
};

static void add_json(struct table *table, const struct processes_result *result, int at)
{
    const struct processes_way *way = &result->row->ways[at];
    const struct processes_figure *figure = &result->figures[at];
    const bool is_there = figure->count > 0;
    cells_begin(table);
    cells_add("%s", result->row->name);
    cells_add("%s", bench_places[result->place]);
    cells_add("%" PRIu64, result->size);
    cells_add("%s", way->name);
    cells_add("ns");
    cells_add_number(figure->has_ratio, figure->ratio);
    cells_add_number(figure->has_ratio, figure->least);
    cells_add_number(figure->has_ratio, figure->most);
    cells_add_text(way->against);
    cells_add_number(way->bar > 0, way->bar);
    cells_add_number(is_there, figure->median);
    cells_add_number(is_there, figure->p99);
    cells_add_number(is_there, figure->p999);
    cells_add("%zu", figure->count);
    cells_add_text(figure->failure);
    cells_end();
}

static int print_json(const struct processes_result *results, size_t count)
{
    struct table *table = table_new(
        "bench", json_columns, sizeof(json_columns) / sizeof(json_columns[0]), true);
    for (size_t i = 0; i < count; i++) {
        for (int way = 0; results[i].row->ways[way].name; way++)
            add_json(table, &results[i], way);
    }
    return table_print(table, "bench");
}

int processes_print(const struct processes_result *results, size_t count, bool as_json)
{
    int status = DONE;
    if (as_json)
        return print_json(results, count);
    for (size_t i = 0; i < count;) {
        size_t next = i + 1;
        while (next < count && results[next].row == results[i].row)
            next++;
        status |= print_row(&results[i], next - i);
        i = next;
    }
    return status;
}

/* --- bars ---------------------------------------------------------------- */

static const struct column bar_columns[] = {
    {"verdict", COLUMN_TEXT, false}, {"measured", COLUMN_NUMBER, false},
    {"least", COLUMN_NUMBER, false}, {"most", COLUMN_NUMBER, false},
    {"bar", COLUMN_TEXT, false},     {"mechanism", COLUMN_TEXT, false},
    {"place", COLUMN_TEXT, false},   {"what", COLUMN_TEXT, true},
};

// Whether it is met.
static bool add_bar(struct table *table, const struct processes_result *result, int at)
{
    const struct processes_way *way = &result->row->ways[at];
    const struct processes_figure *figure = &result->figures[at];
    const bool is_met = figure->has_ratio && figure->ratio <= way->bar;
    cells_begin(table);
    char row[WHAT];
    char what[WHAT * 2];
    describe(result, row);
    snprintf(what, sizeof(what), "%s: %s to %s", row, way->name, way->against);
    cells_add("%s", is_met ? "met" : "MISSED");
    cells_add_number(figure->has_ratio, figure->ratio);
    cells_add_number(figure->has_ratio, figure->least);
    cells_add_number(figure->has_ratio, figure->most);
    cells_add("<= %.2f", way->bar);
    cells_add("%s", result->row->name);
    cells_add("%s", bench_places[result->place]);
    cells_add_text(figure->failure[0] ? figure->failure : what);
    cells_end();
    return is_met;
}

int processes_print_bars(const struct processes_result *results, size_t count,
                         bool as_json)
{
    struct table *table = table_new(
        "bars", bar_columns, sizeof(bar_columns) / sizeof(bar_columns[0]), as_json);
    int met = 0;
    int missed = 0;
    for (size_t i = 0; i < count; i++) {
        for (int at = 0; results[i].row->ways[at].name; at++) {
            if (results[i].row->ways[at].bar <= 0)
                continue;
            bool is_met = add_bar(table, &results[i], at);
            met += is_met;
            missed += !is_met;
        }
    }
    int status = table_print(table, "bench");
    if (!as_json && status == DONE)
        printf("\n%d bars met, %d missed\n", met, missed);
    return status == DONE && missed > 0 ? FAILED : status;
}
