/* SPDX-License-Identifier: MIT */
/*
 * The results as a picture: one SVG file that needs nothing else.
 *
 * A section for each size, with round trips on the left and one way on the right; one
 * group of bars for each mechanism and place, on a scale of powers of ten.
 */
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 1180,
    LABELS = 150,
    PANEL = 450,
    GAP = 80,
    BAR = 9,
    LETTER = 5, /* about as wide, in the legend */
    BETWEEN = 8,
    HEAD = 64,
    PANELS = 2,
    BARS_MOST = 5
};

struct panel {
    const char *title;
    const char *unit;
    double scale; /* of the figures, into the unit */
    int count;
    enum bench_way_index ways[BARS_MOST];
};

static const struct panel panels[PANELS] = {
    {"round trip", "µs", 1e-3, 3, {WAY_BARE, WAY_FOREVER, WAY_DEADLINE}},
    {"one way",
     "messages a second",
     1,
     5,
     {WAY_BARE_EACH, WAY_EACH, WAY_GATHERED, WAY_MORE, WAY_MANY}},
};

static const struct {
    const char *colour;
    const char *label;
} styles[BENCH_WAYS] = {
    [WAY_BARE] = {"#9aa0a6", "bare system calls"},
    [WAY_FOREVER] = {"#1a73b8", "Wherry, no deadline"},
    [WAY_DEADLINE] = {"#7fb8e6", "Wherry, with a deadline"},
    [WAY_BARE_EACH] = {"#9aa0a6", "bare, a write each"},
    [WAY_EACH] = {"#1a73b8", "Wherry, each"},
    [WAY_GATHERED] = {"#5f6368", "bare, 64 KiB writes"},
    [WAY_MORE] = {"#1b9e77", "WHERRY_MORE"},
    [WAY_MANY] = {"#66c2a5", "send_many"},
};

/* --- scales -------------------------------------------------------------- */

struct scale {
    double low; /* powers of ten */
    double high;
};

static bool belongs(const struct bench_row *row, size_t size)
{
    return row->error == 0 && row->size == size;
}

static struct scale scale_of(const struct bench_results *results, size_t size,
                             const struct panel *panel)
{
    struct scale scale = {.low = 99, .high = -99};
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_row *row = &results->rows[i];
        for (int bar = 0; bar < panel->count && belongs(row, size); bar++) {
            double value = row->outcome.figures[panel->ways[bar]].median * panel->scale;
            if (value <= 0)
                continue;
            scale.low = fmin(scale.low, floor(log10(value) - 0.05));
            scale.high = fmax(scale.high, ceil(log10(value) + 0.05));
        }
    }
    return scale;
}

static double place_on(const struct scale *scale, double value)
{
    double part = (log10(value) - scale->low) / (scale->high - scale->low);
    return PANEL * fmax(0, fmin(1, part));
}

/* --- drawing ------------------------------------------------------------- */

static double group_height(void)
{
    return BARS_MOST * BAR + BETWEEN;
}

static int rows_of(const struct bench_results *results, size_t size)
{
    int count = 0;
    for (size_t i = 0; i < results->count; i++)
        count += belongs(&results->rows[i], size);
    return count;
}

static void text_of(char *out, size_t capacity, double value)
{
    if (value >= 1e6)
        snprintf(out, capacity, "%.3g M", value / 1e6);
    else if (value >= 1e4)
        snprintf(out, capacity, "%.3g k", value / 1e3);
    else
        snprintf(out, capacity, value < 100 ? "%.3g" : "%.0f", value);
}

static void draw_axis(FILE *file, const struct scale *scale, double x, double y,
                      double height)
{
    for (int power = (int)scale->low; power <= (int)scale->high; power++) {
        char label[32];
        double at = x + place_on(scale, pow(10, power));
        text_of(label, sizeof(label), pow(10, power));
        fprintf(file,
                "<line class='g' x1='%.1f' y1='%.1f' x2='%.1f' y2='%.1f'/>"
                "<text class='t' text-anchor='middle' x='%.1f' y='%.1f'>%s</text>\n",
                at, y, at, y + height, at, y + height + 12, label);
    }
}

