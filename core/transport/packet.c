/* SPDX-License-Identifier: MIT */
/*
 * Packets: sockets that keep messages apart (seqpacket, datagrams).
 *
 * A packet is one message with what its framing puts around it.  Between two ends that
 * speak the `wherry` framing small messages sent with WHERRY_MORE share a packet.  A
 * packet goes out whole or not at all, so nothing is ever held in part.  One that is
 * larger than the room for it is cut by the kernel: it is told as -EMSGSIZE, and the
 * next one is whole again.
 */
#include "transport/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
    GATHER = 65536,          /* bytes of small messages that share a packet */
    OVERFLOW_LEAST = 262144, /* room for a packet that is larger than the last ones */
};

struct packet {
    struct cutter cutter;
    struct os_descriptor descriptor;
    uint32_t file_limit;
    bool connectionless;
    bool shares_packets; /* both ends speak the `wherry` framing's words */
    uint64_t packet_limit;

    /* the receiver's */
    struct ahead ahead;
    size_t expected; /* room for a packet like the last one */
    uint8_t *overflow;
    size_t overflow_size;
    struct os_arrival arrival; /* of the packet in `ahead` */
    bool was_reset;

    /* the sender's */
    uint8_t *gathered;
    size_t gathered_size;
    uint64_t gathered_count;

    struct os_file made;
    char *path; /* removed at close; NULL: none */
};

/* --- receiving ----------------------------------------------------------- */

static void close_arrived(struct os_arrival *arrival)
{
    for (size_t i = 0; i < arrival->file_count; i++)
        os_close(arrival->files[i]);
    arrival->file_count = 0;
}

static int make_room(struct packet *packet)
{
    if (!packet->overflow) {
        packet->overflow = malloc(packet->overflow_size);
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
        return r;
    }
    memcpy(ahead->block->data + there, packet->overflow, size - there);
    ahead->end = size;
    return 0;
}

static int cut_short(struct packet *packet)
{
    packet->ahead.start = packet->ahead.end = 0;
    close_arrived(&packet->arrival);
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
    int64_t size = os_receive(&packet->descriptor, rooms, 2, &packet->arrival,
                              packet->connectionless);
    // A peer that died with our messages unread makes this the first answer, before
    // what it sent (unix(7)); what it sent is still there.
    if (size == -ECONNRESET && packet->descriptor.is_unix && !packet->was_reset) {
        packet->was_reset = true;
        return receive(packet);
    }
    return size;
}

static int at_end(const struct packet *packet)
{
    if (!packet->was_reset)
        return 0;
    return failure(-ECONNRESET, "the peer is gone and left messages unread");
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
    if (packet->arrival.cut)
        return cut_short(packet);
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
    close_arrived(&packet->arrival);
    return error;
}

static int adopt_files(struct packet *packet, size_t claimed, wherry_message *message)
{
    struct os_arrival *arrival = &packet->arrival;
    bool counted = (packet->cutter.framing->info.abilities & WHERRY_ABLE_FILES) != 0;
    if (counted && claimed == 0)
        return 0;
    if (arrival->files_lost)
        return failure(
            -EMFILE, "the open files of a message did not fit: this process is out of "
                     "file descriptors (ulimit -n); the message is lost");
    if (counted && claimed != arrival->file_count)
        return failure(-EPROTO, "a message claims %zu open files, %zu came with it",
                       claimed, arrival->file_count);
    if (arrival->file_count == 0)
        return 0;
    int r = message_adopt_files(message, arrival->files, arrival->file_count);
    if (r >= 0)
        arrival->file_count = 0;
    return r;
}

static int set_origin(struct packet *packet, wherry_message *message)
{
    struct os_name *from = &packet->arrival.from;
    if (!packet->connectionless || from->size == 0)
        return 0;
    struct message_route *route;
    int r = message_route(message, &route);
    if (r < 0)
        return r;
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
        close_arrived(&packet->arrival);
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
    if (r < 0)
        return drop_packet(packet, r);
    return deliver(packet, frame.files, out);
}

static int packet_recv(void *state, wherry_message **out)
{
    struct packet *packet = state;
    if (ahead_size(&packet->ahead) == 0) {
        int r = read_packet(packet);
        if (r <= 0)
            return r;
    }
    return cut_packet(packet, out);
}

static int packet_ready(void *state)
{
    struct packet *packet = state;
    return ahead_size(&packet->ahead) > 0;
}

/* --- sending ------------------------------------------------------------- */

static int flush_gathered(struct packet *packet)
{
    if (packet->gathered_size == 0)
        return 0;
    struct os_bytes piece = {packet->gathered, packet->gathered_size};
    int64_t size = os_send(&packet->descriptor, &piece, 1, NULL, 0, NULL);
    if (size < 0)
        return (int)size;
    packet->gathered_size = 0;
    packet->gathered_count = 0;
    return 0;
}

static int packet_flush(void *state)
{
    return flush_gathered(state);
}

