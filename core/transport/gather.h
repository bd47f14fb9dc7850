/* SPDX-License-Identifier: MIT */
/*
 * Messages that were sent with WHERRY_MORE, until they leave together: shared by
 * streams and packets.  Private to core/transport.
 */
#ifndef TRANSPORT_GATHER_H
#define TRANSPORT_GATHER_H

#include "transport/record.h"

enum { GATHER = 65536 }; /* the most bytes that leave together */

/* Whole records, one behind the other; all zero is none. */
struct gathered {
    struct buffer records;
    uint64_t count;
    int64_t since; /* when the first of them came */
};

/* Whether a message is cheaper copied than sent by itself. */
static inline bool gathered_is_small(size_t size)
{
    return record_size_most(size) <= GATHER / 2;
}

static inline bool gathered_fits(const struct gathered *gathered, size_t size)
{
    return gathered->records.size + record_size_most(size) <= GATHER;
}

static inline struct os_bytes gathered_piece(const struct gathered *gathered)
{
    const struct buffer *records = &gathered->records;
    // A buffer that never held anything has no front.
    return (struct os_bytes){records->size > 0 ? buffer_front(records) : NULL,
                             records->size};
}

/* Adds a message without open files; it has gone then.  Errors: of the framing's check
 * and encode, -ENOMEM; nothing is added then. */
int gathered_add(struct gathered *, const struct framing *, struct message_store *,
                 wherry_message **message);

/* Adds copies of the first of `count` messages, as long as each is small and fits; how
 * many. */
size_t gathered_add_run(struct gathered *, const struct framing *,
                        struct message_store *, const struct wherry_plain *messages,
                        size_t count);

/* `size` bytes of them have gone. */
void gathered_consume(struct gathered *, size_t size);

/* Adds to a description. */
void gathered_describe(const struct gathered *, struct wherry_channel_info *);

/* Gives its memory back if nothing is there; whatever is there. */
void gathered_rest(struct gathered *, struct message_store *);
void gathered_close(struct gathered *);

#endif
