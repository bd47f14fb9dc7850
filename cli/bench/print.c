/* SPDX-License-Identifier: MIT */
/*
 * The results as tables: for people three, ratios first; as JSON one, a line for each
 * way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench/processes.h"
#include "cells.h"
#include "command.h"
#include "say.h"
#include "table.h"

enum { SIZE_TEXT = 32 };

void bench_size_text(uint64_t size, char *text, size_t capacity)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};

    size_t unit = 0;
    for (; unit < 3 && size >= 1024 && size % 1024 == 0; unit++)
        size /= 1024;
    snprintf(text, capacity, "%" PRIu64 " %s", size, units[unit]);
}

double bench_row_allocations(const struct bench_row *row)
{
    double most = -1;
    for (int way = 0; way < BENCH_WAYS; way++) {
        const struct bench_figure *figure = &row->outcome.figures[way];
        bool is_ours = figure->is_there && bench_ways[way].is_ours;
        if (is_ours && figure->allocations > most)
            most = figure->allocations;
    }
    return most;
}

static void put_place(const struct bench_row *row)
{
    char size[SIZE_TEXT];
    bench_size_text(row->size, size, sizeof(size));
    cells_add("%s", row->mechanism->name);
    cells_add("%s", bench_places[row->place]);
    cells_add("%s", size);
}

static void put_quotient(const struct bench_quotient *quotient)
{
    if (quotient->is_there)
        cells_add(quotient->median < 10 ? "%.2f" : "%.1f", quotient->median);
    else
        cells_add_none();
}

/* --- round trips --------------------------------------------------------- */

static const struct column round_columns[] = {
    {"mechanism", COLUMN_TEXT, false},
    {"place", COLUMN_TEXT, false},
    {"size", COLUMN_NUMBER, false},
    {"forever/bare", COLUMN_NUMBER, false},
    {"deadline/bare", COLUMN_NUMBER, false},
    {"bare us p50", COLUMN_NUMBER, false},
    {"p99", COLUMN_NUMBER, false},
    {"p99.9", COLUMN_NUMBER, false},
    {"forever us p50", COLUMN_NUMBER, false},
    {"p99", COLUMN_NUMBER, false},
    {"p99.9", COLUMN_NUMBER, false},
    {"deadline us p50", COLUMN_NUMBER, false},
    {"p99", COLUMN_NUMBER, false},
    {"p99.9", COLUMN_NUMBER, false},
    {"ping-pong ns", COLUMN_NUMBER, false},
    {"kept", COLUMN_NUMBER, false},
};

static void put_times(const struct bench_figure *figure)
{
    const double times[] = {figure->median, figure->p99, figure->p999};

    for (size_t i = 0; i < 3; i++) {
        if (figure->is_there)
            cells_add(times[i] < 1e5 ? "%.2f" : "%.0f", times[i] / 1e3);
        else
            cells_add_none();
    }
}

// How steady it was: "7/9", and how many of them were kept though the cores had moved.
static void put_kept(const struct bench_outcome *outcome)
{
    if (outcome->ping > 0)
        cells_add("%.0f", outcome->ping);
    else
        cells_add_none();
    if (outcome->unsettled > 0)
        cells_add("%d/%d (%d!)", outcome->kept, outcome->tried, outcome->unsettled);
    else
        cells_add("%d/%d", outcome->kept, outcome->tried);
}

static bool has_way(const struct bench_row *row, int first, int last)
{
    for (int way = first; way <= last; way++) {
        if (row->outcome.figures[way].is_there)
            return true;
    }
    return false;
}

static bool has_round(const struct bench_row *row)
{
    return has_way(row, WAY_FOREVER, WAY_BARE);
}

