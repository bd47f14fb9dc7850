/* SPDX-License-Identifier: MIT */
/*
 * Whether a plan makes sense.
 *
 * What can be known without the system is told here, before anything is opened or
 * started, by a sentence that names the part of the plan.
 */
#include "process/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    NICE_MOST = 40, // from one end of nice(2) to the other
    UMASK_MOST = 0777,
    OCTAL = 8,
    SIGNAL_MOST = OS_SIGNALS - 1,
    HOPS_MOST = 16
};

static int check_program(const struct wherry_plan *plan)
{
    const int named =
        (plan->file != NULL) + (plan->command != NULL) + (plan->line != NULL);
    if (named != 1)
        return failure(-EINVAL, "a plan names a program (file), its words (command) or "
                                "a line for sh(1) (line), one of the three");
    if (plan->command)
        return command_check(plan->command);
    return !plan->file || plan->file[0]
               ? 0
               : failure(-EINVAL, "the program to start has an empty name");
}

static int check_environment(const struct wherry_plan *plan)
{
    for (size_t i = 0; plan->environment && plan->environment[i]; i++) {
        const char *sign = strchr(plan->environment[i], '=');
        if (!sign || sign == plan->environment[i])
            return failure(-EINVAL, "environment: \"%s\" is not NAME=VALUE",
                           plan->environment[i]);
    }
    for (size_t i = 0; plan->changes && plan->changes[i]; i++) {
        if (plan->changes[i][0] == 0 || plan->changes[i][0] == '=')
            return failure(-EINVAL, "changes: \"%s\" is neither NAME=VALUE nor NAME",
                           plan->changes[i]);
    }
    return 0;
}

/* --- what it has open ---------------------------------------------------- */

const struct wherry_laid *plan_find(const struct wherry_plan *plan, int number)
{
    for (size_t i = 0; i < plan->laid_count; i++) {
        if (plan->laid[i].number == number)
            return &plan->laid[i];
    }
    return NULL;
}

// From one number to the next, until one that has something of its own.
static int check_same(const struct wherry_plan *plan, const struct wherry_laid *laid)
{
    const struct wherry_laid *at = laid;
    for (int hops = 0; at && at->from == WHERRY_FROM_NUMBER; hops++) {
        if (hops == HOPS_MOST)
            return failure(-EINVAL,
                           "number %d is to be the same as others that are the same as "
                           "others, in a ring or more than %d times",
                           laid->number, HOPS_MOST);
        int next = at->descriptor;
        at = plan_find(plan, next);
        if (!at && (next < 0 || next >= PROCESS_STANDARD))
            return failure(-EINVAL,
                           "number %d is to be the same as %d, which is not laid out",
                           laid->number, next);
    }
    return 0;
}

static int check_access(const struct wherry_laid *laid)
{
    bool has_access = laid->from == WHERRY_FROM_FILE ||
                      laid->from == WHERRY_FROM_PIPE ||
                      laid->from == WHERRY_FROM_CHANNEL;
    if (laid->access < WHERRY_ACCESS_USUAL || laid->access > WHERRY_ACCESS_APPEND)
        return failure(-EINVAL, "number %d: access %d is none", laid->number,
                       (int)laid->access);
    if (laid->access != WHERRY_ACCESS_USUAL && !has_access)
        return failure(-EINVAL, "number %d: access is for files, pipes and channels",
                       laid->number);
    if (laid->access == WHERRY_ACCESS_APPEND && laid->from != WHERRY_FROM_FILE)
        return failure(-EINVAL, "number %d: only a file has something to append to",
                       laid->number);
    return 0;
}

static int check_source(const struct wherry_plan *plan, const struct wherry_laid *laid)
{
    if (laid->from == WHERRY_FROM_FILE && (!laid->path || !laid->path[0]))
        return failure(-EINVAL, "number %d: a file needs a path", laid->number);
    if (laid->from == WHERRY_FROM_DESCRIPTOR && laid->descriptor < 0)
        return failure(-EINVAL, "number %d: %d is no descriptor", laid->number,
                       laid->descriptor);
    if (laid->from == WHERRY_FROM_CHANNEL && !laid->channel)
        return failure(-EINVAL, "number %d: which channel?", laid->number);
    if (laid->from == WHERRY_FROM_NUMBER)
        return check_same(plan, laid);
    return 0;
}

