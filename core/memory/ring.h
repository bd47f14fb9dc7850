/* SPDX-License-Identifier: MIT */
/*
 * ring: messages from one process to one other, through memory.
 *
 * Each of two sides has memory that it alone writes, and that the other can only read:
 * a page of words, and behind it a ring of bytes with what it sends.  So nothing that
 * one side does can change what the other has written, and whatever it reads of the
 * other it reads once and checks.
 *
 *   page    0     struct ring_page: what this is, how large, and beside which socket
 *         128     writer: how much it has written
 *         256     reader: how far the other side's ring has been read
 *         384     places: on which processors its writer and its reader run
 *         512     sleeps: two epochs, odd while this side's reader or writer sleeps
 *         640     fan: where the newest record is, and from which on all are there
 *                 (memory/fan.h)
 *         768     received: how many messages have been read
 *   ring    4096  records, each 16 bytes and its payload, in steps of 16 bytes
 *
 * A record is there once its first word is not 0.  That word is written last, and the
 * one behind the record is made 0 before: so a reader that waits looks at the line
 * which holds what it waits for, and at nothing else.  Of records that are published
 * together the first one's word is the last to be written
 * (tests/model/ring-records.pml).
 *
 * A record never goes over the end of the ring: one that would is preceded by a record
 * that says to go on at the beginning.  Counts of bytes only grow; where they are in
 * the ring is their remainder.
 *
 * Nobody's wake-up is lost.  Who sleeps makes its epoch odd and looks once more; who
 * publishes looks at the epoch then.  Between its two steps each needs a fence.  The
 * publisher, which is fast, leaves its own out once the other side has been awake for a
 * while, and says so in `mode`; then the sleeper makes everybody pass a fence
 * (membarrier(2)).  tests/model/ring-wake.pml proves it, for x86.
 */
#ifndef RING_H
#define RING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/base.h"
#include "os/os.h"

enum {
    RING_VERSION = 3, /* of what is shared */
    RING_LINE = 128,  /* what two processors should not share */
    RING_FRONT = 4096,
    RING_STEP = 16,         /* every record begins at a multiple of it */
    RING_LEAST = 65536,     /* bytes of a ring, a power of two */
    RING_MOST = 67108864,   /* ditto */
    RING_PIECE_MOST = 65536 /* bytes of a payload in one record */
};

/* Its 8 bytes begin every page. */
#define RING_MAGIC "wherry\0"

enum ring_mode { RING_FENCED, RING_UNFENCED };

/* --- what is shared ------------------------------------------------------ */

/* Messages and bytes of their payload are for whoever looks on (memory/onlooker.c): the
 * other side reads none of it. */
struct ring_writer {
    _Alignas(RING_LINE) _Atomic(uint64_t) tail;
    _Atomic(uint64_t) messages;
    _Atomic(uint64_t) bytes;
};

struct ring_reader {
    _Alignas(RING_LINE) _Atomic(uint64_t) head;
    _Atomic(uint64_t) lost; /* messages that a fan's writer had overwritten by then */
};

/* What changes seldom. */
struct ring_places {
    _Alignas(RING_LINE) _Atomic(uint32_t) writer; /* on which processor it runs */
    _Atomic(uint32_t) reader;
    _Atomic(uint32_t) mode;   /* enum ring_mode */
    _Atomic(int64_t) rung_at; /* when a bell was rung last, in nanoseconds of the
                                 monotonic clock */
};

struct ring_sleeps {
    _Alignas(RING_LINE) _Atomic(uint32_t) reader;
    _Atomic(uint32_t) writer;
};

/* Of a ring that is written on without waiting for its readers (memory/fan.h). */
struct ring_fan {
    _Alignas(RING_LINE) _Atomic(uint64_t) newest;
    _Atomic(uint64_t) floor;
};

/* Apart from what the writer looks at: the reader tells it with each message. */
struct ring_received {
    _Alignas(RING_LINE) _Atomic(uint64_t) messages;
    _Atomic(uint64_t) bytes;
};

/* Whose page it is. */
enum ring_use { RING_OF_CHANNEL = 1, RING_OF_TOPIC, RING_OF_READER, RING_USES };

