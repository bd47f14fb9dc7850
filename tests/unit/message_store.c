/* SPDX-License-Identifier: MIT */
/*
 * The store of a channel's messages: what is used again, what is given back, and who
 * frees it.
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include <wherry/channel.h>

#include "message/message.h"

static struct message_store *new_store(void)
{
    struct message_store *store = NULL;
    CHECK_OK(message_store_new(&store));
    return store;
}

static wherry_message *take(struct message_store *store, enum wherry_direction side,
                            size_t size)
{
    wherry_message *message = NULL;
    CHECK_OK(message_store_take(store, side, size, &message));
    CHECK_INT(wherry_message_size(message), size);
    memset(wherry_message_data(message), 'x', size);
    return message;
}

TEST(a_freed_message_is_used_again_and_is_like_new)
{
    struct message_store *store = new_store();
    wherry_message *first = take(store, WHERRY_IN, 64);
    CHECK_OK(wherry_message_set_kind(first, 7));
    CHECK_OK(wherry_message_set_to(first, "udp:127.0.0.1:4000"));
    CHECK_OK(wherry_message_resize(first, 100000));
    wherry_message_free(first);
    wherry_message *second = take(store, WHERRY_IN, 64);
    CHECK(second == first);
    CHECK_INT(wherry_message_kind(second), 0);
    CHECK_INT(second->route->to_size, 0);
    wherry_message_free(second);
    message_store_leave(store);
}

TEST(what_the_sender_puts_back_it_takes_again)
{
    struct message_store *store = new_store();
    wherry_message *message = take(store, WHERRY_OUT, 64);
    const wherry_message *sent = message;
    message_store_sent(store, &message);
    CHECK(message == NULL);
    message = take(store, WHERRY_OUT, 64);
    CHECK(message == sent);
    message_store_sent(store, &message);
    // One that was received, one of another channel and one of the user's own.
    struct message_store *other = new_store();
    message = take(store, WHERRY_IN, 64);
    message_store_sent(store, &message);
    message = take(other, WHERRY_OUT, 64);
    message_store_sent(store, &message);
    wherry_message *own = NULL;
    CHECK_OK(wherry_message_new(5, &own));
    message_store_sent(store, &own);
    wherry_message lent;
    message_borrow(&lent, "lent", 4, 0);
    message = &lent;
    message_store_sent(store, &message);
    CHECK(message == &lent);
    message_store_leave(other);
    message_store_leave(store);
}

TEST(what_is_put_back_with_an_open_file_closes_it)
{
    struct message_store *store = new_store();
    wherry_message *message = take(store, WHERRY_OUT, 64);
    int before = harness_descriptors();
    CHECK_OK(wherry_message_attach(message, 2));
    CHECK_INT(harness_descriptors(), before + 1);
    message_store_sent(store, &message);
    CHECK_INT(harness_descriptors(), before);
    message = take(store, WHERRY_OUT, 64);
    CHECK_INT(wherry_message_files(message), 0);
    message_store_sent(store, &message);
    message_store_leave(store);
}

TEST(a_message_outlives_its_channel)
{
    struct message_store *store = new_store();
    wherry_message *of_receiver = take(store, WHERRY_IN, 100);
    wherry_message *of_sender = take(store, WHERRY_OUT, 100);
    wherry_message *returned = take(store, WHERRY_IN, 100);
    wherry_message_free(returned);
    message_store_leave(store);
    memset(wherry_message_data(of_receiver), 'y', 100);
    wherry_message_free(of_receiver);
    wherry_message_free(of_sender);
    message_store_leave(NULL);
}

TEST(what_lies_unused_is_bounded_and_can_be_trimmed)
{
    enum { MANY = 40, SIZE = 60000 };
    struct message_store *store = new_store();
    wherry_message *messages[MANY];
    for (int i = 0; i < MANY; i++)
        messages[i] = take(store, WHERRY_IN, SIZE);
    CHECK(message_store_size(store) > (size_t)MANY * SIZE);
    for (int i = 0; i < MANY; i++)
        wherry_message_free(messages[i]);
    wherry_message_free(take(store, WHERRY_IN, SIZE));
    CHECK_RANGE(message_store_size(store), SIZE, 8 * SIZE);
    message_store_trim(store, WHERRY_IN);
    message_store_trim(store, WHERRY_OUT);
    CHECK_RANGE(message_store_size(store), 0, SIZE - 1);
    message_store_leave(store);
}

TEST(the_largest_are_not_kept)
{
    enum { HUGE = 20000000 };
    struct message_store *store = new_store();
    wherry_message_free(take(store, WHERRY_OUT, HUGE));
    wherry_message_free(take(store, WHERRY_OUT, 1));
    CHECK_RANGE(message_store_size(store), 0, HUGE - 1);
    wherry_message *none = NULL;
    CHECK_ERROR(message_store_take(store, WHERRY_IN, SIZE_MAX, &none), -ENOMEM);
    CHECK(!none);
    message_store_leave(store);
}

struct flow {
    wherry_message *messages[2000];
};

static void *free_all(void *argument)
{
    struct flow *flow = argument;
    for (size_t i = 0; i < sizeof(flow->messages) / sizeof(flow->messages[0]); i++)
        wherry_message_free(flow->messages[i]);
    return NULL;
}

TEST(messages_may_be_freed_on_any_thread_while_the_channel_leaves)
{
    static struct flow flows[2];
    struct message_store *store = new_store();
    pthread_t threads[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < 2000; i++)
            flows[side].messages[i] = take(store, (enum wherry_direction)side, 8);
    }
    for (int side = 0; side < 2; side++)
        CHECK_INT(pthread_create(&threads[side], NULL, free_all, &flows[side]), 0);
    message_store_leave(store);
    for (int side = 0; side < 2; side++)
        CHECK_INT(pthread_join(threads[side], NULL), 0);
}

static void make_and_take(void *unused)
{
    (void)unused;
    struct message_store *store = NULL;
    int r = message_store_new(&store);
    if (r < 0) {
        CHECK_ERROR(r, -ENOMEM);
        return;
    }
    wherry_message *message = NULL;
    r = message_store_take(store, WHERRY_IN, 64, &message);
    if (r < 0)
        CHECK_ERROR(r, -ENOMEM);
    wherry_message_free(message);
    message_store_leave(store);
}

TEST(without_memory_there_is_no_store_and_no_message)
{
    CHECK_INT(harness_each_allocation(make_and_take, NULL), 2);
}
