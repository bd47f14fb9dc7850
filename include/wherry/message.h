/* SPDX-License-Identifier: MIT */
/*
 * Messages: bytes, a kind, open files, and who sent them.
 *
 * A message belongs to one owner at a time.  wherry_send() takes it when it succeeds,
 * wherry_recv() gives one.  It may be freed on any thread.  It is not locked: two
 * threads do not use one message at the same time.
 */
#ifndef WHERRY_MESSAGE_H
#define WHERRY_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/export.h>

WHERRY_BEGIN

typedef struct wherry_message wherry_message;

/* The system's handle of an open file: a file descriptor. */
typedef int wherry_native;

/* How far the word about a peer can be trusted. */
enum wherry_trust {
    WHERRY_TRUST_NONE,    /* nobody vouches for it (a network address) */
    WHERRY_TRUST_CREATOR, /* who made the socket, not necessarily who speaks: unix(7),
                             SO_PEERCRED of a socket pair or an inherited listener */
    WHERRY_TRUST_KERNEL   /* what the kernel attached to what the peer sent: unix(7),
                             SCM_CREDENTIALS; or to a signal */
};

/* What a signal came from (`signal:`; sigaction(2), si_code). */
enum wherry_source {
    WHERRY_SOURCE_NONE,    /* it is no signal, or nobody wrote down who sent it */
    WHERRY_SOURCE_PROCESS, /* a process, which pid and uid name; trust tells whether the
                              kernel wrote them (kill(2)) or it did (sigqueue(3)) */
    WHERRY_SOURCE_KERNEL,  /* the kernel; the keyboard's Ctrl-C, too */
    WHERRY_SOURCE_TIMER,   /* timer_create(2) */
    WHERRY_SOURCE_FAULT    /* a fault of the program: no receiver is given one */
};

/* Who is at the other end, or who sent a message. */
struct wherry_peer {
    enum wherry_trust trust;
    enum wherry_source source; /* of a signal */
    int64_t pid; /* as this process sees it; -1: unknown, 0: not visible from here */
    int64_t uid; /* -1: unknown */
    int64_t gid; /* -1: unknown */
    uint64_t identity; /* names that one process for ever, even when its pid is used
                          again (the inode of its pidfd, Linux 6.9); 0: not to be had */
    char address[128]; /* its own address where it has one, else "" */
};

/* Makes a message of `size` bytes, zeroed, of kind 0.
 * Errors: -ENOMEM. */
WHERRY_EXPORT int wherry_message_new(size_t size, wherry_message **out);

/* Makes a message that holds a copy of `size` bytes at `bytes` (may be NULL for none).
 * Errors: -ENOMEM. */
WHERRY_EXPORT int wherry_message_copy(const void *bytes, size_t size,
                                      wherry_message **out);

/* The bytes, writable, borrowed until the message is freed, sent or resized; never
 * NULL, aligned to 8.  Of a message that was received in place (local: with loan=) they
 * are the sender's memory, and may only be read: writing there is a fault of memory. */
WHERRY_EXPORT void *wherry_message_data(const wherry_message *);

/* How many bytes it holds. */
WHERRY_EXPORT size_t wherry_message_size(const wherry_message *);

/* Makes it hold `size` bytes: cut off at the end, or grown by zeroes.  One that was
 * received in place is copied, also where `size` is what it has: it may be written
 * then. Errors: -ENOMEM (the message is as before). */
WHERRY_EXPORT int wherry_message_resize(wherry_message *, size_t size);

/* The kind: a number >= 0 that the sender chose; 0 where a channel has no kinds. */
WHERRY_EXPORT int64_t wherry_message_kind(const wherry_message *);

/* Sets the kind.
 * Errors: -EINVAL for a negative one. */
WHERRY_EXPORT int wherry_message_set_kind(wherry_message *, int64_t kind);

/* Adds an open file, which will arrive with exactly this message.  The descriptor is
 * duplicated: the caller's own stays the caller's.
 * Errors: -EBADF, -EMFILE, -ENOMEM, -E2BIG (more than 253, the kernel's SCM_MAX_FD). */
WHERRY_EXPORT int wherry_message_attach(wherry_message *, wherry_native file);

/* How many open files it carries. */
WHERRY_EXPORT size_t wherry_message_files(const wherry_message *);

/* The open file at `index` (from 0), borrowed: it is closed when the message is freed.
 * Errors: -EINVAL past the end, -EBADF when it was taken. */
WHERRY_EXPORT wherry_native wherry_message_file(const wherry_message *, size_t index);

/* Takes the open file at `index` out: it is the caller's to close.  The places of the
 * others do not change.
 * Errors: -EINVAL past the end, -EBADF when it was taken already. */
WHERRY_EXPORT wherry_native wherry_message_take_file(wherry_message *, size_t index);

/* Who sent a received message; borrowed from it.  For a message made here: nobody
 * (trust none, pid -1). */
WHERRY_EXPORT const struct wherry_peer *wherry_message_sender(const wherry_message *);

/* Of a message that a reader of a topic received: how many that were published before
 * it, and after the one received before it, this reader did not get (wherry_publish);
 * else 0. */
WHERRY_EXPORT uint64_t wherry_message_lost(const wherry_message *);

/* Says where a message goes, on a connectionless channel (udp:, unix: datagram).  `to`
 * is an address as in wherry_peer.address: "udp:127.0.0.1:4000", "unix:/run/x",
 * "unix:@name".  NULL takes it back.  On a channel that has one peer, a message with a
 * destination is refused with -EISCONN.
 * Errors: -EINVAL (no such address, or a name instead of a number), -ENAMETOOLONG. */
WHERRY_EXPORT int wherry_message_set_to(wherry_message *, const char *to);

/* Makes `reply` go to whoever sent `received`.
 * Errors: -EDESTADDRREQ when the sender had no address. */
WHERRY_EXPORT int wherry_message_reply_to(wherry_message *reply,
                                          const wherry_message *received);

/* Frees it, closes the open files that were not taken.  NULL is fine. */
WHERRY_EXPORT void wherry_message_free(wherry_message *);

WHERRY_END

#endif
