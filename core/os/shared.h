/* SPDX-License-Identifier: MIT */
/*
 * Reading what another process may change at any moment.
 *
 * Each shared word is read once, into a local that is checked and then used: what is
 * read twice could have been two things.  Where a fuzzer is to find that out it is the
 * other process, and rewrites the memory before every such read (tests/fuzz).
 *
 * Part of os.h, which others include.
 */
#ifndef OS_SHARED_H
#define OS_SHARED_H

#include <stdatomic.h>
#include <stdint.h>

// They read as the functions they stand for.
// NOLINTBEGIN(readability-identifier-naming)
#ifdef WHERRY_FUZZ_SHARED
void shared_rewrite(void);
#define WHERRY_LOAD(at)                                                                \
    (shared_rewrite(), atomic_load_explicit(at, memory_order_acquire))
#else
#define WHERRY_LOAD(at) atomic_load_explicit(at, memory_order_acquire)
#endif

/* Of words that this process alone writes, for others to see. */
#define WHERRY_STORE(at, value) atomic_store_explicit(at, value, memory_order_release)
// NOLINTEND(readability-identifier-naming)

#endif
