/* SPDX-License-Identifier: MIT */
/*
 * The mechanisms that cannot be opened: rows of the table, and the error of whoever
 * tries.
 *
 * A row here says what the mechanism will be like, why it is absent, and what to take
 * instead.  Once there is a transport for it, its row moves into that file.
 */
#include "transport/transport.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

static const char later[] = "later";

/* What every channel can do that is a stream with a framing. */
enum {
    STREAM = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_DUPLEX |
             WHERRY_ABLE_KINDS | WHERRY_ABLE_FINISH | WHERRY_ABLE_FRAMING |
             WHERRY_ABLE_DESCRIPTOR,
    MEETING = WHERRY_ABLE_DIAL | WHERRY_ABLE_LISTEN | WHERRY_ABLE_STRANGERS
};

const struct wherry_mechanism absent_mechanisms[] = {
    /* --- channels --- */
    {.scheme = "tls",
     .usage = "tls:HOST:PORT",
     .mechanism = "TLS over tcp(7)",
     .summary = "As tcp:, so that nobody on the way can read or change it.",
     .abilities = STREAM | MEETING | WHERRY_ABLE_DRAIN | WHERRY_ABLE_HOSTS,
     .traits = WHERRY_TRAIT_CONTAINERS | WHERRY_TRAIT_ENCRYPTED,
     .framing = "wherry",
     .limit = "message= (bytes, any number)",
     .systems = "all",
     .absent = later,
     .instead = "tcp: through a tunnel of ssh(1) or stunnel(8)"},
    {.scheme = "ws",
     .usage = "ws:HOST:PORT/PATH",
     .mechanism = "WebSocket, RFC 6455",
     .summary = "Both ways between a page in a browser and a program.",
     .abilities = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_DUPLEX |
                  WHERRY_ABLE_DESCRIPTOR | MEETING | WHERRY_ABLE_MESSAGES |
                  WHERRY_ABLE_HOSTS,
     .traits = WHERRY_TRAIT_CONTAINERS | WHERRY_TRAIT_BROWSER,
     .limit = "message=",
     .systems = "all",
     .absent = later,
     .instead = "tcp: behind a WebSocket gateway, such as websockify(1)"},
    {.scheme = "http",
     .usage = "http:HOST:PORT/PATH",
     .mechanism = "HTTP/1.1, RFC 9112",
     .summary = "Single requests of pages and programs, each with one answer.",
     .abilities = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | MEETING | WHERRY_ABLE_MESSAGES |
                  WHERRY_ABLE_HOSTS | WHERRY_ABLE_DESCRIPTOR,
     .traits = WHERRY_TRAIT_CONTAINERS | WHERRY_TRAIT_BROWSER | WHERRY_TRAIT_REQUESTS,
     .limit = "message=",
     .systems = "all",
     .absent = later,
     .instead = "tcp: with framing=raw, behind a web server that hands requests on"},
    {.scheme = "nats",
     .usage = "nats:HOST:PORT/SUBJECT",
     .mechanism = "a NATS server",
     .summary = "Subjects that programs on any machines publish to and subscribe to.",
     .abilities = WHERRY_ABLE_SEND | WHERRY_ABLE_RECV | WHERRY_ABLE_DUPLEX | MEETING |
                  WHERRY_ABLE_CONNECTIONLESS | WHERRY_ABLE_MESSAGES |
                  WHERRY_ABLE_HOSTS | WHERRY_ABLE_LOSS | WHERRY_ABLE_MANY_WRITERS |
                  WHERRY_ABLE_MANY_READERS | WHERRY_ABLE_DESCRIPTOR,
     .traits = WHERRY_TRAIT_CONTAINERS | WHERRY_TRAIT_SERVER,
     .limit = "max_payload of the server (1 MiB unless it says otherwise)",
     .largest = 1 << 20,
     .systems = "all",
     .absent = later,
     .instead = "tcp: to one program that passes messages on to the others"},
    {.scheme = "npipe",
     .usage = "npipe:NAME",
     .mechanism = "a named pipe of Windows",
     .summary = "Both ways between programs of one Windows machine.",
     .abilities = STREAM | MEETING | WHERRY_ABLE_MESSAGES | WHERRY_ABLE_SENDER,
     .traits = WHERRY_TRAIT_ELSEWHERE,
     .framing = "wherry",
     .limit = "message=",
     .systems = "Windows",
     .absent = "later, on Windows",
     .instead = "unix: which is its like here"},
    {.scheme = "streams",
     .usage = "streams:PATH",
     .mechanism = "System V STREAMS, pipe(2) with fattach(3)",
     .summary = "Both ways between programs of one machine, with messages in priority "
                "bands.",
     .abilities = STREAM | MEETING | WHERRY_ABLE_MESSAGES | WHERRY_ABLE_PRIORITY |
                  WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER,
     .traits = WHERRY_TRAIT_NAME_STAYS | WHERRY_TRAIT_ELSEWHERE,
     .limit = "what the modules on the stream take",
     .systems = "Solaris, AIX",
     .absent = "absent on Linux: its kernel has none",
     .instead = "unix: which passes open files too, or mq: for priorities"},
    {.scheme = NULL},
};

const struct wherry_mechanism *absent_find(const char *scheme)
{
    for (const struct wherry_mechanism *each = absent_mechanisms; each->scheme; each++)
        if (strcmp(each->scheme, scheme) == 0)
            return each;
    return NULL;
}

int absent_refuse(const struct wherry_mechanism *mechanism)
{
    return failure(-ENOTSUP, "%s: is not there: %s; the nearest that is: %s",
                   mechanism->scheme, mechanism->absent, mechanism->instead);
}
