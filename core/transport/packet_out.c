/* SPDX-License-Identifier: MIT */
/*
 * Sending packets.
 *
 * A packet goes out whole or not at all, so nothing is ever held in part.  Between two
 * ends that speak the `wherry` framing small messages sent with WHERRY_MORE share one
 * packet; whatever does not fit or carries open files goes alone, after them.
 */
#include "transport/packet.h"

#include <errno.h>
#include <string.h>

int packet_flush(void *state)
{
    struct packet *packet = state;
    struct os_bytes piece = gathered_piece(&packet->gathered);
    if (piece.size == 0)
        return 0;
    int64_t size = os_send(&packet->descriptor, &piece, 1, NULL, 0, NULL);
    if (size < 0)
        return (int)size;
    gathered_consume(&packet->gathered, piece.size);
    return 0;
}

static int encode(const struct packet *packet, const wherry_message *message,
                  struct frame_edges *edges)
{
    const struct framing *framing = packet->cutter.framing;
    struct record_way way = {
        .counts_files = (framing->info.abilities & WHERRY_ABLE_FILES) != 0,
        .before = packet->gathered.records.size,
        .most = (size_t)packet->packet_limit,
    };
    int r = record_encode(framing, message, &way, edges);
    if (r < 0)
        return r;
    bool is_empty = record_size(edges, message) == 0;
    if (is_empty && packet->descriptor.kind == OS_KIND_PACKET)
        return failure(-EBADMSG, "an empty packet cannot be told from the end of the "
                                 "channel: use the wherry framing, or send a byte");
    return 0;
}

static bool may_gather(const struct packet *packet)
{
    return packet->shares_packets && GATHER <= packet->packet_limit;
}

size_t packet_gather(void *state, const struct wherry_plain *messages, size_t count)
{
    struct packet *packet = state;
    if (!may_gather(packet))
        return 0;
    return gathered_add_run(&packet->gathered, packet->cutter.framing,
                            packet->cutter.store, messages, count);
}

static const struct os_name *destination(const struct packet *packet,
                                         const wherry_message *message,
                                         struct os_name *room)
{
    const struct message_route *route = message->route;
    if (!packet->connectionless || !route || route->to_size == 0)
        return NULL;
    room->size = route->to_size;
    memcpy(room->bytes, route->to, sizeof(room->bytes));
    return room;
}

// Alone, or as the last of several that were gathered: in one packet with them, or, if
// that is refused, not at all yet.
static int send_now(struct packet *packet, const struct frame_edges *edges,
                    wherry_message **message)
{
    wherry_message *one = *message;
    struct os_bytes pieces[OS_PIECES];
    uint8_t room[RECORD_SMALL];
    size_t count = 0;
    struct os_bytes before = gathered_piece(&packet->gathered);
    if (before.size > 0)
        pieces[count++] = before;
    count += record_one_piece(edges, one, room, pieces + count);
    struct os_name room_of_name;
    const struct os_name *to = destination(packet, one, &room_of_name);
    int64_t size =
        os_send(&packet->descriptor, pieces, count, one->files, one->file_count, to);
    // A unix(7) socket tells that its peer has gone once, then it has none any more.
    packet->was_refused |= size == -ECONNREFUSED && !to;
    if (size == -ENOTCONN && packet->was_refused)
        return -ECONNREFUSED;
    if (size == -EMSGSIZE)
        return failure(
            -EMSGSIZE,
            "a packet of %zu bytes is more than this socket takes (%llu): use "
            "buffer=, or type=stream",
            one->size, (unsigned long long)packet->packet_limit);
    if (size < 0)
        return (int)size;
    gathered_consume(&packet->gathered, before.size);
    message_store_sent(packet->cutter.store, message);
    return 0;
}

int packet_send(void *state, wherry_message **message, unsigned flags)
{
    struct packet *packet = state;
    struct gathered *gathered = &packet->gathered;
    size_t size = (*message)->size;
    bool is_bare = (*message)->file_count == 0;
    bool shares = is_bare && may_gather(packet) && gathered_is_small(size);
    struct frame_edges edges;
    // What can never go is refused now, not when there is room.
    int r = encode(packet, *message, &edges);
    if (r >= 0 && (!shares || !gathered_fits(gathered, size)))
        r = packet_flush(packet);
    if (r < 0)
        return r;
    if (shares && (flags & WHERRY_MORE))
        return gathered_add(gathered, packet->cutter.framing, packet->cutter.store,
                            message);
    return send_now(packet, &edges, message);
}
