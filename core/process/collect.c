/* SPDX-License-Identifier: MIT */
/*
 * Running processes to their end and keeping what they say: one, or several in a row.
 *
 * One watch tells of their ends, of all of their outputs and of the room in the first
 * one's input, so that none of them can block another, however much comes at once.
 * What they wrote before they ended is all there; what they started and left behind is
 * not waited for, even if that has the outputs still open.
 *
 * What goes over a bound, of time or of bytes, is stopped with all that it started:
 * first by the signal that is asked for, then, if it goes on, by SIGKILL.
 */
#include "process/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUTPUT_USUAL = 1 << 20, // Node's maxBuffer
    READ_FIRST = 4096,      // most programs say less
    READ_AT_ONCE = 65536,
    READS_MOST = 64, // then the deadline is looked at
};

/* One of 0, 1 and 2 on this side; fd -1: it is not collected, or has ended. */
struct flow {
    struct os_descriptor end;
    struct buffer bytes;
};

struct stage {
    wherry_process *process; /* the pipeline's */
    bool has_ended;
    struct flow flows[PROCESS_STANDARD];
};

struct collecting {
    wherry_pipeline *pipeline;
    const struct wherry_collect *wish;
    const uint8_t *input;
    size_t input_left;
    struct stage *stages;
    size_t count;
    int watch;                // readable when anything happens to any of them
    wherry_deadline deadline; // of what is waited for next
    int stopped;              // why they were, or 0
    unsigned asked;           // how many signals they were sent
};

static int64_t grace_of(const struct wherry_collect *wish)
{
    return wish->grace > 0 ? wish->grace : PROCESS_PATIENCE;
}

/* --- the plans ----------------------------------------------------------- */

// The given ones, and a pipe for each of 0, 1 and 2 that is not among them and does not
// lead to a neighbour.
static int lay_pipes(struct wherry_plan *plan, bool is_first, bool is_last,
                     bool has_input)
{
    const enum wherry_from usual[PROCESS_STANDARD] = {
        is_first && has_input ? WHERRY_FROM_PIPE : WHERRY_FROM_NULL, WHERRY_FROM_PIPE,
        WHERRY_FROM_PIPE};

    const bool is_joined[PROCESS_STANDARD] = {!is_first, !is_last, false};
    struct wherry_laid *laid =
        calloc(plan->laid_count + PROCESS_STANDARD, sizeof(*laid));
    size_t count = plan->laid_count;
    if (!laid)
        return failure_plain(-ENOMEM, "no memory to start a process");
    for (size_t i = 0; i < count; i++)
        laid[i] = plan->laid[i];
    for (int number = 0; number < PROCESS_STANDARD; number++) {
        if (!is_joined[number] && !plan_find(plan, number))
            laid[count++] =
                (struct wherry_laid){.number = number, .from = usual[number]};
    }
    plan->laid = laid;
    plan->laid_count = count;
    return 0;
}

// Who else would hear what goes there?
static int check_laid(const struct wherry_laid *laid)
{
    bool is_pipe = laid->from == WHERRY_FROM_PIPE;
    bool is_usual =
        laid->number < PROCESS_STANDARD && plan_reads(laid) == (laid->number == 0);
    if (!plan_is_channel(laid) && (!is_pipe || is_usual))
        return 0;
    return failure(-EINVAL,
                   "number %d: collected are pipes from 1 and 2, fed is one to 0; "
                   "others need wherry_spawn",
                   laid->number);
}

static int check_plan(const struct wherry_plan *plan, const struct wherry_collect *wish)
{
    int r = plan_check(plan);
    for (size_t i = 0; r >= 0 && i < plan->laid_count; i++)
        r = check_laid(&plan->laid[i]);
    if (r >= 0 && (wish->stop_signal < 0 || wish->stop_signal >= OS_SIGNALS))
        r = failure(-EINVAL, "stop_signal: there is no signal %d", wish->stop_signal);
    return r;
}

/* --- starting ------------------------------------------------------------ */

