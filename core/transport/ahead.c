/* SPDX-License-Identifier: MIT */
/*
 * Cutting messages out of what was read ahead.
 *
 * A small message is copied out of the block; one whose payload fills most of it, or
 * that is alone in a block of the least room, is handed out with its block, uncopied,
 * and what stands behind it moves to a new one.
 */
#include "transport/ahead.h"

#include <assert.h>
#include <string.h>

#include "base/base.h"

void ahead_consume(struct ahead *ahead, size_t size)
{
    ahead->start += size;
    if (ahead->start == ahead->end)
        ahead->start = ahead->end = 0;
}

int ahead_change(struct ahead *ahead, const struct cutter *cutter, size_t room)
{
    wherry_message *block;
    int r = message_store_take(cutter->store, WHERRY_IN, room, &block);
    if (r < 0)
        return r;
    size_t left = ahead_size(ahead);
    if (left > 0)
        memcpy(block->data, ahead_front(ahead), left);
    wherry_message_free(ahead->block);
    ahead->block = block;
    ahead->start = 0;
    ahead->end = left;
    return 0;
}

void ahead_compact(struct ahead *ahead)
{
    size_t left = ahead_size(ahead);
    if (ahead->start == 0)
        return;
    memmove(ahead->block->data, ahead_front(ahead), left);
    ahead->start = 0;
    ahead->end = left;
}

// What follows goes to a small block until more is read: the user has often given this
// one back by then, and memory that was just used is in the cache.
static int begin_next(struct ahead *next, const struct cutter *cutter,
                      const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    size_t room = size <= AHEAD_SMALL ? AHEAD_SMALL : next->room;
    int r = message_store_take(cutter->store, WHERRY_IN, room, &next->block);
    if (r < 0)
        return r;
    memcpy(next->block->data, bytes, size);
    next->end = size;
    return 0;
}

static APART bool hand_out_block(struct ahead *ahead, const struct cutter *cutter,
                                 size_t head, size_t size, wherry_message **out)
{
    size_t offset = ahead->start + head;
    wherry_message *block = ahead->block;
    if (offset % 8 != 0)
        return false;
    struct ahead next = {.room = block->capacity};
    size_t behind = offset + size;
    if (begin_next(&next, cutter, block->data + behind, ahead->end - behind) < 0)
        return false;
    *ahead = next;
    *out = block;
    block->data += offset;
    block->size = size;
    block->capacity -= offset;
    return true;
}

// Takes the `size` bytes that stand behind `head` ones.
static inline int take(struct ahead *ahead, const struct cutter *cutter, size_t head,
                       size_t size, wherry_message **out)
{
    const size_t capacity = ahead->block->capacity;
    const bool is_alone = head + size == ahead_size(ahead);
    const bool goes_whole =
        size >= capacity / 2 || (is_alone && capacity <= AHEAD_LEAST);
    if (goes_whole && hand_out_block(ahead, cutter, head, size, out))
        return 1;
    int r = message_store_take(cutter->store, WHERRY_IN, size, out);
    if (r < 0)
        return r;
    memcpy((*out)->data, ahead_front(ahead) + head, size);
    ahead_consume(ahead, head + size);
    return 1;
}

int ahead_cut(struct ahead *ahead, const struct cutter *cutter, struct frame *frame,
              struct frame_place *place, wherry_message **out)
{
    size_t there = ahead_size(ahead);
    *place = (struct frame_place){0};
    int r = there == 0 ? FRAMING_MORE
                       : cutter->framing->scan(&ahead->scan, ahead_front(ahead), there,
                                               cutter->message_limit, frame, place);
    if (r == FRAMING_MORE)
        return AHEAD_MORE;
    // Found is found, and wrong is wrong: the next look begins anew, at the record's
    // first byte.
    ahead->scan = (struct frame_scan){0};
    if (r < 0)
        return r;
    if (there < place->head_size + frame->size + place->tail_size)
        return AHEAD_MORE;
    r = take(ahead, cutter, place->head_size, (size_t)frame->size, out);
    if (r < 0)
        return r;
    ahead_consume(ahead, place->tail_size);
    (*out)->kind = frame->kind;
    (*out)->word = frame->word;
    return r;
}

// The size of the plain message in front if it is there whole, else -1.
static inline int64_t look_plain(const struct ahead *ahead, const struct cutter *cutter,
                                 int64_t *kind)
{
    size_t head = cutter->framing->plain_head;
    size_t there = ahead_size(ahead);
    if (there < head)
        return -1;
    int64_t size = cutter->framing->scan_plain(ahead_front(ahead), kind);
    bool is_whole = size >= 0 && (uint64_t)size <= there - head;
    return is_whole && (uint64_t)size <= cutter->message_limit ? size : -1;
}

// A framing that knows of no few steps has no words, and no open files: whatever it
// cuts is plain.
static size_t cut_any(struct ahead *ahead, const struct cutter *cutter,
                      wherry_message **out, size_t count)
{
    struct frame frame;
    struct frame_place place;
    size_t done = 0;
    assert(!cutter->framing->has_words);
    while (done < count && ahead_cut(ahead, cutter, &frame, &place, &out[done]) == 1)
        done++;
    return done;
}

size_t ahead_cut_plain(struct ahead *ahead, const struct cutter *cutter,
                       wherry_message **out, size_t count)
{
    size_t head = cutter->framing->plain_head;
    size_t done = 0;
    if (head == 0)
        return cut_any(ahead, cutter, out, count);
    for (; done < count; done++) {
        int64_t kind;
        int64_t size = look_plain(ahead, cutter, &kind);
        if (size < 0 || take(ahead, cutter, head, (size_t)size, &out[done]) < 0)
            break;
        out[done]->kind = kind;
    }
    if (done > 0)
        ahead->scan = (struct frame_scan){0};
    return done;
}

int ahead_cut_rest(struct ahead *ahead, const struct cutter *cutter,
                   wherry_message **out)
{
    ahead->scan = (struct frame_scan){0};
    return take(ahead, cutter, 0, ahead_size(ahead), out);
}

bool ahead_ready(const struct ahead *ahead, const struct cutter *cutter)
{
    if (ahead_size(ahead) == 0)
        return false;
    struct frame frame;
    struct frame_place place;
    struct frame_scan scan = ahead->scan;
    int r = cutter->framing->scan(&scan, ahead_front(ahead), ahead_size(ahead),
                                  cutter->message_limit, &frame, &place);
    if (r == FRAMING_MORE)
        return false;
    return r < 0 || ahead_size(ahead) >= place.head_size + frame.size + place.tail_size;
}

void ahead_rest(struct ahead *ahead)
{
    if (!ahead->block || ahead_size(ahead) > 0)
        return;
    wherry_message_free(ahead->block);
    *ahead = (struct ahead){.scan = ahead->scan};
}