static void add_round(struct table *table, const struct bench_row *row)
{
    const struct bench_outcome *outcome = &row->outcome;
    cells_begin(table);
    put_place(row);
    put_quotient(&outcome->quotients[RATIO_FOREVER]);
    put_quotient(&outcome->quotients[RATIO_DEADLINE]);
    put_times(&outcome->figures[WAY_BARE]);
    put_times(&outcome->figures[WAY_FOREVER]);
    put_times(&outcome->figures[WAY_DEADLINE]);
    put_kept(outcome);
    cells_end();
}

/* --- one way ------------------------------------------------------------- */

static const struct column one_way_columns[] = {
    {"mechanism", COLUMN_TEXT, false},   {"place", COLUMN_TEXT, false},
    {"size", COLUMN_NUMBER, false},      {"each/bare", COLUMN_NUMBER, false},
    {"more/bare", COLUMN_NUMBER, false}, {"many/bare", COLUMN_NUMBER, false},
    {"more/64K", COLUMN_NUMBER, false},  {"many/64K", COLUMN_NUMBER, false},
    {"bare", COLUMN_NUMBER, false},      {"bare 64K", COLUMN_NUMBER, false},
    {"each", COLUMN_NUMBER, false},      {"more", COLUMN_NUMBER, false},
    {"many", COLUMN_NUMBER, false},      {"lost bare", COLUMN_NUMBER, false},
    {"lost each", COLUMN_NUMBER, false}, {"ping-pong ns", COLUMN_NUMBER, false},
    {"kept", COLUMN_NUMBER, false},
};

static void put_rate(const struct bench_figure *figure, size_t size)
{
    double bytes = figure->median * (double)size;
    if (!figure->is_there)
        cells_add_none();
    else if (size > BENCH_SMALL)
        cells_add("%.2f GB/s", bytes / 1e9);
    else if (figure->median >= 1e6)
        cells_add("%.2f M/s", figure->median / 1e6);
    else
        cells_add("%.0f k/s", figure->median / 1e3);
}

static void put_lost(const struct bench_row *row, enum bench_way_index way)
{
    const struct bench_figure *figure = &row->outcome.figures[way];
    if (figure->is_there && row->mechanism->is_lossy)
        cells_add("%.0f%%", figure->lost * 100);
    else
        cells_add_none();
}

static bool has_one_way(const struct bench_row *row)
{
    return has_way(row, WAY_EACH, WAY_GATHERED);
}

static void add_one_way(struct table *table, const struct bench_row *row)
{
    static const enum bench_way_index ways[] = {WAY_BARE_EACH, WAY_GATHERED, WAY_EACH,
                                                WAY_MORE, WAY_MANY};

    const struct bench_outcome *outcome = &row->outcome;
    cells_begin(table);
    put_place(row);
    for (int i = RATIO_EACH; i <= RATIO_MANY_GATHERED; i++)
        put_quotient(&outcome->quotients[i]);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        put_rate(&outcome->figures[ways[i]], row->size);
    put_lost(row, WAY_BARE_EACH);
    put_lost(row, WAY_EACH);
    put_kept(outcome);
    cells_end();
}

/* --- at rest ------------------------------------------------------------- */

static const struct column rest_columns[] = {
    {"mechanism", COLUMN_TEXT, false},
    {"cpu us in 1 s", COLUMN_NUMBER, false},
    {"wake-ups", COLUMN_NUMBER, false},
    {"memory bytes", COLUMN_NUMBER, false},
};

static bool has_rest(const struct bench_row *row)
{
    return row->outcome.rest.is_there;
}

static void add_rest(struct table *table, const struct bench_row *row)
{
    const struct bench_rest *rest = &row->outcome.rest;
    cells_begin(table);
    cells_add("%s", row->mechanism->name);
    cells_add("%.0f", rest->cpu / 1e3);
    cells_add("%.0f", rest->wakes);
    cells_add("%llu", (unsigned long long)rest->memory);
    cells_end();
}

/* --- all of them --------------------------------------------------------- */

/* One table for people. */
struct part {
    const char *heading;
    const struct column *columns;
    size_t count;
    bool (*has)(const struct bench_row *);
    void (*add)(struct table *, const struct bench_row *);
};

