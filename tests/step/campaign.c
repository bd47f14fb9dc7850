/* SPDX-License-Identifier: MIT */
/*
 * The program: its options, and a test for each subject and mode.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "parts.h"

enum { ARGUMENTS_MOST = 64, PATTERN_SIZE = 256 };

struct options step_options = {.pairs = 1000, .kills = 1000, .workers = 4, .seed = 1};

static struct {
    const char *subject;
    const char *mode;
} wanted = {"*", "*"};

static const struct mode {
    const char *name;
    void (*run)(const void *subject);
} modes[] = {
    {"kill", kill_mode},
    {"double", double_mode},
    {"stop", stop_mode},
    {"load", load_mode},
};

static const struct known {
    const char *name;
    const char **text;     // either
    unsigned long *number; // or
    bool *flag;            // or
    const char *help;
} known[] = {
    {"--subject", &wanted.subject, NULL, NULL, "only this one, or a shell pattern"},
    {"--mode", &wanted.mode, NULL, NULL, "only kill, double, stop or load"},
    {"--role", &step_options.role, NULL, NULL, "only this one"},
    {"--points", NULL, &step_options.points, NULL, "kill: at so many of a role; 0 all"},
    {"--point", NULL, &step_options.point, NULL, "kill, stop: only at this one"},
    {"--pairs", NULL, &step_options.pairs, NULL, "double: so many of a role"},
    {"--stops", NULL, &step_options.stops, NULL, "stop: at so many of a role; 0 all"},
    {"--kills", NULL, &step_options.kills, NULL, "load: so many"},
    {"--workers", NULL, &step_options.workers, NULL, "load: so many at once"},
    {"--seed", NULL, &step_options.seed, NULL, "load: of the random moments"},
    {"--outcomes", NULL, NULL, &step_options.is_listing, "every one is told"},
    {"--unreaped", NULL, NULL, &step_options.is_unreaped, "the dead stay zombies"},
};

enum { KNOWN = sizeof known / sizeof *known, MODES = sizeof modes / sizeof *modes };

static bool has_mode(const struct step_subject *subject, const struct mode *mode)
{
    if (mode->run == load_mode)
        return subject->turn != NULL;
    if (mode->run == double_mode && !subject->recover)
        return false;
    if (mode->run == stop_mode && !subject->meet)
        return false;
    return subject->role_count > 0;
}

void step_add(const struct step_subject *subject)
{
    char name[PATTERN_SIZE];
    for (size_t i = 0; i < MODES; i++) {
        snprintf(name, sizeof name, "%s/%s", subject->name, modes[i].name);
        if (has_mode(subject, &modes[i]))
            harness_add(name, modes[i].run, subject);
    }
}

static void print_help(void)
{
    printf("A test is SUBJECT/MODE.  Besides those of every test program:\n\n");
    for (size_t i = 0; i < KNOWN; i++)
        printf("  %-11s %-6s %s\n", known[i].name,
               known[i].number ? "N"
               : known[i].text ? "NAME"
                               : "",
               known[i].help);
    printf("\n");
}

/* Takes the value of an option; false if it has none, and says so. */
static bool set(const struct known *option, const char *value)
{
    char *end = NULL;
    errno = 0;
    if (option->text)
        *option->text = value;
    if (value && option->number)
        *option->number = strtoul(value, &end, 10);
    if (value && !errno && (!option->number || (!*end && end > value)))
        return true;
    fprintf(stderr, "%s: not %s: %s\n", option->name,
            option->number ? "a number" : "a name", value ? value : "nothing");
    return false;
}

static const struct known *find(const char *name)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (strcmp(name, known[i].name) == 0)
            return &known[i];
    return NULL;
}

/* Takes the options of this program out of argv; the new argc, 0 if one is wrong. */
static int parse(int argc, char **argv, char **rest)
{
    int kept = 0;
    for (int i = 0; i < argc && kept < ARGUMENTS_MOST; i++) {
        const struct known *option = i ? find(argv[i]) : NULL;
        if (option && option->flag)
            *option->flag = true;
        else if (option && !set(option, argv[++i]))
            return 0;
        else if (!option)
            rest[kept++] = argv[i];
        if (i && i < argc && strcmp(argv[i], "--help") == 0)
            print_help();
    }
    return kept;
}

int main(int argc, char **argv)
{
    enum { WORKERS_MOST = 64 };

    static char only[] = "--only";
    static char pattern[PATTERN_SIZE];
    char *rest[ARGUMENTS_MOST + 3];
    int count = parse(argc, argv, rest);
    if (count == 0)
        return 2;
    if (step_options.workers < 1 || step_options.workers > WORKERS_MOST) {
        fprintf(stderr, "--workers: not in 1 … %d\n", WORKERS_MOST);
        return 2;
    }
    if (strcmp(wanted.subject, "*") != 0 || strcmp(wanted.mode, "*") != 0) {
        snprintf(pattern, sizeof pattern, "%s/%s", wanted.subject, wanted.mode);
        rest[count++] = only;
        rest[count++] = pattern;
    }
    rest[count] = NULL;
    progress_open();
    return harness_main(count, rest);
}
