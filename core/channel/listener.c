/* SPDX-License-Identifier: MIT */
/*
 * Listening and accepting.
 *
 * A peer that connects where the `wherry` framing is spoken has to say hello first.
 * Until it has, its channel stands among the half-open ones, beside which others are
 * accepted: silence holds nobody up.  They are bounded in time (`handshake=`) and in
 * number: when there are too many, the oldest goes.
 */
#include "channel/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct wherry_peer nobody = {.pid = -1, .uid = -1, .gid = -1};

/* --- opening and closing ------------------------------------------------- */

static int watch_transport(struct wherry_listener *listener)
{
    struct wherry_wait waits[WHERRY_WAITS];
    int count = listener->transport->accept_wait(listener->state, waits);
    for (int i = 0; i < count; i++) {
        int r = os_watch_add(listener->watch, waits[i].fd, waits[i].events);
        if (r < 0)
            return r;
    }
    if (count > 0)
        return 0;
    listener->once = os_bell_new();
    if (listener->once < 0)
        return listener->once;
    os_bell_ring(listener->once);
    return os_watch_add(listener->watch, listener->once, os_wait_in);
}

static int make_descriptors(struct wherry_listener *listener)
{
    listener->watch = os_watch_new();
    if (listener->watch < 0)
        return listener->watch;
    listener->bell = os_bell_new();
    if (listener->bell < 0)
        return listener->bell;
    return watch_transport(listener);
}

static int listen_at(const struct transport *transport, const struct address *address,
                     wherry_listener **out)
{
    if (!transport->listen)
        return channel_missing(transport, "listened on");
    struct wherry_listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return failure_plain(-ENOMEM, "no memory for a listener");
    listener->transport = transport;
    listener->watch = listener->once = listener->bell = -1;
    limits_from(address, &listener->limits);
    int r = transport->listen(address, &listener->state, listener->shown);
    if (r < 0) {
        free(listener);
        return r;
    }
    r = make_descriptors(listener);
    if (r < 0) {
        endpoint_refuse(address, r, NULL);
        wherry_close_listener(listener);
        return r;
    }
    if (transport->opened)
        transport->opened(address);
    *out = listener;
    return 0;
}

int wherry_listen(const char *text, wherry_listener **out)
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = listen_at(transport, address, out);
    address_free(address);
    return r;
}

void wherry_close_listener(wherry_listener *listener)
{
    if (!listener)
        return;
    for (size_t i = 0; i < listener->half_open_count; i++)
        wherry_close(listener->half_open[i].channel);
    channel_free(listener->spare);
    listener->transport->unlisten(listener->state);
    os_close(listener->watch);
    os_close(listener->once);
    os_close(listener->bell);
    free(listener);
}

const char *wherry_listener_address(const wherry_listener *listener)
{
    return listener->shown;
}

/* --- half-open channels -------------------------------------------------- */

static void forget(struct wherry_listener *listener, size_t index)
{
    struct half_open *place = &listener->half_open[index];
    struct wherry_wait waits[WHERRY_WAITS];
    int count = place->channel->moves->wait(place->channel->state, WHERRY_IN, waits);
    for (int i = 0; i < count; i++)
        os_watch_remove(listener->watch, waits[i].fd);
    listener->half_open_count--;
    memmove(place, place + 1, (listener->half_open_count - index) * sizeof(*place));
}

static void give_up(struct wherry_listener *listener, size_t index)
{
    wherry_channel *channel = listener->half_open[index].channel;
    forget(listener, index);
    wherry_close(channel);
}

static int remember(struct wherry_listener *listener, wherry_channel *channel)
{
    if (listener->half_open_count == HALF_OPEN)
        give_up(listener, 0);
    struct wherry_wait waits[WHERRY_WAITS];
    int count = channel->moves->wait(channel->state, WHERRY_IN, waits);
    for (int i = 0; i < count; i++) {
        int r = os_watch_add(listener->watch, waits[i].fd, waits[i].events);
        if (r < 0) {
            wherry_close(channel);
            return failure_plain(r, listener->shown);
        }
    }
    listener->half_open[listener->half_open_count++] = (struct half_open){
        .channel = channel,
        .until = deadline_add(wherry_now(), listener->limits.handshake)};
    return 0;
}