#define PART(heading, columns, has, add)                                               \
    {                                                                                  \
        heading, columns, sizeof(columns) / sizeof((columns)[0]), has, add             \
    }

static const struct part parts[] = {
    PART("Round trips: Wherry / bare system calls", round_columns, has_round,
         add_round),
    PART("One way: Wherry / bare system calls", one_way_columns, has_one_way,
         add_one_way),
    PART("A waiting channel", rest_columns, has_rest, add_rest),
};

static void print_footing(const struct bench_results *results)
{
    double allocations = -1;
    for (size_t i = 0; i < results->count; i++) {
        double most = bench_row_allocations(&results->rows[i]);
        allocations = most > allocations ? most : allocations;
    }
    if (results->ping > 0)
        printf("A cache line goes to and fro between the two cores in %.0f ns.\n",
               results->ping);
    if (allocations >= 0)
        printf("Allocations of one message in the steady state, at most: %.4f.\n",
               allocations);
    else if (!bench_counts_allocations())
        printf(
            "Allocations were not counted: the program was linked without --wrap.\n");
}

static int print_part(const struct part *part, const struct bench_results *results)
{
    size_t count = 0;
    struct table *table = table_new("bench", part->columns, part->count, false);
    for (size_t i = 0; i < results->count && table; i++) {
        if (!part->has(&results->rows[i]))
            continue;
        if (count++ == 0)
            say_heading(part->heading);
        part->add(table, &results->rows[i]);
    }
    int status = table_print(table, "bench");
    if (count > 0)
        printf("\n");
    return status;
}

int bench_print_tables(const struct bench_results *results)
{
    int status = DONE;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        status |= print_part(&parts[i], results);
    print_footing(results);
    return status;
}

/* --- JSON ---------------------------------------------------------------- */

static const struct column json_columns[] = {
    {"mechanism", COLUMN_TEXT, false},     {"place", COLUMN_TEXT, false},
    {"size", COLUMN_NUMBER, false},        {"way", COLUMN_TEXT, false},
    {"unit", COLUMN_TEXT, false},          {"ratio", COLUMN_NUMBER, false},
    {"ratio least", COLUMN_NUMBER, false}, {"ratio most", COLUMN_NUMBER, false},
    {"against", COLUMN_TEXT, false},       {"median", COLUMN_NUMBER, false},
    {"p99", COLUMN_NUMBER, false},         {"p999", COLUMN_NUMBER, false},
    {"lost", COLUMN_NUMBER, false},        {"allocations", COLUMN_NUMBER, false},
    {"ping ns", COLUMN_NUMBER, false},     {"kept", COLUMN_NUMBER, false},
    {"tried", COLUMN_NUMBER, false},       {"unsettled", COLUMN_NUMBER, false},
    {"error", COLUMN_TEXT, false},
};

enum { JSON_COLUMNS = sizeof(json_columns) / sizeof(json_columns[0]) };

static void put_gate(const struct bench_outcome *outcome)
{
    cells_add("%.1f", outcome->ping);
    cells_add("%d", outcome->kept);
    cells_add("%d", outcome->tried);
    cells_add("%d", outcome->unsettled);
    cells_add_none();
}

static void put_who(const struct bench_row *row, const char *way, const char *unit)
{
    cells_add("%s", row->mechanism->name);
    cells_add("%s", bench_places[row->place]);
    cells_add("%zu", row->size);
    cells_add("%s", way);
    cells_add("%s", unit);
}

