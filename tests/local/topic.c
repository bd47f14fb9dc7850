/* SPDX-License-Identifier: MIT */
/*
 * Topics: one publishes, many read, and none of them can hold up another.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "talk.h"

enum { RING = 65536, MOST = RING / 4 - 32, TEXT = 128, MANY = 4000, OVER = 3 };

#define TOPIC "local:news?fan=broadcast&ring=64K"

/* --- publishing ---------------------------------------------------------- */

static wherry_listener *open_topic(const char *more)
{
    wherry_listener *topic;
    char address[TEXT];
    snprintf(address, sizeof(address), TOPIC "%s", more);
    WORKS(wherry_listen(address, &topic));
    return topic;
}

static wherry_channel *read_topic(const char *options)
{
    wherry_channel *reader;
    char address[TEXT];
    snprintf(address, sizeof(address), "local:news%s", options);
    WORKS(wherry_dial(address, soon(), &reader));
    return reader;
}

static wherry_message *message_of(const void *bytes, size_t size, int64_t kind)
{
    wherry_message *message;
    WORKS(wherry_message_copy(bytes, size, &message));
    WORKS(wherry_message_set_kind(message, kind));
    return message;
}

static int publish(wherry_listener *topic, const char *text)
{
    wherry_message *message = message_of(text, strlen(text), 0);
    int r = wherry_publish(topic, &message, WHERRY_POLL);
    WORKS(r);
    CHECK(message == NULL);
    return r;
}

static int settle(wherry_listener *topic)
{
    int r = wherry_publish(topic, NULL, WHERRY_POLL);
    WORKS(r);
    return r;
}

static size_t size_of(unsigned number)
{
    return number * 2654435761U % 500;
}

// Every byte of it follows from its number.
static void publish_number(wherry_listener *topic, unsigned number, size_t size)
{
    static uint8_t bytes[MOST];
    memset(bytes, (int)(number % 251), size);
    wherry_message *message = message_of(bytes, size, number);
    WORKS(wherry_publish(topic, &message, WHERRY_POLL));
}

static void publish_numbers(wherry_listener *topic, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++)
        publish_number(topic, i, size_of(i));
}

/* --- reading ------------------------------------------------------------- */

static bool is_whole(const wherry_message *message)
{
    const uint8_t *bytes = wherry_message_data(message);
    for (size_t i = 0; i < wherry_message_size(message); i++)
        if (bytes[i] != wherry_message_kind(message) % 251)
            return false;
    return true;
}

// The number of the next message, which is whole.
static unsigned take(wherry_channel *reader, uint64_t *lost)
{
    wherry_message *message;
    WORKS(wherry_recv(reader, &message, soon()));
    CHECK(message && is_whole(message));
    const unsigned number = (unsigned)wherry_message_kind(message);
    *lost = wherry_message_lost(message);
    wherry_message_free(message);
    return number;
}

static void take_numbers(wherry_channel *reader, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        uint64_t lost;
        CHECK_INT(take(reader, &lost), i);
        CHECK_INT(lost, 0);
    }
}

static struct wherry_reader look_at(wherry_listener *topic, size_t index)
{
    struct wherry_reader readers[8] = {{.pid = 0}};
    int count = wherry_listener_readers(topic, readers, 8);
    WORKS(count);
    CHECK((size_t)count > index);
    return readers[index];
}

TEST(each_reader_gets_every_message_in_order)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *readers[3];
    for (int i = 0; i < 3; i++)
        readers[i] = read_topic("");
    CHECK_INT(publish(topic, "all"), 3);
    for (int i = 0; i < 3; i++)
        hear(readers[i], "all");
    for (unsigned round = 0; round < 200; round++) {
        publish_numbers(topic, round * 50, round * 50 + 50);
        for (int i = 0; i < 3; i++)
            take_numbers(readers[i], round * 50, round * 50 + 50);
    }
    for (int i = 0; i < 3; i++) {
        hear_nothing(readers[i]);
        wherry_close(readers[i]);
    }
    CHECK_INT(settle(topic), 0);
    wherry_close_listener(topic);
}

