/* SPDX-License-Identifier: MIT */
/*
 * Channels that only an event loop looks at, by their descriptors: they give their
 * memory back like those that wait in a call, are told of a death, and then wake
 * nobody.
 */
#include <poll.h>

#include "dying.h"
#include "talk.h"

enum {
    MANY = 40,
    UP_LEAST = 65536,
    QUIET_MOST = 8192,
    QUIET = 1500 /* milliseconds */
};

static struct two open_polled(const char *options)
{
    char address[64];
    snprintf(address, sizeof(address), "local:boat%s", options);
    return open_two(address);
}

static struct pollfd polled(wherry_channel *channel)
{
    wherry_native fd;
    short events;
    WORKS(wherry_fd(channel, WHERRY_IN, &fd, &events));
    return (struct pollfd){.fd = fd, .events = events};
}

static uint64_t memory_of(wherry_channel *channel)
{
    struct wherry_channel_info info;
    WORKS(wherry_describe(channel, &info,
                          offsetof(struct wherry_channel_info, holder_count)));
    return info.memory;
}

static bool are_down(const struct two *two)
{
    return memory_of(two->dialled) < QUIET_MOST &&
           memory_of(two->accepted) < QUIET_MOST;
}

static bool are_up(const struct two *two)
{
    return memory_of(two->dialled) > UP_LEAST && memory_of(two->accepted) > UP_LEAST;
}

// One round of an event loop, which looks at what is readable and at nothing else.
static int turn(const struct two *two, int milliseconds)
{
    wherry_channel *const ends[] = {two->dialled, two->accepted};
    struct pollfd waits[] = {polled(two->dialled), polled(two->accepted)};
    int woken = poll(waits, 2, milliseconds);
    for (int i = 0; i < 2 && woken > 0; i++)
        if (waits[i].revents)
            hear_nothing(ends[i]);
    return woken > 0 ? woken : 0;
}

static void talk_by_loop(const struct two *two)
{
    for (int i = 0; i < MANY; i++) {
        say(two->dialled, "there");
        hear(two->accepted, "there");
        say(two->accepted, "and back");
        hear(two->dialled, "and back");
    }
}

static void until_down(const struct two *two)
{
    const int64_t end = harness_now() + 1000000LL * harness_stretch(HARNESS_PATIENCE);
    while (!are_down(two)) {
        CHECK(harness_now() < end);
        (void)turn(two, 100);
    }
}

TEST(whoever_only_polls_gives_its_memory_back_after_each_burst)
{
    struct two two = open_polled("?idle=200ms");
    (void)turn(&two, 0);
    for (int round = 0; round < 2; round++) {
        talk_by_loop(&two);
        CHECK(are_up(&two));
        until_down(&two);
    }
    close_two(&two);
}

// Many go one way over the socket; what is said of memory meanwhile both hear, and
// neither sends again.
static void have_memory_alone(const struct two *two)
{
    const int64_t end = harness_now() + 1000000LL * harness_stretch(HARNESS_PATIENCE);
    say(two->accepted, "hello");
    hear(two->dialled, "hello");
    for (int i = 0; i < MANY; i++)
        say(two->dialled, "there");
    for (int i = 0; i < MANY; i++)
        hear(two->accepted, "there");
    while (!are_up(two)) {
        CHECK(harness_now() < end);
        (void)turn(two, 100);
    }
}

TEST(memory_that_nothing_has_gone_through_is_kept_for_as_long_as_any)
{
    struct two two = open_polled("?idle=60min");
    have_memory_alone(&two);
    while (turn(&two, QUIET) > 0)
        ;
    CHECK(are_up(&two));
    close_two(&two);
}

TEST(a_channel_that_has_given_all_back_wakes_nobody)
{
    struct two two = open_polled("?idle=200ms");
    const int descriptors = harness_descriptors();
    (void)turn(&two, 0);
    talk_by_loop(&two);
    until_down(&two);
    // The word of the end that left last may be on its way.
    for (int i = 0; i < 3; i++)
        (void)turn(&two, QUIET);
    const int64_t from = harness_now();
    CHECK_INT(turn(&two, QUIET), 0);
    if (!harness_is_slow())
        CHECK_RANGE((harness_now() - from) / 1000000, QUIET - 1, 2 * QUIET);
    if (!harness_is_slow()) // a call that waits, which an interrupt makes, has a bell
        CHECK_INT(harness_descriptors() - descriptors,
                  3); // a watch for each, and what is always readable for both
    close_two(&two);
}

/* --- and of a death ------------------------------------------------------ */

static int receive_by_poll(wherry_channel *channel, struct pollfd *wait)
{
    wherry_message *message = NULL;
    int r;
    do {
        const int ready = poll(wait, 1, harness_stretch(HARNESS_PATIENCE));
        if (ready == 0)
            FAIL("it was never told");
        r = wherry_recv(channel, &message, WHERRY_POLL);
    } while (r == -EAGAIN);
    wherry_message_free(message);
    return r;
}

TEST(whoever_polled_before_there_was_memory_is_told_of_a_death_that_a_child_hides)
{
    struct dying dying;
    dying_begin(&dying);
    struct pollfd wait = polled(dying.channel);
    for (int i = 0; i < DYING_ROUNDS; i++) {
        CHECK_INT(receive_by_poll(dying.channel, &wait), 1);
        say(dying.channel, "heard");
    }
    dying_dies(&dying);
    CHECK_ERROR(receive_by_poll(dying.channel, &wait), -ECONNRESET);
    CHECK_CONTAINS(wherry_error_text(), "died");
    dying_end(&dying);
}
