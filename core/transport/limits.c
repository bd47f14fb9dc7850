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
    {.name = "linger",
     .type = WHERRY_OPTION_DURATION,
     .standard = "100ms",
     .least = 0,
     .most = INT64_C(60000000000),
     .help =
         "How long close may wait for room to say the end, where the peer left none."},
    {.name = "full",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "block",
     .choices = "block|fail|drop-oldest|drop-newest|latest|disconnect",
     .help = "What send does when the peer is slow: wait, fail, drop a message, keep "
             "the latest only, or close the channel."},
    {.name = NULL},
};

static int64_t standard(const char *name)
{
    int64_t value = 0;
    const struct wherry_option *option = option_find(channel_options, name);
    (void)option_read(option, option->standard, &value);
    return value;
}

// The address that says the bounds, in *inner if it stands within another; NULL: no
// memory to tell.
static const struct address *bounding(const struct address *address,
                                      struct address **inner)
{
    const struct transport *transport = transport_find(address_scheme(address));
    if (!transport || !transport->wraps)
        return address;
    int r = transport_address(address_rest(address), &transport, inner);
    return r < 0 ? NULL : *inner;
}

static int64_t bound(const struct address *address, const char *name)
{
    return address ? address_number(address, name) : standard(name);
}

void limits_from(const struct address *address, struct channel_limits *out)
{
    struct address *inner = NULL;
    const struct address *from = bounding(address, &inner);
    *out = (struct channel_limits){
        .message = (uint64_t)bound(from, "message"),
        .queue = (uint64_t)bound(from, "queue"),
        .held = (uint64_t)bound(from, "held"),
        .files = (uint32_t)bound(from, "files"),
        .handshake = bound(from, "handshake"),
        .linger = bound(from, "linger"),
        .full = (int)bound(from, "full"),
    };
    address_free(inner);
}
