/* SPDX-License-Identifier: MIT */
/*
 * Both ends of a local: channel as threads of one process: what two processes do to
 * each other is then seen by the thread sanitizer, for they have one mapping of each
 * piece of memory (one_mapping.h).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "one_mapping.h"

enum { ON_ITS_WAY = 10000000 }; // bytes, in a socket and a ring: more would be a lie

enum { LARGE = 100000, RING = 65536, MESSAGES = 3000, SLOW_MESSAGES = 600 };

#define ADDRESS "local:?memory=always&ring=64K"
#define LENDS ADDRESS "&loan=256K"

/* --- ends ---------------------------------------------------------------- */

struct end {
    wherry_channel *channel;
    unsigned count;
    unsigned seed;
    atomic_bool *is_over;
    int result;
};

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(4 * HARNESS_PATIENCE));
}

static unsigned count_of(void)
{
    return harness_is_slow() ? SLOW_MESSAGES : MESSAGES;
}

static pthread_t start(void *(*run)(void *), void *end)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, run, end), 0);
    return thread;
}

static void join(pthread_t thread)
{
    CHECK_INT(pthread_join(thread, NULL), 0);
}

// Mostly small ones, and some that do not fit into the ring.
static size_t size_of(unsigned seed, unsigned number)
{
    const unsigned any = (seed + number) * 2654435761u >> 8;
    return any % 64 == 0 ? 1 + any % LARGE : 1 + any % 200;
}

static bool has_file(unsigned number)
{
    return number % 97 == 13;
}

static bool pauses(unsigned number)
{
    return number % 50 == 49;
}

static struct wherry_channel_info describe(wherry_channel *channel)
{
    struct wherry_channel_info info;
    const size_t size = offsetof(struct wherry_channel_info, holder_count);
    CHECK_INT(wherry_describe(channel, &info, size), 0);
    return info;
}

/* --- sending, receiving, looking ----------------------------------------- */

static int send_number(struct end *end, unsigned number)
{
    wherry_message *message = NULL;
    const size_t size = size_of(end->seed, number);
    int r = wherry_loan(end->channel, size, &message, soon());
    if (r < 0)
        return r;
    memset(wherry_message_data(message), (int)(number % 251), size);
    if (has_file(number))
        CHECK_OK(wherry_message_attach(message, STDERR_FILENO));
    const unsigned flags =
        number % 5 && !pauses(number) && number + 1 < end->count ? WHERRY_MORE : 0;
    r = wherry_send(end->channel, &message, flags, soon());
    wherry_message_free(message);
    return r;
}

static void *send_all(void *argument)
{
    struct end *end = argument;
    for (unsigned i = 0; i < end->count; i++) {
        CHECK_OK(send_number(end, i));
        if (pauses(i)) // so that the other end sleeps, too
            poll(NULL, 0, 1);
    }
    return NULL;
}

static void check_number(const struct end *end, const wherry_message *message,
                         unsigned number)
{
    const size_t size = size_of(end->seed, number);
    const unsigned char *bytes = wherry_message_data(message);
    CHECK_INT(wherry_message_size(message), size);
    CHECK_INT(bytes[0], number % 251);
    CHECK_INT(bytes[size / 2], number % 251);
    CHECK_INT(bytes[size - 1], number % 251);
    CHECK_INT(wherry_message_files(message), has_file(number));
}

static void *receive_all(void *argument)
{
    struct end *end = argument;
    for (unsigned i = 0; i < end->count; i++) {
        wherry_message *message = NULL;
        int r = wherry_recv(end->channel, &message, soon());
        if (r != 1)
            FAIL("message %u: %s: %s", i, harness_errno_name(r), wherry_error_text());
        check_number(end, message, i);
        wherry_message_free(message);
    }
    return NULL;
}

static void *poll_for_all(void *argument)
{
    struct end *end = argument;
    wherry_native fd;
    short events;
    CHECK_INT(wherry_fd(end->channel, WHERRY_IN, &fd, &events), 0);
    for (unsigned i = 0; i < end->count;) {
        struct pollfd wait = {.fd = fd, .events = events};
        wherry_message *message = NULL;
        if (poll(&wait, 1, harness_stretch(4 * HARNESS_PATIENCE)) == 0)
            FAIL("message %u: it was not told", i);
        int r = wherry_recv(end->channel, &message, WHERRY_POLL);
        if (r == -EAGAIN)
            continue;
        CHECK_INT(r, 1);
        check_number(end, message, i++);
        wherry_message_free(message);
    }
    return NULL;
}

