/* SPDX-License-Identifier: MIT */
/*
 * Programs in a row, started and run to their end.
 *
 * Their outputs are this program's own, unless they are counted (--max-output) or kept
 * (--json).  With --channel one of them talks with us beside.
 */
#define _GNU_SOURCE // O_PATH
#include "programs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "interrupt.h"
#include "open.h"
#include "printable.h"
#include "say.h"
#include "table.h"
#include "talk.h"
#include "watch.h"

enum {
    NOT_RUN = 126, // as env(1)
    NOT_FOUND = 127,
    SIGNALLED = 128, // as sh(1)
    TEXT = 128,
    NUMBER = 24,
    STANDARD = 3,
    MILLISECOND = 1000000,
    AGAIN = 20000 // microseconds
};

/* --- the plans ----------------------------------------------------------- */

/* What one of them has open, as far as that is not its neighbours'. */
struct layout {
    struct wherry_laid rows[STANDARD + LAID_MOST];
    size_t count;
};

/* All of it that has to be kept until they have started. */
struct preparation {
    struct layout *layouts;
    int files[STANDARD]; /* --stdin, --stdout and --stderr; -1: none is open here */
    wherry_deadline deadline;
};

// Where an output goes without a file; nowhere: wherry_collect() lays out its own.
static enum wherry_from usual_from(const struct choices *choices, int number)
{
    // What this program reads goes through the channel, if there is one.
    if (number == 0)
        return choices->start.channel ? WHERRY_FROM_NULL : WHERRY_FROM_PARENT;
    return choices->json                ? WHERRY_FROM_NOTHING
           : choices->start.output_most ? WHERRY_FROM_PIPE
                                        : WHERRY_FROM_PARENT;
}

// What stands at 0, 1 or 2 of this program only because nothing does (main.c).
static bool is_closed(int number)
{
    int flags = fcntl(number, F_GETFL);
    return flags < 0 || (flags & O_PATH);
}

static const char *path_of(const struct start_choices *start, int number)
{
    return number == 0 ? start->input : number == 1 ? start->output : start->errors;
}

static void add(struct layout *layout, const struct choices *choices, int number,
                int file)
{
    const char *path = path_of(&choices->start, number);
    struct wherry_laid row = {.number = number, .from = usual_from(choices, number)};
    if (row.from == WHERRY_FROM_NOTHING && !path)
        return; // wherry_collect() lays out its own
    if (row.from == WHERRY_FROM_PARENT && is_closed(number))
        row.from = WHERRY_FROM_NOTHING;
    if (path) {
        row.from = file >= 0 ? WHERRY_FROM_DESCRIPTOR : WHERRY_FROM_FILE;
        row.descriptor = file;
        row.path = path;
    }
    if (row.from == WHERRY_FROM_FILE && number > 0)
        row.access = choices->start.append ? WHERRY_ACCESS_APPEND : WHERRY_ACCESS_WRITE;
    layout->rows[layout->count++] = row;
}

// Whether --fd alone says what stands there; with --stdin beside it is laid out twice,
// which the library tells.
static bool is_said(const struct start_choices *start, int number)
{
    bool found = false;
    for (size_t i = 0; i < start->laid_count; i++)
        found |= start->laid[i].number == number;
    return found && !path_of(start, number);
}

static void lay_out(const struct programs *programs, size_t i,
                    const struct preparation *preparation)
{
    const struct start_choices *start = &programs->choices->start;
    const bool has_neighbour[STANDARD] = {i > 0, i + 1 < programs->count, false};
    struct layout *layout = &preparation->layouts[i];
    for (int number = 0; number < STANDARD; number++) {
        if (!has_neighbour[number] && !is_said(start, number))
            add(layout, programs->choices, number, preparation->files[number]);
    }
    for (size_t row = 0; row < start->laid_count; row++)
        layout->rows[layout->count++] = start->laid[row];
}

