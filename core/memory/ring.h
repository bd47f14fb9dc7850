/* SPDX-License-Identifier: MIT */
/*
 * ring: messages from one process to one other, through memory.
 *
 * Each of two sides has memory that it alone writes, and that the other can only read:
 * a page of words, and behind it a ring of bytes with what it sends.  So nothing that
 * one side does can change what the other has written, and whatever it reads of the
 * other it reads once and checks.
 *
 *   page    0     struct ring_page: what this is, and how large
 *         128     writer: how far the ring is written, on which processor
 *         256     reader: how far the other side's ring has been read
 *         384     sleeps: two epochs, odd while this side's reader or writer sleeps
 *   ring    4096  records, each 16 bytes and its payload, in steps of 16 bytes
 *
 * A record never goes over the end of the ring: one that would is preceded by a record
 * that says to go on at the beginning.  Counts of bytes only grow; where they are in
 * the ring is their remainder.
 *
 * Nobody's wake-up is lost.  Who sleeps makes its epoch odd and looks once more; who
 * publishes looks at the epoch then.  Between its two steps each needs a fence.  The
 * publisher, which is fast, leaves its own out once the other side has been awake for a
 * while, and says so in `mode`; then the sleeper makes everybody pass a fence
 * (membarrier(2)).  tests/model/ring.pml proves it, for x86.
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/base.h"
#include "os/os.h"

enum {
    RING_LINE = 128, /* what two processors should not share */
    RING_FRONT = 4096,
    RING_STEP = 16,          /* every record begins at a multiple of it */
    RING_LEAST = 65536,      /* bytes of a ring, a power of two */
    RING_MOST = 67108864,    /* ditto */
    RING_PIECE_MOST = 65536, /* bytes of a payload in one record */
    RING_NAME = 16
};

enum ring_mode { RING_FENCED, RING_UNFENCED };

/* --- what is shared ------------------------------------------------------ */

struct ring_writer {
    _Alignas(RING_LINE) _Atomic(uint64_t) tail;
    _Atomic(uint32_t) processor;
    _Atomic(uint32_t) mode; /* enum ring_mode */
    _Atomic(uint64_t) messages;
    _Atomic(uint64_t) bytes;
    _Atomic(int64_t) rung_at; /* when a bell was rung last, in nanoseconds of the
                                 monotonic clock */
    _Atomic(uint64_t) lent;   /* where what was lent last lies (pool.h), that it may be
                                 fetched early: nothing hangs on it */
};

struct ring_reader {
    _Alignas(RING_LINE) _Atomic(uint64_t) head;
    _Atomic(uint32_t) processor;
    _Atomic(uint64_t) messages;
    _Atomic(uint64_t) bytes;
};

struct ring_sleeps {
    _Alignas(RING_LINE) _Atomic(uint32_t) reader;
    _Atomic(uint32_t) writer;
};

struct ring_page {
    _Alignas(
        RING_LINE) char magic[8]; /* "wherry", so that others can tell what it is */
    uint32_t version;
    uint32_t layout;
    uint64_t size;            /* of the ring */
    int64_t pid;              /* who made it, as it calls itself */
    _Atomic(uint32_t) trusts; /* 1: it reads in place what it is lent (pool.h) */
    char name[RING_NAME];
    struct ring_writer writer;
    struct ring_reader reader;
    struct ring_sleeps sleeps;
};

/* A record's first word: bytes from here to the end of the message, and what it is.
 * Where those are more than one piece, further records follow, each with what is left
 * then.  The second word is the message's kind. */
