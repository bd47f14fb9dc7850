/* SPDX-License-Identifier: MIT */
/*
 * choose: which mechanism to take, by what is needed, and why.
 *
 * This file reads the needs and prints the ranking; the needs stand in choose_needs.c,
 * the scenarios and the rules in choose_rules.c.
 */
#include "choose.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "say.h"
#include "table.h"

enum {
    LIST_MOST = 1024,
    FIRST = 3,
    TEXT_COLUMN = 20,
    NAME_MOST = 64,
    WIDTH = 80,
    NAMES_MOST = 32
};

static const char *scenario_name; /* --for, or NULL */
static bool explains_all;         /* --all */

/* --- lists of words ------------------------------------------------------ */

struct list {
    char text[LIST_MOST];
    size_t size;
};

static void list_add(struct list *list, const char *between, const char *word)
{
    size_t room = sizeof(list->text) - list->size;
    int size = snprintf(list->text + list->size, room, "%s%s",
                        list->size > 0 ? between : "", word);
    list->size += (size_t)size < room ? (size_t)size : room - 1;
}

static void list_needs(struct list *list, uint32_t bits)
{
    for (unsigned i = 0; i < NEEDS; i++)
        if (bits >> i & 1)
            list_add(list, ", ", needs[i].text);
}

static void list_costs(struct list *list, const struct answer *answer)
{
    for (size_t i = 0; answer->costs[i]; i++)
        list_add(list, ", ", answer->costs[i]);
}

/* --- for people ---------------------------------------------------------- */

static void print_part(const char *name, const char *text)
{
    if (!*text)
        return;
    printf("    %-*s", TEXT_COLUMN - 4, name);
    say_wrapped(text, TEXT_COLUMN, WIDTH);
}

// "memfd", or "memfd (later)".
static const char *name_of(const struct wherry_mechanism *mechanism,
                           char text[NAME_MOST])
{
    if (mechanism->absent)
        snprintf(text, NAME_MOST, "%s (%s)", mechanism->scheme, mechanism->absent);
    else
        snprintf(text, NAME_MOST, "%s", mechanism->scheme);
    return text;
}

static void print_beside(const struct wherry_mechanism *beside)
{
    char name[NAME_MOST];
    char text[LIST_MOST];
    if (!beside)
        return;
    snprintf(text, sizeof(text), "%s, %s", name_of(beside, name), beside->mechanism);
    print_part("together with", text);
}

static void print_answer(size_t place, const struct answer *answer)
{
    const struct wherry_mechanism *mechanism = answer->mechanism;
    struct list met = {.size = 0};
    struct list unmet = {.size = 0};
    struct list costs = {.size = 0};
    char name[NAME_MOST];
    list_needs(&met, answer->met);
    list_needs(&unmet, answer->unmet);
    list_costs(&costs, answer);
    printf("%2zu. %-*s", place, TEXT_COLUMN - 4, name_of(mechanism, name));
    say_wrapped(mechanism->summary, TEXT_COLUMN, WIDTH);
    print_part("has", met.text);
    print_part("lacks", unmet.text);
    print_part("but", costs.text);
    print_part("largest", mechanism->limit);
    print_beside(answer->beside);
}

static size_t count_fitting(const struct answer *answers, size_t count)
{
    size_t fitting = 0;
    while (fitting < count && answers[fitting].fits)
        fitting++;
    return fitting;
}

static void print_rest(const char *heading, bool is_absent,
                       const struct answer *answers, size_t count)
{
    struct list names = {.size = 0};
    for (size_t i = 0; i < count; i++)
        if (is_absent == (answers[i].mechanism->absent != NULL))
            list_add(&names, ", ", answers[i].mechanism->scheme);
    if (names.size == 0)
        return;
    printf("%-*s", TEXT_COLUMN, heading);
    say_wrapped(names.text, TEXT_COLUMN, WIDTH);
}

static const struct wherry_mechanism *best_that_is_here(const struct answer *answers,
                                                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!answers[i].mechanism->absent)
            return answers[i].mechanism;
    return NULL;
}

// The last word: what to do now.
static void print_advice(const struct answer *answers, size_t fitting)
{
    const struct wherry_mechanism *best = answers[0].mechanism;
    const struct wherry_mechanism *here = best_that_is_here(answers, fitting);
    char name[NAME_MOST];
    char text[LIST_MOST];
    const char *option = need_option(answers[0].met);
    if (best == here)
        snprintf(text, sizeof(text), "Take %s%s%s (`wherry help %s:` tells how).",
                 best->usage, option ? "?" : "", option ? option : "", best->scheme);
    else if (here)
        snprintf(text, sizeof(text),
                 "Not there yet: %s.  The best that is: %s.  In place of %s: %s.",
                 name_of(best, name), here->usage, best->scheme, best->instead);
    else
        snprintf(text, sizeof(text),
                 "Nothing of this is there yet.  In place of %s: %s.", best->scheme,
                 best->instead);
    putchar('\n');
    say_wrapped(text, 0, WIDTH);
}

