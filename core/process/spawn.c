/* SPDX-License-Identifier: MIT */
/*
 * From a plan to a process: what it runs, what it is, and the start itself.
 */
#include "process/making.h"

#include <errno.h>
#include <stdlib.h>

#define SHELL "/bin/sh"

/* --- what is run --------------------------------------------------------- */

const char *making_program(const struct making *making)
{
    const struct wherry_plan *plan = making->plan;
    return plan->file ? plan->file : plan->command ? making->words[0] : SHELL;
}

static const char *name_of(const struct making *making)
{
    const struct wherry_plan *plan = making->plan;
    return plan->name ? plan->name : plan->line ? "sh" : making_program(making);
}

static const char **arguments_of(const struct making *making)
{
    const struct wherry_plan *plan = making->plan;
    const size_t count = plan_count_words(plan->arguments);
    const size_t words = plan_count_words(making->words);
    const char **list = calloc(words + count + 6, sizeof(*list));
    if (!list)
        return NULL;
    const char **at = list;
    *at++ = name_of(making);
    for (size_t i = 1; i < words; i++)
        *at++ = making->words[i];
    if (plan->line) {
        *at++ = "-c";
        *at++ = "--"; // it may begin with a dash
        *at++ = plan->line;
        // What the line calls $1 stands behind what it calls $0.
        if (count > 0)
            *at++ = "sh";
    }
    for (size_t i = 0; i < count; i++)
        *at++ = plan->arguments[i];
    return list;
}

// The list, which is taken, with changes applied; without any, the list.
static const char **changed(const char **list, const char *const *changes)
{
    if (!list || !changes || !changes[0])
        return list;
    const char **made = environment_make(list, changes);
    free(list);
    return made;
}

// An inherited channel is this process's: its number would be another file there.
static int make_environment(struct making *making)
{
    static const char *const stale[] = {PROCESS_CHANNEL, PROCESS_NODE_CHANNEL,
                                        "NODE_CHANNEL_SERIALIZATION_MODE", NULL};
    const struct wherry_plan *plan = making->plan;
    const char *const own[] = {making->channel[0] ? making->channel : NULL, NULL};
    const char **list = plan->environment ? environment_make(plan->environment, NULL)
                                          : environment_make(os_environment(), stale);
    making->environment = changed(changed(list, plan->changes), own);
    return making->environment ? 0 : -ENOMEM;
}

static int make_words(struct making *making, struct os_start *start)
{
    const struct wherry_plan *plan = making->plan;
    if (make_environment(making) < 0)
        return failure_plain(-ENOMEM, "no memory to start a process");
    if (plan->command && !(making->words = command_words(plan->command)))
        return failure_plain(-ENOMEM, "no memory to start a process");
    making->files = search_make(making_program(making),
                                environment_find(making->environment, "PATH"));
    making->arguments = arguments_of(making);
    if (!making->files || !making->arguments)
        return failure_plain(-ENOMEM, "no memory to start a process");
    start->files = making->files;
    start->arguments = making->arguments;
    start->environment = making->environment;
    return 0;
}

static int make_account(struct making *making, struct os_start *start)
{
    const struct wherry_plan *plan = making->plan;
    bool changes = false;
    if (!plan->user && !plan->group)
        return 0;
    making->account = malloc(sizeof(*making->account));
    if (!making->account)
        return failure_plain(-ENOMEM, "no memory to start a process");
    int r = os_account_find(plan->user, plan->group, making->account, &changes);
    start->account = changes ? making->account : NULL;
    return r;
}

static int make_standing(struct making *making, struct os_start *start)
{
    static const enum os_standing standings[] = {
        [WHERRY_GROUP_PARENT] = OS_STANDING_PARENT,
        [WHERRY_GROUP_OWN] = OS_STANDING_GROUP,
        [WHERRY_GROUP_SESSION] = OS_STANDING_SESSION,
    };
    const struct wherry_plan *plan = making->plan;
    for (size_t i = 0; i < plan->limit_count; i++)
        making->limits[i] =
            (struct os_limit){os_limit_find(plan->limits[i].name), plan->limits[i].soft,
                              plan->limits[i].hard};
    start->standing = standings[plan->place];
    start->has_umask = plan->umask != NULL;
    start->umask = plan->umask ? plan_umask(plan) : 0;
    start->nice = plan->nice;
    start->limits = making->limits;
    start->limit_count = plan->limit_count;
    start->directory = plan->directory;
    start->death_signal = plan->death_signal;
    return make_account(making, start);
}

/* --- all together -------------------------------------------------------- */

static int begin(struct making *making)
{
    size_t rows = making->plan->laid_count + PROCESS_STANDARD + GUARD_ROWS;
    making->rows = calloc(rows, sizeof(*making->rows));
    making->opened = calloc(rows, sizeof(*making->opened));
    making->lays = calloc(rows * 2, sizeof(*making->lays));
    making->limits = calloc(making->plan->limit_count + 1, sizeof(*making->limits));
    making->process =
        calloc(1, sizeof(*making->process) +
                      making->plan->laid_count * sizeof(making->process->ends[0]));
    if (making->process)
        *making->process =
            (struct wherry_process){.fd = -1, .own = -1, .report = OS_DESCRIPTOR_NONE};
    if (!making->rows || !making->opened || !making->lays || !making->limits ||
        !making->process)
        return failure_plain(-ENOMEM, "no memory to start a process");
    return 0;
}

// What the new process has, or what nobody will have.
static void leave(struct making *making)
{
    for (size_t i = 0; i < making->row_count; i++)
        os_close(making->opened[i]);
    free(making->rows);
    free(making->opened);
    free(making->lays);
    free(making->limits);
    free(making->account);
    free(making->environment);
    free(making->words);
    free(making->files);
    free(making->arguments);
    guard_free(&making->guard);
}

static int start(struct making *making)
{
    struct os_start plan = {.umask = 0};
    struct os_started started;
    int r = make_standing(making, &plan);
    if (r >= 0)
        r = making_lay_out(making, &plan);
    if (r >= 0)
        r = make_words(making, &plan);
    if (r >= 0 && making->plan->guarded)
        r = guard_words(making, &plan);
    if (r < 0)
        return r;
    r = os_start(&plan, &started);
    if (making->plan->guarded)
        r = guard_meet(making, r, &started);
    if (r < 0)
        return making_refuse(making, r, &started);
    making->process->pid = started.pid;
    making->process->fd = started.fd;
    if (!making->plan->guarded)
        making->process->own = started.fd;
    making->process->leads = making->plan->place != WHERRY_GROUP_PARENT;
    return 0;
}

int process_spawn(const struct wherry_plan *plan, const struct process_joined *joined,
                  wherry_process **out)
{
    struct making making = {.plan = plan, .joined = joined};
    int r = plan_check(plan);
    if (r >= 0)
        r = begin(&making);
    if (r >= 0)
        r = start(&making);
    leave(&making);
    if (r >= 0)
        *out = making.process;
    else
        wherry_process_close(making.process);
    return r < 0 ? r : 0;
}
