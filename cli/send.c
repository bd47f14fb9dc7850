/* SPDX-License-Identifier: MIT */
/*
 * send: messages to whoever listens, until it has taken them.
 */
#include "open.h"
#include "talk.h"

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_send, argc, argv, 1, -1, &choices) != DONE)
        return USAGE;
    struct input input = {.raw = choices.raw};
    struct opening opening = {.verb = command_send.name,
                              .choices = &choices,
                              .listens = choices.listen,
                              .publishes = true};
    struct talk_plan plan = {.verb = command_send.name,
                             .choices = &choices,
                             .way = TALK_SEND,
                             .input = &input,
                             .words = choices.words + 1,
                             .word_count = choices.word_count - 1};
    struct opened opened;
    int status = open_channel(&opening, choices.words[0], &opened);
    if (status == DONE)
        status = talk_or_publish(&opened, &plan);
    open_close(&opened);
    input_free(&input);
    return status;
}

static const struct setting *const settings[] = {
    &setting_listen,  &setting_wait,    &setting_raw,
    &setting_framing, &setting_kind,    &setting_file,
    &setting_count,   &setting_timeout, NULL};

const struct command command_send = {
    .name = "send",
    .arguments = "[OPTION…] ADDRESS [WORD…]",
    .summary = "Sends each word, or each line of stdin, as a message.",
    .settings = settings,
    .help = "It ends when the peer's program has received all of them, where the\n"
            "channel can tell (`wherry` framing, both ways), else when the system has\n"
            "them.  What the peer sends is thrown away.\n"
            "\n"
            "Example:\n"
            "  wherry send fifo:boat ahoy 'cast off' &\n"
            "  wherry recv fifo:boat\n",
    .run = run,
};
