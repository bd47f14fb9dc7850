/* SPDX-License-Identifier: MIT */
/*
 * Objects of the machine: which of them are chosen, and their table for people.
 *
 * Addresses and names of programs are what anybody chose: all that is printed is made
 * printable.
 */
#include "objects.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cells.h"
#include "say.h"

enum { LISTED_MOST = 4 }; // holders in a cell; JSON has all

static const int64_t second = 1000000000;

/* --- looking ------------------------------------------------------------- */

static int say_schemes(const char *verb)
{
    char names[256] = "";
    const char *scheme;
    for (size_t i = 0, used = 0; (scheme = wherry_ipc_scheme(i)); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, " %s:", scheme);
    return say_usage(verb, "a pattern must begin with one of%s", names);
}

int objects_look(const char *verb, const struct choices *choices,
                 struct wherry_ipc_view **out)
{
    const struct wherry_ipc_wish wish = {
        .patterns =
            choices->word_count > 0 ? (const char *const *)choices->words : NULL};
    const int r = wherry_inspect_objects(&wish, out);
    if (r == -EINVAL)
        return say_schemes(verb);
    if (r == -ENOTSUP)
        return say_error(verb, "/proc is not there: mount it");
    return r < 0 ? say_error(verb, "the objects of this machine: %s", say_errno(r))
                 : DONE;
}

void objects_tell_notes(const char *verb, const struct wherry_ipc_view *view)
{
    for (size_t i = 0; i < view->note_count; i++)
        say_notice(verb, "%s", view->notes[i]);
}

void objects_tell_missing(const char *verb, const struct wherry_ipc_view *view)
{
    objects_tell_notes(verb, view);
    if (view->unseen)
        say_notice(verb,
                   "%zu process%s may not be looked into, and may have some of these%s",
                   view->unseen, view->unseen == 1 ? "" : "es",
                   geteuid() == 0 ? "" : "; root sees more");
    if (view->is_cut)
        say_notice(verb, "there is more than is shown: there are too many objects or "
                         "open files");
}

/* --- choosing ------------------------------------------------------------ */

static int64_t now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_REALTIME, &time);
    return time.tv_sec * second + time.tv_nsec;
}

// Nanoseconds since it was made, or last changed; -1: not known.
static int64_t since(int64_t moment)
{
    const int64_t age = now() - moment;
    return moment == 0 ? -1 : age < 0 ? 0 : age;
}

static bool has_holder(const struct wherry_ipc_object *object, int64_t pid)
{
    for (size_t i = 0; i < object->holder_count; i++)
        if (object->holders[i].pid == pid)
            return true;
    return object->creator == pid || object->last_pids[0] == pid ||
           object->last_pids[1] == pid;
}

bool objects_is_chosen(const struct choices *choices,
                       const struct wherry_ipc_object *object)
{
    if (choices->mine && object->user != (int64_t)geteuid())
        return false;
    if (choices->orphans && object->left != 0)
        return false;
    if (choices->pid && !has_holder(object, choices->pid))
        return false;
    return choices->older == 0 || since(object->changed) >= choices->older * 1000000;
}

/* --- words --------------------------------------------------------------- */

// Most are of few users: the last one is kept.
static const char *owner_name(int64_t user)
{
    static int64_t last = -1;
    static char name[256];
    char room[1024];
    struct passwd entry;
    struct passwd *found = NULL;
    if (user == last)
        return name;
    last = user;
    if (getpwuid_r((uid_t)user, &entry, room, sizeof(room), &found) == 0 && found)
        (void)snprintf(name, sizeof(name), "%s", found->pw_name);
    else
        (void)snprintf(name, sizeof(name), "%" PRId64, user);
    return name;
}

// "3 s", "5 min", "2 h", "4 days"
static void add_age(int64_t moment)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "h"}, {60, "min"}, {1, "s"}};

    const int64_t age = since(moment) / second;
    size_t i = 0;
    while (i < 3 && age < 2 * units[i].seconds)
        i++;
    if (moment == 0)
        cells_add_none();
    else
        cells_add("%" PRId64 " %s", age / units[i].seconds, units[i].name);
}

// This program has inherited some, which says nothing of them.
static bool is_told(const struct wherry_ipc_holder *holder)
{
    return holder->pid != getpid();
}

static size_t told_holders(const struct wherry_ipc_object *object)
{
    size_t count = 0;
    for (size_t i = 0; i < object->holder_count; i++)
        count += is_told(&object->holders[i]);
    return count;
}

void objects_write_hows(unsigned how, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (unsigned bit = 1; bit != 0 && bit <= how; bit <<= 1)
        if (how & bit)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "+" : "",
                                     wherry_ipc_how_name(bit));
}

// "4240 (bash) mapped, 4241 (cat) waits and 7 more"
static void add_holders(const struct wherry_ipc_object *object)
{
    char text[CELL_MOST] = "";
    size_t used = 0;
    size_t told = 0;
    for (size_t i = 0; i < object->holder_count && told < LISTED_MOST; i++) {
        char hows[128];
        const struct wherry_ipc_holder *holder = &object->holders[i];
        if (!is_told(holder))
            continue;
        objects_write_hows(holder->how, hows, sizeof(hows));
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRId64 " (%s) %s",
                             told++ ? ", " : "", holder->pid, holder->name, hows);
    }
    const size_t all = told_holders(object);
    if (all > told)
        (void)snprintf(text + used, sizeof(text) - used, " and %zu more", all - told);
    cells_add_text(text);
}

static bool counts_always(const struct wherry_ipc_object *object)
{
    return strcmp(object->counted, "semaphores") == 0;
}

// "2 processes", "nobody left, 3 messages"
static void add_state(const struct wherry_ipc_object *object)
{
    char state[64];
    char content[64] = "";
    const size_t told = told_holders(object);
    if (told > 0)
        (void)snprintf(state, sizeof(state), "%zu process%s", told,
                       told == 1 ? "" : "es");
    else
        (void)snprintf(state, sizeof(state), "%s",
                       object->left > 0    ? "in use"
                       : object->left == 0 ? "nobody left"
                                           : "not known");
    const bool is_one = object->count == 1 && *object->counted;
    if (object->count > 0 || (object->count == 0 && counts_always(object)))
        (void)snprintf(content, sizeof(content), ", %" PRId64 " %.*s", object->count,
                       (int)strlen(object->counted) - is_one, object->counted);
    cells_add("%s%s%s", state, content, object->is_deleted ? ", name gone" : "");
}

/* --- the table ----------------------------------------------------------- */

struct table *objects_table(void)
{
    static const struct column columns[] = {
        {"address", COLUMN_TEXT, false}, {"owner", COLUMN_TEXT, false},
        {"size", COLUMN_NUMBER, false},  {"age", COLUMN_NUMBER, false},
        {"state", COLUMN_TEXT, false},   {"holders", COLUMN_TEXT, false}};
    return table_new("objects", columns, 6, false);
}

void objects_add(struct table *table, const struct wherry_ipc_object *object)
{
    cells_begin(table);
    cells_add_text(object->address);
    cells_add_text(object->user < 0 ? "" : owner_name(object->user));
    if (object->size < 0)
        cells_add_none();
    else
        cells_add("%" PRId64, object->size);
    add_age(object->created ? object->created : object->changed);
    add_state(object);
    add_holders(object);
    cells_end();
}
