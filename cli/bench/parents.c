/* SPDX-License-Identifier: MIT */
/*
 * The processes that start others: pinned, small or large, and told what to do.
 *
 * Each leads a group of its own, so that it is ended with all that it started.
 */
#define _GNU_SOURCE
#include "bench/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"

enum {
    STALLED_AFTER = 120000, /* milliseconds: much memory, or a gigabyte to move */
    PAGE = 4096,
    PIECE = 16 << 20
};

/* --- in the parent ------------------------------------------------------- */

static int take_memory(uint64_t size)
{
    for (uint64_t taken = 0; taken < size; taken += PIECE) {
        char *memory = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return -errno;
        // As a heap that has grown: what a fork copies is a table of small pages.
        (void)madvise(memory, PIECE, MADV_NOHUGEPAGE);
        for (size_t at = 0; at < PIECE; at += PAGE)
            memory[at] = 1;
    }
    return 0;
}

static void pin(const struct processes_task *task)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)task->plan->cores[0], &set);
    if (task->place == BENCH_CROSS)
        CPU_SET((size_t)task->plan->cores[1], &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

// What a bench without a terminal lacks: pipes are not to stand at 0, 1 or 2.
static void have_standard(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    close(fd);
}

static void explain(struct processes_answer *answer, int error, int way)
{
    const char *sentence = wherry_error_text();
    answer->error = error;
    answer->way = way;
    snprintf(answer->failure, sizeof(answer->failure), "%s",
             sentence[0] ? sentence : strerror(-error));
}

static void go_round(const struct processes_task *task, enum processes_whose whose,
                     const struct processes_order *order,
                     struct processes_answer *answer)
{
    while (task->row->ways[answer->count].name)
        answer->count++;
    const int step = order->is_backward ? answer->count - 1 : 1;
    for (int i = 0; i < answer->count && answer->error == 0; i++) {
        int at = (order->first + i * step) % answer->count;
        const struct processes_way *way = &task->row->ways[at];
        if (!way->run || way->whose != whose || (way->is_rare && !order->with_rare))
            continue;
        answer->took[at] = way->run(task->scene);
        if (answer->took[at] < 0)
            explain(answer, (int)answer->took[at], at);
    }
}

static void run_script(const struct processes_task *task, int at,
                       struct processes_answer *answer)
{
    int r = processes_run_script(&task->row->ways[at], task->scene, answer->took);
    if (r < 0)
        explain(answer, r, at);
    else
        answer->count = r;
}

__attribute__((noreturn)) static void live(const struct processes_task *task,
                                           enum processes_whose whose, int from, int to)
{
    struct processes_order order;
    pin(task);
    have_standard();
    int memory = whose == PROCESSES_LARGE ? take_memory(task->scene->size) : 0;
    while (read(from, &order, sizeof(order)) == (ssize_t)sizeof(order)) {
        struct processes_answer answer = {.error = 0};
        if (memory < 0)
            explain(&answer, memory, order.first);
        else if (order.is_script)
            run_script(task, order.first, &answer);
        else
            go_round(task, whose, &order, &answer);
        if (write(to, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
            break;
    }
    _exit(EXIT_SUCCESS);
}

/* --- around it ----------------------------------------------------------- */

static int fork_one(const struct processes_task *task, enum processes_whose whose,
                    int orders[2], int answers[2])
{
    pid_t bench = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    bench_be_a_child(bench);
    close(orders[1]);
    close(answers[0]);
    live(task, whose, orders[0], answers[1]);
}

int processes_begin(const struct processes_task *task, enum processes_whose whose,
                    struct processes_parent *out)
{
    int orders[2];
    int answers[2];
    if (pipe2(orders, O_CLOEXEC) < 0)
        return -errno;
    int r = pipe2(answers, O_CLOEXEC) < 0 ? -errno : 0;
    if (r == 0) {
        r = fork_one(task, whose, orders, answers);
        close(answers[1]);
        if (r < 0)
            close(answers[0]);
    }
    close(orders[0]);
    if (r < 0) {
        close(orders[1]);
        return r;
    }
    (void)setpgid(r, r);
    *out = (struct processes_parent){.pid = r, .to = orders[1], .from = answers[0]};
    return 0;
}

int processes_ask(const struct processes_parent *parent,
                  const struct processes_order *order, struct processes_answer *out)
{
    struct pollfd waits[2] = {{.fd = parent->from, .events = POLLIN},
                              {.fd = interrupt_fd(), .events = POLLIN}};
    if (write(parent->to, order, sizeof(*order)) != (ssize_t)sizeof(*order))
        return -ESRCH;
    int r;
    do
        r = poll(waits, 2, STALLED_AFTER);
    while (r < 0 && errno == EINTR && !interrupted());
    if (interrupted())
        return -EINTR;
    if (r == 0)
        return -ETIMEDOUT;
    return read(parent->from, out, sizeof(*out)) == (ssize_t)sizeof(*out) ? 0 : -ESRCH;
}

void processes_end(struct processes_parent *parent)
{
    if (parent->pid <= 0)
        return;
    close(parent->to);
    close(parent->from);
    kill(-parent->pid, SIGKILL);
    while (waitpid(parent->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    parent->pid = 0;
}
