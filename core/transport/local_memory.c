/* SPDX-License-Identifier: MIT */
/*
 * local: - its memory: offered at the first burst, and given back after idleness.
 *
 *   one end                                 the other
 *   MEMORY (its file)          ->           maps it
 *                              <-           MEMORY (its own), READY
 *   READY, then SWITCH         ->           reads that ring from here on
 *                              <-           SWITCH, likewise
 *
 * Both may offer at once: each answers what it hears, and nothing is said twice.
 * Whoever cannot or will not says REFUSED, and then there is none for as long as the
 * channel lives.
 */
#include "transport/local.h"

#include <errno.h>

int local_say(struct local *local, enum local_word word, int file)
{
    wherry_message message;
    wherry_message *said = &message;
    message_borrow(&message, "", 0, word);
    message.word = FRAME_RING;
    message.files = &file;
    message.file_count = file >= 0;
    const struct wherry_transport *moves = local->carrier.moves;
    int r = moves->send(local->carrier.state, &said, 0);
    return r < 0 ? r : moves->keep(local->carrier.state);
}

static bool is_due(const struct local *local, enum local_word word)
{
    return atomic_load(&local->due) & 1U << word;
}

void local_make_due(struct local *local, enum local_word word)
{
    atomic_fetch_or(&local->due, 1U << word);
}

int local_say_if_due(struct local *local, enum local_word word, int file, unsigned step)
{
    if (!is_due(local, word))
        return 0;
    int r = local_say(local, word, file);
    if (r == -EAGAIN)
        return r;
    if (r < 0) { // this way is closed: nothing can be agreed on any more
        atomic_store(&local->due, 0);
        return r;
    }
    atomic_fetch_and(&local->due, ~(1U << word));
    atomic_fetch_or(&local->steps, step);
    return 0;
}

int local_say_due(struct local *local)
{
    int r = local_say_if_due(local, LOCAL_REFUSED, -1, 0);
    if (r >= 0)
        r = local_say_if_due(local, LOCAL_MEMORY, local->file, LOCAL_OFFERED);
    if (r >= 0)
        r = local_say_if_due(local, LOCAL_READY, -1, 0);
    return r < 0 ? r : local_say_loans_due(local);
}

/* --- memory comes -------------------------------------------------------- */

void local_forget(struct local *local)
{
    const uint64_t size = local->own.page ? RING_FRONT + local->own.size : 0;
    local_forget_loans(local);
    if (!local->life || atomic_load(local->life) == 1) {
        ring_leave(&local->own);
        ring_leave(&local->theirs);
    }
    os_fork_word_free(local->life);
    local->life = NULL;
    os_close(atomic_exchange(&local->pidfd, LOCAL_UNWATCHED));
    os_close(local->file);
    local->file = -1;
    message_store_count(local->store, -(int64_t)size);
}

static void refuse(struct local *local)
{
    local_forget(local);
    atomic_store(&local->due, 0);
    atomic_store(&local->steps, LOCAL_NONE);
    local_make_due(local, LOCAL_REFUSED);
}

static int make_own(struct local *local)
{
    atomic_uint *life;
    int r = os_fork_word_new(&life);
    if (r < 0)
        return r;
    atomic_store(life, 1);
    local->life = life;
    r = ring_make(local->ring_size, &local->own, &local->file);
    if (r < 0)
        return r;
    WHERRY_STORE(&local->own.page->trusts, local->loans.size > 0);
    ring_tell_use(&local->own, RING_OF_CHANNEL, local->socket.fd);
    message_store_count(local->store, (int64_t)(RING_FRONT + local->ring_size));
    local->has_barrier = os_barrier_join() >= 0;
    local_make_due(local, LOCAL_MEMORY);
    return 0;
}

void local_offer(struct local *local)
{
    const bool speaks_it = atomic_load(&local->peer_layout) == ring_layout();
    if (local->own.page || local_steps(local) || !speaks_it)
        return;
    if (local->wish == LOCAL_NEVER || make_own(local) < 0)
        refuse(local);
    (void)local_say_due(local);
}

