/* SPDX-License-Identifier: MIT */
/*
 * Reading from a stream's descriptor, with the open files that come along.
 *
 * The block that is read into is a message of the channel's store.  After each read it
 * is known whether another would find more.
 */
#include "transport/stream.h"

#include <errno.h>

#include "base/base.h"

// A block that is full is followed by a larger one: a quiet stream keeps a small one, a
// busy one has the large one, and only a record whose size cannot be told before its
// end (a line) needs more, up to the channel's limit, which scan enforces.
static size_t larger(const struct stream *stream, size_t capacity)
{
    const size_t most = (size_t)stream->cutter.message_limit + FRAMING_HEAD;
    if (capacity < AHEAD_LARGE)
        return capacity < AHEAD_SMALL ? AHEAD_SMALL : AHEAD_LARGE;
    return capacity * 4 < most ? capacity * 4 : most;
}

// Where there are no heads, a message is what one read got: that is not to be little.
static size_t first_room(const struct stream *stream)
{
    return stream->cutter.framing->has_words ? AHEAD_LEAST : AHEAD_SMALL;
}

static int make_room(struct stream *stream)
{
    struct ahead *ahead = &stream->in.ahead;
    if (!ahead->block) {
        size_t room = ahead->room > AHEAD_LARGE ? AHEAD_LARGE : ahead->room;
        return ahead_change(ahead, &stream->cutter,
                            room > 0 ? room : first_room(stream));
    }
    ahead_compact(ahead);
    size_t capacity = ahead->block->capacity;
    bool is_small = stream->in.filled_room || ahead->room > capacity;
    if (ahead->end < capacity && !(is_small && capacity < AHEAD_LARGE))
        return 0;
    return ahead_change(ahead, &stream->cutter, larger(stream, capacity));
}

static int64_t read_with_files(struct stream *stream, const struct os_room *rooms,
                               size_t count)
{
    int files[OS_FILES];
    struct os_arrival arrival = {.files = files};
    int64_t r = os_receive(&stream->in.descriptor, rooms, count, &arrival, false);
    if (r < 0)
        return r;
    sender_remember(stream->cutter.store, stream->in.descriptor.fd, &arrival);
    if (arrival.file_count == 0 && !arrival.files_lost)
        return r;
    stream->in.stopped_early = true; // the kernel stops behind open files
    size_t most = 4 * (size_t)stream->file_limit + OS_FILES + 1;
    int error = open_files_push(&stream->in.files, &arrival, most);
    return error < 0 ? error : r;
}

int64_t stream_read(struct stream *stream, const struct os_room *rooms, size_t count)
{
    struct stream_in *in = &stream->in;
    in->stopped_early = false;
    int64_t r = in->receives_files ? read_with_files(stream, rooms, count)
                                   : os_read(&in->descriptor, rooms, count);
    // A terminal whose other end is gone says EIO (tty_ioctl(4)): that is its end.
    if (r == -EIO && in->descriptor.kind == OS_KIND_TERMINAL)
        r = 0;
    size_t room = rooms[0].size + (count > 1 ? rooms[1].size : 0);
    in->filled_room = r == (int64_t)room;
    return r;
}

int64_t stream_read_ahead(struct stream *stream)
{
    struct ahead *ahead = &stream->in.ahead;
    int r = make_room(stream);
    if (r < 0)
        return r;
    struct os_room room = ahead_room(ahead);
    // After one too large for a block another is likely: its head, then the rest in
    // place.
    if (stream->in.was_partial && room.size > AHEAD_SMALL)
        room.size = AHEAD_SMALL;
    int64_t size = stream_read(stream, &room, 1);
    if (size > 0)
        ahead->end += (size_t)size;
    return size;
}
