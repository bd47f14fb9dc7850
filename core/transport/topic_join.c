/* SPDX-License-Identifier: MIT */
/*
 * Topics: a reader's channel, from the socket on until it is closed.
 *
 * It says that it joins while it dials, and gives its page: so the next publish finds
 * it there.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/base.h"
#include "transport/topic.h"

int topic_check_life(const struct topic_reader *reader)
{
    const unsigned life = atomic_load_explicit(reader->life, memory_order_relaxed);
    return life == 1 ? 0
                     : failure(-ECHILD, "a topic is read through memory, which a child "
                                        "of fork(2) does not have: dial anew");
}

static void topic_describe(void *state, struct wherry_channel_info *info)
{
    struct topic_reader *reader = state;
    info->memory += sizeof(*reader) + RING_FRONT;
    info->dropped_messages += reader->dropped;
    if (!topic_is_welcome(reader) || topic_check_life(reader) < 0)
        return;
    const uint64_t unread =
        WHERRY_LOAD(&reader->theirs.page->writer.tail) - reader->fan.ring.head;
    info->unread_bytes += unread < reader->theirs.size ? unread : reader->theirs.size;
}

static wherry_native topic_far_end(void *state, int *writes)
{
    struct topic_reader *reader = state;
    *writes = 1;
    return reader->carrier.fd;
}

static void topic_leave(void *state)
{
    struct topic_reader *reader = state;
    if (reader->life && topic_check_life(reader) >= 0) {
        ring_leave(&reader->own);
        ring_leave(&reader->theirs);
    }
    os_fork_word_free(reader->life);
    os_close(reader->pidfd);
    os_close(reader->file);
    os_release(&reader->carrier);
    free(reader);
}

static const struct wherry_transport topic_moves = {
    .recv = topic_recv,
    .recv_ahead = topic_recv_ahead,
    .wait = topic_wait,
    .spin = topic_spin,
    .ready = topic_ready,
    .far_end = topic_far_end,
    .describe = topic_describe,
    .close = topic_leave,
};

static int make(struct topic_reader *reader, const struct address *address)
{
    int r = reader->full = topic_policy(address);
    if (r >= 0)
        r = os_fork_word_new(&reader->life);
    if (r < 0)
        return r;
    atomic_store(reader->life, 1);
    r = ring_make(0, &reader->own, &reader->file);
    if (r < 0)
        return r;
    ring_tell_use(&reader->own, RING_OF_READER, reader->carrier.fd);
    (void)os_barrier_join();
    return message_store_new(&reader->store);
}

static int say_join(struct topic_reader *reader)
{
    int r =
        topic_say(&reader->carrier, &(struct topic_word){.what = TOPIC_JOIN,
                                                         .full = (uint32_t)reader->full,
                                                         .file = reader->file});
    return r < 0 ? failure_plain(r, "joining a topic") : 0;
}

int topic_join(const struct address *address, struct os_descriptor socket,
               struct endpoint *out)
{
    struct topic_reader *reader = calloc(1, sizeof(*reader));
    if (!reader) {
        os_release(&socket);
        return failure_plain(-ENOMEM, "no memory for a channel");
    }
    reader->carrier = socket;
    reader->file = -1;
    reader->pidfd = LOCAL_UNWATCHED;
    reader->message_limit = (uint64_t)address_number(address, "message");
    reader->spin = address_number(address, "spin");
    int r = make(reader, address);
    if (r >= 0)
        r = say_join(reader);
    if (r < 0) {
        message_store_leave(reader->store);
        topic_leave(reader);
        return r;
    }
    os_creator(socket.fd, &out->peer);
    *message_store_peer(reader->store) = out->peer;
    out->moves = &topic_moves;
    out->state = reader;
    out->store = reader->store;
    out->abilities = WHERRY_ABLE_RECV | WHERRY_ABLE_KINDS | WHERRY_ABLE_SENDER |
                     WHERRY_ABLE_MESSAGES | WHERRY_ABLE_DESCRIPTOR;
    if (reader->full != FULL_CUT)
        out->abilities |= WHERRY_ABLE_LOSS;
    out->nonblocking = socket.nonblocking;
    out->framing = "";
    return 0;
}
