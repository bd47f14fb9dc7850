/* SPDX-License-Identifier: MIT */
/*
 * Topics: one publishes, many read, and each of those gets what it asked for.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "topics.h"

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

TEST(a_reader_that_has_left_is_nobody)
{
    wherry_listener *topic = open_topic("");
    wherry_channel *reader = read_topic("");
    wherry_message *message = message_of("news", 4, 0);
    CHECK_INT(wherry_publish(topic, &message, WHERRY_FOREVER), 1);
    hear(reader, "news");
    wherry_close(reader);
    message = message_of("none", 4, 0);
    FAILS(wherry_publish(topic, &message, at_once()), -ETIMEDOUT, "deadline");
    CHECK(message != NULL);
    wherry_message_free(message);
    wherry_close_listener(topic);
}

static void dial_and_hear(void *argument)
{
    (void)argument;
    wherry_channel *reader = read_topic("");
    hear(reader, "news");
    wherry_close(reader);
}

// No descriptor is left; what the limit was.
static struct rlimit use_up_descriptors(void)
{
    struct rlimit before;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = dup(STDOUT_FILENO);
    CHECK(next > 0);
    close(next);
    const struct rlimit none = {(rlim_t)next, before.rlim_max};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

TEST(who_cannot_be_let_in_is_told_of)
{
    wherry_listener *topic = open_topic("");
    struct pollfd wait;
    WORKS(wherry_listener_fd(topic, &wait.fd, &wait.events));
    pid_t child = harness_child(dial_and_hear, NULL);
    while (poll(&wait, 1, harness_stretch(HARNESS_PATIENCE)) < 0)
        CHECK_INT(errno, EINTR);
    wherry_message *message = message_of("news", 4, 0);
    const struct rlimit before = use_up_descriptors();
    FAILS(wherry_publish(topic, &message, soon()), -EMFILE, "who dials");
    FAILS(wherry_publish(topic, NULL, WHERRY_POLL), -EMFILE, "who dials");
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_INT(wherry_publish(topic, &message, soon()), 1);
    CHECK_INT(harness_wait(child), 0);
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
    CHECK_INT(look_at(topic, 0).lost_messages, all);
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
