/* SPDX-License-Identifier: MIT */
/*
 * local: - what comes over the carrier: words about memory, which stay here, and
 * messages and the channel's own words, which do not.
 *
 * While the other end writes into its ring, what comes over the carrier belongs to a
 * record in that ring, and may come before its record was seen.
 */
#include "transport/local.h"

#include <errno.h>
#include <string.h>

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

/* --- early --------------------------------------------------------------- */

// Those are one message's errors: it came, and is lost.
bool local_is_of_a_message(int r)
{
    return r == 1 || r == -EMFILE || r == -E2BIG;
}

static int take_early(struct local *local, wherry_message **out)
{
    struct local_in *in = &local->in;
    const struct local_early first = in->early[0];
    in->early_count--;
    memmove(in->early, in->early + 1, in->early_count * sizeof(first));
    *out = first.message;
    return first.error < 0 ? first.error : 1;
}

void local_forget_early(struct local *local)
{
    wherry_message *message;
    while (local->in.early_count > 0) {
        (void)take_early(local, &message);
        wherry_message_free(message);
    }
}

static int put_early(struct local *local, wherry_message *message, int r)
{
    struct local_in *in = &local->in;
    if (in->early_count == LOCAL_EARLY) {
        wherry_message_free(message);
        return failure(-EPROTO, "the peer sends over the socket what has no record");
    }
    in->early[in->early_count++] = (struct local_early){message, r < 0 ? r : 0};
    return LOCAL_AGAIN;
}

/* --- hearing ------------------------------------------------------------- */

// What came early comes first, once there is no ring that it has to wait for.
static int next_of_carrier(struct local *local, wherry_message **out)
{
    struct local_in *in = &local->in;
    if (in->early_count > 0 && !in->on_ring)
        return take_early(local, out);
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
int local_hear_early(struct local *local, wherry_message **out)
{
    wherry_message *message = NULL;
    int r = local_hear_carrier(local, &message);
    if (local_is_of_a_message(r) && local->in.on_ring)
        return put_early(local, message, r);
    *out = message;
    return r;
}

// Asked when the ring was empty: bells are taken, and the end is noticed.
int local_look_at_carrier(struct local *local, wherry_message **out)
{
    int r = local_hear_early(local, out);
    return r == -EAGAIN ? look_for_life(local) : r;
}

int local_take_elsewhere(struct local *local, wherry_message **out)
{
    const int r = local->in.early_count > 0 ? take_early(local, out)
                                            : local_hear_carrier(local, out);
    if (r != 1 || (*out)->word == FRAME_MESSAGE)
        return r;
    wherry_message_free(*out);
    return failure(-EPROTO, "the peer's record is of a message, and what came is none");
}
