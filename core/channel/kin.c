/* SPDX-License-Identifier: MIT */
/*
 * Channels between a process and the one that started it.
 *
 * core/process deals in descriptors: what a process leaves of them becomes channels
 * here, with the options of fd:.
 */
#include "channel/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/process.h"

enum { ADDRESS = 512 };

/* --- their ends ---------------------------------------------------------- */

// Both are options of fd:, which is what it would be by its number.
static int read_options(const struct process_end *end, const char *options,
                        struct address **out)
{
    char text[ADDRESS];
    const struct transport *transport;
    const char *given = options ? options : "";
    const char *standard = "";
    if (end->sort != PROCESS_MESSAGES && !strstr(given, "framing="))
        standard = given[0] ? "framing=line&" : "framing=line";
    int length = snprintf(text, sizeof(text), "fd:%d?%s%s", end->fd, standard, given);
    if (length < 0 || (size_t)length >= sizeof(text))
        return failure(-EINVAL, "the options of a channel are at most %d bytes",
                       ADDRESS);
    return transport_address(text, &transport, out);
}

// Ours from the beginning: nothing has to be found out, and no flag is another's.
static int open_pipe(const struct process_end *end, const struct address *address,
                     struct endpoint *out)
{
    const struct os_descriptor pipe = {
        .fd = end->fd, .kind = OS_KIND_PIPE, .nonblocking = true, .owned = true};
    const bool reads = end->sort == PROCESS_READS;
    const unsigned ways =
        reads ? WHERRY_ABLE_RECV : WHERRY_ABLE_SEND | WHERRY_ABLE_FINISH;
    return stream_new(&(struct stream_plan){.address = address,
                                            .in = reads ? pipe : OS_DESCRIPTOR_NONE,
                                            .out = reads ? OS_DESCRIPTOR_NONE : pipe,
                                            .abilities = ways | WHERRY_ABLE_KINDS |
                                                         WHERRY_ABLE_FRAMING |
                                                         WHERRY_ABLE_DESCRIPTOR,
                                            .words = true},
                      out);
}

static int open_messages(const struct process_end *end, const struct address *address,
                         struct endpoint *out)
{
    struct os_descriptor socket;
    int r = os_adopt(end->fd, true, &socket);
    if (r < 0)
        return failure_plain(r, "the channel of a process");
    socket.owned = true;
    endpoint_identify(address, &socket, out);
    return endpoint_socket(address, socket, NULL, out);
}

static int open_end(const wherry_process *process, const struct process_end *end,
                    const struct address *address, wherry_channel **out)
{
    struct endpoint endpoint = {.moves = NULL};
    endpoint_show(&endpoint, address_text(address));
    const bool is_pipe = end->sort == PROCESS_READS || end->sort == PROCESS_WRITES;
    int r = is_pipe ? open_pipe(end, address, &endpoint)
                    : open_messages(end, address, &endpoint);
    if (r < 0)
        return r;
    snprintf(endpoint.address, sizeof(endpoint.address), "fd:%d of process %lld",
             end->number, (long long)process->pid);
    r = channel_begin(&endpoint, address, out);
    if (r >= 0)
        patience_expect_late(*out);
    return r;
}

int wherry_process_channel(wherry_process *process, int number, const char *options,
                           wherry_channel **out)
{
    struct process_end end;
    struct address *address = NULL;
    int r = process_take_end(process, number, &end);
    if (r < 0)
        return r;
    r = read_options(&end, options, &address);
    if (r < 0)
        process_give_back(process, &end);
    else
        r = open_end(process, &end, address, out);
    address_free(address);
    return r;
}

/* --- in the new process -------------------------------------------------- */

/* The variables by which a process is told of its channel. */
static const struct kinship {
    const char *variable;
    const char *standard; /* options of fd: */
    const char *mode;     /* another variable, NULL: none, and what it may say */
    const char *mode_known;
} kinships[] = {
    {PROCESS_CHANNEL, "close=yes", NULL, NULL},
    {PROCESS_NODE_CHANNEL, "close=yes&framing=line", "NODE_CHANNEL_SERIALIZATION_MODE",
     "json"},
};

static int read_number(const struct kinship *kinship, const char *text)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    struct os_descriptor found;
    bool is_number = text[0] >= '0' && text[0] <= '9' && !*end && !errno &&
                     number <= PROCESS_NUMBER_MOST;
    if (!is_number || os_inspect((int)number, &found) < 0 || !os_is_socket(&found))
        return failure(-EBADF, "%s=%s: no socket is open at that number",
                       kinship->variable, text);
    return (int)number;
}

static int check_mode(const struct kinship *kinship)
{
    const char *mode = kinship->mode ? os_environment_get(kinship->mode) : NULL;
    if (!mode || strcmp(mode, kinship->mode_known) == 0)
        return 0;
    return failure(-ENOTSUP, "%s=%s: only %s is understood here", kinship->mode, mode,
                   kinship->mode_known);
}

static int meet(const struct kinship *kinship, const char *text, wherry_channel **out)
{
    int number = read_number(kinship, text);
    int r = number < 0 ? number : check_mode(kinship);
    char address[ADDRESS];
    snprintf(address, sizeof(address), "fd:%d?%s", number, kinship->standard);
    if (r >= 0)
        r = wherry_dial(address, WHERRY_POLL, out);
    if (r < 0)
        return r;
    os_environment_take(kinship->variable);
    if (kinship->mode)
        os_environment_take(kinship->mode);
    return 0;
}

int wherry_parent(wherry_channel **out)
{
    for (size_t i = 0; i < sizeof(kinships) / sizeof(kinships[0]); i++) {
        const char *text = os_environment_get(kinships[i].variable);
        if (text)
            return meet(&kinships[i], text, out);
    }
    return failure(-ENOENT,
                   "this process was started without a channel to its parent "
                   "(" PROCESS_CHANNEL " and " PROCESS_NODE_CHANNEL " are not set)");
}
