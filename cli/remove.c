/* SPDX-License-Identifier: MIT */
/*
 * remove: removes what outlives its processes.
 */
#include "say.h"
#include "settings.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_remove, argc, argv, 1, -1, &choices) != DONE)
        return USAGE;
    for (int i = 0; i < choices.word_count; i++)
        if (wherry_address_check(choices.words[i]) < 0)
            return say_bad_address(command_remove.name, choices.words[i],
                                   wherry_error_text());
    int status = DONE;
    for (int i = 0; i < choices.word_count; i++)
        if (wherry_remove(choices.words[i]) < 0)
            status = say_error(command_remove.name, "%s", wherry_error_text());
    return status;
}

const struct command command_remove = {
    .name = "remove",
    .arguments = "ADDRESS…",
    .summary = "Removes queues, regions, FIFOs, and sockets that nobody listens at.",
    .help =
        "What waits in a queue goes with it; whoever has it or a region open goes on.\n"
        "A socket that somebody listens at stays.\n"
        "\n"
        "Example:\n"
        "  wherry send mq:/pier ahoy\n"
        "  wherry remove mq:/pier\n",
    .run = run,
};