static void *look_on(void *argument)
{
    struct end *end = argument;
    while (!atomic_load(end->is_over)) {
        struct wherry_channel_info info = describe(end->channel);
        CHECK(info.unread_bytes <= ON_ITS_WAY && info.unsent_bytes <= ON_ITS_WAY);
    }
    return NULL;
}

static void cross(const char *address, void *(*receive)(void *))
{
    wherry_channel *channels[2];
    atomic_bool is_over = false;
    CHECK_OK(wherry_pair(address, channels));
    struct end to[2];
    struct end from[2];
    pthread_t threads[6];
    for (int i = 0; i < 2; i++) {
        to[i] = (struct end){channels[i], count_of(), (unsigned)i, &is_over, 0};
        from[i] = (struct end){channels[1 - i], count_of(), (unsigned)i, &is_over, 0};
        threads[i] = start(look_on, &to[i]);
        threads[2 + i] = start(receive, &from[i]);
        threads[4 + i] = start(send_all, &to[i]);
    }
    for (int i = 2; i < 6; i++)
        join(threads[i]);
    atomic_store(&is_over, true);
    for (int i = 0; i < 2; i++) {
        join(threads[i]);
        CHECK(describe(channels[i]).memory > RING);
        CHECK(one_mapping_shared() >= 2);
        CHECK_INT(describe(channels[i]).received_messages, count_of());
    }
    wherry_close(channels[0]);
    wherry_close(channels[1]);
}

TEST(all_sizes_and_files_cross_while_others_look)
{
    cross(ADDRESS, receive_all);
}

TEST(a_loop_of_events_is_told_of_each)
{
    cross(ADDRESS, poll_for_all);
}

/* --- loans --------------------------------------------------------------- */

/* Messages on their way from who receives them to who frees them. */
static struct basket {
    pthread_mutex_t lock;
    wherry_message *messages[64];
    unsigned count;
    bool is_over;
} baskets[2] = {{.lock = PTHREAD_MUTEX_INITIALIZER},
                {.lock = PTHREAD_MUTEX_INITIALIZER}};

static void lock_basket(struct basket *basket)
{
    CHECK_INT(pthread_mutex_lock(&basket->lock), 0);
}

static void unlock_basket(struct basket *basket)
{
    CHECK_INT(pthread_mutex_unlock(&basket->lock), 0);
}

// Whatever fits nowhere is freed where it was received.
static void *receive_into_basket(void *argument)
{
    struct end *end = argument;
    struct basket *basket = &baskets[end->seed];
    for (unsigned i = 0; i < end->count; i++) {
        wherry_message *message = NULL;
        CHECK_INT(wherry_recv(end->channel, &message, soon()), 1);
        check_number(end, message, i);
        lock_basket(basket);
        if (basket->count < 8) {
            basket->messages[basket->count++] = message;
            message = NULL;
        }
        unlock_basket(basket);
        wherry_message_free(message);
    }
    lock_basket(basket);
    basket->is_over = true;
    unlock_basket(basket);
    return NULL;
}

// The last one first: not in the order in which they came.
static void *free_from_basket(void *argument)
{
    struct basket *basket = argument;
    bool is_over = false;
    while (!is_over) {
        lock_basket(basket);
        wherry_message *message =
            basket->count > 0 ? basket->messages[--basket->count] : NULL;
        is_over = !message && basket->is_over;
        unlock_basket(basket);
        wherry_message_free(message);
    }
    return NULL;
}

TEST(loans_cross_and_are_freed_by_other_threads)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        baskets[i].is_over = false;
        CHECK_INT(pthread_create(&threads[i], NULL, free_from_basket, &baskets[i]), 0);
    }
    cross(LENDS, receive_into_basket);
    join(threads[0]);
    join(threads[1]);
}

TEST(a_loop_of_events_is_told_of_each_loan)
{
    cross(LENDS, poll_for_all);
}

/* --- cancel and close meanwhile ------------------------------------------ */

