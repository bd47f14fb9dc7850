/* SPDX-License-Identifier: MIT */
/*
 * Who sends into a ring of memory and waits for room in it, as loops of events do: by
 * the descriptor, never in a call that waits.
 */
#include <fcntl.h>
#include <poll.h>

#include "talk.h"

enum { MANY = 40, RING = 65536, SOME = 1000, LARGE = 4 * RING, HUGE = 1 << 20 };

// Both ends, over memory.
static struct two open_over_memory(void)
{
    struct two two = open_two("local:boat?ring=64K&spin=0");
    for (int i = 0; i < MANY; i++) {
        say(two.dialled, "there");
        hear(two.accepted, "there");
        say(two.accepted, "and back");
        hear(two.dialled, "and back");
    }
    CHECK(info_of(two.dialled).memory > RING && info_of(two.accepted).memory > RING);
    return two;
}

static bool has_room(wherry_channel *channel)
{
    struct pollfd wait;
    WORKS(wherry_fd(channel, WHERRY_OUT, &wait.fd, &wait.events));
    int r;
    do
        r = poll(&wait, 1, 0);
    while (r < 0);
    return r == 1;
}

static int write_some(wherry_channel *channel)
{
    static const char bytes[SOME];
    return wherry_write(channel, bytes, sizeof(bytes), 0, 0, WHERRY_POLL);
}

static int fill(wherry_channel *channel)
{
    int count = 0, r;
    while ((r = write_some(channel)) == 0)
        count++;
    CHECK_INT(r, -EAGAIN);
    return count;
}

static int take_all(wherry_channel *channel)
{
    int count = 0, r;
    wherry_message *message;
    while ((r = wherry_recv(channel, &message, WHERRY_POLL)) == 1) {
        wherry_message_free(message);
        count++;
    }
    CHECK_INT(r, -EAGAIN);
    return count;
}

TEST(whoever_asks_for_room_is_told_that_there_is)
{
    struct two two = open_over_memory();
    for (int i = 0; i < MANY; i++) { // and each time anew
        CHECK(has_room(two.dialled));
        CHECK(has_room(two.dialled));
        CHECK_INT(write_some(two.dialled), 0);
    }
    CHECK_INT(take_all(two.accepted), MANY);
    close_two(&two);
}

TEST(whoever_found_none_is_told_when_there_is_some_and_not_before)
{
    struct two two = open_over_memory();
    for (int i = 0; i < MANY; i++) {
        const int count = fill(two.dialled);
        CHECK(!has_room(two.dialled));
        CHECK_ERROR(write_some(two.dialled), -EAGAIN);
        CHECK(!has_room(two.dialled));
        CHECK_INT(take_all(two.accepted), count);
        CHECK(has_room(two.dialled));
        CHECK(has_room(two.dialled));
    }
    close_two(&two);
}

static int send_held(wherry_channel *channel, size_t size, int file)
{
    wherry_message *message;
    WORKS(wherry_message_new(size, &message));
    memset(wherry_message_data(message), 'x', size);
    if (file >= 0)
        WORKS(wherry_message_attach(message, file));
    int r = wherry_send(channel, &message, 0, WHERRY_POLL);
    wherry_message_free(message);
    return r;
}

// One turn of each loop: what is held goes on, and what has come is taken.
static int turn(struct two *two)
{
    const int r = wherry_flush(two->dialled);
    CHECK(r >= 0 || r == -EAGAIN);
    return take_all(two->accepted);
}

TEST(what_is_held_of_files_does_not_stop_what_follows)
{
    struct two two = open_over_memory();
    const int64_t end = soon();
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_INT(send_held(two.dialled, HUGE, file), 0);
    CHECK_INT(send_held(two.dialled, LARGE, -1), 0); // it fills the ring
    int taken = 0;
    while (taken < 2 && wherry_now() < end)
        taken += turn(&two);
    CHECK_INT(taken, 2);
    close(file);
    close_two(&two);
}

TEST(what_is_held_of_files_goes_while_the_ring_is_full)
{
    struct two two = open_over_memory();
    const int64_t end = soon();
    int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK_INT(send_held(two.dialled, HUGE, file), 0);
    const int count = 1 + fill(two.dialled);
    int taken = 0;
    while (taken < count && wherry_now() < end) {
        taken += take_all(two.accepted);
        const int r = write_some(two.dialled); // and no flush
        CHECK(r == 0 || r == -EAGAIN);
    }
    CHECK(taken >= count);
    close(file);
    close_two(&two);
}
