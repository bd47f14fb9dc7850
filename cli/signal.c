/* SPDX-License-Identifier: MIT */
/*
 * signal: sends signals with a number, and prints what arrives.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "open.h"
#include "output.h"
#include "say.h"

enum { NAME = 16, ADDRESS = 4096, DIGITS = 9, LOOK_MILLISECONDS = 2 };

/* --- receiving ----------------------------------------------------------- */

static void print_source(const struct wherry_peer *sender)
{
    static const char *const sources[] = {
        [WHERRY_SOURCE_NONE] = "somebody", [WHERRY_SOURCE_PROCESS] = "process",
        [WHERRY_SOURCE_KERNEL] = "kernel", [WHERRY_SOURCE_TIMER] = "timer",
        [WHERRY_SOURCE_FAULT] = "fault",
    };

    fputs(sources[sender->source], stdout);
    if (sender->source != WHERRY_SOURCE_PROCESS)
        return;
    printf(" %" PRId64 " of user %" PRId64, sender->pid, sender->uid);
    if (sender->trust != WHERRY_TRUST_KERNEL)
        fputs(", as it says", stdout);
}

// Name, number and source, with tabs between them.
static int print_signal(const wherry_message *message)
{
    char name[NAME] = "";
    int number = 0;
    (void)wherry_signal_name(wherry_message_kind(message), name, sizeof(name));
    printf("%s\t", name);
    if (wherry_message_size(message) == sizeof(number)) {
        memcpy(&number, wherry_message_data(message), sizeof(number));
        printf("%d", number);
    }
    putchar('\t');
    print_source(wherry_message_sender(message));
    putchar('\n');
    return output_flush();
}

static int receive(wherry_channel *channel, const struct choices *choices)
{
    for (int64_t seen = 0; choices->count == 0 || seen < choices->count; seen++) {
        wherry_message *message = NULL;
        int r = wherry_recv(channel, &message, open_deadline(choices));
        if (r < 0 && interrupted())
            return FAILED;
        if (r < 0)
            return say_error(command_signal.name, "%s", wherry_error_text());
        r = print_signal(message);
        wherry_message_free(message);
        if (r < 0)
            return output_failed(command_signal.name, r);
    }
    return DONE;
}

static int wait_for_signals(const struct choices *choices)
{
    struct opening opening = {
        .verb = command_signal.name, .choices = choices, .listens = true};
    struct opened opened;
    char address[ADDRESS] = "signal:self?signal=";
    sigset_t ours;
    sigemptyset(&ours);
    for (int i = 0; i < choices->word_count; i++) {
        size_t used = strlen(address);
        int number = wherry_signal_number(choices->words[i]);
        if (number < 0)
            return say_usage(command_signal.name, "%s", wherry_error_text());
        sigaddset(&ours, number);
        (void)snprintf(address + used, sizeof(address) - used, "%s%s", i ? "," : "",
                       choices->words[i]);
    }
    // Whoever sends may go on when this ends: that must not end it otherwise.
    pthread_sigmask(SIG_BLOCK, &ours, NULL);
    int status = open_channel(&opening, address, &opened);
    if (status != DONE)
        return status;
    status = receive(opened.channel, choices);
    open_close(&opened);
    return status;
}

/* --- sending ------------------------------------------------------------- */

/* What proc(5) tells of one thread. */
struct disposition {
    bool is_blocked;
    bool is_handled; // or ignored
    bool has_ended;
};

static bool has_bit(const char *line, const char *name, int64_t number)
{
    const size_t size = strlen(name);
    return strncmp(line, name, size) == 0 &&
           (strtoull(line + size, NULL, 16) >> (number - 1) & 1);
}

static int look_at_thread(const char *path, int64_t number, struct disposition *out)
{
    char line[256];
    FILE *status = fopen(path, "re");
    *out = (struct disposition){.is_blocked = false};
    if (!status)
        return -errno;
    while (fgets(line, sizeof(line), status)) {
        bool is_state = strncmp(line, "State:\t", 7) == 0;
        out->has_ended |= is_state && (line[7] == 'Z' || line[7] == 'X');
        out->is_blocked |= has_bit(line, "SigBlk:", number);
        out->is_handled |= has_bit(line, "SigCgt:", number);
        out->is_handled |= has_bit(line, "SigIgn:", number);
    }
    (void)fclose(status);
    return 0;
}

// signal(7): what does nothing to a process that neither blocks nor handles it.
static bool is_harmless(int64_t number)
{
    return number == SIGCHLD || number == SIGURG || number == SIGWINCH ||
           number == SIGCONT;
}