static void complete_plan(struct wherry_plan *plan, struct choices *choices,
                          const struct layout *layout)
{
    static const char *const nothing[] = {NULL};
    const struct start_choices *start = &choices->start;
    plan->environment = start->empty_environment ? nothing : NULL;
    plan->changes = start->changes;
    plan->directory = start->directory;
    plan->user = start->user;
    plan->group = start->group;
    plan->umask = start->umask;
    plan->limits = start->limits;
    plan->limit_count = start->limit_count;
    plan->place = start->session     ? WHERRY_GROUP_SESSION
                  : start->own_group ? WHERRY_GROUP_OWN
                                     : WHERRY_GROUP_PARENT;
    plan->nice = start->nice;
    // Nobody else would stop what is only collected.
    plan->death_signal = start->death_signal ? start->death_signal
                         : choices->json && !start->die_with_parent ? SIGKILL
                                                                    : 0;
    if (start->argv0)
        plan->name = start->argv0;
    plan->guarded = start->die_with_parent;
    plan->laid = layout->rows;
    plan->laid_count = layout->count;
}

static void interrupt_open(int signal)
{
    (void)signal;
}

/* What an alarm was before ours; a program may have been started with one. */
struct alarm {
    struct sigaction action;
    struct itimerval timer;
};

// To open a FIFO is to wait for its other end, which this ends; and again, if it comes
// just before the call.
static void set_alarm(int64_t milliseconds, struct alarm *before)
{
    const struct sigaction action = {.sa_handler = interrupt_open};
    const struct itimerval timer = {
        .it_value = {milliseconds / 1000, milliseconds % 1000 * 1000},
        .it_interval = {0, AGAIN}};
    (void)sigaction(SIGALRM, &action, &before->action);
    (void)setitimer(ITIMER_REAL, &timer, &before->timer);
}

static void restore_alarm(const struct alarm *before)
{
    (void)setitimer(ITIMER_REAL, &before->timer, NULL);
    (void)sigaction(SIGALRM, &before->action, NULL);
}

static int open_file(const struct programs *programs, const char *path, int flags,
                     const struct preparation *preparation, int *out)
{
    *out = -1;
    if (!path)
        return DONE;
    do
        *out = open(path, flags | O_CLOEXEC | O_NOCTTY, 0666);
    while (*out < 0 && errno == EINTR && wherry_now() < preparation->deadline);
    if (*out >= 0)
        return DONE;
    if (errno == EINTR) {
        say_error(programs->verb, "%s: nobody has opened its other end in time", path);
        return WATCH_TIMED_OUT;
    }
    return say_error(programs->verb, "%s: %s", path, say_errno(errno));
}

// Both outputs may go to one file, which each of two would empty again; and so may the
// errors of several.
static int open_files(const struct programs *programs, struct preparation *out)
{
    const struct start_choices *start = &programs->choices->start;
    const int writes = O_WRONLY | O_CREAT | (start->append ? O_APPEND : O_TRUNC);
    // What is collected starts and ends in one call, which opens and closes by itself
    // what is one program's alone.
    const bool is_early = !programs->choices->json;
    bool is_one_file =
        start->output && start->errors && strcmp(start->output, start->errors) == 0;
    int *files = out->files;
    int status = DONE;
    if (is_early)
        status = open_file(programs, start->input, O_RDONLY, out, &files[0]);
    if (status == DONE && (is_early || is_one_file))
        status = open_file(programs, start->output, writes, out, &files[1]);
    if (status == DONE && is_one_file)
        files[2] = files[1];
    else if (status == DONE && (is_early || programs->count > 1))
        status = open_file(programs, start->errors, writes, out, &files[2]);
    return status;
}

static int open_in_time(const struct programs *programs, struct preparation *out)
{
    struct alarm before;
    const int64_t timeout = programs->choices->timeout;
    if (timeout == 0)
        return open_files(programs, out);
    set_alarm(timeout, &before);
    int status = open_files(programs, out);
    restore_alarm(&before);
    return status;
}

