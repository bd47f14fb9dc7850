/* SPDX-License-Identifier: MIT */
/*
 * fds: what a process does, and the three tables that an open file lives in.
 *
 * Names and paths in them are what other processes chose: all that is printed is made
 * printable.  What --json prints is in fds_json.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cells.h"
#include "fds.h"
#include "printable.h"
#include "say.h"
#include "settings.h"

enum {
    LISTED_MOST = 6, // places in a cell; JSON has all
    FACT_COLUMN = 12
};

/* --- words --------------------------------------------------------------- */

const char *fds_why(int cause)
{
    bool is_refused = cause == -EACCES || cause == -EPERM;
    return is_refused && geteuid() == 0 ? "not allowed to see, not even for root"
           : is_refused                 ? "not allowed to see: run as its user or root"
           : cause == -ENOSYS           ? "the kernel does not tell"
           : cause == -E2BIG            ? "there is too much of it, the first is shown"
           : cause == -EXDEV            ? "it is in another network namespace"
                                        : say_errno(cause);
}

static const char *user_name(int64_t user)
{
    static char room[1024];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r((uid_t)user, &entry, room, sizeof(room), &found) == 0 && found)
        return found->pw_name;
    (void)snprintf(room, sizeof(room), "%" PRId64, user);
    return room;
}

static const char *access_of(int reads, int writes)
{
    return reads < 0 || writes < 0 ? ""
           : reads && writes       ? "read, write"
           : reads                 ? "read"
           : writes                ? "write"
                                   : "none";
}

bool fds_is_told(const struct wherry_process_state *of,
                 const struct wherry_place *place)
{
    return place->pid != getpid() || of->pid == getpid();
}

// "4240:0 (bash), 4241:3 (cat) and 7 more"
static void add_places(const struct wherry_process_view *view,
                       const struct wherry_place *places, size_t count, bool has_access)
{
    char text[CELL_MOST] = "";
    size_t used = 0;
    size_t told = 0;
    for (size_t i = 0; i < count; i++) {
        const char *access =
            has_access ? access_of(places[i].reads, places[i].writes) : "";
        if (!fds_is_told(&view->state, &places[i]) || told++ >= LISTED_MOST)
            continue;
        int size =
            snprintf(text + used, sizeof(text) - used, "%s%" PRId64 ":%d (%s)%s%s",
                     used ? ", " : "", places[i].pid, places[i].number, places[i].name,
                     *access ? " " : "", access);
        used += size > 0 ? (size_t)size : 0;
    }
    if (told > LISTED_MOST)
        (void)snprintf(text + used, sizeof(text) - used, " and %zu more",
                       told - LISTED_MOST);
    cells_add_text(text);
}

/* --- tables for people --------------------------------------------------- */

static const char *kind_of(const struct wherry_view_object *object)
{
    return *object->type ? object->type : wherry_object_name(object->object);
}

// A path, or who speaks with whom.
static void write_name(const struct wherry_view_object *object, char out[CELL_MOST])
{
    bool has_both = *object->local && *object->peer;
    (void)snprintf(out, CELL_MOST, "%s%s%s%s%s", object->name,
                   object->is_deleted ? " (deleted)" : "", object->local,
                   has_both        ? " to "
                   : *object->peer ? "to "
                                   : "",
                   object->peer);
}

static struct table *descriptors(const struct wherry_process_view *view)
{
    static const struct column columns[] = {{"number", COLUMN_NUMBER, false},
                                            {"description", COLUMN_NUMBER, false},
                                            {"close on exec", COLUMN_FLAG, false},
                                            {"of", COLUMN_TEXT, false}};
    struct table *table = table_new("descriptors", columns, 4, false);
    for (size_t i = 0; i < view->descriptor_count; i++) {
        const struct wherry_view_descriptor *is = &view->descriptors[i];
        const struct wherry_view_object *object =
            &view->objects[view->descriptions[is->description].object];
        char name[CELL_MOST];
        write_name(object, name);
        cells_begin(table);
        cells_add("%d", is->number);
        cells_add("%zu", is->description + 1);
        cells_add_flag(is->close_on_exec);
        cells_add("%s%s%s", kind_of(object), *name ? " " : "", name);
        cells_end();
    }
    return table;
}

