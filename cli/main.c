/* SPDX-License-Identifier: MIT */
/*
 * The program `wherry`: finds the verb, runs it, and ends as a program should.
 *
 * SIGPIPE is ignored while a verb runs, so that it can clean up; whoever was stopped by
 * a signal, or by a reader of stdout that left, dies by that signal afterwards.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "complete.h"
#include "help.h"
#include "interrupt.h"
#include "say.h"
#include "settings.h"

const struct command *const commands[] = {
    &command_tour,       &command_listen, &command_dial,     &command_send,
    &command_recv,       &command_relay,  &command_signal,   &command_remove,
    &command_transports, &command_choose, &command_describe, &command_region,
    &command_acquire,    &command_run,    &command_pipe,     &command_fds,
    &command_list,       &command_bench,  &command_help,     NULL,
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[sizeof(commands) / sizeof(commands[0])] = {NULL};
    for (size_t i = 0; commands[i]; i++)
        names[i] = commands[i]->name;
    const char *nearest = nearest_name(name, names);
    return say_usage(NULL, "there is no verb \"%s\"%s%s%s", name,
                     nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "");
}

static bool asks_for_help(const struct command *command, int argc, char **argv)
{
    // What a program is asked stands behind its name.
    if (command->ends_at_word && argc > 2)
        argc = 2;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        help_verbs(stderr);
        return USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return printf("wherry %s\n", WHERRY_VERSION), DONE;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help_verbs(stdout), DONE;
    if (strcmp(name, "--complete") == 0)
        return complete(argc - 2, argv + 2);
    const struct command *command = find(name);
    if (!command)
        return name[0] == '-'
                   ? say_usage(NULL, "there is no option %s before the verb", name)
                   : unknown(name);
    if (asks_for_help(command, argc - 1, argv + 1))
        return help_command(command), DONE;
    return command->run(argc - 1, argv + 1);
}

// What was printed may have failed to arrive.
static int flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno == EPIPE)
        interrupt_note(SIGPIPE);
    else if (status == DONE)
        return say_error(NULL, "stdout: %s", say_errno(errno));
    return status;
}

// A closed 0, 1 or 2 must not become a pipe or socket of our own.  What stands in its
// place can neither be read nor written (open(2), O_PATH), so using it is EBADF as
// before.
static void fill_closed_descriptors(void)
{
    int fd;
    do
        fd = open("/", O_PATH);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

int main(int argc, char **argv)
{
    fill_closed_descriptors();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); // or nobody could learn how a program ended
    int status = flush(run(argc, argv));
    interrupt_end();
    return status;
}
