/* SPDX-License-Identifier: MIT */
/*
 * The two processes of a task, from fork to reaped.
 *
 * Both are children of the bench, which itself only watches: whoever fails, hangs or is
 * interrupted, both are killed and reaped, and what stands in the directory of the run
 * is removed.
 */
#define _GNU_SOURCE
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interrupt.h"
#include "scratch.h"

enum {
    STALLED_AFTER = 30000, /* milliseconds without a sign of life */
    LEAVE_WITHIN = 5000,   /* for the second once the first is gone */
    PAGE = 4096,
    /* A copy whose target is a few bytes behind its source, modulo a page, takes
     * several times as long on some processors: neither side shall be measured by that.
     */
    PAST_ALIASING = 128
};

/* --- in the children ----------------------------------------------------- */

void bench_be_a_child(pid_t parent)
{
    struct sigaction standard = {.sa_handler = SIG_DFL};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGINT, &standard, NULL);
    sigaction(SIGTERM, &standard, NULL);
    sigaction(SIGHUP, &standard, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
}

static int descriptor_of(wherry_channel *channel)
{
    wherry_native fd = -1;
    short events;
    return wherry_fd(channel, WHERRY_OUT, &fd, &events) < 0 ? -1 : fd;
}

static void live(const struct bench_meeting *meeting, struct bench_end *end,
                 struct bench_ours *ours, struct bench_bare *bare)
{
    int side = end->is_driver ? 0 : 1;
    bench_bare_close(bare, side);
    end->bare_in = bare->in[side];
    end->bare_out = bare->out[side];
    unsigned char *pages = aligned_alloc(PAGE, BENCH_LARGEST + PAGE);
    end->messages = calloc(1024, sizeof(wherry_message *));
    if (!pages || !end->messages)
        bench_give_up(meeting, -ENOMEM, "buffers");
    end->bytes = pages + PAST_ALIASING;
    memset(end->bytes, 'w', BENCH_LARGEST);
    bench_bare_block(end->mechanism);
    meeting->shared->pids[side] = getpid();
    int r = bench_ours_open(end, ours, meeting);
    if (r < 0)
        bench_give_up(meeting, r, meeting->task->mechanism->address);
    if (end->mechanism->queue == BENCH_SIGNALS)
        end->bare_out = meeting->shared->pids[!side];
    int descriptor = descriptor_of(end->out);
    if (descriptor >= 0)
        bench_bare_match(end->bare_out, descriptor);
    (end->is_driver ? bench_drive : bench_respond)(meeting, end);
    bench_ours_close(end);
    free(pages);
    free(end->messages);
}

/* --- around them --------------------------------------------------------- */

/* Pipes of a task; the child `side` keeps its own. */
struct lines {
    int orders[2];
    int answers[2];
    int alive[2][2]; /* [side] */
};

static void close_all(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static void close_lines(struct lines *lines)
{
    close_all(lines->orders, 2);
    close_all(lines->answers, 2);
    close_all(lines->alive[0], 2);
    close_all(lines->alive[1], 2);
}

static int open_lines(struct lines *lines)
{
    *lines = (struct lines){{-1, -1}, {-1, -1}, {{-1, -1}, {-1, -1}}};
    if (pipe2(lines->orders, O_CLOEXEC) < 0 || pipe2(lines->answers, O_CLOEXEC) < 0 ||
        pipe2(lines->alive[0], O_CLOEXEC) < 0 || pipe2(lines->alive[1], O_CLOEXEC) < 0)
        return -errno;
    return 0;
}

static void take_lines(struct lines *lines, int side, struct bench_meeting *meeting)
{
    int *from = side == 0 ? &lines->answers[0] : &lines->orders[0];
    int *to = side == 0 ? &lines->orders[1] : &lines->answers[1];
    meeting->from = *from;
    meeting->to = *to;
    meeting->alive = lines->alive[side][1];
    *from = *to = lines->alive[side][1] = -1;
    close_lines(lines);
}

struct family {
    const struct bench_task *task;
    struct bench_shared *shared;
    struct lines lines;
    struct bench_ours ours;
    struct bench_bare bare;
    pid_t children[2];
};

static int start(struct family *family, int side)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        return -errno;
    family->children[side] = child;
    if (child > 0)
        return 0;
    bench_be_a_child(parent);
    struct bench_meeting meeting = {.shared = family->shared, .task = family->task};
    struct bench_end end = {.mechanism = family->task->mechanism,
                            .is_driver = side == 0};
    take_lines(&family->lines, side, &meeting);
    live(&meeting, &end, &family->ours, &family->bare);
    _exit(EXIT_SUCCESS);
}

