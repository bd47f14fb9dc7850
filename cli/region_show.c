/* SPDX-License-Identifier: MIT */
/*
 * What is known of a region, on stdout.
 */
#include "region.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cells.h"
#include "help.h"
#include "say.h"

/* --- opening ------------------------------------------------------------- */

char *region_with(const char *verb, const char *address, const char *option)
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

wherry_region *region_find(const char *verb, const char *address, int *status)
{
    wherry_region *region = NULL;
    int r = wherry_region_open(address, &region);
    if (r >= 0)
        return region;
    *status = wherry_address_check(address) < 0
                  ? say_bad_address(verb, address, wherry_error_text())
                  : say_error(verb, "%s", wherry_error_text());
    return NULL;
}

/* --- what is known ------------------------------------------------------- */

enum { TEXT = 64, NAME_COLUMN = 18 };

static void put_number(char text[TEXT], int64_t number)
{
    if (number >= 0)
        snprintf(text, TEXT, "%" PRId64, number);
}

static void put_time(char text[TEXT], int64_t seconds)
{
    struct tm parts;
    const time_t at = (time_t)seconds;
    if (seconds > 0 && gmtime_r(&at, &parts))
        (void)strftime(text, TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

#define NUMBER(member)                                                                 \
    static void put_##member(const struct wherry_region_info *info, char text[TEXT])   \
    {                                                                                  \
        put_number(text, (int64_t)info->member);                                       \
    }

#define TIME(member)                                                                   \
    static void put_##member(const struct wherry_region_info *info, char text[TEXT])   \
    {                                                                                  \
        put_time(text, info->member);                                                  \
    }

NUMBER(size)
NUMBER(size_now)
NUMBER(uid)
NUMBER(gid)
NUMBER(attached)
NUMBER(creator)
NUMBER(last)
TIME(attached_at)
TIME(detached_at)
TIME(changed_at)

static void put_mode(const struct wherry_region_info *info, char text[TEXT])
{
    snprintf(text, TEXT, "%03o", info->mode);
}

static void put_removed(const struct wherry_region_info *info, char text[TEXT])
{
    snprintf(text, TEXT, "%s", info->removed ? "yes" : "no");
}

/* What there is to tell, in order; what stays empty is not told. */
static const struct fact {
    const char *name;
    enum column_type type;
    void (*put)(const struct wherry_region_info *, char text[TEXT]);
} facts[] = {
    {"size", COLUMN_NUMBER, put_size},
    {"size now", COLUMN_NUMBER, put_size_now},
    {"uid", COLUMN_NUMBER, put_uid},
    {"gid", COLUMN_NUMBER, put_gid},
    {"mode", COLUMN_TEXT, put_mode},
    {"removed", COLUMN_FLAG, put_removed},
    {"attached", COLUMN_NUMBER, put_attached},
    {"creator", COLUMN_NUMBER, put_creator},
    {"last user", COLUMN_NUMBER, put_last},
    {"attached at", COLUMN_TEXT, put_attached_at},
    {"detached at", COLUMN_TEXT, put_detached_at},
    {"changed at", COLUMN_TEXT, put_changed_at},
};

enum { FACTS = sizeof(facts) / sizeof(facts[0]) };

static void print_text(const struct wherry_region_info *info)
{
    printf("%-*s %s\n", NAME_COLUMN, "address", info->address);
    for (size_t i = 0; i < FACTS; i++) {
        char text[TEXT] = "";
        facts[i].put(info, text);
        if (text[0])
            printf("%-*s %s\n", NAME_COLUMN, facts[i].name, text);
    }
}

static int print_json(const char *verb, const struct wherry_region_info *info)
{
    struct column columns[FACTS + 1] = {{"address", COLUMN_TEXT, false}};
    for (size_t i = 0; i < FACTS; i++)
        columns[i + 1] = (struct column){facts[i].name, facts[i].type, false};
    struct table *table = table_new("regions", columns, FACTS + 1, true);
    cells_begin(table);
    cells_add("%s", info->address);
    for (size_t i = 0; i < FACTS; i++) {
        char text[TEXT] = "";
        facts[i].put(info, text);
        cells_add_text(text);
    }
    cells_end();
    return table_print(table, verb);
}

// One that may not be read is described all the same where it can be opened at all.
int region_describe(const char *verb, const char *address, bool as_json)
{
    struct wherry_region_info info;
    int status = FAILED;
    char *quiet = region_with(verb, address, "create=no");
    char *whole = quiet ? region_with(verb, quiet, "access=read") : NULL;
    wherry_region *region = whole ? region_find(verb, whole, &status) : NULL;
    if (region) {
        (void)wherry_region_describe(region, &info, sizeof(info));
        snprintf(info.address, sizeof(info.address), "%s", address);
        if (as_json)
            status = print_json(verb, &info);
        else
            print_text(&info);
        status = as_json ? status : DONE;
    }
    wherry_region_close(region);
    free(quiet);
    free(whole);
    return status;
}
