/* SPDX-License-Identifier: MIT */
/*
 * Receiving from a stream: messages are cut out of the bytes that were read ahead.
 *
 * A small message is copied out of the block; one that fills it is handed out with its
 * block, uncopied; the rest of one too large for it is read in place, together with the
 * first bytes of what follows.  So a 64 B message costs one copy of 64 B, many of them
 * one system call, and a large one a copy of its beginning at most.
 */
#include "transport/stream.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

/* --- messages ------------------------------------------------------------ */

static int claim_files(struct stream *stream, size_t count, wherry_message **message)
{
    if (count == 0)
        return 1;
    const bool is_word = (*message)->word != FRAME_MESSAGE;
    const size_t limit = is_word ? count : stream->file_limit;
    int r = open_files_claim(&stream->in.files, count, limit, *message);
    // A word says something without its file, too.
    if (r >= 0 || (r == -EMFILE && is_word))
        return 1;
    wherry_message_free(*message);
    *message = NULL;
    return r;
}

// A record too large for the block: its message is made now and read in place.
static int begin_partial(struct stream *stream, const struct frame *frame,
                         const struct frame_place *place)
{
    struct stream_in *in = &stream->in;
    wherry_message *message;
    int r = message_store_take(stream->cutter.store, WHERRY_IN, (size_t)frame->size,
                               &message);
    if (r < 0)
        return r;
    message->kind = frame->kind;
    message->word = frame->word;
    ahead_consume(&in->ahead, place->head_size);
    in->filled =
        ahead_size(&in->ahead) < message->size ? ahead_size(&in->ahead) : message->size;
    memcpy(message->data, ahead_front(&in->ahead), in->filled);
    ahead_consume(&in->ahead, in->filled);
    in->partial = message;
    in->was_partial = true;
    in->partial_files = frame->files;
    in->tail_left = place->tail_size;
    in->ahead.scan = (struct frame_scan){0};
    return AHEAD_MORE;
}

static int cut_message(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    struct frame frame;
    struct frame_place place;
    int r = ahead_cut(&in->ahead, &stream->cutter, &frame, &place, out);
    if (r == 1) {
        in->was_partial = false;
        return claim_files(stream, frame.files, out);
    }
    if (r < 0)
        return r == -ENOMEM ? r : (in->broken = r);
    bool head_is_there = place.head_size > 0;
    if (head_is_there && place.head_size + frame.size + place.tail_size > AHEAD_LARGE)
        return begin_partial(stream, &frame, &place);
    return AHEAD_MORE;
}

static int complete_partial(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    size_t there = ahead_size(&in->ahead);
    size_t skip = there < in->tail_left ? there : in->tail_left;
    ahead_consume(&in->ahead, skip);
    in->tail_left -= skip;
    if (in->tail_left > 0)
        return AHEAD_MORE;
    *out = in->partial;
    in->partial = NULL;
    return claim_files(stream, in->partial_files, out);
}

static int64_t read_partial(struct stream *stream)
{
    struct stream_in *in = &stream->in;
    size_t missing = in->partial->size - in->filled;
    struct os_room rooms[2] = {{in->partial->data + in->filled, missing}};
    size_t count = 1;
    // A peer that paused has let the block go to rest meanwhile.
    if (in->ahead.block) {
        ahead_compact(&in->ahead);
        rooms[count++] = ahead_room(&in->ahead);
    }
    // The head of what follows, no more: a large message's bytes would be copied twice.
    if (rooms[1].size > AHEAD_SMALL)
        rooms[1].size = AHEAD_SMALL;
    int64_t size = stream_read(stream, rooms, count);
    if (size <= 0)
        return size;
    size_t placed = (size_t)size < missing ? (size_t)size : missing;
    in->filled += placed;
    in->ahead.end += (size_t)size - placed;
    return size;
}

/* --- the end ------------------------------------------------------------- */

static int cut_off(struct stream *stream)
{
    struct stream_in *in = &stream->in;
    size_t there = in->partial ? in->filled : ahead_size(&in->ahead);
    return in->broken =
               failure(-ECONNRESET,
                       "the other end was closed in the middle of a record, after %zu "
                       "bytes of it",
                       there);
}

// The end of its bytes is not yet that of whoever writes them.
static int end_of_life(const struct stream *stream)
{
    const struct stream_life *life = &stream->life;
    if (!life->end)
        return 0;
    os_watch_remove(life->watch, stream->in.descriptor.fd);
    return life->end(life->own);
}

static int at_end(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    in->ended = true;
    if (!in->partial && ahead_size(&in->ahead) == 0)
        return end_of_life(stream);
    if (in->partial || !stream->cutter.framing->end_completes)
        return cut_off(stream);
    return ahead_cut_rest(&in->ahead, &stream->cutter, out);
}

static int next_step(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    if (in->broken)
        return failure_plain(in->broken, "the channel is of no more use");
    if (!in->partial)
        return cut_message(stream, out);
    return in->filled == in->partial->size ? complete_partial(stream, out) : AHEAD_MORE;
}

// Reads once more: AHEAD_MORE, or what stream_recv is to return.
static int read_more(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    if (in->ended)
        return at_end(stream, out);
    bool in_place = in->partial && in->filled < in->partial->size;
    int64_t size = in_place ? read_partial(stream) : stream_read_ahead(stream);
    if (size == 0)
        return at_end(stream, out);
    if (size == -EAGAIN || size == -ENOMEM)
        return (int)size;
    if (size == -EPROTO) // open_files.c said what is wrong
        return in->broken = -EPROTO;
    return size < 0 ? (in->broken = failure_plain((int)size, "receiving")) : AHEAD_MORE;
}

static int recv_what_is_there(struct stream *stream, wherry_message **out)
{
    struct stream_in *in = &stream->in;
    bool is_emptied = false;
    for (;;) {
        int r = next_step(stream, out);
        if (r == AHEAD_MORE && is_emptied)
            return -EAGAIN;
        if (r == AHEAD_MORE)
            r = read_more(stream, out);
        if (r != AHEAD_MORE)
            return r;
        // A read that could have had more took all: another would be in vain.
        is_emptied = !in->filled_room && !in->stopped_early;
    }
}

static bool has_ended(const struct stream *stream)
{
    return stream->life.end && stream->life.end(stream->life.own) != -EAGAIN;
}

int stream_recv(void *state, wherry_message **out)
{
    struct stream *stream = state;
    int r = recv_what_is_there(stream, out);
    if (r != -EAGAIN || !has_ended(stream))
        return r;
    // What it wrote before its end is there by now; others may have its pipe open.
    r = recv_what_is_there(stream, out);
    return r == -EAGAIN ? at_end(stream, out) : r;
}

size_t stream_recv_ahead(void *state, wherry_message **messages, size_t count)
{
    struct stream *stream = state;
    struct stream_in *in = &stream->in;
    if (in->broken || in->partial)
        return 0;
    size_t done = ahead_cut_plain(&in->ahead, &stream->cutter, messages, count);
    if (done > 0)
        in->was_partial = false;
    return done;
}

int stream_ready(void *state)
{
    struct stream *stream = state;
    struct stream_in *in = &stream->in;
    if (in->broken || (in->ended && !stream->life.end))
        return 1;
    return !in->partial && ahead_ready(&in->ahead, &stream->cutter);
}
