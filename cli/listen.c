/* SPDX-License-Identifier: MIT */
/*
 * listen: the server's side of a conversation.
 */
#include "talk.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_listen, argc, argv, 1, 1, &choices) != DONE)
        return USAGE;
    struct input input = {.raw = choices.raw};
    struct talk_plan plan = {.verb = command_listen.name,
                             .choices = &choices,
                             .way = TALK_BOTH,
                             .input = &input};
    int status = talk_and_keep(choices.words[0], &plan);
    input_free(&input);
    return status;
}

static const struct setting *const settings[] = {
    &setting_keep,        &setting_raw,
    &setting_framing,     &setting_kind,
    &setting_file,        &setting_count,
    &setting_timeout,     &setting_show_kind,
    &setting_show_sender, NULL};

const struct command command_listen = {
    .name = "listen",
    .arguments = "[OPTION…] ADDRESS",
    .summary = "Waits for a peer and talks: stdin to it, what it sends to stdout.",
    .settings = settings,
    .help = "Each line of stdin is sent as a message, each message that arrives is a\n"
            "line of stdout, both at once.  The end of stdin is told to the peer; the\n"
            "program ends when the peer has ended too.  A topic\n"
            "(local:NAME?fan=broadcast) is published to: each line of stdin goes to\n"
            "all who read it, the first once there is a reader.\n"
            "\n"
            "Example:\n"
            "  wherry listen unix:pier > heard &\n"
            "  echo ahoy | wherry dial --wait unix:pier\n"
            "  wait; cat heard\n",
    .run = run,
};
