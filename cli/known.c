/* SPDX-License-Identifier: MIT */
/*
 * What is known of an object, fact by fact, on stdout.
 */
#include "known.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cells.h"
#include "help.h"
#include "say.h"

enum { NAME_COLUMN = 18 };

static char *add(struct known *known, const char *name, enum column_type type)
{
    known->columns[known->count] = (struct column){.name = name, .type = type};
    return known->texts[known->count++];
}

void known_text(struct known *known, const char *name, const char *text)
{
    snprintf(add(known, name, COLUMN_TEXT), KNOWN_TEXT, "%s", text);
}

void known_number(struct known *known, const char *name, int64_t number)
{
    char *text = add(known, name, COLUMN_NUMBER);
    if (number >= 0)
        snprintf(text, KNOWN_TEXT, "%" PRId64, number);
}

void known_time(struct known *known, const char *name, int64_t seconds)
{
    struct tm parts;
    const time_t at = (time_t)seconds;
    char *text = add(known, name, COLUMN_TEXT);
    if (seconds > 0 && gmtime_r(&at, &parts))
        (void)strftime(text, KNOWN_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void known_mode(struct known *known, const char *name, uint32_t mode)
{
    snprintf(add(known, name, COLUMN_TEXT), KNOWN_TEXT, "%03o", (unsigned)mode);
}

void known_flag(struct known *known, const char *name, int flag)
{
    snprintf(add(known, name, COLUMN_FLAG), KNOWN_TEXT, "%s", flag ? "yes" : "no");
}

static int print_json(const struct known *known, const char *plural, const char *verb)
{
    struct table *table = table_new(plural, known->columns, known->count, true);
    cells_begin(table);
    for (size_t i = 0; i < known->count; i++)
        cells_add_text(known->texts[i]);
    cells_end();
    return table_print(table, verb);
}

int known_print(const struct known *known, const char *plural, const char *verb,
                bool as_json)
{
    if (as_json)
        return print_json(known, plural, verb);
    for (size_t i = 0; i < known->count; i++)
        if (known->texts[i][0])
            printf("%-*s %s\n", NAME_COLUMN, known->columns[i].name, known->texts[i]);
    return DONE;
}

char *address_with(const char *verb, const char *address, const char *option)
{
    char name[16];
    const size_t size = strlen(address) + strlen(option) + 2;
    char *text = malloc(size);
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(option, "="), option);
    if (!text)
        say_error(verb, "no memory");
    else if (address_gives(address, NULL, name) || !mechanism_of(address) ||
             !mechanism_has_option(mechanism_of(address), name))
        snprintf(text, size, "%s", address);
    else
        snprintf(text, size, "%s%c%s", address, strchr(address, '?') ? '&' : '?',
                 option);
    return text;
}

// What is said of the address, without advice about an option that is not in it.
static int own_words(const char *said, const char *option)
{
    const char *advice = strstr(said, ": ");
    return advice && strstr(advice, option) ? (int)(advice - said) : (int)strlen(said);
}

int address_failed(const char *verb, const char *address, const char *whole)
{
    static const char added[] = "create=no";
    if (wherry_address_check(address) < 0)
        return say_bad_address(verb, address, wherry_error_text());
    const char *said = wherry_error_text();
    const size_t size = strlen(whole);
    if (strcmp(address, whole) == 0 || strncmp(said, whole, size) != 0 ||
        strncmp(said + size, ": ", 2) != 0)
        return say_error(verb, "%s", said);
    said += size + 2;
    const bool is_added = !address_gives(address, NULL, "create");
    return say_error(verb, "%s: %.*s", address,
                     is_added ? own_words(said, added) : (int)strlen(said), said);
}
