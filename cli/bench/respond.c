/* SPDX-License-Identifier: MIT */
/*
 * The responder: does what the driver orders, and tells what came of it.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <sys/resource.h>

enum { RESTING = 1000 }; /* milliseconds */

static void echo(const struct bench_meeting *meeting, struct bench_end *end,
                 const struct bench_order *order)
{
    const struct bench_way *way = &bench_ways[order->way];
    for (uint64_t i = 0; i < order->stretch.count; i++) {
        int r = way->take(end, order->stretch.size);
        if (r >= 0)
            r = way->send(end, order->stretch.size);
        if (r < 0)
            bench_give_up(meeting, r, way->name);
    }
}

static void pull(const struct bench_meeting *meeting, struct bench_end *end,
                 const struct bench_order *order, struct bench_answer *answer)
{
    const struct bench_way *way = &bench_ways[order->way];
    int r = way->pull(end, &order->stretch, &answer->tally);
    if (r < 0)
        bench_give_up(meeting, r, way->name);
}

static double cpu_of(const struct rusage *usage)
{
    const struct timeval *user = &usage->ru_utime;
    const struct timeval *system = &usage->ru_stime;
    double seconds = (double)user->tv_sec + (double)system->tv_sec;
    return seconds * 1e9 + (double)(user->tv_usec + system->tv_usec) * 1e3;
}

static void rest(const struct bench_meeting *meeting, struct bench_end *end,
                 struct bench_rest *out)
{
    struct rusage before;
    struct rusage after;
    struct wherry_channel_info in = {0};
    struct wherry_channel_info other = {0};
    wherry_message *message = NULL;
    int r;
    do {
        // A mark of a lossy stretch may still be there.
        wherry_message_free(message);
        getrusage(RUSAGE_SELF, &before);
        r = wherry_recv(end->in, &message, wherry_after(RESTING));
        getrusage(RUSAGE_SELF, &after);
    } while (r == 1 && end->mechanism->is_lossy);
    if (r != -ETIMEDOUT)
        bench_give_up(meeting, r < 0 ? r : -EPROTO, "waiting at rest");
    r = wherry_describe(end->in, &in, sizeof(in));
    if (r >= 0)
        r = wherry_describe(end->out, &other, sizeof(other));
    if (r < 0)
        bench_give_up(meeting, r, "describing a channel at rest");
    *out = (struct bench_rest){.is_there = true,
                               .cpu = cpu_of(&after) - cpu_of(&before),
                               .wakes = (double)(after.ru_nvcsw - before.ru_nvcsw),
                               .memory =
                                   in.memory > other.memory ? in.memory : other.memory};
}

static void pong(const struct bench_meeting *meeting)
{
    const struct bench_plan *plan = meeting->task->plan;
    bench_pin(plan->cores[1]);
    char ready = 'r';
    bench_tell(meeting, &ready, 1);
    bench_pong(&meeting->shared->line);
    bench_pin(bench_core_of(meeting->task, false));
}

void bench_respond(const struct bench_meeting *meeting, struct bench_end *end)
{
    bench_pin(bench_core_of(meeting->task, false));
    for (;;) {
        struct bench_order order;
        struct bench_answer answer = {.allocations = 0};
        char ready = 'r';
        bench_hear(meeting, &order, sizeof(order));
        if (order.job == JOB_QUIT)
            return;
        if (order.job == JOB_PONG) {
            pong(meeting);
            continue;
        }
        uint64_t before = bench_allocations();
        bench_tell(meeting, &ready, 1);
        if (order.job == JOB_ECHO)
            echo(meeting, end, &order);
        else if (order.job == JOB_PULL)
            pull(meeting, end, &order, &answer);
        else
            rest(meeting, end, &answer.rest);
        answer.allocations = bench_allocations() - before;
        bench_tell(meeting, &answer, sizeof(answer));
    }
}