TEST(who_comes_later_begins_with_what_is_published_then)
{
    wherry_listener *topic = open_topic("");
    CHECK_INT(publish(topic, "to nobody"), 0);
    wherry_channel *first = read_topic("");
    CHECK_INT(publish(topic, "to one"), 1);
    wherry_channel *second = read_topic("");
    hear(first, "to one");
    CHECK_INT(publish(topic, "to both"), 2);
    hear(first, "to both");
    hear(second, "to both");
    hear_nothing(second);
    wherry_close(first);
    wherry_close(second);
    wherry_close_listener(topic);
}

TEST(the_largest_message_is_a_quarter_of_the_ring)
{
    static const size_t sizes[] = {0, 1, 31, 32, 33, 4096, MOST - 1, MOST};
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("");
    unsigned number = 0;
    for (int round = 0; round < 20; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            publish_number(topic, number, sizes[i]);
            take_numbers(reader, number, number + 1);
            number++;
        }
    wherry_message *message;
    WORKS(wherry_message_new(MOST + 1, &message));
    FAILS(wherry_publish(topic, &message, WHERRY_POLL), -EMSGSIZE, "ring=");
    CHECK(message != NULL);
    wherry_message_free(message);
    hear_nothing(reader);
    wherry_close(reader);
    wherry_close_listener(topic);
}

TEST(what_a_topic_cannot_carry_is_refused)
{
    wherry_listener *topic = open_topic("&message=10");
    wherry_message *message = message_of("a file", 6, 0);
    WORKS(wherry_message_attach(message, STDIN_FILENO));
    FAILS(wherry_publish(topic, &message, WHERRY_POLL), -ENOTSUP, "open files");
    wherry_message_free(message);
    message = message_of("to one", 6, 0);
    WORKS(wherry_message_set_to(message, "unix:@somebody"));
    FAILS(wherry_publish(topic, &message, WHERRY_POLL), -EISCONN, "to=");
    wherry_message_free(message);
    message = message_of("more than ten", 13, 0);
    FAILS(wherry_publish(topic, &message, WHERRY_POLL), -EMSGSIZE, "message=");
    wherry_message_free(message);
    message = NULL;
    FAILS(wherry_publish(topic, &message, WHERRY_POLL), -EINVAL, "no message");
    wherry_close_listener(topic);
}

TEST(the_first_reader_is_waited_for_and_no_other)
{
    wherry_listener *topic = open_topic("");
    wherry_message *message = message_of("news", 4, 0);
    FAILS(wherry_publish(topic, &message, at_once()), -ETIMEDOUT, "deadline");
    CHECK(message != NULL);
    CHECK_ERROR(wherry_publish(topic, NULL, at_once()), -ETIMEDOUT);
    wherry_channel *reader = read_topic("");
    CHECK_INT(wherry_publish(topic, &message, soon()), 1);
    hear(reader, "news");
    message = message_of("more", 4, 0);
    CHECK_INT(wherry_publish(topic, &message, WHERRY_FOREVER), 1);
    wherry_close(reader);
    CHECK_INT(settle(topic), 0);
    wherry_cancel_accept(topic);
    message = message_of("none", 4, 0);
    FAILS(wherry_publish(topic, &message, WHERRY_FOREVER), -ECANCELED, "cancelled");
    CHECK_INT(publish(topic, "still"), 0);
    wherry_message_free(message);
    wherry_close_listener(topic);
}

/* --- what each end is not ------------------------------------------------ */

