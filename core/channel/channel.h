/* SPDX-License-Identifier: MIT */
/*
 * The inside of a channel, between the files of core/channel.
 *
 * What the sender uses is in `out` and under its lock, what the receiver uses in `in`
 * and under its own.  A lock is held while trying (system calls that do not wait),
 * never while waiting.  Locks are taken in the order in, out; a receiver only ever
 * tries for `out`. Everything else is atomic, or written before the channel is shown to
 * anybody.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include <wherry/channel.h>
#include <wherry/relay.h>
#include <wherry/transport.h>

#include "base/base.h"
#include "transport/transport.h"

/* --- list.c: messages in order, with their sums -------------------------- */

struct message_list {
    wherry_message *first;
    wherry_message *last;
    uint64_t count; /* messages; words among them are not counted in the sums below */
    uint64_t bytes;
    uint64_t files;
};

void list_append(struct message_list *, wherry_message *);
void list_prepend(struct message_list *, wherry_message *);

/* Takes out the one behind `before` (NULL: the first). */
wherry_message *list_take(struct message_list *, wherry_message *before);
void list_free(struct message_list *);

/* The bytes of messages that stand in an array. */
static inline uint64_t list_bytes(wherry_message *const *messages, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += messages[i]->size;
    return bytes;
}

/* --- the channel --------------------------------------------------------- */

struct channel_out {
    struct os_lock lock;
    struct message_list queue; /* of the policies that keep one */
    int broken;                /* nothing can be sent any more, and why */
    bool ending;               /* nothing more is sent, but for what is still here */
    bool finished;             /* and the way is closed */
    int64_t speaker;           /* the process that said hello; 0: nobody yet */
    atomic_bool said_hello;
    atomic_uint_least64_t messages;
    atomic_uint_least64_t bytes;
    atomic_uint_least64_t dropped;
};

/* Of counters that one thread alone writes: others may read them. */
static inline void counter_add(atomic_uint_least64_t *counter, uint64_t more)
{
    uint64_t before = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, before + more, memory_order_relaxed);
}

/* What a channel has seen of its answers; the receiver's. */
struct expectation {
    uint64_t sent; /* messages sent when the last one was received */
    unsigned
        late; /* answers in a row that were not there at the first look, to a few */
    unsigned since; /* first looks left out since */
    bool looked;    /* this call looked before it gave way */
};

/* Whether giving the processor away before a sleep has been worth it; of the thread
 * that waits in that direction. */
struct giving_way {
    unsigned skip; /* waits that sleep at once, before it is tried again */
    unsigned last; /* how many were skipped the last time */
};

struct channel_in {
    struct os_lock lock;
    struct message_list held; /* passed over, or received while draining */
    int ended;                /* 1: the orderly end, < 0: the error it ended with */
    int owed;                 /* an error of one message, for the next call to tell */
    int64_t wanted;           /* the kind that the call under way wants, */
    size_t room;              /* and what it has room for */
    bool heard_hello;
    bool heard_end;
    int64_t taker; /* the process that received the first message; 0: nobody yet */
    atomic_uint_least64_t messages;
    atomic_uint_least64_t bytes;
    struct expectation expectation;
    /* wherry_fd */
    int watch;
    struct ready *ready; /* shown there while user space holds a message */
    int timer;           /* of rest.c; -1: nothing is to be given back */
    unsigned changes;    /* of what the transport waits for, as far as it is watched */
    uint32_t rested;     /* bytes, or more, that were kept when all was given back */
    bool shows_ready;
    bool always_ready;       /* a file, of which epoll(7) knows nothing */
    wherry_deadline rest_at; /* as the timer is set; 0: it is not */
};

struct wherry_channel {
    const struct wherry_transport *moves;
    void *state;
    struct message_store *store;
    int (*attend)(void *state, int64_t kind, const atomic_bool *stop); /* or NULL */
    unsigned abilities;
    bool words;
    bool nonblocking; /* its descriptions are ours, and have O_NONBLOCK */
    uint32_t layout;  /* of its shared memory, said in its hello; 0: it has none */
    bool is_own;      /* its transport is the user's, whose errors have no sentence */
    struct channel_limits limits;
    uint64_t mechanism_limit; /* of one message; 0: none */
    int64_t kind_limit;       /* the largest kind; 0: there are none */
    int64_t kind_least;       /* as which kind 0 arrives */
    const char *framing;
    char scheme[ADDRESS_SCHEME];
    char *address;

    struct channel_out out;
    struct channel_in in;

