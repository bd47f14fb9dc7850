/* SPDX-License-Identifier: MIT */
/*
 * Starting a process under wherry-guard, so that it dies with this one.
 *
 * All that a plan lays out is laid out for the guard, which hands it on: the guard is
 * started in the place of the program, with the program's words behind its own.  What
 * is said between the two is in os/guard.h.  The guard is another program's work:
 * nothing that it says is believed without a look, and what does not say who it is by a
 * deadline is none.
 */
#include "process/making.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    // The guard's loader opens files, too, and the plan may limit their numbers.
    NUMBER_LEAST = 16,
    HELLO_SECONDS = 10,
    // The guard's name and numbers, what parts files and arguments, and the NULL.
    WORDS = 4
};

static const int64_t second = INT64_C(1000000000);

/* --- what it has and reads ----------------------------------------------- */

int guard_lay(struct making *making)
{
    const struct os_socket_plan plan = {.kind = OS_KIND_PACKET};
    struct os_descriptor ends[2];
    int number = NUMBER_LEAST;
    for (size_t i = 0; i < making->row_count; i++)
        if (making->rows[i].number >= number)
            number = making->rows[i].number + 1;
    int parent = os_process(os_self());
    if (parent < 0)
        return failure_plain(parent, "no descriptor of this process for its guard");
    making->guard.parent = number;
    making_add_row(making, number, parent, parent);
    int r = os_socket_pair(&plan, ends);
    if (r < 0)
        return failure_plain(r, "no socket for the guard of the new process");
    making->process->report = ends[0];
    making->guard.report = number + 1;
    making_add_row(making, number + 1, ends[1].fd, ends[1].fd);
    return 0;
}

// In one block, with the mark before each.
static const char **mark_environment(const char *const *list)
{
    size_t lines = plan_count_words(list);
    size_t bytes = 0;
    for (size_t i = 0; i < lines; i++)
        bytes += strlen(list[i]) + 2;
    const char **marked = malloc((lines + 1) * sizeof(*marked) + bytes);
    if (!marked)
        return NULL;
    char *text = (char *)(marked + lines + 1);
    for (size_t i = 0; i < lines; i++) {
        size_t size = strlen(list[i]) + 1;
        marked[i] = text;
        *text++ = OS_GUARD_MARK;
        memcpy(text, list[i], size);
        text += size;
    }
    marked[lines] = NULL;
    return marked;
}

static const char **make_arguments(const struct making *making)
{
    size_t files = plan_count_words(making->files);
    size_t words = plan_count_words(making->arguments);
    const char **list = calloc(files + words + WORDS, sizeof(*list));
    if (!list)
        return NULL;
    const char **at = list;
    *at++ = "wherry-guard";
    *at++ = making->guard.numbers;
    for (size_t i = 0; i < files; i++)
        *at++ = making->files[i];
    *at++ = ""; // a place, in which the guard ends the list of files
    for (size_t i = 0; i < words; i++)
        *at++ = making->arguments[i];
    return list;
}

int guard_words(struct making *making, struct os_start *start)
{
    struct making_guard *guard = &making->guard;
    const char *file = os_environment_trusted("WHERRY_GUARD");
    guard->files[0] = file ? file : WHERRY_GUARD_FILE;
    if (guard->files[0][0] != '/') // it would be looked for in the plan's directory
        return failure(-EINVAL, "WHERRY_GUARD=%s: a path from the root on", file);
    snprintf(guard->numbers, sizeof(guard->numbers), OS_GUARD_NUMBERS,
             OS_GUARD_PROTOCOL, guard->parent, guard->report, (int)start->standing,
             (int)plan_count_words(making->files));
    guard->arguments = make_arguments(making);
    guard->environment = mark_environment(making->environment);
    if (!guard->arguments || !guard->environment)
        return failure_plain(-ENOMEM, "no memory to start a process");
    start->standing = OS_STANDING_PARENT;
    start->is_deaf = true;
    start->files = guard->files;
    start->arguments = guard->arguments;
    start->environment = guard->environment;
    return 0;
}

void guard_free(struct making_guard *guard)
{
    free(guard->arguments);
    free(guard->environment);
}

/* --- what it says -------------------------------------------------------- */