static int start_all(struct collecting *all, const struct wherry_plan *plans)
{
    struct wherry_plan *own = calloc(all->count, sizeof(*own));
    size_t laid = 0;
    int r = own ? 0 : failure_plain(-ENOMEM, "no memory to start a process");
    while (r >= 0 && laid < all->count) {
        own[laid] = plans[laid];
        r = check_plan(&plans[laid], all->wish);
        if (r >= 0)
            r = lay_pipes(&own[laid], laid == 0, laid + 1 == all->count,
                          all->wish->input != NULL);
        if (r >= 0)
            laid++;
        else
            r = pipeline_blame(r, laid, all->count);
    }
    if (r >= 0)
        r = pipeline_spawn(own, all->count, &all->pipeline);
    while (laid-- > 0)
        free((void *)own[laid].laid);
    free(own);
    return r;
}

// Only the first one is fed.
static int take_end(struct collecting *all, struct stage *stage, int number)
{
    const bool is_fed = stage == all->stages;
    struct process_end end;
    if (process_take_end(stage->process, number, &end) < 0)
        return 0;
    if (number == 0 && !is_fed) {
        os_close(end.fd);
        return 0;
    }
    stage->flows[number].end = (struct os_descriptor){
        .fd = end.fd, .kind = OS_KIND_PIPE, .nonblocking = true, .owned = true};
    return number == 0 ? os_watch_add(all->watch, end.fd, os_wait_out)
                       : os_watch_add(all->watch, end.fd, os_wait_in);
}

static int take_ends(struct collecting *all)
{
    int r = 0;
    for (size_t i = 0; r >= 0 && i < all->count; i++) {
        struct stage *stage = &all->stages[i];
        stage->process = all->pipeline->stages[i];
        r = os_watch_add(all->watch, stage->process->fd, os_wait_in);
        for (int number = 0; r >= 0 && number < PROCESS_STANDARD; number++)
            r = take_end(all, stage, number);
    }
    return r < 0 ? failure_plain(r, "waiting for a process") : 0;
}

static int begin(struct collecting *all, const struct wherry_plan *plans)
{
    all->stages = calloc(all->count, sizeof(*all->stages));
    if (!all->stages)
        return failure_plain(-ENOMEM, "no memory to start a process");
    for (size_t i = 0; i < all->count; i++) {
        for (int number = 0; number < PROCESS_STANDARD; number++)
            all->stages[i].flows[number].end = OS_DESCRIPTOR_NONE;
    }
    all->watch = os_watch_new();
    if (all->watch < 0)
        return failure_plain(all->watch, "waiting for a process");
    int r = start_all(all, plans);
    return r < 0 ? r : take_ends(all);
}

/* --- their streams ------------------------------------------------------- */

// Copies of the descriptor may be open elsewhere: closing it would not end the watch.
static void end_flow(const struct collecting *all, struct flow *flow)
{
    if (flow->end.fd >= 0)
        os_watch_remove(all->watch, flow->end.fd);
    os_release(&flow->end);
}

static uint64_t most_of(const struct collecting *all)
{
    return all->wish->output_most ? all->wish->output_most : OUTPUT_USUAL;
}

// What it does not read is its own choice; what does not get there is none.
static int feed(struct collecting *all)
{
    struct flow *flow = &all->stages[0].flows[0];
    while (flow->end.fd >= 0) {
        const struct os_bytes piece = {all->input, all->input_left};
        int64_t done = all->input_left > 0 ? os_write(&flow->end, &piece, 1) : 0;
        if (done == -EAGAIN)
            return 0;
        if (done < 0 && done != -EPIPE)
            return failure_plain((int)done, "feeding a process");
        if (done > 0) {
            all->input += done;
            all->input_left -= (size_t)done;
        }
        if (done < 0 || all->input_left == 0)
            end_flow(all, flow);
    }
    return 0;
}

