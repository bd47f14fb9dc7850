/* SPDX-License-Identifier: MIT */
/*
 * Channels: messages between processes.
 *
 * A channel is opened by an address (`scheme:rest?option=value&…`, see `wherry help`
 * and mechanism.h) with dial, listen and accept, or pair.  What it can do beyond bytes
 * (kinds, open files, drain) depends on its mechanism and framing: wherry_describe()
 * tells.  What it cannot do is -ENOTSUP, never imitated.
 *
 * Threads: one thread may send and another receive at the same time.  Sending are send,
 * write, loan, send_many, write_many, flush, finish and drain; receiving are recv,
 * recv_kind, recv_many, read and read_many.  wherry_cancel() and wherry_describe() may
 * be called by any thread.  close comes last, when no other thread is inside.
 *
 * fork(2): a channel that the kernel carries goes on working afterwards, in one process
 * each: after wherry_pair() and a plain fork(), either process closes the end it does
 * not use.  Closing an end that this process never used says nothing to the other end.
 *
 * The memory of a queue: is of all processes of its user.  Whoever opens it has it for
 * itself: a child of fork(2) gets -ECHILD.  Nonsense that one of them writes there is
 * -EPROTO, or a message that nobody sent; but whoever makes its file smaller ends all
 * who use it by SIGBUS, as with any region that can be made smaller (wherry/region.h).
 *
 * A peer that ends in order (wherry_finish, or wherry_close after use) is told by 0
 * from recv.  Under the `wherry` framing an end of file without that word is
 * -ECONNRESET: the peer died, or closed without ever speaking.
 */
#ifndef WHERRY_CHANNEL_H
#define WHERRY_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/deadline.h>
#include <wherry/export.h>
#include <wherry/message.h>

WHERRY_BEGIN

typedef struct wherry_channel wherry_channel;
typedef struct wherry_listener wherry_listener;

/* The sentence behind the last error that a call of this thread returned: which
 * address, what was wrong, what would work.  Borrowed until this thread's next failing
 * call; "" if there was none.  What is no error to tell of, -EAGAIN, leaves it as it
 * was. */
WHERRY_EXPORT const char *wherry_error_text(void);

/* Makes that sentence, in the format of printf(3), and returns `error`: for libraries
 * that stand on this one.  Control characters in it are shown as \xHH, and of more
 * than 511 bytes the first are kept. */
WHERRY_EXPORT int wherry_error_set(int error, const char *format, ...);

/* Opens a channel to whoever listens at `address`; for a simplex mechanism (fifo:) the
 * writing end.  May wait until `deadline` for the peer where the mechanism needs one.
 * Errors: -EINVAL (no such scheme or option, or out of its bounds: the text names it),
 * -ENOTSUP (the mechanism has no dial), -ENOENT and -ECONNREFUSED (nobody there),
 * -EACCES, -ENAMETOOLONG, -ETIMEDOUT, -EAGAIN (WHERRY_POLL), -EMFILE, -ENFILE, -ENOMEM,
 * -EHOSTUNREACH and -ENETUNREACH, -ENOTDIR, -ENOTSOCK and -EPROTOTYPE (the path is
 * something else), -ESRCH (signal: there is no such process). */
WHERRY_EXPORT int wherry_dial(const char *address, wherry_deadline deadline,
                              wherry_channel **out);

/* Opens a place to be dialled.  Never waits (a host name in tcp: and udp: does, while
 * it is looked up; `numeric=yes` refuses names). Errors: as wherry_dial, and
 * -EADDRINUSE (somebody listens there already), -EEXIST (the path is not ours to
 * replace). */
WHERRY_EXPORT int wherry_listen(const char *address, wherry_listener **out);

/* Takes the next peer.  A peer that connects and says nothing holds nobody up: it is
 * given `handshake=` (2 s) beside the others.  Simplex mechanisms give the reading end,
 * once; connectionless ones give their one channel at once; a second accept on either
 * is -EALREADY. A topic has no channels: -ENOTSUP. Errors: -EAGAIN, -ETIMEDOUT,
 * -ECANCELED, -EALREADY, -EMFILE, -ENFILE, -ENOMEM. */
