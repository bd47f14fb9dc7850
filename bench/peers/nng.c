/* SPDX-License-Identifier: MIT */
/*
 * nng: pair0 sockets over ipc://, a unix(7) socket.
 *
 * Its best settings: messages taken as it has them, room for 128 at each end, no bound
 * on their size.  Its own threads move the bytes.
 */
#include "contest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

enum { HELD = 128 };

static int explain(struct contest_end *end, int error)
{
    return contest_fail(end, -EPROTO, "%s", nng_strerror(error));
}

static int open_end(struct contest_end *end)
{
    char url[256];
    nng_socket *socket = calloc(1, sizeof(*socket));
    if (!socket)
        return -ENOMEM;
    end->state = socket;
    snprintf(url, sizeof(url), "ipc://%s/%s", end->directory, end->name);
    int r = nng_pair0_open(socket);
    if (r == 0)
        r = nng_socket_set_size(*socket, NNG_OPT_RECVMAXSZ, 0);
    if (r == 0)
        r = nng_socket_set_int(*socket, NNG_OPT_SENDBUF, HELD);
    if (r == 0)
        r = nng_socket_set_int(*socket, NNG_OPT_RECVBUF, HELD);
    if (r == 0)
        r = end->side == 0 ? nng_listen(*socket, url, NULL, 0)
                           : nng_dial(*socket, url, NULL, 0);
    return r ? explain(end, r) : 0;
}

static int send_one(struct contest_end *end)
{
    const nng_socket *socket = end->state;
    const int r = nng_send(*socket, end->bytes, end->size, 0);
    return r ? explain(end, r) : 0;
}

static int take_one(struct contest_end *end)
{
    const nng_socket *socket = end->state;
    nng_msg *message = NULL;
    const int r = nng_recvmsg(*socket, &message, 0);
    if (r)
        return explain(end, r);
    const bool is_whole = nng_msg_len(message) == end->size;
    if (is_whole)
        contest_keep(end, nng_msg_body(message));
    nng_msg_free(message);
    return is_whole ? 0 : -EPROTO;
}

static void close_end(struct contest_end *end)
{
    const nng_socket *socket = end->state;
    (void)nng_close(*socket);
}

const struct contest_entrant contest_entrants[] = {
    {.name = "nng",
     .settings = "pair0 over ipc://, buffers of 128 messages, blocking",
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_TIMED | 1u << CONTEST_PUSH |
                  1u << CONTEST_MANY,
     .open = open_end,
     .send = send_one,
     .take = take_one,
     .close = close_end},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
