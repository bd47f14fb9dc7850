/* SPDX-License-Identifier: MIT */
/*
 * pipe: starts programs in a row, each reading what the one before it writes.
 */
#include <stdlib.h>

#include "programs.h"
#include "say.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_pipe, argc, argv, 1, -1, &choices) != DONE ||
        programs_check(command_pipe.name, &choices) != DONE)
        return USAGE;
    const size_t count = (size_t)choices.word_count;
    struct wherry_plan *plans = calloc(count, sizeof(*plans));
    if (!plans)
        return say_error(command_pipe.name, "no memory");
    for (size_t i = 0; i < count; i++) {
        plans[i].command = choices.start.shell ? NULL : choices.words[i];
        plans[i].line = choices.start.shell ? choices.words[i] : NULL;
    }
    struct programs programs = {.verb = command_pipe.name,
                                .choices = &choices,
                                .plans = plans,
                                .names = choices.words,
                                .count = count};
    int status = programs_run(&programs);
    free(plans);
    return status;
}

const struct command command_pipe = {
    .name = "pipe",
    .arguments = "[OPTION…] COMMAND…",
    .summary = "Runs programs in a row, each reading what the one before it writes.",
    .settings = pipe_settings,
    .help =
        "Each COMMAND is one word here: a program with its arguments, parted by\n"
        "blanks, in which quotes and backslashes keep a word together; with --shell,\n"
        "a line for sh(1).  They start together or not at all, and end as in a\n"
        "shell: one whose reader has gone by SIGPIPE.  How each ended is said on\n"
        "stderr unless it is exit 0.\n"
        "\n"
        "The exit status is that of the last one that failed (pipefail); otherwise as\n"
        "of run.\n"
        "\n"
        "Example:\n"
        "  wherry pipe 'cat /etc/passwd' 'cut -d : -f 7' sort 'uniq -c'\n"
        "  wherry pipe --timeout 10s 'ls -l' 'grep -c \"a b\"' || echo none\n",
    .run = run,
};
