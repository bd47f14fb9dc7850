/* SPDX-License-Identifier: MIT */
/*
 * Who else has what a process has open: every process that may be looked into is gone
 * through, number by number.
 *
 * One description is one file, so that two links which say different things are two
 * descriptions; only where they say the same the kernel is asked.  No file is looked at
 * (stat(2)): one on a server that does not answer would hold this up.
 */
#include "inspect/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINK_WORDS = 40 };

/* What the link of a peer says, and whose peer it is. */
struct peer {
    char link[LINK_WORDS];
    size_t object;
};

/* While they are gone through. */
struct search {
    struct tables *tables;
    struct others *others;
    struct peer *peers;
    size_t peer_count;
    size_t group_count;
    size_t left; // numbers that may still be looked at
    // The process that is looked into.
    int64_t pid;
    int directory;
    const char *name; // in the arena; NULL: not read yet
};

/* --- what is looked for -------------------------------------------------- */

static int by_link(const void *a, const void *b)
{
    const struct peer *left = a;
    const struct peer *right = b;
    return strcmp(left->link, right->link);
}

static int list_peers(struct search *search)
{
    const struct tables *tables = search->tables;
    search->peers = calloc(tables->object_count + 1, sizeof(*search->peers));
    if (!search->peers)
        return -ENOMEM;
    for (size_t i = 0; i < tables->object_count; i++) {
        if (tables->peers[i] == 0)
            continue;
        struct peer *peer = &search->peers[search->peer_count++];
        snprintf(peer->link, sizeof(peer->link), "socket:[%" PRIu64 "]",
                 tables->peers[i]);
        peer->object = i;
    }
    qsort(search->peers, search->peer_count, sizeof(*search->peers), by_link);
    return 0;
}

// The first of a sorted list that is not before the link.
static size_t first_peer(const struct search *search, const char *link)
{
    size_t low = 0;
    size_t high = search->peer_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(search->peers[middle].link, link) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t first_group(const struct search *search, const char *link)
{
    const struct group *groups = search->tables->groups;
    size_t low = 0;
    size_t high = search->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(groups[middle].link, link) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- what is found ------------------------------------------------------- */

static const char *name_of(struct search *search)
{
    char text[TEXT_MOST];
    struct stat_line stat;
    if (search->name)
        return search->name;
    bool is_known = proc_read(search->directory, "stat", text, sizeof(text)) > 0 &&
                    stat_read(text, &stat) == 0;
    search->name =
        is_known ? arena_text(search->tables->arena, stat.name, strlen(stat.name)) : "";
    return search->name;
}

static void add_place(struct search *search, const struct wherry_place **list,
                      size_t *count, int number)
{
    char name[32];
    char text[TEXT_MOST];
    char unused[WORDS_MOST];
    struct words words = {unused, sizeof(unused), 0};
    uint64_t bits;
    struct flags flags;
    struct wherry_place *places = arena_room(
        search->tables->arena, (void *)(uintptr_t)*list, *count, sizeof(**list));
    if (!places)
        return;
    struct wherry_place *place = &places[(*count)++];
    *place = (struct wherry_place){search->pid, number, -1, -1, name_of(search)};
    *list = places;
    snprintf(name, sizeof(name), "fdinfo/%d", number);
    if (proc_read(search->directory, name, text, sizeof(text)) > 0 &&
        field_read(text, "flags", 8, &bits)) {
        flags_read(bits, &flags, &words);
        place->reads = flags.reads;
        place->writes = flags.writes;
    }
}

static void match_peers(struct search *search, const char *link, int number)
{
    for (size_t i = first_peer(search, link);
         i < search->peer_count && strcmp(search->peers[i].link, link) == 0; i++) {
        struct wherry_view_object *object =
            &search->tables->objects[search->peers[i].object];
        add_place(search, &object->ends, &object->end_count, number);
    }
}

// Among those with that link, from `low` on, in the kernel's order.
static void match_description(struct search *search, const char *link, size_t low,
                              int number)
{
    struct tables *tables = search->tables;
    size_t high = low;
    int error = 0;
    while (high < search->group_count && strcmp(tables->groups[high].link, link) == 0)
        high++;
    while (low < high && error == 0) {
        size_t middle = low + (high - low) / 2;
        const struct group *group = &tables->groups[middle];
        int order =
            proc_compare(tables->pid, group->number, search->pid, number, &error);
        if (error == 0 && order == 0) {
            struct wherry_view_description *description =
                &tables->descriptions[group->description];
            add_place(search, &description->shared, &description->shared_count, number);
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
}

static void match_own(struct search *search, const char *link, int number)
{
    struct tables *tables = search->tables;
    size_t group = first_group(search, link);
    if (group == search->group_count || strcmp(tables->groups[group].link, link) != 0)
        return;
    size_t description = tables->groups[group].description;
    struct wherry_view_object *object =
        &tables->objects[tables->descriptions[description].object];
    if (object->object == WHERRY_OBJECT_PIPE || object->object == WHERRY_OBJECT_FIFO)
        add_place(search, &object->ends, &object->end_count, number);
    if (tables->sharing_cause == 0)
        match_description(search, link, group, number);
}

/* --- all processes ------------------------------------------------------- */

static int look_at(struct search *search, int number)
{
    char name[32];
    char link[LINK_MOST];
    snprintf(name, sizeof(name), "fd/%d", number);
    int r = proc_link(search->directory, name, link, sizeof(link));
    if (r < 0)
        return r == -ESRCH ? 0 : r; // it was closed meanwhile
    match_peers(search, link, number);
    if (search->pid != search->tables->pid)
        match_own(search, link, number);
    return 0;
}

static int look_into(struct search *search, int64_t pid)
{
    int *numbers;
    size_t count;
    size_t more;
    search->directory = proc_open(pid);
    search->pid = pid;
    search->name = NULL;
    if (search->directory < 0)
        return search->directory;
    int r = proc_numbers(search->directory, search->left, &numbers, &count, &more);
    if (r == 0) {
        // Some show which numbers there are, and no more.
        for (size_t i = 0; r == 0 && i < count; i++)
            r = look_at(search, numbers[i]);
        search->left -= count;
        search->others->is_cut |= more > 0;
        free(numbers);
    }
    proc_close(search->directory);
    return r;
}

static int look_into_all(struct search *search)
{
    int64_t *pids;
    size_t count;
    int r = proc_all(&pids, &count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (search->left == 0) {
            search->others->is_cut = true;
            break;
        }
        int found = look_into(search, pids[i]);
        bool is_other = pids[i] != search->tables->pid;
        search->others->processes += found == 0 && is_other;
        search->others->unseen += (found == -EACCES || found == -EPERM) && is_other;
        if (found == -ENOMEM || found == -EMFILE || found == -ENFILE)
            r = found;
    }
    free(pids);
    return r;
}

int others_look(struct tables *tables, struct others *others)
{
    struct search search = {.tables = tables,
                            .others = others,
                            .group_count = tables->description_count,
                            .left = others->most};
    if (tables->descriptor_count == 0)
        return 0;
    int r = list_peers(&search);
    if (r == 0)
        r = look_into_all(&search);
    free(search.peers);
    return r == 0 && tables->arena->failed ? -ENOMEM : r;
}
