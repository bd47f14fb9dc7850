/* SPDX-License-Identifier: MIT */
/*
 * The inside of a packet socket, between packet.c, packet_in.c and packet_out.c.
 */
#ifndef TRANSPORT_PACKET_H
#define TRANSPORT_PACKET_H

#include "transport/ahead.h"
#include "transport/gather.h"
#include "transport/open_files.h"

struct packet {
    struct cutter cutter;
    struct os_descriptor descriptor;
    uint32_t file_limit;
    bool connectionless;
    bool one_user;
    bool shares_packets; /* both ends speak the `wherry` framing's words */
    uint64_t packet_limit;

    /* the receiver's */
    struct ahead ahead;
    size_t expected;   /* room for a packet like the last one */
    uint8_t *overflow; /* takes memory only when a packet reaches into it */
    size_t overflow_size;
    struct open_files files;   /* that came with the packet in `ahead` */
    struct os_arrival arrival; /* of that packet, but for its files */
    bool was_reset;

    /* the sender's */
    struct gathered gathered; /* one packet to come */
    bool was_refused;         /* its own peer has gone */

    struct os_file made;
    char *path; /* removed at close; NULL: none */
};

int packet_recv(void *state, wherry_message **out);
size_t packet_recv_ahead(void *state, wherry_message **messages, size_t count);
int packet_ready(void *state);

int packet_send(void *state, wherry_message **message, unsigned flags);
size_t packet_gather(void *state, const struct wherry_plain *messages, size_t count);
int packet_flush(void *state);

#endif
