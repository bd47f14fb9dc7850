/* SPDX-License-Identifier: MIT */
/*
 * All that is known of a process, put together.
 */
#include "inspect/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DESCRIPTORS_MOST = 65536,
    OTHERS_MOST = 4194304,
    COMMAND_MOST = 4096,
    MAPS_MOST = 64 << 20, // bytes
    HELD_MOST = 4096
};

/* The view, and what it is made of. */
struct whole {
    struct wherry_process_view view; // first: it is what the caller has
    struct arena arena;
    struct wherry_view_held *held;
    uint64_t *inodes; // of each of these; 0: a queue, its name is all
    size_t held_count;
};

/* --- the process --------------------------------------------------------- */

static const char *parent_name(struct whole *whole)
{
    char text[TEXT_MOST];
    struct stat_line stat;
    int directory = proc_open(whole->view.state.parent);
    if (directory < 0)
        return "";
    bool is_known = proc_read(directory, "stat", text, sizeof(text)) > 0 &&
                    stat_read(text, &stat) == 0;
    proc_close(directory);
    return is_known ? arena_text(&whole->arena, stat.name, strlen(stat.name)) : "";
}

static const char *command(struct whole *whole, int directory)
{
    char text[COMMAND_MOST];
    int64_t size = proc_read(directory, "cmdline", text, sizeof(text));
    for (int64_t i = 0; i < size; i++)
        if (text[i] == 0)
            text[i] = ' ';
    while (size > 0 && text[size - 1] == ' ')
        size--;
    return size > 0 ? arena_text(&whole->arena, text, (size_t)size) : "";
}

// The second number behind "Uid:" is the effective one.
static int64_t user(int directory)
{
    char text[TEXT_MOST];
    uint64_t real;
    uint64_t effective;
    if (proc_read(directory, "status", text, sizeof(text)) < 0)
        return -1;
    const char *line = strstr(text, "\nUid:");
    const char *at = line ? line + 5 : "";
    bool is_told = take_number(&at, 10, &real) && take_number(&at, 10, &effective);
    return is_told ? (int64_t)effective : -1;
}

/* --- what it holds ------------------------------------------------------- */

// The name of a semaphore, as programs know it.
static void find_name(struct mapping *mapping)
{
    char name[ADDRESS_MOST];
    struct words words = {name, sizeof(name), 0};
    bool may_have_one = strncmp(mapping->address, "sem:", 4) == 0 ||
                        strncmp(mapping->address, "shm:", 4) == 0;
    if (!mapping->is_deleted || !may_have_one ||
        !proc_shared_name(mapping->inode, &words))
        return;
    memcpy(mapping->address, name, words.used + 1);
    mapping->is_deleted = false;
}

static int hold(struct whole *whole, const struct mapping *mapping)
{
    // One object may be mapped in several pieces.
    for (size_t i = 0; i < whole->held_count; i++)
        if (whole->inodes[i] == mapping->inode &&
            strcmp(whole->held[i].address, mapping->address) == 0) {
            whole->held[i].size += mapping->size;
            whole->held[i].writes |= mapping->writes;
            return 0;
        }
    if (whole->held_count == HELD_MOST)
        return -E2BIG;
    struct wherry_view_held *held =
        arena_room(&whole->arena, whole->held, whole->held_count, sizeof(*held));
    uint64_t *inodes =
        arena_room(&whole->arena, whole->inodes, whole->held_count, sizeof(*inodes));
    if (!held || !inodes)
        return -ENOMEM;
    whole->held = held;
    whole->inodes = inodes;
    inodes[whole->held_count] = mapping->inode;
    held[whole->held_count++] =
        (struct wherry_view_held){.address = arena_text(&whole->arena, mapping->address,
                                                        strlen(mapping->address)),
                                  .size = mapping->size,
                                  .writes = mapping->writes,
                                  .is_deleted = mapping->is_deleted};
    return 0;
}

static int hold_mapped(struct whole *whole, int directory)
{
    char *maps;
    const int cut = proc_read_all(directory, "maps", MAPS_MOST, &maps);
    int r = 0;
    if (cut < 0)
        return cut;
    for (const char *line = maps; r == 0 && *line;) {
        struct mapping mapping;
        size_t size = line_size(line);
        if (mapping_read(line, size, &mapping)) {
            find_name(&mapping);
            r = hold(whole, &mapping);
        }
        line += size + (line[size] == '\n');
    }
    free(maps);
    return r == 0 && cut ? -E2BIG : r;
}

