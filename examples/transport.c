/* SPDX-License-Identifier: MIT */
/*
 * A transport of one's own: a mailbox for one message inside this process.  The
 * functions never wait; deadlines, kinds, backpressure and the rest are the channel's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <wherry/transport.h>

struct mailbox {
    wherry_message *message;
    int is_full;  // readable while there is a message
    int is_empty; // readable while there is none
};

static void move_token(int from, int to)
{
    eventfd_t token;
    eventfd_read(from, &token);
    eventfd_write(to, 1);
}

static int mailbox_send(void *state, wherry_message **message, unsigned flags)
{
    struct mailbox *box = state;
    (void)flags;
    if (box->message)
        return -EAGAIN;
    box->message = *message;
    *message = NULL;
    move_token(box->is_empty, box->is_full);
    return 0;
}

static int mailbox_recv(void *state, wherry_message **out)
{
    struct mailbox *box = state;
    if (!box->message)
        return -EAGAIN;
    *out = box->message;
    box->message = NULL;
    move_token(box->is_full, box->is_empty);
    return 1;
}

static int mailbox_wait(void *state, enum wherry_direction direction,
                        struct wherry_wait waits[WHERRY_WAITS])
{
    struct mailbox *box = state;
    waits[0].fd = direction == WHERRY_IN ? box->is_full : box->is_empty;
    waits[0].events = 1; // POLLIN
    return 1;
}

static void mailbox_close(void *state)
{
    struct mailbox *box = state;
    wherry_message_free(box->message);
    close(box->is_full);
    close(box->is_empty);
    free(box);
}

static const struct wherry_transport mailbox = {
    .scheme = "mailbox",
    .abilities = WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES,
    .send = mailbox_send,
    .recv = mailbox_recv,
    .wait = mailbox_wait,
    .close = mailbox_close,
};

int main(void)
{
    struct mailbox *box = calloc(1, sizeof(*box));
    wherry_channel *channel;
    wherry_message *message;
    if (!box)
        return 1;
    box->is_full = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    box->is_empty = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wherry_channel_new(&mailbox, box, "mailbox:", &channel) < 0)
        return fprintf(stderr, "transport: %s\n", wherry_error_text()), 1;
    wherry_write(channel, "ahoy", 4, 7, 0, WHERRY_FOREVER);
    int full = wherry_write(channel, "no room", 7, 0, 0, wherry_after(20));
    wherry_recv(channel, &message, WHERRY_FOREVER);
    printf("%.4s, kind %d; a second one: %s\n", (char *)wherry_message_data(message),
           (int)wherry_message_kind(message), full == -ETIMEDOUT ? "no room" : "?");
    wherry_message_free(message);
    wherry_close(channel);
    return 0;
}
