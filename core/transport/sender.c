/* SPDX-License-Identifier: MIT */
/*
 * Who the peer is: what the kernel attached to its first words.
 */
#include "transport/ahead.h"

void sender_remember(struct message_store *store, int fd,
                     const struct os_arrival *arrival)
{
    struct wherry_peer *peer = message_store_peer(store);
    if (peer->trust == WHERRY_TRUST_KERNEL || !arrival->identified)
        return;
    peer->trust = WHERRY_TRUST_KERNEL;
    peer->pid = arrival->pid;
    peer->uid = arrival->uid;
    peer->gid = arrival->gid;
    peer->identity = arrival->identity;
    // Once is enough: attaching it to every message costs both sides.
    os_identify(fd, false);
}
