/* SPDX-License-Identifier: MIT */
/*
 * What is measured beside others, how often, and the sums.
 *
 * All who take part in a task are there at the same time and take turns in every
 * repetition, whoever is first changing, so that a ratio is made of figures a few
 * milliseconds apart; who waits for its turn takes no processor.  Before and after each
 * repetition a cache line goes to and fro between the two cores, and what is measured
 * outside the band around the median of that is done again, as often as is bearable.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/contest.h"
#include "command.h"
#include "interrupt.h"
#include "say.h"

enum {
    RESULTS_MOST = CONTEST_TASKS * CONTEST_PLACES,
    FIRST_COUNT = 4,
    LINE_COUNT = 2000, /* times to and fro for a look at the cores */
    LINE_BATCH = 100,
    BATCH_MOST = 64,
    STAMPED_PART = 4, /* of the messages, this part is timed one by one, too */
    TRIES_MORE = 2,   /* times the repetitions, before the gate is given up */
    SAMPLES_MOST = 1 << 17
};

static const double batch_time =
    4000; /* nanoseconds that a look at the clock is worth */

/* One that takes part, while it does. */
struct player {
    struct contest_seat *seat;
    struct contest_entrant entrant;
    bool plays;
    uint64_t count; /* messages that fill the time */
    uint64_t batch;
    float *samples; /* of the kept repetitions, one by one */
    size_t sample_count;
    size_t first_sample; /* of the repetition under way */
    double value;        /* of it */
};

struct measuring {
    const struct contest_wish *wish;
    const struct contest_task *task;
    struct contest_result *result;
    struct bench_gate *gate;
    struct player players[CONTEST_SEATS];
    struct player line; /* the gate's */
    char folder[BENCH_PATH];
    char cores[32];
};

/* --- one order ----------------------------------------------------------- */

static int fail(struct player *player, int error)
{
    struct contest_seat *seat = player->seat;
    snprintf(seat->why, sizeof(seat->why), "%s", player->entrant.why);
    seat->is_failure = error != -ENOENT && error != -ENOTSUP && error != -EINTR;
    player->plays = false;
    entrant_end(&player->entrant);
    return error == -EINTR ? -EINTR : 0;
}

static int order_round(struct player *player, const struct contest_task *task,
                       uint64_t count, uint64_t batch, long long *took)
{
    long long numbers[2] = {0};
    int r = entrant_ask(&player->entrant, numbers, "round %llu %llu %lld",
                        (unsigned long long)count, (unsigned long long)batch,
                        (long long)task->think);
    *took = numbers[0];
    return r;
}

static int order_push(struct player *player, uint64_t count, long long *took)
{
    long long numbers[2] = {0};
    int r =
        entrant_ask(&player->entrant, numbers, "push %llu", (unsigned long long)count);
    *took = numbers[0];
    return r;
}

static int compare(const void *left, const void *right)
{
    const float a = *(const float *)left;
    const float b = *(const float *)right;
    return (a > b) - (a < b);
}

static double percentile(const float *sorted, size_t count, double part)
{
    return count > 0 ? (double)sorted[(size_t)((double)(count - 1) * part)] : 0;
}

static size_t samples_of(uint64_t count, uint64_t batch)
{
    const uint64_t all = (count + batch - 1) / batch;
    return all < CONTEST_SAMPLES ? (size_t)all : CONTEST_SAMPLES;
}

static double median_of(const struct contest_entrant *entrant, size_t count)
{
    float *copy = malloc(count * sizeof(*copy));
    if (!copy)
        return 0;
    memcpy(copy, entrant_samples(entrant), count * sizeof(*copy));
    qsort(copy, count, sizeof(*copy), compare);
    const double median = percentile(copy, count, 0.5);
    free(copy);
    return median;
}

static void keep_samples(struct player *player, size_t count, size_t share)
{
    const float *samples = entrant_samples(&player->entrant);
    for (size_t i = 0; i < count && i < share; i++) {
        if (player->sample_count < SAMPLES_MOST)
            player->samples[player->sample_count++] = samples[i];
    }
}

/* --- a turn -------------------------------------------------------------- */

