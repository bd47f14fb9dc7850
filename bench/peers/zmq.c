/* SPDX-License-Identifier: MIT */
/*
 * ZeroMQ (libzmq): PAIR sockets over ipc://, a unix(7) socket.
 *
 * Its best settings: messages taken as it has them, one I/O thread, high-water marks
 * that hold a burst, and from 64 KiB on kernel buffers of 4 MiB.  It gathers small
 * messages by itself; it has no call for many.  An I/O thread of its own stands at each
 * end, so that a message sleeps twice.
 */
#include "contest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

enum { LARGE = 65536, BUFFER = 4 << 20 };

struct zmq_end {
    void *context;
    void *socket;
};

static int set_up(struct contest_end *end, void *socket)
{
    const int linger = 0;
    const int buffer = BUFFER;
    int r = zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
    if (r == 0 && end->size >= LARGE)
        r = zmq_setsockopt(socket, ZMQ_SNDBUF, &buffer, sizeof(buffer));
    if (r == 0 && end->size >= LARGE)
        r = zmq_setsockopt(socket, ZMQ_RCVBUF, &buffer, sizeof(buffer));
    return r;
}

static int open_end(struct contest_end *end)
{
    char url[256];
    struct zmq_end *state = calloc(1, sizeof(*state));
    if (!state)
        return -ENOMEM;
    end->state = state;
    snprintf(url, sizeof(url), "ipc://%s/%s", end->directory, end->name);
    state->context = zmq_ctx_new();
    state->socket = state->context ? zmq_socket(state->context, ZMQ_PAIR) : NULL;
    if (!state->socket || set_up(end, state->socket) < 0)
        return -zmq_errno();
    const int r =
        end->side == 0 ? zmq_bind(state->socket, url) : zmq_connect(state->socket, url);
    return r < 0 ? contest_fail(end, -zmq_errno(), "%s", zmq_strerror(zmq_errno())) : 0;
}

static int send_one(struct contest_end *end)
{
    const struct zmq_end *state = end->state;
    return zmq_send(state->socket, end->bytes, end->size, 0) < 0 ? -zmq_errno() : 0;
}

static int take_one(struct contest_end *end)
{
    const struct zmq_end *state = end->state;
    zmq_msg_t message;
    (void)zmq_msg_init(&message);
    const int r = zmq_msg_recv(&message, state->socket, 0);
    if (r < 0)
        return -zmq_errno();
    const bool is_whole = (size_t)r == end->size;
    if (is_whole)
        contest_keep(end, zmq_msg_data(&message));
    (void)zmq_msg_close(&message);
    return is_whole ? 0 : -EPROTO;
}

static void close_end(struct contest_end *end)
{
    const struct zmq_end *state = end->state;
    (void)zmq_close(state->socket);
    (void)zmq_ctx_term(state->context);
}

const struct contest_entrant contest_entrants[] = {
    {.name = "zmq",
     .settings = "PAIR over ipc://, one I/O thread an end, blocking",
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_TIMED | 1u << CONTEST_PUSH |
                  1u << CONTEST_MANY,
     .open = open_end,
     .send = send_one,
     .take = take_one,
     .close = close_end},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