static void add_numbers(const struct wherry_view_description *description)
{
    char text[CELL_MOST] = "";
    size_t used = 0;
    for (size_t i = 0; i < description->number_count && used < CELL_MOST - 64; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d", i ? " " : "",
                                 description->numbers[i]);
    cells_add("%s", text);
}

static struct table *descriptions(const struct wherry_process_view *view)
{
    static const struct column columns[] = {
        {"description", COLUMN_NUMBER, false}, {"numbers", COLUMN_TEXT, false},
        {"offset", COLUMN_NUMBER, false},      {"access", COLUMN_TEXT, false},
        {"flags", COLUMN_TEXT, false},         {"object", COLUMN_NUMBER, false},
        {"shared with", COLUMN_TEXT, false}};
    struct table *table = table_new("descriptions", columns, 7, false);
    for (size_t i = 0; i < view->description_count; i++) {
        const struct wherry_view_description *is = &view->descriptions[i];
        cells_begin(table);
        cells_add("%zu", i + 1);
        add_numbers(is);
        if (is->offset < 0)
            cells_add_none();
        else
            cells_add("%" PRId64, is->offset);
        cells_add_text(access_of(is->reads, is->writes));
        cells_add_text(is->flags);
        cells_add("%zu", is->object + 1);
        add_places(view, is->shared, is->shared_count, false);
        cells_end();
    }
    return table;
}

static struct table *objects(const struct wherry_process_view *view)
{
    static const struct column columns[] = {
        {"object", COLUMN_NUMBER, false},  {"kind", COLUMN_TEXT, false},
        {"device", COLUMN_TEXT, false},    {"inode", COLUMN_NUMBER, false},
        {"name", COLUMN_TEXT, false},      {"state", COLUMN_TEXT, false},
        {"other ends", COLUMN_TEXT, false}};
    struct table *table = table_new("objects", columns, 7, false);
    for (size_t i = 0; i < view->object_count; i++) {
        const struct wherry_view_object *is = &view->objects[i];
        char name[CELL_MOST];
        write_name(is, name);
        cells_begin(table);
        cells_add("%zu", i + 1);
        cells_add("%s", kind_of(is));
        if (is->inode) {
            cells_add("%" PRIu32 ":%" PRIu32, is->device_major, is->device_minor);
            cells_add("%" PRIu64, is->inode);
        } else {
            cells_add_none();
            cells_add_none();
        }
        cells_add_text(name);
        cells_add_text(is->text);
        add_places(view, is->ends, is->end_count, is->object != WHERRY_OBJECT_SOCKET);
        cells_end();
    }
    return table;
}

/* --- facts for people ---------------------------------------------------- */

void fds_tell_fact(const char *name, const char *format, ...)
{
    static char text[CELL_MOST];
    static char shown[CELL_MOST];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    printf("%-*s%s\n", FACT_COLUMN, name, printable(text, shown, sizeof(shown)));
}

static void tell_held(const struct wherry_process_view *view)
{
    for (size_t i = 0; i < view->held_count; i++) {
        const struct wherry_view_held *held = &view->held[i];
        if (held->size)
            fds_tell_fact(i ? "" : "holds", "%s%s, %" PRIu64 " bytes%s", held->address,
                          held->is_deleted ? " (deleted)" : "", held->size,
                          held->writes ? "" : ", only read");
        else
            fds_tell_fact(i ? "" : "holds", "%s%s", held->address,
                          held->is_deleted ? " (deleted)" : "");
    }
}

static void tell_process(const struct wherry_process_view *view)
{
    const struct wherry_process_state *state = &view->state;
    fds_tell_fact("process", "%" PRId64 " (%s)", state->pid, state->name);
    if (state->parent > 0)
        fds_tell_fact("parent", "%" PRId64 " (%s)", state->parent, view->parent_name);
    if (view->user >= 0)
        fds_tell_fact("user", "%s", user_name(view->user));
    if (*view->command)
        fds_tell_fact("command", "%s", view->command);
    fds_tell_fact("state", "%s: %s", wherry_doing_name(state->doing), state->text);
    if (state->threads > 1)
        fds_tell_fact("threads", "%" PRId64 ", %" PRId64 " of them running or ready",
                      state->threads, state->threads_ready);
    tell_held(view);
}

