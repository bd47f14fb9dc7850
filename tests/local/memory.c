/* SPDX-License-Identifier: MIT */
/*
 * When a channel goes over to memory, when it gives that back, and what then is the
 * same as before.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dying.h"
#include "talk.h"

enum { TEXT = 128, LARGE = 3000000, QUIET_MOST = 8192, UP_LEAST = 65536, MANY = 40 };

struct channels {
    wherry_listener *listener;
    wherry_channel *here, *there;
};

static void open_both(struct channels *channels, const char *here, const char *there)
{
    char address[TEXT];
    snprintf(address, sizeof(address), "local:boat%s", here);
    WORKS(wherry_listen(address, &channels->listener));
    snprintf(address, sizeof(address), "local:boat%s", there);
    WORKS(wherry_dial(address, soon(), &channels->there));
    WORKS(wherry_accept(channels->listener, soon(), &channels->here));
}

static void close_both(struct channels *channels)
{
    wherry_close(channels->here);
    wherry_close(channels->there);
    wherry_close_listener(channels->listener);
}

static uint64_t memory_of(wherry_channel *channel)
{
    struct wherry_channel_info info;
    WORKS(wherry_describe(channel, &info,
                          offsetof(struct wherry_channel_info, holder_count)));
    return info.memory;
}

static void talk(struct channels *channels, int times)
{
    for (int i = 0; i < times; i++) {
        say(channels->here, "there");
        hear(channels->there, "there");
        say(channels->there, "and back");
        hear(channels->here, "and back");
    }
}

static bool is_up(const struct channels *channels)
{
    return memory_of(channels->here) > UP_LEAST &&
           memory_of(channels->there) > UP_LEAST;
}

static bool is_down(const struct channels *channels)
{
    return memory_of(channels->here) < QUIET_MOST &&
           memory_of(channels->there) < QUIET_MOST;
}

static void wait_in_vain(wherry_channel *channel)
{
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(channel, &message, wherry_after(150)), -ETIMEDOUT);
}

TEST(a_channel_that_said_little_has_no_memory)
{
    struct channels channels;
    open_both(&channels, "", "");
    talk(&channels, 2);
    CHECK(is_down(&channels));
    close_both(&channels);
}

TEST(a_message_too_large_for_a_read_stays_the_first_in_memory_too)
{
    struct channels channels;
    char room[8];
    open_both(&channels, "", "");
    talk(&channels, MANY);
    CHECK(is_up(&channels));
    say(channels.here, "ten bytes!");
    say(channels.here, "second");
    for (int i = 0; i < 3; i++)
        FAILS(wherry_read(channels.there, room, sizeof(room), NULL, NULL, soon()),
              -ENOSPC, "of 10 bytes waits, there is room for 8");
    hear(channels.there, "ten bytes!");
    CHECK_INT(wherry_read(channels.there, room, sizeof(room), NULL, NULL, soon()), 6);
    CHECK_BYTES(room, "second", 6);
    close_both(&channels);
}

TEST(a_burst_goes_over_to_memory)
{
    struct channels channels;
    open_both(&channels, "", "");
    talk(&channels, MANY);
    CHECK(is_up(&channels));
    close_both(&channels);
}

TEST(whoever_only_sends_goes_over_too)
{
    struct channels channels;
    open_both(&channels, "", "");
    for (int i = 0; i < MANY; i++) {
        say(channels.here, "one way");
        hear(channels.there, "one way");
    }
    CHECK(is_up(&channels));
    close_both(&channels);
}

TEST(idleness_gives_the_memory_back_and_a_burst_takes_it_anew)
{
    struct channels channels;
    open_both(&channels, "?idle=200ms", "?idle=200ms");
    for (int round = 0; round < 3; round++) {
        talk(&channels, MANY);
        CHECK(is_up(&channels));
        for (int i = 0; i < 20 && !is_down(&channels); i++) {
            wait_in_vain(channels.here);
            wait_in_vain(channels.there);
        }
        CHECK(is_down(&channels));
    }
    close_both(&channels);
}

TEST(one_that_only_sends_leaves_when_the_other_end_does)
{
    struct channels channels;
    open_both(&channels, "?idle=60min", "?idle=200ms");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            say(channels.here, "one way");
            hear(channels.there, "one way");
        }
        CHECK(is_up(&channels));
        for (int i = 0; i < 20 && !is_down(&channels); i++) {
            wait_in_vain(channels.there);
            wait_in_vain(channels.here);
        }
        CHECK(is_down(&channels));
    }
    close_both(&channels);
}

TEST(messages_cross_the_ways_in_order)
{
    struct channels channels;
    char text[TEXT];
    open_both(&channels, "?idle=100ms", "?idle=100ms");
    int sent = 0;
    int heard = 0;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 5 * round + 1; i++) {
            snprintf(text, sizeof(text), "number %d", sent++);
            say(channels.here, text);
        }
        for (; heard < sent - round % 3; heard++) {
            snprintf(text, sizeof(text), "number %d", heard);
            hear(channels.there, text);
        }
        wait_in_vain(channels.here);
    }
    close_both(&channels);
}

/* --- and when not -------------------------------------------------------- */

