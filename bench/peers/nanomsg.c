/* SPDX-License-Identifier: MIT */
/*
 * nanomsg: PAIR sockets over ipc://, a unix(7) socket.
 *
 * Its best settings: messages taken as it has them, no bound on their size, and from
 * 64 KiB on buffers of 4 MiB.  A thread of its own moves the bytes at each end.
 */
#include "contest.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include <nanomsg/nn.h>
#include <nanomsg/pair.h>

enum { LARGE = 65536, BUFFER = 4 << 20 };

static int socket_of(const struct contest_end *end)
{
    return (int)(intptr_t)end->state - 1;
}

static int set_up(const struct contest_end *end, int socket)
{
    const int any = -1;
    const int buffer = BUFFER;
    int r = nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVMAXSIZE, &any, sizeof(any));
    if (r == 0 && end->size >= LARGE)
        r = nn_setsockopt(socket, NN_SOL_SOCKET, NN_SNDBUF, &buffer, sizeof(buffer));
    if (r == 0 && end->size >= LARGE)
        r = nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVBUF, &buffer, sizeof(buffer));
    return r;
}

static int open_end(struct contest_end *end)
{
    char url[256];
    snprintf(url, sizeof(url), "ipc://%s/%s", end->directory, end->name);
    const int socket = nn_socket(AF_SP, NN_PAIR);
    if (socket < 0 || set_up(end, socket) < 0)
        return -nn_errno();
    end->state = (void *)(intptr_t)(socket + 1);
    const int r = end->side == 0 ? nn_bind(socket, url) : nn_connect(socket, url);
    return r < 0 ? contest_fail(end, -nn_errno(), "%s", nn_strerror(nn_errno())) : 0;
}

static int send_one(struct contest_end *end)
{
    const int r = nn_send(socket_of(end), end->bytes, end->size, 0);
    return r < 0 ? -nn_errno() : 0;
}

static int take_one(struct contest_end *end)
{
    void *message = NULL;
    const int r = nn_recv(socket_of(end), (void *)&message, NN_MSG, 0);
    if (r < 0)
        return -nn_errno();
    const bool is_whole = (size_t)r == end->size;
    if (is_whole)
        contest_keep(end, message);
    (void)nn_freemsg(message);
    return is_whole ? 0 : -EPROTO;
}

static void close_end(struct contest_end *end)
{
    (void)nn_close(socket_of(end));
}

const struct contest_entrant contest_entrants[] = {
    {.name = "nanomsg",
     .settings = "PAIR over ipc://, blocking",
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_TIMED | 1u << CONTEST_PUSH |
                  1u << CONTEST_MANY,
     .open = open_end,
     .send = send_one,
     .take = take_one,
     .close = close_end},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