WHERRY_EXPORT int wherry_accept(wherry_listener *, wherry_deadline deadline,
                                wherry_channel **out);

/* Publishes to all who read a topic: a listener at `local:NAME?fan=broadcast`.  Readers
 * dial `local:NAME`; this call lets them in, and a reader begins with what is published
 * then.  There is one thread that publishes.
 *
 * The message is copied into memory that all readers see, where the oldest are
 * overwritten (`ring=`), and taken: *message becomes NULL.  Nobody is waited for: a
 * reader that is too slow loses the oldest it has not read (`full=drop-oldest`), gets
 * the newest only (`full=latest`), or is told -EOVERFLOW by its recv and cut off
 * (`full=disconnect`, the default), as its own address says, or else the listener's.
 * What it lost wherry_message_lost() tells it, and wherry_describe() of its channel as
 * dropped_messages.  A reader can send nothing, and nothing is received in place.
 *
 * Returns how many readers there are.  With WHERRY_POLL it never waits and publishes
 * also to none; with any other deadline it waits for the first reader.  A NULL for
 * `message` publishes nothing: it lets in who waits, as an event loop does when the
 * listener's descriptor (wherry_listener_fd) is readable, which it also is when a
 * reader has gone.  While more than 64 messages are published in one tick of the
 * system's clock (some milliseconds), who dials in it may be let in with the next.
 *
 * Errors: -ENOTSUP (it is no topic; or the message carries open files), -ETIMEDOUT and
 * -ECANCELED (wherry_cancel_accept; nobody reads, the message is still the caller's),
 * -EMSGSIZE (larger than a quarter of `ring=`, or than `message=`), -EISCONN (to=),
 * -EMFILE, -ENFILE and -ENOMEM (nobody reads, and who dials cannot be let in), -EINVAL
 * (*message is NULL), -ECHILD (in a child of the process that opened it). */
WHERRY_EXPORT int wherry_publish(wherry_listener *, wherry_message **message,
                                 wherry_deadline deadline);

/* One who reads a topic. */
struct wherry_reader {
    int64_t pid;              /* by the kernel's word; -1: not known */
    char full[16];            /* what happens when it is slow: "disconnect" */
    uint64_t behind_messages; /* published and there to be read, and not yet read */
    uint64_t behind_bytes;    /* of the ring that they take */
    int64_t behind_age; /* nanoseconds since the oldest of them was published; 0: it has
                           read all */
    int overtaken;      /* 1: others that it has not read are overwritten already */
    uint64_t lost_messages; /* overwritten before it read them, or passed over by
                               full=latest, as it says */
};

/* Who reads a topic, and how far behind each is: fills in up to `most`, and returns how
 * many there are.  By any thread.  Errors: -ENOTSUP (it is no topic), -ECHILD. */
WHERRY_EXPORT int wherry_listener_readers(wherry_listener *, struct wherry_reader *out,
                                          size_t most);

/* Makes both ends at once, without a name: pipe:, pair:.  For a simplex mechanism
 * out[0] is the reading end and out[1] the writing end, as pipe(2) has them. Errors:
 * -EINVAL, -ENOTSUP, -EMFILE, -ENFILE, -ENOMEM. */
WHERRY_EXPORT int wherry_pair(const char *address, wherry_channel *out[2]);

/* More messages follow at once: they may be gathered and leave with the next send that
 * does not say so, or when 64 KiB have been gathered. */
#define WHERRY_MORE 1u

