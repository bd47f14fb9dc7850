/* SPDX-License-Identifier: MIT */
/*
 * Receiving packets.
 *
 * A packet is received whole: into a block with room for one like the last, and what
 * does not fit there into an overflow, from which both are put together.  So packets of
 * one size cost no second copy.  One larger than both is cut by the kernel: that is
 * told, and the next is whole again.  Two ends that speak the `wherry` framing may
 * share a packet between several messages, which are cut out of it one by one.
 */
#include "transport/packet.h"

#include <errno.h>
#include <string.h>

enum { STRANGERS_AT_ONCE = 64 }; // packets passed over in one recv

static int make_room(struct packet *packet)
{
    if (!packet->overflow) {
        packet->overflow = os_room_new(packet->overflow_size);
        if (!packet->overflow)
            return failure_plain(-ENOMEM, "no memory to receive packets");
    }
    struct ahead *ahead = &packet->ahead;
    if (ahead->block && ahead->block->capacity >= packet->expected)
        return 0;
    return ahead_change(ahead, &packet->cutter, packet->expected);
}

static int take_overflow(struct packet *packet, size_t size)
{
    struct ahead *ahead = &packet->ahead;
    size_t there = ahead->block->capacity;
    ahead->end = there;
    packet->expected = size;
    int r = ahead_change(ahead, &packet->cutter, size);
    if (r < 0) {
        ahead->end = 0;
        open_files_close(&packet->files); // they are this packet's, and it is lost
        return r;
    }
    memcpy(ahead->block->data + there, packet->overflow, size - there);
    ahead->end = size;
    return 0;
}

static int cut_short(struct packet *packet)
{
    packet->ahead.start = packet->ahead.end = 0;
    open_files_close(&packet->files);
    return failure(-EMSGSIZE,
                   "a packet of more than %llu bytes came and was lost: raise message= "
                   "(now %llu) or buffer= on this side",
                   (unsigned long long)(packet->expected + packet->overflow_size),
                   (unsigned long long)packet->cutter.message_limit);
}

// Between two packets a closed peer reads as 0 bytes; so does an empty packet, where
// the framing adds nothing.
static bool is_end(const struct packet *packet)
{
    return packet->descriptor.kind == OS_KIND_PACKET &&
           (packet->shares_packets || os_hung_up(packet->descriptor.fd));
}

static int64_t receive(struct packet *packet)
{
    struct ahead *ahead = &packet->ahead;
    struct os_room rooms[2] = {{ahead->block->data, ahead->block->capacity},
                               {packet->overflow, packet->overflow_size}};
    int files[OS_FILES];
    packet->arrival.files = files;
    int64_t size = os_receive(&packet->descriptor, rooms, 2, &packet->arrival,
                              packet->connectionless);
    int r = 0;
    if (size >= 0 && (packet->arrival.file_count > 0 || packet->arrival.files_lost))
        r = open_files_push(&packet->files, &packet->arrival, OS_FILES + 1);
    packet->arrival.files = NULL;
    // A peer that died with our messages unread makes this the first answer, before
    // what it sent (unix(7)); what it sent is still there.
    if (size == -ECONNRESET && packet->descriptor.is_unix && !packet->was_reset) {
        packet->was_reset = true;
        return receive(packet);
    }
    return r < 0 ? r : size;
}

static int at_end(const struct packet *packet)
{
    if (!packet->was_reset)
        return 0;
    return failure(-ECONNRESET, "the peer is gone and left messages unread");
}

// What other users send to an abstract name that is not open to them (unix(7) names
// have no rights of their own) is not looked at.
static bool may_speak(const struct packet *packet)
{
    const struct os_arrival *arrival = &packet->arrival;
    return !packet->one_user ||
           (arrival->identified && (arrival->uid == os_user() || arrival->uid == 0));
}

static int read_packet(struct packet *packet)
{
    int r = make_room(packet);
    if (r < 0)
        return r;
    int64_t size = receive(packet);
    if (size < 0)
        return size == -EAGAIN ? -EAGAIN : failure_plain((int)size, "receiving");
    if (size == 0 && is_end(packet))
        return at_end(packet);
    if (!may_speak(packet)) {
        open_files_close(&packet->files);
        return AHEAD_MORE;
    }
    if (packet->arrival.cut)
        return cut_short(packet);
    if (!packet->connectionless)
        sender_remember(packet->cutter.store, packet->descriptor.fd, &packet->arrival);
    packet->ahead.end = (size_t)size;
    if ((size_t)size > packet->ahead.block->capacity)
        return (r = take_overflow(packet, (size_t)size)) < 0 ? r : 1;
    return 1;
}

