/* SPDX-License-Identifier: MIT */
/*
 * From descriptors of this process to the numbers that a new one has them at.
 *
 * Both count from 0, so a source may have a number at which something else is to stand:
 * such a source is lifted above all of the numbers first.  The rest is one copy a row.
 */
#include "process/process.h"

static int highest(const struct layout_row *rows, size_t count)
{
    int most = 0;
    for (size_t i = 0; i < count; i++)
        most = rows[i].number > most ? rows[i].number : most;
    return most;
}

// Whether another row would put something else where the source is.
static bool is_in_the_way(const struct layout_row *rows, size_t count, int source)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].number == source && rows[i].source != source)
            return true;
    }
    return false;
}

// The step that lifted the source for a row before; -1: none did.
static int lifted_before(const struct os_lay *steps, size_t count, int source)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].sort == OS_LAY_LIFT && steps[i].from == source)
            return (int)i;
    }
    return -1;
}

size_t layout_steps(const struct layout_row *rows, size_t count, struct os_lay *out)
{
    const int above = highest(rows, count) + 1;
    size_t steps = 0;
    for (size_t i = 0; i < count; i++) {
        int source = rows[i].source;
        if (is_in_the_way(rows, count, source) && lifted_before(out, steps, source) < 0)
            out[steps++] = (struct os_lay){OS_LAY_LIFT, source, above, -1};
    }
    const size_t lifts = steps;
    for (size_t i = 0; i < count; i++) {
        const struct layout_row *row = &rows[i];
        bool stays = row->source == row->number;
        out[steps++] =
            (struct os_lay){stays ? OS_LAY_KEEP : OS_LAY_PLACE, row->source,
                            row->number, lifted_before(out, lifts, row->source)};
    }
    return steps;
}