TEST(a_topic_has_no_channels_and_its_readers_only_read)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *channel;
    FAILS(wherry_accept(topic, WHERRY_POLL, &channel), -ENOTSUP, "wherry_publish");
    wherry_channel *reader = read_topic("");
    CHECK_INT(publish(topic, "hear"), 1);
    CHECK_ERROR(wherry_write(reader, "say", 3, 0, 0, WHERRY_POLL), -EPERM);
    CHECK_ERROR(wherry_finish(reader), -EPERM);
    hear(reader, "hear");
    const struct wherry_channel_info info = info_of(reader);
    CHECK(info.abilities & WHERRY_ABLE_RECV);
    CHECK(!(info.abilities & (WHERRY_ABLE_SEND | WHERRY_ABLE_FILES)));
    CHECK_INT(info.received_messages, 1);
    wherry_close(reader);
    wherry_close_listener(topic);
}

TEST(only_a_topic_is_published_to)
{
    static const char *const addresses[] = {"local:boat", "unix:@", "pipe:"};
    wherry_message *message = message_of("news", 4, 0);
    struct wherry_reader reader;
    for (int i = 0; i < 2; i++) {
        wherry_listener *listener;
        WORKS(wherry_listen(addresses[i], &listener));
        FAILS(wherry_publish(listener, &message, soon()), -ENOTSUP, "fan=broadcast");
        FAILS(wherry_listener_readers(listener, &reader, 1), -ENOTSUP, "no topic");
        wherry_close_listener(listener);
    }
    wherry_message_free(message);
}

TEST(one_that_wants_a_topic_is_told_that_there_is_none)
{
    wherry_listener *listener;
    wherry_channel *channel;
    wherry_channel *both[2];
    WORKS(wherry_listen("local:news", &listener));
    FAILS(wherry_dial("local:news?fan=broadcast", soon(), &channel), -EPROTOTYPE,
          "no topic");
    FAILS(wherry_listen(TOPIC, &listener), -EADDRINUSE, "already");
    wherry_close_listener(listener);
    FAILS(wherry_dial("local:news?fan=broadcast", soon(), &channel), -ENOENT, "listen");
    FAILS(wherry_pair("local:?fan=broadcast", both), -ENOTSUP, "no pair");
    FAILS(wherry_address_check("local:news?fan=broadcast&memory=never"), -EINVAL,
          "memory");
    listener = open_topic("");
    WORKS(wherry_dial("local:news?fan=broadcast", soon(), &channel));
    CHECK_INT(publish(listener, "here"), 1);
    hear(channel, "here");
    wherry_close(channel);
    wherry_close_listener(listener);
}

/* --- who is slow --------------------------------------------------------- */

TEST(a_reader_that_drops_the_oldest_is_told_how_many)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("?full=drop-oldest");
    uint64_t lost;
    uint64_t all = 0;
    unsigned next = 0;
    unsigned end = 0;
    settle(topic);
    for (int round = 0; round < 20; round++) {
        publish_numbers(topic, end, end + MANY);
        end += MANY;
        const unsigned first = take(reader, &lost);
        CHECK(lost > 0);
        CHECK_INT(first, next + lost);
        // What the ring holds was there to be read.
        CHECK(end - first > RING / 600);
        take_numbers(reader, first + 1, end);
        hear_nothing(reader);
        all += lost;
        next = end;
    }
    CHECK_INT(info_of(reader).dropped_messages, all);
    wherry_close(reader);
    wherry_close_listener(topic);
}

TEST(a_reader_of_the_latest_gets_the_newest_only)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("?full=latest");
    uint64_t lost;
    settle(topic);
    publish_numbers(topic, 0, 10);
    CHECK_INT(take(reader, &lost), 9);
    CHECK_INT(lost, 9);
    hear_nothing(reader);
    publish_numbers(topic, 10, 11);
    take_numbers(reader, 10, 11);
    publish_numbers(topic, 11, MANY);
    CHECK_INT(take(reader, &lost), MANY - 1);
    CHECK_INT(lost, MANY - 1 - 11);
    CHECK_INT(info_of(reader).dropped_messages, MANY - 3); // all but 9, 10 and the last
    hear_nothing(reader);
    wherry_close(reader);
    wherry_close_listener(topic);
}

