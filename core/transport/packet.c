/* SPDX-License-Identifier: MIT */
/*
 * Packets: sockets that keep messages apart (seqpacket, datagrams).
 *
 * This file makes, describes and ends them; packet_in.c receives, packet_out.c sends.
 */
#include "transport/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for a packet that is larger than the last ones. */
enum { OVERFLOW_LEAST = 262144 };

static int packet_wait(void *state, enum wherry_direction direction,
                       struct wherry_wait waits[WHERRY_WAITS])
{
    struct packet *packet = state;
    bool in = direction == WHERRY_IN;
    // Without a peer of its own a unix datagram socket is always writable (unix(7)),
    // however full the receiver is: there is nothing to wait for but time.
    if (!in && packet->connectionless && packet->descriptor.is_unix)
        return 0;
    waits[0] = (struct wherry_wait){.fd = packet->descriptor.fd, .events = os_wait_out};
    if (in)
        waits[0].events = os_wait_in;
    return 1;
}

// A packet is never held in part, so nothing borrowed ever stays here.
static int packet_keep(void *state)
{
    (void)state;
    return 0;
}

static int packet_finish(void *state)
{
    struct packet *packet = state;
    if (packet->descriptor.kind != OS_KIND_PACKET)
        return failure(-ENOTSUP, "datagrams have no end that a peer could be told");
    return os_shut_down(packet->descriptor.fd);
}

static int64_t packet_rest(void *state)
{
    struct packet *packet = state;
    ahead_rest(&packet->ahead);
    gathered_rest(&packet->gathered, packet->cutter.store);
    if (packet->ahead.block)
        return 0;
    os_room_free(packet->overflow, packet->overflow_size);
    packet->overflow = NULL;
    packet->expected = AHEAD_SMALL;
    return 0;
}

static void packet_describe(void *state, struct wherry_channel_info *info)
{
    struct packet *packet = state;
    int64_t unread = os_unread(packet->descriptor.fd);
    int64_t unsent = os_unsent(packet->descriptor.fd);
    info->unread_bytes += unread > 0 ? (uint64_t)unread : 0;
    info->unsent_bytes += unsent > 0 ? (uint64_t)unsent : 0;
    gathered_describe(&packet->gathered, info);
    info->memory += sizeof(*packet);
}

static wherry_native packet_far_end(void *state, int *writes)
{
    struct packet *packet = state;
    *writes = 1;
    bool has_peer = packet->descriptor.is_unix && !packet->connectionless;
    return has_peer ? packet->descriptor.fd : -1;
}

static void packet_close(void *state)
{
    struct packet *packet = state;
    open_files_close(&packet->files);
    wherry_message_free(packet->ahead.block);
    os_room_free(packet->overflow, packet->overflow_size);
    gathered_close(&packet->gathered);
    if (packet->path)
        os_remove(packet->path, &packet->made);
    free(packet->path);
    os_release(&packet->descriptor);
    free(packet);
}

static const struct wherry_transport packet_moves = {
    .send = packet_send,
    .recv = packet_recv,
    .gather = packet_gather,
    .recv_ahead = packet_recv_ahead,
    .flush = packet_flush,
    .wait = packet_wait,
    .keep = packet_keep,
    .finish = packet_finish,
    .ready = packet_ready,
    .rest = packet_rest,
    .far_end = packet_far_end,
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
        abilities &= ~(unsigned)WHERRY_ABLE_DRAIN;
    // With the hello, or, where there are no connections, with every packet.
    if (!packet->shares_packets && !packet->connectionless)
        abilities &= ~(unsigned)WHERRY_ABLE_SENDER;
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
    packet->one_user = plan->one_user;
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
    out->nonblocking = descriptor.nonblocking;
    out->state = packet;
    out->store = packet->cutter.store;
    out->abilities = abilities_of(packet, plan);
    out->message_limit = endpoint_payload(plan->address, packet->packet_limit);
    out->framing = packet->cutter.framing->info.name;
    out->words = packet->shares_packets;
    *message_store_peer(out->store) = out->peer;
    return 0;
}
