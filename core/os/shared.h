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
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* Copies to where others read, or from where another writes, at the same moment.
 * Whether what came is whole is found out afterwards, in another way.  The thread
 * sanitizer takes such a meeting for a mistake: for it the bytes go one by one. */
#if defined(__SANITIZE_THREAD__)
#define OS_COPIES_BYTES
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OS_COPIES_BYTES
#endif
#endif

static inline void os_copy_meeting(void *to, const void *from, size_t size)
{
#ifdef OS_COPIES_BYTES
    const atomic_uchar *in = from;
    atomic_uchar *out = to;
    for (size_t i = 0; i < size; i++)
        atomic_store_explicit(&out[i],
                              atomic_load_explicit(&in[i], memory_order_relaxed),
                              memory_order_relaxed);
#else
    if (size > 0)
        memcpy(to, from, size);
#endif
}

#endif