// The median is of batches, where one message is hardly longer than a look at the
// clock; the percentiles are of messages, one by one.
static int play_round(struct measuring *all, struct player *player)
{
    const size_t share = SAMPLES_MOST / (size_t)(all->wish->plan->repetitions + 1);
    uint64_t stamped = player->count;
    long long took = 0;
    int r = order_round(player, all->task, player->count, player->batch, &took);
    if (r < 0)
        return r;
    player->value =
        median_of(&player->entrant, samples_of(player->count, player->batch));
    if (player->batch > 1) {
        stamped = player->count / STAMPED_PART + 1;
        r = order_round(player, all->task, stamped, 1, &took);
    }
    if (r >= 0)
        keep_samples(player, samples_of(stamped, 1), share);
    return r;
}

static int play_push(struct player *player)
{
    long long took = 0;
    int r = order_push(player, player->count, &took);
    player->value = took > 0 ? (double)player->count * 1e9 / (double)took : 0;
    return r;
}

static int play(struct measuring *all, struct player *player)
{
    int r = all->task->is_one_way ? play_push(player) : play_round(all, player);
    return r < 0 ? fail(player, r) : 0;
}

/* --- how many ------------------------------------------------------------ */

// Nanoseconds a message.
static int find_pace(struct measuring *all, struct player *player, double *each)
{
    const double wanted = all->wish->plan->seconds * 1e9;
    uint64_t count = FIRST_COUNT;
    long long took = 0;
    for (;;) {
        int r = all->task->is_one_way
                    ? order_push(player, count, &took)
                    : order_round(player, all->task, count, count, &took);
        if (r < 0)
            return fail(player, r);
        if ((double)took >= wanted / 4 || count > UINT32_MAX)
            break;
        const double longer = took > 0 ? wanted / (double)took : 16;
        count = (uint64_t)((double)count * fmin(16, fmax(2, longer)));
    }
    *each = (double)took / (double)count;
    return 0;
}

// Twice: the first messages are of the time in which memory is made and touched.
static int calibrate(struct measuring *all, struct player *player)
{
    const double wanted = all->wish->plan->seconds * 1e9;
    double each = 0;
    int r = 0;
    for (int time = 0; time < 2 && r >= 0 && player->plays; time++)
        r = find_pace(all, player, &each);
    if (r < 0 || !player->plays)
        return r;
    player->count = (uint64_t)fmax(FIRST_COUNT, wanted / each);
    player->batch = (uint64_t)fmax(1, fmin(BATCH_MOST, batch_time / each));
    return 0;
}

/* --- the cores ----------------------------------------------------------- */

static int look_at_cores(struct measuring *all, double *reading)
{
    static const struct contest_task task = {.think = 0};

    long long took = 0;
    *reading = 0;
    if (!all->line.plays)
        return 0;
    int r = order_round(&all->line, &task, LINE_COUNT, LINE_BATCH, &took);
    if (r < 0)
        return r;
    *reading = median_of(&all->line.entrant, samples_of(LINE_COUNT, LINE_BATCH));
    bench_gate_note(all->gate, *reading);
    return 0;
}

/* --- repetitions --------------------------------------------------------- */

static int run_repetition(struct measuring *all, int turn)
{
    const size_t count = all->result->count;
    int r = 0;
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct player *player = &all->players[(i + (size_t)turn) % count];
        player->first_sample = player->sample_count;
        if (player->plays)
            r = play(all, player);
    }
    return r;
}

static void keep(struct measuring *all, double ping)
{
    struct contest_result *result = all->result;
    for (size_t i = 0; i < result->count; i++)
        result->seats[i].values[result->kept] = all->players[i].value;
    result->pings[result->kept++] = ping;
}

static void drop(struct measuring *all)
{
    for (size_t i = 0; i < all->result->count; i++)
        all->players[i].sample_count = all->players[i].first_sample;
}

static int repeat(struct measuring *all)
{
    struct contest_result *result = all->result;
    const int wanted = all->wish->plan->repetitions;
    const int most = wanted * (1 + TRIES_MORE);
    double before = 0;
    double after = 0;
    int r = run_repetition(all, 0); // warms up
    drop(all);
    if (r >= 0)
        r = look_at_cores(all, &before);
    while (r >= 0 && result->kept < wanted) {
        r = run_repetition(all, result->tried);
        if (r >= 0)
            r = look_at_cores(all, &after);
        if (r < 0)
            break;
        const bool settled = !all->line.plays || (bench_gate_lets(all->gate, before) &&
                                                  bench_gate_lets(all->gate, after));
        result->tried++;
        const bool last_chance = most - result->tried < wanted - result->kept;
        if (settled || last_chance)
            keep(all, (before + after) / 2);
        else
            drop(all);
        result->unsettled += !settled && last_chance;
        before = after;
    }
    return r;
}

