/* SPDX-License-Identifier: MIT */
/*
 * Running a process to its end and keeping what it says.
 *
 * One wait watches its end, both of its outputs and its input, so neither of the two
 * processes can block the other, however much comes at once.  What it wrote before it
 * ended is all there; what it started and left behind is not waited for, even if that
 * has the outputs still open.
 *
 * What goes over a bound, of time or of bytes, is stopped with all that it started:
 * first by the signal that is asked for, then, if it goes on, by SIGKILL.
 */
#include "process/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUTPUT_USUAL = 1 << 20, // Node's maxBuffer
    READ_AT_ONCE = 65536,
    READS_MOST = 64, // then the deadline is looked at
};

static const int64_t grace_usual = INT64_C(2000000000);

/* One of 0, 1 and 2 on this side; fd -1: it is not collected, or has ended. */
struct flow {
    struct os_descriptor end;
    struct buffer bytes;
};

struct collecting {
    wherry_process *process;
    const struct wherry_collect *wish;
    const uint8_t *input;
    size_t input_left;
    struct flow flows[PROCESS_STANDARD];
    wherry_deadline deadline; // of what is waited for next
    int stopped;              // why it was, or 0
    unsigned asked;           // how many signals it was sent
};

static int64_t grace_of(const struct wherry_collect *wish)
{
    return wish->grace > 0 ? wish->grace : grace_usual;
}

/* --- the plan ------------------------------------------------------------ */

// The given ones, and a pipe for each of 0, 1 and 2 that is not among them.
static struct wherry_laid *lay_pipes(const struct wherry_plan *plan, bool has_input,
                                     size_t *count)
{
    struct wherry_laid *laid =
        calloc(plan->laid_count + PROCESS_STANDARD, sizeof(*laid));
    *count = 0;
    if (!laid)
        return NULL;
    for (; *count < plan->laid_count; (*count)++)
        laid[*count] = plan->laid[*count];
    for (int number = 0; number < PROCESS_STANDARD; number++) {
        bool is_null = number == 0 && !has_input;
        if (!plan_find(plan, number))
            laid[(*count)++] = (struct wherry_laid){.number = number,
                                                    .from = is_null ? WHERRY_FROM_NULL
                                                                    : WHERRY_FROM_PIPE};
    }
    return laid;
}

