/* SPDX-License-Identifier: MIT */
/*
 * What the kernel wrote by a call that the memory sanitizer does not look into: it is
 * told.  Of other builds this is nothing.
 */
#ifndef OS_WRITTEN_H
#define OS_WRITTEN_H

#include <stddef.h>
#include <sys/uio.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define OS_TELLS_WHAT_WAS_WRITTEN
#endif
#endif

static inline void os_was_written(const void *bytes, size_t size)
{
#ifdef OS_TELLS_WHAT_WAS_WRITTEN
    __msan_unpoison(bytes, size);
#else
    (void)bytes, (void)size;
#endif
}

/* The first `size` bytes of them all. */
static inline void os_were_written(const struct iovec *vector, size_t count,
                                   size_t size)
{
    for (size_t i = 0; i < count && size > 0; i++) {
        const size_t here = vector[i].iov_len < size ? vector[i].iov_len : size;
        os_was_written(vector[i].iov_base, here);
        size -= here;
    }
}

#endif
