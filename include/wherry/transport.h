/* SPDX-License-Identifier: MIT */
/*
 * Adding a mechanism of your own.
 *
 * A transport moves messages; the channel above it does the rest, once for all of them:
 * deadlines, cancel, retries, kinds, backpressure, counters.  So no function of this
 * table ever waits, and each is a few lines.  examples/transport.c is a whole one. An
 * error is a negative errno; the channel makes the sentence.
 */
#ifndef WHERRY_TRANSPORT_H
#define WHERRY_TRANSPORT_H

#include <wherry/channel.h>
#include <wherry/mechanism.h>

WHERRY_BEGIN

/* A descriptor and the poll(2) events that end a wait. */
struct wherry_wait {
    wherry_native fd;
    short events;
};

enum { WHERRY_WAITS = 4 }; /* the most descriptors that one wait looks at */

/* What became of a wait. */
enum wherry_waited {
    WHERRY_WAITED_AGAIN,  /* it is over, and what was waited for is tried next */
    WHERRY_WAITED_ENOUGH, /* it is over, and nothing is tried */
    WHERRY_WAITED_POLLS   /* somebody polls the descriptors from now on */
};

/* A message that is bytes and a kind and nothing else; borrowed. */
struct wherry_plain {
    const void *data;
    size_t size;
    int64_t kind;
    wherry_message *message; /* whose bytes these are, which may lie in memory that the
                                transport has lent: whoever gathers it may keep that
                                and nothing else of it; NULL: the caller's */
};

/*
 * How messages move.  `state` is the transport's own.  The channel calls send, flush
 * and finish from one thread at a time, recv from one thread at a time, both at once.
 */
struct wherry_transport {
    const char *scheme;     /* as in addresses */
    unsigned abilities;     /* enum wherry_ability; KINDS, FILES … are trusted */
    uint64_t message_limit; /* the largest message that send takes; 0 = no limit of its
                               own */
    int64_t kind_limit;     /* the largest kind that it can carry; ditto */

    /* Tries to send.  0: all of it is with the mechanism, or some of it is and the rest
     * is held here (then flush says -EAGAIN until it has gone); *message is taken
     * and set to NULL, or copied and left to be freed.  With WHERRY_MORE it may be kept
     * back until the next send without it, or flush.  -EAGAIN: full, nothing was taken.
     * Other errors as wherry_send. */
    int (*send)(void *state, wherry_message **message, unsigned flags);

    /* Tries to receive: 1 and *out, 0 at the end, -EAGAIN when nothing is there, other
     * errors as wherry_recv. */
    int (*recv)(void *state, wherry_message **out);

    /* Of mechanisms that pick by kind themselves: as recv, of the kind that
     * wherry_recv_kind wants.  One of more than `room` bytes may be left where it is:
     * -ENOSPC, with a sentence; given all the same, this channel alone has it from then
     * on.  NULL: the channel picks among what it receives. */
    int (*recv_kind)(void *state, int64_t kind, size_t room, wherry_message **out);

    /* Of transports that keep messages back with WHERRY_MORE: does that with copies of
     * the first of `count` messages, in order, as long as it asks nothing of the
     * system; how many.  What it does not take (0 is always right) goes to send.  NULL:
     * all go to send. */
    size_t (*gather)(void *state, const struct wherry_plain *messages, size_t count);

    /* Sends one plain message of borrowed bytes where that is no more than a copy:
     * gather, and flush too but with WHERRY_MORE.  1: it is taken and pushed on; 0: it
     * is not taken, and goes to gather or send; or it is taken and why it was not
     * pushed on, as flush says it.  NULL: never. */
    int (*put)(void *state, const struct wherry_plain *message, unsigned flags);

    /* Of transports that read ahead: receives up to `count` messages that lie there
     * already, as long as nothing can go wrong with them; how many.  What it leaves (0
     * is always right) recv receives, or tells what is wrong with it.  NULL: recv
     * receives all. */
    size_t (*recv_ahead)(void *state, wherry_message **messages, size_t count);

    /* As recv_ahead, of messages whose bytes can be copied from where they lie to where
     * the caller wants them: into the `capacity` bytes at `bytes`, each at the next
     * multiple of WHERRY_BYTES_STEP from there, as long as there is room; `out` tells
     * where.  NULL: recv_ahead and recv do it all. */
    size_t (*read_ahead)(void *state, void *bytes, size_t capacity,
                         struct wherry_bytes *out, size_t count);

