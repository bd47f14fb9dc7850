/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: one framing, named by the macro FRAMING, reads a stream of any bytes.
 *
 * The input's first two bytes choose the limit and the sizes of the pieces in which the
 * rest arrives; its next eight are a frame to encode (of every fourth input, for
 * speed).  What has not yet arrived is poisoned.
 */
#include "fuzz.h"

#include <errno.h>

#include "framing/framing.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#endif

#ifdef HAS_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(bytes, size) ((void)(bytes), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(bytes, size) ((void)(bytes), (void)(size))
#endif

#define NAME_OF(macro) NAME_OF_TEXT(macro)
#define NAME_OF_TEXT(text) #text

static const char name[] = NAME_OF(FRAMING);

enum { CONTROL_SIZE = 10 };

/* A stream as far as it has been read. */
struct stream {
    const struct framing *framing;
    const uint8_t *bytes;
    size_t arrived;
    size_t front; // of the record that is being looked at
    uint64_t limit;
    struct frame_scan scan;
    struct frame frame; // found, its payload not yet complete
    struct frame_place place;
    bool is_found;
    bool is_cut_by_chance;
    bool is_checked; // each whole record, for which once is enough
    uint64_t digest; // of all records so far
};

static void add_to_digest(struct stream *stream, uint64_t number)
{
    stream->digest = (stream->digest ^ number) * UINT64_C(0x9e3779b97f4a7c15);
    stream->digest ^= stream->digest >> 29;
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
    return a->word == b->word && a->size == b->size && a->kind == b->kind &&
           a->files == b->files && a->is_padded == b->is_padded;
}

/* What was read can be written, and is read from that as it was. */
static void check_written(const struct framing *framing, const struct frame *frame)
{
    struct frame_edges edges;
    PROPERTY(framing_encode(framing, frame, &edges) == 0);
    PROPERTY(edges.place.head_size <= FRAMING_HEAD &&
             edges.place.tail_size <= FRAMING_TAIL);
    if (edges.place.head_size == 0)
        return;
    struct frame_scan scan = {0};
    struct frame again;
    struct frame_place place;
    PROPERTY(framing->scan(&scan, edges.head, edges.place.head_size, UINT64_MAX, &again,
                           &place) == FRAMING_FOUND);
    PROPERTY(same_frame(frame, &again));
    PROPERTY(place.head_size == edges.place.head_size &&
             place.tail_size == edges.place.tail_size);
}

static bool is_plain(const struct frame *frame)
{
    return frame->word == FRAME_MESSAGE && frame->files == 0 && !frame->is_padded;
}

/* The few steps say the same as all of them. */
static void check_plain(const struct stream *stream, size_t size, int scanned)
{
    const struct framing *framing = stream->framing;
    const struct frame *frame = &stream->frame;
    if (framing->plain_head == 0 || size < framing->plain_head)
        return;
    const uint8_t *head = stream->bytes + stream->front;
    int64_t kind;
    const int64_t plain = framing->scan_plain(head, &kind);
    const bool is_found = scanned == FRAMING_FOUND && is_plain(frame);
    PROPERTY(is_found == (plain >= 0 && (uint64_t)plain <= stream->limit));
    PROPERTY(plain < 0 || is_found || scanned == -EMSGSIZE);
    if (!is_found)
        return;
    uint8_t written[FRAMING_HEAD];
    PROPERTY((uint64_t)plain == frame->size && kind == frame->kind);
    PROPERTY(stream->place.head_size == framing->plain_head);
    PROPERTY(stream->place.tail_size == 0);
    framing->encode_plain(written, (size_t)plain, kind);
    PROPERTY(memcmp(written, head, framing->plain_head) == 0);
}

/* A record that has wholly arrived. */
static void check_whole(const struct stream *stream)
{
    const uint8_t *payload = stream->bytes + stream->front + stream->place.head_size;
    struct frame_edges edges;
    if (stream->frame.word == FRAME_MESSAGE)
        PROPERTY(!stream->framing->check ||
                 stream->framing->check(payload, (size_t)stream->frame.size) == 0);
    PROPERTY(framing_encode(stream->framing, &stream->frame, &edges) == 0);
    PROPERTY(edges.place.tail_size == stream->place.tail_size);
    PROPERTY(memcmp(payload + stream->frame.size, edges.tail, edges.place.tail_size) ==
             0);
}

