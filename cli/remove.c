/* SPDX-License-Identifier: MIT */
/*
 * remove: removes what outlives its processes.
 */
#include "objects.h"
#include "say.h"

static const struct setting *const settings[] = {
    &setting_orphans, &setting_dry_run,      &setting_older,
    &setting_yes,     &setting_json_orphans, NULL};

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_remove, argc, argv, 0, -1, &choices) != DONE)
        return USAGE;
    if (choices.orphans)
        return orphans_remove(command_remove.name, &choices);
    if (choices.dry_run || choices.yes || choices.json || choices.older)
        return say_usage(command_remove.name, "its options go with --orphans");
    if (choices.word_count == 0)
        return say_usage(command_remove.name, "something is missing: wherry %s %s",
                         command_remove.name, command_remove.arguments);
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
    .arguments = "[OPTION…] [ADDRESS…]",
    .summary = "Removes queues, regions, semaphores, FIFOs, and unused sockets.",
    .settings = settings,
    .help =
        "What waits in a queue goes with it; whoever has it or a region open goes on,\n"
        "and whoever has a sem: open; who waits in a semv: hears that it is gone.\n"
        "A socket that somebody listens at stays.  With --orphans the words are\n"
        "patterns, 'shm:/charts-*' or shm:; it shows what it will remove, and asks.\n"
        "\n"
        "Example:\n"
        "  wherry send mq:/pier ahoy\n"
        "  wherry remove mq:/pier\n",
    .run = run,
};