enum {
    RING_FLAGS_AT = 32,
    RING_WORD = 0xf,       /* enum frame_word */
    RING_SKIP = 0x10,      /* go on where the ring begins */
    RING_ELSEWHERE = 0x20, /* this message came another way */
    RING_LEFT = 0x40,      /* nothing more comes through this ring */
    RING_LENT = 0x80,      /* the payload says where the message lies (pool.h) */
    RING_KNOWN = 0xff
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
 * the other side.  Errors: as memfd_create(2) and mmap(2), -ENOSYS (no such seal, Linux
 * 5.1). */
int ring_make(uint64_t size, struct ring_side *out, int *fd);

/* Maps the other side's, to be read; `fd` stays the caller's.  Errors: -EPROTO (it is
 * no ring, of another version, or could still change its size; the sentence is set), as
 * mmap(2). */
int ring_attach(int fd, struct ring_side *out);

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
    uint64_t published; /* and how far they can see it */
    uint64_t head_seen; /* how far they have read, when it was last looked at */
    uint64_t messages;
    uint64_t bytes;
    uint64_t lent;        /* where what was lent last lies */
    uint32_t rung;        /* the epoch of their reader that a bell was rung for */
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

/* Whether a record with `size` (at most a piece) bytes of payload can be written; 1 or
 * 0.  Errors: -EPROTO (they claim to have read what was never written). */
static inline int ring_has_room(struct ring_out *ring, uint64_t size)
{
    const uint64_t need = ring_padded(size);
    const uint64_t used = ring->tail - ring->head_seen;
    const uint64_t to_end = ring->size - (ring->tail & (ring->size - 1));
    if (need <= to_end && used + need <= ring->size)
        return 1;
    return ring_find_room(ring, need);
}

/* Writes a record for which there is room; they cannot see it yet.  `left` counts from
 * here to the end of the message; at most a piece of it is written. */
static inline void ring_put(struct ring_out *ring, const void *bytes, uint64_t left,
                            uint32_t flags, int64_t kind)
{
    uint8_t *at = ring->data + (ring->tail & (ring->size - 1));
    _Atomic(uint64_t) *words = (_Atomic(uint64_t) *)(void *)at;
    const uint64_t here = left < ring->piece ? left : ring->piece;
    atomic_store_explicit(&words[0], left | (uint64_t)flags << RING_FLAGS_AT,
                          memory_order_relaxed);
    atomic_store_explicit(&words[1], (uint64_t)kind, memory_order_relaxed);
    if (here > 0)
        memcpy(at + RING_STEP, bytes, here);
    ring->tail += ring_padded(here);
}

/* Whether a bell has to be rung for whoever sleeps on the other side. */
bool ring_publish(struct ring_out *);

/* Before the writer sleeps for want of room; and after.  `ring_out_sleeps` says whether
 * it may: not when there is news since the last look. */
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
    uint64_t head;      /* how far is read, */
    uint64_t released;  /* and how far they know of it */
    uint64_t tail_seen; /* how far they had written, when it was last looked at */
    uint64_t messages;
    uint64_t bytes;
    const uint8_t *pool; /* NULL: they lend nothing */
    uint64_t pool_size;
    uint32_t epoch;
    uint32_t rung; /* the epoch of their writer that a bell was rung for */
};

void ring_in_start(struct ring_in *, const struct ring_side *own,
                   const struct ring_side *theirs);

/* Looks again how far they have written: 1 there is something, 0 there is nothing.
 * Errors: -EPROTO. */
int ring_look_again(struct ring_in *);

/* The next record: 1, or 0 there is none.  Errors: -EPROTO, from which there is no way
 * on; the sentence is set. */
int ring_next(struct ring_in *, struct ring_record *out);

/* It has been read.  Whether a bell has to be rung for a writer that waits for room. */
static inline bool ring_is_due(const struct ring_in *ring)
{
    return ring->head - ring->released >= ring->size / 4;
}

bool ring_release(struct ring_in *);

static inline bool ring_took(struct ring_in *ring, const struct ring_record *record)
{
    ring->head += ring_padded(record->here);
    ring->messages += record->left == record->here;
    ring->bytes += record->here;
    return ring_is_due(ring) && ring_release(ring);
}

/* Whether there is anything, as far as is known without the other side's memory. */
static inline bool ring_has_more(const struct ring_in *ring)
{
    return ring->head != ring->tail_seen;
}

/* Before the reader sleeps: whether it may (1), or there is news (0).  Errors: -EPROTO.
 */
int ring_in_sleeps(struct ring_in *);

/* It is awake again, or no longer looked after by anybody. */
void ring_in_wakes(struct ring_in *);

static inline bool ring_in_is_asleep(const struct ring_in *ring)
{
    return ring->epoch & 1;
}

#endif
