/* SPDX-License-Identifier: MIT */
/*
 * Opening: from an address to a channel.
 */
#include "channel/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct wherry_peer nobody = {.pid = -1, .uid = -1, .gid = -1};

static const char *what_instead(const struct transport *transport)
{
    return transport->map     ? "it is memory, which wherry_region_open opens"
           : transport->turns ? "it is a semaphore, which wherry_semaphore_open opens"
           : transport->dial  ? "it can be dialled"
                              : "both ends are made at once, by wherry_pair";
}

int channel_missing(const struct transport *transport, const char *verb)
{
    return failure(-ENOTSUP, "%s: cannot be %s; %s (wherry help %s:)",
                   transport->mechanism.scheme, verb, what_instead(transport),
                   transport->mechanism.scheme);
}

static int start(wherry_channel *channel)
{
    if (!channel->words)
        return 0;
    os_lock_take(&channel->out.lock);
    int r = words_say_hello(channel, 0);
    channel_give_out(channel);
    // A listener with a full socket buffer hears it with the first message; a peer that
    // has spoken and left already never does, but what it said can be received.
    return r == -EAGAIN || r == -EPIPE || r == -ECONNRESET ? 0 : r;
}

int channel_begin(struct endpoint *endpoint, const struct address *address,
                  wherry_channel **out)
{
    struct channel_limits limits;
    limits_from(address, &limits);
    wherry_channel *channel;
    int r = channel_new(endpoint, &limits, &channel);
    if (r < 0)
        return r;
    r = start(channel);
    if (r < 0) {
        failure_plain(r, address_text(address));
        wherry_close(channel);
        return r;
    }
    *out = channel;
    return 0;
}

static int dial(const struct transport *transport, const struct address *address,
                wherry_deadline deadline, wherry_channel **out)
{
    if (!transport->dial)
        return channel_missing(transport, "dialled");
    struct endpoint endpoint = {.peer = nobody};
    endpoint_show(&endpoint, address_text(address));
    int r = transport->dial(address, deadline, &endpoint);
    if (r >= 0)
        r = channel_begin(&endpoint, address, out);
    if (r >= 0 && transport->opened)
        transport->opened(address);
    return r;
}

int wherry_dial(const char *text, wherry_deadline deadline, wherry_channel **out)
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = dial(transport, address, deadline, out);
    address_free(address);
    return r;
}

static int pair(const struct transport *transport, const struct address *address,
                wherry_channel *out[2])
{
    if (!transport->pair)
        return channel_missing(transport, "made as a pair");
    struct endpoint ends[2] = {{.peer = nobody}, {.peer = nobody}};
    endpoint_show(&ends[0], address_text(address));
    endpoint_show(&ends[1], address_text(address));
    int r = transport->pair(address, ends);
    if (r < 0)
        return r;
    struct channel_limits limits;
    limits_from(address, &limits);
    wherry_channel *first;
    wherry_channel *second;
    r = channel_new(&ends[0], &limits, &first);
    if (r < 0) {
        ends[1].moves->close(ends[1].state);
        message_store_leave(ends[1].store);
        return r;
    }
    r = channel_new(&ends[1], &limits, &second);
    if (r < 0) {
        wherry_close(first);
        return r;
    }
    out[0] = first;
    out[1] = second;
    return 0;
}

int wherry_pair(const char *text, wherry_channel *out[2])
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = pair(transport, address, out);
    address_free(address);
    return r;
}

/* --- a transport of the user's own --------------------------------------- */

static bool options_never_first(const char *scheme)
{
    (void)scheme;
    return false;
}

static int limits_of_text(const char *text, struct channel_limits *out)
{
    static const struct wherry_option *const tables[] = {channel_options, NULL};
    struct address *address;
    int r = address_parse(text, options_never_first, &address);
    if (r < 0)
        return r;
    r = address_resolve(address, tables);
    if (r >= 0)
        limits_from(address, out);
    address_free(address);
    return r;
}

int wherry_channel_new(const struct wherry_transport *transport, void *state,
                       const char *address, wherry_channel **out)
{
    if (!transport->send && !transport->recv)
        return failure(-EINVAL, "a transport needs send or recv");
    struct channel_limits limits;
    int r = limits_of_text(address, &limits);
    if (r < 0)
        return r;
    struct endpoint endpoint = {.moves = transport, .state = state, .framing = ""};
    unsigned ways = (transport->send ? WHERRY_ABLE_SEND : 0u) |
                    (transport->recv ? WHERRY_ABLE_RECV : 0u);
    unsigned not_its_to_claim = WHERRY_ABLE_DRAIN | WHERRY_ABLE_SEND | WHERRY_ABLE_RECV;
    endpoint.abilities = (transport->abilities & ~not_its_to_claim) | ways;
    endpoint.message_limit = transport->message_limit;
    endpoint.kind_limit = transport->kind_limit;
    endpoint_show(&endpoint, address);
    r = message_store_new(&endpoint.store);
    if (r < 0)
        return r;
    wherry_channel *channel = channel_blank(endpoint.address);
    if (!channel) {
        message_store_leave(endpoint.store);
        return failure_plain(-ENOMEM, "no memory for a channel");
    }
    channel_fill(channel, &endpoint, &limits);
    channel->is_own = true;
    *out = channel;
    return 0;
}
