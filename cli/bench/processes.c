/* SPDX-License-Identifier: MIT */
/*
 * What is measured of processes, how often, and the sums.
 *
 * Ways take turns start by start; a ratio is made of the medians of one repetition, in
 * which all of them had the same cores, and the median of those is told.  The first
 * repetition is dropped.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "interrupt.h"
#include "say.h"

enum { RESULTS_MOST = 16, SAMPLES_MOST = 1 << 16, SPARE = 1 << 20 /* KiB */ };

#define NODE .interpreter = "node", .option = "-e"
#define PYTHON .interpreter = "python3", .option = "-c"

const struct processes_row processes_rows[] = {
    {.name = "process-spawn",
     .what = "From the call to the first byte, three pipes",
     .calls = "pipe2(2), posix_spawn(3), fork(2), vfork(2); Node, Python",
     .ways = {{.name = "channel",
               .against = "posix_spawn",
               .bar = 1.0,
               .run = start_channel},
              {.name = "descriptor",
               .against = "posix_spawn",
               .bar = 1.0,
               .run = start_descriptor},
              {.name = "posix_spawn", .run = start_posix_spawn},
              {.name = "vfork", .against = "posix_spawn", .run = start_vfork},
              {.name = "fork",
               .against = "posix_spawn",
               .whose = PROCESSES_FORKING,
               .run = start_fork},
              {.name = "node-spawn",
               .against = "posix_spawn",
               .is_rare = true,
               NODE,
               .script = script_node_spawn},
              {.name = "python-popen",
               .against = "posix_spawn",
               .is_rare = true,
               PYTHON,
               .script = script_python_popen}}},
    {.name = "process-large",
     .what = "The same by a parent with much memory",
     .size = UINT64_C(4) << 30,
     .calls = "the same by a small one",
     .ways = {{.name = "channel", .run = start_channel},
              {.name = "channel-large",
               .against = "channel",
               .bar = 1.05,
               .whose = PROCESSES_LARGE,
               .run = start_channel},
              {.name = "posix_spawn", .run = start_posix_spawn},
              {.name = "posix_spawn-large",
               .against = "posix_spawn",
               .whose = PROCESSES_LARGE,
               .run = start_posix_spawn},
              {.name = "fork", .whose = PROCESSES_FORKING, .run = start_fork},
              {.name = "fork-large",
               .against = "fork",
               .whose = PROCESSES_LARGE,
               .is_rare = true,
               .run = start_fork}}},
    {.name = "process-collect",
     .what = "true(1) to its end, with what it said",
     .calls = "pipe2(2), posix_spawn(3), vfork(2), poll(2), waitid(2); Node, Python",
     .ways = {{.name = "collect",
               .against = "posix_spawn",
               .bar = 1.1,
               .run = collect_ours},
              {.name = "posix_spawn", .run = collect_posix_spawn},
              {.name = "vfork", .against = "posix_spawn", .run = collect_vfork},
              {.name = "node-execFile",
               .against = "posix_spawn",
               .is_rare = true,
               NODE,
               .script = script_node_exec_file,
               .is_of_nothing = true},
              {.name = "node-exec",
               .against = "posix_spawn",
               .is_rare = true,
               NODE,
               .script = script_node_exec,
               .is_of_nothing = true},
              {.name = "python-run",
               .against = "posix_spawn",
               .is_rare = true,
               PYTHON,
               .script = script_python_run,
               .is_of_nothing = true}}},
    {.name = "process-pipeline",
     .what = "Bytes through three programs",
     .size = UINT64_C(1) << 30,
     .calls = "sh(1): head | cat | wc",
     .ways = {{.name = "spawn", .against = "sh", .bar = 1.05, .run = pipeline_ours},
              {.name = "sh", .run = pipeline_shell}}},
    {.name = "lock",
     .what = "A lock that nobody else wants, taken and given 1000 times",
     .calls = "pthread_mutex_lock(3), pthread_mutex_unlock(3), robust",
     .ways = {{.name = "lock", .against = "robust", .bar = 2.0, .run = lock_ours},
              {.name = "cells-add", .against = "robust", .run = lock_cells},
              {.name = "robust", .run = lock_robust}}},
    {.name = "turn",
     .what = "A turn that nobody else wants, taken and given 1000 times",
     .calls = "pthread_mutex_lock(3), robust; sem_wait(3); semop(2) with undo",
     .ways = {{.name = "lease", .against = "robust", .bar = 2.0, .run = turn_lease},
              {.name = "sem", .against = "bare-sem", .bar = 1.05, .run = turn_sem},
              {.name = "semv", .against = "bare-semop", .bar = 1.05, .run = turn_semv},
              {.name = "robust", .run = lock_robust},
              {.name = "bare-sem", .run = turn_bare_sem},
              {.name = "bare-semop", .run = turn_bare_semop}}},
    {.name = "turn-contended",
     .what = "A turn that three processes want, taken and given 1000 times by each",
     .calls = "semop(2) with undo",
     .ways =
         {{.name = "lease", .against = "bare-semop", .bar = 1.2, .run = turns_lease},
          {.name = "bare-semop", .run = turns_bare_semop}}},
    {.name = "region",
     .what = "A mebibyte of memory, made and mapped",
     .calls = "memfd_create(2), posix_fallocate(3), mmap(2)",
     .ways = {{.name = "memfd", .against = "bare", .bar = 1.1, .run = map_ours},
              {.name = "bare", .run = map_bare}}},
    {.name = NULL},
};

