/* SPDX-License-Identifier: MIT */
/*
 * The inside of local:, between its files.
 *
 * A local channel is a stream over a unix(7) socket, the carrier, which it wraps; and,
 * once both ends have taken part in a burst, a ring in each direction beside it
 * (memory/ring.h).  From then on messages go through the rings; the socket proves the
 * other end's life, carries the bell that wakes it, and open files.
 *
 *   opening   local_options.c  what an address says
 *             local_name.c     it becomes a socket
 *             local.c          a socket becomes a stream, and this
 *   memory    local_memory.c   it is offered, mapped and used, and
 *             local_rest.c     given back
 *             local_life.c     whose it is
 *   sending   local_out.c      over the carrier, and over to the ring
 *             local_write.c    into the ring
 *   receiving local_in.c       out of the ring
 *             local_carrier.c  over the carrier
 *   waiting   local_wait.c     awake for a while, then asleep
 *   loans     local_loan.c     without copies, between ends that trust each other,
 *             local_pool.c     from memory that lives as long as its messages, and
 *             local_lend.c     through the ring
 *
 * A listener with `fan=broadcast` is something else: topic.h.
 *
 * `out` belongs to whoever holds the channel's lock for sending, `in` to whoever holds
 * that for receiving.  What the two share is under `speech`, or atomic; a thread that
 * has both takes in, out, speech in that order.
 */
#ifndef TRANSPORT_LOCAL_H
#define TRANSPORT_LOCAL_H

#include "transport/local_loan.h"
#include "transport/spin.h"
#include "transport/transport.h"

/* What the two ends say of their memory: the kind of a word FRAME_RING. */
enum local_word {
    LOCAL_MEMORY,   /* here is mine (an open file) */
    LOCAL_READY,    /* I have mapped yours */
    LOCAL_REFUSED,  /* there will be none */
    LOCAL_SWITCH,   /* what follows comes through my ring */
    LOCAL_BELL,     /* you sleep, and there is something in my ring */
    LOCAL_ROOM,     /* ring this (an open file) when there is room in my ring */
    LOCAL_GONE,     /* I do not go over to my ring any more */
    LOCAL_POOL,     /* here is memory that I lend (an open file) */
    LOCAL_RETURNS,  /* I have mapped it, and give back by this (an open file) */
    LOCAL_NO_LOANS, /* I have not */
    LOCAL_WORDS
};

/* How far it has come; bits. */
enum local_step {
    LOCAL_OFFERED = 1 << 0,  /* our memory is theirs to map */
    LOCAL_MAPPED = 1 << 1,   /* theirs is mapped */
    LOCAL_TAKEN = 1 << 2,    /* they have mapped ours */
    LOCAL_NONE = 1 << 3,     /* one side refused: there will be none */
    LOCAL_LEFT_OUT = 1 << 4, /* our last record is in our ring */
    LOCAL_LEFT_IN = 1 << 5,  /* theirs has been read */
    LOCAL_UP = LOCAL_OFFERED | LOCAL_MAPPED | LOCAL_TAKEN
};

enum { LOCAL_BURST = 8 }; /* messages that make it worth having memory */

enum { LOCAL_UNWATCHED = -2 }; /* nobody has slept yet */

#define LOCAL_UNSEEN UINT64_MAX

enum local_wish { LOCAL_AUTO, LOCAL_ALWAYS, LOCAL_NEVER };

struct local_out {
    struct ring_out ring;
    bool on_ring;
    bool holds;           /* the carrier may still have something to send */
    bool waits_for_files; /* the last message to be refused was for the carrier */
    bool waits_for_block; /* and it was a loan */
    unsigned burst;
    int64_t sent_at;     /* over the carrier, the last time */
    unsigned listens_at; /* the burst at which it is time to hear what they say */
    unsigned publishes;
    int64_t looked;       /* when the other end was last looked at */
    int broken;           /* why nothing can be sent any more */
    wherry_message *rest; /* the message that is in the ring in part */
    size_t offset;
    int64_t rest_since;
    int room;       /* a bell that they ring when there is room; -1: none yet */
    bool is_asleep; /* it may have been rung */
};

/* What came over the carrier before its record in the ring was seen: a message, or what
 * it lost on its way (its open files did not fit).  Two at once: what follows the first
 * was sent after that one's record. */
enum { LOCAL_EARLY = 2 };

struct local_early {
    wherry_message *message;
    int error;
};

