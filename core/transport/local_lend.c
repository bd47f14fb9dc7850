/* SPDX-License-Identifier: MIT */
/*
 * local: - what is lent: given to be written, sent by a record that says where it lies,
 * and received there.
 */
#include "transport/local.h"

#include <errno.h>

/* --- lending and sending ------------------------------------------------- */

int local_lend(void *state, size_t size, wherry_message **out)
{
    struct local *local = state;
    struct local_loans *loans = &local->loans;
    const bool is_busy = local->out.on_ring && !(local_steps(local) & LOCAL_LEFT_IN);
    if (loans->size == 0 || size == 0 || !is_busy || local_check_life(local) < 0)
        return -ENOTSUP;
    if (local->out.broken)
        return local->out.broken;
    if (!(local_loan_steps(local) & LOCAL_LENT_OUT)) {
        local_offer_loans(local);
        return -ENOTSUP;
    }
    int r = local_pool_lend(loans->own, local->store, size, out);
    if (r == -EAGAIN && (r = local_no_room(local, true)) == 0) // some came back
        r = local_pool_lend(loans->own, local->store, size, out);
    if (r == -EPROTO)
        local->out.broken = r;
    return r;
}

bool local_is_lent(const struct local *local, const wherry_message *message)
{
    const struct local_pool *own = local->loans.own;
    return own && message->lender == &own->lender && message->size > 0;
}

int local_put_lent(struct local *local, wherry_message *message)
{
    struct ring_out *ring = &local->out.ring;
    struct pool_place place;
    int r = ring_has_room(ring, sizeof(place));
    if (r <= 0)
        return r;
    local_pool_send(local->loans.own, message, &place);
    ring_put(ring, &place, sizeof(place), RING_LENT, message->kind);
    ring->messages++;
    ring->bytes += place.size;
    return 1;
}

int local_write_lent(struct local *local, wherry_message **message, unsigned flags)
{
    int r = local_find_room(local, sizeof(struct pool_place));
    if (r < 0)
        return r;
    (void)local_put_lent(local, *message);
    r = flags & WHERRY_MORE ? 0 : local_publish_rest(local);
    message_store_sent(local->store, message);
    return r;
}

bool local_loan_sleeps(struct local *local)
{
    return pool_sleeps(&local->loans.own->pool);
}

void local_loan_wakes(struct local *local)
{
    struct local_pool *own = local->loans.own;
    if (!own)
        return;
    os_bell_clear(own->bell);
    pool_wakes(&own->pool);
}

/* --- receiving ----------------------------------------------------------- */

static int broken_loan(const struct ring_record *record)
{
    return failure(-EPROTO,
                   "the peer's memory holds a loan that is none (%llu bytes, flags "
                   "%x)",
                   (unsigned long long)record->left, record->flags);
}

static int hear_of_pool(struct local *local)
{
    struct local_in *in = &local->in;
    wherry_message *message;
    int r = in->early_count > 0 ? -EAGAIN : local_hear_early(local, &message);
    in->ring.head += RING_STEP;
    return r < 0 && r != -EAGAIN ? r : LOCAL_AGAIN;
}

static void read_place(const struct ring_record *record, struct pool_place *out)
{
    const _Atomic(uint64_t) *words =
        (const _Atomic(uint64_t) *)(const void *)record->payload;
    out->offset = WHERRY_LOAD(&words[0]);
    out->size = WHERRY_LOAD(&words[1]);
    out->block = WHERRY_LOAD(&words[2]);
}

int local_borrow(struct local *local, const struct ring_record *record,
                 wherry_message **out)
{
    struct local_in *in = &local->in;
    struct pool_place place;
    if (record->flags == RING_LENT && record->left == 0 && !in->partial)
        return hear_of_pool(local);
    if (record->flags != RING_LENT || record->left != sizeof(place) || in->partial ||
        !local->loans.theirs)
        return broken_loan(record);
    read_place(record, &place);
    if (place.size > local->message_limit)
        return failure(-EMSGSIZE,
                       "the peer lends a message of %llu bytes, the limit is %llu "
                       "(message=)",
                       (unsigned long long)place.size,
                       (unsigned long long)local->message_limit);
    int r = local_far_pool_borrow(local->loans.theirs, local->store, &place, out);
    if (r < 0)
        return r;
    (*out)->kind = record->kind;
    in->ring.bytes += place.size - sizeof(place);
    return 1;
}