TEST(a_reader_that_is_cut_off_is_told_so_and_forgotten)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *slow = read_topic("");
    wherry_channel *fast = read_topic("?full=drop-oldest");
    wherry_message *message;
    CHECK_INT(settle(topic), 2);
    publish_numbers(topic, 0, MANY);
    FAILS(wherry_recv(slow, &message, soon()), -EOVERFLOW, "full=drop-oldest");
    FAILS(wherry_recv(slow, &message, soon()), -EOVERFLOW, "full=disconnect");
    CHECK_INT(settle(topic), 1);
    uint64_t lost;
    const unsigned first = take(fast, &lost);
    CHECK_INT(first, lost);
    wherry_close(slow);
    wherry_close(fast);
    wherry_close_listener(topic);
}

TEST(the_listener_says_for_those_who_do_not)
{
    static const struct {
        const char *topic, *reader, *is;
    } each[] = {{"", "", "disconnect"},
                {"&full=latest", "", "latest"},
                {"&full=drop-oldest", "?full=latest", "latest"},
                {"&full=drop-oldest", "?full=disconnect", "disconnect"},
                {"&full=disconnect", "?full=drop-oldest", "drop-oldest"}};

    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        wherry_listener *topic = open_topic(each[i].topic);
        wherry_channel *reader = read_topic(each[i].reader);
        CHECK_INT(settle(topic), 1);
        CHECK_STRING(look_at(topic, 0).full, each[i].is);
        publish_numbers(topic, 0, MANY);
        wherry_message *message = NULL;
        int r = wherry_recv(reader, &message, soon());
        CHECK_INT(r, strcmp(each[i].is, "disconnect") == 0 ? -EOVERFLOW : 1);
        CHECK(!message || (wherry_message_kind(message) == MANY - 1) ==
                              (strcmp(each[i].is, "latest") == 0));
        wherry_message_free(message);
        wherry_close(reader);
        wherry_close_listener(topic);
    }
}

TEST(what_would_have_the_writer_wait_is_refused)
{
    static const char *const policies[] = {"block", "fail", "drop-newest"};
    wherry_listener *topic = open_topic("");
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        wherry_listener *listener;
        wherry_channel *channel;
        char address[TEXT];
        snprintf(address, sizeof(address), "local:other?fan=broadcast&full=%s",
                 policies[i]);
        FAILS(wherry_listen(address, &listener), -EINVAL, "waits for none");
        snprintf(address, sizeof(address), "local:news?full=%s", policies[i]);
        FAILS(wherry_dial(address, soon(), &channel), -EINVAL, "waits for none");
    }
    CHECK_INT(settle(topic), 0);
    wherry_close_listener(topic);
}

/* --- other processes ----------------------------------------------------- */

static void read_numbers(void *options)
{
    wherry_channel *reader = read_topic(options);
    wherry_message *message;
    unsigned next = 0;
    int r;
    while ((r = wherry_recv(reader, &message, WHERRY_FOREVER)) == 1) {
        CHECK(is_whole(message));
        CHECK(wherry_message_kind(message) >= next);
        next = (unsigned)wherry_message_kind(message) + 1;
        wherry_message_free(message);
    }
    CHECK_INT(r, 0);
    wherry_close(reader);
}

static void await(wherry_listener *topic, int readers)
{
    wherry_native fd;
    short events;
    WORKS(wherry_listener_fd(topic, &fd, &events));
    while (settle(topic) != readers) {
        struct pollfd change = {.fd = fd, .events = events};
        int r;
        do
            r = poll(&change, 1, harness_stretch(HARNESS_PATIENCE));
        while (r < 0 && errno == EINTR);
        CHECK_INT(r, 1);
    }
}

TEST(nobody_tears_a_message_however_fast_it_is_published)
{
    wherry_listener *topic = open_topic("");
    pid_t readers[3];
    for (int i = 0; i < 3; i++)
        readers[i] =
            harness_child(read_numbers, i == 0 ? "?full=latest" : "?full=drop-oldest");
    await(topic, 3);
    for (unsigned i = 0; i < 20 * MANY; i++)
        publish_number(topic, i, i % 40 ? size_of(i) : MOST - i % 5000);
    wherry_close_listener(topic);
    for (int i = 0; i < 3; i++)
        CHECK_INT(harness_wait(readers[i]), 0);
}

