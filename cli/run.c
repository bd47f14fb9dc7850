/* SPDX-License-Identifier: MIT */
/*
 * run: starts a program with what the options lay out, and says how it ended.
 *
 * Its outputs are this program's own, unless they are counted (--max-output) or kept
 * (--json).  It is waited for, whatever signals come: those that it does not get from
 * the terminal are passed on to it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "open.h"
#include "say.h"
#include "settings.h"
#include "table.h"

enum {
    OUTPUTS = 2,
    TIMED_OUT = 124, // as timeout(1)
    TOO_MUCH = 125,
    NOT_RUN = 126, // as env(1)
    NOT_FOUND = 127,
    SIGNALLED = 128, // as sh(1)
    TEXT = 128,
    LOOK_MILLISECONDS = 10,
    NUMBER = 24
};

static const int64_t grace = INT64_C(2000000000);

/* --- the plan ------------------------------------------------------------ */

struct layout {
    struct wherry_laid rows[3];
    size_t count;
};

static void add(struct layout *layout, const struct wherry_laid *row)
{
    layout->rows[layout->count++] = *row;
}

// A file, or what stands there without one.
static void add_output(struct layout *layout, const struct start_choices *start,
                       const char *path, const struct wherry_laid *usual)
{
    struct wherry_laid row = *usual;
    if (path) {
        row.from = WHERRY_FROM_FILE;
        row.path = path;
        row.access = start->append ? WHERRY_ACCESS_APPEND : WHERRY_ACCESS_WRITE;
    }
    if (row.from != WHERRY_FROM_NOTHING)
        add(layout, &row);
}

// Nothing: wherry_collect() lays out its own.
static void lay_out(const struct choices *choices, struct layout *layout)
{
    const struct start_choices *start = &choices->start;
    const enum wherry_from usual = choices->json        ? WHERRY_FROM_NOTHING
                                   : start->output_most ? WHERRY_FROM_PIPE
                                                        : WHERRY_FROM_PARENT;
    const bool is_one_file =
        start->output && start->errors && strcmp(start->output, start->errors) == 0;
    const struct wherry_laid input = {.number = 0,
                                      .from = start->input ? WHERRY_FROM_FILE
                                                           : WHERRY_FROM_PARENT,
                                      .path = start->input};
    const struct wherry_laid same = {
        .number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1};
    *layout = (struct layout){.count = 0};
    add(layout, &input);
    add_output(layout, start, start->output,
               &(struct wherry_laid){.number = 1, .from = usual});
    if (is_one_file)
        add(layout, &same);
    else
        add_output(layout, start, start->errors,
                   &(struct wherry_laid){.number = 2, .from = usual});
}

static struct wherry_plan plan_of(struct choices *choices, const struct layout *layout)
{
    static const char *const nothing[] = {NULL};
    struct start_choices *start = &choices->start;
    for (size_t i = 0; i < start->limit_count; i++)
        start->limits[i].name = start->limit_names[i];
    return (struct wherry_plan){
        .file = start->shell ? NULL : choices->words[0],
        .line = start->shell ? choices->words[0] : NULL,
        .arguments = (const char *const *)(choices->words + 1),
        .environment = start->empty_environment ? nothing : NULL,
        .changes = start->changes,
        .directory = start->directory,
        .user = start->user,
        .group = start->group,
        .umask = start->umask,
        .limits = start->limits,
        .limit_count = start->limit_count,
        .place = start->session     ? WHERRY_GROUP_SESSION
                 : start->own_group ? WHERRY_GROUP_OWN
                                    : WHERRY_GROUP_PARENT,
        .nice = start->nice,
        // Nobody else would stop what is only collected.
        .death_signal = choices->json ? SIGKILL : 0,
        .laid = layout->rows,
        .laid_count = layout->count,
    };
}

/* --- while it runs ------------------------------------------------------- */

/* One of its outputs, counted on its way to ours. */
struct output {
    wherry_channel *channel; // NULL: it is not counted, or has ended
    int to;
    int64_t left;
};

struct running {
    const struct choices *choices;
    wherry_process *process;
    struct output outputs[OUTPUTS];
    wherry_deadline deadline;
    int asked;         // how many signals it was sent
    int stopped;       // the exit status that says why, or 0
    bool is_passed_on; // the signal that came
};

static void stop(struct running *running, int why)
{
    int signal = running->choices->start.stop_signal;
    signal = running->asked > 0 ? SIGKILL : signal ? signal : SIGTERM;
    running->stopped = running->stopped ? running->stopped : why;
    running->asked++;
    (void)wherry_process_kill(running->process, signal, WHERRY_ITS_TREE);
    running->deadline = wherry_now() + grace;
}

