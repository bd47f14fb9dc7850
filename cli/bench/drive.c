/* SPDX-License-Identifier: MIT */
/*
 * The driver: what is measured, how often, and the sums.
 *
 * A repetition is several rounds over all ways, each for its share of the time; the
 * cores are looked at before and after, and a repetition outside the band is done
 * again, as often as is bearable.  The first finds out how many messages fill the time,
 * and is dropped.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 3,      /* over all ways, in a repetition */
    FIRST_COUNT = 4, /* messages of the first try of all */
    WARMING = 3,     /* messages before what is measured */
    SAMPLES = 1 << 18,
    TRIES_MORE = 2 /* times the repetitions, before the gate is given up */
};

/* --- one stretch --------------------------------------------------------- */

/* What one way has measured so far. */
struct record {
    uint64_t count; /* messages of a round */
    double values[BENCH_REPETITIONS];
    uint32_t *samples; /* of the kept repetitions, nanoseconds */
    size_t sample_count;
    uint64_t sent;
    uint64_t got;
    uint64_t allocations;
    /* the repetition under way */
    size_t first_sample;
    double elapsed;
    uint64_t moved;
    uint64_t tried;
    uint64_t allocated;
};

struct driver {
    const struct bench_meeting *meeting;
    struct bench_end *end;
    struct record records[BENCH_WAYS];
    double pings[BENCH_REPETITIONS];
    unsigned char mark;
};

static void give_order(struct driver *driver, const struct bench_order *order)
{
    char ready;
    bench_tell(driver->meeting, order, sizeof(*order));
    if (order->job != JOB_QUIT)
        bench_hear(driver->meeting, &ready, 1);
}

static void check(struct driver *driver, int r, enum bench_way_index way)
{
    if (r < 0)
        bench_give_up(driver->meeting, r, bench_ways[way].name);
}

static void go_round(struct driver *driver, const struct bench_order *order)
{
    const struct bench_way *way = &bench_ways[order->way];
    struct record *record = &driver->records[order->way];
    size_t share = SAMPLES / (size_t)(driver->meeting->task->plan->repetitions + 1);
    int64_t before = bench_now();
    int64_t began = before;
    for (uint64_t i = 0; i < order->stretch.count; i++) {
        int r = way->send(driver->end, order->stretch.size);
        if (r >= 0)
            r = way->take(driver->end, order->stretch.size);
        check(driver, r, order->way);
        int64_t now = bench_now();
        int64_t took = now - before;
        before = now;
        if (record->sample_count - record->first_sample < share)
            record->samples[record->sample_count++] =
                took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
    }
    record->elapsed += (double)(before - began);
    record->moved += order->stretch.count;
}

static bool has_answer(const struct bench_meeting *meeting)
{
    struct pollfd waits = {.fd = meeting->from, .events = POLLIN};
    return poll(&waits, 1, 1) != 0;
}

// A lossy stretch has no end of its own: it is marked until the responder has seen it.
static void mark_end(struct driver *driver, const struct bench_order *order)
{
    while (!has_answer(driver->meeting))
        check(driver, bench_ways[order->way].mark(driver->end, order->stretch.mark),
              order->way);
}

static void push(struct driver *driver, const struct bench_order *order,
                 struct bench_answer *answer)
{
    give_order(driver, order);
    check(driver, bench_ways[order->way].push(driver->end, &order->stretch),
          order->way);
    if (driver->meeting->task->mechanism->is_lossy)
        mark_end(driver, order);
    bench_hear(driver->meeting, answer, sizeof(*answer));
}

static void next_mark(struct driver *driver, struct bench_order *order)
{
    driver->mark = (unsigned char)(driver->mark % 128 + 16);
    order->stretch.mark = driver->mark;
}

// A channel that has been idle while others were measured has given memory back: a few
// messages go first, so that what is measured is the steady state.
static void measure_pushing(struct driver *driver, struct bench_order *order)
{
    struct record *record = &driver->records[order->way];
    struct bench_answer answer;
    uint64_t count = order->stretch.count;
    order->stretch.count = count < WARMING ? count : WARMING;
    next_mark(driver, order);
    push(driver, order, &answer);
    order->stretch.count = count;
    next_mark(driver, order);
    uint64_t allocated = bench_allocations();
    int64_t began = bench_now();
    push(driver, order, &answer);
    record->allocated += bench_allocations() - allocated + answer.allocations;
    record->moved += answer.tally.messages;
    if (answer.tally.messages > 0)
        record->elapsed += (double)(answer.tally.ended_at - began);
}

static void measure_rounds(struct driver *driver, struct bench_order *order)
{
    struct record *record = &driver->records[order->way];
    struct bench_answer answer;
    next_mark(driver, order);
    uint64_t allocated = bench_allocations();
    give_order(driver, order);
    go_round(driver, order);
    bench_hear(driver->meeting, &answer, sizeof(answer));
    record->allocated += bench_allocations() - allocated + answer.allocations;
}