static int encode(const struct packet *packet, const wherry_message *message,
                  struct frame_edges *edges)
{
    const struct framing *framing = packet->cutter.framing;
    bool counts_files = (framing->info.abilities & WHERRY_ABLE_FILES) != 0;
    struct frame frame = {.word = (enum frame_word)message->word,
                          .size = message->size,
                          .kind = message->kind,
                          .files = counts_files ? message->file_count : 0};
    int r = framing->check ? framing->check(message->data, message->size) : 0;
    if (r >= 0)
        r = framing->encode(&frame, edges);
    size_t size = edges->head_size + message->size + edges->tail_size;
    if (r >= 0 && size == 0 && packet->descriptor.kind == OS_KIND_PACKET)
        return failure(-EBADMSG, "an empty packet cannot be told from the end of the "
                                 "channel: use the wherry framing, or send a byte");
    return r;
}

static void append(struct packet *packet, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(packet->gathered + packet->gathered_size, bytes, size);
    packet->gathered_size += size;
}

static void sent(wherry_message **message)
{
    if ((*message)->borrowed)
        return;
    wherry_message_free(*message);
    *message = NULL;
}

static int gather(struct packet *packet, const struct frame_edges *edges,
                  wherry_message **message)
{
    append(packet, edges->head, edges->head_size);
    append(packet, (*message)->data, (*message)->size);
    append(packet, edges->tail, edges->tail_size);
    packet->gathered_count++;
    sent(message);
    return 0;
}

static int send_alone(struct packet *packet, const struct frame_edges *edges,
                      wherry_message **message)
{
    wherry_message *one = *message;
    struct os_bytes pieces[3] = {{edges->head, edges->head_size},
                                 {one->data, one->size},
                                 {edges->tail, edges->tail_size}};
    struct os_name to = {0};
    if (packet->connectionless && one->route && one->route->to_size > 0) {
        to.size = one->route->to_size;
        memcpy(to.bytes, one->route->to, sizeof(to.bytes));
    }
    int64_t size = os_send(&packet->descriptor, pieces, 3, one->files, one->file_count,
                           to.size > 0 ? &to : NULL);
    if (size == -EMSGSIZE)
        return failure(
            -EMSGSIZE,
            "a packet of %zu bytes is more than this socket takes (%llu): use "
            "buffer=, or type=stream",
            one->size, (unsigned long long)packet->packet_limit);
    if (size < 0)
        return (int)size;
    sent(message);
    return 0;
}

// The last of several: with them in one packet, or, if that is refused, not at all yet.
static int send_last(struct packet *packet, const struct frame_edges *edges,
                     wherry_message **message)
{
    wherry_message *one = *message;
    struct os_bytes pieces[OS_PIECES] = {{packet->gathered, packet->gathered_size},
                                         {edges->head, edges->head_size},
                                         {one->data, one->size},
                                         {edges->tail, edges->tail_size}};
    int64_t size = os_send(&packet->descriptor, pieces, OS_PIECES, NULL, 0, NULL);
    if (size < 0)
        return (int)size;
    packet->gathered_size = 0;
    packet->gathered_count = 0;
    sent(message);
    return 0;
}

// Small ones that follow each other leave in one packet; whatever does not fit or
// carries files goes alone, after them.
static int packet_send(void *state, wherry_message **message, unsigned flags)
{
    struct packet *packet = state;
    struct frame_edges edges = {0};
    int r = encode(packet, *message, &edges);
    if (r < 0)
        return r;
    size_t size = edges.head_size + (*message)->size + edges.tail_size;
    bool more = (flags & WHERRY_MORE) && packet->shares_packets;
    bool may_share = (more || packet->gathered_size > 0) &&
                     (*message)->file_count == 0 && size <= GATHER / 2 &&
                     GATHER <= packet->packet_limit;
    if (!may_share || packet->gathered_size + size > GATHER) {
        if ((r = flush_gathered(packet)) < 0)
            return r;
    }
    if (!may_share || (!more && packet->gathered_size == 0))
        return send_alone(packet, &edges, message);
    if (!packet->gathered && !(packet->gathered = malloc(GATHER)))
        return failure_plain(-ENOMEM, "no memory to gather messages in");
    if (more)
        return gather(packet, &edges, message);
    return send_last(packet, &edges, message);
}

/* --- the rest ------------------------------------------------------------ */

static int packet_wait(void *state, enum wherry_direction direction,
                       struct wherry_wait waits[WHERRY_WAITS])
{
    struct packet *packet = state;
    bool in = direction == WHERRY_IN;
    // Without a peer of its own a unix datagram socket is always writable (unix(7)),
    // however full the receiver is: there is nothing to wait for but time.
    if (!in && packet->connectionless && packet->descriptor.is_unix)
        return 0;
    waits[0] =
        (struct wherry_wait){packet->descriptor.fd, in ? os_wait_in : os_wait_out};
    return 1;
}

