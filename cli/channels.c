/* SPDX-License-Identifier: MIT */
/*
 * The channels of a process that go through memory, for people: which there are, what
 * is on the way in each direction, and how far readers of topics are behind.
 */
#include "channels.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cells.h"
#include "fds.h"
#include "say.h"
#include "settings.h"

enum { LISTED_MOST = 6, NUMBER_MOST = 1 << 30 };

/* --- which are told ------------------------------------------------------ */

bool channels_is_told(const struct wherry_view_channel *channel, int number)
{
    return number < 0 || channel->number == number || channel->socket == number;
}

// What is not known of it at all is no direction: a topic only sends.
bool channels_has_flow(const struct wherry_flow *flow)
{
    return flow->ring >= 0 || flow->received_messages >= 0;
}

/* --- cells --------------------------------------------------------------- */

// "4712:5 (viewer) and 2 more"
static void add_peers(const struct wherry_channels_view *view,
                      const struct wherry_view_channel *channel)
{
    char text[CELL_MOST] = "";
    size_t used = 0;
    size_t told = 0;
    for (size_t i = 0; i < channel->peer_count; i++) {
        const struct wherry_place *place = &channel->peers[i];
        if (!fds_is_told(&view->state, place) || told++ >= LISTED_MOST)
            continue;
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRId64 ":%d (%s)",
                             used ? ", " : "", place->pid, place->number, place->name);
    }
    if (told > LISTED_MOST)
        (void)snprintf(text + used, sizeof(text) - used, " and %zu more",
                       told - LISTED_MOST);
    cells_add_text(text);
}

// "writer", "reader": who sleeps.
static void add_sleepers(const struct wherry_flow *flow)
{
    const bool writer = flow->writer_sleeps == 1;
    const bool reader = flow->reader_sleeps == 1;
    cells_add_text(writer && reader ? "both"
                   : writer         ? "writer"
                   : reader         ? "reader"
                                    : "");
}

// "12 ms"
static void add_span(int64_t nanoseconds)
{
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {
        {60000000000, "min"}, {1000000000, "s"}, {1000000, "ms"}, {1000, "us"}};

    size_t i = 0;
    while (i < 3 && nanoseconds < 2 * units[i].size)
        i++;
    if (nanoseconds <= 0)
        cells_add_none();
    else
        cells_add("%" PRId64 " %s", nanoseconds / units[i].size, units[i].name);
}

/* --- tables -------------------------------------------------------------- */

static struct table *channels(const struct wherry_channels_view *view, int number)
{
    static const struct column columns[] = {
        {"channel", COLUMN_NUMBER, false}, {"is", COLUMN_TEXT, false},
        {"address", COLUMN_TEXT, false},   {"socket", COLUMN_NUMBER, false},
        {"other end", COLUMN_TEXT, false}, {"memory", COLUMN_NUMBER, false}};
    struct table *table = table_new("channels", columns, 6, false);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct wherry_view_channel *is = &view->channels[i];
        if (!channels_is_told(is, number))
            continue;
        cells_begin(table);
        cells_add("%d", is->number);
        cells_add_text(wherry_memory_use_name(is->use));
        cells_add_text(is->address);
        cells_add_count(is->socket);
        add_peers(view, is);
        cells_add_count(is->memory > 0 ? is->memory : -1);
        cells_end();
    }
    return table;
}

static void add_flow(struct table *table, const struct wherry_view_channel *channel,
                     const char *direction, const struct wherry_flow *flow)
{
    if (!channels_has_flow(flow))
        return;
    cells_begin(table);
    cells_add("%d", channel->number);
    cells_add("%s", direction);
    cells_add_count(flow->sent_messages);
    cells_add_count(flow->received_messages);
    cells_add_count(flow->waiting_messages);
    cells_add_count(flow->waiting_bytes);
    if (flow->used < 0 || flow->ring < 0)
        cells_add_none();
    else
        cells_add("%" PRId64 " of %" PRId64, flow->used, flow->ring);
    add_sleepers(flow);
    cells_add_count(flow->pool > 0 ? flow->blocks : -1);
    cells_end();
}

static struct table *flows(const struct wherry_channels_view *view, int number)
{
    static const struct column columns[] = {
        {"channel", COLUMN_NUMBER, false}, {"way", COLUMN_TEXT, false},
        {"sent", COLUMN_NUMBER, false},    {"received", COLUMN_NUMBER, false},
        {"waiting", COLUMN_NUMBER, false}, {"bytes", COLUMN_NUMBER, false},
        {"ring used", COLUMN_TEXT, false}, {"asleep", COLUMN_TEXT, false},
        {"lent", COLUMN_NUMBER, false}};
    struct table *table = table_new("flows", columns, 9, false);
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct wherry_view_channel *is = &view->channels[i];
        if (!channels_is_told(is, number))
            continue;
        add_flow(table, is, "out", &is->out);
        add_flow(table, is, "in", &is->in);
    }
    return table;
}