static void one_stretch(struct driver *driver, enum bench_way_index way, uint64_t count)
{
    bool is_round = bench_ways[way].send != NULL;
    struct bench_order order = {.job = is_round ? JOB_ECHO : JOB_PULL,
                                .way = way,
                                .stretch = {driver->meeting->task->size, count, 0}};
    (is_round ? measure_rounds : measure_pushing)(driver, &order);
    driver->records[way].tried += count;
}

static void begin_repetition(struct record *record)
{
    record->first_sample = record->sample_count;
    record->elapsed = 0;
    record->moved = record->tried = record->allocated = 0;
}

/* --- calibration --------------------------------------------------------- */

static double round_time(const struct bench_plan *plan)
{
    return plan->seconds * 1e9 / ROUNDS;
}

static void calibrate(struct driver *driver, enum bench_way_index way)
{
    struct record *record = &driver->records[way];
    const struct bench_plan *plan = driver->meeting->task->plan;
    double wanted = round_time(plan);
    uint64_t count = FIRST_COUNT;
    for (;;) {
        begin_repetition(record);
        one_stretch(driver, way, count);
        if (record->elapsed >= wanted / 4 || count > UINT32_MAX)
            break;
        // A lossy way that lost all of it.
        double longer = record->elapsed > 0 ? wanted / record->elapsed : 2;
        count = (uint64_t)((double)count * (longer > 16  ? 16
                                            : longer < 2 ? 2
                                                         : longer));
    }
    double fitting = (double)count * wanted / record->elapsed;
    record->count = fitting < FIRST_COUNT ? FIRST_COUNT : (uint64_t)fitting;
    record->sample_count = 0;
}

static void sign_of_life(const struct driver *driver)
{
    bench_tell(&(struct bench_meeting){.to = driver->meeting->alive}, "l", 1);
}

static void calibrate_all(struct driver *driver)
{
    for (enum bench_way_index way = 0; way < BENCH_WAYS; way++) {
        if (driver->records[way].count == 0)
            continue;
        calibrate(driver, way);
        sign_of_life(driver);
    }
}

/* --- repetitions --------------------------------------------------------- */

static double look_at_cores(struct driver *driver)
{
    const struct bench_plan *plan = driver->meeting->task->plan;
    struct bench_shared *shared = driver->meeting->shared;
    if (plan->core_count < 2)
        return 0;
    shared->line.there = shared->line.back = 0;
    bench_pin(plan->cores[0]);
    give_order(driver, &(struct bench_order){.job = JOB_PONG});
    double reading = bench_ping(&shared->line);
    bench_pin(bench_core_of(driver->meeting->task, true));
    bench_gate_note(&shared->gate, reading);
    return reading;
}

static void run_repetition(struct driver *driver, int turn)
{
    for (enum bench_way_index way = 0; way < BENCH_WAYS; way++)
        begin_repetition(&driver->records[way]);
    // Whoever is first in the round changes, so that nobody always follows the same.
    for (int i = 0; i < ROUNDS * BENCH_WAYS; i++) {
        enum bench_way_index way = (enum bench_way_index)((i + turn) % BENCH_WAYS);
        if (driver->records[way].count > 0)
            one_stretch(driver, way, driver->records[way].count);
    }
}

// The repetition that is dropped, and what it says about how many fill the time.
static void warm_up(struct driver *driver)
{
    double wanted = round_time(driver->meeting->task->plan) * ROUNDS;
    run_repetition(driver, 0);
    for (enum bench_way_index way = 0; way < BENCH_WAYS; way++) {
        struct record *record = &driver->records[way];
        record->sample_count = 0;
        if (record->count == 0 || record->elapsed <= 0)
            continue;
        double factor = wanted / record->elapsed;
        factor = factor > 4 ? 4 : factor < 0.25 ? 0.25 : factor;
        uint64_t count = (uint64_t)((double)record->count * factor);
        record->count = count < FIRST_COUNT ? FIRST_COUNT : count;
    }
    sign_of_life(driver);
}