static void stays_without(const char *here, const char *there)
{
    struct channels channels;
    open_both(&channels, here, there);
    talk(&channels, MANY);
    CHECK(memory_of(channels.here) < UP_LEAST);
    CHECK(memory_of(channels.there) < UP_LEAST);
    close_both(&channels);
}

TEST(either_end_can_do_without_memory)
{
    stays_without("?memory=never", "");
    stays_without("", "?memory=never");
    stays_without("?memory=never", "?memory=never");
}

TEST(whoever_must_have_memory_says_that_the_peer_refuses_it)
{
    struct channels channels;
    open_both(&channels, "?memory=always", "?memory=never");
    int r = 0;
    for (int i = 0; i < MANY && r >= 0; i++) {
        r = wherry_write(channels.here, "x", 1, 0, 0, soon());
        if (r >= 0)
            hear(channels.there, "x");
    }
    CHECK_ERROR(r, -ENOTSUP);
    CHECK_CONTAINS(wherry_error_text(), "memory=always");
    close_both(&channels);
}

/* --- death and birth ----------------------------------------------------- */

static void send_and_die(void *argument)
{
    (void)argument;
    wherry_channel *channel;
    WORKS(wherry_dial("local:boat", soon(), &channel));
    for (int i = 0; i < MANY; i++) {
        say(channel, "said");
        hear(channel, "heard");
    }
    for (int i = 0; i < MANY; i++)
        say(channel, "last words");
    raise(SIGKILL);
}

TEST(what_the_dead_said_into_memory_is_heard)
{
    wherry_listener *listener;
    wherry_channel *channel;
    wherry_message *message;
    WORKS(wherry_listen("local:boat", &listener));
    pid_t child = harness_child(send_and_die, NULL);
    WORKS(wherry_accept(listener, soon(), &channel));
    for (int i = 0; i < MANY; i++) {
        hear(channel, "said");
        say(channel, "heard");
    }
    CHECK(memory_of(channel) > UP_LEAST);
    CHECK_INT(harness_wait(child), -SIGKILL);
    for (int i = 0; i < MANY; i++)
        hear(channel, "last words");
    FAILS(wherry_recv(channel, &message, soon()), -ECONNRESET, "died");
    wherry_close(channel);
    wherry_close_listener(listener);
}

TEST(a_death_is_noticed_though_a_child_of_the_dead_has_its_socket)
{
    struct dying dying;
    wherry_message *message;
    dying_begin(&dying);
    for (int i = 0; i < DYING_ROUNDS; i++) {
        hear(dying.channel, "said");
        say(dying.channel, "heard");
    }
    dying_dies(&dying);
    FAILS(wherry_recv(dying.channel, &message, soon()), -ECONNRESET, "died");
    dying_end(&dying);
}

static void use_of_the_parent(void *argument)
{
    struct channels *channels = argument;
    wherry_message *message;
    FAILS(wherry_write(channels->here, "x", 1, 0, 0, soon()), -ECHILD, "fork");
    FAILS(wherry_recv(channels->here, &message, soon()), -ECHILD, "fork");
    CHECK_OK(memory_of(channels->here));
    close_both(channels);
}

TEST(a_child_has_no_part_of_its_parents_memory)
{
    struct channels channels;
    open_both(&channels, "", "");
    talk(&channels, MANY);
    CHECK(is_up(&channels));
    CHECK_INT(harness_wait(harness_child(use_of_the_parent, &channels)), 0);
    talk(&channels, 3);
    close_both(&channels);
}

TEST(a_large_message_goes_through_a_small_ring)
{
    struct channels channels;
    open_both(&channels, "?ring=64K", "?ring=64K");
    talk(&channels, MANY);
    char *large = malloc(LARGE);
    CHECK(large != NULL);
    for (int i = 0; i < LARGE; i++)
        large[i] = (char)(i * 31 % 127);
    size_t done = 0;
    int r = wherry_write(channels.here, large, LARGE, 5, 0, WHERRY_POLL);
    CHECK_INT(r, 0);
    wherry_message *message = NULL;
    while ((r = wherry_recv(channels.there, &message, WHERRY_POLL)) == -EAGAIN) {
        (void)wherry_flush(channels.here);
        CHECK(done++ < LARGE);
    }
    CHECK_INT(r, 1);
    CHECK_INT(wherry_message_size(message), LARGE);
    CHECK_INT(wherry_message_kind(message), 5);
    CHECK_BYTES(wherry_message_data(message), large, LARGE);
    wherry_message_free(message);
    free(large);
    close_both(&channels);
}