/* Sends a message and takes it (*message becomes NULL) when the result is 0.
 * 0 means, with `full=block` (the default) and `full=fail`, that the kernel or the ring
 * has all of it.  Once a byte of a message is on its way it counts as taken: if the
 * deadline passes then, the rest is held, 0 is returned, and every later send, drain or
 * finish moves it on.  `full=drop-oldest|drop-newest|latest|disconnect` put what does
 * not fit into a private list of at most `queue=` bytes and never wait. May wait until
 * `deadline`. Errors: -EAGAIN (full: WHERRY_POLL or `full=fail`), -ETIMEDOUT,
 * -ECANCELED, -EMSGSIZE (larger than the limit: the text names both numbers), -EPIPE
 * and -ECONNRESET (the peer is gone; *message is NULL if a part of it had gone out),
 * -EINVAL (*message is NULL, or a kind above the limit), -ENOTSUP (open files or a kind
 * on a channel without), -E2BIG (more open files than `files=`), -EBADMSG (bytes that
 * the framing cannot carry, such as a newline under `line`, or anything but a number
 * over signal:), -EACCES (a process that may not be signalled any more), -EPERM (the
 * reading end of a simplex mechanism), -ESHUTDOWN (after wherry_finish), -EDESTADDRREQ
 * and -EISCONN (to=), -ENOBUFS (`full=disconnect` closed it), -ETOOMANYREFS (too many
 * open files on their way, try later), -EIDRM (the queue was removed). */
WHERRY_EXPORT int wherry_send(wherry_channel *, wherry_message **message,
                              unsigned flags, wherry_deadline deadline);

/* Receives the next message in the order of arrival (the kernel's own order over `mq:`,
 * the highest kind first, and `signal:`, the lowest): 1 and *out, or 0 when the peer
 * finished (*out is NULL).  May wait until `deadline`.
 * Errors: -EAGAIN (WHERRY_POLL), -ETIMEDOUT, -ECANCELED, -ECONNRESET (the peer died),
 * -EPROTO (it speaks another framing or version, or sent a broken record; the channel
 * is of no more use), -EMSGSIZE (it sent more than `message=`; of no more use where
 * bytes are framed), -EMFILE (this message's open files did not fit into the process:
 * the message is lost, the channel goes on; before a first wait also that the process
 * has no descriptor left to wait with, and nothing is lost: by WHERRY_POLL it is always
 * the one, and the sentence tells them apart), -E2BIG (it came with more of them than
 * this side's `files=`: lost likewise), -EPERM (the writing end of a simplex
 * mechanism), -EIDRM (the queue was removed), -EOVERFLOW (of a topic, by
 * `full=disconnect`: what this reader had not read was overwritten), -EUSERS (of a
 * topic: it has as many `readers=` as it takes), -ENOMEM. */
WHERRY_EXPORT int wherry_recv(wherry_channel *, wherry_message **out,
                              wherry_deadline deadline);

/* Receives by kind, as msgrcv(2) does by type: 0 takes any, n > 0 exactly n, n < 0 the
 * lowest kind <= -n among what has arrived.  What is passed over is held for later
 * calls, in order, until `held=` bytes, 1,024 messages or 16 × `files=` open files are
 * reached (the last one may go over).  `sysv:` picks in the kernel, and holds nothing
 * here; of `mq:` and `signal:`, what is held here is taken out of the kernel and goes
 * with the channel. Errors: as wherry_recv, -ENOTSUP (no kinds here), and -ENOBUFS: the
 * list is full and nothing in it fits; nothing is lost. */
WHERRY_EXPORT int wherry_recv_kind(wherry_channel *, int64_t kind, wherry_message **out,
                                   wherry_deadline deadline);

/* Sends `size` bytes as one message of `kind`: wherry_send without an object.
 * Errors: as wherry_send. */
WHERRY_EXPORT int wherry_write(wherry_channel *, const void *bytes, size_t size,
                               int64_t kind, unsigned flags, wherry_deadline deadline);

/* Receives one message into `bytes` (at most `capacity`) and closes its open files.
 * Returns its size; 0 is also an empty message: `*ended` (may be NULL) tells the
 * difference, 1 when the peer finished, else 0.  `kind` may be NULL.
 * Errors: as wherry_recv, and -ENOSPC: the message is larger than `capacity`; it waits
 * for a call with more room: in the queue, of a queue:, elsewhere in this channel. */
WHERRY_EXPORT int64_t wherry_read(wherry_channel *, void *bytes, size_t capacity,
                                  int64_t *kind, int *ended, wherry_deadline deadline);

