/* SPDX-License-Identifier: MIT */
/*
 * Sending on a stream: a message goes out in one system call with what was gathered
 * before it.
 *
 * Nothing of a message is taken, or all of it: if the kernel takes a part, the rest is
 * held (at most one message's) and goes first from then on.  Only messages sent with
 * WHERRY_MORE are copied, into the gathered bytes.  A message with open files never
 * shares a call with others, so that its files arrive with its own bytes.
 */
#include "transport/stream.h"

#include <errno.h>
#include <string.h>

static int flush_gathered(struct stream_out *out)
{
    struct os_bytes piece = gathered_piece(&out->gathered);
    if (piece.size == 0)
        return 0;
    int64_t size = os_write(&out->descriptor, &piece, 1);
    if (size < 0)
        return (int)size;
    gathered_consume(&out->gathered, (size_t)size);
    return (size_t)size < piece.size ? -EAGAIN : 0;
}

// A write that took only a part has filled what it wrote to: another would be in vain.
static int flush_rest(struct stream_out *out)
{
    if (out->rest) {
        size_t left = record_size(&out->rest_edges, out->rest) - out->rest_offset;
        struct os_bytes pieces[RECORD_PIECES];
        size_t count =
            record_pieces(&out->rest_edges, out->rest, out->rest_offset, pieces);
        int64_t size = os_write(&out->descriptor, pieces, count);
        if (size < 0)
            return (int)size;
        out->rest_offset += (size_t)size;
        if ((size_t)size < left)
            return -EAGAIN;
        wherry_message_free(out->rest);
        out->rest = NULL;
    }
    return 0;
}

int stream_flush(void *state)
{
    struct stream *stream = state;
    struct stream_out *out = &stream->out;
    int r = flush_rest(out);
    return r < 0 ? r : flush_gathered(out);
}

int stream_keep(void *state)
{
    struct stream *stream = state;
    struct stream_out *out = &stream->out;
    if (!out->rest || !out->rest->borrowed)
        return 0;
    wherry_message *copy;
    int r =
        message_store_take(stream->cutter.store, WHERRY_OUT, out->rest->size, &copy);
    if (r < 0) {
        out->rest = NULL; // the caller's bytes: nothing more goes out
        return r;
    }
    memcpy(copy->data, out->rest->data, out->rest->size);
    out->rest = copy;
    return 0;
}

/* --- sending ------------------------------------------------------------- */

static int gather(struct stream *stream, wherry_message **message)
{
    struct stream_out *out = &stream->out;
    int r = gathered_fits(&out->gathered, (*message)->size) ? 0 : flush_gathered(out);
    return r < 0 ? r
                 : gathered_add(&out->gathered, stream->cutter.framing,
                                stream->cutter.store, message);
}

size_t stream_gather(void *state, const struct wherry_plain *messages, size_t count)
{
    struct stream *stream = state;
    struct stream_out *out = &stream->out;
    if (out->rest)
        return 0;
    return gathered_add_run(&out->gathered, stream->cutter.framing,
                            stream->cutter.store, messages, count);
}

static void hold_rest(struct stream_out *out, const struct frame_edges *edges,
                      wherry_message **message, size_t offset)
{
    out->rest_since = wherry_now();
    out->rest = *message;
    out->rest_edges = *edges;
    out->rest_offset = offset;
    if (!(*message)->borrowed)
        *message = NULL;
}

/* A Unix socket copies what one call writes into buffers of its own; two of half a
 * message each are taken out again faster than the larger and the smaller one that it
 * would make.  So the first call takes this much of a large payload. */
enum { FIRST_PIECE = 32768 };

// How much of a record the first call takes.
static size_t first_part(const struct stream_out *out, const struct frame_edges *edges,
                         const wherry_message *message)
{
    bool in_two = out->descriptor.kind == OS_KIND_STREAM &&
                  out->gathered.records.size == 0 && edges->place.head_size > 0 &&
                  message->file_count == 0 && message->size / 2 >= FIRST_PIECE;
    return in_two ? edges->place.head_size + FIRST_PIECE : SIZE_MAX;
}

static size_t cut_to(struct os_bytes *pieces, size_t count, size_t most)
{
    size_t kept = 0;
    for (; kept < count && most > 0; kept++) {
        if (pieces[kept].size > most)
            pieces[kept].size = most;
        most -= pieces[kept].size;
    }
    return kept;
}

static int64_t write_record(struct stream_out *out, const struct frame_edges *edges,
                            const wherry_message *message, size_t most)
{
    struct os_bytes pieces[OS_PIECES];
    uint8_t room[RECORD_SMALL];
    size_t count = 0;
    pieces[0] = gathered_piece(&out->gathered);
    if (pieces[0].size > 0)
        count = 1;
    count += record_one_piece(edges, message, room, pieces + count);
    count = cut_to(pieces, count, most);
    if (message->file_count == 0)
        return os_write(&out->descriptor, pieces, count);
    return os_send(&out->descriptor, pieces, count, message->files, message->file_count,
                   NULL);
}

static int write_through(struct stream *stream, const struct frame_edges *edges,
                         wherry_message **message)
{
    struct stream_out *out = &stream->out;
    size_t before = out->gathered.records.size;
    size_t part = first_part(out, edges, *message);
    int64_t size = write_record(out, edges, *message, part);
    if (size < 0)
        return (int)size;
    bool reached = (size_t)size > before || before == 0;
    gathered_consume(&out->gathered, reached ? before : (size_t)size);
    if (!reached)
        return -EAGAIN;
    size_t done = (size_t)size - before;
    if (done == record_size(edges, *message)) {
        message_store_sent(stream->cutter.store, message);
        return 0;
    }
    hold_rest(out, edges, message, done);
    // What goes wrong with the second part, the next flush tells.
    if (done == part)
        (void)flush_rest(out);
    return 0;
}

int stream_send(void *state, wherry_message **message, unsigned flags)
{
    struct stream *stream = state;
    struct stream_out *out = &stream->out;
    struct record_way way = {
        .counts_files = true, .before = out->gathered.records.size, .most = SIZE_MAX};
    struct frame_edges edges;
    // What can never go is refused now, not when there is room.
    int r = record_encode(stream->cutter.framing, *message, &way, &edges);
    if (r < 0 || (r = flush_rest(out)) < 0)
        return r;
    bool has_files = (*message)->file_count > 0;
    bool is_small = gathered_is_small((*message)->size);
    if ((flags & WHERRY_MORE) && !has_files && is_small)
        return gather(stream, message);
    if (has_files && (r = flush_gathered(out)) < 0)
        return r;
    return write_through(stream, &edges, message);
}
