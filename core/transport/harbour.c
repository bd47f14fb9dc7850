/* SPDX-License-Identifier: MIT */
/*
 * Places to be dialled: what every listening mechanism does once it is open.
 *
 * Two sorts.  A listening socket gives one channel after the other.  A FIFO, a bound
 * datagram socket, a queue or a set of signals is its one channel itself: accept gives
 * it once, with the duty to remove a name that was made for it, so that the name lives
 * as long as somebody listens behind it.
 */
#include "transport/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { STRANGERS_AT_ONCE = 64 }; // refused in one accept; the next one goes on

static int give_datagrams(const struct harbour *harbour,
                          struct os_descriptor descriptor, struct endpoint *out)
{
    bool is_unix = descriptor.is_unix;
    unsigned beyond = is_unix ? 0 : WHERRY_ABLE_LOSS | WHERRY_ABLE_HOSTS;
    return packet_new(&(struct packet_plan){.address = harbour->address,
                                            .descriptor = descriptor,
                                            .abilities = ENDPOINT_SOCKET |
                                                         WHERRY_ABLE_CONNECTIONLESS |
                                                         beyond,
                                            .connectionless = true,
                                            .one_user = harbour->one_user,
                                            .scheme = is_unix ? "unix" : "udp",
                                            .made = harbour->made,
                                            .path = harbour->path},
                      out);
}

static int new_harbour(const struct address *address, struct harbour **out)
{
    const struct transport *transport;
    struct harbour *harbour = calloc(1, sizeof(*harbour));
    if (!harbour) {
        endpoint_refuse(address, -ENOMEM, NULL);
        return -ENOMEM;
    }
    int r = transport_address(address_text(address), &transport, &harbour->address);
    if (r < 0) {
        free(harbour);
        return r;
    }
    harbour->descriptor = OS_DESCRIPTOR_NONE;
    harbour->give = give_datagrams;
    *out = harbour;
    return 0;
}

static void show(struct harbour *harbour, char *shown)
{
    const char *text = address_text(harbour->address);
    const char *own = address_scheme(harbour->address);
    const char *scheme = harbour->descriptor.kind == OS_KIND_DATAGRAM ? "udp" : "tcp";
    const char *options = strchr(text, '?');
    size_t room = sizeof(harbour->shown);
    struct os_name name;
    if (harbour->is_chosen && os_socket_name(harbour->descriptor.fd, &name) >= 0)
        os_name_print(&name, scheme, harbour->shown, room);
    size_t size = strlen(harbour->shown);
    if (size == 0)
        snprintf(harbour->shown, room, "%s", text);
    else if (options && strncmp(harbour->shown, text, strlen(own)) == 0)
        snprintf(harbour->shown + size, room - size, "%s", options);
    memcpy(shown, harbour->shown, room);
}

int harbour_listen(const struct address *address, const struct harbour_plan *plan,
                   void **state, char *shown)
{
    struct harbour *harbour = NULL;
    int r = new_harbour(address, &harbour);
    if (r < 0)
        return r;
    r = plan->open(harbour, plan->with);
    if (r < 0) {
        if (plan->complaints)
            endpoint_refuse(address, r, plan->complaints);
        harbour_close(harbour);
        return r;
    }
    show(harbour, shown);
    *state = harbour;
    return 0;
}

// Abstract names have no access rights of their own (unix(7)): whom the kernel names as
// the one who connected decides.
static bool may_enter(const struct harbour *harbour,
                      const struct os_descriptor *visitor)
{
    struct wherry_peer peer = {.uid = -1};
    if (!harbour->one_user)
        return true;
    os_creator(visitor->fd, &peer);
    return peer.uid == os_user() || peer.uid == 0;
}

static int accept_peer(struct harbour *harbour, struct endpoint *out)
{
    for (int i = 0; i < STRANGERS_AT_ONCE; i++) {
        struct os_descriptor visitor;
        int r = os_accept(&harbour->descriptor, &visitor);
        if (r == -EAGAIN)
            return r;
        if (r < 0)
            return endpoint_refuse(harbour->address, r, NULL);
        if (!may_enter(harbour, &visitor)) {
            os_release(&visitor);
            continue;
        }
        r = harbour->welcome ? harbour->welcome(harbour->address, visitor, out)
                             : endpoint_socket(harbour->address, visitor, NULL, out);
        memcpy(out->address, harbour->shown, sizeof(harbour->shown));
        return r < 0 ? failure_prefix(r, "%s", harbour->shown) : 0;
    }
    return -EAGAIN;
}

// Through a copy of the descriptor: if it fails, the next accept can still succeed.
static int give_one_end(struct harbour *harbour, struct endpoint *out)
{
    struct os_descriptor copy = harbour->descriptor;
    if (harbour->is_given)
        return failure(-EALREADY, "%s: its one channel has been accepted already",
                       harbour->shown);
    if (copy.fd >= 0 && (copy.fd = os_duplicate(copy.fd)) < 0)
        return endpoint_refuse(harbour->address, copy.fd, NULL);
    endpoint_show(out, harbour->shown);
    int r = harbour->give(harbour, copy, out);
    if (r < 0)
        return failure_prefix(r, "%s", harbour->shown);
    os_release(&harbour->descriptor);
    free(harbour->path);
    harbour->path = NULL;
    harbour->is_given = true;
    return 0;
}

int harbour_accept(void *state, struct endpoint *out)
{
    struct harbour *harbour = state;
    return harbour->descriptor.is_listening ? accept_peer(harbour, out)
                                            : give_one_end(harbour, out);
}

int harbour_wait(void *state, struct wherry_wait waits[WHERRY_WAITS])
{
    const struct harbour *harbour = state;
    if (!harbour->descriptor.is_listening)
        return 0;
    waits[0] = (struct wherry_wait){harbour->descriptor.fd, os_wait_in};
    return 1;
}

void harbour_close(void *state)
{
    struct harbour *harbour = state;
    if (!harbour)
        return;
    if (harbour->leave)
        harbour->leave(harbour);
    if (harbour->path)
        os_remove(harbour->path, &harbour->made);
    os_release(&harbour->descriptor);
    free(harbour->path);
    address_free(harbour->address);
    free(harbour);
}