/* --- samples ------------------------------------------------------------- */

/* What one way has measured. */
struct record {
    double *samples; /* nanoseconds */
    size_t count;
    size_t first; /* of the repetition under way */
    double medians[BENCH_REPETITIONS];
    char failure[512]; /* it is not measured (any more) */
};

struct measuring {
    const struct processes_task *task;
    struct processes_parent parents[PROCESSES_PARENTS];
    struct record records[PROCESSES_WAYS];
    int way_count;
    int kept;
};

// Each repetition has its share of the room.
static void note(struct measuring *all, int way, int64_t took)
{
    struct record *record = &all->records[way];
    const size_t share = SAMPLES_MOST / (size_t)(all->task->plan->repetitions + 1);
    if (took > 0 && record->count - record->first < share)
        record->samples[record->count++] = (double)took;
}

static int fail(struct measuring *all, int way, int error, const char *sentence)
{
    struct record *record = &all->records[way];
    snprintf(record->failure, sizeof(record->failure), "%s", sentence);
    return error;
}

/* --- a round ------------------------------------------------------------- */

static const char *meaning(int error)
{
    return error == -ESRCH ? "the process that starts others died (is there a limit of "
                             "memory?)"
                           : strerror(-error);
}

static int ask(struct measuring *all, enum processes_whose whose,
               const struct processes_order *order, struct processes_answer *answer)
{
    int r = processes_ask(&all->parents[whose], order, answer);
    if (r < 0)
        return fail(all, order->first, r, meaning(r));
    if (answer->error < 0)
        return fail(all, answer->way, answer->error, answer->failure);
    return 0;
}

// By each parent in turn.  The nanoseconds of what is done always.
static int64_t go_round(struct measuring *all, int turn, bool with_rare)
{
    int64_t spent = 0;
    const struct processes_order order = {.with_rare = with_rare,
                                          .is_backward = turn % 2 != 0,
                                          .first = turn % all->way_count};
    for (int i = 0; i < PROCESSES_PARENTS; i++) {
        struct processes_answer answer;
        enum processes_whose whose =
            (enum processes_whose)((turn + i) % PROCESSES_PARENTS);
        if (all->parents[whose].pid == 0)
            continue;
        int r = ask(all, whose, &order, &answer);
        if (r < 0)
            return r;
        for (int way = 0; way < all->way_count; way++) {
            note(all, way, answer.took[way]);
            if (!all->task->row->ways[way].is_rare)
                spent += answer.took[way];
        }
    }
    return spent;
}

// What is not installed is told, and not asked for again.
static int run_scripts(struct measuring *all)
{
    for (int way = 0; way < all->way_count; way++) {
        struct processes_answer answer;
        const struct processes_order order = {.is_script = true, .first = way};
        if (!all->task->row->ways[way].script || all->records[way].failure[0])
            continue;
        int r = ask(all, PROCESSES_SMALL, &order, &answer);
        if (r == -EINTR || r == -ESRCH || r == -ETIMEDOUT)
            return r;
        for (int i = 0; r == 0 && i < answer.count; i++)
            note(all, way, answer.took[i]);
    }
    return 0;
}

/* --- repetitions --------------------------------------------------------- */

static double plan_time(const struct measuring *all)
{
    int ways = 0;
    for (int way = 0; way < all->way_count; way++)
        ways += !all->task->row->ways[way].is_rare;
    return all->task->plan->seconds * 1e9 * ways;
}

