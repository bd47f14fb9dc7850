/* SPDX-License-Identifier: MIT */
/*
 * What was measured beside others, as tables: the figures, a table for each task for
 * people and one of all as JSON; who was left out, and why; the bars.
 */
#include <stdio.h>
#include <string.h>

#include "bench/contest.h"
#include "cells.h"
#include "command.h"
#include "say.h"
#include "table.h"

enum { SIZE_TEXT = 32 };

/* --- figures, for people ------------------------------------------------- */

static const struct column round_columns[] = {
    {"who", COLUMN_TEXT, false},
    {"us p50", COLUMN_NUMBER, false},
    {"p99.9", COLUMN_NUMBER, false},
    {"in PP", COLUMN_NUMBER, false},
    {"cpu us/s idle", COLUMN_NUMBER, false},
    {"wakes/s idle", COLUMN_NUMBER, false},
};

static const struct column one_way_columns[] = {
    {"who", COLUMN_TEXT, false},
    {"M messages/s", COLUMN_NUMBER, false},
    {"GB/s", COLUMN_NUMBER, false},
    {"a PP", COLUMN_NUMBER, false},
};

static double ping_of(const struct contest_result *result)
{
    double values[BENCH_REPETITIONS];
    memcpy(values, result->pings, sizeof(values));
    return bench_median(values, (size_t)result->kept);
}

static void put_number(bool is_there, int decimals, double number)
{
    if (is_there)
        cells_add("%.*f", decimals, number);
    else
        cells_add_none();
}

static void put_time(double nanoseconds)
{
    put_number(nanoseconds > 0, nanoseconds < 1e5 ? 3 : 0, nanoseconds / 1e3);
}

static void add_round(struct table *table, const struct contest_result *result,
                      const struct contest_seat *seat)
{
    const double ping = ping_of(result);
    cells_begin(table);
    cells_add("%s", seat->name);
    put_time(seat->median);
    put_time(seat->p999);
    put_number(ping > 0, 1, seat->median / (ping > 0 ? ping : 1));
    put_number(seat->has_rest, 0, seat->cpu / 1e3);
    put_number(seat->has_rest, 1, seat->wakes);
    cells_end();
}

static void add_one_way(struct table *table, const struct contest_result *result,
                        const struct contest_seat *seat)
{
    const double ping = ping_of(result);
    const double bytes = seat->median * (double)contest_tasks[result->task].size;
    cells_begin(table);
    cells_add("%s", seat->name);
    put_number(true, seat->median < 1e4 ? 6 : 3, seat->median / 1e6);
    put_number(true, 2, bytes / 1e9);
    put_number(ping > 0, 3, seat->median * ping / 1e9);
    cells_end();
}

static void describe(const struct contest_result *result, char *text, size_t capacity)
{
    static const char *const places[] = {"two cores", "one core", "not pinned"};

    const struct contest_task *task = &contest_tasks[result->task];
    char size[SIZE_TEXT];
    char kept[SIZE_TEXT] = "";
    bench_size_text(task->size, size, sizeof(size));
    if (result->unsettled > 0)
        snprintf(kept, sizeof(kept), " (%d!)", result->unsettled);
    snprintf(text, capacity, "%s, %s, %s; PP %.0f ns, kept %d/%d%s", task->heading,
             size, places[result->place], ping_of(result), result->kept, result->tried,
             kept);
}

static int print_figures(const struct contest_result *result)
{
    const bool is_one_way = contest_tasks[result->task].is_one_way;
    const struct column *columns = is_one_way ? one_way_columns : round_columns;
    const size_t count = is_one_way
                             ? sizeof(one_way_columns) / sizeof(one_way_columns[0])
                             : sizeof(round_columns) / sizeof(round_columns[0]);
    char heading[160];
    struct table *table = table_new("bench", columns, count, false);
    describe(result, heading, sizeof(heading));
    say_heading(heading);
    for (size_t i = 0; i < result->count; i++) {
        if (!result->seats[i].why[0])
            (is_one_way ? add_one_way : add_round)(table, result, &result->seats[i]);
    }
    const int status = table_print(table, "bench");
    printf("\n");
    return status;
}

/* --- how each is set up, and who was left out ---------------------------- */

static bool is_same(const struct contest_seat *left, const struct contest_seat *right)
{
    return strcmp(left->name, right->name) == 0 && strcmp(left->why, right->why) == 0;
}

static bool is_first(const struct contest_result *results, size_t result, size_t seat)
{
    const struct contest_seat *it = &results[result].seats[seat];
    for (size_t i = 0; i <= result; i++) {
        for (size_t at = 0; at < (i < result ? results[i].count : seat); at++) {
            if (is_same(&results[i].seats[at], it))
                return false;
        }
    }
    return true;
}

static const struct column setting_columns[] = {
    {"who", COLUMN_TEXT, false},
    {"settings", COLUMN_TEXT, true},
};

static const struct column absent_columns[] = {
    {"left out", COLUMN_TEXT, false},
    {"first at", COLUMN_TEXT, false},
    {"why", COLUMN_TEXT, true},
};

