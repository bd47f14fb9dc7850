/* SPDX-License-Identifier: MIT */
/*
 * What a new process has open: opened here, and laid out by number.
 *
 * What is opened for the new process alone is closed again when it has it; this
 * process's ends of pipes and of the message channel go to the process's object.
 */
#include "process/making.h"

#include <errno.h>
#include <stdio.h>

static void add_end(struct making *making, int number, int fd,
                    enum process_end_sort sort)
{
    wherry_process *process = making->process;
    process->ends[process->end_count++] =
        (struct process_end){.number = number, .fd = fd, .sort = sort};
}

void making_add_row(struct making *making, int number, int source, int opened)
{
    size_t i = making->row_count++;
    making->rows[i] = (struct layout_row){number, source};
    making->opened[i] = opened;
}

/* --- where an open file comes from --------------------------------------- */

static int add_own(struct making *making, int number, int descriptor)
{
    if (!os_is_open(descriptor))
        return failure(-EBADF, "number %d: this process has nothing open at %d", number,
                       descriptor);
    making_add_row(making, number, descriptor, -1);
    return 0;
}

static int from_parent(struct making *making, const struct wherry_laid *laid)
{
    return add_own(making, laid->number, laid->number);
}

static int from_descriptor(struct making *making, const struct wherry_laid *laid)
{
    return add_own(making, laid->number, laid->descriptor);
}

static int add_null(struct making *making, int number)
{
    int r = os_open("/dev/null", OS_USE_BOTH);
    if (r < 0)
        return failure_plain(r, "/dev/null");
    making_add_row(making, number, r, r);
    return 0;
}

static int from_null(struct making *making, const struct wherry_laid *laid)
{
    return add_null(making, laid->number);
}

static int from_file(struct making *making, const struct wherry_laid *laid)
{
    const bool appends = laid->access == WHERRY_ACCESS_APPEND;
    int r = os_open(laid->path, plan_reads(laid) ? OS_USE_READ
                                : appends        ? OS_USE_APPEND
                                                 : OS_USE_WRITE);
    if (r < 0)
        return failure(r, "number %d: %s: %s", laid->number, laid->path,
                       error_words(r));
    making_add_row(making, laid->number, r, r);
    return 0;
}

static int from_pipe(struct making *making, const struct wherry_laid *laid)
{
    const bool reads = plan_reads(laid);
    int its;
    int ours;
    int r = os_pipe_to_give(reads, &its, &ours);
    if (r < 0)
        return failure_plain(r, "no pipe for the new process");
    making_add_row(making, laid->number, its, its);
    add_end(making, laid->number, ours, reads ? PROCESS_WRITES : PROCESS_READS);
    return 0;
}

// Its first words may come before anybody here asks for the channel.
static int add_socket(struct making *making, int number, enum process_end_sort sort)
{
    const bool is_node = sort == PROCESS_NODE;
    const struct os_socket_plan plan = {
        .kind = is_node ? OS_KIND_STREAM : OS_KIND_PACKET, .identify = !is_node};
    struct os_descriptor ends[2];
    int r = os_socket_pair(&plan, ends);
    if (r < 0)
        return failure_plain(r, "no socket for the new process");
    making_add_row(making, number, ends[1].fd, ends[1].fd);
    add_end(making, number, ends[0].fd, sort);
    snprintf(making->channel, sizeof(making->channel), "%s=%d",
             is_node ? PROCESS_NODE_CHANNEL : PROCESS_CHANNEL, number);
    return 0;
}

static int from_messages(struct making *making, const struct wherry_laid *laid)
{
    return add_socket(making, laid->number, PROCESS_MESSAGES);
}

static int from_node(struct making *making, const struct wherry_laid *laid)
{
    return add_socket(making, laid->number, PROCESS_NODE);
}

// A channel has become a descriptor above this layer; the same open file as another
// number's has to wait for that; nothing needs nothing.
static int (*const sources[])(struct making *, const struct wherry_laid *) = {
    [WHERRY_FROM_PARENT] = from_parent,
    [WHERRY_FROM_NULL] = from_null,
    [WHERRY_FROM_PIPE] = from_pipe,
    [WHERRY_FROM_FILE] = from_file,
    [WHERRY_FROM_DESCRIPTOR] = from_descriptor,
    [WHERRY_FROM_NUMBER] = NULL,
    [WHERRY_FROM_CHANNEL] = NULL,
    [WHERRY_FROM_MESSAGES] = from_messages,
    [WHERRY_FROM_NODE] = from_node,
    [WHERRY_FROM_NOTHING] = NULL,
};

/* --- by number ----------------------------------------------------------- */

// What this process has is looked at before anything is opened: that could come to
// stand there.
static int open_listed(struct making *making)
{
    int r = 0;
    for (int opens = 0; opens < 2; opens++) {
        for (size_t i = 0; r >= 0 && i < making->plan->laid_count; i++) {
            const struct wherry_laid *laid = &making->plan->laid[i];
            bool is_own = laid->from == WHERRY_FROM_PARENT ||
                          laid->from == WHERRY_FROM_DESCRIPTOR;
            if (sources[laid->from] && is_own == !opens)
                r = sources[laid->from](making, laid);
        }
    }
    return r;
}

// 0, 1 and 2: what joins it to its neighbours, or what this process has if nothing is
// laid out at all, else nothing.
static int open_unlisted(struct making *making)
{
    const int joined[PROCESS_STANDARD] = {making->joined->in, making->joined->out, -1};
    int r = 0;
    for (int number = 0; r >= 0 && number < PROCESS_STANDARD; number++) {
        if (plan_find(making->plan, number))
            continue;
        if (joined[number] >= 0)
            making_add_row(making, number, joined[number], -1);
        else if (making->plan->laid)
            r = add_null(making, number);
        else if (os_is_open(number))
            making_add_row(making, number, number, -1);
    }
    return r;
}

// Whose open file it is, in the end; plan.c has seen that there is an end.
static int owner_of(const struct wherry_plan *plan, const struct wherry_laid *laid)
{
    int number = laid->number;
    while (laid && laid->from == WHERRY_FROM_NUMBER) {
        number = laid->descriptor;
        laid = plan_find(plan, number);
    }
    return number;
}

static void share(struct making *making)
{
    const size_t count = making->row_count;
    for (size_t i = 0; i < making->plan->laid_count; i++) {
        const struct wherry_laid *laid = &making->plan->laid[i];
        if (laid->from != WHERRY_FROM_NUMBER)
            continue;
        int owner = owner_of(making->plan, laid);
        for (size_t j = 0; j < count; j++) {
            if (making->rows[j].number == owner)
                making_add_row(making, laid->number, making->rows[j].source, -1);
        }
    }
}

int making_lay_out(struct making *making, struct os_start *start)
{
    int r = open_listed(making);
    if (r >= 0)
        r = open_unlisted(making);
    if (r < 0)
        return r;
    share(making);
    if (making->plan->guarded)
        r = guard_lay(making);
    if (r < 0)
        return r;
    start->lays = making->lays;
    start->lay_count = layout_steps(making->rows, making->row_count, making->lays);
    return 0;
}
