/* SPDX-License-Identifier: MIT */
/*
 * local: - receiving: from the carrier until the other end says that it goes over to
 * its ring, then from there.
 *
 * The bell stays unread while there is anything in the ring; whoever empties it looks
 * at the carrier, takes the bell, and so begins to sleep anew.  What a peer wrote
 * before its end is in the ring by then: the carrier's end is told when that is empty.
 */
#include "transport/local.h"

#include <errno.h>
#include <string.h>

enum { LOOKS_AT_ONCE = 64, WORD_MOST = 4096 };

/* --- from the ring ------------------------------------------------------- */

static int ring_room(struct local *local)
{
    struct local_in *in = &local->in;
    // It was sent before anybody waited for it.
    wherry_message *message;
    if (in->room < 0 && in->early_count == 0)
        (void)local_hear_early(local, &message);
    if (in->room >= 0)
        os_far_bell_ring(in->room);
    return 0;
}

static int take_room(struct local *local, const struct ring_record *record)
{
    return ring_took(&local->in.ring, record) ? ring_room(local) : 0;
}

static int check_record(const struct local *local, const struct ring_record *record)
{
    const uint64_t word = record->flags & RING_WORD;
    if (word == FRAME_MESSAGE && record->left > local->message_limit)
        return failure(-EMSGSIZE,
                       "the peer sent a message of %llu bytes, the limit is %llu "
                       "(message=)",
                       (unsigned long long)record->left,
                       (unsigned long long)local->message_limit);
    // What is said of memory goes over the carrier, and a hello is short.
    if (word >= FRAME_RING || (word != FRAME_MESSAGE && record->left > WORD_MOST))
        return failure(-EPROTO, "the peer's memory holds word %llu with %llu bytes",
                       (unsigned long long)word, (unsigned long long)record->left);
    return 0;
}

// -ENOMEM leaves it where it is.
static int begin_message(struct local *local, const struct ring_record *record,
                         wherry_message **out)
{
    int r = check_record(local, record);
    if (r < 0)
        return r;
    r = message_store_take(local->store, WHERRY_IN, (size_t)record->left, out);
    if (r < 0)
        return r;
    (*out)->kind = record->kind;
    (*out)->word = record->flags & RING_WORD;
    return 0;
}

static int broken_pieces(void)
{
    return failure(-EPROTO, "the pieces of the peer's message do not fit together");
}

static int add_piece(struct local *local, const struct ring_record *record,
                     wherry_message **out)
{
    struct local_in *in = &local->in;
    wherry_message *message = in->partial;
    if (record->left != message->size - in->filled || record->flags != message->word)
        return broken_pieces();
    copy_shared(message->data + in->filled, record->payload, record->here, true);
    in->filled += record->here;
    (void)take_room(local, record);
    if (in->filled < message->size)
        return LOCAL_AGAIN;
    in->partial = NULL;
    *out = message;
    return 1;
}

static int take_record(struct local *local, const struct ring_record *record,
                       wherry_message **out)
{
    struct local_in *in = &local->in;
    wherry_message *message;
    if (in->partial)
        return add_piece(local, record, out);
    int r = begin_message(local, record, &message);
    if (r < 0)
        return r;
    if (record->left > record->here) {
        in->partial = message;
        in->filled = 0;
        return add_piece(local, record, out);
    }
    copy_shared(message->data, record->payload, record->here, false);
    (void)take_room(local, record);
    *out = message;
    return 1;
}

static int take_lent(struct local *local, const struct ring_record *record,
                     wherry_message **out)
{
    int r = local_borrow(local, record, out);
    if (r == 1)
        (void)take_room(local, record);
    return r;
}

// Its message came, or comes, over the carrier.
static int take_elsewhere(struct local *local, const struct ring_record *record,
                          wherry_message **out)
{
    struct local_in *in = &local->in;
    if (in->partial || record->left > 0)
        return broken_pieces();
    const int r = local_take_elsewhere(local, out);
    in->awaits_carrier = r == -EAGAIN;
    if (local_is_of_a_message(r))
        (void)take_room(local, record);
    return r;
}