// The packet that lies there is no use: says so, and the next one is looked at then.
static int drop_packet(struct packet *packet, int error)
{
    packet->ahead.start = packet->ahead.end = 0;
    packet->ahead.scan = (struct frame_scan){0};
    open_files_close(&packet->files);
    return error;
}

static int adopt_files(struct packet *packet, size_t claimed, wherry_message *message)
{
    const struct os_arrival *arrival = &packet->arrival;
    bool counted = (packet->cutter.framing->info.abilities & WHERRY_ABLE_FILES) != 0;
    if (counted && claimed == 0)
        return 0;
    if (counted && !arrival->files_lost && claimed != arrival->file_count)
        return failure(-EPROTO, "a message claims %zu open files, %zu came with it",
                       claimed, arrival->file_count);
    // With a mark among them this runs into it, and says that some were lost.
    size_t came = packet->files.count;
    return came > 0
               ? open_files_claim(&packet->files, came, packet->file_limit, message)
               : 0;
}

// Where there are no connections, every packet says who sent it.
static int set_origin(struct packet *packet, wherry_message *message)
{
    const struct os_arrival *arrival = &packet->arrival;
    const struct os_name *from = &arrival->from;
    if (!packet->connectionless)
        return 0;
    struct message_route *route;
    int r = message_route(message, &route);
    if (r < 0)
        return r;
    route->has_sender = true;
    route->sender = (struct wherry_peer){
        .trust = arrival->identified ? WHERRY_TRUST_KERNEL : WHERRY_TRUST_NONE,
        .pid = arrival->pid,
        .uid = arrival->uid,
        .gid = arrival->gid,
        .identity = arrival->identity,
    };
    route->from_size = from->size;
    memcpy(route->from, from->bytes, sizeof(route->from));
    return 0;
}

static int deliver(struct packet *packet, size_t files, wherry_message **out)
{
    int r = adopt_files(packet, files, *out);
    if (r >= 0)
        r = set_origin(packet, *out);
    // Files beside the packet's last message that nobody claimed.
    if (ahead_size(&packet->ahead) == 0)
        open_files_close(&packet->files);
    if (r >= 0)
        return 1;
    wherry_message_free(*out);
    *out = NULL;
    return r;
}

static int cut_packet(struct packet *packet, wherry_message **out)
{
    struct ahead *ahead = &packet->ahead;
    struct frame frame = {0};
    struct frame_place place;
    int r = ahead_size(ahead) > 0
                ? ahead_cut(ahead, &packet->cutter, &frame, &place, out)
                : AHEAD_MORE;
    if (r == AHEAD_MORE && packet->cutter.framing->end_completes)
        r = ahead_cut_rest(ahead, &packet->cutter, out);
    if (r == AHEAD_MORE)
        r = failure(-EPROTO,
                    "a packet ends in the middle of a record: the peer speaks "
                    "another framing than %s",
                    packet->cutter.framing->info.name);
    if (r == -ENOMEM)
        return r; // it is still there, for the next call
    if (r < 0)
        return drop_packet(packet, r);
    return deliver(packet, frame.files, out);
}

int packet_recv(void *state, wherry_message **out)
{
    struct packet *packet = state;
    int r = ahead_size(&packet->ahead) > 0 ? 1 : AHEAD_MORE;
    for (int i = 0; r == AHEAD_MORE && i < STRANGERS_AT_ONCE; i++)
        r = read_packet(packet);
    if (r == AHEAD_MORE)
        return -EAGAIN;
    if (r <= 0)
        return r;
    return cut_packet(packet, out);
}

// Not where every packet has an origin of its own.
size_t packet_recv_ahead(void *state, wherry_message **messages, size_t count)
{
    struct packet *packet = state;
    if (packet->connectionless || packet->files.count > 0)
        return 0;
    return ahead_cut_plain(&packet->ahead, &packet->cutter, messages, count);
}

int packet_ready(void *state)
{
    struct packet *packet = state;
    return ahead_size(&packet->ahead) > 0;
}