static int run_repetition(struct measuring *all, int turn)
{
    double spent = 0;
    for (int way = 0; way < all->way_count; way++)
        all->records[way].first = all->records[way].count;
    do {
        int64_t took = go_round(all, turn++, spent == 0);
        if (took < 0)
            return (int)took;
        spent += (double)took;
    } while (spent < plan_time(all));
    return 0;
}

static void keep(struct measuring *all)
{
    for (int way = 0; way < all->way_count; way++) {
        struct record *record = &all->records[way];
        record->medians[all->kept] = bench_median(record->samples + record->first,
                                                  record->count - record->first);
    }
    all->kept++;
}

static int repeat(struct measuring *all)
{
    int r = run_repetition(all, 0);
    for (int way = 0; way < all->way_count; way++)
        all->records[way].count = 0;
    for (int i = 0; i < all->task->plan->repetitions && r >= 0; i++) {
        r = run_repetition(all, i);
        if (r >= 0)
            r = run_scripts(all);
        if (r >= 0)
            keep(all);
    }
    return r;
}

/* --- figures ------------------------------------------------------------- */

// Of few samples, the worst.
static double percentile(const double *sorted, size_t count, double part)
{
    return sorted[count - 1 - (size_t)((double)(count - 1) * (1 - part))];
}

static int find_way(const struct processes_row *row, const char *name)
{
    int way = 0;
    while (row->ways[way].name && strcmp(row->ways[way].name, name) != 0)
        way++;
    return row->ways[way].name ? way : -1;
}

static void divide(struct measuring *all, int way, struct processes_figure *figure)
{
    const char *name = all->task->row->ways[way].against;
    int against = name ? find_way(all->task->row, name) : -1;
    double ratios[BENCH_REPETITIONS];
    if (against < 0 || all->kept == 0 || all->records[against].count == 0)
        return;
    for (int i = 0; i < all->kept; i++)
        ratios[i] = all->records[way].medians[i] / all->records[against].medians[i];
    figure->has_ratio = true;
    figure->ratio = bench_median(ratios, (size_t)all->kept);
    figure->least = ratios[0];
    figure->most = ratios[all->kept - 1];
}

static void conclude(struct measuring *all, struct processes_result *out)
{
    for (int way = 0; way < all->way_count; way++) {
        struct record *record = &all->records[way];
        struct processes_figure *figure = &out->figures[way];
        memcpy(figure->failure, record->failure, sizeof(figure->failure));
        if (record->failure[0] || record->count == 0)
            continue;
        figure->count = record->count;
        figure->median = bench_median(record->samples, record->count);
        figure->p99 = percentile(record->samples, record->count, 0.99);
        figure->p999 = percentile(record->samples, record->count, 0.999);
        divide(all, way, figure);
    }
}

/* --- a row --------------------------------------------------------------- */

static bool needs(const struct processes_row *row, enum processes_whose whose)
{
    bool found = false;
    for (const struct processes_way *way = row->ways; way->name; way++)
        found |= way->whose == whose;
    return found;
}

