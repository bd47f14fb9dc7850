/* SPDX-License-Identifier: MIT */
/*
 * relay: two addresses joined, or one with itself.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "open.h"
#include "progress.h"
#include "say.h"

struct joined {
    const struct choices *choices;
    const wherry_channel *first;
    const char *names[2];
    int64_t moved[2];
    struct progress progress;
};

static void left(const struct joined *joined, int side, int error)
{
    say_notice(command_relay.name, "left %s after %" PRId64 " messages%s%s",
               joined->names[side], joined->moved[side], error ? ": " : "",
               error ? say_errno(error) : "");
}

static void notice(void *user, const struct wherry_relay_notice *news)
{
    struct joined *joined = user;
    int side = news->from != joined->first;
    if (news->event == WHERRY_RELAY_MOVED) {
        joined->moved[side]++;
        progress_add(&joined->progress, wherry_message_size(news->message));
        return;
    }
    progress_end(&joined->progress);
    if (news->event == WHERRY_RELAY_LEFT)
        left(joined, side, news->error);
    else if (joined->names[1])
        say_notice(command_relay.name, "joined %s and %s", joined->names[0],
                   joined->names[1]);
    else
        say_notice(command_relay.name, "joined %s (echo)", joined->names[0]);
}

static int join(wherry_channel *first, wherry_channel *second, struct joined *joined)
{
    struct wherry_channel_info info[2];
    wherry_describe(first, &info[0], sizeof(info[0]));
    joined->first = first;
    joined->names[0] = info[0].address;
    joined->moved[0] = joined->moved[1] = 0;
    if (second) {
        wherry_describe(second, &info[1], sizeof(info[1]));
        joined->names[1] = info[1].address;
    }
    struct wherry_relay_options options = {
        .one_way = joined->choices->one_way, .notice = notice, .user = joined};
    progress_begin(&joined->progress, command_relay.name, true);
    int r = wherry_relay(first, second, &options, WHERRY_FOREVER);
    progress_end(&joined->progress);
    if (r < 0 && !interrupted())
        return say_error(command_relay.name, "%s", wherry_error_text());
    return r < 0 ? FAILED : DONE;
}

// One after another: first the one that is waited for.
static int serve(struct opening opening[2], const struct choices *choices,
                 struct opened opened[2])
{
    bool is_echo = choices->word_count == 1;
    struct joined joined = {.choices = choices};
    int status = open_channel(&opening[0], choices->words[0], &opened[0]);
    if (status == DONE && !is_echo)
        status = open_channel(&opening[1], choices->words[1], &opened[1]);
    while (status == DONE) {
        status = join(opened[0].channel, opened[1].channel, &joined);
        if (!choices->keep || interrupted())
            break;
        // What went wrong with this peer has been said; the next one is another.
        status = open_next(&opening[0], &opened[0]);
        if (status == DONE && !is_echo)
            status = open_next(&opening[1], &opened[1]);
    }
    return status;
}

static int run(int argc, char **argv)
{
    struct choices choices;
    if (settings_read(&command_relay, argc, argv, 1, 2, &choices) != DONE)
        return USAGE;
    struct opening opening[2] = {
        {.verb = command_relay.name, .choices = &choices, .listens = !choices.dial},
        {.verb = command_relay.name, .choices = &choices, .listens = choices.listen}};
    struct opened opened[2] = {{.address = NULL}, {.address = NULL}};
    // Both before the first is waited for.
    int status = DONE;
    for (int i = 0; i < choices.word_count && status == DONE; i++) {
        open_either_way(&opening[i], choices.words[i]);
        status = open_check(&opening[i], choices.words[i]);
    }
    if (status == DONE)
        status = serve(opening, &choices, opened);
    open_close(&opened[1]);
    open_close(&opened[0]);
    return status;
}

static const struct setting *const settings[] = {
    &setting_dial, &setting_listen,  &setting_wait,    &setting_keep, &setting_one_way,
    &setting_raw,  &setting_framing, &setting_timeout, NULL};

const struct command command_relay = {
    .name = "relay",
    .arguments = "[OPTION…] ADDRESS [ADDRESS]",
    .summary = "Joins two addresses; one alone is an echo.",
    .settings = settings,
    .help =
        "It listens at the first address and dials the second, each with its own\n"
        "framing; --dial dials both, --listen listens at both.  Kinds and open\n"
        "files go across where both can carry them.  Who joined and left is told on\n"
        "stderr.\n"
        "\n"
        "Example:\n"
        "  wherry recv unix:far > heard &\n"
        "  wherry relay --wait unix:near unix:far &\n"
        "  wherry send --wait unix:near ahoy\n"
        "  wait; cat heard\n",
    .run = run,
};
