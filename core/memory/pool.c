/* SPDX-License-Identifier: MIT */
/*
 * Pools: see pool.h.
 */
#include "memory/pool.h"

#include <errno.h>
#include <string.h>

#include "memory/memory.h"

enum {
    NONE = POOL_BLOCKS,
    FIRST = 0,
    /* So many blocks are with the borrower before it is looked whether some came back:
     * a line of their numbers is read once, and not for each. */
    LOOK_AT = 16
};

static const char magic[8] = POOL_MAGIC;
static const char magic_of_returns[8] = POOL_MAGIC_OF_RETURNS;

_Static_assert(sizeof(struct pool_page) <= POOL_FRONT, "the page is one page");
_Static_assert(sizeof(struct pool_returns) <= POOL_RETURNS_SIZE, "they are two");

/* --- the owner's memory -------------------------------------------------- */

static void clear_pieces(struct pool_out *pool)
{
    for (unsigned i = 0; i < POOL_BLOCKS; i++)
        pool->pieces[i] = (struct pool_piece){.after = (uint16_t)(i + 1)};
    pool->pieces[FIRST] =
        (struct pool_piece){.steps = (uint32_t)(pool->size / POOL_STEP),
                            .before = NONE,
                            .after = NONE,
                            .state = POOL_FREE};
    pool->unused = FIRST + 1;
    pool->start = FIRST;
}

int pool_make(uint64_t size, struct pool_out *out, int *fd)
{
    void *at;
    int r = sealed_make("wherry:pool", POOL_FRONT + size, &at, fd);
    if (r < 0)
        return failure_plain(r, "no memory for a pool");
    memset(out, 0, sizeof(*out));
    out->page = at;
    out->data = (uint8_t *)at + POOL_FRONT;
    out->size = size;
    memcpy(out->page->magic, magic, sizeof(magic));
    out->page->version = POOL_VERSION;
    out->page->size = size;
    clear_pieces(out);
    return 0;
}

static int map_to_be_read(int fd, uint64_t size, void **at)
{
    int r = os_map(fd, size, OS_MAP_READ, at);
    if (r < 0)
        return failure_plain(r, "the peer's memory");
    return 0;
}

int pool_hear_returns(struct pool_out *pool, int fd)
{
    uint64_t size;
    void *at;
    int r = sealed_check(fd, &size);
    if (r >= 0 && size != POOL_RETURNS_SIZE)
        r = failure(-EPROTO, "the peer returns by %llu bytes of memory",
                    (unsigned long long)size);
    if (r >= 0)
        r = map_to_be_read(fd, size, &at);
    if (r < 0)
        return r;
    const struct pool_returns *returns = at;
    if (memcmp(returns->magic, magic_of_returns, sizeof(magic)) != 0 ||
        returns->version != POOL_VERSION) {
        os_unmap(at, size);
        return failure(-EPROTO, "the peer returns by memory that is not for that");
    }
    os_map_without_child(at, size);
    pool->returns = returns;
    return 0;
}

void pool_leave_out(struct pool_out *pool)
{
    os_unmap(pool->page, POOL_FRONT + pool->size);
    if (pool->returns)
        os_unmap((void *)(uintptr_t)pool->returns, POOL_RETURNS_SIZE);
    pool->page = NULL;
    pool->returns = NULL;
}

/* --- pieces -------------------------------------------------------------- */

static void forget_piece(struct pool_out *pool, uint16_t number)
{
    struct pool_piece *piece = &pool->pieces[number];
    piece->state = POOL_UNUSED;
    piece->after = pool->unused;
    pool->unused = number;
}

// What lies behind is added to it, if both are free.
static void join(struct pool_out *pool, uint16_t number)
{
    struct pool_piece *piece = number == NONE ? NULL : &pool->pieces[number];
    if (!piece || piece->state != POOL_FREE || piece->after == NONE ||
        pool->pieces[piece->after].state != POOL_FREE)
        return;
    const uint16_t gone = piece->after;
    piece->steps += pool->pieces[gone].steps;
    piece->after = pool->pieces[gone].after;
    if (piece->after != NONE)
        pool->pieces[piece->after].before = number;
    forget_piece(pool, gone);
}

static void free_piece(struct pool_out *pool, uint16_t number)
{
    pool->pieces[number].state = POOL_FREE;
    if (pool->start == NONE || pool->pieces[number].at < pool->pieces[pool->start].at)
        pool->start = number;
    join(pool, number);
    join(pool, pool->pieces[number].before);
}

