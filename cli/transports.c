/* SPDX-License-Identifier: MIT */
/*
 * transports: the table of mechanisms, as the library has it.
 *
 * All of it is one table; on a terminal that is narrower than that, a table of 80
 * columns, and what each is for below.
 */
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "say.h"
#include "settings.h"
#include "table.h"

enum { CELL_MOST = 160, NARROW = 80, NAME_COLUMN = 8 };

static const struct column columns[] = {
    {"scheme", COLUMN_TEXT, false},       {"mechanism", COLUMN_TEXT, false},
    {"ways", COLUMN_TEXT, false},         {"moves", COLUMN_TEXT, false},
    {"open files", COLUMN_FLAG, false},   {"kinds", COLUMN_TEXT, false},
    {"sender known", COLUMN_FLAG, false}, {"across hosts", COLUMN_FLAG, false},
    {"outlives", COLUMN_FLAG, false},     {"framing", COLUMN_TEXT, false},
    {"use for", COLUMN_TEXT, false},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

// The narrow table: which of the columns, and their shorter names.
static const size_t narrow[] = {0, 2, 3, 4, 5, 6, 7, 8, 9};

enum { NARROW_COLUMNS = sizeof(narrow) / sizeof(narrow[0]) };

static const struct column narrow_columns[NARROW_COLUMNS] = {
    {"scheme", COLUMN_TEXT, false},  {"ways", COLUMN_TEXT, true},
    {"moves", COLUMN_TEXT, true},    {"files", COLUMN_FLAG, false},
    {"kinds", COLUMN_TEXT, false},   {"sender", COLUMN_FLAG, false},
    {"hosts", COLUMN_FLAG, false},   {"outlives", COLUMN_FLAG, false},
    {"framing", COLUMN_TEXT, false},
};

static const char *yes(const struct wherry_mechanism *mechanism, unsigned ability)
{
    return mechanism->abilities & ability ? "yes" : "no";
}

static void fill(const struct wherry_mechanism *mechanism, const char *cells[COLUMNS])
{
    const char *const all[COLUMNS] = {
        mechanism->scheme,
        mechanism->mechanism,
        mechanism_ways(mechanism),
        mechanism_moves(mechanism),
        yes(mechanism, WHERRY_ABLE_FILES),
        mechanism_kinds(mechanism),
        yes(mechanism, WHERRY_ABLE_SENDER),
        yes(mechanism, WHERRY_ABLE_HOSTS),
        yes(mechanism, WHERRY_ABLE_OUTLIVES),
        mechanism->framing,
        mechanism->summary,
    };
    memcpy(cells, all, sizeof(all));
}

static const struct wherry_mechanism *next(size_t *index, bool all)
{
    const struct wherry_mechanism *mechanism;
    do
        mechanism = wherry_mechanism_at((*index)++);
    while (mechanism && (mechanism->absent ||
                         (!all && (mechanism->abilities & WHERRY_ABLE_TESTS_ONLY))));
    return mechanism;
}

static bool fits(size_t width, bool all)
{
    size_t widest[COLUMNS];
    size_t sum = COLUMNS - 1;
    const char *cells[COLUMNS];
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; i < COLUMNS; i++)
        widest[i] = strlen(columns[i].name);
    for (size_t index = 0; (mechanism = next(&index, all));) {
        fill(mechanism, cells);
        for (size_t i = 0; i < COLUMNS; i++)
            if (cells[i] && strlen(cells[i]) > widest[i])
                widest[i] = strlen(cells[i]);
    }
    for (size_t i = 0; i < COLUMNS; i++)
        sum += widest[i];
    return sum <= width;
}

static int print_all(const struct choices *choices)
{
    const char *cells[COLUMNS];
    const struct wherry_mechanism *mechanism;
    struct table *table = table_new("transports", columns, COLUMNS, choices->json);
    for (size_t index = 0; (mechanism = next(&index, choices->all));) {
        fill(mechanism, cells);
        table_add(table, cells);
    }
    return table_print(table, command_transports.name);
}

// "duplex or connectionless" becomes two lines.
static void break_cell(const char *cell, char out[CELL_MOST])
{
    snprintf(out, CELL_MOST, "%s", cell ? cell : "");
    char *word = strstr(out, " or ");
    if (word)
        word[3] = '\n';
}

static int print_narrow(const struct choices *choices)
{
    const char *cells[COLUMNS];
    const struct wherry_mechanism *mechanism;
    struct table *table =
        table_new("transports", narrow_columns, NARROW_COLUMNS, false);
    for (size_t index = 0; (mechanism = next(&index, choices->all));) {
        char texts[NARROW_COLUMNS][CELL_MOST];
        const char *chosen[NARROW_COLUMNS];
        fill(mechanism, cells);
        for (size_t i = 0; i < NARROW_COLUMNS; i++) {
            break_cell(cells[narrow[i]], texts[i]);
            chosen[i] = texts[i];
        }
        table_add(table, chosen);
    }
    int status = table_print(table, command_transports.name);
    putchar('\n');
    for (size_t index = 0; (mechanism = next(&index, choices->all));) {
        printf("%-*s", NAME_COLUMN, mechanism->scheme);
        say_wrapped(mechanism->summary, NAME_COLUMN, NARROW);
    }
    return status;
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_transports, argc, argv, 0, 0, &choices) != DONE)
        return USAGE;
    size_t width = table_width();
    bool is_whole = choices.json || width == 0 || fits(width, choices.all);
    return is_whole ? print_all(&choices) : print_narrow(&choices);
}

static const struct setting *const settings[] = {&setting_all, &setting_json, NULL};

const struct command command_transports = {
    .name = "transports",
    .arguments = "[--all] [--json]",
    .summary = "Prints the table of mechanisms and what each can do.",
    .settings = settings,
    .help = "`wherry help SCHEME` tells the options of one, and what it cannot do.\n"
            "\n"
            "Example:\n"
            "  wherry transports\n",
    .run = run,
};
