/* SPDX-License-Identifier: MIT */
/*
 * remove --orphans: removes what this user owns and provably nobody has any more.
 *
 * First it says what it will remove, then somebody has to agree, then each is asked
 * about once more, by the library, at the moment of its removal.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cells.h"
#include "interrupt.h"
#include "objects.h"
#include "printable.h"
#include "say.h"

enum { ANSWER_MOST = 16 };

/* What is to be removed, and what came of it. */
struct plan {
    const char *verb;
    const struct wherry_ipc_object **objects;
    int *results;
    size_t count;
    size_t kept; // that nobody is seen to have, without proof
};

/* --- the plan ------------------------------------------------------------ */

static int make_plan(const struct choices *choices, const struct wherry_ipc_view *view,
                     struct plan *plan)
{
    plan->objects = calloc(view->object_count + 1, sizeof(struct wherry_ipc_object *));
    plan->results = calloc(view->object_count + 1, sizeof(*plan->results));
    if (!plan->objects || !plan->results)
        return say_error(plan->verb, "no memory");
    for (size_t i = 0; i < view->object_count; i++) {
        const struct wherry_ipc_object *object = &view->objects[i];
        const bool is_own = object->user == (int64_t)geteuid();
        if (is_own && objects_is_chosen(choices, object))
            plan->objects[plan->count++] = object;
        else
            plan->kept += is_own && object->left < 0;
    }
    return DONE;
}

static int show_plan(const struct plan *plan)
{
    struct table *table = objects_table();
    for (size_t i = 0; i < plan->count; i++)
        objects_add(table, plan->objects[i]);
    return table_print(table, plan->verb);
}

/* --- somebody agrees ----------------------------------------------------- */

static bool is_agreed(const struct plan *plan)
{
    char answer[ANSWER_MOST];
    (void)fflush(stdout);
    (void)fprintf(stderr, "Remove %s, with what is in %s? [y/N] ",
                  plan->count == 1 ? "it" : "these", plan->count == 1 ? "it" : "them");
    (void)fflush(stderr);
    if (!fgets(answer, sizeof(answer), stdin))
        answer[0] = 0;
    return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

static int agree(const struct choices *choices, const struct plan *plan)
{
    if (choices->yes)
        return DONE;
    if (!isatty(STDIN_FILENO))
        return say_error(plan->verb, "nothing is removed: nobody can be asked here; "
                                     "--yes agrees, --dry-run only shows");
    return is_agreed(plan) ? DONE : say_error(plan->verb, "nothing is removed");
}

/* --- removing ------------------------------------------------------------ */

static const char *why_kept(int error)
{
    return error == -EBUSY     ? "somebody has it now"
           : error == -ESTALE  ? "it is another one by now"
           : error == -ENOENT  ? "it was gone already"
           : error == -ENOTSUP ? "it may be somebody's by now"
                               : say_errno(error);
}

static void remove_all(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        plan->results[i] =
            interrupted() ? -ECANCELED : wherry_inspect_remove(plan->objects[i]);
}

// What was gone already needs no removing.
static bool is_well(int result)
{
    return result == 0 || result == -ENOENT;
}

static int tell_results(const struct plan *plan)
{
    size_t removed = 0;
    int status = DONE;
    for (size_t i = 0; i < plan->count; i++) {
        char shown[CELL_MOST];
        removed += plan->results[i] == 0;
        if (!is_well(plan->results[i]))
            status =
                say_error(plan->verb, "%s stays: %s",
                          printable(plan->objects[i]->address, shown, sizeof(shown)),
                          why_kept(plan->results[i]));
    }
    printf("removed %zu object%s\n", removed, removed == 1 ? "" : "s");
    return status;
}

static int print_json(const struct plan *plan, bool is_done)
{
    static const struct column columns[] = {
        {"address", COLUMN_TEXT, false}, {"kind", COLUMN_TEXT, false},
        {"size", COLUMN_NUMBER, false},  {"count", COLUMN_NUMBER, false},
        {"removed", COLUMN_FLAG, false}, {"why", COLUMN_TEXT, false}};
    struct table *table = table_new("orphans", columns, 6, true);
    int status = DONE;
    for (size_t i = 0; i < plan->count; i++) {
        const struct wherry_ipc_object *object = plan->objects[i];
        cells_begin(table);
        cells_add_text(object->address);
        cells_add_text(object->kind);
        cells_add_number(object->size >= 0, (double)object->size);
        cells_add_number(object->count >= 0, (double)object->count);
        cells_add_flag(is_done ? plan->results[i] == 0 : -1);
        cells_add_text(is_done && plan->results[i] ? why_kept(plan->results[i]) : "");
        cells_end();
        if (is_done && !is_well(plan->results[i]))
            status = FAILED;
    }
    const int printed = table_print(table, plan->verb);
    return printed == DONE ? status : printed;
}

static int carry_out(const struct choices *choices, const struct plan *plan)
{
    int status = DONE;
    if (choices->json) {
        if (!choices->dry_run)
            remove_all(plan);
        return print_json(plan, !choices->dry_run);
    }
    if (plan->kept)
        say_notice(plan->verb,
                   "%zu more of yours stay: nothing proves that nobody has them "
                   "(wherry list --mine)",
                   plan->kept);
    if (plan->count == 0)
        return puts("nothing to remove"), DONE;
    status = show_plan(plan);
    if (status == DONE && !choices->dry_run)
        status = agree(choices, plan);
    if (status != DONE || choices->dry_run)
        return status;
    remove_all(plan);
    return tell_results(plan);
}

int orphans_remove(const char *verb, const struct choices *choices)
{
    struct plan plan = {.verb = verb};
    struct wherry_ipc_view *view;
    if (choices->json && !choices->yes && !choices->dry_run)
        return say_usage(verb, "--json asks nobody: say --yes or --dry-run");
    if (interrupt_begin() < 0)
        return say_error(verb, "no descriptor left");
    int status = objects_look(verb, choices, &view);
    if (status != DONE)
        return status;
    if (!choices->json)
        objects_tell_notes(verb, view);
    status = make_plan(choices, view, &plan);
    if (status == DONE)
        status = carry_out(choices, &plan);
    free(plan.objects);
    free(plan.results);
    wherry_ipc_view_free(view);
    return status;
}
