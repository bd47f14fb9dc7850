/* SPDX-License-Identifier: MIT */
/*
 * A channel in libuv's loop: uv_poll_t over its descriptor, one message for each wake.
 */
#include <stdio.h>
#include <uv.h>
#include <wherry.h>

static int taken;

static void readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    wherry_message *message;
    int r = wherry_recv(handle->data, &message, WHERRY_POLL);
    if (r == 1) {
        taken++;
        wherry_message_free(message);
    } else if (r != -EAGAIN) {
        uv_close((uv_handle_t *)handle, NULL); // the peer finished: the loop ends
    }
}

int main(void)
{
    wherry_channel *ends[2];
    if (wherry_pair("pipe:", ends) < 0)
        return fprintf(stderr, "libuv: %s\n", wherry_error_text()), 1;
    for (int i = 0; i < 1000; i++)
        wherry_write(ends[1], &i, sizeof(i), 0, i < 999 ? WHERRY_MORE : 0,
                     WHERRY_FOREVER);
    wherry_close(ends[1]);
    wherry_native fd;
    short events;
    wherry_fd(ends[0], WHERRY_IN, &fd, &events);
    uv_poll_t handle = {.data = ends[0]};
    uv_poll_init(uv_default_loop(), &handle, fd);
    uv_poll_start(&handle, UV_READABLE, readable);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    printf("%d messages, one a wake\n", taken);
    wherry_close(ends[0]);
    return uv_loop_close(uv_default_loop());
}
