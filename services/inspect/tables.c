/* SPDX-License-Identifier: MIT */
/*
 * The three tables of one process: its descriptors, the descriptions that they refer
 * to, and the objects behind those.
 *
 * Which numbers share a description only a comparison of two tells, kcmp(2), but it
 * orders them: so they are sorted, and equal ones are neighbours.  Only those whose
 * links say the same are compared at all.
 */
#include "inspect/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FDINFO_MOST = 1 << 18 };

static const size_t none = SIZE_MAX;

/* What is seen of one number. */
struct seen {
    struct tables *tables;
    int number;
    const char *link;
    struct link name;
    struct look look;
    struct flags flags;
    bool has_flags;
    int64_t offset;
    const char *flag_words;
    const char *words;
    size_t group; // of equal ones, in the order in which they are sorted
};

/* --- each number --------------------------------------------------------- */

static const enum wherry_object have_offset[] = {
    WHERRY_OBJECT_FILE, WHERRY_OBJECT_DIRECTORY, WHERRY_OBJECT_DISK,
    WHERRY_OBJECT_MEMFD};

// Objects of these kinds have an inode of their own; of others all have one.
static bool has_inode(enum wherry_object object)
{
    return object >= WHERRY_OBJECT_FILE &&
           (object <= WHERRY_OBJECT_MQ || object == WHERRY_OBJECT_NAMESPACE);
}

static bool has_offset(enum wherry_object object)
{
    for (size_t i = 0; i < sizeof(have_offset) / sizeof(have_offset[0]); i++)
        if (have_offset[i] == object)
            return true;
    return false;
}

static void look_at_fdinfo(struct seen *seen, char *room)
{
    struct tables *tables = seen->tables;
    char name[32];
    char flags[WORDS_MOST] = "";
    char more[WORDS_MOST] = "";
    struct words words = {flags, sizeof(flags), 0};
    struct words told = {more, sizeof(more), 0};
    uint64_t bits;
    uint64_t offset;
    snprintf(name, sizeof(name), "fdinfo/%d", seen->number);
    if (proc_read(tables->directory, name, room, FDINFO_MOST) < 0)
        return;
    seen->has_flags = field_read(room, "flags", 8, &bits);
    if (seen->has_flags)
        flags_read(bits, &seen->flags, &words);
    if (has_offset(seen->look.object) && field_read(room, "pos", 10, &offset))
        seen->offset = (int64_t)offset;
    object_words(seen->look.object, room, &told);
    proc_more(tables->directory, seen->number, seen->look.object, &told);
    seen->flag_words = arena_text(tables->arena, flags, words.used);
    seen->words = arena_text(tables->arena, more, told.used);
}

// Errors: -ENOENT (it was closed meanwhile), -EACCES.
static int look_at(struct tables *tables, int number, char *room, struct seen *out)
{
    char name[32];
    char link[LINK_MOST];
    *out = (struct seen){.tables = tables,
                         .number = number,
                         .offset = -1,
                         .flag_words = "",
                         .words = ""};
    snprintf(name, sizeof(name), "fd/%d", number);
    int r = proc_link(tables->directory, name, link, sizeof(link));
    if (r < 0)
        return r == -ESRCH ? -ENOENT : r;
    out->link = arena_text(tables->arena, link, strlen(link));
    link_read(out->link, &out->name);
    // Where the inode cannot be asked for, the link is all there is.
    if (proc_look(tables->directory, number, &out->name, &out->look) < 0)
        out->look = (struct look){.object = WHERRY_OBJECT_UNKNOWN};
    if (out->look.is_there) { // the name is all of it
        out->name.is_deleted = false;
        out->name.name_size = strlen(out->name.name);
    }
    if (out->name.object != WHERRY_OBJECT_UNKNOWN)
        out->look.object = out->name.object;
    if (!has_inode(out->look.object))
        out->look.inode = 0;
    look_at_fdinfo(out, room);
    return 0;
}

static int look_at_all(struct tables *tables, size_t most, struct seen **out,
                       size_t *count)
{
    int *numbers;
    size_t there;
    *count = 0;
    int r =
        proc_numbers(tables->directory, most, &numbers, &there, &tables->not_looked_at);
    if (r < 0)
        return r;
    char *room = malloc(FDINFO_MOST);
    struct seen *seen = arena_take(tables->arena, (there + 1) * sizeof(*seen));
    r = room && seen ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < there; i++) {
        r = look_at(tables, numbers[i], room, &seen[*count]);
        *count += r == 0;
        r = r == -ENOENT ? 0 : r;
    }
    free(room);
    free(numbers);
    *out = seen;
    return r;
}

/* --- which are one ------------------------------------------------------- */

static int order_of_numbers(const struct seen *left, const struct seen *right)
{
    return left->number < right->number ? -1 : left->number > right->number;
}

