/* SPDX-License-Identifier: MIT */
/*
 * Objects of the machine for programs, as tables of one JSON object; and all that is
 * known of one, for people.
 */
#include "objects.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cells.h"
#include "help.h"
#include "printable.h"
#include "say.h"

enum { NAME_COLUMN = 18, VALUE_MOST = 64, HOWS_MOST = 128 };

/* --- what is told of each ------------------------------------------------ */

static void put_number(char out[VALUE_MOST], bool is_known, int64_t number)
{
    if (is_known)
        (void)snprintf(out, VALUE_MOST, "%" PRId64, number);
}

#define KNOWN(field, condition)                                                        \
    static void put_##field(const struct wherry_ipc_object *object,                    \
                            char out[VALUE_MOST])                                      \
    {                                                                                  \
        put_number(out, object->field condition, (int64_t)object->field);              \
    }

KNOWN(user, >= 0)
KNOWN(group, >= 0)
KNOWN(size, >= 0)
KNOWN(count, >= 0)
KNOWN(created, > 0)
KNOWN(changed, > 0)
KNOWN(creator, > 0)
KNOWN(inode, > 0)

static void put_mode(const struct wherry_ipc_object *object, char out[VALUE_MOST])
{
    if (object->mode >= 0)
        (void)snprintf(out, VALUE_MOST, "%03o", (unsigned)object->mode);
}

static void put_last(const struct wherry_ipc_object *object, char out[VALUE_MOST])
{
    put_number(out, object->last_pids[0] > 0, object->last_pids[0]);
}

static void put_last_other(const struct wherry_ipc_object *object, char out[VALUE_MOST])
{
    put_number(out, object->last_pids[1] > 0, object->last_pids[1]);
}

static void put_left(const struct wherry_ipc_object *object, char out[VALUE_MOST])
{
    if (object->left >= 0)
        (void)snprintf(out, VALUE_MOST, "%s", object->left ? "yes" : "no");
}

static void put_deleted(const struct wherry_ipc_object *object, char out[VALUE_MOST])
{
    (void)snprintf(out, VALUE_MOST, "%s", object->is_deleted ? "yes" : "no");
}

static void put_counted(const struct wherry_ipc_object *object, char out[VALUE_MOST])
{
    (void)snprintf(out, VALUE_MOST, "%s", object->counted);
}

/* In order; what stays empty is null, or not told. */
static const struct fact_of_one {
    struct column column;
    void (*put)(const struct wherry_ipc_object *, char out[VALUE_MOST]);
} facts_of_one[] = {
    {{"user", COLUMN_NUMBER, false}, put_user},
    {{"group", COLUMN_NUMBER, false}, put_group},
    {{"mode", COLUMN_TEXT, false}, put_mode},
    {{"size", COLUMN_NUMBER, false}, put_size},
    {{"count", COLUMN_NUMBER, false}, put_count},
    {{"counted", COLUMN_TEXT, false}, put_counted},
    {{"created", COLUMN_NUMBER, false}, put_created},
    {{"changed", COLUMN_NUMBER, false}, put_changed},
    {{"creator", COLUMN_NUMBER, false}, put_creator},
    {{"last user", COLUMN_NUMBER, false}, put_last},
    {{"last receiver", COLUMN_NUMBER, false}, put_last_other},
    {{"inode", COLUMN_NUMBER, false}, put_inode},
    {{"left", COLUMN_FLAG, false}, put_left},
    {{"name gone", COLUMN_FLAG, false}, put_deleted},
};

enum { FACTS = sizeof(facts_of_one) / sizeof(facts_of_one[0]), TEXTS = 4 };

/* --- JSON ---------------------------------------------------------------- */

static struct table *json_objects(const struct choices *choices,
                                  const struct wherry_ipc_view *view)
{
    struct column columns[TEXTS + FACTS] = {{"address", COLUMN_TEXT, false},
                                            {"scheme", COLUMN_TEXT, false},
                                            {"kind", COLUMN_TEXT, false},
                                            {"why", COLUMN_TEXT, false}};
    for (size_t i = 0; i < FACTS; i++)
        columns[TEXTS + i] = facts_of_one[i].column;
    struct table *table = table_new("objects", columns, TEXTS + FACTS, true);
    for (size_t i = 0; i < view->object_count; i++) {
        const struct wherry_ipc_object *object = &view->objects[i];
        if (!objects_is_chosen(choices, object))
            continue;
        cells_begin(table);
        cells_add_text(object->address);
        cells_add_text(object->scheme);
        cells_add_text(object->kind);
        cells_add_text(object->why);
        for (size_t fact = 0; fact < FACTS; fact++) {
            char value[VALUE_MOST] = "";
            facts_of_one[fact].put(object, value);
            cells_add_text(value);
        }
        cells_end();
    }
    return table;
}