static void *send_to_the_end(void *argument)
{
    struct end *end = argument;
    int r = 0;
    for (unsigned i = 0; r >= 0; i++)
        r = send_number(end, i);
    end->result = r;
    return NULL;
}

static void *receive_to_the_end(void *argument)
{
    struct end *end = argument;
    int r = 1;
    for (unsigned i = 0; r == 1; i++) {
        wherry_message *message = NULL;
        r = wherry_recv(end->channel, &message, soon());
        if (r == 1)
            check_number(end, message, i);
        wherry_message_free(message);
    }
    end->result = r;
    return NULL;
}

// So that both are up; each has said one message.
static void begin(wherry_channel *channels[2])
{
    enum { ROUNDS = 5 };

    CHECK_OK(wherry_pair(ADDRESS, channels));
    for (int i = 0; i < 2 * ROUNDS; i++) {
        struct end to = {channels[i % 2], 1, 0, NULL, 0};
        struct end from = {channels[1 - i % 2], 1, 0, NULL, 0};
        CHECK_OK(send_number(&to, 0));
        (void)receive_all(&from);
    }
    CHECK(describe(channels[0]).memory > RING && describe(channels[1]).memory > RING);
}

static unsigned rounds(void)
{
    return harness_is_slow() ? 30 : 150;
}

TEST(a_cancel_ends_what_waits_for_messages_and_for_room)
{
    for (unsigned round = 0; round < rounds(); round++) {
        wherry_channel *channels[2];
        begin(channels);
        // Nobody takes what is sent: one waits for room, the other for a message.
        struct end to = {channels[0], UINT32_MAX, round, NULL, 0};
        struct end from = {channels[0], UINT32_MAX, round, NULL, 0};
        pthread_t sending = start(send_to_the_end, &to);
        pthread_t receiving = start(receive_to_the_end, &from);
        if (round % 2)
            poll(NULL, 0, 1);
        wherry_cancel(channels[0]);
        join(sending);
        join(receiving);
        CHECK_ERROR(to.result, -ECANCELED);
        CHECK_ERROR(from.result, -ECANCELED);
        wherry_close(channels[1]);
        wherry_close(channels[0]);
    }
}

static void *receive_some_and_close(void *argument)
{
    struct end *end = argument;
    (void)receive_all(end);
    wherry_close(end->channel);
    return NULL;
}

TEST(one_closes_while_the_other_sends)
{
    for (unsigned round = 0; round < rounds(); round++) {
        wherry_channel *channels[2];
        begin(channels);
        struct end to = {channels[0], UINT32_MAX, round, NULL, 0};
        struct end from = {channels[1], round * 3, round, NULL, 0};
        pthread_t sending = start(send_to_the_end, &to);
        pthread_t closing = start(receive_some_and_close, &from);
        join(sending);
        join(closing);
        CHECK(to.result == -EPIPE || to.result == -ECONNRESET);
        wherry_close(channels[0]);
    }
}

static void *send_and_close(void *argument)
{
    struct end *end = argument;
    (void)send_all(end);
    wherry_close(end->channel);
    return NULL;
}

TEST(one_closes_while_the_other_receives)
{
    for (unsigned round = 0; round < rounds(); round++) {
        wherry_channel *channels[2];
        begin(channels);
        struct end to = {channels[0], round * 3, round, NULL, 0};
        struct end from = {channels[1], UINT32_MAX, round, NULL, 0};
        pthread_t receiving = start(receive_to_the_end, &from);
        pthread_t closing = start(send_and_close, &to);
        join(receiving);
        join(closing);
        CHECK_INT(from.result, 0);
        CHECK_INT(describe(channels[1]).received_messages, round * 3 + 5);
        wherry_close(channels[1]);
    }
}

/* --- memory comes and goes ----------------------------------------------- */

static bool has_no_memory(void *channel)
{
    return describe(channel).memory < RING;
}

