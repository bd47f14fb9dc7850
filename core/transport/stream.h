/* SPDX-License-Identifier: MIT */
/*
 * The inside of a stream, between stream.c, stream_in.c, stream_out.c and open_files.c.
 *
 * `in` belongs to the receiving thread, `out` to the sending one; neither looks at the
 * other's.
 */
#ifndef TRANSPORT_STREAM_H
#define TRANSPORT_STREAM_H

#include "transport/ahead.h"
#include "transport/record.h"

/* --- open_files.c: received descriptors, until their messages are cut out --- */

/* A queue of descriptors with marks where the kernel lost some. */
struct open_files {
    int *places;
    size_t start;
    size_t count;
    size_t capacity;
};

/* Adds what arrived, and a mark if more came than this process had room for.  On
 * failure they are closed.  Errors: -ENOMEM, -EPROTO (more than `most` wait for
 * messages that claim them). */
int open_files_push(struct open_files *, const struct os_arrival *, size_t most);

/* Moves the `count` that a record claims into its message.
 * Errors: -EMFILE (some were lost: what is left of them is closed, the queue goes on
 * with the next record's), -EPROTO (not that many came), -ENOMEM. */
int open_files_claim(struct open_files *, size_t count, wherry_message *);

void open_files_close(struct open_files *);

/* --- the two directions -------------------------------------------------- */

struct stream_in {
    struct os_descriptor descriptor;
    struct ahead ahead;
    wherry_message *partial; /* a large message that is read in place */
    size_t filled;
    size_t tail_left; /* bytes behind its payload, to be skipped */
    uint32_t partial_files;
    struct open_files files;
    bool receives_files;
    bool ended;
    int broken; /* an error after which nothing can be cut any more */
};

struct stream_out {
    struct os_descriptor descriptor;
    struct buffer gathered; /* whole records of WHERRY_MORE */
    uint64_t gathered_count;
    int64_t held_since;   /* since when anything gathered, or the rest, has been here */
    wherry_message *rest; /* the message that is on its way in part */
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
};

int stream_recv(void *state, wherry_message **out);
int stream_ready(void *state);

int stream_send(void *state, wherry_message **message, unsigned flags);
int stream_flush(void *state);
int stream_keep(void *state);

#endif