// Where there is no number for what would be left, it is lent with it.
static void cut(struct pool_out *pool, uint16_t number, uint32_t steps)
{
    struct pool_piece *piece = &pool->pieces[number];
    const uint16_t rest = pool->unused;
    if (piece->steps == steps || rest == NONE)
        return;
    pool->unused = pool->pieces[rest].after;
    pool->pieces[rest] = (struct pool_piece){.at = piece->at + steps,
                                             .steps = piece->steps - steps,
                                             .before = number,
                                             .after = piece->after,
                                             .state = POOL_FREE};
    if (piece->after != NONE)
        pool->pieces[piece->after].before = rest;
    piece->after = rest;
    piece->steps = steps;
}

// The first that is large enough: what was used last is still in the cache.
static uint16_t find(const struct pool_out *pool, uint32_t steps)
{
    uint16_t number = pool->start;
    while (number != NONE && (pool->pieces[number].state != POOL_FREE ||
                              pool->pieces[number].steps < steps))
        number = pool->pieces[number].after;
    return number;
}

/* --- lending ------------------------------------------------------------- */

static int broken(const char *what, uint64_t number)
{
    return failure(-EPROTO, "the peer returns what it was not sent: %s (%llu)", what,
                   (unsigned long long)number);
}

static int take_returned(struct pool_out *pool)
{
    if (!pool->returns)
        return 0;
    const uint64_t count = WHERRY_LOAD(&pool->returns->count);
    if (count - pool->taken > pool->sent)
        return broken("more blocks than are out", count);
    while (pool->taken != count) {
        const uint32_t block =
            WHERRY_LOAD(&pool->returns->blocks[pool->taken % POOL_BLOCKS]);
        if (block >= POOL_BLOCKS || pool->pieces[block].state != POOL_SENT)
            return broken("a block that is not out", block);
        free_piece(pool, (uint16_t)block);
        pool->taken++;
        pool->sent--;
    }
    return 0;
}

// Of another size than before: what is free is not to be cut up for want of a look.
static bool is_time_to_look(const struct pool_out *pool, uint32_t steps)
{
    return pool->sent >= LOOK_AT || pool->steps != steps;
}

int pool_lend(struct pool_out *pool, uint64_t size, uint32_t *block)
{
    int r = 0;
    if (size > pool->size)
        return 0;
    const uint32_t steps = (uint32_t)((size + POOL_STEP - 1) / POOL_STEP);
    os_lock_take(&pool->lock);
    if (is_time_to_look(pool, steps))
        r = take_returned(pool);
    uint16_t found = r < 0 ? NONE : find(pool, steps);
    if (r >= 0 && found == NONE) {
        r = take_returned(pool);
        found = r < 0 ? NONE : find(pool, steps);
    }
    if (found != NONE) {
        cut(pool, found, steps);
        pool->pieces[found].state = POOL_LENT;
        if (found == pool->start)
            pool->start = pool->pieces[found].after;
        pool->lent++;
        pool->steps = steps;
        *block = found;
        r = 1;
    } else {
        pool->seen = pool->taken_back;
    }
    os_lock_give(&pool->lock);
    return r;
}

uint8_t *pool_data(const struct pool_out *pool, uint32_t block, uint64_t *room)
{
    const struct pool_piece *piece = &pool->pieces[block];
    *room = (uint64_t)piece->steps * POOL_STEP;
    return pool->data + (uint64_t)piece->at * POOL_STEP;
}

void pool_send(struct pool_out *pool, uint32_t block, uint64_t size,
               struct pool_place *out)
{
    os_lock_take(&pool->lock);
    struct pool_piece *piece = &pool->pieces[block];
    piece->state = POOL_SENT;
    pool->lent--;
    pool->sent++;
    atomic_store_explicit(&pool->page->count, pool->taken + pool->sent,
                          memory_order_relaxed);
    *out = (struct pool_place){
        .offset = (uint64_t)piece->at * POOL_STEP, .size = size, .block = block};
    os_lock_give(&pool->lock);
}

bool pool_take_back(struct pool_out *pool, uint32_t block)
{
    free_piece(pool, (uint16_t)block);
    pool->lent--;
    pool->taken_back++;
    return atomic_load_explicit(&pool->page->sleeps, memory_order_relaxed) & 1;
}