/* Takes one record: 1, 0 when more must arrive, or the framing's error. */
static int take(struct stream *stream)
{
    const size_t size = stream->arrived - stream->front;
    if (!stream->is_found) {
        const size_t seen = stream->scan.seen;
        int r =
            stream->framing->scan(&stream->scan, stream->bytes + stream->front, size,
                                  stream->limit, &stream->frame, &stream->place);
        PROPERTY(stream->scan.seen >= seen && stream->scan.seen <= size);
        check_plain(stream, size, r);
        PROPERTY(r == FRAMING_MORE || r == FRAMING_FOUND || r == -EPROTO ||
                 r == -EMSGSIZE);
        if (r != FRAMING_FOUND)
            return r;
        PROPERTY(stream->place.head_size + stream->place.tail_size <= size);
        PROPERTY(stream->frame.word < FRAME_WORDS && stream->frame.kind >= 0);
        PROPERTY(stream->frame.word == FRAME_MESSAGE || stream->framing->has_words);
        PROPERTY(stream->frame.word != FRAME_MESSAGE ||
                 stream->frame.size <= stream->limit);
        stream->is_found = true;
    }
    const size_t around = stream->place.head_size + stream->place.tail_size;
    if (stream->frame.size > size - around)
        return 0;
    if (stream->is_checked)
        check_whole(stream);
    stream->front += around + (size_t)stream->frame.size;
    stream->is_found = false;
    stream->scan = (struct frame_scan){0};
    return 1;
}

static int take_all(struct stream *stream)
{
    int r;
    while ((r = take(stream)) > 0) {
        // Under raw, where one message ends is chance: only the bytes are compared.
        if (stream->is_cut_by_chance)
            continue;
        add_to_digest(stream, stream->front);
        add_to_digest(stream, stream->frame.size);
        add_to_digest(stream, (uint64_t)stream->frame.kind);
        add_to_digest(stream, (uint64_t)stream->frame.word << 32 | stream->frame.files);
    }
    return r;
}

/* Reads all, in pieces of 1 to 8 or to 32 bytes by `seed`, or in one for 0. */
static int read_stream(struct stream *stream, size_t size, uint32_t seed)
{
    const uint32_t most = seed & 1 ? 7 : 31;
    int r = 0;
    ASAN_POISON_MEMORY_REGION(stream->bytes, size);
    while (r == 0 && stream->arrived < size) {
        size_t piece = seed ? 1 + (seed >> 5 & seed >> 9 & most) : size;
        if (piece > size - stream->arrived)
            piece = size - stream->arrived;
        seed = seed * 1664525 + (seed ? 1013904223 : 0);
        ASAN_UNPOISON_MEMORY_REGION(stream->bytes + stream->arrived, piece);
        stream->arrived += piece;
        r = take_all(stream);
    }
    ASAN_UNPOISON_MEMORY_REGION(stream->bytes, size);
    if (r < 0)
        check_sentence();
    return r;
}

static void check_encode(const struct framing *framing, const uint8_t control[8])
{
    static const uint64_t sizes[] = {0,     1,          255,        4096,
                                     65536, UINT32_MAX, 1ull << 32, UINT64_MAX};
    const struct frame frame = {
        .word = (enum frame_word)(control[0] % (FRAME_WORDS + 1)),
        .size = sizes[control[1] & 7] - (control[1] >> 6),
        .kind = (int64_t)((uint64_t)control[2] << 56 | control[3]),
        .files = control[4],
        .is_padded = framing->has_words && (control[5] & 1),
    };
    struct frame_edges edges;
    int r = framing_encode(framing, &frame, &edges);
    PROPERTY(r == 0 || r == -ENOTSUP || r == -EMSGSIZE);
    if (r == 0)
        check_written(framing, &frame);
    bool is_plain = frame.word == FRAME_MESSAGE && frame.kind == 0 &&
                    frame.files == 0 && !frame.is_padded;
    PROPERTY(r == 0 || !is_plain || frame.size > UINT32_MAX);
    PROPERTY(r != 0 || is_plain || framing->has_words);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint64_t limits[] = {1 << 24, 0, 1, 2, 3, 5, 64, UINT64_MAX};
    const struct framing *framing = framing_find(name);
    PROPERTY(framing);
    if (size < CONTROL_SIZE)
        return 0;
    if (bytes[1] < 64)
        check_encode(framing, bytes + 2);
    struct stream whole = {.framing = framing,
                           .bytes = bytes + CONTROL_SIZE,
                           .is_cut_by_chance = name[0] == 'r',
                           .limit = limits[bytes[0] & 7]};
    struct stream split = whole;
    whole.is_checked = true;
    size -= CONTROL_SIZE;
    int r = read_stream(&whole, size, 0);
    if (whole.is_found)
        check_written(framing, &whole.frame);
    PROPERTY(read_stream(&split, size, 1 + bytes[1]) == r);
    PROPERTY(split.front == whole.front && split.digest == whole.digest);
    PROPERTY(split.is_found == whole.is_found);
    return 0;
}