// Who is at their other ends sees what the programs do, not us.
static void close_files(struct preparation *preparation)
{
    int *files = preparation->files;
    for (int i = 0; i < STANDARD; i++) {
        if (files[i] >= 0 && (i != 2 || files[2] != files[1]))
            close(files[i]);
    }
    for (int i = 0; i < STANDARD; i++)
        files[i] = -1;
}

static int prepare(struct programs *programs, struct preparation *out)
{
    struct start_choices *start = &programs->choices->start;
    *out = (struct preparation){.files = {-1, -1, -1},
                                .deadline = open_deadline(programs->choices)};
    out->layouts = calloc(programs->count, sizeof(*out->layouts));
    if (!out->layouts)
        return say_error(programs->verb, "no memory");
    int status = open_in_time(programs, out);
    if (status != DONE)
        return status;
    for (size_t i = 0; i < start->limit_count; i++)
        start->limits[i].name = start->limit_names[i];
    for (size_t i = 0; i < programs->count; i++) {
        lay_out(programs, i, out);
        complete_plan(&programs->plans[i], programs->choices, &out->layouts[i]);
    }
    return DONE;
}

static void forget(struct preparation *preparation)
{
    close_files(preparation);
    free(preparation->layouts);
}

/* --- how they ended ------------------------------------------------------ */

static const char *reason(int stopped)
{
    return stopped == WATCH_TIMED_OUT  ? ", stopped: it took longer than --timeout"
           : stopped == WATCH_TOO_MUCH ? ", stopped: it said more than --max-output"
                                       : "";
}

static int status_of(const struct wherry_exit *exit)
{
    return exit->signal ? SIGNALLED + exit->signal : exit->code;
}

// As a shell's pipefail.
static int status_of_all(const struct wherry_exit *exits, size_t count, int stopped)
{
    int status = DONE;
    for (size_t i = 0; i < count; i++)
        status = exits[i].code == 0 ? status : status_of(&exits[i]);
    return stopped ? stopped : status;
}

static void tell(const struct programs *programs, const struct wherry_exit *exits,
                 int stopped)
{
    for (size_t i = 0; i < programs->count; i++) {
        char text[TEXT] = "";
        if (exits[i].code == 0 && !stopped)
            continue;
        (void)wherry_exit_text(&exits[i], text, sizeof(text));
        say_notice(programs->verb, "%s: %s%s", programs->names[i], text,
                   reason(stopped));
    }
}

static int refuse(const char *verb, int error)
{
    (void)say_error(verb, "%s", wherry_error_text());
    return error == -EINVAL ? USAGE : error == -ENOENT ? NOT_FOUND : NOT_RUN;
}

/* --- beside us ----------------------------------------------------------- */

static struct watch_output counted(wherry_process *process, int number, int64_t most)
{
    wherry_channel *channel = NULL;
    (void)wherry_process_channel(process, number, "framing=raw", &channel);
    return (struct watch_output){.channel = channel, .to = number, .left = most};
}

// Both outputs of each, most of which are no pipes of ours.
static int watch_all(const struct programs *programs, wherry_process **processes,
                     wherry_deadline deadline)
{
    const size_t count = programs->count;
    const struct start_choices *start = &programs->choices->start;
    struct wherry_exit *exits = calloc(count, sizeof(*exits));
    struct watch_output *outputs = calloc(2 * count, sizeof(*outputs));
    struct watch all = {.start = start,
                        .processes = processes,
                        .count = count,
                        .outputs = outputs,
                        .deadline = deadline};
    int r = exits && outputs ? 0 : -ENOMEM;
    for (size_t i = 0; r >= 0 && start->output_most > 0 && i < 2 * count; i++)
        outputs[all.output_count++] =
            counted(processes[i / 2], 1 + (int)(i % 2), start->output_most);
    if (r >= 0)
        r = watch(&all, exits);
    int status = r < 0 ? say_error(programs->verb, "%s",
                                   r == -ENOMEM ? "no memory" : wherry_error_text())
                       : status_of_all(exits, count, all.stopped);
    if (r >= 0 && !start->quiet)
        tell(programs, exits, all.stopped);
    if (all.failed < 0)
        status = say_error(programs->verb, "its output: %s", say_errno(all.failed));
    free(outputs);
    free(exits);
    return status;
}