// Who else would hear what goes there?
static int check_laid(const struct wherry_laid *laid)
{
    bool is_pipe = laid->from == WHERRY_FROM_PIPE;
    bool is_usual =
        laid->number < PROCESS_STANDARD && plan_reads(laid) == (laid->number == 0);
    if (laid->from != WHERRY_FROM_MESSAGES && (!is_pipe || is_usual))
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

static int start(struct collecting *all, const struct wherry_plan *plan)
{
    struct wherry_plan whole = *plan;
    struct wherry_laid *laid =
        lay_pipes(plan, all->wish->input != NULL, &whole.laid_count);
    if (!laid)
        return failure_plain(-ENOMEM, "no memory to start a process");
    whole.laid = laid;
    int r = process_spawn(&whole, &all->process);
    for (int number = 0; r >= 0 && number < PROCESS_STANDARD; number++) {
        struct process_end end;
        if (process_take_end(all->process, number, &end) >= 0)
            all->flows[number].end = (struct os_descriptor){
                .fd = end.fd, .kind = OS_KIND_PIPE, .nonblocking = true, .owned = true};
    }
    free(laid);
    return r;
}

/* --- its streams --------------------------------------------------------- */

static uint64_t most_of(const struct collecting *all)
{
    return all->wish->output_most ? all->wish->output_most : OUTPUT_USUAL;
}

// What it does not read is its own choice.
static void feed(struct collecting *all)
{
    struct flow *flow = &all->flows[0];
    while (flow->end.fd >= 0) {
        const struct os_bytes piece = {all->input, all->input_left};
        int64_t done = all->input_left > 0 ? os_write(&flow->end, &piece, 1) : 0;
        if (done == -EAGAIN)
            return;
        if (done > 0) {
            all->input += done;
            all->input_left -= (size_t)done;
        }
        if (done < 0 || all->input_left == 0)
            os_release(&flow->end);
    }
}

// -ENOBUFS: there is more than may be kept.
static int64_t read_once(const struct collecting *all, struct flow *flow)
{
    uint64_t left = most_of(all) - flow->bytes.size;
    // One more than may be kept tells whether there is more.
    size_t wanted = left < READ_AT_ONCE ? (size_t)left + 1 : READ_AT_ONCE;
    int r = buffer_reserve(&flow->bytes, wanted);
    if (r < 0)
        return failure_plain(r, "no memory for what a process says");
    const struct os_room room = {buffer_back(&flow->bytes), wanted};
    int64_t size = os_read(&flow->end, &room, 1);
    if (size > 0 && (uint64_t)size > left) {
        flow->bytes.size += (size_t)left;
        return -ENOBUFS;
    }
    flow->bytes.size += size > 0 ? (size_t)size : 0;
    return size;
}

static int listen_to(struct collecting *all, struct flow *flow)
{
    for (int reads = 0; flow->end.fd >= 0 && reads < READS_MOST; reads++) {
        int64_t size = read_once(all, flow);
        if (size == -EAGAIN)
            return 0;
        if (size <= 0)
            os_release(&flow->end);
        if (size < 0)
            return (int)size;
    }
    return 0;
}

static int move_bytes(struct collecting *all)
{
    int r = 0;
    feed(all);
    for (int number = 1; r >= 0 && number < PROCESS_STANDARD; number++)
        r = listen_to(all, &all->flows[number]);
    return r;
}

/* --- stopping it --------------------------------------------------------- */

// What it says from now on is of no use, and it must not wait for us.
static void hear_no_more(struct collecting *all)
{
    for (int number = 1; number < PROCESS_STANDARD; number++)
        os_release(&all->flows[number].end);
}

// Each time it goes on after the grace, the next signal is sent.
static int stop(struct collecting *all, int why)
{
    const struct wherry_collect *wish = all->wish;
    const int signals[] = {wish->stop_signal ? wish->stop_signal : os_signal_term,
                           os_signal_kill};
    const size_t most = sizeof(signals) / sizeof(signals[0]);
    const long long pid = all->process->pid;
    if (all->asked == most)
        return failure(-EBUSY, "process %lld does not end, not even by SIGKILL", pid);
    all->stopped = all->stopped ? all->stopped : why;
    int r = tree_kill(all->process, signals[all->asked++]);
    all->deadline = deadline_add(wherry_now(), grace_of(wish));
    return r == -EPERM ? failure(r, "process %lld cannot be stopped by this user", pid)
                       : 0;
}

/* --- until its end ------------------------------------------------------- */

static int wait_for_news(const struct collecting *all)
{
    struct os_wait waits[PROCESS_STANDARD + 1] = {
        {.fd = all->process->fd, .events = os_wait_in}};
    size_t count = 1;
    for (int number = 0; number < PROCESS_STANDARD; number++) {
        if (all->flows[number].end.fd < 0)
            continue;
        waits[count].fd = all->flows[number].end.fd;
        waits[count].events = os_wait_in;
        if (number == 0)
            waits[count].events = os_wait_out;
        count++;
    }
    int r = os_wait(waits, count, all->deadline);
    return r < 0 && r != -ETIMEDOUT ? failure_plain(r, "waiting for a process") : r;
}

static bool is_late(const struct collecting *all)
{
    return all->deadline == WHERRY_POLL ||
           (all->deadline != WHERRY_FOREVER && wherry_now() >= all->deadline);
}

static int collect(struct collecting *all)
{
    for (;;) {
        // What it said before its end is read after that.
        int ended = wherry_process_wait(all->process, NULL, 0, WHERRY_POLL);
        int r = move_bytes(all);
        if (r == -ENOBUFS) {
            r = all->stopped ? 0 : stop(all, r);
            hear_no_more(all);
        }
        if (r < 0 || ended != -EAGAIN)
            return r < 0 ? r : ended;
        if (is_late(all))
            r = stop(all, -ETIMEDOUT);
        else
            r = wait_for_news(all);
        if (r < 0 && r != -ETIMEDOUT)
            return r;
    }
}

static int hand_out(struct collecting *all, struct wherry_collected *out)
{
    struct wherry_collected whole = {.stopped = all->stopped};
    int r =
        wherry_process_wait(all->process, &whole.exit, sizeof(whole.exit), WHERRY_POLL);
    void **bytes[PROCESS_STANDARD] = {NULL, &whole.output, &whole.errors};
    size_t *sizes[PROCESS_STANDARD] = {NULL, &whole.output_size, &whole.errors_size};
    for (int number = 1; r >= 0 && number < PROCESS_STANDARD; number++) {
        struct buffer *buffer = &all->flows[number].bytes;
        r = buffer_reserve(buffer, 1);
        if (r < 0)
            return failure_plain(r, "no memory for what a process says");
        *buffer_back(buffer) = 0;
        *bytes[number] = buffer->bytes;
        *sizes[number] = buffer->size;
    }
    if (r < 0)
        return r;
    all->flows[1].bytes = (struct buffer){.bytes = NULL};
    all->flows[2].bytes = (struct buffer){.bytes = NULL};
    *out = whole;
    return 0;
}

// Without a word: the sentence is that of what went wrong.
static void end_it(struct collecting *all)
{
    const wherry_deadline end = deadline_add(wherry_now(), grace_of(all->wish));
    struct os_wait wait = {.fd = all->process->fd, .events = os_wait_in};
    (void)os_kill(all->process->fd, os_signal_kill, false);
    (void)os_wait(&wait, 1, end);
}

static void leave(struct collecting *all, bool is_done)
{
    for (int number = 0; number < PROCESS_STANDARD; number++) {
        os_release(&all->flows[number].end);
        buffer_release(&all->flows[number].bytes);
    }
    if (all->process && !is_done)
        end_it(all);
    if (all->process && (all->stopped || !is_done))
        tree_end(all->process, is_done ? all->deadline : WHERRY_POLL);
    wherry_process_close(all->process);
}

int process_collect(const struct wherry_plan *plan, const struct wherry_collect *wish,
                    struct wherry_collected *out, wherry_deadline deadline)
{
    struct collecting all = {.wish = wish,
                             .input = wish->input,
                             .input_left = wish->input ? wish->input_size : 0,
                             .deadline = deadline};
    for (int number = 0; number < PROCESS_STANDARD; number++)
        all.flows[number].end = OS_DESCRIPTOR_NONE;
    int r = check_plan(plan, wish);
    if (r >= 0)
        r = start(&all, plan);
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