static int hold_queues(struct whole *whole, const struct tables *tables)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < tables->description_count; i++) {
        const struct wherry_view_description *is = &tables->descriptions[i];
        const struct wherry_view_object *object = &tables->objects[is->object];
        const char *name = strrchr(object->name, '/');
        struct mapping queue = {.inode = object->inode,
                                .writes = is->writes == 1,
                                .is_deleted = object->is_deleted};
        if (object->object != WHERRY_OBJECT_MQ || !name)
            continue;
        struct words words = {queue.address, sizeof(queue.address), 0};
        words_add(&words, "mq:");
        words_add_rest(&words, name, strlen(name));
        r = hold(whole, &queue);
    }
    return r;
}

/* --- all of it ----------------------------------------------------------- */

static void take_tables(struct whole *whole, const struct tables *tables)
{
    struct wherry_process_view *view = &whole->view;
    view->descriptors = tables->descriptors;
    view->descriptor_count = tables->descriptor_count;
    view->descriptions = tables->descriptions;
    view->description_count = tables->description_count;
    view->objects = tables->objects;
    view->object_count = tables->object_count;
    view->held = whole->held;
    view->held_count = whole->held_count;
    view->descriptors_cause = tables->descriptors_cause;
    view->sharing_cause = tables->sharing_cause;
    view->sockets_cause = tables->sockets_cause;
    view->not_looked_at = tables->not_looked_at;
}

// What has ended has nothing open: that nothing is to be seen has no other cause.
static bool is_over(const struct whole *whole)
{
    return whole->view.state.doing == WHERRY_DOING_ZOMBIE;
}

static int look_around(struct whole *whole, struct tables *tables,
                       const struct wherry_inspect_wish *wish)
{
    struct wherry_process_view *view = &whole->view;
    struct others others = {.most = wish && wish->others_most ? wish->others_most
                                                              : OTHERS_MOST};
    size_t most =
        wish && wish->descriptors_most ? wish->descriptors_most : DESCRIPTORS_MOST;
    int r = tables_look(tables, most);
    if (r == 0 && !(wish && wish->alone))
        r = others_look(tables, &others);
    if (r < 0)
        return r;
    r = hold_mapped(whole, tables->directory);
    if (r == -ENOMEM || r == -EMFILE)
        return r;
    view->held_cause = r;
    r = hold_queues(whole, tables);
    if (r == -E2BIG)
        view->held_cause = r;
    view->processes = others.processes;
    view->unseen = others.unseen;
    view->is_cut = others.is_cut;
    return r == -E2BIG ? 0 : r;
}

static int look(struct whole *whole, int directory,
                const struct wherry_inspect_wish *wish)
{
    struct wherry_process_view *view = &whole->view;
    int64_t pid = view->state.pid;
    struct tables tables = {.arena = &whole->arena, .directory = directory, .pid = pid};
    struct stat_line stat;
    char text[TEXT_MOST];
    int r = state_look(directory, pid, &view->state);
    if (r == 0) {
        view->parent_name = parent_name(whole);
        view->command = command(whole, directory);
        view->user = user(directory);
        r = look_around(whole, &tables, wish);
    }
    take_tables(whole, &tables);
    if (is_over(whole))
        view->descriptors_cause = view->held_cause = 0;
    // What is seen of one that ends meanwhile is not worth much.
    if (r == 0 && (proc_read(directory, "stat", text, sizeof(text)) < 0 ||
                   stat_read(text, &stat) < 0))
        r = -ESRCH;
    return r == 0 && whole->arena.failed ? -ENOMEM : r;
}

int wherry_inspect_process(int64_t pid, const struct wherry_inspect_wish *wish,
                           struct wherry_process_view **out)
{
    int directory = proc_open(pid);
    if (directory < 0)
        return directory;
    struct whole *whole = calloc(1, sizeof(*whole));
    int r = whole ? 0 : -ENOMEM;
    if (r == 0) {
        whole->view.state.pid = pid;
        r = look(whole, directory, wish);
    }
    proc_close(directory);
    if (r == 0)
        *out = &whole->view;
    else if (whole)
        wherry_view_free(&whole->view);
    return r;
}

void wherry_view_free(struct wherry_process_view *view)
{
    struct whole *whole = (struct whole *)view;
    if (!whole)
        return;
    arena_free(&whole->arena);
    free(whole);
}
