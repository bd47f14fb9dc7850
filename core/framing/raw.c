/* SPDX-License-Identifier: MIT */
/*
 * No framing: a message is whatever bytes are there, none added and none taken away.
 *
 * How bytes are cut into messages is chance, only their order is kept.  An empty
 * message would leave no trace, so it is refused.
 */
#include "framing/framing.h"

#include <errno.h>

#include "base/base.h"

static int raw_check(const uint8_t *payload, size_t size)
{
    (void)payload;
    if (size > 0)
        return 0;
    return failure(-EBADMSG, "an empty message leaves no trace under the raw framing; "
                             "line, length, header and wherry can carry one");
}

static int raw_encode(const struct frame *frame, struct frame_room *room)
{
    int r = framing_plain_only("raw", frame);
    if (r < 0)
        return r;
    room->place = (struct frame_place){0};
    return 0;
}

// NOLINTNEXTLINE(readability-function-size): the six parameters of struct framing
static int raw_scan(struct frame_scan *scan, const uint8_t *bytes, size_t size,
                    uint64_t limit, struct frame *frame, struct frame_place *place)
{
    (void)bytes;
    scan->seen = size;
    if (size == 0)
        return FRAMING_MORE;
    if (limit == 0)
        return framing_too_large("raw", size, limit, NULL, 0);
    *frame = (struct frame){.size = size < limit ? size : limit};
    *place = (struct frame_place){0};
    return FRAMING_FOUND;
}

const struct framing framing_raw = {
    .info = {.name = "raw",
             .summary = "bytes as they come, nothing marks where a message ends; for "
                        "peers that know nothing of messages",
             .abilities = WHERRY_ABLE_FINISH},
    .end_completes = true,
    .check = raw_check,
    .encode = raw_encode,
    .scan = raw_scan,
};
