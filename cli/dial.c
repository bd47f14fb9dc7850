/* SPDX-License-Identifier: MIT */
/*
 * dial: the client's side of a conversation.
 */
#include "open.h"
#include "talk.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_dial, argc, argv, 1, 1, &choices) != DONE)
        return USAGE;
    struct input input = {.raw = choices.raw};
    struct opening opening = {.verb = command_dial.name, .choices = &choices};
    struct talk_plan plan = {.verb = command_dial.name,
                             .choices = &choices,
                             .way = TALK_BOTH,
                             .input = &input};
    struct opened opened;
    int status = open_channel(&opening, choices.words[0], &opened);
    if (status == DONE)
        status = talk(opened.channel, &plan);
    open_close(&opened);
    input_free(&input);
    return status;
}

static const struct setting *const settings[] = {
    &setting_wait,        &setting_raw,
    &setting_framing,     &setting_kind,
    &setting_file,        &setting_count,
    &setting_timeout,     &setting_show_kind,
    &setting_show_sender, NULL};

const struct command command_dial = {
    .name = "dial",
    .arguments = "[OPTION…] ADDRESS",
    .summary = "Dials a peer and talks: stdin to it, what it sends to stdout.",
    .settings = settings,
    .help = "Each line of stdin is sent as a message, each message that arrives is a\n"
            "line of stdout, both at once.  The end of stdin is told to the peer; the\n"
            "program ends when the peer has ended too.\n"
            "\n"
            "Example:\n"
            "  wherry relay unix:echo &\n"
            "  echo ahoy | wherry dial --wait unix:echo\n",
    .run = run,
};
