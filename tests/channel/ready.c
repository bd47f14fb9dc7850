/* SPDX-License-Identifier: MIT */
/*
 * Many channels in loops within loops: what makes one of them readable while user space
 * holds a message is shared with a few others, makes none of those readable, and stays
 * within what epoll(7) allows.
 */
#include <sys/epoll.h>

#include "../transport/talk.h"

enum { CHANNELS = 200, LOOPS = 3 };

static wherry_channel *channels[CHANNELS][2];
static int loops[LOOPS]; // each watches the one before

static void watch(int loop, int fd, uint32_t number)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u32 = number}};
    CHECK_INT(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event), 0);
}

static void open_one(uint32_t number)
{
    wherry_native fd;
    short events;
    WORKS(wherry_pair("pair:", channels[number]));
    WORKS(wherry_fd(channels[number][0], WHERRY_IN, &fd, &events));
    watch(loops[0], fd, number);
}

static void close_one(uint32_t number)
{
    wherry_close(channels[number][0]);
    wherry_close(channels[number][1]);
}

static void open_all(void)
{
    for (int i = 0; i < LOOPS; i++) {
        loops[i] = epoll_create1(EPOLL_CLOEXEC);
        CHECK(loops[i] >= 0);
        if (i > 0)
            watch(loops[i], loops[i - 1], 0);
    }
    for (uint32_t i = 0; i < CHANNELS; i++)
        open_one(i);
}

static void close_all(void)
{
    for (uint32_t i = 0; i < CHANNELS; i++)
        close_one(i);
    for (int i = 0; i < LOOPS; i++)
        close(loops[i]);
}

// Seen from the outermost one, and which it is from the innermost one; -1: none.
static int32_t find_readable(void)
{
    struct epoll_event found[2];
    const int outside = epoll_wait(loops[LOOPS - 1], found, 1, 0);
    const int inside = epoll_wait(loops[0], found, 2, 0);
    CHECK_INT(outside, inside);
    return inside == 1 ? (int32_t)found[0].data.u32 : -1;
}

// Of two the second is taken: the first is held, and the kernel has nothing more.
static void hold_one(uint32_t number)
{
    wherry_message *message;
    WORKS(wherry_write(channels[number][1], "held", 4, 1, 0, soon()));
    WORKS(wherry_write(channels[number][1], "taken", 5, 2, 0, soon()));
    CHECK_INT(wherry_recv_kind(channels[number][0], 2, &message, soon()), 1);
    wherry_message_free(message);
}

static void check_each(void)
{
    for (uint32_t i = 0; i < CHANNELS; i++) {
        CHECK_INT(find_readable(), -1);
        hold_one(i);
        CHECK_INT(find_readable(), i);
        hear(channels[i][0], "held");
    }
    CHECK_INT(find_readable(), -1);
}

TEST(each_of_many_that_holds_a_message_is_readable_and_no_other)
{
    open_all();
    check_each();
    for (uint32_t i = 0; i < CHANNELS; i += 3) {
        close_one(i);
        open_one(i);
    }
    check_each();
    close_all();
}
