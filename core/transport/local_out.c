/* SPDX-License-Identifier: MIT */
/*
 * local: - sending: over the carrier until the other end reads the ring, then into it
 * (local_write.c).
 */
#include "transport/local.h"

#include <errno.h>

enum {
    BURST_WITHIN = 100000000, // nanoseconds from one message of a burst to the next
    BURST_PIECE = 8192,       // so many bytes count as one more
};

/* --- over to the ring and back ------------------------------------------- */

static int go_over(struct local *local)
{
    struct local_out *out = &local->out;
    int r = local_say(local, LOCAL_SWITCH, -1);
    if (r < 0)
        return r;
    ring_out_start(&out->ring, &local->own, &local->theirs, local->has_barrier);
    out->on_ring = true;
    out->waits_for_block = false; // of a pool that is gone
    out->holds = true;
    return 0;
}

int local_leave(struct local *local)
{
    const bool was_on_ring = local->out.on_ring;
    int r = was_on_ring ? local_say_last_record(local) : 0;
    if (r < 0)
        return r;
    os_lock_take(&local->speech);
    if (!was_on_ring)
        r = local_say(local, LOCAL_GONE, -1);
    if (r >= 0) {
        atomic_fetch_or(&local->steps, LOCAL_LEFT_OUT);
        local_drop(local);
    }
    os_lock_give(&local->speech);
    return r;
}

static int check_wish(struct local *local)
{
    if (local->wish != LOCAL_ALWAYS || !(local_steps(local) & LOCAL_NONE))
        return 0;
    return failure(-ENOTSUP, "there is no memory to be had with this peer, and the "
                             "address says memory=always (auto does without)");
}

static bool may_go_over(const struct local *local)
{
    return local_steps(local) == LOCAL_UP;
}

static void count_burst(struct local *local, size_t messages, size_t bytes)
{
    struct local_out *out = &local->out;
    const int64_t now = wherry_now();
    if (now - out->sent_at > BURST_WITHIN) {
        out->burst = 0;
        out->listens_at = LOCAL_BURST;
    }
    out->sent_at = now;
    out->burst += (unsigned)(messages + bytes / BURST_PIECE);
    if (out->burst >= LOCAL_BURST || local->wish == LOCAL_ALWAYS)
        local_offer(local);
}

// 0: it has been sent over the carrier; 1: from here on there is the ring.
static int send_over_carrier(struct local *local, wherry_message **message,
                             unsigned flags)
{
    const size_t size = (*message)->size;
    const int refused = check_wish(local);
    if (refused < 0)
        return refused;
    os_lock_take(&local->speech);
    (void)local_say_due(local);
    const bool goes_over =
        may_go_over(local) && local_check_life(local) >= 0 && go_over(local) >= 0;
    int r = goes_over
                ? 1
                : local->carrier.moves->send(local->carrier.state, message, flags);
    if (r == 0)
        count_burst(local, 1, size);
    os_lock_give(&local->speech);
    return r;
}

static int send_over_ring(struct local *local, wherry_message **message, unsigned flags)
{
    int r = local->out.broken ? local->out.broken : local_move_carrier(local);
    if (r >= 0 || r == -EAGAIN) // their reader may get as far as to it
        r = local_write_rest(local);
    if (r < 0)
        return r;
    local->out.waits_for_block = false;
    if ((*message)->file_count > 0)
        return local_write_files(local, message);
    return local_is_lent(local, *message) ? local_write_lent(local, message, flags)
                                          : local_write_message(local, message, flags);
}

int local_send(void *state, wherry_message **message, unsigned flags)
{
    struct local *local = state;
    const unsigned left = LOCAL_LEFT_IN | LOCAL_LEFT_OUT;
    int r = local->out.on_ring ? local_check_life(local) : 0;
    if (r >= 0 && (local_steps(local) & left) == LOCAL_LEFT_IN)
        (void)local_leave(local);
    if (r >= 0 && !local->out.on_ring)
        r = send_over_carrier(local, message, flags);
    if (r < 0 || !local->out.on_ring)
        return r;
    return send_over_ring(local, message, flags);
}

static inline bool may_use_ring(const struct local *local)
{
    const struct local_out *out = &local->out;
    return out->on_ring && !out->rest && !out->broken &&
           !(local_steps(local) & LOCAL_LEFT_IN) && local_check_life(local) == 0;
}

// Whole, if there is room; what was lent, by where it lies.
static inline bool put_in_ring(struct local *local, const struct wherry_plain *message)
{
    struct ring_out *ring = &local->out.ring;
    if (message->message && local_is_lent(local, message->message))
        return local_put_lent(local, message->message) > 0;
    if (message->size > ring->piece || ring_has_room(ring, message->size) <= 0)
        return false;
    ring_put(ring, message->data, message->size, FRAME_MESSAGE, message->kind);
    ring->messages++;
    ring->bytes += message->size;
    local->out.waits_for_block = false;
    return true;
}

int local_put(void *state, const struct wherry_plain *message, unsigned flags)
{
    struct local *local = state;
    struct local_out *out = &local->out;
    if (out->holds || !may_use_ring(local) || !put_in_ring(local, message))
        return 0;
    const int r = flags & WHERRY_MORE ? 0 : local_publish(local);
    return r < 0 ? r : 1;
}

static size_t gather_in_ring(struct local *local, const struct wherry_plain *messages,
                             size_t count)
{
    size_t done = 0;
    while (done < count && put_in_ring(local, &messages[done]))
        done++;
    return done;
}

size_t local_gather(void *state, const struct wherry_plain *messages, size_t count)
{
    struct local *local = state;
    if (local->out.on_ring)
        return may_use_ring(local) ? gather_in_ring(local, messages, count) : 0;
    // Alone it is not copied; and it is looked whether to go over.
    if (count == 1 || local_steps(local) != 0)
        return 0;
    os_lock_take(&local->speech);
    size_t done = local->carrier.moves->gather(local->carrier.state, messages, count);
    if (done > 0)
        count_burst(local, done, 0);
    os_lock_give(&local->speech);
    return done;
}
