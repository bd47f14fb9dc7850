/* SPDX-License-Identifier: MIT */
/*
 * listen: the server's side of a conversation.
 */
#include "interrupt.h"
#include "open.h"
#include "talk.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_listen, argc, argv, 1, 1, &choices) != DONE)
        return USAGE;
    struct input input = {.raw = choices.raw};
    struct opening opening = {
        .verb = command_listen.name, .choices = &choices, .listens = true};
    struct talk_plan plan = {.verb = command_listen.name,
                             .choices = &choices,
                             .way = TALK_BOTH,
                             .input = &input};
    struct opened opened;
    int status = open_channel(&opening, choices.words[0], &opened);
    if (status != DONE)
        return status;
    do {
        status = talk(opened.channel, &plan);
    } while (choices.keep && !interrupted() && open_next(&opening, &opened) == DONE);
    open_close(&opened);
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
    .help = "Each line of stdin is sent as a message, each message that arrives is a "
            "line of\n"
            "stdout, both at once.  The end of stdin is told to the peer; the program "
            "ends when\n"
            "the peer has ended too.\n"
            "\n"
            "Example:\n"
            "  wherry listen unix:pier > heard &\n"
            "  echo ahoy | wherry dial --wait unix:pier\n"
            "  wait; cat heard\n",
    .run = run,
};
