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

static void consume_gathered(struct stream_out *out, size_t size)
{
    buffer_consume(&out->gathered, size);
    if (out->gathered.size == 0)
        out->gathered_count = 0;
}

static int flush_gathered(struct stream_out *out)
{
    while (out->gathered.size > 0) {
        struct os_bytes piece = {buffer_front(&out->gathered), out->gathered.size};
        int64_t size = os_write(&out->descriptor, &piece, 1);
        if (size < 0)
            return (int)size;
        consume_gathered(out, (size_t)size);
    }
    return 0;
}

static int flush_rest(struct stream_out *out)
{
    while (out->rest) {
        size_t left = record_size(&out->rest_edges, out->rest) - out->rest_offset;
        struct os_bytes pieces[RECORD_PIECES];
        size_t count =
            record_pieces(&out->rest_edges, out->rest, out->rest_offset, pieces);
        int64_t size = os_write(&out->descriptor, pieces, count);
        if (size < 0)
            return (int)size;
        out->rest_offset += (size_t)size;
        if ((size_t)size == left) {
            wherry_message_free(out->rest);
            out->rest = NULL;
        }
    }
    return 0;
}

int stream_flush(void *state)
{
    struct stream *stream = state;
    int r = flush_rest(&stream->out);
    return r < 0 ? r : flush_gathered(&stream->out);
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
    if (r < 0)
        return r;
    memcpy(copy->data, out->rest->data, out->rest->size);
    out->rest = copy;
    return 0;
}

/* --- sending ------------------------------------------------------------- */

static int gather(struct stream *stream, const struct frame_edges *edges,
                  wherry_message **message)
{
    struct stream_out *out = &stream->out;
    if (out->gathered.size + record_size(edges, *message) > GATHER) {
        int r = flush_gathered(out);
        if (r < 0)
            return r;
    }
    bool first = out->gathered.size == 0;
    int r = record_gather(&out->gathered, edges, *message);
    if (r < 0)
        return r;
    if (first)
        out->held_since = wherry_now();
    out->gathered_count++;
    record_sent(stream->cutter.store, message);
    return 0;
}

static void hold_rest(struct stream_out *out, const struct frame_edges *edges,
                      wherry_message **message, size_t offset)
{
    out->held_since = wherry_now();
    out->rest = *message;
    out->rest_edges = *edges;
    out->rest_offset = offset;
    if (!(*message)->borrowed)
        *message = NULL;
}

static int64_t write_record(struct stream_out *out, const struct frame_edges *edges,
                            const wherry_message *message)
{
    struct os_bytes pieces[OS_PIECES];
    uint8_t room[RECORD_SMALL];
    size_t count = 0;
    if (out->gathered.size > 0)
        pieces[count++] =
            (struct os_bytes){buffer_front(&out->gathered), out->gathered.size};
    count += record_one_piece(edges, message, room, pieces + count);
    if (message->file_count == 0)
        return os_write(&out->descriptor, pieces, count);
    return os_send(&out->descriptor, pieces, count, message->files, message->file_count,
                   NULL);
}

static int write_through(struct stream *stream, const struct frame_edges *edges,
                         wherry_message **message)
{
    struct stream_out *out = &stream->out;
    size_t before = out->gathered.size;
    int64_t size = write_record(out, edges, *message);
    if (size < 0)
        return (int)size;
    bool reached = (size_t)size > before || before == 0;
    consume_gathered(out, reached ? before : (size_t)size);
    if (!reached)
        return -EAGAIN;
    size_t done = (size_t)size - before;
    if (done < record_size(edges, *message))
        hold_rest(out, edges, message, done);
    else
        record_sent(stream->cutter.store, message);
    return 0;
}

int stream_send(void *state, wherry_message **message, unsigned flags)
{
    struct stream *stream = state;
    struct stream_out *out = &stream->out;
    struct frame_edges edges;
    int r = record_encode(stream->cutter.framing, *message, true, &edges);
    if (r < 0 || (r = flush_rest(out)) < 0)
        return r;
    bool has_files = (*message)->file_count > 0;
    if (has_files && (r = flush_gathered(out)) < 0)
        return r;
    bool is_small = record_size(&edges, *message) <= GATHER / 2;
    if ((flags & WHERRY_MORE) && !has_files && is_small)
        return gather(stream, &edges, message);
    return write_through(stream, &edges, message);
}