static void add_reader(struct table *table, const struct wherry_view_channel *channel,
                       const struct wherry_view_reader *reader)
{
    cells_begin(table);
    cells_add("%d", channel->number);
    if (reader->pid < 0)
        cells_add_none();
    else
        cells_add("%" PRId64 "%s%s%s", reader->pid, *reader->name ? " (" : "",
                  reader->name, *reader->name ? ")" : "");
    cells_add_count(reader->received_messages);
    cells_add_count(reader->behind_messages);
    cells_add_count(reader->behind_bytes);
    add_span(reader->behind_age);
    cells_add_count(reader->lost_messages);
    cells_add_flag(reader->overtaken);
    cells_add_flag(reader->sleeps);
    cells_end();
}

static struct table *readers(const struct wherry_channels_view *view, int number)
{
    static const struct column columns[] = {
        {"channel", COLUMN_NUMBER, false},  {"process", COLUMN_TEXT, false},
        {"received", COLUMN_NUMBER, false}, {"behind", COLUMN_NUMBER, false},
        {"bytes", COLUMN_NUMBER, false},    {"age", COLUMN_NUMBER, false},
        {"lost", COLUMN_NUMBER, false},     {"overtaken", COLUMN_FLAG, false},
        {"asleep", COLUMN_FLAG, false}};
    struct table *table = table_new("readers", columns, 9, false);
    for (size_t i = 0; i < view->channel_count; i++)
        for (size_t j = 0; j < view->channels[i].reader_count; j++)
            if (channels_is_told(&view->channels[i], number))
                add_reader(table, &view->channels[i], &view->channels[i].readers[j]);
    return table;
}

/* --- all of it ----------------------------------------------------------- */

static void tell_missing(const struct wherry_channels_view *view, int number)
{
    for (size_t i = 0; i < view->channel_count; i++) {
        const struct wherry_view_channel *is = &view->channels[i];
        if (!channels_is_told(is, number))
            continue;
        if (*is->why)
            fds_tell_fact("not known", "channel %d: %s", is->number, is->why);
        for (size_t j = 0; j < is->reader_count; j++)
            if (*is->readers[j].why)
                fds_tell_fact("not known", "channel %d, a reader: %s", is->number,
                              is->readers[j].why);
    }
    if (view->sockets_cause)
        fds_tell_fact("not known", "peers of unix sockets: %s",
                      fds_why(view->sockets_cause));
    if (view->unseen)
        fds_tell_fact("not seen", "%zu other processes: they may be at other ends",
                      view->unseen);
    if (view->is_cut)
        fds_tell_fact("not seen", "some of it: there are too many open files");
}

static size_t count_told(const struct wherry_channels_view *view, int number,
                         bool readers_of)
{
    size_t count = 0;
    for (size_t i = 0; i < view->channel_count; i++)
        if (channels_is_told(&view->channels[i], number))
            count += readers_of ? view->channels[i].reader_count : 1;
    return count;
}

static int print(const char *verb, const struct wherry_channels_view *view, int number)
{
    static const struct {
        const char *heading;
        struct table *(*make)(const struct wherry_channels_view *, int number);
        bool is_of_readers;
    } tables[] = {{"channels over memory", channels, false},
                  {"messages of each way", flows, false},
                  {"readers of topics", readers, true}};

    int status = DONE;
    fds_tell_fact("process", "%" PRId64 " (%s)", view->state.pid, view->state.name);
    for (size_t i = 0; i < 3 && status == DONE; i++) {
        if (count_told(view, number, tables[i].is_of_readers) == 0)
            continue;
        putchar('\n');
        say_heading(tables[i].heading);
        status = table_print(tables[i].make(view, number), verb);
    }
    if (view->channel_count > 0)
        putchar('\n');
    else
        fds_tell_fact("channels", "none over memory");
    tell_missing(view, number);
    return status;
}

/* --- the words ----------------------------------------------------------- */

bool channels_are_meant(const char *word)
{
    return isdigit((unsigned char)word[0]);
}

// "4711", "4711:7"
static bool read_place(const char *word, int64_t *pid, int *number)
{
    char text[32];
    int64_t at = -1;
    const size_t size = strcspn(word, ":");
    if (size >= sizeof(text))
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", (int)size, word);
    if (word[size] &&
        (!settings_read_number(word + size + 1, 0, &at) || at > NUMBER_MOST))
        return false;
    *number = (int)at;
    return settings_read_number(text, 1, pid) && *pid <= INT32_MAX;
}

static int tell(const char *verb, const struct wherry_channels_view *view, int number,
                bool as_json)
{
    if (view->descriptors_cause)
        return say_error(verb, "process %" PRId64 ": what it has open: %s",
                         view->state.pid, fds_why(view->descriptors_cause));
    if (number >= 0 && count_told(view, number, false) == 0)
        return say_error(verb,
                         "number %d of process %" PRId64 " is no channel over memory: "
                         "`wherry fds %" PRId64 "` tells what it is",
                         number, view->state.pid, view->state.pid);
    return as_json ? channels_print_json(verb, view, number)
                   : print(verb, view, number);
}

int channels_describe(const char *verb, const char *word, bool as_json)
{
    struct wherry_channels_view *view = NULL;
    int64_t pid;
    int number;
    if (!read_place(word, &pid, &number))
        return say_usage(verb,
                         "%s: it must be PID or PID:NUMBER, of a process and what "
                         "it has open",
                         word);
    int r = wherry_inspect_channels(pid, NULL, &view);
    if (r < 0)
        return fds_refuse(verb, pid, r);
    int status = tell(verb, view, number, as_json);
    wherry_channels_view_free(view);
    return status;
}
