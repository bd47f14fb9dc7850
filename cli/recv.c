/* SPDX-License-Identifier: MIT */
/*
 * recv: prints what arrives.
 */
#include "help.h"
#include "say.h"
#include "talk.h"

// What has one peer is asked for its end, not for what is there; and what is picked
// here, in this program, would be taken out of a queue for ever with all before it.
static int refuses(const struct choices *choices, const char *address)
{
    const struct wherry_mechanism *mechanism = mechanism_of(address);
    unsigned abilities = mechanism ? mechanism->abilities : 0;
    if (choices->all && abilities & WHERRY_ABLE_DUPLEX)
        return say_usage(command_recv.name,
                         "--all is for queues and FIFOs: %s has a peer, "
                         "who comes to an end",
                         address);
    bool is_queue = (abilities & WHERRY_ABLE_OUTLIVES) != 0;
    if (choices->kind != 0 && is_queue && !(abilities & WHERRY_ABLE_PICK))
        return say_usage(command_recv.name,
                         "--kind: %s gives the highest kind first, and what was passed "
                         "over would be lost: take all of it with --show-kind",
                         address);
    return DONE;
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_recv, argc, argv, 1, 1, &choices) != DONE)
        return USAGE;
    if (refuses(&choices, choices.words[0]) != DONE)
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
