/* SPDX-License-Identifier: MIT */
/*
 * Writers and readers of a queue as threads of one process, each with a handle of its
 * own: what processes do to each other is then seen by the thread sanitizer, for they
 * have one mapping of its memory (one_mapping.h).
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "one_mapping.h"
#include "queue_talk.h"

enum { WRITERS = 3, READERS = 3, EACH = 1500, EACH_SLOWLY = 300, LAST = 99 };

#define ADDRESS "queue:boat?maxsize=16&bytes=8K"

/* What all of them share. */
struct crowd {
    unsigned each;
    atomic_uint *seen; // how often each message came
    atomic_bool is_over;
};

struct one {
    struct crowd *crowd;
    wherry_channel *channel;
    unsigned number;
    pthread_t thread;
};

struct said {
    unsigned writer;
    unsigned number;
};

static wherry_deadline late(void)
{
    return wherry_after(harness_stretch(4 * HARNESS_PATIENCE));
}

// Most lie in a slot, some take blocks.
static size_t size_of(unsigned number)
{
    return number % 10 == 0 ? 3000 : sizeof(struct said) + number % 80;
}

static void *write_all(void *argument)
{
    const struct one *one = argument;
    for (unsigned i = 0; i < one->crowd->each; i++) {
        char bytes[3000];
        const struct said said = {one->number, i};
        memset(bytes, (int)(i % 251), sizeof(bytes));
        memcpy(bytes, &said, sizeof(said));
        WORKS(wherry_write(one->channel, bytes, size_of(i), i % 3,
                           i % 4 == 1 ? WHERRY_MORE : 0, late()));
    }
    return NULL;
}

static void check(const struct one *one, const wherry_message *message)
{
    struct said said;
    const unsigned char *bytes = wherry_message_data(message);
    const size_t size = wherry_message_size(message);
    CHECK(size >= sizeof(said));
    memcpy(&said, bytes, sizeof(said));
    CHECK_RANGE(said.writer, 0, WRITERS - 1);
    CHECK_RANGE(said.number, 0, one->crowd->each - 1);
    CHECK_INT(size, size_of(said.number));
    for (size_t i = sizeof(said); i < size; i++)
        CHECK_INT(bytes[i], said.number % 251);
    atomic_fetch_add(&one->crowd->seen[said.writer * one->crowd->each + said.number],
                     1);
}

// Whether it was the last that this reader gets.
static bool take_one(const struct one *one, int64_t kind, wherry_deadline deadline,
                     int *result)
{
    wherry_message *message = NULL;
    bool is_last = false;
    *result = wherry_recv_kind(one->channel, kind, &message, deadline);
    if (*result < 0)
        return false;
    is_last = wherry_message_kind(message) == LAST;
    if (!is_last)
        check(one, message);
    wherry_message_free(message);
    return is_last;
}

// One by any kind, the next by the lowest.
static void *read_all(void *argument)
{
    const struct one *one = argument;
    bool is_over = false;
    int r = 0;
    while (!is_over) {
        is_over = take_one(one, one->number % 2 ? -LAST : 0, late(), &r);
        WORKS(r);
    }
    return NULL;
}

static void *poll_for_all(void *argument)
{
    const struct one *one = argument;
    wherry_native fd;
    short events;
    bool is_over = false;
    WORKS(wherry_fd(one->channel, WHERRY_IN, &fd, &events));
    while (!is_over) {
        struct pollfd wait = {.fd = fd, .events = events};
        int r = poll(&wait, 1, harness_stretch(4 * HARNESS_PATIENCE));
        if (r == 0)
            FAIL("it was not told for long");
        is_over = take_one(one, 0, WHERRY_POLL, &r);
        CHECK(r == 1 || r == -EAGAIN);
    }
    return NULL;
}

static void *look_on(void *argument)
{
    const struct one *one = argument;
    for (size_t i = 0; !atomic_load(&one->crowd->is_over); i++) {
        struct wherry_channel_info info;
        int64_t kind;
        const size_t size = offsetof(struct wherry_channel_info, holder_count);
        CHECK_INT(wherry_describe(one->channel, &info, size), 0);
        CHECK(info.waiting_messages <= info.waiting_most);
        const int64_t r = wherry_peek(one->channel, i % 4, &kind);
        CHECK(r >= 0 || r == -EAGAIN);
    }
    return NULL;
}

static void start(struct one *one, void *(*run)(void *))
{
    CHECK_INT(pthread_create(&one->thread, NULL, run, one), 0);
}

static void end(struct one *one)
{
    CHECK_INT(pthread_join(one->thread, NULL), 0);
    wherry_close(one->channel);
}

static void check_seen(const struct crowd *crowd)
{
    for (unsigned i = 0; i < WRITERS * crowd->each; i++)
        CHECK_INT(atomic_load(&crowd->seen[i]), 1);
}

static void cross(void *(*read)(void *))
{
    struct crowd crowd = {.each = harness_is_slow() ? EACH_SLOWLY : EACH};
    struct one writers[WRITERS], readers[READERS];
    crowd.seen = calloc((size_t)WRITERS * crowd.each, sizeof(*crowd.seen));
    CHECK(crowd.seen);
    struct one looker = {&crowd, writer(ADDRESS), 0, 0};
    start(&looker, look_on);
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct one){&crowd, reader("queue:boat"), i, 0};
        start(&readers[i], read);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct one){&crowd, writer("queue:boat"), i, 0};
        start(&writers[i], write_all);
    }
    CHECK(one_mapping_shared() == WRITERS + READERS);
    for (int i = 0; i < WRITERS; i++)
        end(&writers[i]);
    for (int i = 0; i < READERS; i++)
        WORKS(wherry_write(looker.channel, "", 0, LAST, 0, late()));
    for (int i = 0; i < READERS; i++)
        end(&readers[i]);
    atomic_store(&crowd.is_over, true);
    end(&looker);
    check_seen(&crowd);
    free(crowd.seen);
    WORKS(wherry_remove("queue:boat"));
}

TEST(threads_with_handles_of_their_own_put_and_take)
{
    cross(read_all);
}

TEST(threads_with_handles_of_their_own_poll)
{
    cross(poll_for_all);
}
