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
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static size_t gathered(const struct stream_out *out)
{
    return out->gathered_end - out->gathered_start;
}

static void consume_gathered(struct stream_out *out, size_t size)
{
    out->gathered_start += size;
    if (gathered(out) > 0)
        return;
    out->gathered_start = out->gathered_end = 0;
    out->gathered_count = 0;
}

static int flush_gathered(struct stream_out *out)
{
    while (gathered(out) > 0) {
        struct os_bytes piece = {out->gathered + out->gathered_start, gathered(out)};
        int64_t size = os_write(&out->descriptor, &piece, 1);
        if (size < 0)
            return (int)size;
        consume_gathered(out, (size_t)size);
    }
    return 0;
}

/* --- a message and what stands around it --------------------------------- */

static size_t record_size(const struct frame_edges *edges,
                          const wherry_message *message)
{
    return edges->head_size + message->size + edges->tail_size;
}

static size_t add_piece(struct os_bytes *piece, const void *bytes, size_t size,
                        size_t *skip)
{
    if (*skip >= size) {
        *skip -= size;
        return 0;
    }
    *piece = (struct os_bytes){(const uint8_t *)bytes + *skip, size - *skip};
    *skip = 0;
    return 1;
}

// The pieces of a record from `offset` on: at most three.
static size_t pieces_of(const struct frame_edges *edges, const wherry_message *message,
                        size_t offset, struct os_bytes *pieces)
{
    size_t count = 0;
    count += add_piece(pieces + count, edges->head, edges->head_size, &offset);
    count += add_piece(pieces + count, message->data, message->size, &offset);
    count += add_piece(pieces + count, edges->tail, edges->tail_size, &offset);
    return count;
}

static void let_go_of_rest(struct stream_out *out)
{
    wherry_message_free(out->rest);
    out->rest = NULL;
    out->rest_offset = 0;
}

static int flush_rest(struct stream_out *out)
{
    while (out->rest) {
        size_t left = record_size(&out->rest_edges, out->rest) - out->rest_offset;
        struct os_bytes pieces[3];
        size_t count = pieces_of(&out->rest_edges, out->rest, out->rest_offset, pieces);
        int64_t size = os_write(&out->descriptor, pieces, count);
        if (size < 0)
            return (int)size;
        out->rest_offset += (size_t)size;
        if ((size_t)size == left)
            let_go_of_rest(out);
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

static int encode(struct stream *stream, const wherry_message *message,
                  struct frame_edges *edges)
{
    struct frame frame = {.word = (enum frame_word)message->word,
                          .size = message->size,
                          .kind = message->kind,
                          .files = message->file_count};
    if (stream->cutter.framing->check) {
        int r = stream->cutter.framing->check(message->data, message->size);
        if (r < 0)
            return r;
    }
    return stream->cutter.framing->encode(&frame, edges);
}

static void append(struct stream_out *out, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(out->gathered + out->gathered_end, bytes, size);
    out->gathered_end += size;
}

static int make_gather_room(struct stream_out *out, size_t size)
{
    if (!out->gathered && !(out->gathered = malloc(GATHER)))
        return failure_plain(-ENOMEM, "no memory to gather messages in");
    if (out->gathered_end + size <= GATHER)
        return 0;
    int r = flush_gathered(out);
    if (r < 0 && r != -EAGAIN)
        return r;
    if (out->gathered_start > 0) {
        memmove(out->gathered, out->gathered + out->gathered_start, gathered(out));
        out->gathered_end = gathered(out);
        out->gathered_start = 0;
    }
    return out->gathered_end + size <= GATHER ? 0 : -EAGAIN;
}

static void sent(wherry_message **message)
{
    if ((*message)->borrowed)
        return;
    wherry_message_free(*message);
    *message = NULL;
}

static int gather(struct stream_out *out, const struct frame_edges *edges,
                  wherry_message **message)
{
    int r = make_gather_room(out, record_size(edges, *message));
    if (r < 0)
        return r;
    append(out, edges->head, edges->head_size);
    append(out, (*message)->data, (*message)->size);
    append(out, edges->tail, edges->tail_size);
    out->gathered_count++;
    sent(message);
    return 0;
}

static int hold_rest(struct stream_out *out, const struct frame_edges *edges,
                     wherry_message **message, size_t offset)
{
    out->rest = *message;
    out->rest_edges = *edges;
    out->rest_offset = offset;
    if (!(*message)->borrowed)
        *message = NULL;
    return 0;
}

static int64_t write_record(struct stream_out *out, const struct frame_edges *edges,
                            const wherry_message *message, size_t before)
{
    struct os_bytes pieces[OS_PIECES];
    size_t count = 0;
    if (before > 0)
        pieces[count++] =
            (struct os_bytes){out->gathered + out->gathered_start, before};
    count += pieces_of(edges, message, 0, pieces + count);
    if (message->file_count == 0)
        return os_write(&out->descriptor, pieces, count);
    return os_send(&out->descriptor, pieces, count, message->files, message->file_count,
                   NULL);
}

static int write_through(struct stream_out *out, const struct frame_edges *edges,
                         wherry_message **message)
{
    size_t before = gathered(out);
    int64_t size = write_record(out, edges, *message, before);
    if (size < 0)
        return (int)size;
    if ((size_t)size < before || ((size_t)size == before && before > 0)) {
        consume_gathered(out, (size_t)size);
        return -EAGAIN;
    }
    consume_gathered(out, before);
    size_t done = (size_t)size - before;
    if (done < record_size(edges, *message))
        return hold_rest(out, edges, message, done);
    sent(message);
    return 0;
}

int stream_send(void *state, wherry_message **message, unsigned flags)
{
    struct stream *stream = state;
    struct stream_out *out = &stream->out;
    struct frame_edges edges;
    int r = encode(stream, *message, &edges);
    if (r < 0 || (r = flush_rest(out)) < 0)
        return r;
    bool has_files = (*message)->file_count > 0;
    if (has_files && (r = flush_gathered(out)) < 0)
        return r;
    bool fits = record_size(&edges, *message) <= GATHER / 2;
    if ((flags & WHERRY_MORE) && !has_files && fits)
        return gather(out, &edges, message);
    return write_through(out, &edges, message);
}