/* --- at rest ------------------------------------------------------------- */

// One by one, for who never sleeps is in the way of who does.
static int rest(struct measuring *all)
{
    const int milliseconds = all->wish->rest;
    int r = 0;
    for (size_t i = 0; i < all->result->count && r >= 0 && milliseconds > 0; i++) {
        struct player *player = &all->players[i];
        struct contest_seat *seat = player->seat;
        long long numbers[2] = {0};
        if (!player->plays)
            continue;
        r = entrant_ask(&player->entrant, numbers, "idle %d", milliseconds);
        seat->has_rest = r >= 0;
        seat->cpu = (double)numbers[0] * 1e3 / milliseconds;
        seat->wakes = (double)numbers[1] * 1e3 / milliseconds;
        r = r < 0 ? fail(player, r) : 0;
    }
    return r;
}

/* --- who takes part ------------------------------------------------------ */

static int begin(struct measuring *all, struct player *player,
                 const struct contest_task *task, const char *cores)
{
    struct contest_seat *seat = player->seat;
    const struct contest_start start = {.folder = all->folder,
                                        .directory = all->wish->plan->directory,
                                        .rival = seat->rival,
                                        .address = seat->address ? seat->name : NULL,
                                        .task = task,
                                        .cores = cores};
    int r = seat->why[0] ? -ENOENT // what it needs beside it is not there
                         : entrant_begin(&player->entrant, &start, seat->settings);
    if (seat->why[0])
        return 0;
    player->plays = r >= 0;
    return r < 0 ? fail(player, r) : 0;
}

static void describe_cores(const struct bench_plan *plan, enum contest_place place,
                           char out[32])
{
    const bool apart = place == CONTEST_CROSS;
    if (place == CONTEST_FREE)
        snprintf(out, 32, "free");
    else
        snprintf(out, 32, "%d,%d", plan->cores[0], plan->cores[apart ? 1 : 0]);
}

// The gate is about two cores, wherever the task is.
static int begin_line(struct measuring *all, struct contest_seat *seat)
{
    static const struct contest_task task = {.workload = "round", .size = 8};

    char cores[32];
    *seat = (struct contest_seat){.rival = contest_line};
    all->line.seat = seat;
    if (all->wish->plan->core_count < 2)
        return 0;
    describe_cores(all->wish->plan, CONTEST_CROSS, cores);
    int r = begin(all, &all->line, &task, cores);
    return r < 0 || all->line.plays ? r : say_error("bench", "%s", seat->why);
}

static int begin_all(struct measuring *all)
{
    int r = 0;
    for (size_t i = 0; i < all->result->count && r >= 0; i++) {
        struct player *player = &all->players[i];
        player->seat = &all->result->seats[i];
        player->samples = malloc(SAMPLES_MOST * sizeof(*player->samples));
        if (!player->samples)
            return -ENOMEM;
        r = begin(all, player, all->task, all->cores);
        if (r >= 0 && player->plays)
            r = calibrate(all, player);
    }
    return r;
}

static void end_all(struct measuring *all)
{
    for (size_t i = 0; i < all->result->count; i++) {
        entrant_end(&all->players[i].entrant);
        free(all->players[i].samples);
    }
    entrant_end(&all->line.entrant);
}

/* --- sums ---------------------------------------------------------------- */

static void conclude(struct measuring *all)
{
    for (size_t i = 0; i < all->result->count; i++) {
        struct player *player = &all->players[i];
        struct contest_seat *seat = player->seat;
        double values[BENCH_REPETITIONS];
        memcpy(values, seat->values, sizeof(values));
        seat->median = bench_median(values, (size_t)all->result->kept);
        qsort(player->samples, player->sample_count, sizeof(*player->samples), compare);
        seat->p99 = percentile(player->samples, player->sample_count, 0.99);
        seat->p999 = percentile(player->samples, player->sample_count, 0.999);
    }
}

// -EINTR, or 0: who failed has said so in its seat.
static int measure(struct measuring *all)
{
    struct contest_seat seat;
    describe_cores(all->wish->plan, all->result->place, all->cores);
    int r = begin_line(all, &seat);
    if (r == 0)
        r = begin_all(all);
    if (r == 0)
        r = repeat(all);
    if (r == 0 && all->task->rests && all->result->place == CONTEST_CROSS)
        r = rest(all);
    if (r == 0)
        conclude(all);
    end_all(all);
    return r;
}