struct ring_page {
    _Alignas(
        RING_LINE) char magic[8]; /* "wherry", so that others can tell what it is */
    uint32_t version;
    uint32_t layout;
    uint64_t size;            /* of the ring */
    int64_t pid;              /* who made it, as it calls itself */
    _Atomic(uint32_t) trusts; /* 1: it reads in place what it is lent (pool.h) */
    uint32_t use;             /* enum ring_use, */
    uint64_t carrier; /* and the inode of the socket beside it, or that of a topic's
                         listener; 0: not told.  Both for whoever looks on, as is */
    _Atomic(uint64_t) reads; /* the inode of the memory that a fan's reader reads */
    struct ring_writer writer;
    struct ring_reader reader;
    struct ring_places places;
    struct ring_sleeps sleeps;
    struct ring_fan fan;
    struct ring_received received;
};

/* A record's first word: bytes from here to the end of the message, and what it is; 0
 * as long as there is none.  Where those are more than one piece, further records
 * follow, each with what is left then.  The second word is the message's kind. */
enum {
    RING_FLAGS_AT = 32,
    RING_WORD = 0xf,       /* enum frame_word */
    RING_SKIP = 0x10,      /* go on where the ring begins */
    RING_ELSEWHERE = 0x20, /* this message came another way */
    RING_LEFT = 0x40,      /* nothing more comes through this ring */
    RING_LENT = 0x80,      /* the payload says where the message lies (pool.h) */
    RING_KNOWN = 0xff,
    RING_THERE = 0x100 /* in every record's first word, so that it is not 0 */
};

/* The layout in one number: two sides that differ in it do not understand each other.
 */
uint32_t ring_layout(void);

/* --- one side's memory --------------------------------------------------- */

struct ring_side {
    struct ring_page *page; /* NULL: none */
    uint8_t *data;
    uint64_t size; /* of the ring, as it was when it was checked */
};

/* Makes this side's memory, sealed so that only this mapping can write it; `*fd` is for
 * the other side.  Of one that only reads `size` is 0: it has a page alone.  Errors: as
 * memfd_create(2) and mmap(2), -ENOSYS (no such seal, Linux 5.1). */
int ring_make(uint64_t size, struct ring_side *out, int *fd);

/* Tells whoever looks on whose it is, and the socket beside it. */
void ring_tell_use(struct ring_side *, enum ring_use, int socket);

/* And which memory it reads. */
void ring_tell_source(struct ring_side *, int fd);

/* Maps the other side's, to be read; `fd` stays the caller's.  Errors: -EPROTO (it is
 * no ring, of another version, or could still change its size; the sentence is set), as
 * mmap(2). */
int ring_attach(int fd, struct ring_side *out);

/* The same of one that has a page alone. */
int ring_attach_page(int fd, struct ring_side *out);

/* Unmaps it; it is none afterwards. */
void ring_leave(struct ring_side *);

/* --- the writing end ----------------------------------------------------- */

/* Of one thread at a time. */
struct ring_out {
    struct ring_page *own;
    const struct ring_page *theirs;
    uint8_t *data;
    uint64_t size;
    uint64_t piece;
    uint64_t tail;      /* how far is written, */
    uint64_t published; /* and how far they can see it; if less, what the */
    uint64_t mark;      /* first word there will be */
    uint64_t head_seen; /* how far they have read, when it was last looked at */
    uint64_t wanted;    /* what there was no room for then, or else the least */
    uint64_t messages;
    uint64_t bytes;
    uint32_t rung;        /* the epoch of their reader that a bell was rung for */
    uint32_t processor;   /* where it runs, as they know */
    unsigned awake;       /* publishes in a row that met an awake reader */
    bool may_be_unfenced; /* both sides have membarrier(2) */
    bool is_unfenced;
};

void ring_out_start(struct ring_out *, const struct ring_side *own,
                    const struct ring_side *theirs, bool may_be_unfenced);

static inline uint64_t ring_padded(uint64_t size)
{
    return RING_STEP + ((size + RING_STEP - 1) & ~(uint64_t)(RING_STEP - 1));
}

/* Makes room for `need` bytes in one piece by looking again how far they have read, and
 * by skipping the end of the ring: whether there is.  Errors: -EPROTO. */
int ring_find_room(struct ring_out *, uint64_t need);

static inline _Atomic(uint64_t) *ring_words(uint8_t *data, uint64_t at)
{
    return (_Atomic(uint64_t) *)(void *)(data + at);
}