static int by_description(const void *a, const void *b)
{
    const struct seen *left = *(struct seen *const *)a;
    const struct seen *right = *(struct seen *const *)b;
    struct tables *tables = left->tables;
    int order = strcmp(left->link, right->link);
    int error = 0;
    if (order || left == right)
        return order;
    if (tables->sharing_cause == 0)
        order =
            proc_compare(tables->pid, left->number, tables->pid, right->number, &error);
    if (error && error != -ESRCH) // of one that was closed meanwhile
        tables->sharing_cause = error;
    return error || tables->sharing_cause ? order_of_numbers(left, right) : order;
}

static int by_object(const void *a, const void *b)
{
    const struct seen *left = *(struct seen *const *)a;
    const struct seen *right = *(struct seen *const *)b;
    const struct look *l = &left->look;
    const struct look *r = &right->look;
    if (l->device_major != r->device_major)
        return l->device_major < r->device_major ? -1 : 1;
    if (l->device_minor != r->device_minor)
        return l->device_minor < r->device_minor ? -1 : 1;
    if (l->inode != r->inode)
        return l->inode < r->inode ? -1 : 1;
    return l->inode ? 0 : order_of_numbers(left, right);
}

// Sorts them and gives equal ones one number, in `group`; how many there are.
static size_t make_groups(struct seen **sorted, size_t count,
                          int (*compare)(const void *, const void *))
{
    size_t groups = 0;
    if (count > 0)
        // NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted
        qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; i < count; i++) {
        groups += i == 0 || compare(&sorted[i - 1], &sorted[i]) != 0;
        sorted[i]->group = groups - 1;
    }
    return groups;
}

/* --- the tables ---------------------------------------------------------- */

/* While they are made. */
struct work {
    struct tables *tables;
    struct seen *seen;
    struct seen **sorted;
    size_t *places; // of each group: its place in the table
    size_t count;
};

// A group that has no place yet gets the next: so tables go by lowest number.
static bool is_new(struct work *work, const struct seen *seen, size_t *count)
{
    if (work->places[seen->group] != none)
        return false;
    work->places[seen->group] = (*count)++;
    return true;
}

static void forget_places(struct work *work)
{
    for (size_t i = 0; i < work->count; i++)
        work->places[i] = none;
}

static void make_description(struct work *work, const struct seen *seen)
{
    struct tables *tables = work->tables;
    size_t place = tables->description_count - 1;
    struct group *group = &tables->groups[seen->group];
    tables->descriptions[place] = (struct wherry_view_description){
        .offset = seen->offset,
        .reads = seen->has_flags ? seen->flags.reads : -1,
        .writes = seen->has_flags ? seen->flags.writes : -1,
        .flags = seen->flag_words,
    };
    *group = (struct group){seen->link, seen->number, place};
}

// The numbers of each description, one list behind the other.
static void list_numbers(struct work *work, const int *numbers)
{
    struct tables *tables = work->tables;
    for (size_t i = 0; i < tables->descriptor_count; i++)
        tables->descriptions[tables->descriptors[i].description].number_count++;
    for (size_t i = 0; i < tables->description_count; i++) {
        tables->descriptions[i].numbers = numbers;
        numbers += tables->descriptions[i].number_count;
        tables->descriptions[i].number_count = 0;
    }
    for (size_t i = 0; i < tables->descriptor_count; i++) {
        struct wherry_view_description *description =
            &tables->descriptions[tables->descriptors[i].description];
        int *list = (int *)(uintptr_t)description->numbers;
        list[description->number_count++] = tables->descriptors[i].number;
    }
}

// Whether two can be compared at all: one with itself.
static int ask_for_sharing(const struct work *work)
{
    const struct tables *tables = work->tables;
    int error = 0;
    if (work->count > 0)
        (void)proc_compare(tables->pid, work->seen->number, tables->pid,
                           work->seen->number, &error);
    return error == -ESRCH ? 0 : error;
}

static void make_descriptions(struct work *work, const int *numbers)
{
    struct tables *tables = work->tables;
    tables->sharing_cause = ask_for_sharing(work);
    (void)make_groups(work->sorted, work->count, by_description);
    forget_places(work);
    for (size_t i = 0; i < work->count; i++) {
        const struct seen *seen = &work->seen[i];
        if (is_new(work, seen, &tables->description_count))
            make_description(work, seen);
        tables->descriptors[i] = (struct wherry_view_descriptor){
            .number = seen->number,
            .close_on_exec = seen->has_flags ? seen->flags.closes_on_exec : -1,
            .description = work->places[seen->group]};
    }
    tables->descriptor_count = work->count;
    list_numbers(work, numbers);
}

// The first number of each description, which its object is known by.
static struct seen *first_of(const struct work *work, size_t description)
{
    const int *number = work->tables->descriptions[description].numbers;
    size_t low = 0;
    size_t high = work->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (work->seen[middle].number <= *number)
            low = middle;
        else
            high = middle;
    }
    return &work->seen[low];
}

static void make_object(struct tables *tables, const struct seen *seen)
{
    // Its number is all that the name of these says.
    bool is_plain = seen->look.object == WHERRY_OBJECT_PIPE ||
                    seen->look.object == WHERRY_OBJECT_SOCKET;
    tables->objects[tables->object_count - 1] = (struct wherry_view_object){
        .object = seen->look.object,
        .device_major = seen->look.inode ? seen->look.device_major : 0,
        .device_minor = seen->look.inode ? seen->look.device_minor : 0,
        .inode = seen->look.inode,
        .name = is_plain
                    ? ""
                    : arena_text(tables->arena, seen->name.name, seen->name.name_size),
        .is_deleted = seen->name.is_deleted,
        .type = "",
        .local = "",
        .peer = "",
        .text = seen->words,
    };
}

