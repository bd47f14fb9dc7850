/* SPDX-License-Identifier: MIT */
/*
 * The bars beside others: what was measured, divided by whom they name.
 *
 * A ratio is made within each repetition, and the median of those is judged; only one
 * between two tasks is made of their medians.
 */
#include <stdio.h>
#include <string.h>

#include "bench/contest.h"

static const struct contest_result *find_result(const struct contest_result *results,
                                                size_t count,
                                                enum contest_task_index task,
                                                enum contest_place place)
{
    for (size_t i = 0; i < count; i++) {
        if (results[i].task == task && results[i].place == place)
            return &results[i];
    }
    return NULL;
}

static const struct contest_seat *find_ours(const struct contest_result *result,
                                            const char *address,
                                            enum contest_variant variant)
{
    for (size_t i = 0; result && i < result->count; i++) {
        const struct contest_seat *seat = &result->seats[i];
        if (seat->address == address && seat->variant == variant)
            return seat;
    }
    return NULL;
}

static const struct contest_seat *find_rival(const struct contest_result *result,
                                             const char *name, size_t size)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct contest_seat *seat = &result->seats[i];
        if (!seat->address && strlen(seat->name) == size &&
            strncmp(seat->name, name, size) == 0)
            return seat;
    }
    return NULL;
}

/* --- whom it is divided by ----------------------------------------------- */

static const struct contest_seat *find_named(const struct contest_result *result,
                                             const char *address, const char *name,
                                             size_t size)
{
    if (strncmp(name, "sleeps", size) == 0)
        return find_ours(result, address, CONTEST_SLEEPS);
    if (strncmp(name, "awake", size) == 0)
        return find_ours(result, address, CONTEST_AWAKE);
    return find_rival(result, name, size);
}

static bool is_better(const struct contest_seat *seat, const struct contest_seat *than,
                      bool is_one_way)
{
    return !than ||
           (is_one_way ? seat->median > than->median : seat->median < than->median);
}

// The best of those that the bar names, all of whom must have been measured.
static const struct contest_seat *find_best(const struct contest_bar *bar,
                                            const struct contest_result *result,
                                            const char *address, const char **why)
{
    const struct contest_seat *best = NULL;
    for (const char *name = bar->against; *name;) {
        const size_t size = strcspn(name, " ");
        const struct contest_seat *seat = find_named(result, address, name, size);
        if (!seat || seat->why[0]) {
            *why = seat ? seat->why : "there is no such variant of it";
            return NULL;
        }
        if (is_better(seat, best, contest_tasks[bar->task].is_one_way))
            best = seat;
        name += size + (name[size] == ' ');
    }
    return best;
}

static bool is_in_pp(const struct contest_bar *bar)
{
    return bar->unit == UNIT_PP || bar->unit == UNIT_PER_PP;
}

/* --- ratios -------------------------------------------------------------- */

static void judge_values(struct contest_judgement *out, double *values, int count)
{
    out->ratio = bench_median(values, (size_t)count);
    out->least = values[0];
    out->most = values[count - 1];
}

static void divide_by_pings(const struct contest_result *result,
                            const struct contest_seat *ours,
                            struct contest_judgement *out)
{
    double values[BENCH_REPETITIONS];
    if (result->kept == 0 || result->pings[0] <= 0) {
        out->why = "there are no two cores between which a line goes to and fro";
        return;
    }
    for (int i = 0; i < result->kept; i++)
        values[i] = out->bar->unit == UNIT_PP
                        ? ours->values[i] / result->pings[i]
                        : ours->values[i] * result->pings[i] / 1e9;
    judge_values(out, values, result->kept);
}

static void divide_by_seat(const struct contest_result *result,
                           const struct contest_seat *ours, const char *address,
                           struct contest_judgement *out)
{
    double values[BENCH_REPETITIONS];
    const struct contest_seat *best = find_best(out->bar, result, address, &out->why);
    out->against = best ? best->name : out->bar->against;
    for (int i = 0; best && i < result->kept; i++)
        values[i] = best->values[i] > 0 ? ours->values[i] / best->values[i] : 0;
    if (best)
        judge_values(out, values, result->kept);
}

// By itself, of another task.
static void divide_by_other(const struct contest_result *results, size_t count,
                            const struct contest_seat *ours,
                            struct contest_judgement *out)
{
    const struct contest_bar *bar = out->bar;
    const struct contest_seat *other =
        find_ours(find_result(results, count, bar->other, bar->place), ours->address,
                  bar->variant);
    const double bytes = bar->unit == UNIT_BYTES
                             ? (double)contest_tasks[bar->task].size /
                                   (double)contest_tasks[bar->other].size
                             : 1;
    if (!other || other->why[0] || other->median <= 0) {
        out->why = "what it is compared with was not measured";
        return;
    }
    double ratio = ours->median * bytes / other->median;
    judge_values(out, &ratio, 1);
}

static void take_wakes(const struct contest_seat *ours, struct contest_judgement *out)
{
    double wakes = ours->wakes;
    if (ours->has_rest)
        judge_values(out, &wakes, 1);
    else
        out->why = "it was not watched at rest";
}

static void divide(const struct contest_result *results, size_t count,
                   const struct contest_result *result, const struct contest_seat *ours,
                   struct contest_judgement *out)
{
    if (is_in_pp(out->bar))
        divide_by_pings(result, ours, out);
    else if (out->bar->unit == UNIT_WAKES)
        take_wakes(ours, out);
    else if (out->bar->against)
        divide_by_seat(result, ours, ours->address, out);
    else
        divide_by_other(results, count, ours, out);
}

/* --- verdicts ------------------------------------------------------------ */

static bool reaches(const struct contest_bar *bar, double ratio, double limit)
{
    return limit > 0 && (bar->is_floor ? ratio >= limit : ratio <= limit);
}

static enum contest_verdict verdict_of(const struct contest_judgement *judgement)
{
    const struct contest_bar *bar = judgement->bar;
    if (judgement->why)
        return VERDICT_NONE;
    if (reaches(bar, judgement->ratio, bar->goal))
        return VERDICT_GOAL;
    if (bar->bar <= 0)
        return VERDICT_SHORT;
    return reaches(bar, judgement->ratio, bar->bar) ? VERDICT_MET : VERDICT_MISSED;
}

static bool is_about(const struct contest_bar *bar, const char *address)
{
    const size_t size = strcspn(address, ":");
    return strlen(bar->scheme) == size && strncmp(bar->scheme, address, size) == 0;
}

bool contest_judge(const struct contest_bar *bar, const struct contest_result *results,
                   size_t count, const char *address, struct contest_judgement *out)
{
    const struct contest_result *result =
        find_result(results, count, bar->task, bar->place);
    const struct contest_seat *plain = find_ours(result, address, CONTEST_PLAIN);
    if (!is_about(bar, address) || !plain)
        return false;
    const struct contest_seat *ours = find_ours(result, address, bar->variant);
    *out = (struct contest_judgement){.bar = bar,
                                      .ours = ours ? ours->name : plain->name,
                                      .against = is_in_pp(bar) ? contest_line->name
                                                               : bar->against};
    if (plain->why[0] || !ours || ours->why[0])
        out->why = plain->why[0] ? plain->why
                   : ours        ? ours->why
                                 : "there is no such variant of it";
    else
        divide(results, count, result, ours, out);
    out->verdict = verdict_of(out);
    return true;
}