uint32_t pool_count(struct pool_out *pool)
{
    os_lock_take(&pool->lock);
    (void)take_returned(pool);
    const uint32_t count = pool->lent + pool->sent;
    os_lock_give(&pool->lock);
    return count;
}

// The other half is pool_return; pool_take_back looks at the epoch under the lock.
bool pool_sleeps(struct pool_out *pool)
{
    const uint32_t now =
        atomic_load_explicit(&pool->page->sleeps, memory_order_relaxed);
    atomic_store(&pool->page->sleeps, now | 1);
    atomic_thread_fence(memory_order_seq_cst);
    os_lock_take(&pool->lock);
    const bool is_news = pool->taken_back != pool->seen ||
                         WHERRY_LOAD(&pool->returns->count) != pool->taken;
    os_lock_give(&pool->lock);
    return !is_news;
}

void pool_wakes(struct pool_out *pool)
{
    const uint32_t now =
        atomic_load_explicit(&pool->page->sleeps, memory_order_relaxed);
    if (now & 1)
        WHERRY_STORE(&pool->page->sleeps, now + 1);
}

/* --- borrowing ----------------------------------------------------------- */

static int check_size(int fd, uint64_t *out)
{
    uint64_t all;
    int r = sealed_check(fd, &all);
    if (r < 0)
        return r;
    const uint64_t size = all - POOL_FRONT;
    if (all < POOL_FRONT + POOL_LEAST || size > POOL_MOST || size % POOL_FRONT != 0)
        return failure(-EPROTO, "the peer lends %llu bytes of memory: they are no pool",
                       (unsigned long long)all);
    *out = size;
    return 0;
}

static int map_pool(int fd, struct pool_in *out)
{
    uint64_t size;
    void *at;
    int r = check_size(fd, &size);
    if (r >= 0)
        r = map_to_be_read(fd, POOL_FRONT + size, &at);
    if (r < 0)
        return r;
    const struct pool_page *page = at;
    if (memcmp(page->magic, magic, sizeof(magic)) != 0 ||
        page->version != POOL_VERSION || page->size != size) {
        os_unmap(at, POOL_FRONT + size);
        return failure(-EPROTO, "the peer lends memory that is no pool");
    }
    *out = (struct pool_in){
        .page = page, .data = (const uint8_t *)at + POOL_FRONT, .size = size};
    return 0;
}

int pool_attach(int fd, struct pool_in *out, int *returns)
{
    void *at;
    int r = map_pool(fd, out);
    if (r < 0)
        return r;
    r = sealed_make("wherry:returns", POOL_RETURNS_SIZE, &at, returns);
    if (r < 0) {
        os_unmap((void *)(uintptr_t)out->page, POOL_FRONT + out->size);
        return failure_plain(r, "no memory to return blocks by");
    }
    out->own = at;
    memcpy(out->own->magic, magic_of_returns, sizeof(magic));
    out->own->version = POOL_VERSION;
    return 0;
}

void pool_leave_in(struct pool_in *pool)
{
    os_unmap((void *)(uintptr_t)pool->page, POOL_FRONT + pool->size);
    if (pool->own)
        os_unmap(pool->own, POOL_RETURNS_SIZE);
    pool->page = NULL;
    pool->own = NULL;
}

int pool_receive(struct pool_in *pool, const struct pool_place *place,
                 const uint8_t **out)
{
    const bool fits = place->size <= pool->size && place->size > 0 &&
                      place->offset <= pool->size - place->size;
    if (!fits || place->offset % POOL_STEP != 0 || place->block >= POOL_BLOCKS)
        return failure(
            -EPROTO,
            "the peer lends block %llu, %llu bytes at %llu, of a pool of "
            "%llu",
            (unsigned long long)place->block, (unsigned long long)place->size,
            (unsigned long long)place->offset, (unsigned long long)pool->size);
    pool->received++;
    *out = pool->data + place->offset;
    return 0;
}

bool pool_return(struct pool_in *pool, uint32_t block)
{
    struct pool_returns *own = pool->own;
    atomic_store_explicit(&own->blocks[pool->returned % POOL_BLOCKS], block,
                          memory_order_relaxed);
    pool->returned++;
    WHERRY_STORE(&own->count, pool->returned);
    atomic_thread_fence(memory_order_seq_cst);
    const uint32_t epoch = WHERRY_LOAD(&pool->page->sleeps);
    if (!(epoch & 1) || epoch == pool->rung)
        return false;
    pool->rung = epoch;
    return true;
}
