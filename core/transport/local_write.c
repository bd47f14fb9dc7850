/* SPDX-License-Identifier: MIT */
/*
 * local: - writing into this end's ring.
 *
 * What is small enough for one record is taken whole or not at all.  A larger message
 * goes in pieces, each visible at once, so that the reader copies one while the next is
 * written; what the ring has no room for is held, as a stream does, and goes first from
 * then on.
 */
#include "transport/local.h"

#include <errno.h>

enum {
    LOOK_EVERY = 16,      // publishes, after which it is asked for the time,
    LOOK_AFTER = 1000000, // and after so many nanoseconds whether anybody is there
};

/* --- waking and noticing ------------------------------------------------- */

// Whoever is not there to be woken has died; a socket that is full wakes by that.
static int wake_reader(struct local *local)
{
    os_lock_take(&local->speech);
    int r = local_say(local, LOCAL_BELL, -1);
    os_lock_give(&local->speech);
    return r == -EAGAIN ? 0 : r;
}

static int look_for_reader(struct local *local)
{
    const int64_t now = wherry_now();
    if (now - local->out.looked < LOOK_AFTER)
        return 0;
    local->out.looked = now;
    return os_has_peer(local->socket.fd) ? 0 : -EPIPE;
}

int local_publish(struct local *local)
{
    struct local_out *out = &local->out;
    const bool has_to_wake = ring_publish(&out->ring);
    if (!has_to_wake && ++out->publishes % LOOK_EVERY != 0)
        return 0;
    ring_out_tells_place(&out->ring);
    int r = has_to_wake ? wake_reader(local) : look_for_reader(local);
    if (r < 0)
        out->broken = r;
    return r;
}

int local_publish_rest(struct local *local)
{
    const struct ring_out *ring = &local->out.ring;
    return ring->published == ring->tail ? 0 : local_publish(local);
}

// What stands there must be read before there is room, so it has to be seen.  Whoever
// polls for it is told again, unless there is some by now.
int local_no_room(struct local *local, bool for_block)
{
    local->out.waits_for_block = for_block;
    int r = local_publish_rest(local);
    const bool is_alone = !os_has_peer(local->socket.fd) ||
                          (local->out.is_asleep && local_peer_has_died(local));
    if (r >= 0 && is_alone)
        r = local->out.broken = -EPIPE;
    const bool is_none = !local->out.is_asleep || r < 0 || local_await_room(local);
    return r < 0 ? r : is_none ? -EAGAIN : 0;
}

int local_find_room(struct local *local, uint64_t size)
{
    struct ring_out *ring = &local->out.ring;
    int r = ring_has_room(ring, size);
    while (r == 0 && (r = local_no_room(local, false)) == 0)
        r = ring_has_room(ring, size);
    if (r == -EPROTO)
        local->out.broken = r;
    return r;
}

/* --- one message --------------------------------------------------------- */

static void count(struct ring_out *ring, const wherry_message *message)
{
    ring->messages += message->word == FRAME_MESSAGE;
    ring->bytes += message->word == FRAME_MESSAGE ? message->size : 0;
}

// Pieces, as long as there is room: 0 when all are written, or -EAGAIN.
static int write_pieces(struct local *local, const wherry_message *message,
                        size_t *offset)
{
    struct ring_out *ring = &local->out.ring;
    do {
        const uint64_t left = message->size - *offset;
        const uint64_t piece = left < ring->piece ? left : ring->piece;
        int r = local_find_room(local, piece);
        if (r < 0)
            return r;
        ring_put(ring, message->data + *offset, left, message->word, message->kind);
        *offset += piece;
        if (*offset < message->size && (r = local_publish(local)) < 0)
            return r;
    } while (*offset < message->size);
    count(ring, message);
    return 0;
}

int local_write_rest(struct local *local)
{
    struct local_out *out = &local->out;
    if (!out->rest)
        return 0;
    int r = write_pieces(local, out->rest, &out->offset);
    if (r < 0)
        return r;
    wherry_message_free(out->rest);
    out->rest = NULL;
    return local_publish_rest(local);
}

static void hold(struct local_out *out, wherry_message **message, size_t offset)
{
    out->rest = *message;
    out->offset = offset;
    out->rest_since = wherry_now();
    if (!(*message)->borrowed)
        *message = NULL;
}

int local_write_message(struct local *local, wherry_message **message, unsigned flags)
{
    size_t offset = 0;
    int r = write_pieces(local, *message, &offset);
    if (r < 0 && offset == 0)
        return r;
    if (r == -EAGAIN) {
        hold(&local->out, message, offset);
        return 0;
    }
    if (r >= 0 && !(flags & WHERRY_MORE))
        r = local_publish_rest(local);
    message_store_sent(local->store, message);
    return r;
}

// Over the carrier, which alone can carry them, and a record to say when.
int local_write_files(struct local *local, wherry_message **message)
{
    struct local_out *out = &local->out;
    int r = local_find_room(local, 0);
    if (r < 0)
        return r;
    os_lock_take(&local->speech);
    r = local->carrier.moves->send(local->carrier.state, message, 0);
    os_lock_give(&local->speech);
    out->waits_for_files = r == -EAGAIN;
    out->holds = true;
    if (r < 0)
        return r;
    ring_put(&out->ring, NULL, 0, RING_ELSEWHERE, 0);
    return local_publish(local);
}

int local_say_last_record(struct local *local)
{
    struct local_out *out = &local->out;
    int r = out->rest ? 0 : ring_has_room(&out->ring, 0);
    if (r <= 0)
        return r < 0 ? r : -EAGAIN;
    ring_put(&out->ring, NULL, 0, RING_LEFT, 0);
    // It is said, also to one that could not be woken: that one looks by itself.
    (void)local_publish(local);
    out->broken = 0;
    out->on_ring = false;
    return 0;
}
