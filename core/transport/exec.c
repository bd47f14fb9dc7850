/* SPDX-License-Identifier: MIT */
/*
 * exec:COMMAND - a command that is started for the channel, through its stdin and
 * stdout.
 *
 * Its end is the end of the channel: an orderly one after exit 0, all else is
 * -ECONNRESET, which says how it ended.  What it wrote before that is all received;
 * what it started and left behind with its stdout open is not waited for.  Close gives
 * it the end of its stdin and time to go, then signals.
 */
#include "transport/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"
#include "process/process.h"

enum { ENDING = 128, STANDARD_ERROR = 2 };

static const struct wherry_option own_options[] = {
    {.name = "grace",
     .type = WHERRY_OPTION_DURATION,
     .standard = "2s",
     .least = 0,
     .most = INT64_C(3600000000000),
     .help = "How long close waits for its end once its stdin has ended; then SIGTERM "
             "is sent to it and what it started, and SIGKILL after as long again."},
    {.name = "stderr",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "parent",
     .choices = "parent|null",
     .help = "Where what it says to stderr goes: where this program's does, or "
             "nowhere."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, line_framing_options,
                                                      channel_options, NULL};

/* The child behind a channel.  The receiving thread asks how it ended; close ends it.
 */
struct command {
    wherry_process *process;
    int watch; /* its stdout and its end */
    int64_t grace;
};

static int exec_check(const struct address *address)
{
    return command_check(address_rest(address));
}

/* --- its end ------------------------------------------------------------- */

// After fork(2) it is no child of ours, and runs; or somebody else has waited for it.
static int how_it_ended_for_others(const struct command *command)
{
    struct os_wait end = {.fd = command->process->fd, .events = os_wait_in};
    return os_wait(&end, 1, WHERRY_POLL) == 1
               ? failure(-ECONNRESET, "process %lld has ended, and how is not known",
                         (long long)wherry_process_id(command->process))
               : -EAGAIN;
}

static int how_it_ended(void *own)
{
    const struct command *command = own;
    struct wherry_exit exit;
    char text[ENDING] = "";
    int r = wherry_process_wait(command->process, &exit, sizeof(exit), WHERRY_POLL);
    if (r == -ECHILD)
        return how_it_ended_for_others(command);
    if (r < 0 || exit.code == 0)
        return r;
    (void)wherry_exit_text(&exit, text, sizeof(text));
    return failure(-ECONNRESET, "process %lld: %s",
                   (long long)wherry_process_id(command->process), text);
}

// It has a grace after each of the three: the end of its stdin, SIGTERM, SIGKILL.
static void end_command(const struct command *command)
{
    const int signals[] = {0, os_signal_term, os_signal_kill};
    int r = -ETIMEDOUT;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && r == -ETIMEDOUT;
         i++) {
        if (signals[i] != 0)
            (void)tree_kill(command->process, signals[i]);
        int64_t patience = tree_patience(signals[i], command->grace);
        r = wherry_process_wait(command->process, NULL, 0,
                                deadline_add(wherry_now(), patience));
    }
}

static void leave_command(void *own)
{
    struct command *command = own;
    struct failure_aside why;
    failure_put_aside(&why);
    if (command->process)
        end_command(command);
    wherry_process_close(command->process);
    os_close(command->watch);
    free(command);
    failure_bring_back(&why);
}

/* --- its beginning ------------------------------------------------------- */

static struct os_descriptor take_pipe(struct command *command, int number)
{
    struct process_end end = {.fd = -1};
    (void)process_take_end(command->process, number, &end);
    os_pipe_widen(end.fd, (size_t)pipe_room());
    return (struct os_descriptor){
        .fd = end.fd, .kind = OS_KIND_PIPE, .nonblocking = true, .owned = true};
}

static int start(const struct address *address, struct command *command)
{
    const bool is_quiet =
        address_number(address, "stderr") == 1 || !os_is_open(STANDARD_ERROR);
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_PIPE},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = is_quiet ? WHERRY_FROM_NULL : WHERRY_FROM_PARENT}};
    const struct wherry_plan plan = {.command = address_rest(address),
                                     .laid = laid,
                                     .laid_count = sizeof(laid) / sizeof(laid[0])};
    command->grace = address_number(address, "grace");
    command->watch = os_watch_new();
    if (command->watch < 0)
        return failure_plain(command->watch, "waiting for a process");
    return process_spawn(&plan, PROCESS_ALONE, &command->process);
}

static int open_ends(const struct address *address, struct command *command,
                     struct endpoint *out)
{
    struct os_descriptor in = take_pipe(command, 1);
    int r = os_watch_add(command->watch, in.fd, os_wait_in);
    if (r >= 0)
        r = os_watch_add(command->watch, command->process->fd, os_wait_in);
    if (r < 0) {
        os_release(&in);
        return failure_plain(r, "waiting for a process");
    }
    endpoint_show(out, address_text(address));
    out->peer.pid = wherry_process_id(command->process);
    out->peer.trust = WHERRY_TRUST_CREATOR;
    return stream_new(
        &(struct stream_plan){.address = address,
                              .in = in,
                              .out = take_pipe(command, 0),
                              .abilities = transport_exec.mechanism.abilities,
                              .words = true,
                              .life = {.watch = command->watch,
                                       .end = how_it_ended,
                                       .leave = leave_command,
                                       .own = command}},
        out);
}

static int exec_dial(const struct address *address, wherry_deadline deadline,
                     struct endpoint *out)
{
    (void)deadline; // starting cannot be waited for
    struct command *command = calloc(1, sizeof(*command));
    if (!command)
        return failure_plain(-ENOMEM, "no memory for a channel");
    command->watch = -1;
    int r = start(address, command);
    if (r >= 0)
        r = open_ends(address, command, out);
    if (r < 0)
        leave_command(command);
    return r < 0 ? failure_prefix(r, "%s", address_text(address)) : 0;
}

const struct transport transport_exec = {
    .mechanism = {.scheme = "exec",
                  .usage = "exec:COMMAND",
                  .mechanism = "a child's stdin and stdout",
                  .summary = "To a command that is started for it, through its stdin "
                             "and stdout.",
                  .example = "exec?framing=raw:grep -i wherry",
                  .abilities = WHERRY_ABLE_DIAL | WHERRY_ABLE_SEND | WHERRY_ABLE_RECV |
                               WHERRY_ABLE_DUPLEX | WHERRY_ABLE_KINDS |
                               WHERRY_ABLE_FINISH | WHERRY_ABLE_DRAIN |
                               WHERRY_ABLE_FRAMING | WHERRY_ABLE_DESCRIPTOR,
                  .traits =
                      WHERRY_TRAIT_SHELL | WHERRY_TRAIT_STARTS | WHERRY_TRAIT_COMMAND,
                  .framing = "line",
                  .limit = "message= (bytes, any number)",
                  .systems = "POSIX"},
    .options = options,
    .options_first = true,
    .check = exec_check,
    .dial = exec_dial,
};
