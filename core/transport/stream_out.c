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
    size_t size_most = out->gathered.size;
    if (size_most == 0)
        return 0;
    struct os_bytes piece = {buffer_front(&out->gathered), size_most};
    int64_t size = os_write(&out->descriptor, &piece, 1);
    if (size < 0)
        return (int)size;
    consume_gathered(out, (size_t)size);
    return (size_t)size < size_most ? -EAGAIN : 0;
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

/* A Unix socket copies what one call writes into buffers of 32 KiB and a little more.
 * Behind a head of 16 bytes all of a large payload would stand 16 bytes out of step
 * with where it comes from, and such a copy takes a fifth longer.  So the first call
 * takes this much, and the rest begins a buffer of its own. */
enum { FIRST_PIECE = 32768 };

static bool goes_in_two(const struct stream_out *out, const wherry_message *message)
{
    return out->descriptor.kind == OS_KIND_STREAM && out->gathered.size == 0 &&
           message->file_count == 0 && message->size / 2 >= FIRST_PIECE;
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
    if (goes_in_two(out, message)) {
        pieces[0] = (struct os_bytes){edges->head, edges->head_size};
        pieces[1] = (struct os_bytes){message->data, FIRST_PIECE};
        count = 2;
    }
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
    bool in_two = goes_in_two(out, *message);
    int64_t size = write_record(out, edges, *message);
    if (size < 0)
        return (int)size;
    bool reached = (size_t)size > before || before == 0;
    consume_gathered(out, reached ? before : (size_t)size);
    if (!reached)
        return -EAGAIN;
    size_t done = (size_t)size - before;
    if (done == record_size(edges, *message)) {
        record_sent(stream->cutter.store, message);
        return 0;
    }
    hold_rest(out, edges, message, done);
    // What goes wrong with the second part, the next flush tells.
    if (in_two && done == edges->head_size + FIRST_PIECE)
        (void)flush_rest(out);
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