    /* Of transports that have memory which the other end reads: an empty message of
     * `size` bytes there, for send.  -EAGAIN: all of it is in use (wait, of WHERRY_OUT,
     * then says what to wait for); -ENOTSUP: none for this one, the channel takes one
     * of its own; other errors as wherry_send.  Called as send is.  NULL: never
     * (-ENOTSUP). */
    int (*lend)(void *state, size_t size, wherry_message **out);

    /* Moves on what send held.  0: nothing is held any more; -EAGAIN: something is.
     * NULL: send never holds anything. */
    int (*flush)(void *state);

    /* Says what to wait for: fills up to WHERRY_WAITS entries, returns how many (0:
     * nothing but time), or a negative errno where that direction cannot be waited for.
     * Not called while send or recv of that direction is under way. */
    int (*wait)(void *state, enum wherry_direction direction,
                struct wherry_wait waits[WHERRY_WAITS]);

    /* Of transports that see what the other end does without asking the system: waits
     * awake, for microseconds, for something to send or recv to be there.  1: there is,
     * 0: there is none, and it is time to sleep; -ENOTSUP: not now, the channel gives
     * way by itself.  As wait, not called while send or recv is under way.  NULL: never
     * (-ENOTSUP). */
    int (*spin)(void *state, enum wherry_direction direction);

    /* Of transports whose two ends agree on something while messages flow: whether recv
     * would now be worth a call for the sake of that alone.  Asked after a send or
     * lend, as a part of it; the channel receives what is there then, and keeps
     * messages for wherry_recv.  NULL: never. */
    int (*expects)(void *state);

    /* Of transports that know borrowed messages (wherry_write's bytes, which send must
     * not take): copies what is left of one that was sent in part, because its bytes
     * are about to go.  NULL: send is only given messages that it may take. Errors:
     * -ENOMEM; the channel is cut then. */
    int (*keep)(void *state);

    /* Half-close: nothing more will be sent.  Called once flush has said 0.  NULL:
     * -ENOTSUP. */
    int (*finish)(void *state);

    /* Whether a complete message could be received without asking the system again
     * (read ahead): 1, or 0, and then whatever comes from now on shows at the
     * descriptors of wait.  NULL: never, they tell all. */
    int (*ready)(void *state);

    /* The channel is idle: gives back memory that only a busy one needs.  Called with
     * neither send nor recv under way.  After how many nanoseconds more it is to be
     * called again if nothing happens; 0: not at all.  NULL: nothing to give. */
    int64_t (*rest)(void *state);

    /* A descriptor whose far end other processes may have inherited, or -1, and whether
     * that end writes (1) or reads (0): descriptions name who holds it.  NULL: none. */
    wherry_native (*far_end)(void *state, int *writes);

    /* Looks at the message at `index` that waits, without taking it: its size, and
     * *kind; -EAGAIN: not so many wait.  NULL: -ENOTSUP. */
    int64_t (*peek)(void *state, size_t index, int64_t *kind);

    /* Adds what it knows to a description.  NULL: nothing. */
    void (*describe)(void *state, struct wherry_channel_info *info);

    /* Frees everything, descriptors too. */
    void (*close)(void *state);

    /* Of transports that are told by others when a wait is over: what became of the
     * last one that `wait` said something for.  NULL: it need not know. */
    void (*waited)(void *state, enum wherry_direction direction,
                   enum wherry_waited what);

    /* Of transports that come to wait for other descriptors: a number that differs
     * whenever `wait` has more to say for WHERRY_IN than before; asked after each recv
     * of a channel that has a wherry_fd.  NULL: it always says the same. */
    unsigned (*changes)(void *state);
};

/* Makes a channel that moves its messages by `transport` (borrowed, must live as long)
 * with `state` (taken on success: the channel calls close).  `address` is what
 * descriptions show; its options, if it has any, are the channel's own (`wherry help
 * channel`): full, queue, message, files, held. Errors: -EINVAL (no send and no recv,
 * or an unknown option), -ENOMEM. */
WHERRY_EXPORT int wherry_channel_new(const struct wherry_transport *transport,
                                     void *state, const char *address,
                                     wherry_channel **out);

/* Takes every message's parts out for a transport that must know who sent it: sets what
 * wherry_message_sender() tells.
 * Errors: -ENOMEM. */
WHERRY_EXPORT int wherry_message_set_sender(wherry_message *,
                                            const struct wherry_peer *);

WHERRY_END

#endif