    /* between the two threads, drain and cancel */
    atomic_bool canceled;
    atomic_int bell[2];     /* by direction; -1 until somebody waits */
    atomic_bool waiting[2]; /* somebody is about to, or does */
    struct giving_way giving_way[2];
    atomic_uint turn[2];            /* counts what the other thread did for this one */
    atomic_int_least64_t ack_due;   /* serial + 1 of a sync to be answered; 0: none */
    atomic_int_least64_t ack_heard; /* messages that the peer's program has taken */
    atomic_uint_least32_t peer_files; /* its files=, once peer_limit is known */
    atomic_int_least64_t peer_pid;    /* as the kernel says; 0: it has not */
    atomic_uint_least64_t
        peer_limit; /* its message= as its hello said; 0: not yet known */

    struct os_lock error_lock;
    int error;
    char *error_text; /* NULL: there was none, or no memory for it */
};

/* An empty channel (NULL: no memory), and an endpoint put into it. */
wherry_channel *channel_blank(const char *address);
void channel_free(wherry_channel *);
void channel_fill(wherry_channel *, const struct endpoint *,
                  const struct channel_limits *);

/* Makes a channel of an endpoint, which it takes, also on failure.  Errors: -ENOMEM. */
int channel_new(struct endpoint *, const struct channel_limits *, wherry_channel **out);

/* The same, with the bounds that the address says, and says hello if that is to be.
 * Errors: -ENOMEM, as wherry_dial. */
int channel_begin(struct endpoint *, const struct address *, wherry_channel **out);

/* -ENOTSUP for what a mechanism cannot be ("dialled"), with what it can. */
int channel_missing(const struct transport *, const char *verb);

/* Keeps an error and its sentence for describe; returns it.  -EAGAIN passes silently.
 */
int channel_keep_error(wherry_channel *, int error);

/* The same for a result, which may be none. */
static inline int channel_error(wherry_channel *channel, int result)
{
    return result < 0 ? channel_keep_error(channel, result) : result;
}

/* Of calls for many messages: -EINVAL, told, unless `count` can be returned as an int.
 */
int channel_check_count(wherry_channel *, const char *call, size_t count);

/* An error that ended a direction, told again in the words of the first time. */
int channel_again(wherry_channel *, int error);

/* Gives an error of the transport's sending its sentence, and remembers one after which
 * nothing can be sent; returns the error.  The caller holds out.lock. */
int channel_explain(wherry_channel *, int error);

/* --- patience.c ---------------------------------------------------------- */

/* One call's attempts.  `turn` is read before each. */
struct patience {
    unsigned turn;
    int64_t gave_at; /* when it last gave the processor away; 0: it did not */
    int64_t spun;    /* for how long that came straight back, in all */
    bool gives_no_more;
    int64_t pause;
    int64_t waited;     /* in such pauses, or until it was time to rest */
    int64_t rest_after; /* so much of it, it is time to rest; < 0: not any more */
};

void patience_begin(wherry_channel *, enum wherry_direction, struct patience *);

/* Whether to give the processor away once more, rather than to sleep. */
bool patience_gives_way(wherry_channel *, enum wherry_direction, struct patience *);

/* The peer has its program to load before it can say anything: the first wait to
 * receive sleeps at once, rather than to share the core that the peer starts on. */
void patience_expect_late(wherry_channel *);

/* Waits awake where the transport can, and whether that was of use; the caller holds
 * the direction's lock.  Whatever came of it, the processor is not given away then. */
bool patience_spins(wherry_channel *, enum wherry_direction, struct patience *);

/* The wait is over: what it had waited for has come. */
void patience_rewarded(wherry_channel *, enum wherry_direction, struct patience *);

/* Before the first look for an answer that never is there at once: gives the processor
 * away first, which saves a look in vain. */
void expectation_begin(wherry_channel *, wherry_deadline);

/* The first look found a message, or nothing. */
void expectation_learn(wherry_channel *, bool found);

/* --- rest.c -------------------------------------------------------------- */

/* Whether it has memory that only a busy channel needs. */
bool channel_is_restless(const wherry_channel *);

/* Gives that back, if nothing has come for a while; no lock may be held.  After how
 * many nanoseconds more it is to be looked at again; 0: not until there is more. */
int64_t channel_rest(wherry_channel *);

/* Of a channel with a watch, the caller holds in.lock: lets the watch wake whoever
 * polls when it is time for that, if it will be; whether it is, and then does it (no
 * lock). */
void rest_expect(wherry_channel *);
bool rest_is_due(const wherry_channel *);
void rest_when_due(wherry_channel *);

/* --- ready.c ------------------------------------------------------------- */

/* A descriptor that is always readable, which a few channels share; never NULL in *out
 * but on failure.  Errors: -EMFILE, -ENFILE, -ENOMEM. */