static int run_in_a_row(const struct programs *programs,
                        struct preparation *preparation)
{
    wherry_pipeline *pipeline = NULL;
    wherry_process **processes = calloc(programs->count, sizeof(wherry_process *));
    if (!processes)
        return say_error(programs->verb, "no memory");
    int r = wherry_pipeline_spawn(programs->plans, sizeof(*programs->plans),
                                  programs->count, &pipeline);
    close_files(preparation);
    for (size_t i = 0; r >= 0 && i < programs->count; i++)
        processes[i] = wherry_pipeline_process(pipeline, i);
    int status = r < 0 ? refuse(programs->verb, r)
                       : watch_all(programs, processes, preparation->deadline);
    wherry_pipeline_close(pipeline);
    free(processes);
    return status;
}

/* --- with a channel ------------------------------------------------------ */

/* The conversation, on a thread of its own: what we read goes to the program, what it
 * says is printed. */
struct conversation {
    wherry_channel *channel;
    struct talk_plan plan;
};

static void *converse(void *argument)
{
    struct conversation *conversation = argument;
    (void)talk(conversation->channel, &conversation->plan);
    return NULL;
}

// Its time is minded by whoever watches the program.
static int watch_and_talk(const struct programs *programs, wherry_process *process,
                          wherry_channel *channel, wherry_deadline deadline)
{
    struct choices choices = *programs->choices;
    struct input input = {.raw = false};
    struct conversation conversation = {.channel = channel,
                                        .plan = {.verb = programs->verb,
                                                 .choices = &choices,
                                                 .way = TALK_BOTH,
                                                 .input = &input}};
    pthread_t thread;
    choices.timeout = 0;
    int r = interrupt_thread(&thread, converse, &conversation);
    int status = watch_all(programs, &process, deadline);
    wherry_cancel(channel);
    if (r >= 0)
        (void)pthread_join(thread, NULL);
    input_free(&input);
    return r < 0 ? say_error(programs->verb, "%s", say_errno(r)) : status;
}

static int run_with_channel(const struct programs *programs,
                            struct preparation *preparation)
{
    wherry_process *process = NULL;
    wherry_channel *channel = NULL;
    int r = wherry_fork(programs->plans, sizeof(*programs->plans), &process, &channel);
    close_files(preparation);
    if (r < 0)
        return refuse(programs->verb, r);
    int status = watch_and_talk(programs, process, channel, preparation->deadline);
    wherry_close(channel);
    wherry_process_close(process);
    return status;
}

/* --- as JSON ------------------------------------------------------------- */

static void add_row(struct table *table, const char *name,
                    const struct wherry_collected *all)
{
    const struct wherry_exit *exit = &all->exit;
    char ended[TEXT] = "";
    char *program = text_of(name, strlen(name));
    char *output = text_of(all->output, all->output_size);
    char *errors = text_of(all->errors, all->errors_size);
    char numbers[5][NUMBER];
    const int64_t values[] = {exit->code, exit->signal, exit->user_time / 1000,
                              exit->system_time / 1000, exit->memory_most};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        (void)snprintf(numbers[i], NUMBER, "%" PRId64, values[i]);
    (void)wherry_exit_text(exit, ended, sizeof(ended));
    const char *const cells[] = {program,
                                 ended,
                                 exit->signal ? NULL : numbers[0],
                                 exit->signal ? numbers[1] : NULL,
                                 exit->core ? "yes" : "no",
                                 all->stopped == -ETIMEDOUT ? "timeout"
                                 : all->stopped             ? "max output"
                                                            : NULL,
                                 numbers[2],
                                 numbers[3],
                                 numbers[4],
                                 output,
                                 errors};
    table_add(table, program && output && errors ? cells : NULL);
    free(program);
    free(output);
    free(errors);
}

