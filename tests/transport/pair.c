/* SPDX-License-Identifier: MIT */
/*
 * pair: what a user of socketpair(2) knows, through channels.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "talk.h"

static wherry_channel *ends[2];
static struct harness_gate gate;

static void open_ends(const char *address)
{
    WORKS(wherry_pair(address, ends));
}

static void close_ends(void)
{
    wherry_close(ends[0]);
    wherry_close(ends[1]);
}

static const char *const types[] = {"pair:", "pair:?type=packet", "pair:?type=stream",
                                    "pair:?type=datagram"};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

TEST(a_socket_pair_is_duplex_whatever_its_type)
{
    for (int i = 0; i < TYPES; i++) {
        open_ends(types[i]);
        say(ends[0], "there");
        say(ends[1], "and back");
        hear(ends[1], "there");
        hear(ends[0], "and back");
        CHECK(info_of(ends[0]).abilities & WHERRY_ABLE_DUPLEX);
        close_ends();
    }
}

static void answers(void *unused)
{
    (void)unused;
    wherry_close(ends[0]);
    hear(ends[1], "question");
    say(ends[1], "answer");
    wherry_close(ends[1]);
}

TEST(a_pair_works_across_a_plain_fork)
{
    for (int i = 0; i < TYPES; i++) {
        open_ends(types[i]);
        pid_t child = harness_child(answers, NULL);
        wherry_close(ends[1]);
        say(ends[0], "question");
        hear(ends[0], "answer");
        CHECK_INT(harness_wait(child), 0);
        wherry_close(ends[0]);
    }
}

TEST(the_peer_is_named_by_the_kernel_not_by_who_made_the_pair)
{
    for (int i = 0; i < TYPES - 1; i++) {
        open_ends(types[i]);
        CHECK_INT(info_of(ends[0]).peer.trust, WHERRY_TRUST_CREATOR);
        CHECK_INT(info_of(ends[0]).peer.pid, getpid());
        pid_t child = harness_child(answers, NULL);
        wherry_close(ends[1]);
        say(ends[0], "question");
        hear(ends[0], "answer");
        CHECK_INT(info_of(ends[0]).peer.trust, WHERRY_TRUST_KERNEL);
        CHECK_INT(info_of(ends[0]).peer.pid, child);
        CHECK_INT(info_of(ends[0]).peer.uid, geteuid());
        CHECK_INT(harness_wait(child), 0);
        wherry_close(ends[0]);
    }
}

static void keeps_a_copy(void *unused)
{
    (void)unused;
    gate_wait(&gate);
}

TEST(the_end_comes_with_the_last_copy_and_its_holder_is_named)
{
    char byte;
    gate_open(&gate);
    open_ends("pair:?type=stream&framing=raw");
    pid_t child = harness_child(keeps_a_copy, NULL);
    wherry_close(ends[1]);
    CHECK_ERROR(wherry_read(ends[0], &byte, 1, NULL, NULL, at_once()), -ETIMEDOUT);
    struct wherry_channel_info info = info_of(ends[0]);
    CHECK_INT(info.holder_count, 1);
    CHECK_INT(info.holders[0], child);
    gate_pass(&gate);
    CHECK_INT(harness_wait(child), 0);
    hear_end(ends[0]);
    wherry_close(ends[0]);
    gate_close(&gate);
}

TEST(an_open_file_travels_with_its_message)
{
    for (int i = 0; i < TYPES; i++) {
        wherry_message *message;
        char text[8] = "";
        harness_write_file("note", "inside", 6);
        open_ends(types[i]);
        int file = open(harness_path("note"), O_RDONLY | O_CLOEXEC);
        WORKS(wherry_message_copy("with", 4, &message));
        WORKS(wherry_message_attach(message, file));
        close(file);
        WORKS(wherry_send(ends[0], &message, 0, soon()));
        CHECK_INT(wherry_recv(ends[1], &message, soon()), 1);
        CHECK_INT(wherry_message_files(message), 1);
        CHECK_INT(read(wherry_message_file(message, 0), text, 7), 6);
        CHECK_STRING(text, "inside");
        CHECK(fcntl(wherry_message_file(message, 0), F_GETFD) & FD_CLOEXEC);
        wherry_message_free(message);
        close_ends();
    }
}

TEST(buffer_sets_how_much_waits_in_the_kernel)
{
    static char bytes[1000];
    int counts[2] = {0, 0};
    const char *const addresses[2] = {"pair:?buffer=16K", "pair:?buffer=160K"};
    for (int i = 0; i < 2; i++) {
        open_ends(addresses[i]);
        while (wherry_write(ends[0], bytes, sizeof(bytes), 0, 0, WHERRY_POLL) == 0)
            counts[i]++;
        close_ends();
    }
    CHECK_RANGE(counts[1], 5 * counts[0], 1000);
}

static int take_those_there(wherry_channel *channel)
{
    wherry_message *message;
    int count = 0;
    while (wherry_recv(channel, &message, WHERRY_POLL) == 1) {
        wherry_message_free(message);
        count++;
    }
    return count;
}

TEST(what_is_sent_with_more_never_makes_a_packet_that_the_socket_refuses)
{
    enum { COUNT = 200 };

    static char bytes[1000];
    int taken = 0;
    open_ends("pair:?type=packet&buffer=16K");
    for (int i = 0; i < COUNT; i++) {
        WORKS(wherry_write(ends[0], bytes, sizeof(bytes), 0, WHERRY_MORE, WHERRY_POLL));
        taken += take_those_there(ends[1]);
    }
    say(ends[0], "the last");
    taken += take_those_there(ends[1]);
    CHECK_INT(taken, COUNT + 1);
    close_ends();
}

TEST(a_packet_larger_than_the_socket_takes_names_both_sizes)
{
    static char bytes[100000];
    open_ends("pair:?buffer=16K");
    FAILS(wherry_write(ends[0], bytes, sizeof(bytes), 0, 0, soon()), -EMSGSIZE,
          "100000");
    say(ends[0], "goes on");
    hear(ends[1], "goes on");
    close_ends();
}

TEST(what_can_never_go_is_refused_though_there_is_no_room)
{
    static const char *const addresses[] = {"pair:?type=stream&framing=line",
                                            "pair:?type=packet&framing=line"};
    static const unsigned flags[] = {0, WHERRY_MORE};
    static char bytes[100000];
    memset(bytes, 'x', sizeof(bytes));
    for (int i = 0; i < 4; i++) {
        open_ends(addresses[i / 2]);
        while (wherry_write(ends[0], bytes, sizeof(bytes), 0, 0, WHERRY_POLL) == 0)
            ;
        FAILS(wherry_write(ends[0], "two\nlines", 9, 0, flags[i % 2], soon()), -EBADMSG,
              "newline");
        close_ends();
    }
}

static _Atomic(wherry_channel *) leaving;
static atomic_bool is_over;

static void *say_and_leave(void *argument)
{
    while (!atomic_load(&is_over)) {
        wherry_channel *channel = atomic_load(&leaving);
        if (!channel) {
            sched_yield();
            continue;
        }
        WORKS(wherry_write(channel, "last", 4, 0, 0, soon()));
        wherry_close(channel);
        atomic_store(&leaving, NULL);
    }
    return argument;
}

// A kernel that is asked between the two says that there is an end, and nothing else.
// Some hundreds of times, or as often as there is time for.
TEST(the_last_words_are_heard_however_soon_the_end_follows)
{
    pthread_t other;
    CHECK_INT(pthread_create(&other, NULL, say_and_leave, NULL), 0);
    const wherry_deadline enough = wherry_after(2000);
    for (int i = 0; i < 5000 && wherry_now() < enough; i++) {
        int64_t r;
        char last[4];
        open_ends("pair:?type=packet");
        atomic_store(&leaving, ends[1]);
        do
            r = wherry_read(ends[0], last, sizeof(last), NULL, NULL, WHERRY_POLL);
        while (r == -EAGAIN);
        CHECK_INT(r, 4);
        CHECK_INT(wherry_read(ends[0], last, sizeof(last), NULL, NULL, soon()), 0);
        while (atomic_load(&leaving))
            sched_yield();
        wherry_close(ends[0]);
    }
    atomic_store(&is_over, true);
    CHECK_INT(pthread_join(other, NULL), 0);
}