// What a new process could have without others giving theirs back, in KiB.
static long long memory_left(void)
{
    static const char name[] = "MemAvailable:";
    long long left = -1;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof(line), file) && left < 0) {
        if (strncmp(line, name, strlen(name)) == 0)
            left = strtoll(line + strlen(name), NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return left;
}

// Whole pieces of 16 MiB, one at least.
static uint64_t size_of(const struct processes_row *row, const struct bench_plan *plan)
{
    const uint64_t piece = UINT64_C(16) << 20;
    const double share = plan->seconds / BENCH_SECONDS;
    const double size = (double)row->size * (share < 1 ? share : 1);
    const uint64_t pieces = (uint64_t)(size / (double)piece);
    return row->size == 0 ? 0 : pieces > 0 ? pieces * piece : piece;
}

static bool has_memory_for(const struct processes_row *row,
                           const struct bench_plan *plan)
{
    const long long wanted = (long long)(size_of(row, plan) >> 10) + SPARE;
    return !needs(row, PROCESSES_LARGE) || memory_left() >= wanted;
}

static int begin(struct measuring *all)
{
    for (int way = 0; all->task->row->ways[way].name; way++) {
        all->way_count++;
        all->records[way].samples =
            malloc(SAMPLES_MOST * sizeof(*all->records[way].samples));
        if (!all->records[way].samples)
            return -ENOMEM;
    }
    int r = 0;
    for (enum processes_whose whose = 0; whose < PROCESSES_PARENTS && r >= 0; whose++) {
        if (needs(all->task->row, whose))
            r = processes_begin(all->task, whose, &all->parents[whose]);
    }
    return r;
}

// That an interpreter is not installed is no failure.
static int tell_failures(const struct measuring *all)
{
    const struct processes_task *task = all->task;
    int status = DONE;
    for (int way = 0; way < all->way_count && !interrupted(); way++) {
        const struct processes_way *each = &task->row->ways[way];
        const char *failure = all->records[way].failure;
        if (failure[0] && each->script)
            say_notice("bench", "%s %s is left out: %s", task->row->name, each->name,
                       failure);
        else if (failure[0])
            status = say_error("bench", "%s %s %s: %s", task->row->name,
                               bench_places[task->place], each->name, failure);
    }
    return status;
}

static int measure(const struct processes_task *task, struct processes_result *out)
{
    struct measuring *all = calloc(1, sizeof(*all));
    if (!all)
        return say_error("bench", "no memory for the results");
    all->task = task;
    int r = begin(all);
    if (r < 0 && all->way_count > 0)
        (void)fail(all, 0, r, strerror(-r));
    if (r >= 0)
        r = repeat(all);
    for (int whose = 0; whose < PROCESSES_PARENTS; whose++)
        processes_end(&all->parents[whose]);
    conclude(all, out);
    int status = tell_failures(all);
    for (int way = 0; way < all->way_count; way++)
        free(all->records[way].samples);
    free(all);
    return r < 0 ? FAILED : status;
}

/* --- all of them --------------------------------------------------------- */

static bool is_wanted(const struct processes_row *row,
                      const struct processes_wish *wish)
{
    bool found = false;
    for (int i = 0; i < wish->word_count; i++)
        found |= bench_is_meant(row->name, wish->words[i]);
    return found;
}

bool bench_is_of_processes(const char *word)
{
    const struct processes_row *row = processes_rows;
    while (row->name && !bench_is_meant(row->name, word))
        row++;
    return row->name != NULL;
}

static size_t plan_results(const struct processes_wish *wish,
                           struct processes_result *results)
{
    size_t count = 0;
    for (const struct processes_row *row = processes_rows; row->name; row++) {
        if (!is_wanted(row, wish))
            continue;
        if (!has_memory_for(row, wish->plan)) {
            say_notice("bench",
                       "%s is left out: there is not memory for it and 1 GiB to spare",
                       row->name);
            continue;
        }
        for (int place = 0; place < BENCH_PLACES; place++) {
            bool can = place == BENCH_SAME || wish->plan->core_count > 1;
            if (wish->places[place] && can)
                results[count++] =
                    (struct processes_result){.row = row,
                                              .place = (enum bench_place)place,
                                              .size = size_of(row, wish->plan)};
        }
    }
    return count;
}

static int measure_all(const struct processes_wish *wish, struct processes_scene *scene,
                       struct processes_result *results, size_t count)
{
    int status = DONE;
    for (size_t i = 0; i < count && !interrupted(); i++) {
        const struct processes_task task = {.row = results[i].row,
                                            .scene = scene,
                                            .plan = wish->plan,
                                            .place = results[i].place};
        char text[128];
        scene->size = results[i].size;
        snprintf(text, sizeof(text), "bench: %zu of %zu, %s %s", i + 1, count,
                 task.row->name, bench_places[task.place]);
        if (isatty(STDERR_FILENO))
            say_status(text);
        status |= measure(&task, &results[i]);
    }
    if (isatty(STDERR_FILENO))
        say_status(NULL);
    return interrupted() ? FAILED : status;
}

int bench_processes(const struct processes_wish *wish)
{
    struct processes_scene scene = {.nothing = "/bin/true"};
    int r = processes_make_smallest(wish->plan->directory, &scene);
    if (r < 0)
        return say_error("bench", "no program can be made in %s: %s",
                         wish->plan->directory, strerror(-r));
    struct processes_result *results = calloc(RESULTS_MOST, sizeof(*results));
    if (!results)
        return say_error("bench", "no memory for the results");
    size_t count = plan_results(wish, results);
    int status = measure_all(wish, &scene, results, count);
    if (!interrupted())
        status |= (wish->bars ? processes_print_bars : processes_print)(results, count,
                                                                        wish->json);
    free(results);
    return status;
}