static int print_ranking(const struct scenario *scenario, const struct answer *answers,
                         size_t fitting)
{
    size_t explained = explains_all || fitting < FIRST ? fitting : FIRST;
    if (scenario) {
        say_heading(scenario->text);
        say_wrapped(scenario->why, 0, WIDTH);
        putchar('\n');
    }
    for (size_t i = 0; i < explained; i++)
        print_answer(i + 1, &answers[i]);
    if (explained < fitting)
        putchar('\n');
    print_rest("Then", false, answers + explained, fitting - explained);
    print_rest("Then, one day", true, answers + explained, fitting - explained);
    print_advice(answers, fitting);
    return DONE;
}

/* --- when nothing fits --------------------------------------------------- */

static void list_options(struct list *list, uint32_t bits)
{
    for (unsigned i = 0; i < NEEDS; i++) {
        char word[64];
        if (!(bits >> i & 1))
            continue;
        snprintf(word, sizeof(word), "--%s", needs[i].setting.name);
        list_add(list, " ", word);
    }
}

// Whom that need alone lets in, and whom it alone keeps out.
static void print_excluded(const struct wanted *wanted, unsigned need,
                           const struct answer *answers, size_t count)
{
    const uint32_t bit = UINT32_C(1) << need;
    struct list having = {.size = 0};
    struct list others = {.size = 0};
    for (size_t i = 0; i < count; i++) {
        uint32_t unmet = answers[i].unmet & wanted->musts;
        if (answers[i].is_elsewhere)
            continue;
        if (!(unmet & bit))
            list_add(&having, " ", answers[i].mechanism->scheme);
        else if (unmet == bit)
            list_add(&others, " ", answers[i].mechanism->scheme);
    }
    fprintf(stderr, "  --%s excludes all%s%s\n", needs[need].setting.name,
            having.size ? " but " : "", having.text);
    if (others.size > 0 && wanted->musts != bit)
        fprintf(stderr, "    without it, take %s\n", others.text);
}

static int say_contradiction(const struct wanted *wanted, const struct answer *answers,
                             size_t count)
{
    struct list asked = {.size = 0};
    list_options(&asked, wanted->musts);
    say_error(command_choose.name, "no mechanism has all of %s", asked.text);
    for (unsigned i = 0; i < NEEDS; i++)
        if (wanted->musts >> i & 1)
            print_excluded(wanted, i, answers, count);
    return FAILED;
}

/* --- as JSON ------------------------------------------------------------- */

static const struct column columns[] = {
    {"rank", COLUMN_NUMBER, false},   {"scheme", COLUMN_TEXT, false},
    {"fits", COLUMN_FLAG, false},     {"here", COLUMN_FLAG, false},
    {"absent", COLUMN_TEXT, false},   {"score", COLUMN_NUMBER, false},
    {"has", COLUMN_TEXT, false},      {"lacks", COLUMN_TEXT, false},
    {"but", COLUMN_TEXT, false},      {"limit", COLUMN_TEXT, false},
    {"together", COLUMN_TEXT, false}, {"instead", COLUMN_TEXT, false},
    {"use for", COLUMN_TEXT, false},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void add_row(struct table *table, size_t place, const struct answer *answer)
{
    const struct wherry_mechanism *mechanism = answer->mechanism;
    struct list met = {.size = 0};
    struct list unmet = {.size = 0};
    struct list costs = {.size = 0};
    char rank[32];
    char score[32];
    list_options(&met, answer->met);
    list_options(&unmet, answer->unmet);
    list_costs(&costs, answer);
    snprintf(rank, sizeof(rank), "%zu", place);
    snprintf(score, sizeof(score), "%d", answer->score);
    const char *const cells[COLUMNS] = {
        answer->fits ? rank : NULL,
        mechanism->scheme,
        answer->fits ? "yes" : "no",
        mechanism->absent ? "no" : "yes",
        mechanism->absent,
        score,
        met.text,
        unmet.text,
        costs.text,
        mechanism->limit,
        answer->beside ? answer->beside->scheme : NULL,
        mechanism->instead,
        mechanism->summary,
    };
    table_add(table, cells);
}

static int print_json(const struct answer *answers, size_t count)
{
    struct table *table = table_new("choose", columns, COLUMNS, true);
    for (size_t i = 0; i < count; i++)
        add_row(table, i + 1, &answers[i]);
    return table_print(table, command_choose.name);
}

/* --- scenarios ----------------------------------------------------------- */

static int print_scenarios(bool as_json)
{
    static const struct column names[] = {{"scenario", COLUMN_TEXT, false},
                                          {"what it is about", COLUMN_TEXT, false},
                                          {"what decides", COLUMN_TEXT, false}};

    struct table *table = as_json ? table_new("scenarios", names, 3, true) : NULL;
    for (const struct scenario *each = scenarios; each->name; each++) {
        const char *const cells[] = {each->name, each->text, each->why};
        if (table) {
            table_add(table, cells);
            continue;
        }
        printf("%-*s", TEXT_COLUMN, each->name);
        say_wrapped(each->text, TEXT_COLUMN, WIDTH);
    }
    return as_json ? table_print(table, command_choose.name) : DONE;
}

static const struct scenario *find_scenario(const char *name)
{
    const char *names[NAMES_MOST] = {"list"};
    size_t count = 1;
    for (const struct scenario *each = scenarios; each->name; each++) {
        if (strcmp(each->name, name) == 0)
            return each;
        if (count < NAMES_MOST - 1)
            names[count++] = each->name;
    }
    const char *near = nearest_name(name, names);
    say_usage(command_choose.name,
              "there is no scenario \"%s\"%s%s%s; `wherry choose --for list` prints "
              "them",
              name, near ? "; did you mean \"" : "", near ? near : "",
              near ? "\"" : "");
    return NULL;
}

/* --- the verb ------------------------------------------------------------ */

static int answer(const struct scenario *scenario, bool as_json)
{
    static struct answer answers[ANSWERS_MOST];
    const struct wanted wanted = {.musts =
                                      needs_given | (scenario ? scenario->musts : 0),
                                  .wishes = scenario ? scenario->wishes : NULL};
    size_t count = choose_rank(&wanted, answers);
    size_t fitting = count_fitting(answers, count);
    int status = as_json ? print_json(answers, count) : DONE;
    if (fitting == 0)
        return say_contradiction(&wanted, answers, count);
    return as_json ? status : print_ranking(scenario, answers, fitting);
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_choose, argc, argv, 0, 0, &choices) != DONE)
        return USAGE;
    bool wants_list = scenario_name && strcmp(scenario_name, "list") == 0;
    if (wants_list)
        return print_scenarios(choices.json);
    const struct scenario *scenario =
        scenario_name ? find_scenario(scenario_name) : NULL;
    if (scenario_name && !scenario)
        return USAGE;
    if (!scenario && needs_given == 0)
        return say_usage(
            command_choose.name,
            "what is needed?  For example --across-hosts, or --for script; "
            "`wherry choose --for list` prints the scenarios");
    return answer(scenario, choices.json);
}

