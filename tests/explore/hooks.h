/* SPDX-License-Identifier: MIT */
/*
 * What stands before every source that is explored (-include): each look at memory that
 * may be shared, and each change of it, goes through the explorer.
 *
 * The sources are those of core/, as they are.  Of <stdatomic.h> only what the explorer
 * knows is left: whatever else one of them used would not compile.
 */
#ifndef HOOKS_H
#define HOOKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Where it stands. */
struct explore_site {
    const char *file;
    int line;
    const char *text;
};

enum explore_change {
    EXPLORE_EXCHANGE,
    EXPLORE_ADD,
    EXPLORE_SUBTRACT,
    EXPLORE_OR,
    EXPLORE_AND
};

uint64_t explore_load(const volatile void *at, size_t size,
                      const struct explore_site *site);
void explore_store(volatile void *at, size_t size, uint64_t value,
                   const struct explore_site *site);
void explore_store_released(volatile void *at, size_t size, uint64_t value,
                            const struct explore_site *site);
void explore_store_in_order(volatile void *at, size_t size, uint64_t value,
                            const struct explore_site *site);
uint64_t explore_change(volatile void *at, size_t size, enum explore_change change,
                        uint64_t value, const struct explore_site *site);
bool explore_compare_exchange(volatile void *at, size_t size, void *expected,
                              uint64_t value, const struct explore_site *site);
void explore_fence(const struct explore_site *site);
void explore_fence_stores(void);
void explore_copy(void *to, const void *from, size_t size,
                  const struct explore_site *site);

// They read as the functions they stand for.
// NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)
#define EXPLORE_SITE(text)                                                             \
    __extension__({                                                                    \
        static const struct explore_site explore_site_here = {__FILE__, __LINE__,      \
                                                              text};                   \
        &explore_site_here;                                                            \
    })

/* The type of what is there, without what makes it atomic. */
#define EXPLORE_VALUE(at) __typeof__(((void)0, *(at)))

#undef atomic_load
#undef atomic_load_explicit
#undef atomic_store
#undef atomic_store_explicit
#undef atomic_exchange
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_strong
#undef atomic_compare_exchange_strong_explicit
#undef atomic_compare_exchange_weak
#undef atomic_compare_exchange_weak_explicit
#undef atomic_fetch_add
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub
#undef atomic_fetch_sub_explicit
#undef atomic_fetch_or
#undef atomic_fetch_or_explicit
#undef atomic_fetch_xor
#undef atomic_fetch_xor_explicit
#undef atomic_fetch_and
#undef atomic_fetch_and_explicit
#undef atomic_flag_test_and_set
#undef atomic_flag_test_and_set_explicit
#undef atomic_flag_clear
#undef atomic_flag_clear_explicit
#undef atomic_thread_fence
#undef atomic_signal_fence

#define atomic_load(at)                                                                \
    ((EXPLORE_VALUE(at))explore_load((at), sizeof(*(at)), EXPLORE_SITE(#at)))
#define atomic_load_explicit(at, order) atomic_load(at)

#define atomic_store(at, value)                                                        \
    explore_store_in_order((at), sizeof(*(at)), (uint64_t)(value), EXPLORE_SITE(#at))
#define atomic_store_explicit(at, value, order)                                        \
    ((order) == memory_order_seq_cst   ? explore_store_in_order                        \
     : (order) == memory_order_relaxed ? explore_store                                 \
                                       : explore_store_released)(                      \
        (at), sizeof(*(at)), (uint64_t)(value), EXPLORE_SITE(#at))

#define EXPLORE_CHANGE(at, change, value)                                              \
    ((EXPLORE_VALUE(at))explore_change((at), sizeof(*(at)), (change),                  \
                                       (uint64_t)(value), EXPLORE_SITE(#at)))
#define atomic_exchange(at, value) EXPLORE_CHANGE(at, EXPLORE_EXCHANGE, value)
#define atomic_exchange_explicit(at, value, order) atomic_exchange(at, value)
#define atomic_fetch_add(at, value) EXPLORE_CHANGE(at, EXPLORE_ADD, value)
#define atomic_fetch_sub(at, value) EXPLORE_CHANGE(at, EXPLORE_SUBTRACT, value)
#define atomic_fetch_or(at, value) EXPLORE_CHANGE(at, EXPLORE_OR, value)
#define atomic_fetch_and(at, value) EXPLORE_CHANGE(at, EXPLORE_AND, value)
#define atomic_compare_exchange_strong(at, expected, value)                            \
    explore_compare_exchange((at), sizeof(*(at)), (expected), (uint64_t)(value),       \
                             EXPLORE_SITE(#at))
#define atomic_compare_exchange_weak(at, expected, value)                              \
    atomic_compare_exchange_strong(at, expected, value)

#define atomic_thread_fence(order)                                                     \
    ((order) == memory_order_seq_cst                                                   \
         ? explore_fence(EXPLORE_SITE("a full fence"))                                 \
         : ((order) == memory_order_acquire ? (void)0 : explore_fence_stores()))
#define atomic_signal_fence(order) ((void)(order))

#undef memcpy
#define memcpy(to, from, size) explore_copy((to), (from), (size), EXPLORE_SITE(#to))

/* What the system would do, each time another thing: memory.c, and for what is told of
 * processes, FIFOs and descriptors system.c. */
#define wherry_now explore_now
#define os_processor explore_processor
#define os_barrier_pass explore_barrier_pass
#define os_lock_wait explore_lock_wait
#define os_lock_wake explore_lock_wake
#define os_yield explore_yield
#define sealed_make explore_sealed_make
#define os_self explore_self
#define os_life_look explore_life_look
#define os_life_open explore_life_open
#define os_life_has_ended explore_life_has_ended
#define os_make_fifo explore_make_fifo
#define os_open_fifo explore_open_fifo
#define os_remove_fifo explore_remove_fifo
#define os_directory_path explore_directory_path
#define os_read explore_read
#define os_write explore_write
#define os_release explore_release
#define os_close explore_close
#define os_watch_new explore_watch_new
#define os_watch_add explore_watch_add
#define os_watch_remove explore_watch_remove
#define os_watch_ready explore_watch_ready
#define os_timer_new explore_timer_new
#define os_timer_set explore_timer_set
// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)

#endif