TEST(a_stopped_reader_costs_the_others_nothing)
{
    wherry_listener *topic = open_topic("&full=drop-oldest");
    pid_t stopped = harness_child(read_numbers, "");
    await(topic, 1);
    wherry_channel *reader = read_topic("");
    CHECK_INT(settle(topic), 2);
    CHECK_INT(kill(stopped, SIGSTOP), 0);
    siginfo_t how;
    while (waitid(P_PID, (id_t)stopped, &how, WSTOPPED | WNOWAIT) < 0)
        CHECK_INT(errno, EINTR);
    for (unsigned i = 0; i < MANY; i++) {
        publish_numbers(topic, i, i + 1);
        take_numbers(reader, i, i + 1);
    }
    const struct wherry_reader seen = look_at(topic, 0);
    CHECK_INT(seen.pid, stopped);
    CHECK_INT(seen.overtaken, 1);
    CHECK_RANGE(seen.behind_bytes, RING / 2, RING);
    CHECK(seen.behind_messages > 0);
    CHECK(seen.behind_age >= 0);
    CHECK_INT(look_at(topic, 1).behind_bytes, 0);
    CHECK_INT(look_at(topic, 1).pid, getpid());
    CHECK_INT(kill(stopped, SIGCONT), 0);
    wherry_close_listener(topic);
    hear_end(reader);
    wherry_close(reader);
    CHECK_INT(harness_wait(stopped), 0);
}

static int next_descriptor(void)
{
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return fd;
}

TEST(a_killed_reader_is_forgotten_and_leaves_nothing)
{
    wherry_listener *topic = open_topic("");
    const int descriptor = next_descriptor();
    for (int round = 0; round < 20; round++) {
        pid_t reader = harness_child(read_numbers, "");
        await(topic, 1);
        publish_numbers(topic, 0, (unsigned)round);
        harness_kill(reader);
        await(topic, 0);
        CHECK_INT(publish(topic, "to nobody"), 0);
        CHECK_INT(next_descriptor(), descriptor);
    }
    wherry_close_listener(topic);
}

struct news {
    atomic_uint published;
};

static void publish_without_end(void *argument)
{
    struct news *news = argument;
    wherry_listener *topic = open_topic("&full=drop-oldest");
    for (unsigned i = 0;; i++) {
        wherry_message *message = message_of("", 0, i);
        CHECK_INT(wherry_publish(topic, &message, WHERRY_FOREVER), 1);
        atomic_store(&news->published, i + 1);
    }
}

TEST(a_killed_writer_is_told_after_all_that_it_published)
{
    struct news *news = mmap(NULL, sizeof *news, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(news != MAP_FAILED);
    for (int round = 0; round < 10; round++) {
        atomic_store(&news->published, 0);
        pid_t writer = harness_child(publish_without_end, news);
        wherry_channel *reader;
        wherry_message *message;
        int r;
        while ((r = wherry_dial("local:news", soon(), &reader)) == -ECONNREFUSED ||
               r == -ENOENT)
            sched_yield();
        WORKS(r);
        for (int i = 0; i < 10 * round; i++) {
            CHECK_INT(wherry_recv(reader, &message, soon()), 1);
            wherry_message_free(message);
        }
        harness_kill(writer);
        int64_t last = 10 * round - 1;
        while ((r = wherry_recv(reader, &message, soon())) == 1) {
            last = wherry_message_kind(message);
            wherry_message_free(message);
        }
        char who[TEXT];
        snprintf(who, sizeof who, "process %d", (int)writer);
        CHECK_INT(r, -ECONNRESET);
        CHECK(round == 0 || strstr(wherry_error_text(), who));
        // The last one may be published and not yet counted.
        CHECK(last + 1 >= atomic_load(&news->published) || last == -1);
        wherry_close(reader);
    }
    WORKS(wherry_remove("local:news"));
    munmap(news, sizeof *news);
}

TEST(who_closes_a_topic_tells_the_end_after_the_last_message)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("");
    settle(topic);
    publish_numbers(topic, 0, 50);
    wherry_close_listener(topic);
    take_numbers(reader, 0, 50);
    hear_end(reader);
    hear_end(reader);
    wherry_close(reader);
}