static void add_absent(struct table *table, const struct contest_result *result,
                       const struct contest_seat *seat)
{
    const struct contest_task *task = &contest_tasks[result->task];
    char size[SIZE_TEXT];
    bench_size_text(task->size, size, sizeof(size));
    cells_begin(table);
    cells_add("%s", seat->name);
    cells_add("%s, %s, %s", task->workload, size, contest_places[result->place]);
    cells_add("%s", seat->why);
    cells_end();
}

static int print_seats(const struct contest_result *results, size_t count, bool absent)
{
    size_t rows = 0;
    struct table *table = absent ? table_new("absent", absent_columns, 3, false)
                                 : table_new("settings", setting_columns, 2, false);
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < results[i].count; at++) {
            const struct contest_seat *seat = &results[i].seats[at];
            if ((seat->why[0] != '\0') != absent || !is_first(results, i, at))
                continue;
            rows++;
            if (absent)
                add_absent(table, &results[i], seat);
            else
                table_add(table, (const char *const[]){seat->name, seat->settings});
        }
    }
    const int status = table_print(table, "bench");
    if (rows > 0)
        printf("\n");
    return status;
}

/* --- figures, as JSON ---------------------------------------------------- */

static const struct column json_columns[] = {
    {"who", COLUMN_TEXT, false},          {"workload", COLUMN_TEXT, false},
    {"size", COLUMN_NUMBER, false},       {"think", COLUMN_NUMBER, false},
    {"place", COLUMN_TEXT, false},        {"unit", COLUMN_TEXT, false},
    {"median", COLUMN_NUMBER, false},     {"p99", COLUMN_NUMBER, false},
    {"p999", COLUMN_NUMBER, false},       {"idle cpu ns", COLUMN_NUMBER, false},
    {"idle wakes", COLUMN_NUMBER, false}, {"ping ns", COLUMN_NUMBER, false},
    {"kept", COLUMN_NUMBER, false},       {"tried", COLUMN_NUMBER, false},
    {"unsettled", COLUMN_NUMBER, false},  {"settings", COLUMN_TEXT, false},
    {"left out", COLUMN_TEXT, false},
};

static void add_json(struct table *table, const struct contest_result *result,
                     const struct contest_seat *seat)
{
    const struct contest_task *task = &contest_tasks[result->task];
    const bool is_there = !seat->why[0];
    const double ping = ping_of(result);
    cells_begin(table);
    cells_add("%s", seat->name);
    cells_add("%s", task->workload);
    cells_add("%zu", task->size);
    cells_add("%lld", (long long)task->think);
    cells_add("%s", contest_places[result->place]);
    cells_add("%s", task->is_one_way ? "messages/s" : "ns");
    cells_add_number(is_there, seat->median);
    cells_add_number(is_there && !task->is_one_way, seat->p99);
    cells_add_number(is_there && !task->is_one_way, seat->p999);
    cells_add_number(seat->has_rest, seat->cpu);
    cells_add_number(seat->has_rest, seat->wakes);
    cells_add_number(ping > 0, ping);
    cells_add("%d", result->kept);
    cells_add("%d", result->tried);
    cells_add("%d", result->unsettled);
    cells_add_text(seat->settings);
    cells_add_text(seat->why);
    cells_end();
}

static struct table *make_json(const struct contest_result *results, size_t count)
{
    struct table *table = table_new(
        "figures", json_columns, sizeof(json_columns) / sizeof(json_columns[0]), true);
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < results[i].count; at++)
            add_json(table, &results[i], &results[i].seats[at]);
    }
    return table;
}

/* --- bars ---------------------------------------------------------------- */

static const struct column bar_columns[] = {
    {"verdict", COLUMN_TEXT, false}, {"workload", COLUMN_TEXT, false},
    {"size", COLUMN_TEXT, false},    {"place", COLUMN_TEXT, false},
    {"ours", COLUMN_TEXT, false},    {"against", COLUMN_TEXT, false},
    {"unit", COLUMN_TEXT, false},    {"ratio", COLUMN_NUMBER, false},
    {"least", COLUMN_NUMBER, false}, {"most", COLUMN_NUMBER, false},
    {"bar", COLUMN_TEXT, false},     {"goal", COLUMN_TEXT, false},
    {"why", COLUMN_TEXT, false},
};

enum { BAR_COLUMNS = sizeof(bar_columns) / sizeof(bar_columns[0]) };

static const char *const verdicts[CONTEST_VERDICTS] = {
    [VERDICT_NONE] = "not measured",   [VERDICT_MISSED] = "MISSED",
    [VERDICT_SHORT] = "short of goal", [VERDICT_MET] = "met",
    [VERDICT_GOAL] = "goal",
};

static const char *const units[] = {
    [UNIT_TIME] = "time", [UNIT_RATE] = "rate",   [UNIT_BYTES] = "bytes/s",
    [UNIT_PP] = "PP",     [UNIT_PER_PP] = "a PP", [UNIT_WAKES] = "wakes/s",
};

