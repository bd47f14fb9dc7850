/* SPDX-License-Identifier: MIT */
/*
 * Starting processes from plans in which channels stand.
 *
 * core/process deals in descriptors: what a plan says of channels becomes descriptors
 * here, before it is looked at any further.
 */
#include "channel/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/process.h"

/* --- channels become descriptors ----------------------------------------- */

// One that goes both ways may have a descriptor for each.
static enum wherry_direction way_of(const struct wherry_laid *laid)
{
    const unsigned both = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV;
    const unsigned ways = laid->channel->abilities & both;
    if (ways != both)
        return ways == WHERRY_ABLE_RECV ? WHERRY_IN : WHERRY_OUT;
    return plan_reads(laid) ? WHERRY_IN : WHERRY_OUT;
}

static int descriptor_of(const struct wherry_laid *laid)
{
    const wherry_channel *channel = laid->channel;
    struct wherry_wait waits[WHERRY_WAITS];
    int found = channel->moves->wait(channel->state, way_of(laid), waits);
    bool is_one = found > 0 && (channel->abilities & WHERRY_ABLE_DESCRIPTOR) != 0;
    // What is waited for may be a watch over it.
    int writes = 0;
    int far_end =
        channel->moves->far_end ? channel->moves->far_end(channel->state, &writes) : -1;
    if (is_one && far_end >= 0 && writes && way_of(laid) == WHERRY_IN)
        return far_end;
    return is_one ? waits[0].fd
                  : failure(-EINVAL, "number %d: %s has no descriptor to give away",
                            laid->number, channel->address);
}

static int resolve(struct wherry_laid *laid)
{
    int fd = descriptor_of(laid);
    if (fd < 0)
        return fd;
    laid->from = WHERRY_FROM_DESCRIPTOR;
    laid->access = WHERRY_ACCESS_USUAL;
    laid->descriptor = fd;
    return 0;
}

// A copy of what is laid out, in which channels are descriptors.  NULL: it is wrong.
static int resolve_all(const struct wherry_plan *plan, struct wherry_laid **out)
{
    int r = 0;
    *out = NULL;
    if (!plan->laid || plan->laid_count > PROCESS_LAID_MOST)
        return 0;
    struct wherry_laid *laid = calloc(plan->laid_count + 1, sizeof(*laid));
    if (!laid)
        return failure_plain(-ENOMEM, "no memory to start a process");
    for (size_t i = 0; i < plan->laid_count; i++) {
        laid[i] = plan->laid[i];
        if (r >= 0 && laid[i].from == WHERRY_FROM_CHANNEL && laid[i].channel)
            r = resolve(&laid[i]);
    }
    *out = laid;
    return r;
}

// A program expects descriptors that wait; if it never comes to run, we do not.  What
// was given to this process keeps its flags.
static void make_waiting(const struct wherry_plan *plan, const struct wherry_laid *laid,
                         bool waits)
{
    for (size_t i = 0; laid && i < plan->laid_count; i++) {
        const wherry_channel *channel = plan->laid[i].channel;
        bool is_resolved = plan->laid[i].from == WHERRY_FROM_CHANNEL &&
                           laid[i].from == WHERRY_FROM_DESCRIPTOR;
        if (is_resolved && channel && channel->nonblocking)
            os_make_waiting(laid[i].descriptor, waits);
    }
}

/* --- plans --------------------------------------------------------------- */

/* One or several of the caller's plans, and the same without channels. */
struct resolved {
    size_t count;
    struct wherry_plan *given;
    struct wherry_plan *plans;
    struct wherry_laid **laid;
};

static int resolve_plan(struct resolved *resolved, size_t i)
{
    int r = resolve_all(&resolved->given[i], &resolved->laid[i]);
    resolved->plans[i] = resolved->given[i];
    if (resolved->laid[i])
        resolved->plans[i].laid = resolved->laid[i];
    return r;
}

static int resolve_plans(const void *given, size_t size, size_t count,
                         struct resolved *out)
{
    int r = pipeline_check_count(count);
    *out = (struct resolved){.count = 0};
    if (r < 0)
        return r;
    out->given = calloc(count, sizeof(*out->given));
    out->plans = calloc(count, sizeof(*out->plans));
    out->laid = calloc(count, sizeof(struct wherry_laid *));
    if (!out->given || !out->plans || !out->laid)
        return failure_plain(-ENOMEM, "no memory to start a process");
    for (size_t i = 0; r >= 0 && i < count; i++) {
        memcpy(&out->given[i], (const char *)given + i * size,
               size < sizeof(out->given[i]) ? size : sizeof(out->given[i]));
        r = resolve_plan(out, i);
        out->count++;
    }
    if (r < 0)
        return pipeline_blame(r, out->count - 1, count);
    for (size_t i = 0; i < count; i++)
        make_waiting(&out->given[i], out->laid[i], true);
    return 0;
}

static void let_go(struct resolved *resolved, int result)
{
    for (size_t i = 0; i < resolved->count; i++) {
        if (result < 0)
            make_waiting(&resolved->given[i], resolved->laid[i], false);
        free(resolved->laid[i]);
    }
    free(resolved->given);
    free(resolved->plans);
    free((void *)resolved->laid);
}

/* --- the calls ----------------------------------------------------------- */

int wherry_spawn(const struct wherry_plan *given, size_t size, wherry_process **out)
{
    struct resolved resolved;
    int r = resolve_plans(given, size, 1, &resolved);
    if (r >= 0)
        r = process_spawn(resolved.plans, PROCESS_ALONE, out);
    let_go(&resolved, r);
    return r;
}

int wherry_pipeline_spawn(const struct wherry_plan *given, size_t size, size_t count,
                          wherry_pipeline **out)
{
    struct resolved resolved;
    int r = resolve_plans(given, size, count, &resolved);
    if (r >= 0)
        r = pipeline_spawn(resolved.plans, count, out);
    let_go(&resolved, r);
    return r;
}

// NOLINTNEXTLINE(readability-function-size): what wherry_collect takes, of several
int wherry_pipeline_collect(const struct wherry_plan *given, size_t size, size_t count,
                            const struct wherry_collect *wish,
                            struct wherry_collected *out, wherry_deadline deadline)
{
    static const struct wherry_collect usual = {.input = NULL};
    struct resolved resolved;
    int r = resolve_plans(given, size, count, &resolved);
    if (r >= 0)
        r = process_collect(resolved.plans, count, wish ? wish : &usual, out, deadline);
    let_go(&resolved, r);
    return r;
}

int wherry_collect(const struct wherry_plan *given, size_t size,
                   const struct wherry_collect *wish, struct wherry_collected *out,
                   wherry_deadline deadline)
{
    int r = wherry_pipeline_collect(given, size, 1, wish, out, deadline);
    return r < 0 ? r : 0;
}
