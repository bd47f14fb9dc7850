/* SPDX-License-Identifier: MIT */
/*
 * Topics among processes: whoever is fast, stopped, killed, asleep, or a stranger there
 * holds up nobody.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "topics.h"

enum { OVER = 3 };

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
    char address[TEXT]; // no other test has one like it
    atomic_uint published;
};

static void publish_without_end(void *argument)
{
    struct news *news = argument;
    wherry_listener *topic;
    WORKS(wherry_listen(news->address, &topic));
    for (unsigned i = 0;; i++) {
        wherry_message *message = message_of("", 0, i);
        CHECK_INT(wherry_publish(topic, &message, WHERRY_FOREVER), 1);
        atomic_store(&news->published, i + 1);
    }
}

static wherry_channel *dial_when_it_is_there(const struct news *news)
{
    wherry_channel *reader = NULL;
    int r;
    while ((r = wherry_dial(news->address, soon(), &reader)) == -ECONNREFUSED ||
           r == -ENOENT)
        sched_yield();
    WORKS(r);
    return reader;
}

// At most so many; the number of the last goes to *last.  As recv.
static int take_up_to(wherry_channel *reader, int most, int64_t *last)
{
    int r = 1;
    for (int i = 0; i < most && r == 1; i++) {
        wherry_message *message = NULL;
        r = wherry_recv(reader, &message, soon());
        if (r == 1)
            *last = wherry_message_kind(message);
        wherry_message_free(message);
    }
    return r;
}

TEST(a_killed_writer_is_told_after_all_that_it_published)
{
    struct news *news = mmap(NULL, sizeof *news, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(news != MAP_FAILED);
    snprintf(news->address, TEXT, "local:news-%d?fan=broadcast&full=drop-oldest",
             (int)getpid());
    for (int round = 1; round <= 10; round++) {
        int64_t last = -1;
        char who[TEXT];
        atomic_store(&news->published, 0);
        pid_t writer = harness_child(publish_without_end, news);
        wherry_channel *reader = dial_when_it_is_there(news);
        CHECK_INT(take_up_to(reader, 10 * round, &last), 1);
        harness_kill(writer);
        snprintf(who, sizeof who, "process %d", (int)writer);
        FAILS(take_up_to(reader, INT_MAX, &last), -ECONNRESET, who);
        // The last one may be published and not yet counted.
        CHECK(last + 1 >= atomic_load(&news->published));
        wherry_close(reader);
    }
    WORKS(wherry_remove(news->address));
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
    snprintf(name.sun_path, sizeof(name.sun_path), "%s/wherry/news.local",
             harness_directory());
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    CHECK_OK(fd);
    CHECK_INT(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

struct stranger {
    wherry_listener *topic;
    int fd;
};

static bool has_hung_up(void *argument)
{
    const struct stranger *stranger = argument;
    struct pollfd end = {.fd = stranger->fd, .events = POLLIN};
    CHECK_INT(settle(stranger->topic), 0);
    while (poll(&end, 1, 0) < 0)
        CHECK_INT(errno, EINTR);
    return end.revents & POLLHUP;
}

static void is_turned_away(wherry_listener *topic, int fd)
{
    struct stranger stranger = {topic, fd};
    harness_until(has_hung_up, &stranger);
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