// Its line has broken: it has ended, or is about to.
static bool has_failed(pid_t child)
{
    siginfo_t info = {.si_code = 0};
    while (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    return info.si_code != CLD_EXITED || info.si_status != 0;
}

// Until both have left: 0, or why they were not waited for any longer.
static int watch(struct family *family)
{
    struct pollfd waits[3] = {
        {.fd = family->lines.alive[0][0], .events = POLLIN},
        {.fd = family->lines.alive[1][0], .events = POLLIN},
        {.fd = interrupt_fd(), .events = POLLIN},
    };
    for (int gone = 0; gone < 2;) {
        int r = poll(waits, 3, gone ? LEAVE_WITHIN : STALLED_AFTER);
        if (interrupted())
            return -EINTR;
        if (r == 0)
            return -ETIMEDOUT;
        for (int side = 0; side < 2 && r > 0; side++) {
            char signs[64];
            if (!waits[side].revents || read(waits[side].fd, signs, sizeof(signs)) > 0)
                continue;
            // The other one may wait for it, and for long.
            if (has_failed(family->children[side]))
                return -ESRCH;
            waits[side].fd = -1;
            gone++;
        }
    }
    return 0;
}

static int reap(struct family *family, int reason)
{
    int r = reason;
    for (int side = 0; side < 2; side++) {
        int status = 0;
        if (family->children[side] <= 0)
            continue;
        if (reason < 0)
            kill(family->children[side], SIGKILL);
        while (waitpid(family->children[side], &status, 0) < 0 && errno == EINTR)
            ;
        if (r == 0 && status != 0)
            r = -ESRCH;
    }
    return r;
}

static int fail(struct bench_shared *shared, int error, const char *what)
{
    if (error < 0 && shared->failure[0] == '\0')
        snprintf(shared->failure, sizeof(shared->failure), "%s: %s", what,
                 strerror(-error));
    return error;
}

static const char *meaning(int error)
{
    if (error == -ETIMEDOUT)
        return "nothing moved for 30 seconds";
    return error == -ESRCH ? "one of the two processes died" : "";
}

// What a process that was killed could not remove.
static void remove_queues(const struct family *family)
{
    bench_bare_remove(&family->bare);
    for (int i = 0; i < 2 && family->task->mechanism->queue != BENCH_NO_QUEUE; i++)
        if (family->shared->address[i][0])
            (void)wherry_remove(family->shared->address[i]);
}

int bench_run(const struct bench_task *task, struct bench_shared *shared)
{
    struct family family = {.task = task, .shared = shared};
    memset(&shared->outcome, 0, sizeof(shared->outcome));
    shared->address[0][0] = shared->address[1][0] = '\0';
    shared->failure[0] = '\0';
    int r = bench_ours_prepare(task->mechanism, &family.ours);
    if (r < 0)
        return fail(shared, r, wherry_error_text());
    r = fail(shared,
             bench_bare_open(task->mechanism, task->plan->directory, &family.bare),
             task->mechanism->calls);
    if (r >= 0)
        r = fail(shared, open_lines(&family.lines), "pipe");
    for (int side = 1; side >= 0 && r >= 0; side--)
        r = fail(shared, start(&family, side), "fork");
    bench_ours_abandon(&family.ours);
    bench_bare_close(&family.bare, -1);
    for (int side = 0; side < 2; side++)
        close_all(&family.lines.alive[side][1], 1);
    close_all(family.lines.orders, 2);
    close_all(family.lines.answers, 2);
    if (r >= 0)
        r = watch(&family);
    r = fail(shared, reap(&family, r), meaning(r < 0 ? r : -ESRCH));
    remove_queues(&family);
    close_lines(&family.lines);
    scratch_empty(task->plan->directory);
    return r;
}
