/* SPDX-License-Identifier: MIT */
/*
 * local: - pools that live as long as their messages.
 *
 * A child of fork(2) has a copy of what is known of a pool, but neither its parent's
 * loans nor the page that blocks are returned by: it only counts.  What was received in
 * place it can go on reading.  It has one thread, and perhaps locks that others held.
 */
#include <errno.h>
#include <stdlib.h>

#include "transport/local.h"

static bool is_ours(const atomic_uint *life)
{
    return atomic_load_explicit(life, memory_order_relaxed) == 1;
}

static int begin_life(atomic_uint **life)
{
    int r = os_fork_word_new(life);
    if (r >= 0)
        atomic_store(*life, 1);
    return r;
}

/* --- ours ---------------------------------------------------------------- */

static void end_pool(struct local_pool *pool)
{
    if (is_ours(pool->life))
        pool_leave_out(&pool->pool);
    os_fork_word_free(pool->life);
    os_close(pool->file);
    os_close(pool->bell);
    os_close(pool->watch);
    free(pool);
}

// From any thread.  It is rung before anybody else can be the last.
static bool come_back(struct local_pool *pool, uint32_t block)
{
    os_lock_take(&pool->pool.lock);
    if (pool_take_back(&pool->pool, block))
        os_bell_ring(pool->bell);
    const bool is_last = pool->is_left && pool->pool.lent == 0;
    os_lock_give(&pool->pool.lock);
    return is_last;
}

static void take_back_loan(struct message_lender *lender, const wherry_message *message)
{
    struct local_pool *pool = (struct local_pool *)(void *)lender;
    const bool is_last = is_ours(pool->life) ? come_back(pool, message->block)
                                             : --pool->pool.lent == 0 && pool->is_left;
    if (is_last)
        end_pool(pool);
}

// Of the other end's bell we have one end alone: so its death is seen there.
static int make_watch(struct local_pool *pool, int room)
{
    pool->bell = os_bell_new();
    pool->watch = pool->bell < 0 ? -1 : os_watch_new();
    int r = pool->bell < 0 ? pool->bell : pool->watch;
    if (r >= 0)
        r = os_watch_add(pool->watch, pool->bell, os_wait_in);
    if (r >= 0)
        r = os_watch_add(pool->watch, room, os_wait_in);
    return r;
}

int local_pool_new(uint64_t size, int room, struct local_pool **out)
{
    struct local_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return failure_plain(-ENOMEM, "no memory for a pool");
    int r = make_watch(pool, room);
    if (r >= 0)
        r = begin_life(&pool->life);
    if (r >= 0)
        r = pool_make(size, &pool->pool, &pool->file);
    if (r < 0) {
        os_close(pool->bell);
        os_close(pool->watch);
        os_fork_word_free(pool->life);
        free(pool);
        return r;
    }
    pool->lender.take_back = take_back_loan;
    *out = pool;
    return 0;
}

void local_pool_leave(struct local_pool *pool)
{
    if (!pool)
        return;
    const bool locks = is_ours(pool->life);
    if (locks)
        os_lock_take(&pool->pool.lock);
    pool->is_left = true;
    const bool is_last = pool->pool.lent == 0;
    if (locks)
        os_lock_give(&pool->pool.lock);
    if (is_last)
        end_pool(pool);
}

int local_pool_lend(struct local_pool *pool, struct message_store *store, size_t size,
                    wherry_message **out)
{
    wherry_message *message;
    uint32_t block;
    uint64_t room;
    int r = pool_lend(&pool->pool, size, &block);
    if (r == 0)
        r = size <= pool->pool.size && pool->pool.sent > 0 ? -EAGAIN : -ENOTSUP;
    if (r < 0)
        return r;
    r = message_store_take(store, WHERRY_OUT, 0, &message);
    if (r < 0) {
        (void)come_back(pool, block);
        return r;
    }
    message->data = pool_data(&pool->pool, block, &room);
    message->size = size;
    message->capacity = (size_t)room;
    message->lender = &pool->lender;
    message->block = block;
    *out = message;
    return 0;
}

void local_pool_send(struct local_pool *pool, wherry_message *message,
                     struct pool_place *out)
{
    pool_send(&pool->pool, message->block, message->size, out);
    message->lender = NULL;
}

/* --- theirs -------------------------------------------------------------- */

static void end_far_pool(struct local_far_pool *pool)
{
    if (!is_ours(pool->life))
        pool->pool.own = NULL;
    pool_leave_in(&pool->pool);
    os_fork_word_free(pool->life);
    os_close(pool->file);
    os_close(pool->bell);
    free(pool);
}

static bool is_last_borrowed(const struct local_far_pool *pool)
{
    return pool->is_left && pool->pool.returned == pool->pool.received;
}

// From any thread.
static bool go_back(struct local_far_pool *pool, uint32_t block)
{
    os_lock_take(&pool->pool.lock);
    if (pool_return(&pool->pool, block))
        os_far_bell_ring(pool->bell);
    const bool is_last = is_last_borrowed(pool);
    os_lock_give(&pool->pool.lock);
    return is_last;
}

static bool count_in_child(struct local_far_pool *pool)
{
    pool->pool.returned++;
    return is_last_borrowed(pool);
}

static void give_back(struct message_lender *lender, const wherry_message *message)
{
    struct local_far_pool *pool = (struct local_far_pool *)(void *)lender;
    const bool is_last =
        is_ours(pool->life) ? go_back(pool, message->block) : count_in_child(pool);
    if (is_last)
        end_far_pool(pool);
}

int local_far_pool_new(int file, int bell, struct local_far_pool **out)
{
    struct local_far_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return failure_plain(-ENOMEM, "no memory for a pool");
    pool->bell = os_duplicate(bell);
    int r = pool->bell < 0 ? pool->bell : begin_life(&pool->life);
    if (r >= 0)
        r = pool_attach(file, &pool->pool, &pool->file);
    if (r < 0) {
        os_close(pool->bell);
        os_fork_word_free(pool->life);
        free(pool);
        return r;
    }
    pool->lender.take_back = give_back;
    *out = pool;
    return 0;
}

void local_far_pool_leave(struct local_far_pool *pool)
{
    if (!pool)
        return;
    const bool locks = is_ours(pool->life);
    if (locks)
        os_lock_take(&pool->pool.lock);
    pool->is_left = true;
    const bool is_last = is_last_borrowed(pool);
    if (locks)
        os_lock_give(&pool->pool.lock);
    if (is_last)
        end_far_pool(pool);
}

int local_far_pool_borrow(struct local_far_pool *pool, struct message_store *store,
                          const struct pool_place *place, wherry_message **out)
{
    wherry_message *message;
    const uint8_t *bytes;
    int r = message_store_take(store, WHERRY_IN, 0, &message);
    if (r < 0)
        return r;
    r = pool_receive(&pool->pool, place, &bytes);
    if (r < 0) {
        wherry_message_free(message);
        return r;
    }
    message->data = (uint8_t *)(uintptr_t)bytes;
    message->size = (size_t)place->size;
    message->capacity = 0;
    message->lender = &pool->lender;
    message->block = (uint32_t)place->block;
    *out = message;
    return 0;
}

bool local_far_pool_is_out(struct local_far_pool *pool)
{
    os_lock_take(&pool->pool.lock);
    const bool is_out = pool->pool.returned != pool->pool.received;
    os_lock_give(&pool->pool.lock);
    return is_out;
}
