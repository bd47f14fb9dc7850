/* SPDX-License-Identifier: MIT */
/*
 * What the openers of channels share: what an endpoint shows, whom it knows at its
 * other end, and what an error of the system means to whoever wrote the address.
 */
#include "transport/transport.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

enum { SHOWN = 160 }; // bytes of an address that an error text shows

void endpoint_show(struct endpoint *endpoint, const char *address)
{
    endpoint->peer = (struct wherry_peer){.pid = -1, .uid = -1, .gid = -1};
    snprintf(endpoint->address, sizeof(endpoint->address), "%s", address);
}

void endpoint_close(struct endpoint *endpoint)
{
    endpoint->moves->close(endpoint->state);
    if (endpoint->store)
        message_store_leave(endpoint->store);
}

// What is the same everywhere.
static const struct complaint general[] = {
    {EMFILE,
     "this process has as many descriptors open as it may: close some, or raise "
     "its limit (ulimit -n)"},
    {ENFILE, "the whole system has as many files open as it may (fs.file-max)"},
    {ENOMEM, "there is not enough memory"},
    {ENOBUFS, "the kernel has not enough memory for it"},
    {EAGAIN, "it cannot be done without waiting: give a deadline later than now"},
    {ETIMEDOUT, "the deadline passed before the other end was there"},
    {ENOTDIR, "a part of the path in front of the last is not a directory"},
    {ELOOP, "the path goes in circles of symbolic links"},
    {EROFS, "the file system there is read-only"},
    {ENOSPC, "there is no space left for a name in the file system there"},
    {0, NULL},
};

static const struct complaint *find_complaint(const struct complaint *table, int error)
{
    for (; table && table->error; table++)
        if (table->error == -error)
            return table;
    return NULL;
}

int endpoint_refuse(const struct address *address, int error,
                    const struct complaint *table)
{
    const char *text = address_text(address);
    const char *dots = strlen(text) > SHOWN ? "..." : "";
    const struct complaint *complaint = find_complaint(table, error);
    if (!complaint)
        complaint = find_complaint(general, error);
    if (complaint && !complaint->text)
        return failure_prefix(error, "%.*s%s", SHOWN, text, dots);
    return failure(error, "%.*s%s: %s", SHOWN, text, dots,
                   complaint ? complaint->text : error_words(error));
}

uint64_t endpoint_payload(const struct address *address, uint64_t size)
{
    const struct framing *framing = framing_find(address_string(address, "framing"));
    struct frame frame = {.word = FRAME_MESSAGE, .size = size};
    struct frame_edges edges = {0};
    int r = framing_encode(framing, &frame, &edges);
    assert(r >= 0);
    (void)r;
    uint64_t around = edges.place.head_size + edges.place.tail_size;
    return size > around ? size - around : 0;
}

int endpoint_keep_nothing(void *state)
{
    (void)state;
    return 0;
}

enum os_kind endpoint_kind(const struct address *address)
{
    static const enum os_kind kinds[] = {OS_KIND_PACKET, OS_KIND_STREAM,
                                         OS_KIND_DATAGRAM};

    return kinds[address_number(address, "type")];
}

int endpoint_mode(const struct address *address, uint32_t *out)
{
    int64_t digits = address_number(address, "mode");
    uint32_t mode = 0;
    for (unsigned shift = 0; digits > 0; digits /= 10, shift += 3) {
        if (digits % 10 > 7)
            return failure(-EINVAL,
                           "mode=%s: access rights are octal digits, 0 to 7, as chmod "
                           "has them: 600, 660, 666",
                           address_string(address, "mode"));
        mode |= (uint32_t)(digits % 10) << shift;
    }
    *out = mode;
    return 0;
}

int endpoint_name(const struct address *address, const char *noun)
{
    enum { NAME_MOST = 255 }; // bytes behind the slash, NAME_MAX

    const char *name = address_rest(address);
    const size_t size = address_rest_size(address);
    if (name[0] != '/' || size < 2 || strlen(name) != size || strchr(name + 1, '/'))
        return failure(-EINVAL,
                       "a %s's name is one slash and what follows it, without another: "
                       "%s:/NAME",
                       noun, address_scheme(address));
    if (size - 1 > NAME_MOST)
        return failure(-ENAMETOOLONG, "a %s's name has at most %d bytes, these are %zu",
                       noun, NAME_MOST, size - 1);
    return strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0
               ? failure(-EINVAL, "a %s cannot be called %s", noun, name)
               : 0;
}

static void meet_peer(const struct os_descriptor *socket, struct wherry_peer *peer)
{
    struct os_name name;
    if (socket->is_unix)
        os_creator(socket->fd, peer);
    if (os_socket_peer(socket->fd, &name) >= 0)
        os_name_print(&name, socket->kind == OS_KIND_STREAM ? "tcp" : "udp",
                      peer->address, sizeof(peer->address));
}

void endpoint_identify(const struct address *address,
                       const struct os_descriptor *socket, struct endpoint *out)
{
    const struct framing *framing = framing_find(address_string(address, "framing"));
    if (socket->fd < 0 || !socket->is_unix)
        return;
    os_creator(socket->fd, &out->peer);
    if (framing->has_words && socket->kind != OS_KIND_DATAGRAM)
        os_identify(socket->fd, true);
}

// Datagrams may be lost between hosts; a unix(7) socket never loses one.
static unsigned packet_abilities(const struct os_descriptor *socket)
{
    bool may_lose = socket->kind == OS_KIND_DATAGRAM && !socket->is_unix;
    return ENDPOINT_SOCKET | (may_lose ? WHERRY_ABLE_LOSS : 0) |
           (socket->is_unix ? 0 : WHERRY_ABLE_HOSTS);
}

int endpoint_socket(const struct address *address, struct os_descriptor socket,
                    const char *path, struct endpoint *out)
{
    struct os_file made = {0};
    bool is_made = path && os_look(path, &made) >= 0;
    endpoint_show(out, address_text(address));
    meet_peer(&socket, &out->peer);
    int r;
    if (socket.kind == OS_KIND_STREAM) {
        unsigned abilities = ENDPOINT_SOCKET | (socket.is_unix ? 0 : WHERRY_ABLE_HOSTS);
        r = stream_new(&(struct stream_plan){.address = address,
                                             .in = socket,
                                             .out = socket,
                                             .abilities = abilities,
                                             .words = true,
                                             .made = made,
                                             .path = is_made ? path : NULL},
                       out);
    } else {
        r = packet_new(&(struct packet_plan){.address = address,
                                             .descriptor = socket,
                                             .abilities = packet_abilities(&socket),
                                             .scheme = socket.is_unix ? "unix" : "udp",
                                             .made = made,
                                             .path = is_made ? path : NULL},
                       out);
    }
    if (r < 0 && is_made)
        os_remove(path, &made);
    return r;
}