// What is not known, below everything.
static void tell_missing(const struct wherry_process_view *view)
{
    if (view->state.cause)
        fds_tell_fact("not known", "what it waits for: %s", fds_why(view->state.cause));
    if (view->descriptors_cause)
        fds_tell_fact("not known", "what it has open: %s",
                      fds_why(view->descriptors_cause));
    if (view->held_cause)
        fds_tell_fact("not known", "all that it holds: %s", fds_why(view->held_cause));
    if (view->sharing_cause)
        fds_tell_fact("not known", "which numbers share a description: %s",
                      fds_why(view->sharing_cause));
    if (view->sockets_cause)
        fds_tell_fact("not known", "peers of unix sockets: %s",
                      fds_why(view->sockets_cause));
    if (view->not_looked_at)
        fds_tell_fact("not shown", "%zu more descriptors", view->not_looked_at);
    if (view->unseen)
        fds_tell_fact("not seen",
                      "%zu other processes: they may share these, or be at other ends",
                      view->unseen);
    if (view->is_cut)
        fds_tell_fact("not seen", "some processes: there are too many open files");
}

static int print(const struct wherry_process_view *view)
{
    static const struct {
        const char *heading;
        struct table *(*make)(const struct wherry_process_view *);
    } tables[] = {{"descriptors", descriptors},
                  {"open file descriptions", descriptions},
                  {"inodes and sockets", objects}};

    int status = DONE;
    tell_process(view);
    for (size_t i = 0; view->descriptor_count > 0 && i < 3 && status == DONE; i++) {
        putchar('\n');
        say_heading(tables[i].heading);
        status = table_print(tables[i].make(view), command_fds.name);
    }
    if (view->descriptor_count > 0)
        putchar('\n');
    else if (!view->descriptors_cause)
        fds_tell_fact("descriptors", "none");
    tell_missing(view);
    return status;
}

/* --- the verb ------------------------------------------------------------ */

int fds_refuse(const char *verb, int64_t pid, int error)
{
    if (error == -ESRCH)
        return say_error(verb, "there is no process %" PRId64, pid);
    if (error == -ENOTSUP)
        return say_error(verb, "/proc is not there: mount it");
    return say_error(verb, "process %" PRId64 ": %s", pid, fds_why(error));
}

// Without a number, whoever asks: a shell.
static bool read_pid(const struct choices *choices, int64_t *out)
{
    const char *word = choices->word_count > 0 ? choices->words[0] : NULL;
    *out = word ? getpid() : getppid();
    if (!word || strcmp(word, "self") == 0)
        return true;
    return settings_read_number(word, 1, out) && *out <= INT32_MAX;
}

static int run(int argc, char **argv)
{
    struct choices choices;
    struct wherry_process_view *view = NULL;
    int64_t pid;
    if (settings_read(&command_fds, argc, argv, 0, 1, &choices) != DONE)
        return USAGE;
    if (!read_pid(&choices, &pid))
        return say_usage(command_fds.name,
                         "%s: it must be the number of a process, or self",
                         choices.words[0]);
    int r = wherry_inspect_process(pid, NULL, &view);
    if (r < 0)
        return fds_refuse(command_fds.name, pid, r);
    int status = choices.json ? fds_print_json(view) : print(view);
    wherry_view_free(view);
    return status;
}

static const struct setting *const settings[] = {&setting_json, NULL};

const struct command command_fds = {
    .name = "fds",
    .arguments = "[--json] [PID | self]",
    .summary = "Shows what a process does and has open, and who shares it.",
    .settings = settings,
    .help =
        "Without PID it is the process that started wherry: the shell.  An open file\n"
        "lives in three tables:\n"
        "\n"
        "  descriptors             the numbers of the process\n"
        "  open file descriptions  what a number refers to: offset, flags.  dup(2)\n"
        "                          and fork(2) give one several numbers, as "
        "PID:NUMBER\n"
        "  inodes and sockets      what that is of; other ends of pipes and sockets\n"
        "\n"
        "What you may not see is said below the tables; root sees more.\n"
        "\n"
        "Example:\n"
        "  wherry fds $$\n",
    .run = run,
};
