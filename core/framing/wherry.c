/* SPDX-License-Identifier: MIT */
/*
 * The framing of Wherry's own: 16 bytes before each payload, all little-endian.
 *
 *   0  u32  size of the payload
 *   4  u8   version, 1
 *   5  u8   open files that travel with it
 *   6  u16  flags: bits 0-3 are the word (enum frame_word); bit 4: 48 bytes that mean
 *           nothing stand before the payload of a message; the others are 0
 *   8  i64  kind, >= 0
 *
 * Whoever sends chooses whether a payload begins at byte 16 or at byte 64 of its
 * record; why one would is told in transport/record.h.
 *
 * Byte 4 is looked at first: it is 1 in no text, so a peer that speaks something else
 * is told apart by its fifth byte, before it has sent a whole head.
 */
#include "framing/framing.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

enum {
    VERSION = 1,
    HEAD_SIZE = 16,
    PADDED_SIZE = 64,
    AT_SIZE = 0,
    AT_VERSION = 4,
    AT_FILES = 5,
    AT_KIND = 8,
    WORD_BITS = 0xf,
    PADDED = 0x10,
    LATER_VERSIONS = 8,    // what may become one; above it, it is something else
    HELLO_SIZE_MOST = 4096 // a hello may grow in later versions, not without end
};

/* What may travel with a word; a message's size is the channel's own matter. */
static const struct {
    uint64_t size;
    uint32_t files;
} most[FRAME_WORDS] = {
    [FRAME_MESSAGE] = {UINT32_MAX, UINT8_MAX},
    [FRAME_HELLO] = {HELLO_SIZE_MOST, UINT8_MAX},
    [FRAME_RING] = {0, 1},
};

static uint64_t size_most(enum frame_word word, uint64_t limit)
{
    return word == FRAME_MESSAGE ? limit : most[word].size;
}

static int check_frame(const struct frame *frame)
{
    if (frame->word >= FRAME_WORDS || frame->kind < 0)
        return failure(-ENOTSUP, "the wherry framing has no word %d with kind %lld",
                       (int)frame->word, (long long)frame->kind);
    if (frame->is_padded && frame->word != FRAME_MESSAGE)
        return failure(-ENOTSUP, "the wherry framing pads messages alone, not word %d",
                       (int)frame->word);
    if (frame->files > most[frame->word].files)
        return failure(-ENOTSUP, "the wherry framing carries no %u open files here",
                       (unsigned)frame->files);
    if (frame->size > size_most(frame->word, UINT32_MAX))
        return framing_too_large("wherry", frame->size,
                                 size_most(frame->word, UINT32_MAX), NULL, 0);
    return 0;
}

// Size, version, files and flags in one store, the kind in another.
static void store_head(uint8_t *head, uint64_t size, uint32_t mark, int64_t kind)
{
    framing_store64(head + AT_SIZE, size | (uint64_t)mark << 32);
    framing_store64(head + AT_KIND, (uint64_t)kind);
}

static void encode_plain(uint8_t *head, size_t size, int64_t kind)
{
    store_head(head, size, VERSION, kind);
}

static int64_t scan_plain(const uint8_t *head, int64_t *kind)
{
    *kind = (int64_t)framing_load64(head + AT_KIND);
    bool is_plain = framing_load32(head + AT_VERSION) == VERSION && *kind >= 0;
    return is_plain ? (int64_t)framing_load32(head + AT_SIZE) : -1;
}

static int wherry_encode(const struct frame *frame, struct frame_room *room)
{
    int r = check_frame(frame);
    if (r < 0)
        return r;
    uint32_t mark = VERSION | frame->files << 8 | (uint32_t)frame->word << 16;
    if (frame->is_padded)
        mark |= (uint32_t)PADDED << 16;
    store_head(room->head, frame->size, mark, frame->kind);
    room->place = (struct frame_place){.head_size = HEAD_SIZE};
    if (frame->is_padded) {
        memset(room->head + HEAD_SIZE, 0, PADDED_SIZE - HEAD_SIZE);
        room->place.head_size = PADDED_SIZE;
    }
    return 0;
}