// -ENOBUFS: there is more than may be kept.
static int64_t read_once(const struct collecting *all, struct flow *flow)
{
    uint64_t left = most_of(all) - flow->bytes.size;
    // One more than may be kept tells whether there is more.
    const size_t most = flow->bytes.size == 0 ? READ_FIRST : READ_AT_ONCE;
    size_t wanted = left < most ? (size_t)left + 1 : most;
    int r = buffer_reserve(&flow->bytes, wanted);
    if (r < 0)
        return failure_plain(r, "no memory for what a process says");
    const struct os_room room = {buffer_back(&flow->bytes), wanted};
    int64_t size = os_read(&flow->end, &room, 1);
    if (size > 0 && (uint64_t)size > left) {
        flow->bytes.size += (size_t)left;
        return -ENOBUFS;
    }
    if (size < 0 && size != -EAGAIN)
        return failure_plain((int)size, "reading what a process says");
    flow->bytes.size += size > 0 ? (size_t)size : 0;
    return size;
}

static int listen_to(const struct collecting *all, struct flow *flow)
{
    for (int reads = 0; flow->end.fd >= 0 && reads < READS_MOST; reads++) {
        int64_t size = read_once(all, flow);
        if (size == -EAGAIN)
            return 0;
        if (size <= 0)
            end_flow(all, flow);
        if (size < 0)
            return (int)size;
    }
    return 0;
}

static int move_bytes(struct collecting *all)
{
    int r = feed(all);
    for (size_t i = 0; r >= 0 && i < all->count; i++) {
        for (int number = 1; r >= 0 && number < PROCESS_STANDARD; number++)
            r = listen_to(all, &all->stages[i].flows[number]);
    }
    return r;
}

/* --- stopping them ------------------------------------------------------- */

// What they say from now on is of no use, and they must not wait for us.
static void hear_no_more(struct collecting *all)
{
    for (size_t i = 0; i < all->count; i++) {
        for (int number = 1; number < PROCESS_STANDARD; number++)
            end_flow(all, &all->stages[i].flows[number]);
    }
}

static int signal_all(const struct collecting *all, int signal)
{
    int result = 0;
    for (size_t i = 0; i < all->count; i++) {
        const struct stage *stage = &all->stages[i];
        if (!stage->has_ended && tree_kill(stage->process, signal) == -EPERM)
            result = failure(-EPERM, "process %lld cannot be stopped by this user",
                             (long long)stage->process->pid);
    }
    return result;
}

static int64_t first_that_runs(const struct collecting *all)
{
    size_t i = 0;
    while (i + 1 < all->count && all->stages[i].has_ended)
        i++;
    return all->stages[i].process->pid;
}

// Each time any goes on after the grace, the next signal is sent.
static int stop(struct collecting *all, int why)
{
    const struct wherry_collect *wish = all->wish;
    const int signals[] = {wish->stop_signal ? wish->stop_signal : os_signal_term,
                           os_signal_kill};
    const size_t most = sizeof(signals) / sizeof(signals[0]);
    if (all->asked == most)
        return failure(-EBUSY, "process %lld does not end, not even by SIGKILL",
                       (long long)first_that_runs(all));
    all->stopped = all->stopped ? all->stopped : why;
    const int signal = signals[all->asked++];
    int r = signal_all(all, signal);
    all->deadline = deadline_add(wherry_now(), tree_patience(signal, grace_of(wish)));
    return r;
}

/* --- until their end ----------------------------------------------------- */

// 0: all have ended.
static int look_who_ended(struct collecting *all)
{
    int result = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct stage *stage = &all->stages[i];
        int r = stage->has_ended
                    ? 0
                    : wherry_process_wait(stage->process, NULL, 0, WHERRY_POLL);
        if (r == 0 && !stage->has_ended)
            os_watch_remove(all->watch, stage->process->fd);
        stage->has_ended = r == 0;
        if (r < 0 && (result == 0 || result == -EAGAIN))
            result = r == -EAGAIN ? r : pipeline_blame(r, i, all->count);
    }
    return result;
}