static const char *put_for(struct choices *choices, const char *value)
{
    (void)choices;
    scenario_name = value;
    return NULL;
}

static const char *put_all(struct choices *choices, const char *value)
{
    (void)choices;
    (void)value;
    explains_all = true;
    return NULL;
}

static const struct setting setting_for = {
    "for", "SCENARIO", "What it is for: a name of `--for list`.", put_for};
static const struct setting setting_all_that_fit = {
    "all", NULL, "Explains all that fit, not only the first three.", put_all};

static const struct setting *const settings[] = {
    &setting_for,
    &needs[NEED_HOSTS].setting,
    &needs[NEED_BOTH_WAYS].setting,
    &needs[NEED_MANY].setting,
    &needs[NEED_STRANGERS].setting,
    &needs[NEED_USERS].setting,
    &needs[NEED_CHILDREN].setting,
    &needs[NEED_STARTED].setting,
    &needs[NEED_CONTAINERS].setting,
    &needs[NEED_BROWSER].setting,
    &needs[NEED_SHELL].setting,
    &needs[NEED_LARGE].setting,
    &needs[NEED_MESSAGES].setting,
    &needs[NEED_STREAM].setting,
    &needs[NEED_FILES].setting,
    &needs[NEED_KINDS].setting,
    &needs[NEED_PRIORITY].setting,
    &needs[NEED_PICK].setting,
    &needs[NEED_OUTLIVES].setting,
    &needs[NEED_WORKERS].setting,
    &needs[NEED_TOPIC].setting,
    &needs[NEED_MEMORY].setting,
    &needs[NEED_TURNS].setting,
    &needs[NEED_NOTICE].setting,
    &needs[NEED_SENDER].setting,
    &needs[NEED_CONFIRMED].setting,
    &needs[NEED_LOSSLESS].setting,
    &needs[NEED_ENCRYPTED].setting,
    &needs[NEED_DESCRIPTOR].setting,
    &setting_all_that_fit,
    &setting_json,
    NULL,
};

const struct command command_choose = {
    .name = "choose",
    .arguments = "[--for SCENARIO] [--NEED…] [--all] [--json]",
    .summary = "Tells which mechanism to take, by what is needed, and why.",
    .settings = settings,
    .help =
        "Every need that is given must be met.  The first answer is the best: it has\n"
        "most of what the scenario asks for and least that comes along unasked, such\n"
        "as a name to remove or a door to the network.  What is not there yet is\n"
        "marked, and the best that is there is named.  The exit status is 1 when no\n"
        "mechanism has all that is needed.\n"
        "\n"
        "Example:\n"
        "  wherry choose --for script\n"
        "  wherry choose --both-ways --strangers --files\n",
    .run = run,
};
