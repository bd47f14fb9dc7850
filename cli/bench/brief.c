/* SPDX-License-Identifier: MIT */
/*
 * Two figures for each mechanism, in a few seconds.
 *
 * They are tasks of the bench as any other, but with one way each, few repetitions, and
 * no bare system calls beside them: good for an order, not for a ratio.
 */
#define _GNU_SOURCE
#include "brief.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/bench.h"
#include "command.h"
#include "interrupt.h"
#include "say.h"
#include "scratch.h"

enum { SMALL = 64, LARGE = 65536, REPETITIONS = 3 };

static const double seconds = 0.01;  // of a repetition
static const double any_band = 1000; // nothing is measured again

struct brief_run {
    const char *verb;
    struct bench_plan plan;
    struct bench_shared *shared;
};

// "pair" is measured as the first of pair-packet, pair-stream, pair-datagram.
static const struct bench_mechanism *find(const char *scheme)
{
    size_t size = strlen(scheme);
    for (const struct bench_mechanism *each = bench_mechanisms; each->name; each++) {
        bool begins = strncmp(each->name, scheme, size) == 0;
        if (begins && (each->name[size] == '\0' || each->name[size] == '-'))
            return each;
    }
    return NULL;
}

static size_t small_for(const struct bench_mechanism *mechanism)
{
    return mechanism->only > 0 ? mechanism->only : SMALL;
}

static size_t large_for(const struct bench_mechanism *mechanism)
{
    bool is_bounded = mechanism->largest > 0 && mechanism->largest < LARGE;
    return is_bounded ? mechanism->largest : LARGE;
}

static enum bench_place place_of(const struct bench_plan *plan)
{
    return plan->core_count > 1 ? BENCH_CROSS : BENCH_SAME;
}

// The median of one way, or 0 when it could not be measured.
static double measure_way(struct brief_run *run,
                          const struct bench_mechanism *mechanism,
                          enum bench_way_index way, size_t size)
{
    struct bench_task task = {.plan = &run->plan,
                              .mechanism = mechanism,
                              .place = place_of(&run->plan),
                              .size = size};
    memset(run->plan.ways, 0, sizeof(run->plan.ways));
    run->plan.ways[way] = true;
    int r = bench_run(&task, run->shared);
    if (r < 0 && !interrupted())
        say_error(run->verb, "%s cannot be measured: %s", mechanism->name,
                  run->shared->failure);
    return r < 0 ? 0 : run->shared->outcome.figures[way].median;
}

static int measure_one(struct brief_run *run, const struct bench_mechanism *mechanism,
                       struct bench_brief *out)
{
    size_t size = large_for(mechanism);
    double round_trip = measure_way(run, mechanism, WAY_FOREVER, small_for(mechanism));
    double rate = 0;
    if (round_trip > 0)
        rate = measure_way(run, mechanism, WAY_EACH, size);
    if (rate <= 0)
        return FAILED;
    *out = (struct bench_brief){.scheme = out->scheme,
                                .is_there = true,
                                .round_trip = round_trip,
                                .throughput = rate * (double)size,
                                .size = size};
    return DONE;
}

static void show_progress(const struct brief_run *run, const char *name)
{
    char text[128];
    if (!isatty(STDERR_FILENO))
        return;
    snprintf(text, sizeof(text), "wherry: %s: measuring %s", run->verb, name);
    say_status(text);
}

static int measure_all(struct brief_run *run, struct bench_brief *briefs, size_t count)
{
    int status = DONE;
    for (size_t i = 0; i < count && !interrupted(); i++) {
        const struct bench_mechanism *mechanism = find(briefs[i].scheme);
        if (!mechanism)
            continue;
        show_progress(run, briefs[i].scheme);
        status |= measure_one(run, mechanism, &briefs[i]);
    }
    say_status(NULL);
    return interrupted() ? FAILED : status;
}

static int measure_in(struct brief_run *run, struct bench_brief *briefs, size_t count)
{
    run->shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run->shared == MAP_FAILED)
        return say_error(run->verb, "no memory for the figures");
    run->shared->gate.width = any_band;
    int status = measure_all(run, briefs, count);
    munmap(run->shared, sizeof(*run->shared));
    return status;
}

int bench_brief(const char *verb, struct bench_brief *briefs, size_t count)
{
    struct brief_run run = {.verb = verb,
                            .plan = {.seconds = seconds, .repetitions = REPETITIONS}};
    char directory[SCRATCH_PATH];
    int r = interrupt_begin();
    if (r < 0)
        return say_error(verb, "no descriptor for signals: %s", say_errno(r));
    if (scratch_make(verb, directory) != DONE)
        return FAILED;
    run.plan.core_count = bench_cores(run.plan.cores);
    snprintf(run.plan.directory, sizeof(run.plan.directory), "%s", directory);
    int status = measure_in(&run, briefs, count);
    scratch_remove(directory);
    return status;
}

void bench_brief_explain(const struct bench_brief *briefs, size_t count)
{
    int cores[2];
    char small[32];
    char large[32];
    bench_size_text(SMALL, small, sizeof(small));
    bench_size_text(LARGE, large, sizeof(large));
    printf("\nMeasured here, just now, between %s: a message of %s to\n"
           "and fro, and one way in messages of %s.  `wherry bench` has more.\n",
           bench_cores(cores) > 1 ? "two cores" : "two processes on one core", small,
           large);
    for (size_t i = 0; i < count; i++)
        if (briefs[i].is_there && briefs[i].size < LARGE) {
            bench_size_text(briefs[i].size, large, sizeof(large));
            printf("%s: %s in messages of %s, its largest.\n", briefs[i].scheme,
                   briefs[i].size < SMALL ? "both" : "one way", large);
        }
}