static void add_json_way(struct table *table, const struct bench_row *row, int way,
                         const struct bench_ratio *ratio)
{
    const struct bench_figure *figure = &row->outcome.figures[way];
    const struct bench_quotient *quotient =
        ratio ? &row->outcome.quotients[ratio - bench_ratios] : NULL;
    bool is_round = bench_ways[way].send != NULL;
    bool divided = quotient && quotient->is_there;
    cells_begin(table);
    put_who(row, bench_ways[way].name, is_round ? "ns" : "messages/s");
    cells_add_number(divided, divided ? quotient->median : 0);
    cells_add_number(divided, divided ? quotient->least : 0);
    cells_add_number(divided, divided ? quotient->most : 0);
    if (ratio)
        cells_add("%s", bench_ways[ratio->against].name);
    else
        cells_add_none();
    cells_add("%.9g", figure->median);
    cells_add_number(is_round, figure->p99);
    cells_add_number(is_round, figure->p999);
    cells_add("%.4g", figure->lost);
    cells_add_number(figure->allocations >= 0, figure->allocations);
    put_gate(&row->outcome);
    cells_end();
}

static void add_json_rest(struct table *table, const struct bench_row *row)
{
    const struct bench_rest *rest = &row->outcome.rest;

    const struct {
        const char *way, *unit;
        double value;
    } figures[] = {{"rest-cpu", "ns in 1 s", rest->cpu},
                   {"rest-wakes", "in 1 s", rest->wakes},
                   {"rest-memory", "bytes", (double)rest->memory}};

    for (size_t i = 0; i < 3 && rest->is_there; i++) {
        cells_begin(table);
        put_who(row, figures[i].way, figures[i].unit);
        for (int none = 0; none < 4; none++)
            cells_add_none();
        cells_add("%.9g", figures[i].value);
        cells_skip_to(JSON_COLUMNS);
        cells_end();
    }
}

static void add_json_failure(struct table *table, const struct bench_row *row)
{
    cells_begin(table);
    put_who(row, "failed", "");
    cells_skip_to(JSON_COLUMNS - 1);
    cells_add_text(row->failure);
    cells_end();
}

static void add_json(struct table *table, const struct bench_row *row)
{
    if (row->error < 0)
        add_json_failure(table, row);
    for (int way = 0; way < BENCH_WAYS; way++) {
        bool is_divided = false;
        if (!row->outcome.figures[way].is_there)
            continue;
        for (int i = 0; i < BENCH_RATIOS; i++) {
            bool is_mine = bench_ratios[i].way == (enum bench_way_index)way &&
                           row->outcome.quotients[i].is_there;
            if (is_mine)
                add_json_way(table, row, way, &bench_ratios[i]);
            is_divided |= is_mine;
        }
        if (!is_divided)
            add_json_way(table, row, way, NULL);
    }
    add_json_rest(table, row);
}

int bench_print_json(const struct bench_results *results)
{
    struct table *table = table_new("bench", json_columns, JSON_COLUMNS, true);
    for (size_t i = 0; i < results->count && table; i++)
        add_json(table, &results->rows[i]);
    return table_print(table, "bench");
}

/* --- the list ------------------------------------------------------------ */

int bench_print_list(bool as_json)
{
    static const struct column columns[] = {{"mechanism", COLUMN_TEXT, false},
                                            {"address", COLUMN_TEXT, false},
                                            {"largest", COLUMN_NUMBER, false},
                                            {"compared with", COLUMN_TEXT, false}};

    struct table *table =
        table_new("mechanisms", columns, sizeof(columns) / sizeof(columns[0]), as_json);
    for (const struct bench_mechanism *each = bench_mechanisms; each->name; each++) {
        char address[128];
        char largest[32];
        const char *hole = strstr(each->address, "%s");
        snprintf(address, sizeof(address), "%.*s%s%s",
                 hole ? (int)(hole - each->address) : (int)strlen(each->address),
                 each->address, hole ? "DIRECTORY" : "", hole ? hole + 2 : "");
        snprintf(largest, sizeof(largest), "%zu",
                 each->largest ? each->largest : (size_t)BENCH_LARGEST);

        const char *const cells[] = {each->name, address, largest, each->calls};

        table_add(table, cells);
    }
    for (const struct processes_row *each = processes_rows; each->name; each++)
        table_add(table, (const char *const[]){each->name, NULL, NULL, each->calls});
    return table_print(table, "bench");
}