int ready_take(struct ready **out);
void ready_give(struct ready *); /* may be NULL */
int ready_descriptor(const struct ready *);

/* --- descriptor.c -------------------------------------------------------- */

/* What the transport waits for has changed: the watch is to have that, too.  The caller
 * holds in.lock. */
void watch_changes(wherry_channel *);

/* --- wait.c -------------------------------------------------------------- */

/* Waits until that direction may be worth another try: 0, -EAGAIN (WHERRY_POLL),
 * -ETIMEDOUT, -ECANCELED.  No lock may be held. */
int channel_wait(wherry_channel *, enum wherry_direction, wherry_deadline,
                 struct patience *);

/* The same for a drain, which waits on the sender's behalf for the receiving direction,
 * and for room too if it has something to say. */
int channel_wait_answer(wherry_channel *, bool wants_room, wherry_deadline,
                        struct patience *);

/* Tells whoever waits in that direction to look again. */
void channel_nudge(wherry_channel *, enum wherry_direction);

/* The bell of a direction, made at need.  Errors: -EMFILE …. */
int channel_bell(wherry_channel *, enum wherry_direction);

/* --- words.c: hello, end, sync ------------------------------------------- */

/* Says hello if this process has not; the caller holds out.lock.  Errors: -EAGAIN …. */
int words_say_hello(wherry_channel *, unsigned flags);

/* Says one word; the caller holds out.lock.  Errors: -EAGAIN …. */
int words_say(wherry_channel *, enum frame_word word, int64_t number);

/* Answers a sync that is due, if the sender's lock is free (else its holder does). */
void words_answer(wherry_channel *);

/* Gives out.lock back, and answers what became due while it was held. */
static inline void channel_give_out(wherry_channel *channel)
{
    os_lock_give(&channel->out.lock);
    if (atomic_load(&channel->ack_due) > 0)
        words_answer(channel);
}

/* What a received word means; the caller holds in.lock.  The message is freed or held.
 */
int words_hear(wherry_channel *, wherry_message *word);

/* Answers a sync at the front of the held list: all before it has been taken.  The
 * caller holds in.lock. */
void words_hear_held(wherry_channel *);

/* Listens, without waiting, until the peer's hello has been heard: 1, -EAGAIN, or how
 * the peer ended before that. */
int channel_greeted(wherry_channel *);

/* --- recv.c -------------------------------------------------------------- */

/* The next message from the transport, words dealt with: 1, 0 the end, -EAGAIN …; the
 * caller holds in.lock. */
int channel_pull(wherry_channel *, wherry_message **out);

/* --- held.c: what was passed over; the caller holds in.lock --------------- */

/* Whether the list takes no more; and says so, of the kind that is not in it:
 * -ENOBUFS. */
bool held_is_full(const wherry_channel *);
int held_tell_full(const wherry_channel *, int64_t kind);

/* Whether a message is one that a recv of `kind`, 0 or more, takes. */
static inline bool held_fits(const wherry_message *message, int64_t kind)
{
    return message->word == FRAME_MESSAGE && (kind == 0 || message->kind == kind);
}

/* Takes the first that fits, or of a kind below 0 the lowest; and the lowest up to
 * `most`: whether there was one. */
bool held_take(wherry_channel *, int64_t kind, wherry_message **out);
bool held_take_lowest(wherry_channel *, int64_t most, wherry_message **out);

/* Sets the readiness of wherry_fd to what user space holds; the caller holds in.lock.
 */
void channel_show_ready(wherry_channel *);

/* --- send.c -------------------------------------------------------------- */

/* Bytes that the caller only lent are copied, for it may change them from now on.  If
 * that cannot be, the message is cut off and nothing more can follow.  The caller holds
 * out.lock.  Errors: -ENOMEM. */
int channel_keep(wherry_channel *);

/* Moves on whatever was taken and is still here; the caller holds out.lock.  0: all of
 * it is gone, -EAGAIN …. */
int channel_flush(wherry_channel *);

/* What is still here goes out, and then the word `end`, whole; nothing more is sent
 * after that.  The caller holds out.lock or is alone.  0, -EAGAIN (call it again), ….
 */
int channel_say_end(wherry_channel *);

/* --- queue.c: the private list of the policies that keep one ------------- */

/* What happens to a message that the mechanism has no room for; the caller holds
 * out.lock. 0: taken or dropped, -EAGAIN: wait or fail, -ENOBUFS: cut. */
int queue_full(wherry_channel *, wherry_message **message);

/* Sends what is queued; 0: nothing is left. */
int queue_flush(wherry_channel *);

#endif
