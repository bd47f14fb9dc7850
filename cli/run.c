/* SPDX-License-Identifier: MIT */
/*
 * run: starts a program with what the options lay out, and says how it ended.
 */
#include "programs.h"
#include "say.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_run, argc, argv, 1, -1, &choices) != DONE ||
        programs_check(command_run.name, &choices) != DONE)
        return USAGE;
    struct wherry_plan plan = {
        .file = choices.start.shell ? NULL : choices.words[0],
        .line = choices.start.shell ? choices.words[0] : NULL,
        .arguments = (const char *const *)(choices.words + 1),
    };
    struct programs programs = {.verb = command_run.name,
                                .choices = &choices,
                                .plans = &plan,
                                .names = choices.words,
                                .count = 1};
    return programs_run(&programs);
}

const struct command command_run = {
    .name = "run",
    .arguments = "[OPTION…] PROGRAM [ARGUMENT…]",
    .summary = "Runs a program with bounds, and says how it ended.",
    .settings = run_settings,
    .help =
        "Options of PROGRAM stand behind it.  It has exactly 0, 1 and 2 open, no\n"
        "signal blocked or ignored, and is stopped with all that it started.  How\n"
        "it ended is said on stderr unless it is exit 0.\n"
        "\n"
        "The exit status is that of PROGRAM; 128 and the signal that ended it; 124\n"
        "after --timeout, 125 after --max-output; 126 when it could not be run, 127\n"
        "when it was not found.\n"
        "\n"
        "With --channel a *.js is run by node and a *.py by python3; with them lines\n"
        "of JSON go to and fro (NODE_CHANNEL_FD), with programs any messages\n"
        "(WHERRY_CHANNEL).\n"
        "\n"
        "Example:\n"
        "  wherry run --timeout 10s --limit nofile=64 sort /etc/passwd\n"
        "  wherry run --json --shell 'echo out; echo err >&2'\n",
    .ends_at_word = true,
    .run = run,
};
