/* SPDX-License-Identifier: MIT */
/*
 * One value of an option: read, written, and refused in a sentence that says what would
 * do.
 *
 * Each type is a row of `types`.  Sizes count in powers of 1,024, durations need a unit
 * (only 0 goes without), so that nobody has to guess whether 2 is seconds or
 * milliseconds.
 */
#include "message/message.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

struct unit {
    const char *name;
    int64_t size;
};

static const struct unit size_units[] = {
    {"", 1},
    {"K", INT64_C(1) << 10},
    {"M", INT64_C(1) << 20},
    {"G", INT64_C(1) << 30},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"ns", 1},
    {"us", 1000},
    {"ms", 1000000},
    {"s", 1000000000},
    {"min", INT64_C(60) * 1000000000},
    {NULL, 0},
};

static const struct unit number_units[] = {{"", 1}, {NULL, 0}};

static const struct {
    const char *what;
    const struct unit *units;
} counted[] = {
    [WHERRY_OPTION_NUMBER] = {"a number", number_units},
    [WHERRY_OPTION_SIZE] = {"a size in bytes", size_units},
    [WHERRY_OPTION_DURATION] = {"a duration with its unit", duration_units},
};

enum {
    SHOWN = 64,   // bytes of a wrong value that an error text shows
    PRINTED = 64, // room for a bound
    CHOICES_TEXT = 256,
    CHOICES = 32
};

// --- numbers, sizes, durations ---

/* A letter of ASCII in its small form, whatever the locale. */
static int small(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool is_alike(const char *a, const char *b)
{
    while (*a && small(*a) == small(*b)) {
        a++;
        b++;
    }
    return !*a && !*b;
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
    for (; units->name; units++)
        if (is_alike(units->name, name))
            return units;
    return NULL;
}

static int read_counted(const struct wherry_option *option, const char *text,
                        int64_t *out)
{
    const int sign = *text == '-' ? -1 : 1;
    const char *at = text + (*text == '-');
    bool is_lost = false;
    int64_t value = 0;
    if (*at < '0' || *at > '9')
        return -EINVAL;
    for (; *at >= '0' && *at <= '9'; at++)
        is_lost |= __builtin_mul_overflow(value, 10, &value) ||
                   __builtin_add_overflow(value, sign * (*at - '0'), &value);
    const struct unit *unit = find_unit(counted[option->type].units, at);
    bool is_bare_zero = !*at && value == 0 && !is_lost;
    if (!unit && !is_bare_zero)
        return -EINVAL;
    is_lost |= __builtin_mul_overflow(value, unit ? unit->size : 1, &value);
    *out = value;
    return is_lost ? -ERANGE : 0;
}

static void print_counted(const struct wherry_option *option, int64_t value, char *out,
                          size_t size)
{
    const struct unit *unit = counted[option->type].units;
    for (const struct unit *next = unit + 1; next->name; next++)
        if (value != 0 && value % next->size == 0)
            unit = next;
    snprintf(out, size, "%" PRId64 "%s", value / unit->size, value ? unit->name : "");
}

static void explain_counted(const struct wherry_option *option, const char *text,
                            char *out, size_t size)
{
    char least[PRINTED];
    char most[PRINTED];
    (void)text;
    print_counted(option, option->least, least, sizeof least);
    print_counted(option, option->most, most, sizeof most);
    if (option->most == INT64_MAX)
        snprintf(out, size, "it is %s of at least %s, for example %s=%s",
                 counted[option->type].what, least, option->name,
                 option->standard ? option->standard : least);
    else
        snprintf(out, size, "it is %s from %s to %s, for example %s=%s",
                 counted[option->type].what, least, most, option->name,
                 option->standard ? option->standard : least);
}

// --- yes and no ---

static int read_flag(const struct wherry_option *option, const char *text, int64_t *out)
{
    static const char *const answers[] = {"no", "yes", "0", "1"};
    (void)option;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (strcmp(text, answers[i]) != 0)
            continue;
        *out = (int64_t)(i & 1);
        return 0;
    }
    return -EINVAL;
}

static void print_flag(const struct wherry_option *option, int64_t value, char *out,
                       size_t size)
{
    (void)option;
    snprintf(out, size, "%s", value ? "yes" : "no");
}

static void explain_flag(const struct wherry_option *option, const char *text,
                         char *out, size_t size)
{
    (void)text;
    snprintf(out, size, "it is yes or no, for example %s=yes", option->name);
}

// --- one of several words ---