static int check_laid(const struct wherry_plan *plan, const struct wherry_laid *laid)
{
    if (laid->number < 0 || laid->number > PROCESS_NUMBER_MOST)
        return failure(-EINVAL, "%d is no number for an open file: 0 to %d",
                       laid->number, PROCESS_NUMBER_MOST);
    if (laid->from < WHERRY_FROM_PARENT || laid->from > WHERRY_FROM_NOTHING)
        return failure(-EINVAL, "number %d: it comes from nowhere known (from=%d)",
                       laid->number, (int)laid->from);
    if (plan_find(plan, laid->number) != laid)
        return failure(-EINVAL, "number %d is laid out twice", laid->number);
    int r = check_access(laid);
    return r < 0 ? r : check_source(plan, laid);
}

static int check_layout(const struct wherry_plan *plan)
{
    int channels = 0;
    if (plan->laid_count > PROCESS_LAID_MOST)
        return failure(-EINVAL, "%zu numbers are laid out, at most %d can be",
                       plan->laid_count, PROCESS_LAID_MOST);
    if (plan->laid_count > 0 && !plan->laid)
        return failure(-EINVAL, "laid_count is %zu, and there is no list",
                       plan->laid_count);
    for (size_t i = 0; i < plan->laid_count; i++) {
        int r = check_laid(plan, &plan->laid[i]);
        if (r < 0)
            return r;
        channels += plan_is_channel(&plan->laid[i]);
    }
    return channels <= 1 ? 0
                         : failure(-EINVAL,
                                   "a process has one channel for messages to "
                                   "its parent, not %d",
                                   channels);
}

/* --- what it is ---------------------------------------------------------- */

static bool is_octal(const char *text)
{
    size_t digits = strspn(text, "01234567");
    return digits > 0 && !text[digits] && strtoul(text, NULL, OCTAL) <= UMASK_MOST;
}

bool plan_reads(const struct wherry_laid *laid)
{
    return laid->access == WHERRY_ACCESS_READ ||
           (laid->access == WHERRY_ACCESS_USUAL && laid->number == 0);
}

bool plan_is_channel(const struct wherry_laid *laid)
{
    return laid->from == WHERRY_FROM_MESSAGES || laid->from == WHERRY_FROM_NODE;
}

uint32_t plan_umask(const struct wherry_plan *plan)
{
    return (uint32_t)strtoul(plan->umask, NULL, OCTAL);
}

static int check_limits(const struct wherry_plan *plan)
{
    if (plan->limit_count > 0 && !plan->limits)
        return failure(-EINVAL, "limit_count is %zu, and there is no list",
                       plan->limit_count);
    for (size_t i = 0; i < plan->limit_count; i++) {
        const struct wherry_limit *limit = &plan->limits[i];
        if (!limit->name || os_limit_find(limit->name) < 0)
            return failure(-EINVAL,
                           "there is no limit \"%s\": they are called as prlimit(1) "
                           "calls them, \"nofile\"",
                           limit->name ? limit->name : "");
        if (limit->soft > limit->hard)
            return failure(-EINVAL,
                           "limit %s: the soft one (%llu) is over the hard one "
                           "(%llu)",
                           limit->name, (unsigned long long)limit->soft,
                           (unsigned long long)limit->hard);
    }
    return 0;
}

static int check_standing(const struct wherry_plan *plan)
{
    if (plan->umask && !is_octal(plan->umask))
        return failure(-EINVAL, "umask: \"%s\" is not octal, 0 to 777", plan->umask);
    if (plan->nice < -NICE_MOST || plan->nice > NICE_MOST)
        return failure(-EINVAL, "nice: %d is not from %d to %d", plan->nice, -NICE_MOST,
                       NICE_MOST);
    if (plan->death_signal < 0 || plan->death_signal > SIGNAL_MOST)
        return failure(-EINVAL, "death_signal: there is no signal %d",
                       plan->death_signal);
    if (plan->guarded && plan->death_signal)
        return failure(-EINVAL, "guarded and death_signal: one of the two; who is "
                                "guarded dies with this process in any case");
    if (plan->place < WHERRY_GROUP_PARENT || plan->place > WHERRY_GROUP_SESSION)
        return failure(-EINVAL, "place: %d is none", (int)plan->place);
    return 0;
}

size_t plan_count_words(const char *const *list)
{
    size_t count = 0;
    while (list && list[count])
        count++;
    return count;
}

int plan_check(const struct wherry_plan *plan)
{
    static int (*const checks[])(const struct wherry_plan *) = {
        check_program, check_environment, check_layout, check_limits, check_standing};
    int r = 0;
    for (size_t i = 0; r >= 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
        r = checks[i](plan);
    return r;
}
