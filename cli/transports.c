/* SPDX-License-Identifier: MIT */
/*
 * transports: the table of mechanisms, as the library has it, and figures measured here
 * beside it.
 *
 * All of it is one table; on a terminal that is narrower than that, tables of 80
 * columns, one below the other, and what each mechanism is for below them.
 */
#include <stdio.h>
#include <string.h>

#include "brief.h"
#include "facts.h"
#include "help.h"
#include "interrupt.h"
#include "say.h"
#include "settings.h"

enum {
    ROWS_MOST = 64,
    CELL_MOST = 160,
    NARROW = 80,
    NAME_COLUMN = 9,
    FIGURES = 2, /* columns of --measure */
    COLUMNS_MOST = FACTS + FIGURES
};

static bool is_measured; // --measure

/* The table to be printed. */
struct rows {
    size_t count;
    const struct wherry_mechanism *mechanisms[ROWS_MOST];
    struct bench_brief briefs[ROWS_MOST];
    bool as_json;
};

/* Where a column comes from: a fact (below FACTS) or a figure. */
struct picked {
    size_t count;
    size_t sources[COLUMNS_MOST];
    struct column columns[COLUMNS_MOST];
};

/* --- figures ------------------------------------------------------------- */

static const struct figure {
    const char *name;
    const char *json;
    int digits; // behind the point
    double unit;
} figures[FIGURES] = {
    {"round trip us", "round_trip_us", 1, 1e-3},
    {"MB/s", "throughput_mb_s", 1, 1e-6},
};

static const char *figure_text(const struct bench_brief *brief, size_t figure,
                               char text[CELL_MOST])
{
    const double values[FIGURES] = {brief->round_trip, brief->throughput};
    if (!brief->is_there)
        return NULL;
    snprintf(text, CELL_MOST, "%.*f", figures[figure].digits,
             values[figure] * figures[figure].unit);
    return text;
}

static int measure(struct rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        rows->briefs[i].scheme = rows->mechanisms[i]->scheme;
    return bench_brief(command_transports.name, rows->briefs, rows->count);
}

/* --- columns ------------------------------------------------------------- */

static void pick(struct picked *picked, size_t source, const char *name,
                 enum column_type type, bool wraps)
{
    picked->sources[picked->count] = source;
    picked->columns[picked->count++] = (struct column){name, type, wraps};
}

static void pick_figures(struct picked *picked, bool as_json)
{
    for (size_t i = 0; i < FIGURES && is_measured; i++)
        pick(picked, FACTS + i, as_json ? figures[i].json : figures[i].name,
             COLUMN_NUMBER, false);
}

static void pick_whole(struct picked *picked, bool as_json)
{
    picked->count = 0;
    for (size_t i = 0; i < FACTS; i++) {
        if (i == FACTS - 1) // what it is for is long, and comes last
            pick_figures(picked, as_json);
        if (facts[i].is_wide || as_json)
            pick(picked, i, facts[i].name, facts[i].type, false);
    }
}

static void pick_narrow(struct picked *picked, enum fact_group group)
{
    picked->count = 0;
    for (size_t i = 0; i < FACTS; i++)
        if (facts[i].group == group || facts[i].group == FACT_ALL)
            pick(picked, i, facts[i].narrow, facts[i].type, true);
    if (group == FACT_MEASURED)
        pick_figures(picked, false);
}

static const char *cell(const struct rows *rows, size_t row, size_t source,
                        char text[CELL_MOST])
{
    if (source >= FACTS)
        return figure_text(&rows->briefs[row], source - FACTS, text);
    return facts[source].text(rows->mechanisms[row]);
}

/* --- printing ------------------------------------------------------------ */

static bool fits(const struct rows *rows, size_t width)
{
    struct picked picked;
    pick_whole(&picked, false);
    size_t sum = picked.count - 1;
    for (size_t i = 0; i < picked.count; i++) {
        size_t widest = strlen(picked.columns[i].name);
        for (size_t row = 0; row < rows->count; row++) {
            char room[CELL_MOST];
            const char *text = cell(rows, row, picked.sources[i], room);
            if (text && strlen(text) > widest)
                widest = strlen(text);
        }
        sum += widest;
    }
    return sum <= width;
}

// "messages or bytes" becomes two lines.
static const char *break_cell(const char *text, char out[CELL_MOST])
{
    if (!text)
        return NULL;
    snprintf(out, CELL_MOST, "%s", text);
    char *word = strstr(out, " or ");
    if (word)
        word[3] = '\n';
    return out;
}