/* Gives an empty message of `size` bytes (not zeroed) to be filled and sent on this
 * channel: on mechanisms that can, in the place where the peer will read it, elsewhere
 * from the channel's own store, so that sending costs no allocation.
 * Over `local:`, where both ends say `loan=SIZE`, are of one user and go through
 * memory, nothing of it is ever copied: sending tells the peer where it lies, and its
 * place is free again when the peer frees what it has received, in any order.  Where
 * SIZE bytes, or 1,024 messages, are out, that is waited for until `deadline`, as for
 * room to send (and not at all where `full=` does not wait: -EAGAIN under `fail`, a
 * copied message under the others).  A message freed without being sent gives its place
 * back; one that is sent on another channel, or with open files, is copied.  It may be
 * freed after the channel was closed; a child of fork(2) does not have its bytes.
 * Errors: -EMSGSIZE, -ENOMEM; -EAGAIN (WHERRY_POLL, `full=fail`), -ETIMEDOUT,
 * -ECANCELED: the peer has not freed what it has; -EPIPE (it is gone), -EPROTO (it
 * returned what it was not sent). */
WHERRY_EXPORT int wherry_loan(wherry_channel *, size_t size, wherry_message **out,
                              wherry_deadline deadline);

/* Sends up to `count` messages, gathered into as few system calls as can be.  Returns
 * how many were taken (their pointers become NULL), from the first on; an error only if
 * that is none. Errors: as wherry_send; -EINVAL for a count of 0. */
WHERRY_EXPORT int wherry_send_many(wherry_channel *, wherry_message **messages,
                                   size_t count, wherry_deadline deadline);

/* Receives at least one and up to `count` messages: waits for the first only.  Returns
 * how many, or 0 when the peer finished. Errors: as wherry_recv; -EINVAL for a count of
 * 0. */
WHERRY_EXPORT int wherry_recv_many(wherry_channel *, wherry_message **out, size_t count,
                                   wherry_deadline deadline);

/* A message in plain bytes, one of many. */
struct wherry_bytes {
    const void *bytes;
    size_t size;
    int64_t kind;
};

/* Sends up to `count` messages of plain bytes: wherry_send_many without objects, the
 * least that a message can cost.  Returns how many were taken, from the first on; an
 * error only if that is none.  Errors: as wherry_send; -EINVAL for a count of 0. */
WHERRY_EXPORT int wherry_write_many(wherry_channel *, const struct wherry_bytes *,
                                    size_t count, wherry_deadline deadline);

enum { WHERRY_BYTES_STEP = 16 };

/* Receives at least one and up to `count` messages into the `capacity` bytes at `bytes`
 * and says in `out` where each lies: wherry_recv_many without objects.  Each begins at
 * the next multiple of WHERRY_BYTES_STEP from `bytes`; what finds no room waits for the
 * next call, and open files are closed, as by wherry_read.  Waits for the first
 * only.  Returns how many, or 0 when the peer finished.  Errors: as wherry_read, also
 * where the first finds no room; -EINVAL for a count of 0. */
WHERRY_EXPORT int wherry_read_many(wherry_channel *, void *bytes, size_t capacity,
                                   struct wherry_bytes *out, size_t count,
                                   wherry_deadline deadline);

/* Moves on what earlier calls took and could not get rid of: what WHERRY_MORE gathered,
 * what `full=` put into the private list, the rest of a message that went out in part,
 * and what the peer's drain waits to hear.  An event loop calls it when there is room
 * (wherry_fd). Never waits.  0: nothing is held here any more.  Errors: -EAGAIN
 * (something is; call it again), -EPIPE, -ECONNRESET, -EPERM (the receiving end), and
 * those of wherry_send that end a channel. */
WHERRY_EXPORT int wherry_flush(wherry_channel *);

/* No more from me: what is gathered or queued is sent, then the peer's recv gives 0.
 * Receiving goes on.  Never waits: -EAGAIN says that something is still held (call it
 * again, or wherry_drain first).  Errors: -EAGAIN, -EPIPE, -ECONNRESET, -ENOTSUP (no
 * half-close here: sending goes on as before), -EPERM. */
