/* SPDX-License-Identifier: MIT */
/*
 * fds for programs: every table as a member of one object, what is a list for people as
 * a table of its own.
 */
#include <inttypes.h>
#include <string.h>

#include "cells.h"
#include "command.h"
#include "fds.h"

static struct table *json_process(const struct wherry_process_view *view)
{
    static const struct column columns[] = {{"pid", COLUMN_NUMBER, false},
                                            {"name", COLUMN_TEXT, false},
                                            {"parent", COLUMN_NUMBER, false},
                                            {"parent name", COLUMN_TEXT, false},
                                            {"user", COLUMN_NUMBER, false},
                                            {"command", COLUMN_TEXT, false},
                                            {"state", COLUMN_TEXT, false},
                                            {"text", COLUMN_TEXT, false},
                                            {"waits for number", COLUMN_NUMBER, false},
                                            {"threads", COLUMN_NUMBER, false},
                                            {"threads ready", COLUMN_NUMBER, false},
                                            {"state missing", COLUMN_TEXT, false},
                                            {"descriptors missing", COLUMN_TEXT, false},
                                            {"sharing missing", COLUMN_TEXT, false},
                                            {"sockets missing", COLUMN_TEXT, false},
                                            {"held missing", COLUMN_TEXT, false},
                                            {"not looked at", COLUMN_NUMBER, false},
                                            {"processes", COLUMN_NUMBER, false},
                                            {"unseen", COLUMN_NUMBER, false},
                                            {"cut", COLUMN_FLAG, false}};
    const struct wherry_process_state *state = &view->state;
    const int causes[] = {state->cause, view->descriptors_cause, view->sharing_cause,
                          view->sockets_cause, view->held_cause};
    struct table *table =
        table_new("process", columns, sizeof(columns) / sizeof(columns[0]), true);
    cells_begin(table);
    cells_add("%" PRId64, state->pid);
    cells_add("%s", state->name);
    cells_add("%" PRId64, state->parent);
    cells_add_text(view->parent_name);
    cells_add("%" PRId64, view->user);
    cells_add_text(view->command);
    cells_add("%s", wherry_doing_name(state->doing));
    cells_add("%s", state->text);
    if (state->number < 0)
        cells_add_none();
    else
        cells_add("%d", state->number);
    cells_add("%" PRId64, state->threads);
    cells_add("%" PRId64, state->threads_ready);
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
        cells_add_text(causes[i] ? fds_why(causes[i]) : "");
    cells_add("%zu", view->not_looked_at);
    cells_add("%zu", view->processes);
    cells_add("%zu", view->unseen);
    cells_add_flag(view->is_cut);
    cells_end();
    return table;
}

static struct table *json_held(const struct wherry_process_view *view)
{
    static const struct column columns[] = {{"address", COLUMN_TEXT, false},
                                            {"bytes", COLUMN_NUMBER, false},
                                            {"writes", COLUMN_FLAG, false},
                                            {"deleted", COLUMN_FLAG, false}};
    struct table *table = table_new("held", columns, 4, true);
    for (size_t i = 0; i < view->held_count; i++) {
        cells_begin(table);
        cells_add("%s", view->held[i].address);
        cells_add("%" PRIu64, view->held[i].size);
        cells_add_flag(view->held[i].writes);
        cells_add_flag(view->held[i].is_deleted);
        cells_end();
    }
    return table;
}

static struct table *json_descriptors(const struct wherry_process_view *view)
{
    static const struct column columns[] = {{"number", COLUMN_NUMBER, false},
                                            {"description", COLUMN_NUMBER, false},
                                            {"close on exec", COLUMN_FLAG, false}};
    struct table *table = table_new("descriptors", columns, 3, true);
    for (size_t i = 0; i < view->descriptor_count; i++) {
        cells_begin(table);
        cells_add("%d", view->descriptors[i].number);
        cells_add("%zu", view->descriptors[i].description + 1);
        cells_add_flag(view->descriptors[i].close_on_exec);
        cells_end();
    }
    return table;
}

