/* SPDX-License-Identifier: MIT */
/*
 * The inside of a stream, between stream.c, stream_in.c, stream_read.c and
 * stream_out.c.
 *
 * `in` belongs to the receiving thread, `out` to the sending one; neither looks at the
 * other's.
 */
#ifndef TRANSPORT_STREAM_H
#define TRANSPORT_STREAM_H

#include "transport/ahead.h"
#include "transport/gather.h"
#include "transport/open_files.h"

/* --- the two directions -------------------------------------------------- */

struct stream_in {
    struct os_descriptor descriptor;
    struct ahead ahead;
    wherry_message *partial; /* a large message that is read in place */
    bool was_partial;        /* the last message was one */
    size_t filled;
    size_t tail_left; /* bytes behind its payload, to be skipped */
    uint32_t partial_files;
    struct open_files files;
    bool receives_files;
    bool filled_room;   /* the last read: more is likely waiting */
    bool stopped_early; /* the last read: more may be waiting */
    bool ended;
    int broken; /* an error after which nothing can be cut any more */
};

struct stream_out {
    struct os_descriptor descriptor;
    struct gathered gathered;
    wherry_message *rest; /* the message that is on its way in part */
    int64_t rest_since;
    struct frame_edges rest_edges;
    size_t rest_offset; /* over head, payload and tail */
};

struct stream {
    struct cutter cutter;
    uint32_t file_limit;
    bool one_descriptor; /* in and out are the same */
    struct stream_in in;
    struct stream_out out;
    struct os_file made;
    char *path; /* removed at close; NULL: none */
    struct stream_life life;
};

int stream_recv(void *state, wherry_message **out);
size_t stream_recv_ahead(void *state, wherry_message **messages, size_t count);
int stream_ready(void *state);

/* One read into `rooms`: the bytes, 0 for the end, or an error of os_read. */
int64_t stream_read(struct stream *, const struct os_room *rooms, size_t count);

/* The same to the back of the block.  Errors: -ENOMEM too. */
int64_t stream_read_ahead(struct stream *);

int stream_send(void *state, wherry_message **message, unsigned flags);
size_t stream_gather(void *state, const struct wherry_plain *messages, size_t count);
int stream_flush(void *state);
int stream_keep(void *state);

#endif
