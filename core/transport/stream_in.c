/* SPDX-License-Identifier: MIT */
/*
 * Receiving from a stream: bytes are read ahead, messages are cut out of them.
 *
 * The block that is read into is a message of the channel's store.  A small message is
 * copied out of it; a large one that fills it is handed out with its block, uncopied;
 * one too large for it is read in place from its first bytes on.  So a 64 B message
 * costs one copy of 64 B, many of them one system call, and a large one no copy at all.
 */
#include "transport/stream.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

enum { MORE = 2 }; // neither a message nor the end: read on

static size_t available(const struct stream_in *in)
{
    return in->end - in->start;
}

static const uint8_t *front(const struct stream_in *in)
{
    return in->ahead->data + in->start;
}

static void consume(struct stream_in *in, size_t size)
{
    in->start += size;
    if (in->start == in->end)
        in->start = in->end = 0;
}

/* --- reading
 * ------------------------------------------------------------------------------ */

static int change_ahead(struct stream *stream, size_t room)
{
    struct stream_in *in = &stream->in;
    wherry_message *block;
    int r = message_store_take(stream->store, WHERRY_IN, room, &block);
    if (r < 0)
        return r;
    size_t left = available(in);
    if (left > 0)
        memcpy(block->data, front(in), left);
    wherry_message_free(in->ahead);
    in->ahead = block;
    in->start = 0;
    in->end = left;
    return 0;
}

// Room behind what is there: a quiet stream keeps a small block, one that fills it gets
// the large one.
static int make_room(struct stream *stream)
{
    struct stream_in *in = &stream->in;
    if (!in->ahead)
        return change_ahead(stream, AHEAD_SMALL);
    if (in->end < in->ahead->capacity && in->start == 0)
        return 0;
    if (available(in) == 0 || in->start > 0) {
        memmove(in->ahead->data, front(in), available(in));
        in->end = available(in);
        in->start = 0;
    }
    bool full = in->end == in->ahead->capacity;
    return full && in->ahead->capacity < AHEAD_LARGE ? change_ahead(stream, AHEAD_LARGE)
                                                     : 0;
}

static int remember_sender(struct stream *stream, const struct os_arrival *arrival)
{
    struct wherry_peer *peer = message_store_peer(stream->store);
    if (peer->trust == WHERRY_TRUST_KERNEL || !arrival->identified)
        return 0;
    peer->trust = WHERRY_TRUST_KERNEL;
    peer->pid = arrival->pid;
    peer->uid = arrival->uid;
    peer->gid = arrival->gid;
    peer->identity = arrival->identity;
    os_identify(stream->in.descriptor.fd, false);
    return 0;
}

static int64_t read_with_files(struct stream *stream, const struct os_room *rooms,
                               size_t count)
{
    struct os_arrival arrival;
    int64_t r = os_receive(&stream->in.descriptor, rooms, count, &arrival, false);
    if (r < 0)
        return r;
    remember_sender(stream, &arrival);
    if (arrival.file_count == 0 && !arrival.files_lost)
        return r;
    size_t most = 4 * (size_t)stream->file_limit + OS_FILES + 1;
    int error = open_files_push(&stream->in.files, &arrival, most);
    return error < 0 ? error : r;
}

static int64_t read_rooms(struct stream *stream, const struct os_room *rooms,
                          size_t count)
{
    int64_t r = stream->in.receives_files
                    ? read_with_files(stream, rooms, count)
                    : os_read(&stream->in.descriptor, rooms, count);
    // A terminal whose other end is gone says EIO (tty_ioctl(4)): that is its end.
    if (r == -EIO && stream->in.descriptor.kind == OS_KIND_TERMINAL)
        r = 0;
    return r;
}

static int64_t read_ahead(struct stream *stream)
{
    struct stream_in *in = &stream->in;
    int r = make_room(stream);
    if (r < 0)
        return r;
    struct os_room room = {in->ahead->data + in->end, in->ahead->capacity - in->end};
    int64_t size = read_rooms(stream, &room, 1);
    if (size > 0)
        in->end += (size_t)size;
    return size;
}

/* --- cutting
 * ---------------------------------------------------------------------------------- */

static int finish_message(struct stream *stream, const struct frame *frame,
                          wherry_message *message, wherry_message **out)
{
    message->kind = frame->kind;
    message->word = frame->word;
    if (frame->files > 0) {
        int r = open_files_claim(&stream->in.files, frame->files, message);
        if (r < 0) {
            wherry_message_free(message);
            return r;
        }
    }
    *out = message;
    return 1;
}

// The block itself becomes the message, if its payload fills most of it and is aligned;
// what is behind it moves to a new block.
static bool hand_out_block(struct stream *stream, size_t head, size_t size,
                           size_t total, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    size_t offset = in->start + head;
    if (size < in->ahead->capacity / 2 || offset % 8 != 0)
        return false;
    wherry_message *block = in->ahead;
    size_t left = available(in) - total;
    wherry_message *next;
    if (message_store_take(stream->store, WHERRY_IN, block->capacity, &next) < 0)
        return false;
    memcpy(next->data, block->data + in->start + total, left);
    in->ahead = next;
    in->start = 0;
    in->end = left;
    block->data += offset;
    block->size = size;
    block->capacity -= offset;
    *out = block;
    return true;
}

