/* SPDX-License-Identifier: MIT */
/*
 * A process with a channel of messages to it, as Node's child_process.fork() starts
 * one: a script is run by its interpreter.
 */
#include "channel/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/process.h"

/* What runs a script, and how it speaks. */
static const struct interpreter {
    const char *ending; /* of the path; NULL: a program of its own */
    const char *program;
    enum wherry_from channel;
} interpreters[] = {
    {".js", "node", WHERRY_FROM_NODE},  {".mjs", "node", WHERRY_FROM_NODE},
    {".cjs", "node", WHERRY_FROM_NODE}, {".py", "python3", WHERRY_FROM_NODE},
    {NULL, NULL, WHERRY_FROM_MESSAGES},
};

static const struct interpreter *interpreter_of(const char *file)
{
    const struct interpreter *at = interpreters;
    const size_t size = strlen(file);
    for (; at->ending; at++) {
        const size_t ending = strlen(at->ending);
        if (size > ending && strcmp(file + size - ending, at->ending) == 0)
            break;
    }
    return at;
}

/* What is made up for one start. */
struct forking {
    struct wherry_plan plan;
    const char **arguments;
    char *file; /* of a name that begins with a dash */
    struct wherry_laid *laid;
    int number; /* of the channel */
};

// Its path stands behind "--" and as one: it may begin with a dash, and Node looks for
// what is no path among its modules.
static int name_script(struct forking *forking)
{
    const char *file = forking->plan.file;
    const size_t size = strlen(file) + sizeof("./");
    if (file[0] != '-')
        return 0;
    forking->file = malloc(size);
    if (!forking->file)
        return failure_plain(-ENOMEM, "no memory to start a process");
    snprintf(forking->file, size, "./%s", file);
    forking->plan.file = forking->file;
    return 0;
}

static int give_to_interpreter(struct forking *forking, const char *program)
{
    const char *const *given = forking->plan.arguments;
    const size_t count = plan_count_words(given);
    forking->arguments = calloc(count + 3, sizeof(*forking->arguments));
    if (!forking->arguments)
        return failure_plain(-ENOMEM, "no memory to start a process");
    forking->arguments[0] = "--";
    forking->arguments[1] = forking->plan.file;
    for (size_t i = 0; i < count; i++)
        forking->arguments[i + 2] = given[i];
    forking->plan.file = program;
    forking->plan.arguments = forking->arguments;
    return 0;
}

static const struct wherry_laid *channel_in(const struct wherry_plan *plan)
{
    for (size_t i = 0; i < plan->laid_count; i++) {
        if (plan_is_channel(&plan->laid[i]))
            return &plan->laid[i];
    }
    return NULL;
}

// Without a layout this process's 0, 1 and 2 are the new one's, where they are open.
static void lay_out_usual(struct wherry_laid *laid, size_t *count)
{
    for (int number = 0; number < PROCESS_STANDARD; number++)
        laid[(*count)++] = (struct wherry_laid){
            .number = number,
            .from = os_is_open(number) ? WHERRY_FROM_PARENT : WHERRY_FROM_NOTHING};
}

static int lay_out_channel(struct forking *forking, enum wherry_from from)
{
    struct wherry_plan *plan = &forking->plan;
    const struct wherry_laid *there = channel_in(plan);
    forking->number = there ? there->number : PROCESS_STANDARD;
    if (there)
        return 0;
    struct wherry_laid *laid =
        calloc(plan->laid_count + PROCESS_STANDARD + 1, sizeof(*laid));
    size_t count = plan->laid_count;
    if (!laid)
        return failure_plain(-ENOMEM, "no memory to start a process");
    for (size_t i = 0; i < count; i++)
        laid[i] = plan->laid[i];
    if (!plan->laid)
        lay_out_usual(laid, &count);
    while (plan_find(plan, forking->number))
        forking->number++;
    laid[count++] = (struct wherry_laid){.number = forking->number, .from = from};
    forking->laid = laid;
    plan->laid = laid;
    plan->laid_count = count;
    return 0;
}

static int prepare(struct forking *forking)
{
    const struct wherry_plan *plan = &forking->plan;
    if (!plan->file || plan->laid_count > PROCESS_LAID_MOST ||
        (plan->laid_count > 0 && !plan->laid))
        return plan->file
                   ? plan_check(plan)
                   : failure(-EINVAL, "a fork starts a program or script (file), "
                                      "no command or line");
    const struct interpreter *interpreter = interpreter_of(plan->file);
    int r = lay_out_channel(forking, interpreter->channel);
    if (r >= 0 && interpreter->program)
        r = name_script(forking);
    if (r >= 0 && interpreter->program)
        r = give_to_interpreter(forking, interpreter->program);
    return r;
}

int wherry_fork(const struct wherry_plan *plan, size_t size, wherry_process **out,
                wherry_channel **messages)
{
    struct forking forking = {.arguments = NULL};
    wherry_process *process = NULL;
    memcpy(&forking.plan, plan,
           size < sizeof(forking.plan) ? size : sizeof(forking.plan));
    int r = prepare(&forking);
    if (r >= 0)
        r = wherry_spawn(&forking.plan, sizeof(forking.plan), &process);
    free(forking.arguments);
    free(forking.file);
    free(forking.laid);
    if (r < 0)
        return r;
    r = wherry_process_channel(process, forking.number, NULL, messages);
    if (r >= 0) {
        *out = process;
        return 0;
    }
    tree_take_back(&process, 1); // nobody could speak to it
    wherry_process_close(process);
    return r;
}