struct local_in {
    struct ring_in ring;
    bool on_ring;
    uint8_t changes;     /* how often it went over to the ring */
    bool awaits_carrier; /* the next record's message is not all there */
    bool has_slept;      /* since it was last looked whether they live */
    int64_t slept_at;    /* when it went to sleep; 0: its wake has been measured */
    _Atomic int64_t
        wake;       /* what one costs, nanoseconds; 0: not known. A sender reads it. */
    bool has_ended; /* the carrier has, and how */
    int end;
    struct local_early early[LOCAL_EARLY]; /* the first of them first */
    unsigned early_count;
    wherry_message *partial; /* a large one of which the first pieces were read */
    size_t filled;
    int room; /* their bell; -1: none yet */
};

struct local {
    struct {
        const struct wherry_transport *moves;
        void *state;
    } carrier;
    struct os_descriptor socket; /* the carrier's */
    struct message_store *store; /* ditto */
    uint64_t message_limit;
    uint64_t ring_size;
    int64_t idle;
    int64_t spin;     /* nanoseconds that a wait stays awake */
    bool spin_is_set; /* by the address; else a wake that costs less bounds it */
    enum local_wish wish;

    struct os_lock speech;
    atomic_uint steps;       /* enum local_step; changed under `speech` */
    atomic_uint due;         /* words still to be said: 1 << enum local_word */
    atomic_uint peer_layout; /* as their hello says; 0: not heard */
    struct ring_side own;
    struct ring_side theirs;
    atomic_int pidfd; /* of whoever has the other end; < 0: none */
    atomic_bool died; /* and it had died before there could be one */
    int file;         /* our memory, for others to look at; -1: none */
    bool has_barrier;
    atomic_uint *life; /* 1; a child of fork(2) finds 0.  NULL: no memory */

    struct local_out out;
    struct local_in in;
    struct local_loans loans;
    uint64_t seen;   /* how far both rings were used, when it was last looked whether
                        this is idle (LOCAL_UNSEEN: it was not), */
    int64_t seen_at; /* and since when */

    struct spin_habit habits[2]; /* by direction */
};

/* --- local_options.c ----------------------------------------------------- */

extern const struct wherry_option *const local_options[];

/* Member of struct transport. */
int local_check_address(const struct address *);

enum local_wish local_wish(const struct address *);

/* --- local.c, local_name.c ----------------------------------------------- */

/* Takes the socket, also on failure.  Errors: -ENOMEM. */
int local_make(const struct address *, struct os_descriptor socket, struct endpoint *);

/* Members of struct transport. */
int local_dial(const struct address *, wherry_deadline deadline, struct endpoint *out);
int local_listen(const struct address *, void **state, char *shown);
int local_accept(void *state, struct endpoint *out);
int local_accept_wait(void *state, struct wherry_wait waits[WHERRY_WAITS]);
int local_admit(void *state);
int local_publish_message(void *state, const wherry_message *, bool to_somebody);
int local_readers(void *state, struct wherry_reader *out, size_t most);
int local_remove(const struct address *);

/* --- local_life.c -------------------------------------------------------- */

/* Whether this is a child of fork(2) that does not have the rings: -ECHILD, and the
 * sentence.  Asked while this way goes over its ring, or with `speech` held. */
int local_miss_life(void);

static inline int local_check_life(const struct local *local)
{
    if (!local->life || atomic_load_explicit(local->life, memory_order_relaxed) == 1)
        return 0;
    return local_miss_life();
}

/* A pidfd of that peer, if the number that it claims in its memory is its own; -1:
 * there is none, and whether that is because it has ended. */
int local_open_life(const struct wherry_peer *, int64_t claimed, bool *died);

/* Before a sleep: a descriptor that is readable once the other end's process has died,
 * whoever else has its socket; < 0: there is none. */
int local_watch(struct local *);
bool local_peer_has_died(struct local *);

static inline unsigned local_loan_steps(const struct local *local)
{
    return atomic_load_explicit(&local->loans.steps, memory_order_acquire);
}

/* --- local_memory.c ------------------------------------------------------ */

static inline unsigned local_steps(const struct local *local)
{
    return atomic_load_explicit(&local->steps, memory_order_acquire);
}

/* Says one word, with an open file or none (-1); `speech` is held.
 * Errors: as the carrier's send. */
int local_say(struct local *, enum local_word, int file);

/* Says what is due; `speech` is held.  Errors: -EAGAIN …. */
int local_say_due(struct local *);

/* A word becomes due; and is said, with its open file, if it is, which is that step
 * (or 0).  Errors: -EAGAIN …. */
