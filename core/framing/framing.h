/* SPDX-License-Identifier: MIT */
/*
 * framing: how messages are cut out of bytes, and what surrounds them.
 *
 * Pure functions: no I/O, no allocation, no state but what the caller hands in.  All
 * input is a stranger's: any bytes give an answer, in time that grows with their number
 * only.
 */
#ifndef FRAMING_H
#define FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wherry/mechanism.h>

/* What a record is: a message, or one of the `wherry` framing's own words. */
enum frame_word {
    FRAME_MESSAGE,
    FRAME_HELLO, /* first of all; its payload is struct hello */
    FRAME_END,   /* nothing follows: an orderly finish */
    FRAME_SYNC,  /* "tell me when your program has taken all before this"; kind = serial
                  */
    FRAME_SYNC_ACK, /* "it has"; kind = the serial */
    FRAME_RING, /* of the two ends of local: about their memory; kind = enum local_word,
                   with an open file or none */
    FRAME_WORDS
};

/* One record, as it stands on the wire. */
struct frame {
    enum frame_word word;
    uint64_t size; /* of the payload */
    int64_t kind;
    uint32_t files; /* open files that travel with it */
    bool is_padded; /* the payload begins further on; only the `wherry` framing can */
};

enum {
    FRAMING_HEAD =
        64, /* room that encode needs for the bytes before and after a payload */
    FRAMING_TAIL = 8
};

/* Where scan is in a record; zeroed before each record, and again once it was found or
 * refused.  Keeps long records from being looked through again and again as they
 * arrive. */
struct frame_scan {
    size_t seen;
};

/* How a record lies in its bytes: [head][payload: frame.size][tail]. */
struct frame_place {
    size_t head_size;
    size_t tail_size;
};

/* Where what stands around a payload is to be written, and how much was. */
struct frame_room {
    uint8_t *head; /* FRAMING_HEAD bytes */
    uint8_t *tail; /* FRAMING_TAIL bytes */
    struct frame_place place;
};

/* The same with its room. */
struct frame_edges {
    uint8_t head[FRAMING_HEAD];
    uint8_t tail[FRAMING_TAIL];
    struct frame_place place;
};

enum { FRAMING_MORE = 0, FRAMING_FOUND = 1 };

struct framing {
    struct wherry_framing_info info;
    bool
        end_completes; /* what stands at the end of the bytes is a last, whole record */
    bool has_words;    /* carries frame_word other than FRAME_MESSAGE */

    /* Whether a payload can be carried: 0, or -EBADMSG (a newline under `line`).
     * NULL: any can. */
    int (*check)(const uint8_t *payload, size_t size);

    /* Writes what stands around a payload of frame->size bytes; pads it if that is
     * asked for and there is a way to say so. 0, or -ENOTSUP (a kind, files or word
     * that this framing has no place for), -EMSGSIZE (size does not fit into its
     * field). */
    int (*encode)(const struct frame *, struct frame_room *);

    /* Looks at the first `size` bytes of a record (and whatever follows it).
     * FRAMING_FOUND: *frame and *place are set; the payload itself need not be
     * complete. FRAMING_MORE: cannot be told yet, nothing is set but scan->seen.
     * -EPROTO: not this framing, or broken; -EMSGSIZE: larger than `limit`.  The
     * sentence is set. */
    int (*scan)(struct frame_scan *scan, const uint8_t *bytes, size_t size,
                uint64_t limit, struct frame *frame, struct frame_place *place);

    /* The same in few steps, for framings where the record of a plain message (no word,
     * no open files, no padding) is a head of one size and the payload, whatever that
     * is.  `plain_head` is that size; where it is 0, there are no such steps.  A
     * framing with words has them. */
    size_t plain_head;

    /* Writes the head; `size` is at most UINT32_MAX, `kind` >= 0. */
    void (*encode_plain)(uint8_t *head, size_t size, int64_t kind);

    /* Looks at a whole head: the size of its payload and *kind, or -1 if scan has to
     * look at it. */
    int64_t (*scan_plain)(const uint8_t *head, int64_t *kind);
};

static inline int framing_encode(const struct framing *framing,
                                 const struct frame *frame, struct frame_edges *edges)
{
    struct frame_room room = {.head = edges->head, .tail = edges->tail};
    int r = framing->encode(frame, &room);
    edges->place = room.place;
    return r;
}

/* The framing with that name, or NULL; the framing at `index`, or NULL past the last.
 */
const struct framing *framing_find(const char *name);
const struct framing *framing_at(size_t index);

/* "wherry|raw|line|…": for option tables and error texts. */
extern const char framing_names[];

/* --- hello.c: the first record of each direction of the `wherry` framing --- */

enum { HELLO_VERSION = 1, HELLO_SIZE = 32 };

/* What each side says of itself before anything else. */
struct hello {
    uint16_t version_least; /* the framing versions it speaks, from … to */
    uint16_t version_most;
    uint32_t layout;        /* hash of the shared-memory layout; 0: has none */
    uint64_t message_limit; /* the largest message it takes */
    uint32_t file_limit;
    uint32_t flags; /* none are known yet; unknown ones are ignored */
};

void hello_encode(const struct hello *, uint8_t bytes[HELLO_SIZE]);

/* Reads a hello; longer ones (from later versions) are fine, what is not known is
 * skipped. 0, or -EPROTO: not a hello, or no version in common (the sentence names
 * both). */
int hello_decode(const uint8_t *bytes, size_t size, struct hello *out);

/* --- inside this folder -------------------------------------------------- */

extern const struct framing framing_wherry, framing_raw, framing_line, framing_length,
    framing_header;

/* For framings without kinds, files and words: 0, or -ENOTSUP with its sentence. */
int framing_plain_only(const char *name, const struct frame *);

/* Says that `bytes` are not a record of the framing `name`, shows how they begin, what
 * that looks like and which framing would read it.  Returns -EPROTO. */
int framing_foreign(const char *name, const uint8_t *bytes, size_t size);

/* Says that a record of `size` bytes is more than `limit`, and what its `seen` first
 * bytes look like if that is something else (`bytes` may be NULL).  Returns -EMSGSIZE.
 */
int framing_too_large(const char *name, uint64_t size, uint64_t limit,
                      const uint8_t *bytes, size_t seen);

/* Little-endian numbers. */
enum { FRAMING_SWAPS = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

static inline uint32_t framing_load32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return FRAMING_SWAPS ? __builtin_bswap32(value) : value;
}

static inline uint64_t framing_load64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return FRAMING_SWAPS ? __builtin_bswap64(value) : value;
}

static inline void framing_store32(uint8_t *bytes, uint32_t value)
{
    value = FRAMING_SWAPS ? __builtin_bswap32(value) : value;
    memcpy(bytes, &value, sizeof(value));
}

static inline void framing_store64(uint8_t *bytes, uint64_t value)
{
    value = FRAMING_SWAPS ? __builtin_bswap64(value) : value;
    memcpy(bytes, &value, sizeof(value));
}

#endif
