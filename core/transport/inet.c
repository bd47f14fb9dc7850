/* SPDX-License-Identifier: MIT */
/*
 * What tcp: and udp: share: hosts and ports, and what goes wrong with them.
 */
#include "transport/inet.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

enum { NUMBERS_OF_A_NAME = 16 };

const struct complaint inet_complaints[] = {
    {EAGAIN, "it is not connected yet: give a deadline later than now"},
    {ECONNREFUSED,
     "nobody listens on that port there: start the listener, or check host "
     "and port"},
    {ETIMEDOUT, "the host did not answer before the deadline: is it up, and does a "
                "firewall let this port through?"},
    {EHOSTUNREACH, "no way to that host is known: check its number and the network"},
    {ENETUNREACH, "no way to that network is known: is the network up?"},
    {EADDRINUSE, "the port is in use: stop who has it, choose another, or port 0 for a "
                 "free one"},
    {EADDRNOTAVAIL, "this machine does not have that address: use one of its own, or * "
                    "for all"},
    {EACCES, "this user may not use that port: those below 1024 are for root"},
    {EAFNOSUPPORT, "this machine does not have that version of IP: use the other"},
    {0, NULL},
};

// Their sentences stand already.
static const struct complaint look_up_complaints[] = {
    {EINVAL, NULL}, {ENAMETOOLONG, NULL}, {ENOENT, NULL},
    {EAGAIN, NULL}, {ENOMEM, NULL},       {0, NULL},
};

int inet_check(const struct address *address)
{
    struct os_name name;
    const char *rest = address_rest(address);
    if (strlen(rest) != address_rest_size(address))
        return failure(-EINVAL, "a host has no byte of value 0");
    if (!address_number(address, "numeric"))
        return os_host_port(rest);
    int r = os_look_up(rest, true, true, &name, 1);
    return r < 0 ? r : 0;
}

static bool is_port_zero(const char *rest)
{
    const char *port = strrchr(rest, ':') + 1;
    return strspn(port, "0") == strlen(port);
}

int inet_look_up(const struct address *address, bool passive, struct os_name *out,
                 size_t most)
{
    const char *rest = address_rest(address);
    bool numeric = address_number(address, "numeric");
    int r =
        !passive && is_port_zero(rest)
            ? failure(-EINVAL, "port 0 is for listening, where the system chooses a "
                               "free one: dial the one that the listener shows")
            : os_look_up(rest, numeric, passive, out, most);
    return r < 0 ? endpoint_refuse(address, r, look_up_complaints) : r;
}

int inet_not_itself(struct os_descriptor *socket)
{
    struct os_name own;
    struct os_name peer;
    if (os_socket_name(socket->fd, &own) < 0 || os_socket_peer(socket->fd, &peer) < 0 ||
        !os_name_same(&own, &peer))
        return 0;
    os_release(socket);
    return -ECONNREFUSED;
}

static int bind_first(struct harbour *harbour, const void *wanted)
{
    struct os_socket_plan plan = *(const struct os_socket_plan *)wanted;
    struct os_name names[NUMBERS_OF_A_NAME];
    int count = inet_look_up(harbour->address, true, names, NUMBERS_OF_A_NAME);
    if (count < 0)
        return count;
    harbour->is_chosen = is_port_zero(address_rest(harbour->address));
    int r = -ENOENT;
    for (int i = 0; i < count; i++) {
        plan.name = &names[i];
        r = os_bind(&plan, &harbour->descriptor);
        // A name may have numbers of an IP version that this machine is without.
        if (r != -EADDRNOTAVAIL && r != -EAFNOSUPPORT)
            break;
    }
    return r < 0 ? endpoint_refuse(harbour->address, r, inet_complaints) : 0;
}

int inet_listen(const struct address *address, struct os_socket_plan *plan,
                void **state, char *shown)
{
    const struct harbour_plan harbour = {bind_first, plan, NULL};
    return harbour_listen(address, &harbour, state, shown);
}