TEST(a_topic_that_closes_before_it_looked_is_an_end_without_a_word)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("");
    wherry_message *message;
    wherry_close_listener(topic);
    FAILS(wherry_recv(reader, &message, soon()), -ECONNRESET, "before");
    wherry_close(reader);
}

TEST(who_publishes_is_known_by_the_kernels_word)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("");
    wherry_message *message;
    publish(topic, "news");
    CHECK_INT(wherry_recv(reader, &message, soon()), 1);
    CHECK_INT(wherry_message_sender(message)->pid, getpid());
    CHECK_INT(wherry_message_sender(message)->trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(wherry_message_lost(message), 0);
    wherry_message_free(message);
    wherry_close(reader);
    wherry_close_listener(topic);
}

static void try_the_copies(void *argument)
{
    void **both = argument;
    wherry_message *message = message_of("no", 2, 0);
    struct wherry_reader reader;
    FAILS(wherry_publish(both[0], &message, WHERRY_POLL), -ECHILD, "child");
    FAILS(wherry_listener_readers(both[0], &reader, 1), -ECHILD, "child");
    wherry_message *received;
    FAILS(wherry_recv(both[1], &received, WHERRY_POLL), -ECHILD, "fork");
    wherry_message_free(message);
    wherry_close(both[1]);
    wherry_close_listener(both[0]);
}

TEST(a_child_of_either_end_has_none_of_it_and_does_no_harm)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("");
    void *both[] = {topic, reader};
    publish(topic, "before");
    hear(reader, "before");
    CHECK_INT(harness_wait(harness_child(try_the_copies, both)), 0);
    CHECK_INT(publish(topic, "after"), 1);
    hear(reader, "after");
    wherry_close(reader);
    wherry_close_listener(topic);
}

/* --- sleeping ------------------------------------------------------------ */

static bool is_readable(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLIN};
    int r;
    do
        r = poll(&look, 1, 0);
    while (r < 0 && errno == EINTR);
    return r > 0;
}

TEST(a_descriptor_is_readable_exactly_when_there_is_a_message)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("");
    wherry_native fd;
    short events;
    WORKS(wherry_fd(reader, WHERRY_IN, &fd, &events));
    CHECK_ERROR(wherry_fd(reader, WHERRY_OUT, &fd, &events), -EPERM);
    WORKS(wherry_fd(reader, WHERRY_IN, &fd, &events));
    settle(topic);
    hear_nothing(reader);
    for (unsigned i = 0; i < 500; i++) {
        CHECK(!is_readable(fd));
        publish_numbers(topic, 3 * i, 3 * i + 1 + i % 3);
        for (unsigned k = 0; k < 1 + i % 3; k++) {
            CHECK(is_readable(fd));
            take_numbers(reader, 3 * i + k, 3 * i + k + 1);
        }
        // A bell for what has been read already may be there until it is looked at.
        if (is_readable(fd))
            hear_nothing(reader);
    }
    wherry_close_listener(topic);
    CHECK(is_readable(fd));
    hear_end(reader);
    wherry_close(reader);
}

static void answer_each(void *argument)
{
    const int *ends = argument;
    wherry_channel *reader = read_topic("?spin=0");
    wherry_message *message;
    while (wherry_recv(reader, &message, WHERRY_FOREVER) == 1) {
        wherry_message_free(message);
        CHECK_INT(write(ends[1], "x", 1), 1);
    }
    wherry_close(reader);
}