// Exactly one word of that size.  A word that is there is read even if the guard has
// ended since.  Errors: -ETIMEDOUT, -ECHILD (it has ended, or says something else).
static int hear(struct making *making, int guard, void *word, size_t size,
                wherry_deadline deadline)
{
    struct os_descriptor *report = &making->process->report;
    const struct os_room room = {word, size};
    struct os_wait waits[] = {{.fd = report->fd, .events = os_wait_in},
                              {.fd = guard, .events = os_wait_in}};
    int r = os_wait(waits, 2, deadline);
    if (r < 0)
        return r;
    int64_t heard = os_read(report, &room, 1);
    return heard == (int64_t)size ? 0 : -ECHILD;
}

static int hear_hello(struct making *making, const struct os_started *started)
{
    struct os_guard_hello hello = {.pid = 0};
    int r = hear(making, started->fd, &hello, sizeof(hello),
                 deadline_add(wherry_now(), HELLO_SECONDS * second));
    if (r < 0)
        return r;
    if (hello.protocol != OS_GUARD_PROTOCOL)
        return -ECHILD;
    return hello.pid == started->pid ? 0 : -ENOTSUP; // in another pid namespace
}

// Until it is answered the guard does not reap the program: the number is its own.
static int hear_start(struct making *making, struct os_started *started)
{
    static const uint8_t answer = 0;
    const struct os_bytes bytes = {&answer, sizeof(answer)};
    struct os_guard_start word = {.pid = 0};
    int r = hear(making, started->fd, &word, sizeof(word), WHERRY_FOREVER);
    if (r < 0)
        return r;
    bool is_file =
        word.index >= 0 && (size_t)word.index < plan_count_words(making->files);
    if (word.error < 0) {
        making->guard.has_said_why = true;
        started->failed = word.ran                 ? OS_STEP_RUN
                          : word.error == -ENOTSUP ? OS_STEP_GUARD
                                                   : OS_STEP_START;
        started->index = is_file ? (size_t)word.index : 0;
        return word.error;
    }
    if (word.pid <= 0)
        return -ECHILD;
    making->process->own = os_process(word.pid);
    if (making->process->own < 0)
        return making->process->own == -ESRCH ? -ECHILD : making->process->own;
    started->pid = word.pid;
    (void)os_write(&making->process->report, &bytes, 1);
    return 0;
}

// One that has said why it could not start the program ends by itself, and has reaped
// by then; who has not, or does not, is killed, and takes along what it started.
static void end_guard(int fd, bool has_said_why)
{
    struct os_wait end = {.fd = fd, .events = os_wait_in};
    struct os_ended ended;
    if (!has_said_why || os_wait(&end, 1, deadline_add(wherry_now(), second)) < 0)
        (void)os_kill(fd, os_signal_kill, false);
    (void)os_wait(&end, 1, WHERRY_FOREVER);
    (void)os_reap(fd, &ended);
    os_close(fd);
}

int guard_meet(struct making *making, int error, struct os_started *started)
{
    int r = error;
    if (r < 0) {
        bool is_its_file = started->failed == OS_STEP_RUN && r != -E2BIG;
        started->failed = is_its_file ? OS_STEP_GUARD : started->failed;
        return r;
    }
    started->failed = OS_STEP_GUARD;
    r = hear_hello(making, started);
    if (r >= 0)
        r = hear_start(making, started);
    if (r < 0)
        end_guard(started->fd, making->guard.has_said_why);
    return r;
}

bool guard_tells(wherry_process *process, struct os_ended *out)
{
    struct os_guard_end word = {.code = 0};
    const struct os_room room = {&word, sizeof(word)};
    if (process->report.fd < 0 ||
        os_read(&process->report, &room, 1) != (int64_t)sizeof(word))
        return false;
    const bool has_code = word.code >= 0 && word.code <= UINT8_MAX && word.signal == 0;
    const bool has_signal =
        word.code == -1 && word.signal > 0 && word.signal < OS_SIGNALS;
    if (has_code || has_signal)
        *out = (struct os_ended){.code = word.code,
                                 .signal = word.signal,
                                 .core = word.core != 0,
                                 .user_time = word.user_time,
                                 .system_time = word.system_time,
                                 .memory_most = word.memory_most};
    return has_code || has_signal;
}