// The threads that receive wait on; those that send come back after it was given back.
TEST(memory_is_given_back_and_taken_again_while_others_wait)
{
    enum { BURSTS = 4, BURST = 200 };

    wherry_channel *channels[2];
    struct end to[2];
    struct end from[2];
    pthread_t receiving[2];
    CHECK_OK(wherry_pair(ADDRESS "&idle=100ms", channels));
    for (int i = 0; i < 2; i++) {
        from[i] = (struct end){channels[i], BURSTS * BURST, 0, NULL, 0};
        to[i] = from[i];
        receiving[i] = start(receive_all, &from[i]);
    }
    for (unsigned i = 0; i < BURSTS * BURST; i++) {
        if (i % BURST == BURST - 1) {
            CHECK(!has_no_memory(channels[0]) && !has_no_memory(channels[1]));
            harness_until(has_no_memory, channels[0]);
            harness_until(has_no_memory, channels[1]);
        }
        for (int side = 0; side < 2; side++)
            CHECK_OK(send_number(&to[side], i));
    }
    for (int i = 0; i < 2; i++)
        join(receiving[i]);
    wherry_close(channels[0]);
    wherry_close(channels[1]);
}

/* --- a topic and its readers --------------------------------------------- */

enum { TOPIC_MOST = RING / 4 - 32, TOPIC_READERS = 3 };

struct station {
    wherry_listener *topic;
    unsigned count;
    atomic_bool is_over;
};

struct reading {
    wherry_channel *channel;
    uint64_t got, lost;
};

static void *publish_all(void *argument)
{
    struct station *station = argument;
    for (unsigned i = 0; i < station->count; i++) {
        wherry_message *message = NULL;
        const size_t size = size_of(0, i) % TOPIC_MOST;
        CHECK_OK(wherry_message_new(size, &message));
        memset(wherry_message_data(message), (int)(i % 251), size);
        CHECK_OK(wherry_message_set_kind(message, i));
        CHECK_INT(wherry_publish(station->topic, &message, soon()), TOPIC_READERS);
        if (pauses(i)) // so that readers sleep, too
            poll(NULL, 0, 1);
    }
    return NULL;
}

static void *read_all(void *argument)
{
    struct reading *reading = argument;
    wherry_message *message = NULL;
    int r;
    while ((r = wherry_recv(reading->channel, &message, soon())) == 1) {
        const int64_t number = wherry_message_kind(message);
        const unsigned char *bytes = wherry_message_data(message);
        reading->lost += wherry_message_lost(message);
        CHECK_INT(number, reading->got + reading->lost);
        for (size_t i = 0; i < wherry_message_size(message); i++)
            if (bytes[i] != number % 251)
                FAIL("message %lld is torn at byte %zu", (long long)number, i);
        reading->got++;
        wherry_message_free(message);
    }
    CHECK_INT(r, 0);
    return NULL;
}

static void *look_at_readers(void *argument)
{
    struct station *station = argument;
    while (!atomic_load(&station->is_over)) {
        struct wherry_reader readers[TOPIC_READERS];
        CHECK_INT(wherry_listener_readers(station->topic, readers, TOPIC_READERS),
                  TOPIC_READERS);
        for (int i = 0; i < TOPIC_READERS; i++)
            CHECK(readers[i].behind_bytes <= RING && readers[i].behind_age >= 0);
    }
    return NULL;
}

TEST(a_topic_is_read_while_it_is_overwritten_and_looked_at)
{
    struct station station = {.count = count_of()};
    struct reading readings[TOPIC_READERS] = {{.got = 0}};
    pthread_t threads[TOPIC_READERS];
    CHECK_OK(wherry_listen("local:station?fan=broadcast&ring=64K&full=drop-oldest",
                           &station.topic));
    for (int i = 0; i < TOPIC_READERS; i++)
        CHECK_OK(wherry_dial(i ? "local:station" : "local:station?full=latest", soon(),
                             &readings[i].channel));
    CHECK_INT(wherry_publish(station.topic, NULL, soon()), TOPIC_READERS);
    for (int i = 0; i < TOPIC_READERS; i++)
        threads[i] = start(read_all, &readings[i]);
    pthread_t looker = start(look_at_readers, &station);
    pthread_t writer = start(publish_all, &station);
    join(writer);
    atomic_store(&station.is_over, true);
    join(looker);
    wherry_close_listener(station.topic);
    for (int i = 0; i < TOPIC_READERS; i++) {
        join(threads[i]);
        CHECK_INT(readings[i].got + readings[i].lost, station.count);
        wherry_close(readings[i].channel);
    }
}
