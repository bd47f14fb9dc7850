/* SPDX-License-Identifier: MIT */
/*
 * recv: prints what arrives.
 */
#include "talk.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_recv, argc, argv, 1, 1, &choices) != DONE)
        return USAGE;
    struct talk_plan plan = {
        .verb = command_recv.name, .choices = &choices, .way = TALK_RECV};
    return talk_and_keep(choices.words[0], &plan);
}

static const struct setting *const settings[] = {
    &setting_dial,    &setting_keep,      &setting_wait,        &setting_raw,
    &setting_framing, &setting_pick_kind, &setting_count,       &setting_all_there,
    &setting_timeout, &setting_show_kind, &setting_show_sender, NULL};

const struct command command_recv = {
    .name = "recv",
    .arguments = "[OPTION…] ADDRESS",
    .summary = "Listens, and prints each message of one peer as a line.",
    .settings = settings,
    .help =
        "It ends when the peer has ended; of a queue, which has no end, --all takes\n"
        "what waits in it.  Open files that come with a message are told on stderr;\n"
        "with --raw the contents of regular ones go to stdout.\n"
        "\n"
        "Example:\n"
        "  wherry send --wait --kind 7 unix:pier ahoy &\n"
        "  wherry recv --show-kind unix:pier\n",
    .run = run,
};
