/* SPDX-License-Identifier: MIT */
/*
 * A byte queue in one piece of memory.
 *
 * What it holds is moved to the front only when more bytes have left than are moved,
 * and grows at least twofold otherwise: any run of calls costs time in proportion to
 * the bytes that went through.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum { LEAST_CAPACITY = 64 };

// A large one begins with a page, as what its bytes are copied to does.
static uint8_t *allocate(size_t *capacity)
{
    if (*capacity < COPY_PAGE)
        return malloc(*capacity);
    *capacity += (COPY_PAGE - *capacity % COPY_PAGE) % COPY_PAGE;
    return aligned_alloc(COPY_PAGE, *capacity);
}

static int buffer_grow(struct buffer *buffer, size_t needed)
{
    size_t capacity =
        buffer->capacity > LEAST_CAPACITY / 2 ? buffer->capacity * 2 : LEAST_CAPACITY;
    // Doubling a capacity that exists cannot wrap: malloc gives no more than
    // PTRDIFF_MAX.
    if (capacity < needed)
        capacity = needed;
    uint8_t *bytes = allocate(&capacity);
    if (!bytes)
        return -ENOMEM;
    if (buffer->size)
        memcpy(bytes, buffer->bytes + buffer->start, buffer->size);
    free(buffer->bytes);
    *buffer =
        (struct buffer){.bytes = bytes, .size = buffer->size, .capacity = capacity};
    return 0;
}

int buffer_make_room(struct buffer *buffer, size_t more)
{
    size_t needed;
    if (__builtin_add_overflow(buffer->size, more, &needed) || needed > PTRDIFF_MAX)
        return -ENOMEM;
    if (needed > buffer->capacity || buffer->start < buffer->size)
        return buffer_grow(buffer, needed);
    memmove(buffer->bytes, buffer->bytes + buffer->start, buffer->size);
    buffer->start = 0;
    return 0;
}

void buffer_consume(struct buffer *buffer, size_t size)
{
    if (size < buffer->size) {
        buffer->start += size;
        buffer->size -= size;
    } else {
        buffer->start = 0;
        buffer->size = 0;
    }
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