/* Whether a record with `size` (at most a piece) bytes of payload can be written, and
 * the word behind it made 0; 1 or 0.  Errors: -EPROTO (they claim to have read what was
 * never written). */
static inline int ring_has_room(struct ring_out *ring, uint64_t size)
{
    const uint64_t need = ring_padded(size);
    const uint64_t used = ring->tail - ring->head_seen;
    const uint64_t to_end = ring->size - (ring->tail & (ring->size - 1));
    if (need <= to_end && used + need < ring->size)
        return 1;
    return ring_find_room(ring, need);
}

/* Writes `size` bytes of the ring as a record, but for its payload; they cannot see it
 * yet. */
static inline void ring_add(struct ring_out *ring, uint64_t word, uint64_t size)
{
    const uint64_t at = ring->tail & (ring->size - 1);
    if (ring->published == ring->tail)
        ring->mark = word;
    else
        atomic_store_explicit(ring_words(ring->data, at), word, memory_order_relaxed);
    ring->tail += size;
}

/* Writes a record for which there is room; they cannot see it yet.  `left` counts from
 * here to the end of the message; at most a piece of it is written. */
static inline void ring_put(struct ring_out *ring, const void *bytes, uint64_t left,
                            uint32_t flags, int64_t kind)
{
    const uint64_t at = ring->tail & (ring->size - 1);
    const uint64_t here = left < ring->piece ? left : ring->piece;
    const uint64_t size = ring_padded(here);
    const uint64_t behind = (at + size) & (ring->size - 1);
    atomic_store_explicit(ring_words(ring->data, behind), 0, memory_order_relaxed);
    atomic_store_explicit(ring_words(ring->data, at) + 1, (uint64_t)kind,
                          memory_order_relaxed);
    copy_shared(ring->data + at + RING_STEP, bytes, here, here < left);
    ring_add(ring, left | (uint64_t)(flags | RING_THERE) << RING_FLAGS_AT, size);
}

/* How much there is now, for whoever looks on; and whoever falls asleep from now on
 * sees what was written before, or is seen: then it is time to look at epochs. */
static inline void ring_show(struct ring_out *ring)
{
    struct ring_writer *writer = &ring->own->writer;
    WHERRY_STORE(&writer->tail, ring->tail);
    atomic_store_explicit(&writer->messages, ring->messages, memory_order_relaxed);
    atomic_store_explicit(&writer->bytes, ring->bytes, memory_order_relaxed);
    if (ring->is_unfenced)
        atomic_signal_fence(memory_order_seq_cst);
    else
        atomic_thread_fence(memory_order_seq_cst);
}

/* Whether somebody was rung for, or nobody had to be: by that it is decided who pays
 * for the fence. */
void ring_shown(struct ring_out *, bool has_rung);

/* What is not done each time: their reader sleeps, or this side is FENCED. */
bool ring_publish_slowly(struct ring_out *, uint32_t epoch);

/* Whether a bell has to be rung for whoever sleeps on the other side. */
static inline bool ring_publish(struct ring_out *ring)
{
    const uint64_t at = ring->published & (ring->size - 1);
    if (ring->published != ring->tail)
        WHERRY_STORE(ring_words(ring->data, at), ring->mark);
    ring->published = ring->tail;
    ring_show(ring);
    const uint32_t epoch = WHERRY_LOAD(&ring->theirs->sleeps.reader);
    return (!ring->is_unfenced || (epoch & 1)) && ring_publish_slowly(ring, epoch);
}

/* Tells them on which processor the writer runs; from time to time is enough. */
void ring_out_tells_place(struct ring_out *);

/* Before the writer sleeps for want of room; and after.  `ring_out_sleeps` says whether
 * it may: not when there is room for what there was none for. */
bool ring_out_sleeps(struct ring_out *);
void ring_out_wakes(struct ring_out *);

/* --- the reading end ----------------------------------------------------- */

struct ring_record {
    uint64_t left; /* bytes from here to the end of the message */
    uint64_t here; /* and in this record */
    uint32_t flags;
    int64_t kind;
    const uint8_t *payload; /* theirs: it may change while it is looked at */
};