static int compare_samples(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static double percentile(const uint32_t *sorted, size_t count, double part)
{
    return count > 0 ? (double)sorted[(size_t)((double)(count - 1) * part)] : 0;
}

static double value_of(struct record *record)
{
    size_t count = record->sample_count - record->first_sample;
    if (count == 0)
        return record->elapsed > 0 ? (double)record->moved * 1e9 / record->elapsed : 0;
    uint32_t *mine = record->samples + record->first_sample;
    qsort(mine, count, sizeof(*mine), compare_samples);
    return percentile(mine, count, 0.5);
}

static void keep_repetition(struct driver *driver, double ping)
{
    struct bench_outcome *outcome = &driver->meeting->shared->outcome;
    for (enum bench_way_index way = 0; way < BENCH_WAYS; way++) {
        struct record *record = &driver->records[way];
        if (record->count == 0)
            continue;
        record->values[outcome->kept] = value_of(record);
        record->sent += record->tried;
        record->got += record->moved;
        record->allocations += record->allocated;
    }
    driver->pings[outcome->kept] = ping;
    outcome->kept++;
}

static void drop_repetition(struct driver *driver)
{
    for (enum bench_way_index way = 0; way < BENCH_WAYS; way++)
        driver->records[way].sample_count = driver->records[way].first_sample;
}

static void repeat(struct driver *driver)
{
    const struct bench_plan *plan = driver->meeting->task->plan;
    const struct bench_gate *gate = &driver->meeting->shared->gate;
    struct bench_outcome *outcome = &driver->meeting->shared->outcome;
    int most = plan->repetitions * (1 + TRIES_MORE);
    bool gated = plan->core_count > 1;
    double before = look_at_cores(driver);
    while (outcome->kept < plan->repetitions) {
        run_repetition(driver, outcome->tried);
        double after = look_at_cores(driver);
        bool settled =
            !gated || (bench_gate_lets(gate, before) && bench_gate_lets(gate, after));
        outcome->tried++;
        bool last_chance = most - outcome->tried < plan->repetitions - outcome->kept;
        if (settled || last_chance)
            keep_repetition(driver, (before + after) / 2);
        else
            drop_repetition(driver);
        outcome->unsettled += !settled && last_chance;
        before = after;
        sign_of_life(driver);
    }
}

/* --- sums ---------------------------------------------------------------- */

static void sum_up(struct record *record, int kept, struct bench_figure *figure)
{
    double values[BENCH_REPETITIONS];
    memcpy(values, record->values, sizeof(values));
    qsort(record->samples, record->sample_count, sizeof(*record->samples),
          compare_samples);
    double sent = (double)record->sent;
    bool counted = bench_counts_allocations();
    *figure = (struct bench_figure){
        .is_there = true,
        .median = bench_median(values, (size_t)kept),
        .p99 = percentile(record->samples, record->sample_count, 0.99),
        .p999 = percentile(record->samples, record->sample_count, 0.999),
        .lost = 1 - (double)record->got / sent,
        .allocations = counted ? (double)record->allocations / sent : -1,
    };
}

static void divide(const struct record *records, const struct bench_ratio *ratio,
                   int kept, struct bench_quotient *out)
{
    const struct record *way = &records[ratio->way];
    const struct record *against = &records[ratio->against];
    double values[BENCH_REPETITIONS];
    if (way->count == 0 || against->count == 0)
        return;
    for (int i = 0; i < kept; i++)
        values[i] = against->values[i] > 0 ? way->values[i] / against->values[i] : 0;
    *out = (struct bench_quotient){.is_there = true,
                                   .median = bench_median(values, (size_t)kept)};
    out->least = values[0];
    out->most = values[kept - 1];
}

static void conclude(struct driver *driver)
{
    struct bench_outcome *outcome = &driver->meeting->shared->outcome;
    for (int way = 0; way < BENCH_WAYS; way++) {
        if (driver->records[way].count > 0)
            sum_up(&driver->records[way], outcome->kept, &outcome->figures[way]);
    }
    for (int i = 0; i < BENCH_RATIOS; i++)
        divide(driver->records, &bench_ratios[i], outcome->kept,
               &outcome->quotients[i]);
    outcome->ping = bench_median(driver->pings, (size_t)outcome->kept);
}

static void measure_rest(struct driver *driver)
{
    struct bench_answer answer;
    give_order(driver, &(struct bench_order){.job = JOB_REST});
    bench_hear(driver->meeting, &answer, sizeof(answer));
    driver->meeting->shared->outcome.rest = answer.rest;
}

static void choose_ways(struct driver *driver)
{
    const struct bench_task *task = driver->meeting->task;
    for (int way = 0; way < BENCH_WAYS; way++) {
        struct record *record = &driver->records[way];
        if (!task->plan->ways[way] ||
            !bench_way_fits(&bench_ways[way], task->mechanism, task->size))
            continue;
        record->samples = malloc(SAMPLES * sizeof(*record->samples));
        if (!record->samples)
            bench_give_up(driver->meeting, -ENOMEM, "samples");
        // Touched now: a page that is new costs microseconds.
        memset(record->samples, 0, SAMPLES * sizeof(*record->samples));
        record->count = FIRST_COUNT;
    }
}

void bench_drive(const struct bench_meeting *meeting, struct bench_end *end)
{
    struct driver *driver = calloc(1, sizeof(*driver));
    if (!driver)
        bench_give_up(meeting, -ENOMEM, "the driver");
    driver->meeting = meeting;
    driver->end = end;
    bench_pin(bench_core_of(meeting->task, true));
    choose_ways(driver);
    calibrate_all(driver);
    warm_up(driver);
    repeat(driver);
    conclude(driver);
    if (meeting->task->rests)
        measure_rest(driver);
    give_order(driver, &(struct bench_order){.job = JOB_QUIT});
    for (int way = 0; way < BENCH_WAYS; way++)
        free(driver->records[way].samples);
    free(driver);
}