void local_make_due(struct local *, enum local_word);
int local_say_if_due(struct local *, enum local_word, int file, unsigned step);

/* There is much to send: offers memory, unless that was done; `speech` is held. */
void local_offer(struct local *);

int local_expects(void *state);

/* Hears a word about memory; takes the message.  Errors: -EPROTO; the sentence is set.
 */
int local_hear(struct local *, wherry_message *word);

/* Lets the memory go, if there is any. */
void local_forget(struct local *);

/* Both ways go over the carrier again: the memory goes.  `speech` is held. */
void local_drop(struct local *);

/* --- local_out.c --------------------------------------------------------- */

int local_send(void *state, wherry_message **message, unsigned flags);
size_t local_gather(void *state, const struct wherry_plain *messages, size_t count);
int local_put(void *state, const struct wherry_plain *message, unsigned flags);

/* Nothing more goes through this ring, and they are told: by the last record in it, or
 * over the carrier.  Errors: -EAGAIN …. */
int local_leave(struct local *);

/* Called when nobody sends or receives: gives back what only a busy channel needs. */
int64_t local_rest(void *state);

/* Nobody reads their ring any more: their next record finds that out. */
void local_say_farewell(struct local *);

/* --- local_held.c: by whoever sends -------------------------------------- */

/* What the carrier holds goes whenever it can: their reader waits for it before it
 * reads on in the ring.  Errors: -EAGAIN (not all of it has gone), -EPIPE …. */
int local_move_carrier(struct local *);

/* Members of struct wherry_transport. */
int local_flush(void *state);
int local_keep(void *state);
int local_finish(void *state);

/* --- local_write.c: all of it by whoever sends --------------------------- */

/* What is written becomes visible; whoever sleeps there is woken.  Errors: -EPIPE. */
int local_publish(struct local *);

/* The same if there is anything. */
int local_publish_rest(struct local *);

/* There is no room, or no block to be lent: what stands in the ring becomes visible.
 * 0: there is some by now.  Errors: -EAGAIN, -EPIPE. */
int local_no_room(struct local *, bool for_block);

/* Room in the ring for a record of that size: 1.  Errors: -EAGAIN, -EPIPE, -EPROTO. */
int local_find_room(struct local *, uint64_t size);

/* Writes what is held of a message: 0, all of it; -EAGAIN ….  */
int local_write_rest(struct local *);

/* Sends a message without or with open files, when nothing is held.
 * Errors: as the member send of wherry/transport.h. */
int local_write_message(struct local *, wherry_message **message, unsigned flags);
int local_write_files(struct local *, wherry_message **message);

/* The last record of this ring.  Errors: -EAGAIN …. */
int local_say_last_record(struct local *);

/* --- local_carrier.c: all of it by whoever receives ---------------------- */

enum { LOCAL_AGAIN = 2 }; /* nothing for the caller, but worth another look */

/* The next message or word that is not about memory: 1, LOCAL_AGAIN (they go over to
 * their ring), or as the carrier's recv. */
int local_hear_carrier(struct local *, wherry_message **out);

/* The same while they are on their ring: what belongs to a record that is yet to be
 * seen is kept for it, and is LOCAL_AGAIN. */
int local_hear_early(struct local *, wherry_message **out);

/* The same when the ring was found empty: bells are taken, and an end is noticed. */
int local_look_at_carrier(struct local *, wherry_message **out);

/* What belongs to the record at hand.  Errors: as the carrier's recv. */
int local_take_elsewhere(struct local *, wherry_message **out);

/* Whether the carrier's recv said that of one message, which it is done with. */
bool local_is_of_a_message(int r);

/* What came early is gone. */
void local_forget_early(struct local *);

/* --- local_in.c ---------------------------------------------------------- */

int local_recv(void *state, wherry_message **out);
size_t local_recv_ahead(void *state, wherry_message **messages, size_t count);
size_t local_read_ahead(void *state, void *bytes, size_t capacity,
                        struct wherry_bytes *out, size_t count);

/* --- local_wait.c -------------------------------------------------------- */

int local_wait(void *state, enum wherry_direction direction,
               struct wherry_wait waits[WHERRY_WAITS]);
/* Whether there is still no room, or block, now that it will be told. */
bool local_await_room(struct local *);

/* Makes the bell for that, and tells them of it, unless that was done.
 * Errors: -EAGAIN, -EMFILE …. */
int local_make_room_bell(struct local *);

int local_ready(void *state);
unsigned local_changes(void *state);
int local_spin(void *state, enum wherry_direction direction);

#endif