static void draw_bars(FILE *file, const struct bench_row *row,
                      const struct panel *panel, const struct scale *scale,
                      const double at[2])
{
    double top = at[1] + (BARS_MOST - panel->count) * BAR / 2.0;
    for (int bar = 0; bar < panel->count; bar++) {
        double y = top + bar * BAR;
        enum bench_way_index way = panel->ways[bar];
        double value = row->outcome.figures[way].median * panel->scale;
        char label[32];
        if (!row->outcome.figures[way].is_there || value <= 0)
            continue;
        double width = place_on(scale, value);
        text_of(label, sizeof(label), value);
        fprintf(file,
                "<rect x='%.1f' y='%.1f' width='%.1f' height='%d' fill='%s'>"
                "<title>%s: %s %s</title></rect>"
                "<text class='t' x='%.1f' y='%.1f'>%s</text>\n",
                at[0], y, width, BAR - 1, styles[way].colour, styles[way].label, label,
                panel->unit, at[0] + width + 3, y + BAR - 2, label);
    }
}

static void draw_legend(FILE *file, const struct panel *panel, double x, double y)
{
    for (int bar = 0; bar < panel->count; bar++) {
        fprintf(file,
                "<rect x='%.1f' y='%.1f' width='9' height='9' fill='%s'/>"
                "<text class='t' x='%.1f' y='%.1f'>%s</text>\n",
                x, y, styles[panel->ways[bar]].colour, x + 12, y + 8,
                styles[panel->ways[bar]].label);
        x += 22 + LETTER * (double)strlen(styles[panel->ways[bar]].label);
    }
}

static void draw_panel(FILE *file, const struct bench_results *results, size_t size,
                       int index, double top)
{
    const struct panel *panel = &panels[index];
    struct scale scale = scale_of(results, size, panel);
    double x = LABELS + index * (PANEL + GAP);
    char text[32];
    if (scale.low >= scale.high)
        return;
    bench_size_text(size, text, sizeof(text));
    fprintf(file, "<text class='h' x='%.1f' y='%.1f'>%s of %s, %s</text>\n", x,
            top + 20, panel->title, text, panel->unit);
    draw_legend(file, panel, x, top + 30);
    double y = top + HEAD - 10;
    draw_axis(file, &scale, x, y, rows_of(results, size) * group_height());
    for (size_t i = 0; i < results->count; i++) {
        if (!belongs(&results->rows[i], size))
            continue;
        draw_bars(file, &results->rows[i], panel, &scale, (const double[2]){x, y});
        y += group_height();
    }
}

static void draw_labels(FILE *file, const struct bench_results *results, size_t size,
                        double top)
{
    double y = top + HEAD - 10 + group_height() / 2;
    for (size_t i = 0; i < results->count; i++) {
        const struct bench_row *row = &results->rows[i];
        if (!belongs(row, size))
            continue;
        fprintf(file,
                "<text class='l' text-anchor='end' x='%d' y='%.1f'>%s, %s</text>\n",
                LABELS - 8, y, row->mechanism->name,
                row->place == BENCH_CROSS ? "2 cores" : "1 core");
        y += group_height();
    }
}

static double section_height(const struct bench_results *results, size_t size)
{
    int rows = rows_of(results, size);
    return rows > 0 ? rows * group_height() + HEAD + 26 : 0;
}

static size_t next_size(const struct bench_results *results, size_t above)
{
    size_t least = 0;
    for (size_t i = 0; i < results->count; i++) {
        size_t size = results->rows[i].size;
        if (size > above && (least == 0 || size < least))
            least = size;
    }
    return least;
}

void bench_draw(FILE *file, const struct bench_results *results)
{
    double height = 40;
    for (size_t size = 0; (size = next_size(results, size)) > 0;)
        height += section_height(results, size);
    fprintf(file,
            "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%.0f' "
            "viewBox='0 0 %d %.0f' font-family='sans-serif'>\n"
            "<style>.t{font-size:9px;fill:#444}.l{font-size:11px;fill:#222}"
            ".h{font-size:13px;font-weight:bold;fill:#222}"
            ".g{stroke:#ddd;stroke-width:1}</style>\n"
            "<rect width='100%%' height='100%%' fill='#fff'/>\n"
            "<text class='h' x='10' y='22'>wherry bench: two processes, logarithmic "
            "scales; a cache line goes to and fro in %.0f ns</text>\n",
            WIDTH, height, WIDTH, height, results->ping);
    double top = 30;
    for (size_t size = 0; (size = next_size(results, size)) > 0;) {
        if (rows_of(results, size) == 0)
            continue;
        draw_labels(file, results, size, top);
        for (int panel = 0; panel < PANELS; panel++)
            draw_panel(file, results, size, panel, top);
        top += section_height(results, size);
    }
    fprintf(file, "</svg>\n");
}