static int print(const struct rows *rows, const struct picked *picked)
{
    struct table *table =
        table_new("transports", picked->columns, picked->count, rows->as_json);
    for (size_t row = 0; row < rows->count; row++) {
        char rooms[COLUMNS_MOST][CELL_MOST];
        const char *cells[COLUMNS_MOST];
        for (size_t i = 0; i < picked->count; i++) {
            const char *text = cell(rows, row, picked->sources[i], rooms[i]);
            bool wraps = picked->columns[i].wraps && text != rooms[i];
            cells[i] = wraps ? break_cell(text, rooms[i]) : text;
        }
        table_add(table, cells);
    }
    return table_print(table, command_transports.name);
}

static void print_uses(const struct rows *rows)
{
    for (size_t row = 0; row < rows->count; row++) {
        const struct wherry_mechanism *mechanism = rows->mechanisms[row];
        char text[2 * CELL_MOST];
        snprintf(text, sizeof(text), "%s%s%s%s", mechanism->summary,
                 mechanism->absent ? " (" : "",
                 mechanism->absent ? mechanism->absent : "",
                 mechanism->absent ? ")" : "");
        printf("%-*s", NAME_COLUMN, mechanism->scheme);
        say_wrapped(text, NAME_COLUMN, NARROW);
    }
}

static int print_narrow(const struct rows *rows)
{
    struct picked picked;
    int groups = is_measured ? FACT_GROUPS : FACT_MEASURED;
    for (int group = FACT_WHO; group < groups; group++) {
        pick_narrow(&picked, (enum fact_group)group);
        if (print(rows, &picked) != DONE)
            return FAILED;
        putchar('\n');
    }
    print_uses(rows);
    return DONE;
}

static int print_whole(const struct rows *rows)
{
    struct picked picked;
    pick_whole(&picked, rows->as_json);
    return print(rows, &picked);
}

static void collect(const struct choices *choices, struct rows *rows)
{
    const struct wherry_mechanism *mechanism;
    rows->as_json = choices->json;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++) {
        bool is_for_tests = (mechanism->abilities & WHERRY_ABLE_TESTS_ONLY) != 0;
        if ((choices->all || !is_for_tests) && rows->count < ROWS_MOST)
            rows->mechanisms[rows->count++] = mechanism;
    }
}

static int run(int argc, char **argv)
{
    static struct rows rows;
    struct choices choices;
    if (settings_read(&command_transports, argc, argv, 0, 0, &choices) != DONE)
        return USAGE;
    collect(&choices, &rows);
    int measured = is_measured ? measure(&rows) : DONE;
    if (interrupted())
        return FAILED;
    size_t width = table_width();
    bool is_whole = choices.json || width == 0 || fits(&rows, width);
    int status = is_whole ? print_whole(&rows) : print_narrow(&rows);
    if (is_measured && !choices.json)
        bench_brief_explain(rows.briefs, rows.count);
    return status | measured;
}

/* --- the verb ------------------------------------------------------------ */

static const char *put_measure(struct choices *choices, const char *value)
{
    (void)choices;
    (void)value;
    is_measured = true;
    return NULL;
}

static const struct setting setting_measure = {
    "measure", NULL, "Measures each mechanism here and now, in a few seconds.",
    put_measure};

static const struct setting *const settings[] = {&setting_all, &setting_measure,
                                                 &setting_json, NULL};

const struct command command_transports = {
    .name = "transports",
    .arguments = "[--all] [--measure] [--json]",
    .summary = "Prints the table of mechanisms and what each can do.",
    .settings = settings,
    .help =
        "  between       anyone, or kin: processes of which one made the other\n"
        "  ways          one way, both ways, or by request: each with one answer\n"
        "  processes     how many can use one address at a time\n"
        "  hosts         whether they may be on different machines\n"
        "  memory        whether they see the same memory\n"
        "  synchronises  whether one waits for the other: for a message, or a turn\n"
        "  outlives      what is left when all its processes have ended\n"
        "  framing       how messages are cut out of bytes, unless ?framing= says\n"
        "  systems       which have the mechanism; Wherry itself runs on Linux\n"
        "  here          no: it cannot be opened, yet or on this system\n"
        "\n"
        "`wherry help SCHEME` tells the options of one, and what it cannot do;\n"
        "`wherry choose` tells which one to take.\n"
        "\n"
        "Example:\n"
        "  wherry transports\n",
    .run = run,
};
