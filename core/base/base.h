/* SPDX-License-Identifier: MIT */
/*
 * base: errors and their sentences, byte buffers, deadlines.
 *
 * Knows nothing of processes, of the system or of IPC; every other layer may use it.
 */
#ifndef BASE_H
#define BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <wherry/deadline.h>

/* Before a function that is seldom called from one that often is: what it needs of the
 * stack and of registers is not set up there. */
#define APART __attribute__((noinline, cold))

/* --- error.c: the sentence of this thread's last failure ---------------------------
 */

enum { FAILURE_TEXT = 512 };

/* Keeps the sentence (printf(3) format) for wherry_error_text() and returns `error`, a
 * negative errno.  Control bytes that come from outside are shown as \xHH. */
// They read as the functions they stand for.
// NOLINTBEGIN(readability-identifier-naming)
#define failure(error, ...) failure_is((error), failure_keep(__VA_ARGS__))

int failure_keep(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* In sight of the compiler, which so learns that a failure returns what it was given.
 */
static inline int failure_is(int error, int kept)
{
    (void)kept;
    return error;
}

/* Keeps "CONTEXT: what the errno means" and returns `error`. */
#define failure_plain(error, context)                                                  \
    failure_is((error), failure_words((error), (context)))

int failure_words(int error, const char *context);

/* Puts "PREFIX: " before the sentence that stands, and returns `error`. */
#define failure_prefix(error, ...)                                                     \
    failure_is((error), failure_before((error), __VA_ARGS__))

// NOLINTEND(readability-identifier-naming)

int failure_before(int error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The sentence, put aside while what failed is cleared away. */
struct failure_aside {
    char text[FAILURE_TEXT];
};

void failure_put_aside(struct failure_aside *);
void failure_bring_back(const struct failure_aside *);

/* What an errno means, in words; never NULL, works for any number. */
const char *error_words(int error);

/* --- deadline.c ---------------------------------------------------------------------
 */

/* `now` + `nanoseconds`, never past WHERRY_FOREVER, never WHERRY_POLL. */
wherry_deadline deadline_add(wherry_deadline now, int64_t nanoseconds);

/* The sooner of two. */
wherry_deadline deadline_sooner(wherry_deadline a, wherry_deadline b);

/* One before the clock began has passed, as any other: what the system takes for one.
 */
wherry_deadline deadline_sound(wherry_deadline deadline);

/* --- copies --------------------------------------------------------------------------
 * Some processors take several times as long to copy to a place that is a few bytes
 * behind where they read, modulo a page (4 KiB aliasing).  The kernel's buffers begin
 * with a page: so it matters where in its page a large one of ours begins.
 */

enum {
    COPY_PAGE = 4096,
    COPY_STEP = 32,    /* so far behind, or further, is no harm */
    COPY_LARGE = 8192, /* bytes from which it is worth anything */
    COPY_LONG = 2048   /* bytes from which C libraries copy in another way */
};

/* --- copy.c: memcpy(3) between memory of one's own and memory that is shared
 * ---------- Some C libraries hand a long copy to one instruction (`rep movsb`).  For a
 * message that fits into a record that is quickest.  For the parts of a larger one,
 * which come from or go to memory that no cache holds, a plain loop moves up to twice
 * as much.  Which is which: `wherry bench --peers local: --way round --way push`, 64
 * KiB and 8 MiB.
 */
void copy_lines(void *to, const void *from, size_t size);

static inline void copy_shared(void *to, const void *from, size_t size, bool is_part)
{
    if (is_part && size > COPY_LONG)
        copy_lines(to, from, size);
    else if (size > 0)
        memcpy(to, from, size);
}

/* --- buffer.c: bytes that come in at the back and leave at the front -----------------
 */

/* `bytes + start` holds `size` bytes; all zero is an empty one. */
struct buffer {
    uint8_t *bytes;
    size_t start;
    size_t size;
    size_t capacity;
};

/* Drops `size` bytes (at most what there is) from the front. */
void buffer_consume(struct buffer *, size_t size);

/* The front, the back, and the room behind it. */
static inline uint8_t *buffer_front(const struct buffer *buffer)
{
    return buffer->bytes + buffer->start;
}

static inline uint8_t *buffer_back(const struct buffer *buffer)
{
    return buffer->bytes + buffer->start + buffer->size;
}

static inline size_t buffer_room(const struct buffer *buffer)
{
    return buffer->capacity - buffer->start - buffer->size;
}

/* What buffer_reserve() does where the room is not there yet. */
int buffer_make_room(struct buffer *, size_t more);

/* Moves or grows it until `more` bytes have room at the back, to be written there and
 * added to `size`.  Errors: -ENOMEM, the buffer is as before. */
static inline int buffer_reserve(struct buffer *buffer, size_t more)
{
    return buffer_room(buffer) >= more ? 0 : buffer_make_room(buffer, more);
}

/* Frees its memory; empty and usable again. */
void buffer_release(struct buffer *);

#endif