static void close_output(struct output *output)
{
    wherry_close(output->channel);
    output->channel = NULL;
}

static bool write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(fd, bytes, size);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            bytes += done;
            size -= (size_t)done;
        }
    }
    return true;
}

// Where nobody reads any more, it learns of that as if it wrote there itself.
static void pass_on(struct running *running, struct output *output)
{
    wherry_message *message = NULL;
    int r = 0;
    while (output->channel &&
           (r = wherry_recv(output->channel, &message, WHERRY_POLL)) == 1) {
        const size_t size = wherry_message_size(message);
        const bool is_over = size > (size_t)output->left;
        const size_t may = is_over ? (size_t)output->left : size;
        bool is_read = write_all(output->to, wherry_message_data(message), may);
        output->left -= (int64_t)may;
        wherry_message_free(message);
        if (is_over)
            stop(running, TOO_MUCH);
        if (is_over || !is_read)
            close_output(output);
    }
    if (output->channel && r != -EAGAIN)
        close_output(output);
}

// Whether the terminal tells it, too.
static bool is_told(const struct start_choices *start, int signal)
{
    bool is_ours = !start->own_group && !start->session;
    return signal == SIGINT && is_ours && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void pass_signal_on(struct running *running)
{
    int signal = interrupted_by();
    if (signal == 0 || running->is_passed_on)
        return;
    running->is_passed_on = true;
    if (!is_told(&running->choices->start, signal))
        (void)wherry_process_kill(running->process, signal, WHERRY_ONE);
}

static int milliseconds_until(wherry_deadline deadline)
{
    if (deadline == WHERRY_FOREVER)
        return -1;
    int64_t left = (deadline - wherry_now()) / 1000000 + 1;
    return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static void wait_for_news(struct running *running)
{
    struct pollfd waits[OUTPUTS + 2] = {
        {.fd = wherry_process_fd(running->process), .events = POLLIN},
        {.fd = running->is_passed_on ? -1 : interrupt_fd(), .events = POLLIN}};
    for (int i = 0; i < OUTPUTS; i++) {
        wherry_native fd = -1;
        short events = POLLIN;
        if (running->outputs[i].channel)
            (void)wherry_fd(running->outputs[i].channel, WHERRY_IN, &fd, &events);
        waits[i + 2] = (struct pollfd){.fd = fd, .events = events};
    }
    (void)poll(waits, OUTPUTS + 2, milliseconds_until(running->deadline));
}

// What it started has the rest of the grace, and goes then.
static void end_family(const struct running *running)
{
    struct pollfd none = {.fd = -1};
    while (wherry_now() < running->deadline &&
           wherry_process_kill(running->process, 0, WHERRY_ITS_TREE) >= 0)
        (void)poll(&none, 1, LOOK_MILLISECONDS);
    (void)wherry_process_kill(running->process, SIGKILL, WHERRY_ITS_TREE);
}

static int watch(struct running *running, struct wherry_exit *exit)
{
    for (;;) {
        // What it said before its end is passed on after that.
        int r = wherry_process_wait(running->process, exit, sizeof(*exit), WHERRY_POLL);
        for (int i = 0; i < OUTPUTS; i++)
            pass_on(running, &running->outputs[i]);
        if (r != -EAGAIN && running->stopped)
            end_family(running);
        if (r != -EAGAIN)
            return r;
        pass_signal_on(running);
        if (running->deadline != WHERRY_FOREVER && wherry_now() >= running->deadline)
            stop(running, TIMED_OUT);
        wait_for_news(running);
    }
}

/* --- its end ------------------------------------------------------------- */

static const char *reason(int stopped)
{
    return stopped == TIMED_OUT  ? ", stopped: it took longer than --timeout"
           : stopped == TOO_MUCH ? ", stopped: it said more than --max-output"
                                 : "";
}

static int status_of(const struct wherry_exit *exit, int stopped)
{
    if (stopped)
        return stopped;
    return exit->signal ? SIGNALLED + exit->signal : exit->code;
}

static int tell(const struct choices *choices, const struct wherry_exit *exit,
                int stopped)
{
    char text[TEXT] = "";
    (void)wherry_exit_text(exit, text, sizeof(text));
    bool is_usual = exit->code == 0 && !stopped;
    if (!is_usual && !choices->start.quiet)
        say_notice(command_run.name, "%s: %s%s", choices->words[0], text,
                   reason(stopped));
    return status_of(exit, stopped);
}

static int refuse(int error)
{
    (void)say_error(command_run.name, "%s", wherry_error_text());
    return error == -EINVAL ? USAGE : error == -ENOENT ? NOT_FOUND : NOT_RUN;
}

/* --- the two ways -------------------------------------------------------- */

static wherry_channel *counted(wherry_process *process, int number)
{
    wherry_channel *channel = NULL;
    (void)wherry_process_channel(process, number, "framing=raw", &channel);
    return channel;
}

static int run_along(struct choices *choices)
{
    struct layout layout;
    struct wherry_exit exit;
    struct running running = {.choices = choices};
    lay_out(choices, &layout);
    struct wherry_plan plan = plan_of(choices, &layout);
    if (interrupt_begin() < 0)
        return say_error(command_run.name, "no descriptor left");
    running.deadline = open_deadline(choices);
    int r = wherry_spawn(&plan, sizeof(plan), &running.process);
    if (r < 0)
        return refuse(r);
    for (int i = 0; i < OUTPUTS; i++)
        running.outputs[i] = (struct output){.channel = counted(running.process, i + 1),
                                             .to = i + 1,
                                             .left = choices->start.output_most};
    r = watch(&running, &exit);
    for (int i = 0; i < OUTPUTS; i++)
        close_output(&running.outputs[i]);
    wherry_process_close(running.process);
    return r < 0 ? say_error(command_run.name, "%s", wherry_error_text())
                 : tell(choices, &exit, running.stopped);
}

static int print_json(const struct choices *choices, const struct wherry_collected *all)
{
    static const struct column columns[] = {
        {"program", COLUMN_TEXT, false},       {"ended", COLUMN_TEXT, false},
        {"exit", COLUMN_NUMBER, false},        {"signal", COLUMN_NUMBER, false},
        {"core", COLUMN_FLAG, false},          {"stopped", COLUMN_TEXT, false},
        {"user us", COLUMN_NUMBER, false},     {"system us", COLUMN_NUMBER, false},
        {"memory most", COLUMN_NUMBER, false}, {"stdout", COLUMN_TEXT, false},
        {"stderr", COLUMN_TEXT, false},
    };
    const struct wherry_exit *exit = &all->exit;
    char ended[TEXT] = "";
    char numbers[5][NUMBER];
    const int64_t values[] = {exit->code, exit->signal, exit->user_time / 1000,
                              exit->system_time / 1000, exit->memory_most};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        (void)snprintf(numbers[i], NUMBER, "%" PRId64, values[i]);
    (void)wherry_exit_text(exit, ended, sizeof(ended));
    const char *const cells[] = {choices->words[0],
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
                                 all->output,
                                 all->errors};
    struct table *table =
        table_new("run", columns, sizeof(columns) / sizeof(columns[0]), true);
    if (table)
        table_add(table, cells);
    return table_print(table, command_run.name);
}

static int run_for_json(struct choices *choices)
{
    struct layout layout;
    struct wherry_collected all;
    lay_out(choices, &layout);
    struct wherry_plan plan = plan_of(choices, &layout);
    const struct wherry_collect wish = {.output_most =
                                            (uint64_t)choices->start.output_most,
                                        .stop_signal = choices->start.stop_signal};
    int r = wherry_collect(&plan, sizeof(plan), &wish, &all, open_deadline(choices));
    if (r < 0)
        return refuse(r);
    int stopped = all.stopped == -ETIMEDOUT ? TIMED_OUT : all.stopped ? TOO_MUCH : 0;
    int status = print_json(choices, &all);
    if (status == DONE)
        status = status_of(&all.exit, stopped);
    wherry_collected_free(&all);
    return status;
}

/* --- the verb ------------------------------------------------------------ */

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_run, argc, argv, 1, -1, &choices) != DONE)
        return USAGE;
    const struct start_choices *start = &choices.start;
    if (start->session && start->own_group)
        return say_usage(command_run.name, "--session and --own-group exclude each "
                                           "other");
    if (start->append && !start->output && !start->errors)
        return say_usage(command_run.name, "--append is for --stdout and --stderr");
    return choices.json ? run_for_json(&choices) : run_along(&choices);
}

const struct command command_run = {
    .name = "run",
    .arguments = "[OPTION…] PROGRAM [ARGUMENT…]",
    .summary = "Runs a program with bounds, and says how it ended.",
    .settings = start_settings,
    .help =
        "Options of PROGRAM stand behind it.  It has exactly 0, 1 and 2 open, no\n"
        "signal blocked or ignored, and is stopped with all that it started.  How\n"
        "it ended is said on stderr unless it is exit 0.\n"
        "\n"
        "The exit status is that of PROGRAM; 128 and the signal that ended it; 124\n"
        "after --timeout, 125 after --max-output; 126 when it could not be run, 127\n"
        "when it was not found.\n"
        "\n"
        "Example:\n"
        "  wherry run --timeout 10s --limit nofile=64 sort /etc/passwd\n"
        "  wherry run --json --shell 'echo out; echo err >&2'\n",
    .ends_at_word = true,
    .run = run,
};
