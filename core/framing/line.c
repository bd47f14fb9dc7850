/* SPDX-License-Identifier: MIT */
/*
 * Lines: a newline ends a message and is no part of it.
 *
 * Every other byte is kept, a carriage return too.  What stands at the end of the bytes
 * without a newline is a last message.
 */
#include "framing/framing.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

static int line_check(const uint8_t *payload, size_t size)
{
    const uint8_t *newline = size ? memchr(payload, '\n', size) : NULL;
    if (!newline)
        return 0;
    return failure(
        -EBADMSG,
        "the message has a newline at byte %zu, which would cut it in two "
        "under the line framing; framing=wherry, length or header carries it",
        (size_t)(newline - payload));
}

static int line_encode(const struct frame *frame, struct frame_room *room)
{
    int r = framing_plain_only("line", frame);
    if (r < 0)
        return r;
    room->tail[0] = '\n';
    room->place = (struct frame_place){.tail_size = 1};
    return 0;
}

// NOLINTNEXTLINE(readability-function-size): the six parameters of struct framing
static int line_scan(struct frame_scan *scan, const uint8_t *bytes, size_t size,
                     uint64_t limit, struct frame *frame, struct frame_place *place)
{
    // No newline is looked for past the place where the longest line has its own.
    size_t most = size <= limit ? size : (size_t)limit + 1;
    const uint8_t *newline =
        scan->seen < most ? memchr(bytes + scan->seen, '\n', most - scan->seen) : NULL;
    if (newline) {
        *frame = (struct frame){.size = (size_t)(newline - bytes)};
        *place = (struct frame_place){.tail_size = 1};
        return FRAMING_FOUND;
    }
    scan->seen = most;
    if (size <= limit)
        return FRAMING_MORE;
    return failure(
        -EMSGSIZE,
        "a line of more than the %llu bytes that are taken here; message= sets "
        "the limit, framing=raw takes long lines in pieces",
        (unsigned long long)limit);
}

const struct framing framing_line = {
    .info = {.name = "line",
             .summary =
                 "each message is a line of text; for shells, logs, JSON lines and "
                 "MCP",
             .abilities = WHERRY_ABLE_FINISH},
    .end_completes = true,
    .check = line_check,
    .encode = line_encode,
    .scan = line_scan,
};
