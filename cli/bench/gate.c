/* SPDX-License-Identifier: MIT */
/*
 * Cores, and whether they are where they were.
 *
 * The host of a virtual machine moves its processors: two of them may be threads of one
 * core now and far apart a second later, and every figure moves with them.  A cache
 * line passed to and fro tells.  What is outside the band around the median of the run
 * is not kept.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCHES = 21,
    PASSES = 64,                 /* of the line, in a batch */
    GIVE_UP_AFTER = 500000000,   /* nanoseconds without an answer */
    LOOK_AT_CLOCK_EVERY = 100000 /* turns of the loop */
};

int64_t bench_now(void)
{
    return wherry_now();
}

int bench_cores(int cores[2])
{
    cpu_set_t set;
    int count = 0;
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 0;
    for (size_t core = 0; core < CPU_SETSIZE; core++) {
        if (!CPU_ISSET(core, &set))
            continue;
        if (count < 2)
            cores[count] = (int)core;
        count++;
    }
    return count;
}

void bench_pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

int bench_core_of(const struct bench_task *task, bool is_driver)
{
    bool second = !is_driver && task->place == BENCH_CROSS;
    return task->plan->cores[second ? 1 : 0];
}

/* --- the line ------------------------------------------------------------ */

static void ease(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static bool await(_Atomic uint32_t *word, uint32_t value)
{
    int64_t began = 0;
    for (unsigned turns = 1;; turns++) {
        if (atomic_load_explicit(word, memory_order_acquire) == value)
            return true;
        ease();
        if (turns % LOOK_AT_CLOCK_EVERY != 0)
            continue;
        if (began == 0)
            began = bench_now();
        else if (bench_now() - began > GIVE_UP_AFTER)
            return false;
    }
}

double bench_ping(struct bench_line *line)
{
    double batches[BATCHES];
    uint32_t turn = 0;
    for (size_t i = 0; i < BATCHES; i++) {
        int64_t began = bench_now();
        for (int pass = 0; pass < PASSES; pass++) {
            turn++;
            atomic_store_explicit(&line->there, turn, memory_order_release);
            if (!await(&line->back, turn))
                return 0;
        }
        batches[i] = (double)(bench_now() - began) / PASSES;
    }
    // Some batches are torn by whatever else runs; the lower quartile is of those that
    // are not.
    (void)bench_median(batches, BATCHES);
    return batches[BATCHES / 4];
}

void bench_pong(struct bench_line *line)
{
    for (uint32_t turn = 1; turn <= BATCHES * PASSES; turn++) {
        if (!await(&line->there, turn))
            return;
        atomic_store_explicit(&line->back, turn, memory_order_release);
    }
}

/* --- the band ------------------------------------------------------------ */

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

double bench_median(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare);
    if (count % 2 == 1)
        return values[count / 2];
    return (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_gate_note(struct bench_gate *gate, double reading)
{
    if (reading > 0)
        gate->readings[gate->count++ % BENCH_READINGS] = reading;
}

double bench_gate_median(const struct bench_gate *gate)
{
    double copy[BENCH_READINGS];
    size_t count = gate->count < BENCH_READINGS ? gate->count : BENCH_READINGS;
    memcpy(copy, gate->readings, sizeof(copy));
    return bench_median(copy, count);
}

bool bench_gate_lets(const struct bench_gate *gate, double reading)
{
    double median = bench_gate_median(gate);
    return reading > 0 && reading >= median * (1 - gate->width) &&
           reading <= median * (1 + gate->width);
}