static int packet_finish(void *state)
{
    struct packet *packet = state;
    if (packet->descriptor.kind != OS_KIND_PACKET)
        return failure(-ENOTSUP, "datagrams have no end that a peer could be told");
    return os_shut_down(packet->descriptor.fd);
}

static void packet_rest(void *state)
{
    struct packet *packet = state;
    ahead_rest(&packet->ahead);
    if (packet->gathered_size == 0) {
        free(packet->gathered);
        packet->gathered = NULL;
    }
    if (packet->ahead.block)
        return;
    free(packet->overflow);
    packet->overflow = NULL;
    packet->expected = AHEAD_SMALL;
}

static void packet_describe(void *state, struct wherry_channel_info *info)
{
    struct packet *packet = state;
    int64_t unread = os_unread(packet->descriptor.fd);
    int64_t unsent = os_unsent(packet->descriptor.fd);
    info->unread_bytes += unread > 0 ? (uint64_t)unread : 0;
    info->unsent_bytes += unsent > 0 ? (uint64_t)unsent : 0;
    info->queued_messages += packet->gathered_count;
    info->queued_bytes += packet->gathered_size;
    info->memory += sizeof(*packet) + (packet->gathered ? GATHER : 0);
    const int most = (int)(sizeof(info->holders) / sizeof(info->holders[0]));
    if (packet->descriptor.is_unix && !packet->connectionless)
        info->holder_count = os_holders(&packet->descriptor, true, info->holders, most);
}

static void packet_close(void *state)
{
    struct packet *packet = state;
    close_arrived(&packet->arrival);
    wherry_message_free(packet->ahead.block);
    free(packet->overflow);
    free(packet->gathered);
    if (packet->path)
        os_remove(packet->path, &packet->made);
    free(packet->path);
    os_release(&packet->descriptor);
    free(packet);
}

static const struct wherry_transport packet_moves = {
    .send = packet_send,
    .recv = packet_recv,
    .flush = packet_flush,
    .wait = packet_wait,
    .finish = packet_finish,
    .ready = packet_ready,
    .rest = packet_rest,
    .describe = packet_describe,
    .close = packet_close,
};

/* --- making one ---------------------------------------------------------- */

static unsigned abilities_of(const struct packet *packet,
                             const struct packet_plan *plan)
{
    unsigned abilities = plan->abilities | WHERRY_ABLE_MESSAGES;
    if (!(packet->cutter.framing->info.abilities & WHERRY_ABLE_KINDS))
        abilities &= ~(unsigned)WHERRY_ABLE_KINDS;
    if (!packet->descriptor.is_unix)
        abilities &= ~(unsigned)(WHERRY_ABLE_FILES | WHERRY_ABLE_SENDER);
    if (!packet->shares_packets)
        abilities &= ~(unsigned)(WHERRY_ABLE_DRAIN | WHERRY_ABLE_SENDER);
    if (packet->descriptor.kind != OS_KIND_PACKET)
        abilities &= ~(unsigned)WHERRY_ABLE_FINISH;
    return abilities;
}

static int fill(struct packet *packet, const struct packet_plan *plan)
{
    const struct framing *framing =
        framing_find(address_string(plan->address, "framing"));
    packet->cutter = (struct cutter){
        .framing = framing,
        .message_limit = (uint64_t)address_number(plan->address, "message"),
    };
    packet->descriptor = plan->descriptor;
    packet->file_limit = (uint32_t)address_number(plan->address, "files");
    packet->connectionless = plan->connectionless;
    packet->shares_packets =
        framing->has_words && plan->descriptor.kind == OS_KIND_PACKET;
    packet->packet_limit = os_packet_limit(&plan->descriptor);
    packet->expected = AHEAD_SMALL;
    packet->overflow_size = (size_t)packet->packet_limit * 2;
    if (packet->overflow_size < OVERFLOW_LEAST)
        packet->overflow_size = OVERFLOW_LEAST;
    packet->made = plan->made;
    if (plan->path && !(packet->path = strdup(plan->path)))
        return failure_plain(-ENOMEM, "no memory for a channel");
    return message_store_new(&packet->cutter.store);
}

int packet_new(const struct packet_plan *plan, struct endpoint *out)
{
    struct os_descriptor descriptor = plan->descriptor;
    struct packet *packet = calloc(1, sizeof(*packet));
    int r =
        packet ? fill(packet, plan) : failure_plain(-ENOMEM, "no memory for a channel");
    if (r < 0) {
        if (packet)
            free(packet->path);
        free(packet);
        os_release(&descriptor);
        return r;
    }
    out->moves = &packet_moves;
    out->state = packet;
    out->store = packet->cutter.store;
    out->abilities = abilities_of(packet, plan);
    out->message_limit = packet->packet_limit > FRAMING_HEAD
                             ? packet->packet_limit - FRAMING_HEAD
                             : packet->packet_limit;
    out->framing = packet->cutter.framing->info.name;
    out->words = packet->shares_packets;
    *message_store_peer(out->store) = out->peer;
    return 0;
}