static int take_memory(struct local *local, wherry_message *word)
{
    if (local_steps(local) & LOCAL_NONE)
        return 0;
    if (local_steps(local) & LOCAL_MAPPED)
        return failure(-EPROTO, "the peer offers memory twice");
    int r = local->wish == LOCAL_NEVER || word->file_count == 0 ? -ENOTSUP : 0;
    if (r >= 0 && !local->own.page)
        r = make_own(local);
    if (r >= 0)
        r = ring_attach(word->files[0], &local->theirs);
    if (r < 0) {
        refuse(local);
        return 0;
    }
    atomic_fetch_or(&local->steps, LOCAL_MAPPED);
    local_make_due(local, LOCAL_READY);
    return 0;
}

static int take_ready(struct local *local, wherry_message *word)
{
    (void)word;
    const unsigned steps = local_steps(local);
    if (steps & LOCAL_NONE)
        return 0;
    if (!(steps & LOCAL_OFFERED) || steps & LOCAL_TAKEN)
        return failure(-EPROTO, "the peer has mapped memory that it was not offered");
    atomic_fetch_or(&local->steps, LOCAL_TAKEN);
    return 0;
}

static int take_refusal(struct local *local, wherry_message *word)
{
    (void)word;
    if (local_steps(local) & LOCAL_TAKEN || local->in.on_ring)
        return failure(-EPROTO, "the peer refuses memory that it uses");
    refuse(local);
    atomic_store(&local->due, 0);
    return 0;
}

static int take_switch(struct local *local, wherry_message *word)
{
    (void)word;
    const unsigned both = LOCAL_OFFERED | LOCAL_MAPPED;
    const unsigned steps = local_steps(local);
    if ((steps & both) != both || steps & LOCAL_LEFT_IN || local->in.on_ring)
        return failure(-EPROTO, "the peer goes over to memory that is not there");
    ring_in_start(&local->in.ring, &local->own, &local->theirs);
    local->in.on_ring = true;
    local->in.changes++;
    return 0;
}

static int take_bell(struct local *local, wherry_message *word)
{
    (void)word;
    if (local->in.on_ring)
        ring_in_wakes(&local->in.ring);
    return 0;
}

static int take_room(struct local *local, wherry_message *word)
{
    if (word->file_count == 0)
        return 0; // it did not fit into this process: they look by themselves
    os_close(local->in.room);
    local->in.room = wherry_message_take_file(word, 0);
    return 0;
}

static int take_gone(struct local *local, wherry_message *word)
{
    (void)word;
    if (local->in.on_ring || !(local_steps(local) & LOCAL_MAPPED))
        return failure(-EPROTO, "the peer leaves memory that it does not use");
    atomic_fetch_or(&local->steps, LOCAL_LEFT_IN);
    local_drop(local);
    return 0;
}

static int (*const hearers[LOCAL_WORDS])(struct local *, wherry_message *) = {
    [LOCAL_MEMORY] = take_memory,
    [LOCAL_READY] = take_ready,
    [LOCAL_REFUSED] = take_refusal,
    [LOCAL_SWITCH] = take_switch,
    [LOCAL_BELL] = take_bell,
    [LOCAL_ROOM] = take_room,
    [LOCAL_GONE] = take_gone,
    [LOCAL_POOL] = local_take_pool,
    [LOCAL_RETURNS] = local_take_returns,
    [LOCAL_NO_LOANS] = local_take_no_loans,
};

int local_hear(struct local *local, wherry_message *word)
{
    int r;
    os_lock_take(&local->speech);
    if (word->kind >= LOCAL_WORDS)
        r = failure(-EPROTO,
                    "the peer says something of its memory that is not known "
                    "(%lld)",
                    (long long)word->kind);
    else if ((r = local_check_life(local)) >= 0)
        r = hearers[word->kind](local, word);
    if (r >= 0)
        (void)local_say_due(local);
    os_lock_give(&local->speech);
    wherry_message_free(word);
    return r;
}

// Their hello, their memory, or that they have mapped ours: looked for after twice as
// many messages each time.
int local_expects(void *state)
{
    struct local *local = state;
    struct local_out *out = &local->out;
    const unsigned steps = local_steps(local);
    if (out->on_ring)
        return local_loan_expects(local);
    if (out->burst < out->listens_at || steps & LOCAL_NONE || steps == LOCAL_UP ||
        local->wish == LOCAL_NEVER)
        return 0;
    out->listens_at = out->burst + (out->listens_at > LOCAL_BURST ? out->burst : 1);
    return 1;
}
