/* SPDX-License-Identifier: MIT */
/*
 * libuv: uv_pipe_t over a socket pair, a loop at each end, as Node's channel has it.
 *
 * It moves bytes: messages are counted off.  Its best settings: a write is tried at
 * once (uv_try_write), what finds no room is left to the loop; reads of 64 KiB and
 * more.
 */
#include "contest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

enum { READ_AHEAD = 65536 };

struct uv_end {
    int sockets[2];
    uv_loop_t loop;
    uv_pipe_t pipe;
    char *ahead;
    size_t capacity;
    size_t first, size; /* of what was read ahead */
    int error;
    bool is_written;
};

static int prepare(struct contest_end *end)
{
    struct uv_end *state = calloc(1, sizeof(*state));
    if (!state)
        return -ENOMEM;
    end->state = state;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, state->sockets) < 0
               ? -errno
               : 0;
}

static int open_end(struct contest_end *end)
{
    struct uv_end *state = end->state;
    state->capacity = end->size > READ_AHEAD ? end->size : READ_AHEAD;
    state->ahead = malloc(state->capacity);
    if (!state->ahead)
        return -ENOMEM;
    memset(state->ahead, 0, state->capacity);
    int r = uv_loop_init(&state->loop);
    if (r == 0)
        r = uv_pipe_init(&state->loop, &state->pipe, 0);
    if (r == 0)
        r = uv_pipe_open(&state->pipe, state->sockets[end->side]);
    state->pipe.data = state;
    return r;
}

/* --- writing ------------------------------------------------------------- */

static void written(uv_write_t *request, int status)
{
    struct uv_end *state = request->handle->data;
    state->is_written = true;
    state->error = status;
}

static int write_rest(struct uv_end *state, const uv_buf_t *rest)
{
    uv_write_t request;
    state->is_written = false;
    int r = uv_write(&request, (uv_stream_t *)&state->pipe, rest, 1, written);
    while (r == 0 && !state->is_written)
        (void)uv_run(&state->loop, UV_RUN_ONCE);
    return r < 0 ? r : state->error;
}

static int send_one(struct contest_end *end)
{
    struct uv_end *state = end->state;
    uv_buf_t rest = uv_buf_init((char *)end->bytes, (unsigned)end->size);
    const int r = uv_try_write((uv_stream_t *)&state->pipe, &rest, 1);
    if (r < 0 && r != UV_EAGAIN)
        return r;
    rest.base += r > 0 ? r : 0;
    rest.len -= (size_t)(r > 0 ? r : 0);
    return rest.len > 0 ? write_rest(state, &rest) : 0;
}

/* --- reading ------------------------------------------------------------- */

static void offer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    const struct uv_end *state = handle->data;
    (void)wanted;
    *out = uv_buf_init(state->ahead, (unsigned)state->capacity);
}

static void arrived(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct uv_end *state = stream->data;
    (void)bytes;
    if (size < 0)
        state->error = (int)size;
    if (size > 0)
        state->size = (size_t)size;
    (void)uv_read_stop(stream);
}

static int read_ahead(struct uv_end *state)
{
    state->first = state->size = 0;
    int r = uv_read_start((uv_stream_t *)&state->pipe, offer, arrived);
    while (r == 0 && state->size == 0) {
        if (!uv_is_active((uv_handle_t *)&state->pipe))
            r = uv_read_start((uv_stream_t *)&state->pipe, offer, arrived);
        (void)uv_run(&state->loop, UV_RUN_ONCE);
        r = r == 0 ? state->error : r;
    }
    return r;
}

static int take_one(struct contest_end *end)
{
    struct uv_end *state = end->state;
    for (size_t done = 0; done < end->size;) {
        const int r = state->size == 0 ? read_ahead(state) : 0;
        if (r < 0)
            return r;
        const size_t left = end->size - done;
        const size_t now = left < state->size ? left : state->size;
        memcpy(end->bytes + done, state->ahead + state->first, now);
        state->first += now;
        state->size -= now;
        done += now;
    }
    return 0;
}

const struct contest_entrant contest_entrants[] = {
    {.name = "libuv",
     .settings = "uv_pipe_t over a socket pair, written at once, reads of 64 KiB",
     .workloads = 1u << CONTEST_ROUND | 1u << CONTEST_TIMED | 1u << CONTEST_PUSH |
                  1u << CONTEST_MANY,
     .prepare = prepare,
     .open = open_end,
     .send = send_one,
     .take = take_one},
    {.name = NULL},
};

int (*const contest_serve)(void) = NULL;
