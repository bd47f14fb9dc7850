/* SPDX-License-Identifier: MIT */
/*
 * The options that say how a process is started.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

enum { NICE_MOST = 40 };

/* --- values -------------------------------------------------------------- */

static const char *add_change(struct choices *choices, const char *value)
{
    struct start_choices *start = &choices->start;
    if (start->change_count == CHANGES_MOST)
        return "given at most 128 times, with --unset";
    start->changes[start->change_count++] = value;
    return NULL;
}

static const char *put_set(struct choices *choices, const char *value)
{
    if (value[0] == '=' || !strchr(value, '='))
        return "NAME=VALUE";
    return add_change(choices, value);
}

static const char *put_unset(struct choices *choices, const char *value)
{
    if (!value[0] || strchr(value, '='))
        return "a name";
    return add_change(choices, value);
}

static const char *put_nice(struct choices *choices, const char *value)
{
    int64_t number;
    if (!settings_read_number(value, -NICE_MOST, &number) || number > NICE_MOST)
        return "a number from -40 to 40";
    choices->start.nice = (int)number;
    return NULL;
}

static const char *put_stop_signal(struct choices *choices, const char *value)
{
    choices->start.stop_signal = wherry_signal_number(value);
    return choices->start.stop_signal > 0 ? NULL : "a signal: TERM, INT, USR1, 10";
}

static const char *put_death_signal(struct choices *choices, const char *value)
{
    choices->start.death_signal = wherry_signal_number(value);
    return choices->start.death_signal > 0 ? NULL : "a signal: TERM, KILL, HUP, 15";
}

static const char *put_grace(struct choices *choices, const char *value)
{
    return settings_read_time(value, &choices->start.grace);
}

/* --- open files by number ------------------------------------------------ */

/* How a source begins or what it is, and what that means; the first that fits. */
static const struct source {
    const char *word;
    enum wherry_from from;
    enum wherry_access access;
    bool has_path;
} sources[] = {
    {"null", WHERRY_FROM_NULL, WHERRY_ACCESS_USUAL, false},
    {"closed", WHERRY_FROM_NOTHING, WHERRY_ACCESS_USUAL, false},
    {"inherit", WHERRY_FROM_PARENT, WHERRY_ACCESS_USUAL, false},
    {"<", WHERRY_FROM_FILE, WHERRY_ACCESS_READ, true},
    {">>", WHERRY_FROM_FILE, WHERRY_ACCESS_APPEND, true},
    {">", WHERRY_FROM_FILE, WHERRY_ACCESS_WRITE, true},
};

static bool read_descriptor(const char *text, int *out)
{
    int64_t number;
    if (!settings_read_number(text, 0, &number) || number > INT_MAX)
        return false;
    *out = (int)number;
    return true;
}

static bool read_source(const char *text, struct wherry_laid *out)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        const struct source *source = &sources[i];
        const size_t size = strlen(source->word);
        bool is_it = source->has_path
                         ? strncmp(text, source->word, size) == 0 && text[size]
                         : strcmp(text, source->word) == 0;
        if (!is_it)
            continue;
        out->from = source->from;
        out->access = source->access;
        out->path = source->has_path ? text + size : NULL;
        return true;
    }
    out->from = text[0] == '&' ? WHERRY_FROM_NUMBER : WHERRY_FROM_DESCRIPTOR;
    return read_descriptor(text + (text[0] == '&'), &out->descriptor);
}

static const char *put_fd(struct choices *choices, const char *value)
{
    static const char wanted[] = "N=<PATH, N=>PATH, N=>>PATH, N=&M, N=M, N=null, "
                                 "N=closed or N=inherit";
    struct start_choices *start = &choices->start;
    struct wherry_laid laid = {.number = 0};
    char number[16];
    const size_t size = strcspn(value, "=");
    if (start->laid_count == LAID_MOST)
        return "given at most 16 times";
    if (!value[size] || size >= sizeof(number))
        return wanted;
    snprintf(number, sizeof(number), "%.*s", (int)size, value);
    if (!read_descriptor(number, &laid.number) || !read_source(value + size + 1, &laid))
        return wanted;
    start->laid[start->laid_count++] = laid;
    return NULL;
}