/* Of one thread at a time. */
struct ring_in {
    struct ring_page *own;
    const struct ring_page *theirs;
    const uint8_t *data;
    uint64_t size;
    uint64_t piece;
    uint64_t head;     /* how far is read, */
    uint64_t released; /* and how far they know of it */
    uint64_t messages;
    uint64_t bytes;
    uint32_t epoch;
    uint32_t rung;      /* the epoch of their writer that a bell was rung for */
    uint32_t processor; /* where it runs, as they know */
};

void ring_in_start(struct ring_in *, const struct ring_side *own,
                   const struct ring_side *theirs);

/* The first word of the next record; 0 as long as there is none. */
static inline const _Atomic(uint64_t) *ring_next_word(const struct ring_in *ring)
{
    const uint64_t at = ring->head & (ring->size - 1);
    return (const _Atomic(uint64_t) *)(const void *)(ring->data + at);
}

static inline bool ring_has_next(const struct ring_in *ring)
{
    return WHERRY_LOAD(ring_next_word(ring)) != 0;
}

/* Says what of their memory is broken; there is no way on from there. */
void ring_tell_broken(const struct ring_in *, const char *what, uint64_t number);

static inline int ring_broken(const struct ring_in *ring, const char *what,
                              uint64_t number)
{
    ring_tell_broken(ring, what, number);
    return -EPROTO;
}

/* Goes on where the ring begins, and reads the first word there.  Errors: -EPROTO. */
int ring_skip(struct ring_in *, uint64_t *word);

/* The next record: 1, or 0 there is none.  Errors: -EPROTO, from which there is no way
 * on; the sentence is set. */
static inline int ring_next(struct ring_in *ring, struct ring_record *out)
{
    uint64_t word = WHERRY_LOAD(ring_next_word(ring));
    if (word == 0)
        return 0;
    if ((word >> RING_FLAGS_AT) == (RING_SKIP | RING_THERE) &&
        ring_skip(ring, &word) < 0)
        return -EPROTO;
    const uint64_t at = ring->head & (ring->size - 1);
    const uint64_t left = (uint32_t)word;
    const uint64_t here = left < ring->piece ? left : ring->piece;
    const uint64_t flags = (word >> RING_FLAGS_AT) ^ RING_THERE;
    const uint64_t kind = WHERRY_LOAD(ring_next_word(ring) + 1);
    if (flags & ~(uint64_t)(RING_KNOWN & ~RING_SKIP))
        return ring_broken(ring, "a record of no known sort", flags);
    if (ring_padded(here) > ring->size - at)
        return ring_broken(ring, "a record that is longer than the ring", left);
    if (kind > INT64_MAX)
        return ring_broken(ring, "a kind below 0", kind);
    *out = (struct ring_record){.left = left,
                                .here = here,
                                .flags = (uint32_t)flags,
                                .kind = (int64_t)kind,
                                .payload = ring->data + at + RING_STEP};
    return 1;
}

/* It has been read.  Whether a bell has to be rung for a writer that waits for room. */
static inline bool ring_is_due(const struct ring_in *ring)
{
    return ring->head - ring->released >= ring->size / 4;
}

bool ring_release(struct ring_in *);

static inline void ring_tell_received(const struct ring_in *ring)
{
    struct ring_received *received = &ring->own->received;
    atomic_store_explicit(&received->messages, ring->messages, memory_order_relaxed);
    atomic_store_explicit(&received->bytes, ring->bytes, memory_order_relaxed);
}

static inline bool ring_took(struct ring_in *ring, const struct ring_record *record)
{
    ring->head += ring_padded(record->here);
    ring->messages += record->left == record->here;
    ring->bytes += record->here;
    ring_tell_received(ring);
    return ring_is_due(ring) && ring_release(ring);
}

/* How many bytes of it are still to be read, as they say; they may not have said it
 * yet. */
uint64_t ring_unread(const struct ring_in *);

/* Tells them on which processor the reader runs. */
void ring_in_tells_place(struct ring_in *);

/* Before the reader sleeps: whether it may; not when there is news. */
bool ring_in_sleeps(struct ring_in *);

/* The first half of it: from now on it is rung for what is published. */
void ring_in_falls_asleep(struct ring_in *);

/* It is awake again, or no longer looked after by anybody. */
void ring_in_wakes(struct ring_in *);

static inline bool ring_in_is_asleep(const struct ring_in *ring)
{
    return ring->epoch & 1;
}

#endif