static struct table *json_descriptions(const struct wherry_process_view *view)
{
    static const struct column columns[] = {
        {"description", COLUMN_NUMBER, false}, {"object", COLUMN_NUMBER, false},
        {"offset", COLUMN_NUMBER, false},      {"reads", COLUMN_FLAG, false},
        {"writes", COLUMN_FLAG, false},        {"flags", COLUMN_TEXT, false}};
    struct table *table = table_new("descriptions", columns, 6, true);
    for (size_t i = 0; i < view->description_count; i++) {
        const struct wherry_view_description *is = &view->descriptions[i];
        cells_begin(table);
        cells_add("%zu", i + 1);
        cells_add("%zu", is->object + 1);
        if (is->offset < 0)
            cells_add_none();
        else
            cells_add("%" PRId64, is->offset);
        cells_add_flag(is->reads);
        cells_add_flag(is->writes);
        cells_add("%s", is->flags);
        cells_end();
    }
    return table;
}

static struct table *json_objects(const struct wherry_process_view *view)
{
    static const struct column columns[] = {
        {"object", COLUMN_NUMBER, false}, {"kind", COLUMN_TEXT, false},
        {"type", COLUMN_TEXT, false},     {"device", COLUMN_TEXT, false},
        {"inode", COLUMN_NUMBER, false},  {"name", COLUMN_TEXT, false},
        {"deleted", COLUMN_FLAG, false},  {"local", COLUMN_TEXT, false},
        {"peer", COLUMN_TEXT, false},     {"text", COLUMN_TEXT, false}};
    struct table *table = table_new("objects", columns, 10, true);
    for (size_t i = 0; i < view->object_count; i++) {
        const struct wherry_view_object *is = &view->objects[i];
        cells_begin(table);
        cells_add("%zu", i + 1);
        cells_add("%s", wherry_object_name(is->object));
        cells_add_text(is->type);
        cells_add("%" PRIu32 ":%" PRIu32, is->device_major, is->device_minor);
        cells_add("%" PRIu64, is->inode);
        cells_add_text(is->name);
        cells_add_flag(is->is_deleted);
        cells_add_text(is->local);
        cells_add_text(is->peer);
        cells_add_text(is->text);
        cells_end();
    }
    return table;
}

static const struct column place_columns[] = {
    {NULL, COLUMN_NUMBER, false},     {"pid", COLUMN_NUMBER, false},
    {"number", COLUMN_NUMBER, false}, {"name", COLUMN_TEXT, false},
    {"reads", COLUMN_FLAG, false},    {"writes", COLUMN_FLAG, false}};

enum { PLACE_COLUMNS = sizeof(place_columns) / sizeof(place_columns[0]) };

// `of` is what each is a place of: "description" or "object".
static struct table *places_table(const char *name, const char *of)
{
    struct column columns[PLACE_COLUMNS];
    memcpy(columns, place_columns, sizeof(columns));
    columns[0].name = of;
    return table_new(name, columns, PLACE_COLUMNS, true);
}

static void add_place_row(struct table *table, size_t of,
                          const struct wherry_place *place)
{
    cells_begin(table);
    cells_add("%zu", of + 1);
    cells_add("%" PRId64, place->pid);
    cells_add("%d", place->number);
    cells_add("%s", place->name);
    cells_add_flag(place->reads);
    cells_add_flag(place->writes);
    cells_end();
}

static struct table *json_shared(const struct wherry_process_view *view)
{
    struct table *table = places_table("shared", "description");
    for (size_t i = 0; i < view->description_count; i++)
        for (size_t j = 0; j < view->descriptions[i].shared_count; j++)
            if (fds_is_told(&view->state, &view->descriptions[i].shared[j]))
                add_place_row(table, i, &view->descriptions[i].shared[j]);
    return table;
}

static struct table *json_ends(const struct wherry_process_view *view)
{
    struct table *table = places_table("ends", "object");
    for (size_t i = 0; i < view->object_count; i++)
        for (size_t j = 0; j < view->objects[i].end_count; j++)
            if (fds_is_told(&view->state, &view->objects[i].ends[j]))
                add_place_row(table, i, &view->objects[i].ends[j]);
    return table;
}

int fds_print_json(const struct wherry_process_view *view)
{
    struct table *tables[] = {json_process(view),     json_held(view),
                              json_descriptors(view), json_descriptions(view),
                              json_objects(view),     json_shared(view),
                              json_ends(view)};
    return table_print_together(tables, sizeof(tables) / sizeof(tables[0]),
                                command_fds.name);
}
