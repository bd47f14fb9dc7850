/* SPDX-License-Identifier: MIT */
/*
 * The channels of a process that go through memory, for programs: each list as a table
 * of its own, whose rows say which channel they are of.
 */
#include "channels.h"

#include <inttypes.h>
#include <stddef.h>

#include "cells.h"
#include "fds.h"

static struct table *json_process(const struct wherry_channels_view *view)
{
    static const struct column columns[] = {
        {"pid", COLUMN_NUMBER, false},           {"name", COLUMN_TEXT, false},
        {"sockets missing", COLUMN_TEXT, false}, {"processes", COLUMN_NUMBER, false},
        {"unseen", COLUMN_NUMBER, false},        {"cut", COLUMN_FLAG, false}};
    struct table *table = table_new("process", columns, 6, true);
    cells_begin(table);
    cells_add("%" PRId64, view->state.pid);
    cells_add("%s", view->state.name);
    cells_add_text(view->sockets_cause ? fds_why(view->sockets_cause) : "");
    cells_add("%zu", view->processes);
    cells_add("%zu", view->unseen);
    cells_add_flag(view->is_cut);
    cells_end();
    return table;
}

static struct table *json_channels(const struct wherry_channels_view *view, int number)
{
    static const struct column columns[] = {
        {"channel", COLUMN_NUMBER, false}, {"is", COLUMN_TEXT, false},
        {"address", COLUMN_TEXT, false},   {"socket", COLUMN_NUMBER, false},
        {"maker", COLUMN_NUMBER, false},   {"memory", COLUMN_NUMBER, false},
        {"missing", COLUMN_TEXT, false}};
    struct table *table = table_new("channels", columns, 7, true);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct wherry_view_channel *is = &view->channels[i];
        if (!channels_is_told(is, number))
            continue;
        cells_begin(table);
        cells_add("%d", is->number);
        cells_add_text(wherry_memory_use_name(is->use));
        cells_add_text(is->address);
        cells_add_count(is->socket);
        cells_add_count(is->maker > 0 ? is->maker : -1);
        cells_add_count(is->memory > 0 ? is->memory : -1);
        cells_add_text(is->why);
        cells_end();
    }
    return table;
}

static struct table *json_peers(const struct wherry_channels_view *view, int number)
{
    static const struct column columns[] = {{"channel", COLUMN_NUMBER, false},
                                            {"pid", COLUMN_NUMBER, false},
                                            {"number", COLUMN_NUMBER, false},
                                            {"name", COLUMN_TEXT, false}};
    struct table *table = table_new("peers", columns, 4, true);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct wherry_view_channel *is = &view->channels[i];
        for (size_t j = 0; channels_is_told(is, number) && j < is->peer_count; j++) {
            if (!fds_is_told(&view->state, &is->peers[j]))
                continue;
            cells_begin(table);
            cells_add("%d", is->number);
            cells_add("%" PRId64, is->peers[j].pid);
            cells_add("%d", is->peers[j].number);
            cells_add("%s", is->peers[j].name);
            cells_end();
        }
    }
    return table;
}

/* --- each way ------------------------------------------------------------ */

/* Numbers of struct wherry_flow, in the order in which they are told. */
static const size_t flow_counts[] = {
    offsetof(struct wherry_flow, ring),
    offsetof(struct wherry_flow, used),
    offsetof(struct wherry_flow, sent_messages),
    offsetof(struct wherry_flow, sent_bytes),
    offsetof(struct wherry_flow, received_messages),
    offsetof(struct wherry_flow, received_bytes),
    offsetof(struct wherry_flow, waiting_messages),
    offsetof(struct wherry_flow, waiting_bytes),
    offsetof(struct wherry_flow, pool),
    offsetof(struct wherry_flow, blocks),
};

static void add_flow(struct table *table, int number, const char *way,
                     const struct wherry_flow *flow)
{
    if (!channels_has_flow(flow))
        return;
    cells_begin(table);
    cells_add("%d", number);
    cells_add("%s", way);
    for (size_t i = 0; i < sizeof(flow_counts) / sizeof(flow_counts[0]); i++)
        cells_add_count(
            *(const int64_t *)(const void *)((const char *)flow + flow_counts[i]));
    cells_add_flag(flow->writer_sleeps);
    cells_add_flag(flow->reader_sleeps);
    cells_end();
}

static struct table *json_flows(const struct wherry_channels_view *view, int number)
{
    static const struct column columns[] = {{"channel", COLUMN_NUMBER, false},
                                            {"way", COLUMN_TEXT, false},
                                            {"ring", COLUMN_NUMBER, false},
                                            {"used", COLUMN_NUMBER, false},
                                            {"sent messages", COLUMN_NUMBER, false},
                                            {"sent bytes", COLUMN_NUMBER, false},
                                            {"received messages", COLUMN_NUMBER, false},
                                            {"received bytes", COLUMN_NUMBER, false},
                                            {"waiting messages", COLUMN_NUMBER, false},
                                            {"waiting bytes", COLUMN_NUMBER, false},
                                            {"pool", COLUMN_NUMBER, false},
                                            {"blocks", COLUMN_NUMBER, false},
                                            {"writer sleeps", COLUMN_FLAG, false},
                                            {"reader sleeps", COLUMN_FLAG, false}};
    struct table *table =
        table_new("flows", columns, sizeof(columns) / sizeof(columns[0]), true);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct wherry_view_channel *is = &view->channels[i];
        if (!channels_is_told(is, number))
            continue;
        add_flow(table, is->number, "out", &is->out);
        add_flow(table, is->number, "in", &is->in);
    }
    return table;
}

/* --- readers ------------------------------------------------------------- */

static void add_reader(struct table *table, int number,
                       const struct wherry_view_reader *reader)
{
    cells_begin(table);
    cells_add("%d", number);
    cells_add_count(reader->pid);
    cells_add_text(reader->name);
    cells_add_count(reader->received_messages);
    cells_add_count(reader->lost_messages);
    cells_add_count(reader->behind_messages);
    cells_add_count(reader->behind_bytes);
    cells_add_count(reader->behind_age);
    cells_add_flag(reader->overtaken);
    cells_add_flag(reader->sleeps);
    cells_add_text(reader->why);
    cells_end();
}

static struct table *json_readers(const struct wherry_channels_view *view, int number)
{
    static const struct column columns[] = {{"channel", COLUMN_NUMBER, false},
                                            {"pid", COLUMN_NUMBER, false},
                                            {"name", COLUMN_TEXT, false},
                                            {"received messages", COLUMN_NUMBER, false},
                                            {"lost messages", COLUMN_NUMBER, false},
                                            {"behind messages", COLUMN_NUMBER, false},
                                            {"behind bytes", COLUMN_NUMBER, false},
                                            {"behind age", COLUMN_NUMBER, false},
                                            {"overtaken", COLUMN_FLAG, false},
                                            {"sleeps", COLUMN_FLAG, false},
                                            {"missing", COLUMN_TEXT, false}};
    struct table *table =
        table_new("readers", columns, sizeof(columns) / sizeof(columns[0]), true);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct wherry_view_channel *is = &view->channels[i];
        for (size_t j = 0; channels_is_told(is, number) && j < is->reader_count; j++)
            add_reader(table, is->number, &is->readers[j]);
    }
    return table;
}

int channels_print_json(const char *verb, const struct wherry_channels_view *view,
                        int number)
{
    struct table *tables[] = {json_process(view), json_channels(view, number),
                              json_peers(view, number), json_flows(view, number),
                              json_readers(view, number)};
    return table_print_together(tables, sizeof(tables) / sizeof(tables[0]), verb);
}