/* The word at `place` of "a|b|c", its length in *size; NULL past the last. */
static const char *choice_at(const char *choices, int64_t place, size_t *size)
{
    const char *word = choices;
    for (; place > 0; place--) {
        word = strchr(word, '|');
        if (!word)
            return NULL;
        word++;
    }
    *size = strcspn(word, "|");
    return place < 0 ? NULL : word;
}

static int read_choice(const struct wherry_option *option, const char *text,
                       int64_t *out)
{
    const char *word;
    size_t size;
    for (int64_t i = 0; (word = choice_at(option->choices, i, &size)); i++) {
        if (strlen(text) != size || memcmp(text, word, size) != 0)
            continue;
        *out = i;
        return 0;
    }
    return -EINVAL;
}

static void print_choice(const struct wherry_option *option, int64_t value, char *out,
                         size_t size)
{
    size_t length = 0;
    const char *word = choice_at(option->choices, value, &length);
    snprintf(out, size, "%.*s", (int)length, word ? word : "");
}

static void explain_choice(const struct wherry_option *option, const char *text,
                           char *out, size_t size)
{
    char copy[CHOICES_TEXT];
    const char *names[CHOICES];
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", option->choices);
    for (char *word = copy; word && count < CHOICES; count++) {
        names[count] = word;
        word = strchr(word, '|');
        if (word)
            *word++ = '\0';
    }
    const char *nearest = address_nearest(text, names, count);
    const char *example = option->standard ? option->standard : names[0];
    snprintf(out, size, "it is one of %s%s %s=%s%s", option->choices,
             nearest ? "; did you mean" : ", for example", option->name,
             nearest ? nearest : example, nearest ? "?" : "");
}

// --- text ---

static int read_text(const struct wherry_option *option, const char *text, int64_t *out)
{
    (void)option;
    *out = (int64_t)strlen(text);
    return 0;
}

static void print_text(const struct wherry_option *option, int64_t value, char *out,
                       size_t size)
{
    (void)option;
    (void)value;
    snprintf(out, size, "%s", "");
}

static void explain_text(const struct wherry_option *option, const char *text,
                         char *out, size_t size)
{
    snprintf(out, size, "it has %zu bytes, from %" PRId64 " to %" PRId64 " are taken",
             strlen(text), option->least, option->most);
}

// --- the table ---

/* One type: its reader gives 0, -EINVAL (no such value) or -ERANGE (cannot be counted).
 */
static const struct value_type {
    int (*read)(const struct wherry_option *, const char *text, int64_t *out);
    void (*print)(const struct wherry_option *, int64_t value, char *out, size_t size);
    void (*explain)(const struct wherry_option *, const char *text, char *out,
                    size_t size);
    bool is_bounded; // `least` and `most` mean something
} types[] = {
    [WHERRY_OPTION_NUMBER] = {read_counted, print_counted, explain_counted, true},
    [WHERRY_OPTION_SIZE] = {read_counted, print_counted, explain_counted, true},
    [WHERRY_OPTION_DURATION] = {read_counted, print_counted, explain_counted, true},
    [WHERRY_OPTION_FLAG] = {read_flag, print_flag, explain_flag, false},
    [WHERRY_OPTION_CHOICE] = {read_choice, print_choice, explain_choice, false},
    [WHERRY_OPTION_TEXT] = {read_text, print_text, explain_text, true},
};

int option_read(const struct wherry_option *option, const char *text, int64_t *out)
{
    char explained[FAILURE_TEXT / 2];
    int64_t value = 0;
    assert((size_t)option->type < sizeof types / sizeof types[0]);
    const struct value_type *type = &types[option->type];
    int r = type->read(option, text, &value);
    if (r == 0 && type->is_bounded && (value < option->least || value > option->most))
        r = -ERANGE;
    if (r == 0) {
        *out = option->type == WHERRY_OPTION_TEXT ? 0 : value;
        return 0;
    }
    type->explain(option, text, explained, sizeof explained);
    return failure(-EINVAL, "%s=%.*s%s is %s; %s", option->name, SHOWN, text,
                   strlen(text) > SHOWN ? "..." : "",
                   r == -ERANGE ? "out of bounds" : "not understood", explained);
}

void option_print(const struct wherry_option *option, int64_t value, char *out,
                  size_t size)
{
    assert((size_t)option->type < sizeof types / sizeof types[0]);
    types[option->type].print(option, value, out, size);
}

const struct wherry_option *option_find(const struct wherry_option *table,
                                        const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

bool option_is(const struct wherry_option *option, int64_t value, const char *name)
{
    size_t size = 0;
    const char *word =
        option->choices ? choice_at(option->choices, value, &size) : NULL;
    return word && strlen(name) == size && memcmp(word, name, size) == 0;
}