/* --- bounds -------------------------------------------------------------- */

static const char *put_max_output(struct choices *choices, const char *value)
{
    return settings_read_size(value, &choices->start.output_most) &&
                   choices->start.output_most > 0
               ? NULL
               : "a number of bytes from 1 on, with K, M or G";
}

static bool read_bound(const char *text, uint64_t *out)
{
    int64_t number = 0;
    if (strcmp(text, "none") == 0) {
        *out = UINT64_MAX;
        return true;
    }
    bool is_size = settings_read_size(text, &number);
    *out = (uint64_t)number;
    return is_size;
}

static const char *put_limit(struct choices *choices, const char *value)
{
    static const char wanted[] = "NAME=N or NAME=SOFT:HARD, with K, M or G, or none";
    struct start_choices *start = &choices->start;
    char soft[32];
    size_t name = strcspn(value, "=");
    if (start->limit_count == LIMITS_MOST)
        return "given at most 16 times";
    char *own = start->limit_names[start->limit_count];
    struct wherry_limit *limit = &start->limits[start->limit_count];
    if (!value[name] || name == 0 || name >= sizeof(start->limit_names[0]))
        return wanted;
    const char *bounds = value + name + 1;
    size_t first = strcspn(bounds, ":");
    if (first >= sizeof(soft))
        return wanted;
    snprintf(own, sizeof(start->limit_names[0]), "%.*s", (int)name, value);
    snprintf(soft, sizeof(soft), "%.*s", (int)first, bounds);
    const char *hard = bounds[first] ? bounds + first + 1 : soft;
    if (!read_bound(soft, &limit->soft) || !read_bound(hard, &limit->hard))
        return wanted;
    start->limit_count++;
    return NULL;
}

#define TEXT(field)                                                                    \
    static const char *put_##field(struct choices *choices, const char *value)         \
    {                                                                                  \
        choices->start.field = value;                                                  \
        return NULL;                                                                   \
    }

TEXT(argv0)
TEXT(directory)
TEXT(user)
TEXT(group)
TEXT(umask)
TEXT(input)
TEXT(output)
TEXT(errors)

#define FLAG(field)                                                                    \
    static const char *put_##field(struct choices *choices, const char *value)         \
    {                                                                                  \
        (void)value;                                                                   \
        choices->start.field = true;                                                   \
        return NULL;                                                                   \
    }

FLAG(append)
FLAG(channel)
FLAG(die_with_parent)
FLAG(empty_environment)
FLAG(own_group)
FLAG(quiet)
FLAG(session)
FLAG(shell)

/* --- the table ----------------------------------------------------------- */

static const struct setting shell = {
    "shell", NULL, "The first word is a line for sh(1); the others are its $1, $2 ….",
    put_shell};
static const struct setting set = {
    "set", "NAME=VALUE", "Sets a variable of its environment; may be given again.",
    put_set};
static const struct setting unset = {
    "unset", "NAME", "Takes a variable out of it; may be given again.", put_unset};
static const struct setting empty_environment = {"empty-environment", NULL,
                                                 "It inherits no variables at all.",
                                                 put_empty_environment};
static const struct setting directory = {"directory", "PATH", "It begins there.",
                                         put_directory};
static const struct setting user = {
    "user", "NAME", "It runs as that user, with that user's groups.", put_user};
static const struct setting group = {"group", "NAME", "It runs in that group.",
                                     put_group};
static const struct setting umask_of_it = {
    "umask", "MODE", "The rights that files it makes do not get: 027.", put_umask};
static const struct setting nice_of_it = {
    "nice", "N", "Is added to its niceness, nice(1).", put_nice};
static const struct setting limit = {
    "limit", "NAME=N",
    "A limit of prlimit(1): nofile=64, as=1G, core=0:none; may be given again.",
    put_limit};
static const struct setting own_group = {
    "own-group", NULL, "It leads a group of its own: Ctrl-C does not reach it.",
    put_own_group};
