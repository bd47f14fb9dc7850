/* SPDX-License-Identifier: MIT */
/*
 * Processes in a row, each reading what the one before it writes.
 *
 * The pipes between them belong to them alone: this process has closed its copies by
 * the time the last one has started, so each stage sees the end of the one before it,
 * and one whose reader has gone gets SIGPIPE, as in a shell.  All of them run, or none
 * does.
 */
#include "process/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { STAGES_MOST = 1024 };

/* --- starting ------------------------------------------------------------ */

int pipeline_blame(int error, size_t stage, size_t count)
{
    return count > 1 ? failure_prefix(error, "stage %zu of %zu", stage + 1, count)
                     : error;
}

int pipeline_check_count(size_t count)
{
    return count > 0 && count <= STAGES_MOST
               ? 0
               : failure(-EINVAL, "a pipeline has from 1 to %d stages, not %zu",
                         STAGES_MOST, count);
}

// Before any of them does anything.
static int check_all(const struct wherry_plan *plans, size_t count)
{
    int checked = pipeline_check_count(count);
    if (checked < 0)
        return checked;
    for (size_t i = 0; i < count; i++) {
        int r = plan_check(&plans[i]);
        if (r < 0)
            return pipeline_blame(r, i, count);
    }
    return 0;
}

static int start_all(wherry_pipeline *pipeline, const struct wherry_plan *plans,
                     size_t count)
{
    int before = -1;
    int r = 0;
    for (size_t i = 0; r >= 0 && i < count; i++) {
        struct process_joined joined = {.in = before, .out = -1};
        before = -1;
        if (i + 1 < count && (r = os_pipe_between(&before, &joined.out)) < 0)
            failure_plain(r, "no pipe between two processes");
        else
            r = process_spawn(&plans[i], &joined, &pipeline->stages[i]);
        os_close(joined.in);
        os_close(joined.out);
        if (r >= 0)
            pipeline->stages[pipeline->count++]->is_stage = true;
        else
            r = pipeline_blame(r, i, count);
    }
    os_close(before);
    return r;
}

int pipeline_spawn(const struct wherry_plan *plans, size_t count, wherry_pipeline **out)
{
    int r = check_all(plans, count);
    if (r < 0)
        return r;
    wherry_pipeline *pipeline =
        calloc(1, sizeof(*pipeline) + count * sizeof(wherry_process *));
    if (!pipeline)
        return failure_plain(-ENOMEM, "no memory to start a pipeline");
    r = start_all(pipeline, plans, count);
    if (r >= 0) {
        *out = pipeline;
        return 0;
    }
    tree_take_back(pipeline->stages, pipeline->count);
    wherry_pipeline_close(pipeline);
    return r;
}

size_t wherry_pipeline_count(const wherry_pipeline *pipeline)
{
    return pipeline->count;
}

wherry_process *wherry_pipeline_process(wherry_pipeline *pipeline, size_t stage)
{
    return stage < pipeline->count ? pipeline->stages[stage] : NULL;
}

/* --- their ends ---------------------------------------------------------- */

int wherry_pipeline_wait(wherry_pipeline *pipeline, struct wherry_exit *out,
                         size_t size, wherry_deadline deadline)
{
    int failed = 0;
    size_t unknown = pipeline->count; // somebody else has waited for that one
    for (size_t i = 0; i < pipeline->count; i++) {
        struct wherry_exit exit = {.code = 0};
        int r = wherry_process_wait(pipeline->stages[i], &exit, sizeof(exit), deadline);
        if (r == -ECHILD)
            unknown = i;
        else if (r < 0)
            return r == -EAGAIN ? r : pipeline_blame(r, i, pipeline->count);
        if (exit.code != 0)
            failed = (int)i + 1;
    }
    if (unknown < pipeline->count) {
        int r = wherry_process_wait(pipeline->stages[unknown], NULL, 0, WHERRY_POLL);
        return pipeline_blame(r, unknown, pipeline->count);
    }
    // All have ended: the system is not asked again.
    for (size_t i = 0; out && i < pipeline->count; i++)
        (void)wherry_process_wait(pipeline->stages[i],
                                  (struct wherry_exit *)((char *)out + i * size), size,
                                  WHERRY_POLL);
    return failed;
}

// Who has ended does not matter, as long as anybody was there.
int wherry_pipeline_kill(wherry_pipeline *pipeline, int signal, enum wherry_whom whom)
{
    int result = -ESRCH;
    for (size_t i = 0; i < pipeline->count; i++) {
        int r = wherry_process_kill(pipeline->stages[i], signal, whom);
        bool is_better = r == 0 && result == -ESRCH;
        if (is_better || (r < 0 && r != -ESRCH))
            result = r < 0 ? pipeline_blame(r, i, pipeline->count) : 0;
    }
    return result == -ESRCH ? failure(result, "all of the pipeline have ended")
                            : result;
}

void wherry_pipeline_close(wherry_pipeline *pipeline)
{
    for (size_t i = 0; pipeline && i < pipeline->count; i++) {
        pipeline->stages[i]->is_stage = false;
        wherry_process_close(pipeline->stages[i]);
    }
    free(pipeline);
}
