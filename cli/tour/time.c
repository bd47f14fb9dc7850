/* SPDX-License-Identifier: MIT */
/*
 * Round trips: summed up, and found again.
 */
#include "tour/tour.h"

#include <stdlib.h>

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

void tour_time_sum_up(int64_t *nanoseconds, unsigned rounds, struct tour_time *time)
{
    qsort(nanoseconds, rounds, sizeof(*nanoseconds), compare);
    time->rounds = rounds;
    time->median = nanoseconds[rounds / 2];
    time->p99 = nanoseconds[(size_t)rounds * 99 / 100];
}

const struct tour_time *tour_stop_time(const struct tour_stop *stop, uint64_t size)
{
    for (size_t i = 0; i < stop->time_count; i++)
        if (stop->times[i].size == size)
            return &stop->times[i];
    bool has_limit =
        stop->time_count > 0 && stop->times[stop->time_count - 1].size == stop->limit;
    return size == UINT64_MAX && has_limit ? &stop->times[stop->time_count - 1] : NULL;
}
