/* SPDX-License-Identifier: MIT */
/*
 * local: - loans: messages that are written where the other end reads them.
 *
 * What lies in a pool could be rewritten while it is read.  So both ends must ask for
 * it by their addresses (`loan=`), which their memory tells, and be of one user, as the
 * kernel says; else, and until the pool is mapped, a loan is ordinary memory, and its
 * message is copied.  The pool is made at the first loan.
 */
#include "transport/local.h"

#include <errno.h>

/* --- offering ------------------------------------------------------------ */

static bool is_trusted(const struct local *local)
{
    const struct wherry_peer *peer = message_store_peer(local->store);
    return local->loans.size > 0 && local->theirs.page &&
           WHERRY_LOAD(&local->theirs.page->trusts) == 1 &&
           peer->trust == WHERRY_TRUST_KERNEL && peer->uid == os_user();
}

static void keep_back(struct local *local)
{
    atomic_fetch_or(&local->loans.steps, LOCAL_KEPT_BACK);
}

// The bell is known to them before any block is.
static void offer_pool(struct local *local)
{
    struct local_loans *loans = &local->loans;
    if (loans->own || local_loan_steps(local) & LOCAL_KEPT_BACK || !is_trusted(local) ||
        local_make_room_bell(local) < 0)
        return;
    os_lock_take(&local->speech);
    if (local_pool_new(loans->size, local->out.room, &loans->own) < 0) {
        keep_back(local);
    } else {
        message_store_count(local->store, (int64_t)(POOL_FRONT + loans->size));
        loans->own->pool.page->carrier = local->own.page->carrier;
        loans->is_told = false;
        loans->waited = 0;
        loans->listens_at = 1;
        local_make_due(local, LOCAL_POOL);
    }
    (void)local_say_due(local);
    os_lock_give(&local->speech);
}

// While they read our ring they need not look at the socket: it tells them to.
static void tell_of_pool(struct local *local)
{
    struct local_loans *loans = &local->loans;
    const bool is_said = loans->own && !(atomic_load(&local->due) & 1U << LOCAL_POOL);
    if (!is_said || loans->is_told || local->out.rest ||
        ring_has_room(&local->out.ring, 0) != 1)
        return;
    ring_put(&local->out.ring, NULL, 0, RING_LENT, 0);
    (void)local_publish(local);
    loans->is_told = true;
}

void local_offer_loans(struct local *local)
{
    offer_pool(local);
    tell_of_pool(local);
}

int local_say_loans_due(struct local *local)
{
    const struct local_loans *loans = &local->loans;
    int r = local_say_if_due(local, LOCAL_NO_LOANS, -1, 0);
    if (r >= 0 && loans->own)
        r = local_say_if_due(local, LOCAL_POOL, loans->own->file, 0);
    if (r >= 0 && loans->theirs)
        r = local_say_if_due(local, LOCAL_RETURNS, loans->theirs->file, 0);
    return r;
}

// Whether they have mapped it is looked for after twice as many messages each time.
int local_loan_expects(struct local *local)
{
    struct local_loans *loans = &local->loans;
    if (!loans->own || local_loan_steps(local) || ++loans->waited < loans->listens_at)
        return 0;
    loans->listens_at *= 2;
    return 1;
}

/* --- hearing ------------------------------------------------------------- */

// What was said to memory that is gone is no matter any more.
int local_take_pool(struct local *local, wherry_message *word)
{
    struct local_loans *loans = &local->loans;
    if (!local->theirs.page)
        return 0;
    if (loans->theirs)
        return failure(-EPROTO, "the peer lends memory twice");
    int r =
        is_trusted(local) && word->file_count > 0 && local->in.room >= 0 ? 0 : -ENOTSUP;
    if (r >= 0)
        r = local_far_pool_new(word->files[0], local->in.room, &loans->theirs);
    if (r >= 0)
        loans->theirs->pool.own->carrier = local->own.page->carrier;
    local_make_due(local, r < 0 ? LOCAL_NO_LOANS : LOCAL_RETURNS);
    return 0;
}

int local_take_returns(struct local *local, wherry_message *word)
{
    struct local_loans *loans = &local->loans;
    if (!loans->own)
        return 0;
    if (local_loan_steps(local))
        return failure(-EPROTO, "the peer has mapped memory that it was not lent");
    int r = word->file_count > 0 ? pool_hear_returns(&loans->own->pool, word->files[0])
                                 : -EMFILE;
    if (r < 0)
        keep_back(local);
    else
        atomic_fetch_or(&loans->steps, LOCAL_LENT_OUT);
    return 0;
}

int local_take_no_loans(struct local *local, wherry_message *word)
{
    (void)word;
    if (local_loan_steps(local) & LOCAL_LENT_OUT)
        return failure(-EPROTO, "the peer refuses memory that it borrows");
    keep_back(local);
    return 0;
}

void local_forget_loans(struct local *local)
{
    struct local_loans *loans = &local->loans;
    if (loans->own)
        message_store_count(local->store, -(int64_t)(POOL_FRONT + loans->size));
    local_pool_leave(loans->own);
    local_far_pool_leave(loans->theirs);
    loans->own = NULL;
    loans->theirs = NULL;
    atomic_store(&loans->steps, 0);
    atomic_fetch_and(&local->due,
                     ~(1U << LOCAL_POOL | 1U << LOCAL_RETURNS | 1U << LOCAL_NO_LOANS));
}

bool local_loans_are_out(struct local *local)
{
    const struct local_loans *loans = &local->loans;
    return (loans->own && pool_count(&loans->own->pool) > 0) ||
           (loans->theirs && local_far_pool_is_out(loans->theirs));
}
