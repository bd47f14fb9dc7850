/* SPDX-License-Identifier: MIT */
/*
 * A big-endian u32 length before each message, as many protocols have it.
 *
 * Any four bytes are a length, so the only sign of a peer that speaks something else is
 * a length above the limit; the sentence then says what the bytes look like.
 */
#include "framing/framing.h"

#include <errno.h>

#include "base/base.h"

enum { HEAD_SIZE = 4 };

static int length_encode(const struct frame *frame, struct frame_room *room)
{
    int r = framing_plain_only("length", frame);
    if (r < 0)
        return r;
    if (frame->size > UINT32_MAX)
        return framing_too_large("length", frame->size, UINT32_MAX, NULL, 0);
    for (size_t i = 0; i < HEAD_SIZE; i++)
        room->head[i] = (uint8_t)(frame->size >> (8 * (HEAD_SIZE - 1 - i)));
    room->place = (struct frame_place){.head_size = HEAD_SIZE};
    return 0;
}

// NOLINTNEXTLINE(readability-function-size): the six parameters of struct framing
static int length_scan(struct frame_scan *scan, const uint8_t *bytes, size_t size,
                       uint64_t limit, struct frame *frame, struct frame_place *place)
{
    if (size < HEAD_SIZE) {
        scan->seen = size;
        return FRAMING_MORE;
    }
    uint64_t length = 0;
    for (size_t i = 0; i < HEAD_SIZE; i++)
        length = length << 8 | bytes[i];
    if (length > limit)
        return framing_too_large("length", length, limit, bytes, size);
    *frame = (struct frame){.size = length};
    *place = (struct frame_place){.head_size = HEAD_SIZE};
    return FRAMING_FOUND;
}

const struct framing framing_length = {
    .info = {.name = "length",
             .summary =
                 "a big-endian 4-byte length before each message; for peers with "
                 "length-prefixed protocols",
             .abilities = WHERRY_ABLE_FINISH},
    .encode = length_encode,
    .scan = length_scan,
};
