/* SPDX-License-Identifier: MIT */
/*
 * fault: drops, delays and cuts, exactly as told.
 */
#include <poll.h>

#include "talk.h"

static wherry_channel *ends[2];

static void open_ends(const char *address)
{
    WORKS(wherry_pair(address, ends));
}

static void close_ends(void)
{
    wherry_close(ends[0]);
    wherry_close(ends[1]);
}

TEST(every_nth_message_is_dropped)
{
    open_ends("fault?drop=3:pair:");
    for (int i = 1; i <= 7; i++)
        say(ends[0], (char[]){(char)('0' + i), 0});
    hear(ends[1], "1");
    hear(ends[1], "2");
    hear(ends[1], "4");
    hear(ends[1], "5");
    hear(ends[1], "7");
    hear_nothing(ends[1]);
    CHECK(info_of(ends[0]).abilities & WHERRY_ABLE_LOSS);
    CHECK(info_of(ends[0]).abilities & WHERRY_ABLE_TESTS_ONLY);
    CHECK_STRING(info_of(ends[0]).address, "fault?drop=3:pair:");
    close_ends();
}

TEST(without_options_nothing_is_made_worse)
{
    static const char *const inner[] = {"fault:pair:", "fault:pair:?type=stream",
                                        "fault:pipe:?duplex=yes"};
    for (int i = 0; i < 3; i++) {
        open_ends(inner[i]);
        say(ends[0], "there");
        hear(ends[1], "there");
        say(ends[1], "and back");
        hear(ends[0], "and back");
        wherry_close(ends[0]);
        hear_end(ends[1]);
        wherry_close(ends[1]);
    }
}

TEST(what_arrives_is_held_back_for_the_delay)
{
    open_ends("fault?delay=60ms:pair:");
    int64_t begin = harness_now();
    say(ends[0], "late");
    say(ends[0], "later");
    hear_nothing(ends[1]);
    hear(ends[1], "late");
    CHECK_RANGE(harness_now() - begin, 60000000, 60000000 + 2000000000);
    hear(ends[1], "later");
    wherry_close(ends[0]);
    hear_end(ends[1]);
    wherry_close(ends[1]);
}

TEST(more_than_can_be_held_back_waits_and_comes_in_order)
{
    enum { MANY = 300 };

    char text[16];
    open_ends("fault?delay=5ms:pair:");
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "%d", i);
        say(ends[0], text);
        // The socket's own buffer has room for fewer than that.
        if (i % 100 == 99)
            for (int j = i - 99; j <= i; j++) {
                snprintf(text, sizeof(text), "%d", j);
                hear(ends[1], text);
            }
    }
    close_ends();
}

TEST(a_descriptor_of_what_is_held_back_is_readable_at_its_time)
{
    int fd;
    short events;
    open_ends("fault?delay=40ms:pair:");
    WORKS(wherry_fd(ends[1], WHERRY_IN, &fd, &events));
    say(ends[0], "late");
    int64_t begin = harness_now();
    hear_nothing(ends[1]);
    struct pollfd ready = {.fd = fd, .events = events};
    while (harness_now() - begin < INT64_C(3000000000)) {
        if (poll(&ready, 1, 3000) < 0)
            CHECK_INT(errno, EINTR);
        char heard[8];
        if (wherry_read(ends[1], heard, sizeof(heard), NULL, NULL, WHERRY_POLL) >= 0)
            break;
    }
    CHECK_RANGE(harness_now() - begin, 30000000, 2000000000);
    CHECK_INT(poll(&ready, 1, 0), 0);
    close_ends();
}

TEST(after_n_messages_the_connection_is_cut)
{
    static const char *const inner[] = {
        "fault?cut=2:pair:", "fault?cut=2:pair:?type=stream",
        "fault?cut=2:pipe:?duplex=yes"};
    for (int i = 0; i < 3; i++) {
        wherry_message *message;
        open_ends(inner[i]);
        say(ends[0], "one");
        say(ends[0], "two");
        FAILS(wherry_write(ends[0], "three", 5, 0, 0, soon()), -ECONNRESET, "cut=");
        FAILS(wherry_recv(ends[0], &message, WHERRY_POLL), -ECONNRESET, "cut=");
        hear(ends[1], "one");
        hear(ends[1], "two");
        CHECK_ERROR(wherry_recv(ends[1], &message, soon()), -ECONNRESET);
        close_ends();
    }
}

TEST(it_wraps_dialling_and_listening_too)
{
    struct two two = open_two("fault?drop=2:tcp:127.0.0.1:0");
    CHECK_CONTAINS(wherry_listener_address(two.listener),
                   "fault?drop=2:tcp:127.0.0.1:");
    CHECK_STRING(info_of(two.accepted).address, wherry_listener_address(two.listener));
    say(two.dialled, "one");
    say(two.dialled, "two");
    say(two.dialled, "three");
    hear(two.accepted, "one");
    hear(two.accepted, "three");
    close_two(&two);
}

TEST(the_bounds_of_the_channel_are_the_inner_addresss)
{
    open_ends("fault?drop=9:pair:?type=stream&message=1000");
    CHECK_INT(info_of(ends[0]).message_limit, 1000);
    close_ends();
}

TEST(what_the_inner_mechanism_cannot_do_is_told)
{
    wherry_channel *channel;
    wherry_listener *listener;
    FAILS(wherry_dial("fault:pipe:", soon(), &channel), -ENOTSUP, "pipe");
    FAILS(wherry_listen("fault:pair:", &listener), -ENOTSUP, "pair");
    FAILS(wherry_pair("fault:udp:127.0.0.1:1", ends), -ENOTSUP, "udp");
    FAILS(wherry_address_check("fault?drop=2:pear:"), -EINVAL, "pair:");
    FAILS(wherry_address_check("fault:fault:pair:"), -EINVAL, "wrap itself");
    FAILS(wherry_address_check("fault?drop=2:pair:?type=x"), -EINVAL, "packet");
}
