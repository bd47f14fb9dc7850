/* SPDX-License-Identifier: MIT */
/*
 * The bounds of a channel, and their options, which every mechanism has.
 */
#include "transport/transport.h"

const struct wherry_option channel_options[] = {
    {.name = "message",
     .type = WHERRY_OPTION_SIZE,
     .standard = "16M",
     .least = 1,
     .most = INT64_C(1) << 30,
     .help = "The largest message that is sent or taken, in bytes."},
    {.name = "queue",
     .type = WHERRY_OPTION_SIZE,
     .standard = "8M",
     .least = 1,
     .most = INT64_C(1) << 40,
     .help = "The most bytes of the private list that full=drop-oldest, drop-newest, "
             "latest and disconnect keep."},
    {.name = "held",
     .type = WHERRY_OPTION_SIZE,
     .standard = "8M",
     .least = 0,
     .most = INT64_C(1) << 40,
     .help = "The most bytes of messages that recv_kind and drain pass over and keep."},
    {.name = "files",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "16",
     .least = 0,
     .most = MESSAGE_FILES,
     .help = "The most open files that one message carries."},
    {.name = "handshake",
     .type = WHERRY_OPTION_DURATION,
     .standard = "2s",
     .least = INT64_C(1000000),
     .most = INT64_C(60000000000),
     .help = "How long a peer that connected may take to say its first words."},
    {.name = "full",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "block",
     .choices = "block|fail|drop-oldest|drop-newest|latest|disconnect",
     .help = "What send does when the peer is slow: wait, fail, drop a message, keep "
             "the latest only, or close the channel."},
    {.name = NULL},
};

static int limits_within(const struct address *address, struct channel_limits *out)
{
    const struct transport *transport;
    struct address *inner;
    int r = transport_address(address_rest(address), &transport, &inner);
    if (r < 0)
        return r;
    r = limits_from(inner, out);
    address_free(inner);
    return r;
}

int limits_from(const struct address *address, struct channel_limits *out)
{
    if (transport_find(address_scheme(address))->wraps)
        return limits_within(address, out);
    *out = (struct channel_limits){
        .message = (uint64_t)address_number(address, "message"),
        .queue = (uint64_t)address_number(address, "queue"),
        .held = (uint64_t)address_number(address, "held"),
        .files = (uint32_t)address_number(address, "files"),
        .handshake = address_number(address, "handshake"),
        .full = (int)address_number(address, "full"),
    };
    return 0;
}