static int copy_message(struct stream *stream, size_t head, size_t size, size_t total,
                        wherry_message **out)
{
    int r = message_store_take(stream->store, WHERRY_IN, size, out);
    if (r < 0)
        return r;
    memcpy((*out)->data, front(&stream->in) + head, size);
    consume(&stream->in, total);
    return 0;
}

static int deliver(struct stream *stream, const struct frame *frame,
                   const struct frame_place *place, wherry_message **out)
{
    size_t size = (size_t)frame->size;
    size_t total = place->head_size + size + place->tail_size;
    wherry_message *message;
    if (!hand_out_block(stream, place->head_size, size, total, &message)) {
        int r = copy_message(stream, place->head_size, size, total, &message);
        if (r < 0)
            return r;
    }
    stream->in.scan = (struct frame_scan){0};
    return finish_message(stream, frame, message, out);
}

// A record too large for the block: its message is made now and read in place.
static int begin_partial(struct stream *stream, const struct frame *frame,
                         const struct frame_place *place)
{
    struct stream_in *in = &stream->in;
    wherry_message *message;
    int r = message_store_take(stream->store, WHERRY_IN, (size_t)frame->size, &message);
    if (r < 0)
        return r;
    message->kind = frame->kind;
    message->word = frame->word;
    in->filled = available(in) - place->head_size;
    if (in->filled > message->size)
        in->filled = message->size;
    memcpy(message->data, front(in) + place->head_size, in->filled);
    consume(in, place->head_size + in->filled);
    in->partial = message;
    in->partial_files = frame->files;
    in->tail_left = place->tail_size;
    in->scan = (struct frame_scan){0};
    return MORE;
}

static int cut_message(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    if (available(in) == 0)
        return MORE;
    struct frame frame;
    struct frame_place place;
    int r = stream->framing->scan(&in->scan, front(in), available(in),
                                  stream->message_limit, &frame, &place);
    if (r < 0)
        return in->broken = r;
    if (r == FRAMING_MORE)
        return MORE;
    uint64_t total = place.head_size + frame.size + place.tail_size;
    if (available(in) >= total)
        return deliver(stream, &frame, &place, out);
    if (total > AHEAD_LARGE && available(in) >= place.head_size)
        return begin_partial(stream, &frame, &place);
    return MORE;
}

/* --- large messages, in place
 * -------------------------------------------------------------- */

static int complete_partial(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    size_t skip = available(in) < in->tail_left ? available(in) : in->tail_left;
    consume(in, skip);
    in->tail_left -= skip;
    if (in->tail_left > 0)
        return MORE;
    wherry_message *message = in->partial;
    struct frame frame = {.word = (enum frame_word)message->word,
                          .kind = message->kind,
                          .files = in->partial_files};
    in->partial = NULL;
    return finish_message(stream, &frame, message, out);
}

static int64_t read_partial(struct stream *stream)
{
    struct stream_in *in = &stream->in;
    int r = make_room(stream);
    if (r < 0)
        return r;
    size_t missing = in->partial->size - in->filled;
    struct os_room rooms[2] = {
        {in->partial->data + in->filled, missing},
        {in->ahead->data + in->end, in->ahead->capacity - in->end}};
    int64_t size = read_rooms(stream, rooms, 2);
    if (size <= 0)
        return size;
    size_t placed = (size_t)size < missing ? (size_t)size : missing;
    in->filled += placed;
    in->end += (size_t)size - placed;
    return size;
}

/* --- the end
 * ---------------------------------------------------------------------------------- */

static int cut_off(struct stream *stream)
{
    struct stream_in *in = &stream->in;
    size_t there = in->partial ? in->filled : available(in);
    return in->broken =
               failure(-ECONNRESET,
                       "the other end was closed in the middle of a record, after %zu "
                       "bytes of it",
                       there);
}

static int at_end(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    in->ended = true;
    if (!in->partial && available(in) == 0)
        return 0;
    if (in->partial || !stream->framing->end_completes)
        return cut_off(stream);
    struct frame last = {.size = available(in)};
    struct frame_place bare = {0};
    return deliver(stream, &last, &bare, out);
}

static int next_step(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    if (in->broken)
        return in->broken;
    if (!in->partial)
        return cut_message(stream, out);
    return in->filled == in->partial->size ? complete_partial(stream, out) : MORE;
}

int stream_recv(void *state, wherry_message **out)
{
    struct stream *stream = state;
    struct stream_in *in = &stream->in;
    for (;;) {
        int r = next_step(stream, out);
        if (r != MORE)
            return r;
        if (in->ended)
            return 0;
        bool in_place = in->partial && in->filled < in->partial->size;
        int64_t size = in_place ? read_partial(stream) : read_ahead(stream);
        if (size == 0)
            return at_end(stream, out);
        if (size == -EAGAIN)
            return -EAGAIN;
        if (size == -EPROTO || size == -ENOMEM)
            return (int)size;
        if (size < 0)
            return in->broken = failure_plain((int)size, "receiving");
    }
}

int stream_ready(void *state)
{
    struct stream *stream = state;
    struct stream_in *in = &stream->in;
    if (in->broken || in->ended)
        return 1;
    if (in->partial || available(in) == 0)
        return 0;
    struct frame frame;
    struct frame_place place;
    struct frame_scan scan = in->scan;
    int r = stream->framing->scan(&scan, front(in), available(in),
                                  stream->message_limit, &frame, &place);
    if (r == FRAMING_MORE)
        return 0;
    return r < 0 || available(in) >= place.head_size + frame.size + place.tail_size;
}