static int take_left(struct local *local, const struct ring_record *record)
{
    struct local_in *in = &local->in;
    if (in->partial || record->left > 0)
        return broken_pieces();
    in->ring.head += RING_STEP;
    in->on_ring = false;
    os_lock_take(&local->speech);
    atomic_fetch_or(&local->steps, LOCAL_LEFT_IN);
    local_drop(local);
    os_lock_give(&local->speech);
    return LOCAL_AGAIN;
}

// 1: a message; LOCAL_AGAIN: look again; 0: the ring is empty; or an error.
static int recv_from_ring(struct local *local, wherry_message **out)
{
    struct ring_record record;
    int r = ring_next(&local->in.ring, &record);
    if (r <= 0)
        return r;
    if (record.flags & RING_LENT)
        return take_lent(local, &record, out);
    if (record.flags & RING_ELSEWHERE)
        return take_elsewhere(local, &record, out);
    if (record.flags & RING_LEFT)
        return take_left(local, &record);
    return take_record(local, &record, out);
}

// The carrier's end came after all that is in the ring, and is told again.
static bool is_put_off(const struct local *local, int r)
{
    const bool may_be = r == 0 || r == -ECONNRESET || r == -EAGAIN || r == -ENOMEM;
    return may_be && local->in.on_ring && ring_has_next(&local->in.ring);
}

int local_recv(void *state, wherry_message **out)
{
    struct local *local = state;
    int r = local->in.on_ring ? local_check_life(local) : 0;
    for (int looks = 0; r >= 0 && looks < LOOKS_AT_ONCE; looks++) {
        r = local->in.on_ring ? recv_from_ring(local, out) : 0;
        if (r == LOCAL_AGAIN)
            continue;
        if (r != 0)
            return r;
        r = local_look_at_carrier(local, out);
        if (r != LOCAL_AGAIN && !is_put_off(local, r))
            return r;
        r = 0;
    }
    return r < 0 ? r : -EAGAIN;
}

static inline bool is_whole(const struct local *local, const struct ring_record *record)
{
    return record->flags == FRAME_MESSAGE && record->left == record->here &&
           record->left <= local->message_limit;
}

// 1: it was a whole message, with which nothing can be wrong.
static inline int take_plain(struct local *local, const struct ring_record *record,
                             wherry_message **out)
{
    wherry_message *message;
    if (record->flags == RING_LENT && record->left > 0)
        return take_lent(local, record, out);
    if (!is_whole(local, record) ||
        message_store_take(local->store, WHERRY_IN, (size_t)record->here, &message) < 0)
        return 0;
    message->kind = record->kind;
    copy_shared(message->data, record->payload, record->here, false);
    (void)take_room(local, record);
    *out = message;
    return 1;
}

size_t local_recv_ahead(void *state, wherry_message **messages, size_t count)
{
    struct local *local = state;
    struct local_in *in = &local->in;
    struct ring_record record;
    size_t done = 0;
    if (!in->on_ring)
        return local->carrier.moves->recv_ahead(local->carrier.state, messages, count);
    if (in->partial || local_check_life(local) < 0)
        return 0;
    while (done < count && ring_next(&in->ring, &record) == 1 &&
           take_plain(local, &record, &messages[done]) == 1)
        done++;
    return done;
}

size_t local_read_ahead(void *state, void *bytes, size_t capacity,
                        struct wherry_bytes *out, size_t count)
{
    struct local *local = state;
    struct local_in *in = &local->in;
    struct ring_record record;
    size_t done = 0;
    size_t at = 0;
    if (!in->on_ring || in->partial || local_check_life(local) < 0)
        return 0;
    while (done < count && at <= capacity && ring_next(&in->ring, &record) == 1 &&
           is_whole(local, &record) && record.here <= capacity - at) {
        uint8_t *place = (uint8_t *)bytes + at;
        copy_shared(place, record.payload, record.here, false);
        (void)take_room(local, &record);
        out[done++] = (struct wherry_bytes){place, record.here, record.kind};
        at += bytes_padded(record.here);
    }
    return done;
}