TEST(a_reader_that_sleeps_is_woken_by_each_message)
{
    int ends[2];
    char byte;
    wherry_listener *topic = open_topic("");
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    pid_t readers[2];
    for (int i = 0; i < 2; i++)
        readers[i] = harness_child(answer_each, ends);
    await(topic, 2);
    for (unsigned i = 0; i < 300; i++) {
        if (i % 50 == 0)
            for (int k = 0; k < 2; k++)
                harness_wait_blocked(readers[k]);
        publish_number(topic, i, 8);
        for (int k = 0; k < 2; k++)
            CHECK_INT(read_on(ends[0], &byte, 1), 1);
    }
    wherry_close_listener(topic);
    for (int i = 0; i < 2; i++)
        CHECK_INT(harness_wait(readers[i]), 0);
    close(ends[0]);
    close(ends[1]);
}

/* --- strangers ----------------------------------------------------------- */

static int connect_bare(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/news.local",
             getenv("WHERRY_DIR"));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK_OK(fd);
    CHECK_INT(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

static void is_turned_away(wherry_listener *topic, int fd)
{
    char answer[TEXT];
    struct pollfd end = {.fd = fd, .events = POLLIN};
    CHECK_INT(settle(topic), 0);
    while (read_on(fd, answer, 1) > 0)
        ;
    CHECK_OK(poll(&end, 1, 0));
    CHECK(end.revents & POLLHUP);
    close(fd);
}

TEST(a_silent_dialler_holds_nobody_up_and_is_given_some_time)
{
    wherry_listener *topic = open_topic("&handshake=50ms");
    int silent = connect_bare();
    CHECK_INT(settle(topic), 0);
    wherry_channel *reader = read_topic("");
    CHECK_INT(publish(topic, "in time"), 1);
    hear(reader, "in time");
    wherry_close(reader);
    poll(NULL, 0, harness_stretch(60));
    is_turned_away(topic, silent);
    wherry_close_listener(topic);
}

TEST(one_that_says_something_else_is_turned_away)
{
    static const char text[] =
        "GET / HTTP/1.1\r\n\r\n and so on, and so on, and so on, "
        "longer than any word";
    wherry_listener *topic = open_topic("");
    const int descriptor = next_descriptor();
    for (size_t size = 1; size < sizeof text; size += 7) {
        int stranger = connect_bare();
        CHECK_INT(send(stranger, text, size, MSG_NOSIGNAL), (ssize_t)size);
        is_turned_away(topic, stranger);
    }
    CHECK_INT(next_descriptor(), descriptor);
    wherry_close_listener(topic);
}

TEST(one_more_than_there_are_places_for_is_told_so)
{
    wherry_listener *topic = open_topic("&readers=2");
    wherry_channel *readers[OVER];
    wherry_message *message;
    for (int i = 0; i < OVER; i++)
        readers[i] = read_topic("");
    CHECK_INT(publish(topic, "two"), 2);
    FAILS(wherry_recv(readers[2], &message, soon()), -EUSERS, "readers=");
    wherry_close(readers[2]);
    wherry_close(readers[0]);
    readers[0] = read_topic("");
    CHECK_INT(publish(topic, "two again"), 2);
    hear(readers[1], "two");
    hear(readers[1], "two again");
    hear(readers[0], "two again");
    wherry_close(readers[0]);
    wherry_close(readers[1]);
    wherry_close_listener(topic);
}

TEST(a_crowd_comes_and_goes)
{
    enum { CROWD = 60 };

    wherry_listener *topic = open_topic("");
    wherry_channel *readers[CROWD];
    const int descriptor = next_descriptor();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CROWD; i++)
            readers[i] = read_topic("");
        await(topic, CROWD);
        publish_numbers(topic, 0, 5);
        for (int i = 0; i < CROWD; i++)
            take_numbers(readers[i], 0, 5);
        for (int i = 0; i < CROWD; i++)
            wherry_close(readers[i]);
        await(topic, 0);
    }
    CHECK_INT(next_descriptor(), descriptor);
    wherry_close_listener(topic);
}
