/* SPDX-License-Identifier: MIT */
/*
 * local: - what comes over the carrier: words about memory, which stay here, and
 * messages and the channel's own words, which do not.
 *
 * While the other end writes into its ring, what comes over the carrier belongs to a
 * record in that ring; one message may come before its record was seen.
 */
#include "transport/local.h"

#include <errno.h>

enum { WORDS_AT_ONCE = 64 };

static void note_hello(struct local *local, const wherry_message *word)
{
    struct hello hello;
    if (hello_decode(word->data, word->size, &hello) >= 0)
        atomic_store(&local->peer_layout, hello.layout);
}

static int note_end(struct local *local, int r)
{
    local->in.has_ended = true;
    local->in.end = r;
    return r;
}

// What came early comes first, once there is no ring that it has to wait for.
static int next_of_carrier(struct local *local, wherry_message **out)
{
    struct local_in *in = &local->in;
    if (in->early && !in->on_ring) {
        *out = in->early;
        in->early = NULL;
        return 1;
    }
    if (in->has_ended)
        return in->end;
    int r = local->carrier.moves->recv(local->carrier.state, out);
    return r == 0 || r == -ECONNRESET ? note_end(local, r) : r;
}

// New memory is offered behind the last record of the old: that one is read first.
static bool is_about_now(const struct local *local, const wherry_message *message)
{
    return message->word == FRAME_RING &&
           !(message->kind == LOCAL_MEMORY && local->in.on_ring);
}

// Woken by none of their doing: perhaps they are no more, and others have their socket.
static int look_for_life(struct local *local)
{
    struct local_in *in = &local->in;
    const bool slept = in->has_slept;
    in->has_slept = false;
    if (!in->on_ring || !slept || !local_peer_has_died(local))
        return -EAGAIN;
    return note_end(local, -ECONNRESET);
}

// The next message or word that is not about memory: 1, or as the carrier's recv.
int local_hear_carrier(struct local *local, wherry_message **out)
{
    for (int words = 0; words < WORDS_AT_ONCE; words++) {
        wherry_message *message = NULL;
        int r = next_of_carrier(local, &message);
        if (r != 1 || !message)
            return r;
        if (!is_about_now(local, message)) {
            if (message->word == FRAME_HELLO)
                note_hello(local, message);
            *out = message;
            return 1;
        }
        const bool was_on_ring = local->in.on_ring;
        r = local_hear(local, message);
        if (r < 0)
            return r;
        if (local->in.on_ring != was_on_ring)
            return LOCAL_AGAIN;
    }
    return -EAGAIN; // the rest another time: deadlines are looked at between
}

// What the carrier has that belongs to a record of the ring comes with that record.
static int put_early(struct local *local, wherry_message *message)
{
    if (local->in.early) {
        wherry_message_free(message);
        return failure(-EPROTO, "the peer sends over the socket what has no record");
    }
    local->in.early = message;
    return LOCAL_AGAIN;
}

// Asked when the ring was empty: bells are taken, and the end is noticed.
int local_look_at_carrier(struct local *local, wherry_message **out)
{
    wherry_message *message = NULL;
    int r = local_hear_carrier(local, &message);
    if (r == -EAGAIN)
        return look_for_life(local);
    if (r == 1 && local->in.on_ring)
        return put_early(local, message);
    if (r == 1)
        *out = message;
    return r;
}