/* --- all of it ----------------------------------------------------------- */

static void show_progress(const struct contest_result *result, size_t at, size_t count)
{
    char text[128];
    char size[32];
    const struct contest_task *task = &contest_tasks[result->task];
    bench_size_text(task->size, size, sizeof(size));
    snprintf(text, sizeof(text), "bench: %zu of %zu, %s %s %s", at + 1, count,
             task->workload, size, contest_places[result->place]);
    if (isatty(STDERR_FILENO))
        say_status(text);
}

static int measure_one(const struct contest_wish *wish, struct bench_gate *gate,
                       const struct contest_services *services,
                       struct contest_result *result)
{
    struct measuring *all = calloc(1, sizeof(*all));
    if (!all)
        return -ENOMEM;
    all->wish = wish;
    all->task = &contest_tasks[result->task];
    all->result = result;
    all->gate = gate;
    contest_find_folder(all->folder);
    contest_seat_all(wish, services, result);
    int r = measure(all);
    free(all);
    return r;
}

static bool is_wanted(const struct contest_wish *wish, enum contest_task_index task,
                      enum contest_place place)
{
    const bool cross = wish->places[BENCH_CROSS] && wish->plan->core_count > 1;
    const bool places[CONTEST_PLACES] = {cross, wish->places[BENCH_SAME],
                                         cross && wish->places[BENCH_SAME]};
    bool has_size = wish->size_count == 0;
    for (size_t i = 0; i < wish->size_count; i++)
        has_size |= wish->sizes[i] == contest_tasks[task].size;
    return has_size && wish->workloads[task] && places[place] &&
           contest_tasks[task].places & 1u << place;
}

static size_t plan_results(const struct contest_wish *wish,
                           struct contest_result *results)
{
    size_t count = 0;
    for (int task = 0; task < CONTEST_TASKS; task++) {
        for (int place = 0; place < CONTEST_PLACES; place++) {
            if (is_wanted(wish, (enum contest_task_index)task,
                          (enum contest_place)place))
                results[count++] =
                    (struct contest_result){.task = (enum contest_task_index)task,
                                            .place = (enum contest_place)place};
        }
    }
    return count;
}

static int measure_all(const struct contest_wish *wish, struct contest_result *results,
                       size_t count)
{
    struct bench_gate gate = {.width = wish->band};
    struct contest_services services = {.count = 0};
    char folder[BENCH_PATH];
    contest_find_folder(folder);
    int r = contest_serve_all(wish, folder, &services);
    for (size_t i = 0; i < count && r == 0; i++) {
        show_progress(&results[i], i, count);
        r = measure_one(wish, &gate, &services, &results[i]);
    }
    if (isatty(STDERR_FILENO))
        say_status(NULL);
    contest_end_services(&services);
    return r;
}

static int tell_failures(const struct contest_result *results, size_t count)
{
    int status = DONE;
    for (size_t i = 0; i < count; i++) {
        const struct contest_task *task = &contest_tasks[results[i].task];
        for (size_t at = 0; at < results[i].count; at++) {
            const struct contest_seat *seat = &results[i].seats[at];
            char size[32];
            bench_size_text(task->size, size, sizeof(size));
            if (seat->is_failure)
                status =
                    say_error("bench", "%s %s %s %s: %s", seat->name, task->workload,
                              size, contest_places[results[i].place], seat->why);
        }
    }
    return status;
}

bool contest_choose(const char *workload, bool chosen[CONTEST_TASKS])
{
    bool found = false;
    for (int task = 0; task < CONTEST_TASKS; task++) {
        const bool is_it = strcmp(contest_tasks[task].workload, workload) == 0;
        chosen[task] |= is_it;
        found |= is_it;
    }
    return found;
}

int bench_contest(const struct contest_wish *wish)
{
    struct contest_result *results = calloc(RESULTS_MOST, sizeof(*results));
    if (!results)
        return say_error("bench", "no memory for the results");
    const size_t count = plan_results(wish, results);
    int status = measure_all(wish, results, count) == 0 ? DONE : FAILED;
    if (!interrupted()) {
        status |= tell_failures(results, count);
        status |= contest_print(results, count, wish);
    }
    free(results);
    return status;
}