static int wait_for_news(const struct collecting *all)
{
    struct os_wait news = {.fd = all->watch, .events = os_wait_in};
    int r = os_wait(&news, 1, all->deadline);
    return r < 0 && r != -ETIMEDOUT ? failure_plain(r, "waiting for a process") : 0;
}

static bool is_late(const struct collecting *all)
{
    return all->deadline == WHERRY_POLL ||
           (all->deadline != WHERRY_FOREVER && wherry_now() >= all->deadline);
}

static int collect(struct collecting *all)
{
    for (;;) {
        // What they said before their ends is read after those.
        int ended = look_who_ended(all);
        int r = move_bytes(all);
        if (r == -ENOBUFS) {
            r = all->stopped ? 0 : stop(all, r);
            hear_no_more(all);
        }
        if (r < 0 || ended != -EAGAIN)
            return r < 0 ? r : ended;
        r = is_late(all) ? stop(all, -ETIMEDOUT) : wait_for_news(all);
        if (r < 0)
            return r;
    }
}

/* --- what is handed out -------------------------------------------------- */

static int end_with_zero(struct collecting *all)
{
    for (size_t i = 0; i < all->count; i++) {
        for (int number = 1; number < PROCESS_STANDARD; number++) {
            struct buffer *bytes = &all->stages[i].flows[number].bytes;
            if (buffer_reserve(bytes, 1) < 0)
                return failure_plain(-ENOMEM, "no memory for what a process says");
            *buffer_back(bytes) = 0;
        }
    }
    return 0;
}

static void *hand_over(struct buffer *bytes, size_t *size)
{
    void *block = bytes->bytes;
    *size = bytes->size;
    *bytes = (struct buffer){.bytes = NULL};
    return block;
}

// The stage that failed, the last one of several, counted from 1; 0: none did.
static int hand_out(struct collecting *all, struct wherry_collected *out)
{
    int failed = end_with_zero(all);
    if (failed < 0)
        return failed;
    for (size_t i = 0; i < all->count; i++) {
        struct stage *stage = &all->stages[i];
        out[i] = (struct wherry_collected){.stopped = all->stopped};
        (void)wherry_process_wait(stage->process, &out[i].exit, sizeof(out[i].exit),
                                  WHERRY_POLL);
        out[i].output = hand_over(&stage->flows[1].bytes, &out[i].output_size);
        out[i].errors = hand_over(&stage->flows[2].bytes, &out[i].errors_size);
        if (out[i].exit.code != 0)
            failed = (int)i + 1;
    }
    return failed;
}

static void leave(struct collecting *all, bool is_done)
{
    for (size_t i = 0; all->stages && i < all->count; i++) {
        for (int number = 0; number < PROCESS_STANDARD; number++) {
            os_release(&all->stages[i].flows[number].end);
            buffer_release(&all->stages[i].flows[number].bytes);
        }
    }
    if (all->pipeline && !is_done)
        tree_take_back(all->pipeline->stages, all->count);
    for (size_t i = 0; is_done && all->stopped && i < all->count; i++)
        tree_end(all->stages[i].process, all->deadline);
    wherry_pipeline_close(all->pipeline);
    os_close(all->watch);
    free(all->stages);
}

int process_collect(const struct wherry_plan *plans, size_t count,
                    const struct wherry_collect *wish, struct wherry_collected *out,
                    wherry_deadline deadline)
{
    struct collecting all = {.wish = wish,
                             .input = wish->input,
                             .input_left = wish->input ? wish->input_size : 0,
                             .count = count,
                             .watch = -1,
                             .deadline = deadline};
    int r = pipeline_check_count(count);
    if (r >= 0)
        r = begin(&all, plans);
    if (r >= 0)
        r = collect(&all);
    if (r >= 0)
        r = hand_out(&all, out);
    leave(&all, r >= 0);
    return r;
}

void wherry_collected_free(struct wherry_collected *collected)
{
    if (!collected)
        return;
    free(collected->output);
    free(collected->errors);
    *collected = (struct wherry_collected){.output = NULL};
}
