/* SPDX-License-Identifier: MIT */
/*
 * The program `wherry`: one file a verb (tour and bench have a folder), each with one
 * struct command, listed in main.c.
 *
 * A verb gets its own arguments, argv[0] being its name.  It returns the exit status:
 * DONE, FAILED (said on stderr what and what would work) or USAGE.  `--help` among them
 * is main's to answer.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry.h>

enum status { DONE = 0, FAILED = 1, USAGE = 2 };

struct setting; /* settings.h */

struct command {
    const char *name;
    const char *arguments; /* "[--count N] ADDRESS" */
    const char *summary;   /* one line of `wherry help` */
    /* NULL, or its options, ending with NULL: --help lists them after the usage line.
     */
    const struct setting *const *settings;
    /* What --help prints then: what it does, options that are not in `settings`, and
     * last a line "Example:" and commands that work when pasted, each after two blanks.
     */
    const char *help;
    /* What follows its first word is another program's: no options are looked for. */
    bool ends_at_word;
    int (*run)(int argc, char **argv);
};

extern const struct command command_tour, command_dial, command_listen, command_send,
    command_recv, command_relay, command_signal, command_remove, command_transports,
    command_choose, command_describe, command_region, command_acquire, command_run,
    command_pipe, command_fds, command_list, command_bench, command_help;

/* The table of main.c; ends with NULL. */
extern const struct command *const commands[];

#endif
