/* SPDX-License-Identifier: MIT */
/*
 * transports: the table of mechanisms, as the library has it.
 */
#include "help.h"
#include "settings.h"
#include "table.h"

static const struct column columns[] = {
    {"scheme", COLUMN_TEXT, false},       {"mechanism", COLUMN_TEXT, false},
    {"ways", COLUMN_TEXT, false},         {"moves", COLUMN_TEXT, false},
    {"open files", COLUMN_FLAG, false},   {"kinds", COLUMN_TEXT, false},
    {"sender known", COLUMN_FLAG, false}, {"across hosts", COLUMN_FLAG, false},
    {"outlives", COLUMN_FLAG, false},     {"framing", COLUMN_TEXT, false},
    {"use for", COLUMN_TEXT, true},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const char *yes(const struct wherry_mechanism *mechanism, unsigned ability)
{
    return mechanism->abilities & ability ? "yes" : "no";
}

static void add(struct table *table, const struct wherry_mechanism *mechanism)
{
    const char *const cells[COLUMNS] = {
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
    table_add(table, cells);
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_transports, argc, argv, 0, 0, &choices) != DONE)
        return USAGE;
    struct table *table = table_new("transports", columns, COLUMNS, choices.json);
    const struct wherry_mechanism *mechanism;
    for (size_t i = 0; (mechanism = wherry_mechanism_at(i)); i++)
        if (choices.all || !(mechanism->abilities & WHERRY_ABLE_TESTS_ONLY))
            add(table, mechanism);
    return table_print(table, command_transports.name);
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
