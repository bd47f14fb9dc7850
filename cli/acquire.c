/* SPDX-License-Identifier: MIT */
/*
 * acquire: a command within a turn, as flock(1) does it for files.
 *
 * Where a permit stays with its process through execve(2), and the system gives it back
 * at the end of that (lease:, semv: with undo), this process becomes the command:
 * nobody can take the turn from under it, and nobody has to give it back.  Of a sem:
 * the command is a child, and the permit is given back after it.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "programs.h"
#include "say.h"

// As env(1) and timeout(1) have them, beside those of the command.
enum { LATE = 124, NOT_DONE = 125, NOT_RUN = 126, NOT_FOUND = 127 };

static int fail(const char *why)
{
    (void)say_error(command_acquire.name, "%s", why);
    return NOT_DONE;
}

static const char *put_permits(struct choices *choices, const char *value)
{
    return settings_read_number(value, 1, &choices->count) &&
                   choices->count <= INT32_MAX
               ? NULL
               : "a number from 1 to 2147483647";
}

static const char *put_patience(struct choices *choices, const char *value)
{
    return settings_read_time(value, &choices->timeout);
}

static const struct setting setting_permits = {
    "count", "N", "So many permits at once; usually 1.", put_permits};
static const struct setting setting_patience = {
    "timeout", "TIME", "Gives up when there is no turn by then: 500ms, 2s, 10min.",
    put_patience};

static const struct setting *const settings[] = {&setting_permits, &setting_patience,
                                                 NULL};

/* --- the turn ------------------------------------------------------------ */

// DONE, or the exit status.
static int wait_for_turn(wherry_semaphore *semaphore, const struct choices *choices)
{
    const uint32_t count = choices->count ? (uint32_t)choices->count : 1;
    const wherry_deadline deadline =
        choices->timeout ? wherry_after(choices->timeout) : WHERRY_FOREVER;
    interrupt_watch_semaphore(semaphore);
    int r = wherry_acquire(semaphore, count, deadline);
    interrupt_forget_semaphore();
    if (r == -ETIMEDOUT) {
        (void)say_error(command_acquire.name,
                        "%s: no turn within the time of --timeout", choices->words[0]);
        return LATE;
    }
    if (r == -ECANCELED)
        return FAILED; // dies by the signal
    return r < 0 ? fail(wherry_error_text()) : DONE;
}

// What goes with whoever made it needs that one to be there, and remove it.
static bool goes_with_process(const wherry_semaphore *semaphore)
{
    struct wherry_semaphore_info info;
    return wherry_semaphore_describe(semaphore, &info, sizeof(info)) >= 0 &&
           info.undo && !info.temporary;
}

static int become(char *const *command)
{
    interrupt_forget_all();
    (void)signal(SIGPIPE, SIG_DFL); // as a process that is started has it
    (void)execvp(command[0], command);
    const int error = errno;
    (void)say_error(command_acquire.name, "%s: %s", command[0], strerror(error));
    return error == ENOENT ? NOT_FOUND : NOT_RUN;
}

static int run_and_release(wherry_semaphore *semaphore, struct choices *choices)
{
    struct wherry_plan plan = {
        .file = choices->words[1],
        .arguments = (const char *const *)(choices->words + 2),
    };
    struct programs programs = {.verb = command_acquire.name,
                                .choices = choices,
                                .plans = &plan,
                                .names = choices->words + 1,
                                .count = 1};
    const uint32_t count = choices->count ? (uint32_t)choices->count : 1;
    choices->timeout = 0;        // that was for the turn
    choices->start.quiet = true; // its exit status says it
    int status = programs_run(&programs);
    if (wherry_release(semaphore, count) < 0)
        return fail(wherry_error_text());
    return status;
}

static int run(int argc, char **argv)
{
    struct choices choices;
    wherry_semaphore *semaphore = NULL;
    if (settings_read(&command_acquire, argc, argv, 2, -1, &choices) != DONE)
        return USAGE;
    const char *address = choices.words[0];
    if (wherry_address_check(address) < 0)
        return say_bad_address(command_acquire.name, address, wherry_error_text());
    if (interrupt_begin() < 0)
        return fail("no descriptor left");
    if (wherry_semaphore_open(address, &semaphore) < 0)
        return fail(wherry_error_text());
    int status = wait_for_turn(semaphore, &choices);
    if (status == DONE)
        status = goes_with_process(semaphore) ? become(choices.words + 1)
                                              : run_and_release(semaphore, &choices);
    wherry_semaphore_close(semaphore);
    return status;
}

const struct command command_acquire = {
    .name = "acquire",
    .arguments = "[OPTION…] ADDRESS -- COMMAND [ARGUMENT…]",
    .summary =
        "Runs a command within a turn of a semaphore, as flock(1) does of a file.",
    .settings = settings,
    .help =
        "Waits for a permit, runs COMMAND, and gives the permit back when that has\n"
        "ended, however it did.  The semaphore is made if it is not there, with the\n"
        "permits= of ADDRESS.  Options of COMMAND stand behind --.\n"
        "\n"
        "The exit status is that of COMMAND; 124 when there was no turn in time, 125\n"
        "when there cannot be one, 126 when COMMAND could not be run, 127 when it was\n"
        "not found.\n"
        "\n"
        "Example:\n"
        "  wherry acquire --timeout 10s 'lease:build?permits=2' -- echo my turn\n"
        "  wherry describe lease:build\n"
        "  wherry remove lease:build\n",
    .run = run,
};