static APART int wrong_version(const uint8_t *bytes, size_t size)
{
    bool is_later = bytes[AT_VERSION] > VERSION &&
                    bytes[AT_VERSION] <= LATER_VERSIONS && size >= AT_KIND &&
                    bytes[AT_SIZE + 3] == 0;
    if (!is_later)
        return framing_foreign("wherry", bytes, size);
    return failure(-EPROTO,
                   "the peer speaks version %u of the wherry framing, this side speaks "
                   "version %d: bring both to one release of Wherry",
                   bytes[AT_VERSION], VERSION);
}

/* Whether the parts of a whole head go together. */
static int check_head(const struct frame *frame, uint32_t flags, uint64_t limit)
{
    uint32_t known = frame->word == FRAME_MESSAGE ? WORD_BITS | PADDED : WORD_BITS;
    if (flags & ~known || frame->word >= FRAME_WORDS)
        return failure(-EPROTO,
                       "a broken record (framing wherry, flags 0x%04X that are not "
                       "known): the peer is of a later release, or bytes were lost",
                       flags);
    if (frame->kind < 0)
        return failure(-EPROTO,
                       "a broken record (framing wherry, kind %lld): kinds are >= 0",
                       (long long)frame->kind);
    if (frame->word != FRAME_MESSAGE && frame->size > size_most(frame->word, limit))
        return failure(-EPROTO,
                       "a broken record (framing wherry, word %d with %llu bytes): it "
                       "has at most %llu",
                       (int)frame->word, (unsigned long long)frame->size,
                       (unsigned long long)size_most(frame->word, limit));
    if (frame->files > most[frame->word].files)
        return failure(-EPROTO,
                       "a broken record (framing wherry, word %d with open files)",
                       (int)frame->word);
    if (frame->size > size_most(frame->word, limit))
        return framing_too_large("wherry", frame->size, limit, NULL, 0);
    return FRAMING_FOUND;
}

// NOLINTNEXTLINE(readability-function-size): the six parameters of struct framing
static int wherry_scan(struct frame_scan *scan, const uint8_t *bytes, size_t size,
                       uint64_t limit, struct frame *frame, struct frame_place *place)
{
    if (size > AT_VERSION && bytes[AT_VERSION] != VERSION)
        return wrong_version(bytes, size);
    if (size < HEAD_SIZE) {
        scan->seen = size;
        return FRAMING_MORE;
    }
    uint32_t flags = framing_load32(bytes + AT_VERSION) >> 16;
    frame->word = (enum frame_word)(flags & WORD_BITS);
    frame->size = framing_load32(bytes + AT_SIZE);
    frame->files = bytes[AT_FILES];
    frame->kind = (int64_t)framing_load64(bytes + AT_KIND);
    frame->is_padded = (flags & PADDED) != 0;
    int r = check_head(frame, flags, limit);
    size_t head = frame->is_padded ? PADDED_SIZE : HEAD_SIZE;
    if (r == FRAMING_FOUND && size < head) {
        scan->seen = size;
        return FRAMING_MORE;
    }
    if (r == FRAMING_FOUND)
        *place = (struct frame_place){.head_size = head};
    return r;
}

const struct framing framing_wherry = {
    .info = {.name = "wherry",
             .summary = "16 bytes before each message (64 before some large ones): its "
                        "size, kind and open files; between programs that use Wherry",
             .abilities = WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES | WHERRY_ABLE_DRAIN |
                          WHERRY_ABLE_FINISH},
    .has_words = true,
    .encode = wherry_encode,
    .scan = wherry_scan,
    .plain_head = HEAD_SIZE,
    .encode_plain = encode_plain,
    .scan_plain = scan_plain,
};
