/* SPDX-License-Identifier: MIT */
/*
 * pool: messages that are written where the other side reads them.
 *
 * One side, the owner, has a pool of memory that it alone writes, in blocks that it
 * cuts as they are asked for; what it knows of them is in its own memory, where nobody
 * can change it.  The other side, the borrower, maps the pool to be read.  For what it
 * has done with it has a page of its own: a ring of the numbers of blocks that come
 * back.
 *
 *   pool    0     struct pool_page: what this is, and an epoch, odd while its owner
 *                 waits for a block
 *           4096  blocks, in steps of 128 bytes
 *   returns 0     struct pool_returns: how many came back, and which
 *
 * A block is free, lent (the owner's program writes it) or sent (the borrower's reads
 * it), and comes back in any order.  There are never more of them out than the ring of
 * returns has places, so it is never full; and the owner believes of it only what can
 * be: a block that is sent, once.
 *
 * The borrower believes no more: that a message lies within the pool.  But what it
 * reads there the owner could rewrite at that moment: only who trusts the other side
 * reads it in place.
 *
 * Nobody's wake-up is lost: as with a ring that is full (ring.h), who waits makes its
 * epoch odd and looks once more, who returns looks at the epoch then, and each has a
 * fence between the two.  tests/model/pool-room.pml proves it, for x86.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "os/os.h"

/* The 8 bytes that begin each of the two. */
#define POOL_MAGIC "whpool\0"
#define POOL_MAGIC_OF_RETURNS "whback\0"

enum {
    POOL_VERSION = 2, /* of what is shared */
    POOL_LINE = 128,  /* what two processors should not share */
    POOL_FRONT = 4096,
    POOL_STEP = 128,         /* blocks begin at a multiple of it */
    POOL_LEAST = 65536,      /* bytes of a pool's blocks, a multiple of 4096 */
    POOL_MOST = 1073741824,  /* ditto */
    POOL_BLOCKS = 1024,      /* the most that are out */
    POOL_RETURNS_SIZE = 8192 /* bytes of the other side's memory */
};

/* --- what is shared ------------------------------------------------------ */

struct pool_page {
    _Alignas(POOL_LINE) char magic[8];
    uint32_t version;
    uint64_t size;    /* of the blocks */
    uint64_t carrier; /* as in struct ring_page */
    _Alignas(POOL_LINE) _Atomic(uint32_t) sleeps;
    _Alignas(POOL_LINE) _Atomic(uint64_t) count; /* of what was sent, ever: for whoever
                                                    looks on */
};

struct pool_returns {
    _Alignas(POOL_LINE) char magic[8];
    uint32_t version;
    uint64_t carrier;
    _Alignas(POOL_LINE) _Atomic(uint64_t) count; /* of what came back, ever */
    _Alignas(POOL_LINE) _Atomic(uint32_t) blocks[POOL_BLOCKS];
};

/* Where a message lies, as a record of a ring says it. */
struct pool_place {
    uint64_t offset; /* from the first block on */
    uint64_t size;
    uint64_t block; /* by which it comes back */
};

/* --- the owner's end ----------------------------------------------------- */

enum pool_state { POOL_UNUSED, POOL_FREE, POOL_LENT, POOL_SENT };

/* A stretch of the pool: a block, or what is free between two.  In the order in which
 * they lie; those that are unused are a list, too. */
struct pool_piece {
    uint32_t at; /* in steps, and so is */
    uint32_t steps;
    uint16_t before; /* POOL_BLOCKS: none */
    uint16_t after;
    uint8_t state; /* enum pool_state */
};

struct pool_out {
    struct os_lock lock; /* what was lent and not sent comes back from any thread */
    struct pool_page *page;
    uint8_t *data;
    uint64_t size;
    const struct pool_returns *returns; /* NULL: nobody borrows yet */
    uint64_t taken;                     /* of what came back */
    uint32_t steps;                     /* of the last block that was lent */
    uint32_t lent;                      /* blocks, */
    uint32_t sent;                      /* ditto */
    uint32_t taken_back;                /* so many were, ever, */
    uint32_t seen;                      /* and when none was free the last time */
    uint16_t unused;
    uint16_t start; /* nothing before it is free; POOL_BLOCKS: nothing at all */
    struct pool_piece pieces[POOL_BLOCKS]; /* the first is the first */
};

/* Makes a pool with `size` bytes of blocks; `*fd` is for the other side.  Errors: as
 * memfd_create(2) and mmap(2), -ENOSYS (no such seal, Linux 5.1). */
int pool_make(uint64_t size, struct pool_out *out, int *fd);

/* Maps what the borrower returns by; `fd` stays the caller's.  Errors: -EPROTO (it is
 * nothing of the sort; the sentence is set), as mmap(2). */
int pool_hear_returns(struct pool_out *, int fd);

/* Unmaps both. */
void pool_leave_out(struct pool_out *);

/* A block of at least `size` bytes (not 0): 1, and its number, or 0: none is free.
 * Errors: -EPROTO (what they returned cannot be; the sentence is set). */
int pool_lend(struct pool_out *, uint64_t size, uint32_t *block);

/* Where it lies, and how many bytes it has. */
uint8_t *pool_data(const struct pool_out *, uint32_t block, uint64_t *room);

/* Says where a message lies; its block is the borrower's from now on. */
void pool_send(struct pool_out *, uint32_t block, uint64_t size,
               struct pool_place *out);

/* It was lent, and is not going to be sent; the caller holds the lock.  Whether whoever
 * waits for a block has to be woken. */
bool pool_take_back(struct pool_out *, uint32_t block);

/* How many blocks are lent or sent, as far as was heard. */
uint32_t pool_count(struct pool_out *);

/* Before the owner sleeps for want of a block; and after.  `pool_sleeps` says whether
 * it may: not when one came back since pool_lend found none. */
bool pool_sleeps(struct pool_out *);
void pool_wakes(struct pool_out *);

/* --- the borrower's end -------------------------------------------------- */

struct pool_in {
    struct os_lock lock; /* messages are freed by any thread */
    const struct pool_page *page;
    const uint8_t *data;
    uint64_t size;
    struct pool_returns *own;
    uint64_t received; /* of the thread that receives alone */
    uint64_t returned;
    uint32_t rung; /* the epoch of its owner that a bell was rung for */
};

/* Maps the owner's, to be read, and makes what is returned by; `fd` stays the caller's,
 * `*returns` is for the owner.  Errors: -EPROTO (it is no pool, of another version, or
 * could still change its size; the sentence is set), as mmap(2). */
int pool_attach(int fd, struct pool_in *out, int *returns);

/* Unmaps both; `own` may be NULL (a child of fork(2) does not have it, but the messages
 * that it reads). */
void pool_leave_in(struct pool_in *);

/* The message that lies there.  Errors: -EPROTO (there is no such place; the sentence
 * is set). */
int pool_receive(struct pool_in *, const struct pool_place *, const uint8_t **out);

/* It was read; the caller holds the lock.  Whether a bell has to be rung for an owner
 * that waits for a block. */
bool pool_return(struct pool_in *, uint32_t block);

#endif