// Whether the process would live on: 1, 0, or a negative errno.  The kernel gives a
// signal to any thread that does not block it.
static int is_ready(int64_t pid, int64_t number)
{
    char path[320];
    struct disposition thread = {.is_blocked = false};
    struct dirent *entry;
    bool is_ready = true;
    int r = 0;
    (void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/task", pid);
    DIR *tasks = opendir(path);
    if (!tasks)
        return errno == ENOENT ? -ESRCH : -errno;
    while ((entry = readdir(tasks))) { // NOLINT(concurrency-mt-unsafe): one thread
        (void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/task/%s/status", pid,
                       entry->d_name);
        if (entry->d_name[0] == '.' || look_at_thread(path, number, &thread) < 0)
            continue; // it has just ended
        is_ready &= thread.is_blocked || thread.is_handled;
        if (thread.has_ended && strtol(entry->d_name, NULL, 10) == pid)
            r = -ESRCH;
    }
    closedir(tasks);
    return r < 0 ? r : is_ready || is_harmless(number);
}

static int wait_until_ready(const struct choices *choices, int64_t pid, int64_t number)
{
    const wherry_deadline deadline = open_deadline(choices);
    struct pollfd wait = {.events = POLLIN};
    if (interrupt_begin() < 0)
        return say_error(command_signal.name, "no descriptor left");
    wait.fd = interrupt_fd();
    for (;;) {
        int r = is_ready(pid, number);
        if (r > 0)
            return DONE;
        if (r < 0)
            return say_error(command_signal.name, "process %" PRId64 ": %s", pid,
                             say_errno(-r));
        if (wherry_now() >= deadline)
            return say_error(command_signal.name,
                             "process %" PRId64 " neither blocks nor handles %s", pid,
                             choices->words[0]);
        (void)poll(&wait, 1, LOOK_MILLISECONDS);
        if (interrupted())
            return FAILED;
    }
}

static int send_to(const struct choices *choices, const char *process, int64_t number)
{
    char address[ADDRESS];
    wherry_channel *channel;
    (void)snprintf(address, sizeof(address), "signal:%s?signal=%" PRId64, process,
                   number);
    int r = wherry_dial(address, WHERRY_POLL, &channel);
    if (r < 0)
        return say_error(command_signal.name, "%s", wherry_error_text());
    int status = choices->ready
                     ? wait_until_ready(choices, strtol(process, NULL, 10), number)
                     : DONE;
    if (status == DONE) {
        const size_t size = choices->has_value ? sizeof(choices->value) : 0;
        r = wherry_write(channel, &choices->value, size, 0, 0, open_deadline(choices));
        if (r < 0)
            status = say_error(command_signal.name, "%s", wherry_error_text());
    }
    wherry_close(channel);
    return status;
}

static bool is_process(const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= DIGITS && !text[digits] &&
           strtol(text, NULL, 10) > 0;
}

static int send_all(const struct choices *choices)
{
    int number = wherry_signal_number(choices->words[0]);
    if (number < 0)
        return say_usage(command_signal.name, "%s", wherry_error_text());
    if (choices->word_count < 2)
        return say_usage(command_signal.name, "to which process?  wherry signal %s PID",
                         choices->words[0]);
    for (int i = 1; i < choices->word_count; i++) {
        const char *process = choices->words[i];
        if (!is_process(process))
            return say_usage(command_signal.name, "%s is no process's number", process);
    }
    if (choices->ready && (number == SIGKILL || number == SIGSTOP))
        return say_usage(command_signal.name,
                         "--ready: no process can block or handle %s",
                         choices->words[0]);
    int status = DONE;
    for (int i = 1; i < choices->word_count && !interrupted(); i++)
        if (send_to(choices, choices->words[i], number) != DONE)
            status = FAILED;
    return status;
}

/* --- the verb ------------------------------------------------------------ */

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_signal, argc, argv, 1, -1, &choices) != DONE)
        return USAGE;
    if (choices.wait && (choices.has_value || choices.ready))
        return say_usage(command_signal.name, "--%s is for sending, --wait receives",
                         choices.ready ? "ready" : "value");
    if (!choices.wait && choices.count)
        return say_usage(command_signal.name, "--count is for --wait");
    return choices.wait ? wait_for_signals(&choices) : send_all(&choices);
}

static const struct setting *const settings[] = {
    &setting_value,        &setting_ready,   &setting_await,
    &setting_signal_count, &setting_timeout, NULL};

const struct command command_signal = {
    .name = "signal",
    .arguments = "[--value N] SIGNAL PID…, or --wait SIGNAL…",
    .summary = "Sends a signal with a number, or prints those that arrive.",
    .settings = settings,
    .help = "SIGNAL is a name or a number: USR1, TERM, RTMIN+3, 10.  Standard signals\n"
            "merge while they are pending, those from RTMIN to RTMAX are queued, each\n"
            "with its number.  --wait prints a line for each: its name, its number if\n"
            "it has one, and who sent it, with tabs between them.\n"
            "\n"
            "Example:\n"
            "  wherry signal --wait --count 1 RTMIN &\n"
            "  wherry signal --ready --value 7 RTMIN $!\n"
            "  wait\n",
    .run = run,
};
