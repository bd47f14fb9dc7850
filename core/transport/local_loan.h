/* SPDX-License-Identifier: MIT */
/*
 * Loans of local:, messages that one end writes where the other reads them: the two
 * ends of a pool (memory/pool.h), as long as anybody needs them.
 *
 * Messages of a pool may outlive the channel.  So a pool has a life of its own: it goes
 * when the channel has let it go and the last of them was freed.
 *
 *   one end                                 the other
 *   ROOM (a bell), POOL (a file) ->
 *   an empty record              ->         looks at the socket, and maps it
 *                                <-         RETURNS (its own file), or NO_LOANS
 *   a record {block, size}       ->         reads it there
 *                                <-         its block comes back: a count, or the bell
 */
#ifndef TRANSPORT_LOCAL_LOAN_H
#define TRANSPORT_LOCAL_LOAN_H

#include "memory/memory.h"
#include "message/message.h"

struct local;

/* --- local_pool.c -------------------------------------------------------- */

/* Ours, that the other end reads. */
struct local_pool {
    struct message_lender lender; /* of those that are lent and not sent */
    struct pool_out pool;
    atomic_uint *life; /* 1; a child of fork(2) finds 0 */
    int file;          /* for the other end */
    int bell;          /* rung here when a loan comes back that was not sent */
    int watch;         /* over that, and the bell for room, which they ring */
    bool is_left;      /* by the channel; under the pool's lock */
};

/* Theirs, that we read. */
struct local_far_pool {
    struct message_lender lender; /* of those that were received */
    struct pool_in pool;
    atomic_uint *life;
    int file; /* what is returned by, for the other end */
    int bell; /* their bell */
    bool is_left;
};

/* `room` is our end of the bell that they ring.  Errors: as pool_make, -EMFILE. */
int local_pool_new(uint64_t size, int room, struct local_pool **out);

/* The channel lets it go. */
void local_pool_leave(struct local_pool *); /* NULL is fine */

/* A message of `size` bytes in it.  Errors: -EAGAIN (what they have must come back
 * first), -ENOTSUP (nothing they have would make room), -ENOMEM, -EPROTO. */
int local_pool_lend(struct local_pool *, struct message_store *, size_t size,
                    wherry_message **out);

/* Where its bytes lie; they are the other end's now, and the message has none. */
void local_pool_send(struct local_pool *, wherry_message *, struct pool_place *out);

/* Duplicates the bell.  Errors: as pool_attach, -EMFILE. */
int local_far_pool_new(int file, int bell, struct local_far_pool **out);
void local_far_pool_leave(struct local_far_pool *); /* NULL is fine */

/* A message of which the bytes lie there.  Errors: -ENOMEM, -EPROTO. */
int local_far_pool_borrow(struct local_far_pool *, struct message_store *,
                          const struct pool_place *, wherry_message **out);

/* Whether any message of it has not been freed. */
bool local_far_pool_is_out(struct local_far_pool *);

/* --- local_loan.c: agreeing ---------------------------------------------- */

/* How far it has come; bits. */
enum local_loan_step {
    LOCAL_LENT_OUT = 1 << 0, /* they read our pool */
    LOCAL_KEPT_BACK = 1 << 1 /* there will be no loans */
};

struct local_loans {
    uint64_t size;     /* of our pool; 0: this end trusts nobody */
    atomic_uint steps; /* enum local_loan_step; changed under `speech` */
    struct local_pool *own;
    struct local_far_pool *theirs;
    bool is_told;    /* our ring says that the pool was offered */
    unsigned waited; /* sends since then, */
    unsigned listens_at;
};

/* There is something to be lent: offers a pool, unless that was done; by whoever sends,
 * over its ring. */
void local_offer_loans(struct local *);

/* As the member `expects`: whether they may have mapped it. */
int local_loan_expects(struct local *);

/* Words, by whoever receives; `speech` is held. */
int local_take_pool(struct local *, wherry_message *word);
int local_take_returns(struct local *, wherry_message *word);
int local_take_no_loans(struct local *, wherry_message *word);

/* Says what is due of them; `speech` is held.  Errors: -EAGAIN …. */
int local_say_loans_due(struct local *);

/* Whether messages lie in either pool that somebody still needs. */
bool local_loans_are_out(struct local *);

/* The pools go, as far as no messages lie in them; `speech` is held. */
void local_forget_loans(struct local *);

/* --- local_lend.c -------------------------------------------------------- */

/* Member of struct wherry_transport. */
int local_lend(void *state, size_t size, wherry_message **out);

/* Whether the message lies in our pool, and they read there. */
bool local_is_lent(const struct local *, const wherry_message *);

/* Puts a record of one that does into our ring: 1, or 0: there is no room.  Errors:
 * -EPROTO. */
int local_put_lent(struct local *, wherry_message *);

/* Sends one that does.  Errors: as the member send. */
int local_write_lent(struct local *, wherry_message **message, unsigned flags);

/* A record that says where a message lies, or to look at the carrier: 1, LOCAL_AGAIN,
 * -ENOMEM, -EMSGSIZE, -EPROTO …. */
int local_borrow(struct local *, const struct ring_record *, wherry_message **out);

/* A wait for a block, as ring_out_sleeps and ring_out_wakes. */
bool local_loan_sleeps(struct local *);
void local_loan_wakes(struct local *);

#endif