TEST(whoever_has_finished_still_hears_the_other_end)
{
    struct channels channels;
    wherry_message *message;
    open_both(&channels, "", "");
    talk(&channels, MANY);
    WORKS(wherry_finish(channels.here));
    CHECK_INT(wherry_recv(channels.there, &message, soon()), 0);
    for (int i = 0; i < 100; i++) {
        say(channels.there, "an answer");
        hear(channels.here, "an answer");
    }
    WORKS(wherry_finish(channels.there));
    CHECK_INT(wherry_recv(channels.here, &message, soon()), 0);
    close_both(&channels);
}

TEST(whoever_writes_to_nobody_is_told_before_the_ring_is_full)
{
    struct channels channels;
    open_both(&channels, "", "");
    talk(&channels, MANY);
    wherry_close(channels.there);
    int said = 0;
    int r;
    do
        r = wherry_write(channels.here, "x", 1, 0, 0, soon());
    while (r >= 0 && ++said < 1000);
    CHECK_ERROR(r, -EPIPE);
    CHECK_RANGE(said, 0, 2);
    channels.there = NULL;
    close_both(&channels);
}

/* --- names --------------------------------------------------------------- */

TEST(names_are_checked)
{
    wherry_channel *channel;
    wherry_listener *listener;
    FAILS(wherry_dial("local:", soon(), &channel), -EINVAL, "name");
    FAILS(wherry_dial("local:a/b", soon(), &channel), -EINVAL, "slash");
    FAILS(wherry_dial("local:.a", soon(), &channel), -EINVAL, "dot");
    FAILS(wherry_dial("local:"
                      "123456789012345678901234567890123456789012345678901234567890"
                      "12345",
                      soon(), &channel),
          -ENAMETOOLONG, "64");
    FAILS(wherry_listen("local:a?ring=100000", &listener), -EINVAL, "power of two");
    FAILS(wherry_dial("local:nobody", soon(), &channel), -ENOENT, "nobody listens");
}

TEST(a_name_has_one_listener)
{
    wherry_listener *first, *second;
    WORKS(wherry_listen("local:boat", &first));
    FAILS(wherry_listen("local:boat", &second), -EADDRINUSE, "already");
    wherry_close_listener(first);
    WORKS(wherry_listen("local:boat", &second));
    wherry_close_listener(second);
}

static void listen_and_die(void *argument)
{
    (void)argument;
    wherry_listener *listener;
    WORKS(wherry_listen("local:boat", &listener));
    raise(SIGKILL);
}

TEST(a_name_that_the_dead_left_is_free)
{
    wherry_channel *channel;
    wherry_listener *listener;
    CHECK_INT(harness_wait(harness_child(listen_and_die, NULL)), -SIGKILL);
    FAILS(wherry_dial("local:boat", soon(), &channel), -ECONNREFUSED, "gone");
    WORKS(wherry_listen("local:boat", &listener));
    FAILS(wherry_remove("local:boat"), -EADDRINUSE, "");
    wherry_close_listener(listener);
    CHECK_INT(harness_wait(harness_child(listen_and_die, NULL)), -SIGKILL);
    WORKS(wherry_remove("local:boat"));
    FAILS(wherry_remove("local:boat"), -ENOENT, "");
}

static void listen_elsewhere(void *is_there)
{
    wherry_listener *listener;
    CHECK_INT(setenv("WHERRY_DIR", harness_path("elsewhere"), 1), 0);
    WORKS(wherry_listen("local:boat", &listener));
    gate_pass(is_there);
    for (;;)
        pause();
}

static void listen_again(void *argument)
{
    (void)argument;
    wherry_listener *listener;
    WORKS(wherry_listen("local:boat", &listener));
    wherry_close_listener(listener);
}

// The paths of all are alike: by the number that the directory has in each process.
TEST(a_name_that_the_dead_left_is_free_though_it_is_in_use_in_another_directory)
{
    struct harness_gate is_there;
    const char *elsewhere = harness_path("elsewhere");
    CHECK_INT(mkdir(elsewhere, 0700), 0);
    gate_open(&is_there);
    const pid_t other = harness_child(listen_elsewhere, &is_there);
    gate_wait(&is_there);
    CHECK_INT(harness_wait(harness_child(listen_and_die, NULL)), -SIGKILL);
    CHECK_INT(harness_wait(harness_child(listen_again, NULL)), 0);
    harness_kill(other);
    gate_close(&is_there);
    CHECK_INT(setenv("WHERRY_DIR", elsewhere, 1), 0);
    WORKS(wherry_remove("local:boat"));
    CHECK_INT(rmdir(elsewhere), 0);
}
