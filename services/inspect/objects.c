/* SPDX-License-Identifier: MIT */
/*
 * The objects of the machine, put together: sources, then who has what, then, of what
 * nobody was seen to have, what the kernel says.
 */
#include "inspect/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS_MOST = 262144 };

static const char untold[] = "the kernel does not say who uses it";

// In the order of the numbers, which is that of the schemes.
const struct sort sorts[SORTS] = {
    [SORT_FIFO] = {"fifo", "FIFO", "", ask_doorbell, take_doorbell, ""},
    [SORT_LEASE] = {"lease", "lease", "", ask_file, take_file, ""},
    [SORT_LOCAL] = {"local", "local socket", "connections", ask_socket, take_socket,
                    ""},
    [SORT_MEMFD] = {"memfd", "memory without a name", "", NULL, NULL, untold},
    [SORT_MQ] = {"mq", "POSIX queue", "messages", ask_file, take_file, ""},
    [SORT_QUEUE] = {"queue", "Wherry's queue", "", ask_file, take_file, ""},
    [SORT_SEM] = {"sem", "POSIX semaphore", "", ask_file, take_file, ""},
    [SORT_SEMV] = {"semv", "System V semaphores", "semaphores", NULL, NULL, untold},
    [SORT_SHM] = {"shm", "POSIX region", "", ask_file, take_file, ""},
    [SORT_SHMV] = {"shmv", "System V segment", "attachments", ask_segment, take_segment,
                   ""},
    [SORT_SYSV] = {"sysv", "System V queue", "messages", NULL, NULL, untold},
    [SORT_UNIX] = {"unix", "unix socket", "connections", ask_socket, take_socket, ""},
};

/* --- names --------------------------------------------------------------- */

const char *wherry_ipc_how_name(unsigned how)
{
    static const struct {
        unsigned how;
        const char *name;
    } names[] = {
        {WHERRY_IPC_OPEN, "open"},       {WHERRY_IPC_MAPPED, "mapped"},
        {WHERRY_IPC_LISTENS, "listens"}, {WHERRY_IPC_BOUND, "bound"},
        {WHERRY_IPC_WAITS, "waits"},     {WHERRY_IPC_CONNECTED, "connected"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].how == how)
            return names[i].name;
    return "";
}

const char *wherry_ipc_scheme(size_t index)
{
    return index < SORTS ? sorts[index].scheme : NULL;
}

/* --- whether anybody is left --------------------------------------------- */

// What files are leased for; others do not disturb anybody.
static bool is_passive(const struct sort *sort)
{
    return sort->ask != ask_file;
}

static void decide(const struct survey *survey, struct found *found)
{
    struct wherry_ipc_object *object = &found->object;
    const struct sort *sort = &sorts[found->sort];
    if (object->holder_count > 0) {
        object->left = 1;
    } else if (found->is_used) {
        object->left = 1;
        object->why = "the kernel says so";
    } else if (!sort->ask) {
        object->why = sort->why;
    } else if (survey->wish->only_looks && !is_passive(sort)) {
        object->why = "it was not asked";
    } else {
        object->left = sort->ask(object, &object->why);
    }
}

/* --- the view ------------------------------------------------------------ */

/* What the caller has, and what it is made of. */
struct whole {
    struct wherry_ipc_view view; // first
    struct survey survey;
};

static int by_address(const void *a, const void *b)
{
    const struct wherry_ipc_object *left = a;
    const struct wherry_ipc_object *right = b;
    const int order = strcmp(left->scheme, right->scheme);
    return order ? order : strcmp(left->address, right->address);
}

static int look(struct survey *survey)
{
    int r = bound_look(survey);
    if (r == 0)
        r = sysv_look(survey);
    if (r == 0)
        r = shelves_look(survey);
    if (r == 0)
        r = holders_look(survey);
    for (size_t i = 0; r == 0 && i < survey->count; i++)
        decide(survey, &survey->found[i]);
    return r == 0 && survey->arena.failed ? -ENOMEM : r;
}

static int tell(struct whole *whole)
{
    struct survey *survey = &whole->survey;
    struct wherry_ipc_object *objects =
        arena_take(&survey->arena, (survey->count + 1) * sizeof(*objects));
    if (!objects)
        return -ENOMEM;
    for (size_t i = 0; i < survey->count; i++)
        objects[i] = survey->found[i].object;
    if (survey->count > 0)
        qsort(objects, survey->count, sizeof(*objects), by_address);
    whole->view = (struct wherry_ipc_view){.objects = objects,
                                           .object_count = survey->count,
                                           .notes = survey->notes,
                                           .note_count = survey->note_count,
                                           .processes = survey->processes,
                                           .unseen = survey->unseen,
                                           .is_cut = survey->is_cut};
    return 0;
}

int wherry_inspect_objects(const struct wherry_ipc_wish *wish,
                           struct wherry_ipc_view **out)
{
    static const struct wherry_ipc_wish everything;
    for (size_t i = 0; wish && wish->patterns && wish->patterns[i]; i++)
        if (!survey_is_pattern(wish->patterns[i]))
            return -EINVAL;
    if (!out)
        return -EINVAL;
    struct whole *whole = calloc(1, sizeof(*whole));
    if (!whole)
        return -ENOMEM;
    whole->survey.wish = wish ? wish : &everything;
    whole->survey.most = wish && wish->objects_most ? wish->objects_most : OBJECTS_MOST;
    int r = look(&whole->survey);
    if (r == 0)
        r = tell(whole);
    if (r == 0)
        *out = &whole->view;
    else
        wherry_ipc_view_free(&whole->view);
    return r;
}

void wherry_ipc_view_free(struct wherry_ipc_view *view)
{
    struct whole *whole = (struct whole *)view;
    if (!whole)
        return;
    survey_free(&whole->survey);
    free(whole);
}

/* --- removing ------------------------------------------------------------ */

int wherry_inspect_remove(const struct wherry_ipc_object *object)
{
    if (!object || !object->scheme || !object->address)
        return -EINVAL;
    for (size_t i = 0; i < SORTS; i++)
        if (strcmp(sorts[i].scheme, object->scheme) == 0)
            return sorts[i].take ? sorts[i].take(object) : -ENOTSUP;
    return -EINVAL;
}