static void make_objects(struct work *work)
{
    struct tables *tables = work->tables;
    size_t count = tables->description_count;
    for (size_t i = 0; i < count; i++)
        work->sorted[i] = first_of(work, i);
    (void)make_groups(work->sorted, count, by_object);
    forget_places(work);
    for (size_t i = 0; i < count; i++) {
        const struct seen *seen = first_of(work, i);
        if (is_new(work, seen, &tables->object_count))
            make_object(tables, seen);
        tables->descriptions[i].object = work->places[seen->group];
    }
}

static int make(struct work *work)
{
    struct tables *tables = work->tables;
    struct arena *arena = tables->arena;
    size_t room = work->count + 1;
    work->sorted = arena_take(arena, room * sizeof(struct seen *));
    work->places = arena_take(arena, room * sizeof(size_t));
    tables->descriptors = arena_take(arena, room * sizeof(*tables->descriptors));
    tables->descriptions = arena_take(arena, room * sizeof(*tables->descriptions));
    tables->objects = arena_take(arena, room * sizeof(*tables->objects));
    tables->groups = arena_take(arena, room * sizeof(*tables->groups));
    tables->peers = arena_take(arena, room * sizeof(*tables->peers));
    int *numbers = arena_take(arena, room * sizeof(*numbers));
    if (arena->failed)
        return -ENOMEM;
    for (size_t i = 0; i < work->count; i++)
        work->sorted[i] = &work->seen[i];
    make_descriptions(work, numbers);
    make_objects(work);
    return 0;
}

/* --- sockets ------------------------------------------------------------- */

static void tell_socket(struct tables *tables, size_t object,
                        const struct socket_row *row, const struct socket_row *peer)
{
    struct wherry_view_object *out = &tables->objects[object];
    char text[WORDS_MOST] = "";
    struct words words = {text, sizeof(text), 0};
    const char *remote = *row->remote || !peer ? row->remote : peer->local;
    words_add(&words, row->listens        ? "listens"
                      : row->is_connected ? "connected"
                                          : "not connected");
    if (row->unread)
        words_add(&words,
                  row->listens ? ", %" PRIu64 " wait to be accepted"
                               : ", %" PRIu64 " bytes not read",
                  row->unread);
    if (row->unsent)
        words_add(&words, ", %" PRIu64 " bytes not sent", row->unsent);
    if (row->is_connected && row->peer == 0 && strncmp(row->type, "unix", 4) == 0 &&
        tables->sockets_cause == 0)
        words_add(&words, ", nobody has its peer open");
    out->type = row->type; // a constant
    out->local = arena_text(tables->arena, row->local, strlen(row->local));
    out->peer = arena_text(tables->arena, remote, strlen(remote));
    out->text = arena_text(tables->arena, text, words.used);
    tables->peers[object] = row->peer;
}

// One of a kind that no table here has.
static void tell_other_socket(struct tables *tables, size_t object, int number)
{
    char protocol[64];
    if (!proc_protocol(tables->directory, number, protocol, sizeof(protocol)))
        return;
    for (char *at = protocol; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    tables->objects[object].type =
        arena_text(tables->arena, protocol, strlen(protocol));
}

static int look_at_sockets(struct tables *tables)
{
    struct sockets sockets = {.count = 0};
    int r = sockets_look(tables->directory, &sockets);
    if (r < 0 && r != -ENOMEM)
        tables->sockets_cause = r;
    for (size_t i = 0; r != -ENOMEM && i < tables->description_count; i++) {
        size_t object = tables->descriptions[i].object;
        const struct wherry_view_object *is = &tables->objects[object];
        if (is->object != WHERRY_OBJECT_SOCKET || *is->type)
            continue;
        const struct socket_row *row = sockets_find(&sockets, is->inode);
        if (row)
            tell_socket(tables, object, row, sockets_find(&sockets, row->peer));
        else
            tell_other_socket(tables, object, tables->descriptions[i].numbers[0]);
    }
    sockets_free(&sockets);
    return r == -ENOMEM ? r : 0;
}

int tables_look(struct tables *tables, size_t descriptors_most)
{
    struct work work = {.tables = tables};
    int r = look_at_all(tables, descriptors_most, &work.seen, &work.count);
    if (r == -EACCES || r == -EPERM) {
        tables->descriptors_cause = r;
        return 0;
    }
    if (r == 0)
        r = make(&work);
    bool has_sockets = false;
    for (size_t i = 0; r == 0 && i < tables->object_count; i++)
        has_sockets |= tables->objects[i].object == WHERRY_OBJECT_SOCKET;
    if (has_sockets)
        r = look_at_sockets(tables);
    return r == 0 && tables->arena->failed ? -ENOMEM : r;
}