WHERRY_EXPORT int wherry_finish(wherry_channel *);

/* Waits until the peer's program has taken (received, not only been sent) every message
 * sent so far.  Returns 0 when it has, else, at the deadline, how many it has not
 * confirmed.  The peer confirms no later than in the call that follows the one which
 * gave it the last of them (recv, drain, close): one that takes them all and calls
 * nothing more may not.
 * May be called on the thread that receives, too: what arrives meanwhile is held for
 * recv.  Errors: -ENOTSUP (one-way and connectionless mechanisms, foreign framings:
 * only the `wherry` framing has the words for it), -ECANCELED, -EPIPE (the peer has
 * finished: from then on it confirms nothing), -ECONNRESET, -ENOBUFS (what arrives
 * meanwhile no longer fits into the held list), -ESHUTDOWN (this end has finished), and
 * those of wherry_send that end a channel. */
WHERRY_EXPORT int wherry_drain(wherry_channel *, wherry_deadline deadline);

/* Whoever waits in a call on this channel, now or later, returns -ECANCELED instead of
 * waiting.  Calls that need not wait work as before, so what has arrived can be taken
 * and a last word be sent.  There is no way back.  Safe in a signal handler
 * (signal-safety(7)) and from any thread. */
WHERRY_EXPORT void wherry_cancel(wherry_channel *);

/* The same for a listener: wherry_accept returns -ECANCELED instead of waiting. */
WHERRY_EXPORT void wherry_cancel_accept(wherry_listener *);

enum wherry_direction { WHERRY_IN, WHERRY_OUT };

/* A descriptor for epoll(7), poll(2) or an event loop, and the poll(2) events to wait
 * for. Borrowed: the channel closes it; do not read from or write to it. WHERRY_IN: it
 * is readable whenever wherry_recv with WHERRY_POLL would not say -EAGAIN,
 * level-triggered, whatever the library has read ahead.  (A record that has arrived in
 * part, or a drain of the peer's, makes it readable until a recv has looked at it; so
 * does a tenth of a second without a look at a queue: lest a wake-up be missed; and so
 * does idleness, once or twice: a recv that finds nothing then gives memory back.)
 * What wherry_recv_kind passes over keeps it readable.
 * Take as many messages for one wake as you like, one is enough. WHERRY_OUT: writable
 * whenever wherry_send with WHERRY_POLL may not say -EAGAIN; which one that is may
 * change, so ask for it anew before each wait. Errors: -EMFILE, -ENFILE, -ENOMEM,
 * -EPERM (the other end of a simplex mechanism), -ENOTSUP (the mechanism has none). */
WHERRY_EXPORT int wherry_fd(wherry_channel *, enum wherry_direction direction,
                            wherry_native *out, short *events);

/* The same for a listener: readable when wherry_accept with WHERRY_POLL would not say
 * -EAGAIN. */
WHERRY_EXPORT int wherry_listener_fd(wherry_listener *, wherry_native *out,
                                     short *events);