static void add_hows(struct table *table, const struct wherry_ipc_object *object,
                     const struct wherry_ipc_holder *holder)
{
    for (unsigned bit = 1; bit != 0 && bit <= holder->how; bit <<= 1) {
        if (!(holder->how & bit))
            continue;
        cells_begin(table);
        cells_add_text(object->address);
        cells_add("%" PRIu64, object->inode);
        cells_add("%" PRId64, holder->pid);
        cells_add_text(holder->name);
        cells_add_text(wherry_ipc_how_name(bit));
        cells_end();
    }
}

static struct table *json_holders(const struct choices *choices,
                                  const struct wherry_ipc_view *view)
{
    static const struct column columns[] = {{"address", COLUMN_TEXT, false},
                                            {"inode", COLUMN_NUMBER, false},
                                            {"pid", COLUMN_NUMBER, false},
                                            {"name", COLUMN_TEXT, false},
                                            {"how", COLUMN_TEXT, false}};
    struct table *table = table_new("holders", columns, 5, true);
    for (size_t i = 0; i < view->object_count; i++) {
        const struct wherry_ipc_object *object = &view->objects[i];
        for (size_t j = 0;
             objects_is_chosen(choices, object) && j < object->holder_count; j++)
            if (object->holders[j].pid != getpid())
                add_hows(table, object, &object->holders[j]);
    }
    return table;
}

static struct table *json_notes(const struct wherry_ipc_view *view)
{
    static const struct column columns[] = {{"note", COLUMN_TEXT, false}};
    struct table *table = table_new("notes", columns, 1, true);
    for (size_t i = 0; i < view->note_count; i++) {
        cells_begin(table);
        cells_add_text(view->notes[i]);
        cells_end();
    }
    return table;
}

static struct table *json_machine(const struct wherry_ipc_view *view)
{
    static const struct column columns[] = {{"processes", COLUMN_NUMBER, false},
                                            {"not seen", COLUMN_NUMBER, false},
                                            {"cut", COLUMN_FLAG, false}};
    struct table *table = table_new("machine", columns, 3, true);
    cells_begin(table);
    cells_add("%zu", view->processes);
    cells_add("%zu", view->unseen);
    cells_add_flag(view->is_cut);
    cells_end();
    return table;
}

int objects_print_json(const char *verb, const struct choices *choices,
                       const struct wherry_ipc_view *view)
{
    struct table *tables[] = {json_machine(view), json_notes(view),
                              json_objects(choices, view), json_holders(choices, view)};
    return table_print_together(tables, sizeof(tables) / sizeof(tables[0]), verb);
}

/* --- one, for people ----------------------------------------------------- */

// As it stands, whatever has a meaning in a pattern.
static bool write_pattern(const char *address, char *out, size_t size)
{
    size_t used = 0;
    for (; *address && used + 2 < size; address++) {
        if (strchr("*?[\\", *address))
            out[used++] = '\\';
        out[used++] = *address;
    }
    out[used] = 0;
    return !*address;
}

static void print_one(const struct wherry_ipc_object *object)
{
    char shown[CELL_MOST];
    printf("%-*s %s\n", NAME_COLUMN, "address",
           printable(object->address, shown, sizeof(shown)));
    printf("%-*s %s\n", NAME_COLUMN, "kind", object->kind);
    for (size_t i = 0; i < FACTS; i++) {
        char value[VALUE_MOST] = "";
        facts_of_one[i].put(object, value);
        if (*value)
            printf("%-*s %s\n", NAME_COLUMN, facts_of_one[i].column.name, value);
    }
    if (*object->why)
        printf("%-*s %s\n", NAME_COLUMN, "why", object->why);
    for (size_t i = 0; i < object->holder_count; i++) {
        char hows[HOWS_MOST];
        const struct wherry_ipc_holder *holder = &object->holders[i];
        objects_write_hows(holder->how, hows, sizeof(hows));
        if (holder->pid != getpid())
            printf("%-*s %" PRId64 " (%s) %s\n", NAME_COLUMN, "holder", holder->pid,
                   printable(holder->name, shown, sizeof(shown)), hows);
    }
}

bool objects_only_listed(const char *address)
{
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    const char *rest = strchr(address, ':');
    const bool is_memory = mechanism && strcmp(mechanism->scheme, "memfd") == 0;
    return rest && rest[1] && rest[1] != '?' &&
           (!mechanism || mechanism->absent || is_memory);
}

int objects_describe(const char *verb, const char *address, bool as_json)
{
    char pattern[CELL_MOST];
    char *words[] = {pattern, NULL};
    const struct choices choices = {.words = words, .word_count = 1};
    struct wherry_ipc_view *view;
    if (!write_pattern(address, pattern, sizeof(pattern)))
        return say_error(verb, "the address is too long");
    int status = objects_look(verb, &choices, &view);
    if (status != DONE)
        return status;
    if (view->object_count == 0)
        status = -1; // whoever asks knows better what is wrong with it
    else if (as_json)
        status = objects_print_json(verb, &choices, view);
    for (size_t i = 0; status == DONE && !as_json && i < view->object_count; i++) {
        if (i > 0)
            putchar('\n');
        print_one(&view->objects[i]);
    }
    wherry_ipc_view_free(view);
    return status;
}
