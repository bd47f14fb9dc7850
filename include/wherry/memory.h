/* SPDX-License-Identifier: MIT */
/*
 * Memory of `local:`, as whoever looks on from outside sees it.
 *
 *     struct wherry_memory_info info;
 *     int fd = open("/proc/4711/fd/7", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
 *     if (fd >= 0 && wherry_memory_describe(fd, &info, sizeof(info)) == 0)
 *         printf("%llu messages\n", (unsigned long long)info.sent_messages);
 *
 * Each end of a `local:` that has gone over to memory has made its own, which it alone
 * can write and keeps open under the name "memfd:wherry:local": its ring, with what it
 * sends, and words on how far it has read the other end's.  What one end says is half
 * of each direction; wherry_inspect_channels() (wherry/inspect.h) puts the halves
 * together, finds the processes, and is what `wherry describe PID` prints.
 *
 * All of it is what that process has written there, and may be anything: sizes are
 * checked, counts are as it claims.  Memory is read as a file is, page by page, once: a
 * process that makes it smaller meanwhile is an error here and no signal.  Nothing is
 * written, nobody is woken or waited for.  Any thread may call these.
 */
#ifndef WHERRY_MEMORY_H
#define WHERRY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <wherry/channel.h>
#include <wherry/export.h>

WHERRY_BEGIN

/* What a piece of memory is for. */
enum wherry_memory_use {
    WHERRY_MEMORY_CHANNEL = 1, /* an end of a channel */
    WHERRY_MEMORY_TOPIC,       /* what a topic publishes */
    WHERRY_MEMORY_READER,      /* a reader of one: it has no ring */
    WHERRY_MEMORY_POOL,        /* blocks that an end lends (`loan=`) */
    WHERRY_MEMORY_RETURNS      /* how the other end gives them back */
};

/* "channel", "topic", "reader", "pool", "returns"; "" of anything else. */
WHERRY_EXPORT const char *wherry_memory_use_name(enum wherry_memory_use use);

/* What a piece of memory says of itself.  Counts are since it was made. */
struct wherry_memory_info {
    enum wherry_memory_use use;
    uint64_t size;    /* bytes of its ring, or of its blocks; 0: it has neither */
    uint64_t memory;  /* bytes in all */
    int64_t maker;    /* the process that made it, as it calls itself; 0: it does not
                         say */
    uint64_t carrier; /* the inode of the socket beside it, or of a topic's that
                         listens; 0: not told */
    uint64_t reads;   /* the inode of the memory that a reader of a topic reads; 0 */
    uint64_t sent_messages;
    uint64_t sent_bytes; /* of their payload */
    uint64_t written;    /* bytes of its ring, and */
    uint64_t oldest;     /* from which on a topic still has them */
    /* Of the other end's ring, told with each message; but how many bytes of it can be
     * written again a channel's end tells when that is a quarter of the ring. */
    uint64_t received_messages;
    uint64_t received_bytes;
    uint64_t read;          /* bytes of the ring */
    uint64_t lost_messages; /* that were overwritten before it read them */
    int waits_for_messages; /* 1: it is asleep until there are some; */
    int waits_for_room;     /* or, to send, until there is room */
    uint64_t blocks;        /* that were lent and sent, or that came back, ever */
};

/* Tells what the memory behind a descriptor says; `size` is sizeof(struct
 * wherry_memory_info) as the caller knows it.  The descriptor stays the caller's, and
 * need only be open for reading.
 * Errors: -EPROTO (it is no memory of `local:`, of another version, or its numbers do
 * not fit), -EINVAL for a size of 0, as pread(2). */
WHERRY_EXPORT int wherry_memory_describe(wherry_native memory,
                                         struct wherry_memory_info *out, size_t size);

/* How far behind a reader of a topic is that has read so many bytes of its ring
 * (`read` of its own memory): fills in behind_messages, behind_bytes, behind_age and
 * overtaken.  `topic` is the topic's memory.
 * Errors: as wherry_memory_describe; -EPROTO: it is no topic's. */
WHERRY_EXPORT int wherry_memory_behind(wherry_native topic, uint64_t read,
                                       struct wherry_reader *out);

WHERRY_END

#endif
