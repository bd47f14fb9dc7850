/* SPDX-License-Identifier: MIT */
/*
 * udp:HOST:PORT - udp(7), over IPv4 and IPv6.
 *
 * Every message is one datagram, which may be lost, come twice or overtake another: no
 * words of Wherry's own travel, nothing is repeated.  Listening gives one channel that
 * hears everybody and answers by `to=`; dialling gives one that hears its peer only.
 */
#include "transport/inet.h"

#include <errno.h>

static const struct wherry_option own_options[] = {
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
    own_options, socket_options, wherry_framing_options, channel_options, NULL};

static int udp_dial(const struct address *address, wherry_deadline deadline,
                    struct endpoint *out)
{
    struct os_name name;
    struct os_descriptor socket = OS_DESCRIPTOR_NONE;
    int r = inet_look_up(address, false, &name, 1);
    if (r < 0)
        return r;
    struct os_socket_plan plan = {.kind = OS_KIND_DATAGRAM,
                                  .name = &name,
                                  .buffer = address_number(address, "buffer")};
    r = os_connect(&plan, deadline, &socket);
    if (r >= 0)
        r = inet_not_itself(&socket);
    return r < 0 ? endpoint_refuse(address, r, inet_complaints)
                 : endpoint_socket(address, socket, NULL, out);
}

static int udp_listen(const struct address *address, void **state, char *shown)
{
    struct os_socket_plan plan = {.kind = OS_KIND_DATAGRAM,
                                  .buffer = address_number(address, "buffer"),
                                  .reuse_port = address_number(address, "reuseport")};
    return inet_listen(address, &plan, state, shown);
}

const struct transport transport_udp = {
    .mechanism = {.scheme = "udp",
                  .usage = "udp:HOST:PORT",
                  .mechanism = "udp(7)",
                  .summary =
                      "Single messages between programs on any machines, some of "
                      "which may be lost.",
                  .example = "udp:127.0.0.1:4567",
                  .abilities = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN |
                               WHERRY_ABLE_SEND | WHERRY_ABLE_RECV |
                               WHERRY_ABLE_DUPLEX | WHERRY_ABLE_CONNECTIONLESS |
                               WHERRY_ABLE_MESSAGES | WHERRY_ABLE_KINDS |
                               WHERRY_ABLE_HOSTS | WHERRY_ABLE_STRANGERS |
                               WHERRY_ABLE_LOSS | WHERRY_ABLE_MANY_WRITERS |
                               WHERRY_ABLE_FRAMING | WHERRY_ABLE_DESCRIPTOR,
                  .traits = WHERRY_TRAIT_CONTAINERS,
                  .framing = "wherry",
                  .limit = "65,507 bytes less the framing's (one IP packet)",
                  .largest = 65507,
                  .systems = "all"},
    .options = options,
    .check = inet_check,
    .dial = udp_dial,
    .listen = udp_listen,
    .accept = harbour_accept,
    .accept_wait = harbour_wait,
    .unlisten = harbour_close,
};
