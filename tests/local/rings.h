/* SPDX-License-Identifier: MIT */
/*
 * Two sides of rings in one process: what one writes the other reads.
 */
#ifndef RINGS_H
#define RINGS_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "memory/ring.h"

/* `writer` and `reader` are the sides' own memory; what each sees of the other is
 * mapped to be read, as in another process. */
struct rings {
    struct ring_side writer, reader;
    struct ring_side seen_writer, seen_reader;
    int writer_file, reader_file;
    struct ring_out out;
    struct ring_in in;
};

static inline void rings_open(struct rings *rings, uint64_t size)
{
    CHECK_OK(ring_make(size, &rings->writer, &rings->writer_file));
    CHECK_OK(ring_make(size, &rings->reader, &rings->reader_file));
    CHECK_OK(ring_attach(rings->writer_file, &rings->seen_writer));
    CHECK_OK(ring_attach(rings->reader_file, &rings->seen_reader));
    ring_out_start(&rings->out, &rings->writer, &rings->seen_reader, false);
    ring_in_start(&rings->in, &rings->reader, &rings->seen_writer);
}

static inline void rings_close(struct rings *rings)
{
    ring_leave(&rings->writer);
    ring_leave(&rings->reader);
    ring_leave(&rings->seen_writer);
    ring_leave(&rings->seen_reader);
    close(rings->writer_file);
    close(rings->reader_file);
}

/* The next record must be that one. */
static inline void rings_take(struct rings *rings, const void *bytes, uint64_t size,
                              int64_t kind)
{
    struct ring_record record = {0};
    CHECK_INT(ring_next(&rings->in, &record), 1);
    CHECK_INT(record.left, size);
    CHECK_INT(record.here, size);
    CHECK_INT(record.kind, kind);
    CHECK_BYTES(record.payload, bytes, size);
    (void)ring_took(&rings->in, &record);
}

#endif
