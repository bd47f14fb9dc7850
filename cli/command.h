/* SPDX-License-Identifier: MIT */
/*
 * The program `wherry`: one file a verb, each with one struct command, listed in main.c.
 *
 * A verb gets its own arguments, argv[0] being its name.  It returns the exit status: DONE,
 * FAILED (said on stderr what and what would work) or USAGE.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include <wherry.h>

enum status { DONE = 0, FAILED = 1, USAGE = 2 };

struct command {
    const char *name;
    const char *arguments; /* "[--count N] ADDRESS" */
    const char *summary;   /* one line of `wherry help` */
    const char *help;      /* what --help prints after the usage line: options, an example
                              that works when pasted, exit status */
    int (*run)(int argc, char **argv);
};

extern const struct command command_tour, command_dial, command_listen, command_send,
    command_recv, command_relay, command_transports, command_describe, command_bench,
    command_help;

/* The table of main.c; ends with NULL. */
extern const struct command *const commands[];

#endif
