/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of one mechanism: open two ends, say a text, hear it.
 *
 * Every wait ends by itself; what goes wrong ends the test with the sentence of it.
 */
#ifndef TALK_H
#define TALK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"

enum { HEARD = 256 };

static inline wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(HARNESS_PATIENCE));
}

/* Long enough to see that something waits, too short to be noticed. */
static inline wherry_deadline at_once(void)
{
    return wherry_after(20);
}

#define WORKS(call)                                                                    \
    do {                                                                               \
        long long result_of_call = (call);                                             \
        if (result_of_call < 0)                                                        \
            FAIL("%s: %s (%s)", #call, harness_errno_name((int)result_of_call),        \
                 wherry_error_text());                                                 \
    } while (0)

/* Fails with that error, and a sentence that contains `part`. */
#define FAILS(call, error, part)                                                       \
    do {                                                                               \
        CHECK_ERROR(call, error);                                                      \
        CHECK_CONTAINS(wherry_error_text(), part);                                     \
    } while (0)

static inline void say(wherry_channel *channel, const char *text)
{
    WORKS(wherry_write(channel, text, strlen(text), 0, 0, soon()));
}

static inline void hear(wherry_channel *channel, const char *text)
{
    char heard[HEARD] = "";
    int ended = 0;
    int64_t size = wherry_read(channel, heard, sizeof(heard) - 1, NULL, &ended, soon());
    WORKS(size);
    if (ended)
        FAIL("the channel ended before \"%s\"", text);
    CHECK_STRING(heard, text);
}

static inline void hear_end(wherry_channel *channel)
{
    char heard[HEARD];
    int ended = 0;
    WORKS(wherry_read(channel, heard, sizeof(heard), NULL, &ended, soon()));
    CHECK_INT(ended, 1);
}

static inline void hear_nothing(wherry_channel *channel)
{
    char heard[HEARD];
    CHECK_ERROR(wherry_read(channel, heard, sizeof(heard), NULL, NULL, WHERRY_POLL),
                -EAGAIN);
}

/* "scheme:/directory/of/the/test/rest", valid until the next eight calls. */
static inline const char *address_in_directory(const char *scheme, const char *rest)
{
    static char texts[8][512];
    static unsigned next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof(texts[0]), "%s:%s/%s", scheme, harness_directory(), rest);
    return text;
}

struct two {
    wherry_listener *listener;
    wherry_channel *dialled;
    wherry_channel *accepted;
};

/* Listens, dials what that shows, accepts. */
static inline struct two open_two(const char *address)
{
    struct two two = {0};
    WORKS(wherry_listen(address, &two.listener));
    WORKS(wherry_dial(wherry_listener_address(two.listener), soon(), &two.dialled));
    WORKS(wherry_accept(two.listener, soon(), &two.accepted));
    return two;
}

static inline void close_two(struct two *two)
{
    wherry_close(two->dialled);
    wherry_close(two->accepted);
    wherry_close_listener(two->listener);
}

static inline struct wherry_channel_info info_of(wherry_channel *channel)
{
    struct wherry_channel_info info;
    WORKS(wherry_describe(channel, &info, sizeof(info)));
    return info;
}

/* read(2) until `size` bytes or the end, whatever signals come. */
static inline ssize_t read_on(int fd, void *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(fd, (char *)bytes + done, size - done);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

static inline bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

#endif
