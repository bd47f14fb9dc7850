/* SPDX-License-Identifier: MIT */
/*
 * One sending and one receiving thread on each end at the same time, as the manual
 * allows, while others describe; under the thread sanitizer too.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "bytes.h"

enum { FAST_COUNT = 100000, SLOW_COUNT = 3000, SIZE = 32 };

static unsigned count_of(void)
{
    return row_is_thorough() ? FAST_COUNT : SLOW_COUNT;
}

struct lane {
    wherry_channel *channel;
    unsigned count;
    atomic_bool *is_over;
};

static void *send_lane(void *argument)
{
    struct lane *lane = argument;
    char bytes[SIZE];
    const size_t size = size_there(lane->channel, SIZE);
    for (unsigned i = 0; i < lane->count; i++) {
        unsigned flags = i % 7 && i + 1 < lane->count ? WHERRY_MORE : 0;
        memset(bytes, 'a' + (int)(i % 26), sizeof bytes);
        CHECK_INT(wherry_write(lane->channel, bytes, size, 0, flags, soon()), 0);
    }
    return NULL;
}

static void *receive_lane(void *argument)
{
    struct lane *lane = argument;
    const size_t size = size_there(lane->channel, SIZE);
    for (unsigned i = 0; i < lane->count; i++) {
        wherry_message *message;
        int r = wherry_recv(lane->channel, &message, soon());
        if (r != 1)
            FAIL("message %u: %s: %s", i, harness_errno_name(r), wherry_error_text());
        const char *bytes = wherry_message_data(message);
        CHECK_INT(wherry_message_size(message), size);
        CHECK_INT(bytes[0], 'a' + i % 26);
        CHECK_INT(bytes[size - 1], 'a' + i % 26);
        wherry_message_free(message);
    }
    return NULL;
}

static void *describe_lane(void *argument)
{
    struct lane *lane = argument;
    uint64_t before = 0;
    while (!atomic_load(lane->is_over)) {
        struct wherry_channel_info info = channel_info(lane->channel);
        CHECK(info.sent_messages >= before);
        before = info.sent_messages;
    }
    return NULL;
}

static pthread_t start(void *(*run)(void *), struct lane *lane)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, run, lane), 0);
    return thread;
}

static void open_both_ways(const struct row *row, struct ends *ends)
{
    ends_open(row, NULL, ends);
    ends_need(ends, WHERRY_ABLE_DUPLEX);
    ends_need_messages(ends);
    if (channel_info(ends->receiver).abilities & WHERRY_ABLE_CONNECTIONLESS)
        SKIP("an answer needs to=");
}

ROW_TEST(both_ends_send_and_receive_at_once)
{
    struct ends ends;
    open_both_ways(row, &ends);
    struct lane one = {ends.sender, count_of(), NULL};
    struct lane other = {ends.receiver, count_of(), NULL};
    pthread_t threads[] = {start(send_lane, &one), start(send_lane, &other),
                           start(receive_lane, &one), start(receive_lane, &other)};
    for (int i = 0; i < 4; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(channel_info(ends.sender).sent_messages, count_of());
    CHECK_INT(channel_info(ends.sender).received_messages, count_of());
    ends_close(&ends);
}

ROW_TEST(one_thread_sends_while_another_receives)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    if (ends_can(&ends, WHERRY_ABLE_LOSS))
        SKIP("it may lose what nobody waits for");
    struct lane one = {ends.sender, count_of() / 5, NULL};
    struct lane other = {ends.receiver, count_of() / 5, NULL};
    pthread_t sending = start(send_lane, &one), receiving = start(receive_lane, &other);
    CHECK_INT(pthread_join(sending, NULL), 0);
    CHECK_INT(pthread_join(receiving, NULL), 0);
    ends_close(&ends);
}

ROW_TEST(anybody_may_describe_meanwhile)
{
    struct ends ends;
    atomic_bool is_over = false;
    open_both_ways(row, &ends);
    unsigned count = count_of() / 20;
    struct lane one = {ends.sender, count, &is_over};
    struct lane other = {ends.receiver, count, &is_over};
    pthread_t looking[] = {start(describe_lane, &one), start(describe_lane, &other)};
    pthread_t threads[] = {start(send_lane, &one), start(send_lane, &other),
                           start(receive_lane, &one), start(receive_lane, &other)};
    for (int i = 0; i < 4; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(looking[i], NULL), 0);
    ends_close(&ends);
}

// --- drain beside recv ---

enum { BATCH = 16 };

static void *send_and_drain(void *argument)
{
    struct lane *lane = argument;
    char bytes[SIZE];
    for (unsigned i = 0; i < lane->count; i++) {
        memset(bytes, 'a' + (int)(i % 26), sizeof bytes);
        CHECK_INT(wherry_write(lane->channel, bytes, SIZE, 0, 0, soon()), 0);
        if (i % BATCH == BATCH - 1)
            CHECK_INT(wherry_drain(lane->channel, soon()), 0);
    }
    CHECK_INT(wherry_drain(lane->channel, soon()), 0);
    return NULL;
}

// Goes on until the peer finishes, so that every drain of its has somebody to answer.
static void *receive_to_the_end(void *argument)
{
    struct lane *lane = argument;
    receive_lane(lane);
    end_receive(lane->channel);
    return NULL;
}

ROW_TEST(one_thread_drains_while_another_receives)
{
    struct ends ends;
    open_both_ways(row, &ends);
    ends_need(&ends, WHERRY_ABLE_DRAIN);
    unsigned count = count_of() / 10 / BATCH * BATCH;
    struct lane one = {ends.sender, count, NULL};
    struct lane other = {ends.receiver, count, NULL};
    pthread_t sending[] = {start(send_and_drain, &one), start(send_and_drain, &other)};
    pthread_t receiving[] = {start(receive_to_the_end, &one),
                             start(receive_to_the_end, &other)};
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(sending[i], NULL), 0);
    CHECK_OK(wherry_finish(ends.sender));
    CHECK_OK(wherry_finish(ends.receiver));
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_join(receiving[i], NULL), 0);
    ends_close(&ends);
}

// --- messages of another thread ---

static void *free_message(void *message)
{
    wherry_message_free(message);
    return NULL;
}

ROW_TEST(a_message_may_be_freed_on_any_thread)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    for (unsigned i = 0; i < 20; i++) {
        wherry_message *message;
        pthread_t thread;
        bytes_send(ends.sender, 3000, i, 0);
        CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
        CHECK_INT(pthread_create(&thread, NULL, free_message, message), 0);
        CHECK_INT(pthread_join(thread, NULL), 0);
        if (!ends_keep_messages(&ends)) // what is left of it
            while (wherry_recv(ends.receiver, &message, WHERRY_POLL) == 1)
                wherry_message_free(message);
    }
    ends_close(&ends);
}

ROW_TEST(a_message_may_outlive_its_channel)
{
    struct ends ends;
    wherry_message *message;
    ends_open(row, NULL, &ends);
    size_t size = size_there(ends.sender, 12);
    bytes_send(ends.sender, 12, 1, 0);
    CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
    ends_close(&ends);
    bytes_check(wherry_message_data(message), size, 1);
    wherry_message_free(message);
}
