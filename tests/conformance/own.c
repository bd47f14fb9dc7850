/* SPDX-License-Identifier: MIT */
/*
 * A transport as a user of the library would add it, by wherry/transport.h alone: each
 * message is one packet of a socketpair(2), its kind in front.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rows.h"

enum { OWN_LIMIT = 60000 };

struct own {
    int fd;
    char packet[OWN_LIMIT];
};

static int own_send(void *state, wherry_message **message, unsigned flags)
{
    struct own *own = state;
    int64_t kind = wherry_message_kind(*message);
    struct iovec pieces[2] = {
        {.iov_base = &kind, .iov_len = sizeof kind},
        {.iov_base = wherry_message_data(*message),
         .iov_len = wherry_message_size(*message)},
    };
    struct msghdr packet = {.msg_iov = pieces, .msg_iovlen = 2};
    (void)flags;
    ssize_t n;
    do
        n = sendmsg(own->fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static int own_recv(void *state, wherry_message **out)
{
    struct own *own = state;
    int64_t kind = 0;
    struct iovec pieces[2] = {
        {.iov_base = &kind, .iov_len = sizeof kind},
        {.iov_base = own->packet, .iov_len = sizeof own->packet},
    };
    struct msghdr packet = {.msg_iov = pieces, .msg_iovlen = 2};
    ssize_t n;
    do
        n = recvmsg(own->fd, &packet, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n < 0 ? -errno : 0;
    wherry_message *message = NULL;
    int r = wherry_message_copy(own->packet, (size_t)n - sizeof kind, &message);
    if (r >= 0)
        r = wherry_message_set_kind(message, kind);
    if (r < 0) {
        wherry_message_free(message);
        return r;
    }
    *out = message;
    return 1;
}

static int own_wait(void *state, enum wherry_direction direction,
                    struct wherry_wait waits[WHERRY_WAITS])
{
    struct own *own = state;
    waits[0] = (struct wherry_wait){
        .fd = own->fd, .events = direction == WHERRY_IN ? POLLIN : POLLOUT};
    return 1;
}

static int own_finish(void *state)
{
    struct own *own = state;
    return shutdown(own->fd, SHUT_WR) < 0 ? -errno : 0;
}

static void own_close(void *state)
{
    struct own *own = state;
    close(own->fd);
    free(own);
}

static const struct wherry_transport own_moves = {
    .scheme = "own",
    .abilities = WHERRY_ABLE_DUPLEX | WHERRY_ABLE_KINDS | WHERRY_ABLE_MESSAGES |
                 WHERRY_ABLE_FINISH | WHERRY_ABLE_DESCRIPTOR,
    .message_limit = OWN_LIMIT,
    .send = own_send,
    .recv = own_recv,
    .wait = own_wait,
    .finish = own_finish,
    .close = own_close,
};

int own_channel(int fd, const char *options, wherry_channel **out)
{
    char address[ROW_ADDRESS];
    struct own *own = calloc(1, sizeof *own);
    if (!own)
        return -ENOMEM;
    own->fd = fd;
    address[0] = 0;
    strcat(address, "own:");
    if (options && *options) {
        strcat(address, "?");
        strncat(address, options, sizeof address - strlen(address) - 1);
    }
    int r = wherry_channel_new(&own_moves, own, address, out);
    if (r < 0)
        free(own);
    return r;
}