static const struct setting session = {
    "session", NULL, "It leads a session of its own, without a terminal.", put_session};
static const struct setting die_with_parent = {
    "die-with-parent", NULL,
    "It and all that it started are killed when this program ends, in whatever way.",
    put_die_with_parent};
static const struct setting input = {"stdin", "PATH", "It reads that file.", put_input};
static const struct setting output = {
    "stdout", "PATH", "It writes into that file, which is emptied.", put_output};
static const struct setting errors = {
    "stderr", "PATH",
    "Its errors go into that file; with the path of --stdout, where its output goes.",
    put_errors};
static const struct setting append = {
    "append", NULL, "Those files are not emptied, but grow.", put_append};
static const struct setting max_output = {
    "max-output", "SIZE",
    "It is stopped when it says more than that: 64K, 1M.  Of each output.",
    put_max_output};
static const struct setting stop_signal = {
    "stop-signal", "NAME", "What stops it, TERM unless said otherwise; KILL follows.",
    put_stop_signal};
static const struct setting grace_of_it = {
    "grace", "TIME", "How long after that KILL follows: 500ms, 5s; usually 2s.",
    put_grace};
static const struct setting death_signal = {
    "death-signal", "NAME",
    "What it gets when this program ends; alone, not what it started.",
    put_death_signal};
static const struct setting argv0 = {"argv0", "NAME", "What it is called: its argv[0].",
                                     put_argv0};
static const struct setting fd = {
    "fd", "N=SOURCE",
    "What it has open at N: N=<PATH, N=>PATH, N=>>PATH, N=&M (as its M), N=M (as M "
    "here), N=null, N=closed, N=inherit; may be given again.",
    put_fd};
static const struct setting quiet = {
    "quiet", NULL, "Does not say how it ended; the exit status does.", put_quiet};

static const char *put_time(struct choices *choices, const char *value)
{
    return settings_read_time(value, &choices->timeout);
}

static const char *put_as_json(struct choices *choices, const char *value)
{
    (void)value;
    choices->json = true;
    return NULL;
}

static const struct setting timeout = {
    "timeout", "TIME", "It is stopped when it takes longer: 500ms, 2s, 10min.",
    put_time};
static const struct setting as_json = {
    "json", NULL, "Prints how it ended and what it said as JSON.", put_as_json};

static const struct setting channel = {
    "channel", NULL,
    "Talks with it beside: lines of stdin are messages to it, its messages are lines.",
    put_channel};

/* What is said of several. */

static const struct setting shell_of_each = {
    "shell", NULL, "Each COMMAND is a line for sh(1).", put_shell};
static const struct setting input_of_first = {"stdin", "PATH",
                                              "The first reads that file.", put_input};
static const struct setting output_of_last = {
    "stdout", "PATH", "The last writes into that file, which is emptied.", put_output};
static const struct setting errors_of_all = {
    "stderr", "PATH",
    "The errors of all go into that file; with the path of --stdout, where that goes.",
    put_errors};

const struct setting *const run_settings[] = {
    &shell,     &timeout,   &max_output,   &stop_signal,     &grace_of_it,
    &input,     &output,    &errors,       &append,          &fd,
    &argv0,     &directory, &set,          &unset,           &empty_environment,
    &user,      &group,     &umask_of_it,  &nice_of_it,      &limit,
    &own_group, &session,   &death_signal, &die_with_parent, &quiet,
    &channel,   &as_json,   NULL};

const struct setting *const pipe_settings[] = {&shell_of_each,
                                               &timeout,
                                               &max_output,
                                               &stop_signal,
                                               &grace_of_it,
                                               &input_of_first,
                                               &output_of_last,
                                               &errors_of_all,
                                               &append,
                                               &directory,
                                               &set,
                                               &unset,
                                               &empty_environment,
                                               &user,
                                               &group,
                                               &umask_of_it,
                                               &nice_of_it,
                                               &limit,
                                               &own_group,
                                               &session,
                                               &death_signal,
                                               &die_with_parent,
                                               &quiet,
                                               &as_json,
                                               NULL};