/* What is known of a channel at this moment. */
struct wherry_channel_info {
    char address[256]; /* as dialled, accepted or paired */
    char scheme[16];
    char framing[16];   /* "" where the mechanism keeps messages apart by itself */
    unsigned abilities; /* enum wherry_ability, of this channel as it was opened */
    struct wherry_peer peer;
    uint64_t sent_messages;
    uint64_t sent_bytes;
    uint64_t received_messages;
    uint64_t received_bytes;
    uint64_t dropped_messages; /* by `full=`; the kernel's own losses are not known */
    uint64_t queued_messages;  /* gathered, held back or in the private list */
    uint64_t queued_bytes;
    int64_t queued_age;     /* nanoseconds since the oldest of them was given to us */
    uint64_t held_messages; /* received, passed over, waiting for recv */
    uint64_t held_bytes;
    uint64_t held_files;
    uint64_t unread_bytes;       /* in the kernel, for us to receive (where it tells) */
    uint64_t unsent_bytes;       /* in the kernel, not yet taken by the peer (ditto) */
    uint64_t waiting_messages;   /* in the kernel's queue, for whoever takes them */
    uint64_t waiting_most;       /* how many it holds (mq:), */
    uint64_t waiting_bytes_most; /* or how many bytes (sysv:) */
    int64_t last_sender;         /* the process that last sent to it (sysv:) */
    int64_t last_receiver;       /* and that last received */
    int64_t last_sent;           /* when that was, in seconds since 1970; 0: never */
    int64_t last_received;
    int64_t last_changed;
    uint64_t message_limit; /* the largest message this channel takes */
    int64_t kind_limit;     /* the largest kind; 0: there are none */
    int64_t kind_least;     /* as which kind 0 arrives (sysv: 1, signal: signal=) */
    uint64_t queue_limit;
    uint64_t file_limit;
    uint64_t memory;        /* bytes of memory that Wherry holds for the channel */
    int ended;              /* nothing more comes: 1, the peer finished; < 0, the error
                               that ended it; 0: something may */
    int error;              /* the last error that a call on it returned, or 0 */
    char error_text[256];   /* its sentence */
    int holder_count;       /* other processes known to hold the other end open, */
    int64_t holders[8];     /* and the first of them, by pid */
    uint64_t lost_messages; /* that somebody died receiving (queue: with unread=lost) */
};

/* Describes a channel.  `size` is sizeof(struct wherry_channel_info) as the caller
 * knows it: newer fields are left out.  The holders are looked for in /proc, which
 * takes milliseconds (offsetof(struct wherry_channel_info, holder_count) as the size
 * leaves them out), and only among processes that this user may look into. Errors:
 * -EINVAL for a size of 0. */
WHERRY_EXPORT int wherry_describe(wherry_channel *, struct wherry_channel_info *out,
                                  size_t size);

/* Looks at a message that waits in the kernel's queue, the one at `index` (0: the
 * oldest), without taking it: its size in bytes, and *kind.  Never waits.
 * Errors: -EAGAIN (not so many wait), -ENOTSUP (the mechanism, or this kernel, does not
 * show them), -EACCES, -EIDRM, -ENOMEM. */
WHERRY_EXPORT int64_t wherry_peek(wherry_channel *, size_t index, int64_t *kind);

/* The address at which a listener can be dialled: the one it was given, with a port or
 * a name that the system chose filled in.  Borrowed. */
WHERRY_EXPORT const char *wherry_listener_address(const wherry_listener *);

/* Closes a channel: if this process used it, hands what is gathered or queued to the
 * kernel and says the orderly end; closes every descriptor and removes what names it
 * made. Where the peer has left no room for the end it waits at most `linger=` (100 ms;
 * 0: not at all); without that word the peer takes the end for a death.  Whether the
 * peer's program has received everything only wherry_drain tells.  The program behind
 * an exec: has `grace=` (2 s) to end by itself, as long again after SIGTERM, and then
 * SIGKILL, all of which is waited for.  NULL is fine. */
WHERRY_EXPORT void wherry_close(wherry_channel *);

/* Closes a listener, removes its name, ends the peers that were not yet accepted. */
WHERRY_EXPORT void wherry_close_listener(wherry_listener *);

/* Removes the object that an address names, with what waits in it: a queue, a FIFO, a
 * region, a semaphore, the path of a unix(7) socket that nobody has bound any more. Its
 * name is free at once.  Whoever has it open goes on with it; of `sysv:` and `semv:`
 * they get -EIDRM.  Options of the address are checked and not looked at.  Never waits.
 * Errors: -ENOENT (nothing there), -EACCES and -EPERM (not this user's), -EADDRINUSE
 * (somebody listens there), -EEXIST (it is of another sort), -ENOTSUP (a mechanism
 * without a name that stays), -ENOTDIR and -ELOOP (of the path, or of WHERRY_DIR),
 * -EROFS, -EINVAL, -ENAMETOOLONG, -ENOMEM, -EMFILE, -ENFILE. */
WHERRY_EXPORT int wherry_remove(const char *address);

WHERRY_END

#endif
