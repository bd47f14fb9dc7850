/* SPDX-License-Identifier: MIT */
/*
 * The tour for programs: one JSON object a stop, times in nanoseconds, sizes in bytes.
 * A job is one without a scheme, with a command.
 */
#include <inttypes.h>

#include "table.h"
#include "tour/tour.h"

enum { CELL_MOST = TOUR_PEERS * (TOUR_TEXT + 64) };

static const struct column columns[] = {
    {"scheme", COLUMN_TEXT, false},         {"name", COLUMN_TEXT, false},
    {"address", COLUMN_TEXT, false},        {"result", COLUMN_TEXT, false},
    {"fault", COLUMN_TEXT, false},          {"limit", COLUMN_NUMBER, false},
    {"messages", COLUMN_NUMBER, false},     {"bytes", COLUMN_NUMBER, false},
    {"kinds", COLUMN_NUMBER, false},        {"files", COLUMN_NUMBER, false},
    {"senders", COLUMN_NUMBER, false},      {"turns", COLUMN_NUMBER, false},
    {"permit after", COLUMN_NUMBER, false}, {"told after", COLUMN_NUMBER, false},
    {"rounds", COLUMN_NUMBER, false},       {"median 1", COLUMN_NUMBER, false},
    {"median 64", COLUMN_NUMBER, false},    {"p99 64", COLUMN_NUMBER, false},
    {"median 65536", COLUMN_NUMBER, false}, {"median limit", COLUMN_NUMBER, false},
    {"other ends", COLUMN_TEXT, false},     {"other ends failed", COLUMN_NUMBER, false},
    {"command", COLUMN_TEXT, false},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), NUMBERS = 16 };

/* Those of a job. */
enum { NAME = 1, RESULT = 3, FAULT, MESSAGES = 6, BYTES, COMMAND = COLUMNS - 1 };

static const char *number(int64_t value, char out[TOUR_NUMBER])
{
    (void)snprintf(out, TOUR_NUMBER, "%" PRId64, value);
    return out;
}

static const char *median(const struct tour_stop *stop, uint64_t size,
                          char out[TOUR_NUMBER])
{
    const struct tour_time *time = tour_stop_time(stop, size);
    return time ? number(time->median, out) : NULL;
}

// "python3: ok; nc: missing, is not on this machine …"
static const char *visits(const struct tour_stop *stop, char out[CELL_MOST])
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < stop->visit_count && used < CELL_MOST; i++) {
        const struct tour_visit *visit = &stop->visits[i];
        used += (size_t)snprintf(out + used, CELL_MOST - used, "%s%s: %s, %s",
                                 i ? "; " : "", visit->program,
                                 tour_result_names[visit->result], visit->text);
    }
    return out;
}

static int64_t failed_visits(const struct tour_stop *stop)
{
    int64_t failed = 0;
    for (size_t i = 0; i < stop->visit_count; i++)
        failed += stop->visits[i].result == TOUR_WRONG;
    return failed;
}

static void add_stop(struct table *table, const struct tour_stop *stop)
{
    char room[NUMBERS][TOUR_NUMBER];
    char other[CELL_MOST];
    const struct tour_proof *proof = &stop->proof;
    const struct tour_time *small = tour_stop_time(stop, 64);
    const bool came = proof->turns > 0 && stop->came_after > 0;
    const char *const cells[COLUMNS] = {
        stop->way->scheme,
        stop->way->name,
        stop->address,
        tour_result_names[stop->result],
        proof->fault.text,
        stop->limit ? number((int64_t)stop->limit, room[0]) : NULL,
        number((int64_t)proof->messages, room[1]),
        number((int64_t)proof->bytes, room[2]),
        number((int64_t)proof->kinds, room[3]),
        number((int64_t)proof->files, room[4]),
        number((int64_t)proof->senders, room[5]),
        proof->turns ? number((int64_t)proof->turns, room[13]) : NULL,
        came ? number(stop->came_after, room[14]) : NULL,
        stop->told_after ? number(stop->told_after, room[15]) : NULL,
        small ? number((int64_t)small->rounds, room[6]) : NULL,
        median(stop, 1, room[7]),
        median(stop, 64, room[8]),
        small ? number(small->p99, room[9]) : NULL,
        median(stop, 65536, room[10]),
        median(stop, UINT64_MAX, room[11]),
        visits(stop, other),
        number(failed_visits(stop), room[12]),
    };
    table_add(table, cells);
}

// A message is a line.
static void add_outcome(struct table *table, const struct tour_outcome *outcome)
{
    char lines[TOUR_NUMBER];
    char bytes[TOUR_NUMBER];
    const bool is_right = outcome->result == TOUR_RIGHT;
    const char *const cells[COLUMNS] = {
        [NAME] = outcome->job->name,
        [RESULT] = tour_result_names[outcome->result],
        [FAULT] = is_right ? "" : tour_outcome_text(outcome),
        [MESSAGES] = number((int64_t)outcome->lines, lines),
        [BYTES] = number((int64_t)outcome->bytes, bytes),
        [COMMAND] = outcome->job->command,
    };
    table_add(table, cells);
}

bool tour_json_print(const struct tour_found *found)
{
    struct table *table = table_new("tour", columns, COLUMNS, true);
    for (size_t i = 0; i < found->stop_count; i++)
        add_stop(table, &found->stops[i]);
    for (size_t i = 0; i < found->outcome_count; i++)
        add_outcome(table, &found->outcomes[i]);
    return table_print(table, "tour") == 0;
}
