/* SPDX-License-Identifier: MIT */
/*
 * A message on its way out, with what its framing puts around it: shared by streams and
 * packets.  Private to core/transport.
 */
#ifndef TRANSPORT_RECORD_H
#define TRANSPORT_RECORD_H

#include "base/base.h"
#include "transport/transport.h"

enum {
    RECORD_PIECES = 3, /* head, payload, tail */
    RECORD_SMALL = 512 /* up to that, one piece is cheaper than three */
};

/* Where a record is going to stand. */
struct record_way {
    bool counts_files; /* its open files are written into the record */
    size_t before;     /* bytes in front of it, in the same call */
    size_t most;       /* bytes that it may have */
};

/* Works out what stands around a message.  A large one is padded where that makes its
 * copy several times faster (see base.h): one from the start of a page, behind a head
 * of 16 bytes, is such a case.  Errors: of the framing's check and encode. */
int record_encode(const struct framing *, const wherry_message *,
                  const struct record_way *, struct frame_edges *);

/* Whether the framing can carry these bytes.  Errors: the framing's. */
static inline int record_check(const struct framing *framing, const void *bytes,
                               size_t size)
{
    return framing->check ? framing->check(bytes, size) : 0;
}

static inline size_t record_size(const struct frame_edges *edges,
                                 const wherry_message *message)
{
    return edges->place.head_size + message->size + edges->place.tail_size;
}

/* The pieces of a record from `offset` on; how many. */
size_t record_pieces(const struct frame_edges *, const wherry_message *, size_t offset,
                     struct os_bytes pieces[RECORD_PIECES]);

/* The same in one piece, if the record is small: it is put together in `room`. */
size_t record_one_piece(const struct frame_edges *, const wherry_message *,
                        uint8_t room[RECORD_SMALL],
                        struct os_bytes pieces[RECORD_PIECES]);

/* The most that a record of so many bytes can take. */
static inline size_t record_size_most(size_t size)
{
    return FRAMING_HEAD + size + FRAMING_TAIL;
}

#endif
