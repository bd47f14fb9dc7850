/* SPDX-License-Identifier: MIT */
/*
 * The chart: one row a stop, round trips on a logarithmic axis, as SVG.
 *
 * A dot is the median of one size; the line to its right ends at the 99th percentile.
 * Colours come from the page's style sheet, by class.
 */
#include <string.h>

#include "tour/tour.h"

enum {
    LEFT = 130, // where the axis begins
    RIGHT = 860,
    TOP = 40,
    ROW = 26,
    DECADES = 12
};

static const struct series {
    uint64_t size;
    const char *class;
    const char *label;
} series[] = {
    {64, "small", "64 B"},
    {65536, "medium", "64 KiB"},
    {UINT64_MAX, "limit", "the limit"},
};

enum { SERIES = sizeof(series) / sizeof(series[0]) };

// log10 for values from 1 on, to 1/4096: what a picture needs.
static double logarithm(double value)
{
    double result = 0;
    while (value >= 10) {
        value /= 10;
        result += 1;
    }
    double bit = 1;
    for (int i = 0; i < 12; i++) {
        bit /= 2;
        value *= value;
        if (value >= 10) {
            value /= 10;
            result += bit;
        }
    }
    return result;
}

struct axis {
    int first, last; /* powers of ten, in nanoseconds */
};

static double place(const struct axis *axis, int64_t nanoseconds)
{
    double value = nanoseconds > 1 ? (double)nanoseconds : 1;
    return LEFT + (logarithm(value) - axis->first) * (RIGHT - LEFT) /
                      (axis->last - axis->first);
}

static struct axis find_axis(const struct tour_stop *stops, size_t count)
{
    struct axis axis = {DECADES, 0};
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < stops[i].time_count; j++) {
            int low = (int)logarithm((double)stops[i].times[j].median + 1);
            int high = (int)logarithm((double)stops[i].times[j].p99 + 1) + 1;
            axis.first = low < axis.first ? low : axis.first;
            axis.last = high > axis.last ? high : axis.last;
        }
    if (axis.first >= axis.last)
        axis = (struct axis){3, 6};
    return axis;
}

static void draw_axis(FILE *file, const struct axis *axis, int bottom)
{
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    int64_t nanoseconds = 1;
    for (int power = 0; power <= axis->last; power++, nanoseconds *= 10) {
        if (power < axis->first)
            continue;
        double x = place(axis, nanoseconds);
        static const char *const numbers[] = {"1", "10", "100"};
        fprintf(file,
                "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n",
                x, x, TOP - 6, bottom);
        fprintf(file, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s %s</text>\n",
                x, bottom + 16, numbers[power % 3],
                units[power / 3 < 3 ? power / 3 : 3]);
    }
}

static void draw_legend(FILE *file)
{
    for (int i = 0; i < SERIES; i++)
        fprintf(file,
                "<circle class=\"%s\" cx=\"%d\" cy=\"12\" r=\"5\"/>"
                "<text x=\"%d\" y=\"16\">%s</text>\n",
                series[i].class, LEFT + 6 + i * 100, LEFT + 16 + i * 100,
                series[i].label);
    fprintf(file,
            "<text x=\"%d\" y=\"16\" text-anchor=\"end\">round trip; the line ends at "
            "the 99th percentile</text>\n",
            RIGHT);
}

static void draw_time(FILE *file, const struct axis *axis, const struct tour_time *time,
                      const struct series *one, int y)
{
    char size[TOUR_NUMBER];
    char median[TOUR_NUMBER];
    char p99[TOUR_NUMBER];
    fprintf(file,
            "<g class=\"%s\"><title>%s: median %s, p99 %s</title>"
            "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
            "<circle cx=\"%.1f\" cy=\"%d\" r=\"5\"/></g>\n",
            one->class, tour_size_text(time->size, size),
            tour_time_text(time->median, "µ", median),
            tour_time_text(time->p99, "µ", p99), place(axis, time->median),
            place(axis, time->p99), y, y, place(axis, time->median), y);
}

static void draw_stop(FILE *file, const struct axis *axis, const struct tour_stop *stop,
                      int y)
{
    fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 12, y + 4);
    tour_escape(file, stop->way->name);
    fprintf(file,
            "</text>\n<line class=\"row\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>\n",
            LEFT, RIGHT, y, y);
    for (int i = SERIES - 1; i >= 0; i--) {
        const struct tour_time *time = tour_stop_time(stop, series[i].size);
        if (time)
            draw_time(file, axis, time, &series[i], y);
    }
    if (stop->time_count == 0)
        fprintf(file, "<text x=\"%d\" y=\"%d\">%s</text>\n", LEFT + 8, y - 3,
                stop->result == TOUR_RIGHT ? "no round trips"
                                           : tour_result_names[stop->result]);
}

void tour_chart_write(FILE *file, const struct tour_stop *stops, size_t count)
{
    struct axis axis = find_axis(stops, count);
    int bottom = TOP + (int)count * ROW;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "role=\"img\" aria-label=\"Round trips by mechanism\">\n",
            RIGHT + 40, bottom + 28);
    draw_legend(file);
    draw_axis(file, &axis, bottom);
    for (size_t i = 0; i < count; i++)
        draw_stop(file, &axis, &stops[i], TOP + ROW / 2 + (int)i * ROW);
    fprintf(file, "</svg>\n");
}