// The oldest one that has said hello; those that died or took too long are given up.
static int take_greeted(struct wherry_listener *listener, wherry_channel **out)
{
    wherry_deadline now = listener->half_open_count > 0 ? wherry_now() : 0;
    for (size_t i = 0; i < listener->half_open_count;) {
        wherry_channel *channel = listener->half_open[i].channel;
        int r = channel_greeted(channel);
        if (r == 1) {
            forget(listener, i);
            *out = channel;
            return 0;
        }
        if (r == -ENOMEM) // this process's trouble, not the peer's: it stays
            return failure_plain(r, listener->shown);
        if (r != -EAGAIN || now >= listener->half_open[i].until)
            give_up(listener, i);
        else
            i++;
    }
    return -EAGAIN;
}

/* --- accepting ----------------------------------------------------------- */

static int take_new(struct wherry_listener *listener, wherry_channel **out)
{
    // Before a peer is taken, so that none is lost for want of memory.
    if (!listener->spare && !(listener->spare = channel_blank(listener->shown)))
        return failure_plain(-ENOMEM, listener->shown);
    struct endpoint endpoint = {.peer = nobody};
    endpoint_show(&endpoint, listener->shown);
    int r = listener->transport->accept(listener->state, &endpoint);
    if (r < 0)
        return r;
    channel_fill(listener->spare, &endpoint, &listener->limits);
    *out = listener->spare;
    listener->spare = NULL;
    if (listener->once >= 0)
        os_bell_clear(listener->once);
    return 0;
}

static int try_accept(struct wherry_listener *listener, wherry_channel **out)
{
    for (int dialled = 0; dialled < HALF_OPEN; dialled++) {
        int r = take_greeted(listener, out);
        if (r != -EAGAIN)
            return r;
        wherry_channel *channel;
        r = take_new(listener, &channel);
        if (r < 0)
            return r;
        if (!channel->words) {
            *out = channel;
            return 0;
        }
        r = remember(listener, channel);
        if (r < 0)
            return r;
    }
    return -EAGAIN;
}

int listener_wait(struct wherry_listener *listener, wherry_deadline deadline)
{
    if (deadline == WHERRY_POLL)
        return -EAGAIN;
    if (deadline != WHERRY_FOREVER && wherry_now() >= deadline)
        return failure(-ETIMEDOUT, "%s: nobody dialled by the deadline",
                       listener->shown);
    wherry_deadline until = deadline;
    if (listener->half_open_count > 0)
        until = deadline_sooner(deadline, listener->half_open[0].until);
    struct os_wait waits[2] = {{.fd = listener->bell, .events = os_wait_in},
                               {.fd = listener->watch, .events = os_wait_in}};
    int r = atomic_load(&listener->canceled) ? 0 : os_wait(waits, 2, until);
    if (atomic_load(&listener->canceled))
        return failure(-ECANCELED, "%s: the wait was cancelled", listener->shown);
    if (r == -ETIMEDOUT && until == deadline)
        return failure(-ETIMEDOUT, "%s: nobody dialled by the deadline",
                       listener->shown);
    return r == -ETIMEDOUT || r >= 0 ? 0 : failure_plain(r, listener->shown);
}

int wherry_accept(wherry_listener *listener, wherry_deadline deadline,
                  wherry_channel **out)
{
    for (;;) {
        int r = try_accept(listener, out);
        if (r >= 0)
            return 0;
        if (r != -EAGAIN)
            return r;
        r = listener_wait(listener, deadline);
        if (r < 0)
            return r;
    }
}

void wherry_cancel_accept(wherry_listener *listener)
{
    atomic_store(&listener->canceled, true);
    os_bell_ring(listener->bell);
}

int wherry_listener_fd(wherry_listener *listener, wherry_native *out, short *events)
{
    *out = listener->watch;
    *events = os_wait_in;
    return 0;
}
