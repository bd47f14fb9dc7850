/* SPDX-License-Identifier: MIT */
/*
 * tcp:HOST:PORT - tcp(7), over IPv4 and IPv6.
 *
 * HOST is a name, a number, or [a v6 number]; none, or *, listens everywhere.  A name
 * may have several numbers: they are tried in the resolver's order, each with its share
 * of what is left of the deadline.  Nobody vouches for who is at the other end of a
 * network: its number is all that is known.
 */
#include "transport/inet.h"

#include <errno.h>

enum { NUMBERS_OF_A_NAME = 16 };

static const struct wherry_option own_options[] = {
    {.name = "nodelay",
     .type = WHERRY_OPTION_FLAG,
     .standard = "yes",
     .help = "Sends small messages at once (TCP_NODELAY) instead of gathering them."},
    {.name = "reuseport",
     .type = WHERRY_OPTION_FLAG,
     .standard = "no",
     .help = "Lets several listeners of one user share the port (SO_REUSEPORT)."},
    {.name = "numeric",
     .type = WHERRY_OPTION_FLAG,
     .standard = "no",
     .help = "Refuses host names: looking one up is a wait that no deadline ends."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {
    own_options,     backlog_options,
    socket_options,  wherry_framing_options,
    channel_options, NULL};

static wherry_deadline share_of(wherry_deadline deadline, int count)
{
    if (deadline == WHERRY_FOREVER || deadline == WHERRY_POLL)
        return deadline;
    wherry_deadline now = wherry_now();
    return now >= deadline ? deadline : now + (deadline - now) / count;
}

static int tcp_dial(const struct address *address, wherry_deadline deadline,
                    struct endpoint *out)
{
    struct os_name names[NUMBERS_OF_A_NAME];
    struct os_descriptor socket = OS_DESCRIPTOR_NONE;
    int count = inet_look_up(address, false, names, NUMBERS_OF_A_NAME);
    if (count < 0)
        return count;
    int r = -ENOENT;
    for (int i = 0; i < count; i++) {
        struct os_socket_plan plan = {.kind = OS_KIND_STREAM,
                                      .name = &names[i],
                                      .buffer = address_number(address, "buffer"),
                                      .no_delay = address_number(address, "nodelay")};
        r = os_connect(&plan, share_of(deadline, count - i), &socket);
        if (r >= 0)
            r = inet_not_itself(&socket);
        if (r >= 0)
            return endpoint_socket(address, socket, NULL, out);
    }
    return endpoint_refuse(address, r, inet_complaints);
}

static int tcp_listen(const struct address *address, void **state, char *shown)
{
    struct os_socket_plan plan = {.kind = OS_KIND_STREAM,
                                  .buffer = address_number(address, "buffer"),
                                  .backlog = (int)address_number(address, "backlog"),
                                  .reuse_port = address_number(address, "reuseport"),
                                  .no_delay = address_number(address, "nodelay")};
    return inet_listen(address, &plan, state, shown);
}

const struct transport transport_tcp = {
    .mechanism = {.scheme = "tcp",
                  .usage = "tcp:HOST:PORT",
                  .mechanism = "tcp(7)",
                  .summary = "Both ways between programs on any machines, nothing lost "
                             "while the connection stands.",
                  .example = "tcp:127.0.0.1:4567",
                  .abilities =
                      (ENDPOINT_SOCKET & ~(WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER)) |
                      WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN | WHERRY_ABLE_STRANGERS |
                      WHERRY_ABLE_HOSTS,
                  .traits = WHERRY_TRAIT_CONTAINERS,
                  .framing = "wherry",
                  .limit = "message= (bytes, any number)",
                  .systems = "all"},
    .options = options,
    .check = inet_check,
    .dial = tcp_dial,
    .listen = tcp_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
};