static int print_json(const struct programs *programs,
                      const struct wherry_collected *all)
{
    static const struct column columns[] = {
        {"program", COLUMN_TEXT, false},       {"ended", COLUMN_TEXT, false},
        {"exit", COLUMN_NUMBER, false},        {"signal", COLUMN_NUMBER, false},
        {"core", COLUMN_FLAG, false},          {"stopped", COLUMN_TEXT, false},
        {"user us", COLUMN_NUMBER, false},     {"system us", COLUMN_NUMBER, false},
        {"memory most", COLUMN_NUMBER, false}, {"stdout", COLUMN_TEXT, false},
        {"stderr", COLUMN_TEXT, false},
    };
    struct table *table =
        table_new(programs->verb, columns, sizeof(columns) / sizeof(columns[0]), true);
    for (size_t i = 0; table && i < programs->count; i++)
        add_row(table, programs->names[i], &all[i]);
    return table_print(table, programs->verb);
}

static int status_of_collected(const struct wherry_collected *all, size_t count)
{
    int status = DONE;
    for (size_t i = 0; i < count; i++)
        status = all[i].exit.code == 0 ? status : status_of(&all[i].exit);
    return all[0].stopped == -ETIMEDOUT ? WATCH_TIMED_OUT
           : all[0].stopped             ? WATCH_TOO_MUCH
                                        : status;
}

static int run_for_json(const struct programs *programs,
                        const struct preparation *preparation)
{
    const struct start_choices *start = &programs->choices->start;
    const struct wherry_collect wish = {.output_most = (uint64_t)start->output_most,
                                        .stop_signal = start->stop_signal,
                                        .grace = start->grace * MILLISECOND};
    struct wherry_collected *all = calloc(programs->count, sizeof(*all));
    if (!all)
        return say_error(programs->verb, "no memory");
    int r = wherry_pipeline_collect(programs->plans, sizeof(*programs->plans),
                                    programs->count, &wish, all, preparation->deadline);
    int status = r < 0 ? refuse(programs->verb, r) : print_json(programs, all);
    if (r >= 0 && status == DONE)
        status = status_of_collected(all, programs->count);
    for (size_t i = 0; i < programs->count; i++)
        wherry_collected_free(&all[i]);
    free(all);
    return status;
}

/* --- all ways ------------------------------------------------------------ */

int programs_check(const char *verb, const struct choices *choices)
{
    const struct start_choices *start = &choices->start;
    if (start->session && start->own_group)
        return say_usage(verb, "--session and --own-group exclude each other");
    if (start->append && !start->output && !start->errors)
        return say_usage(verb, "--append is for --stdout and --stderr");
    if (start->channel && (start->shell || choices->json))
        return say_usage(verb, "--channel excludes --shell and --json");
    return DONE;
}

int programs_run(struct programs *programs)
{
    struct preparation preparation;
    const bool is_json = programs->choices->json;
    const bool has_channel = programs->choices->start.channel;
    // To open a FIFO is to wait for its other end: Ctrl-C ends us then as ever.
    int status = prepare(programs, &preparation);
    // One that is only collected is killed with us.
    if (status == DONE && !is_json && interrupt_begin() < 0)
        status = say_error(programs->verb, "no descriptor left");
    if (status == DONE)
        status = is_json       ? run_for_json(programs, &preparation)
                 : has_channel ? run_with_channel(programs, &preparation)
                               : run_in_a_row(programs, &preparation);
    forget(&preparation);
    return status;
}