static void put_limit(const struct contest_bar *bar, double limit)
{
    if (limit > 0)
        cells_add("%s %.3g", bar->is_floor ? ">=" : "<=", limit);
    else
        cells_add_none();
}

static void put_task(const struct contest_bar *bar)
{
    const struct contest_task *task = &contest_tasks[bar->task];
    char size[SIZE_TEXT];
    bench_size_text(task->size, size, sizeof(size));
    if (task->think > 0)
        cells_add("%s, %lld us of thought", task->workload,
                  (long long)task->think / 1000);
    else
        cells_add("%s", task->workload);
    cells_add("%s", size);
    cells_add("%s", contest_places[bar->place]);
}

static void put_against(const struct contest_judgement *judgement)
{
    const struct contest_bar *bar = judgement->bar;
    const struct contest_task *other = &contest_tasks[bar->other];
    char size[SIZE_TEXT];
    bench_size_text(other->size, size, sizeof(size));
    if (bar->other != bar->task)
        cells_add("itself, %s %s", other->workload, size);
    else
        cells_add_text(judgement->against);
}

static void add_bar(struct table *table, const struct contest_judgement *judgement)
{
    const struct contest_bar *bar = judgement->bar;
    const bool is_there = judgement->verdict != VERDICT_NONE;
    cells_begin(table);
    cells_add("%s", verdicts[judgement->verdict]);
    put_task(bar);
    cells_add("%s", judgement->ours);
    put_against(judgement);
    cells_add("%s", units[bar->unit]);
    cells_add_number(is_there, judgement->ratio);
    cells_add_number(is_there, judgement->least);
    cells_add_number(is_there, judgement->most);
    put_limit(bar, bar->bar);
    put_limit(bar, bar->goal);
    cells_add_text(judgement->why);
    cells_end();
}

static struct table *make_bars(const struct contest_result *results, size_t count,
                               const struct contest_wish *wish,
                               int verdict_counts[CONTEST_VERDICTS])
{
    // People find the last column, why there is no verdict, among who was left out.
    struct table *table =
        table_new("bars", bar_columns, BAR_COLUMNS - (wish->json ? 0 : 1), wish->json);
    for (size_t i = 0; wish->addresses[i]; i++) {
        for (const struct contest_bar *bar = contest_bars; bar->scheme; bar++) {
            struct contest_judgement judgement;
            if (!contest_judge(bar, results, count, wish->addresses[i], &judgement))
                continue;
            add_bar(table, &judgement);
            verdict_counts[judgement.verdict]++;
        }
    }
    return table;
}

static int print_bars(struct table *table, const int verdict_counts[CONTEST_VERDICTS])
{
    int judged = 0;
    for (int verdict = 0; verdict < CONTEST_VERDICTS; verdict++)
        judged += verdict_counts[verdict];
    if (judged == 0)
        return table_print(table, "bench");
    say_heading("Bars");
    const int status = table_print(table, "bench");
    printf(
        "\n%d met, %d of them with the goal, %d missed, %d goals not reached, %d not "
        "measured\n",
        verdict_counts[VERDICT_MET] + verdict_counts[VERDICT_GOAL],
        verdict_counts[VERDICT_GOAL], verdict_counts[VERDICT_MISSED],
        verdict_counts[VERDICT_SHORT], verdict_counts[VERDICT_NONE]);
    return status;
}

/* --- all of it ----------------------------------------------------------- */

int contest_print(const struct contest_result *results, size_t count,
                  const struct contest_wish *wish)
{
    int verdict_counts[CONTEST_VERDICTS] = {0};
    int status = DONE;
    struct table *bars = make_bars(results, count, wish, verdict_counts);
    if (wish->json) {
        struct table *const tables[] = {make_json(results, count), bars};
        status = table_print_together(tables, 2, "bench");
    } else {
        for (size_t i = 0; i < count && !wish->bars; i++)
            status |= print_figures(&results[i]);
        if (!wish->bars)
            status |= print_seats(results, count, false);
        status |= print_seats(results, count, true);
        status |= print_bars(bars, verdict_counts);
    }
    return wish->bars && verdict_counts[VERDICT_MISSED] > 0 ? FAILED : status;
}

int contest_list(bool as_json)
{
    static const struct column columns[] = {{"who", COLUMN_TEXT, false},
                                            {"program", COLUMN_TEXT, false},
                                            {"built where", COLUMN_TEXT, false}};

    struct table *table = table_new("peers", columns, 3, as_json);
    for (const char *const *address = contest_addresses; *address; address++)
        table_add(table, (const char *const[]){*address, "bench-wherry", NULL});
    for (const struct contest_rival *rival = contest_rivals; rival->name; rival++) {
        char program[64];
        snprintf(program, sizeof(program), "bench-%s", rival->program);
        table_add(table, (const char *const[]){rival->name, program, rival->packages});
    }
    return table_print(table, "bench");
}
