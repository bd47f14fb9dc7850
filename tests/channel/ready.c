/* SPDX-License-Identifier: MIT */
/*
 * Many channels in loops within loops: what makes one of them readable while user space
 * holds a message is shared with a few others, makes none of those readable, and stays
 * within what epoll(7) allows.
 */
#include <poll.h>
#include <pthread.h>
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
static void hold_one(wherry_channel *const ends[2])
{
    wherry_message *message;
    WORKS(wherry_write(ends[1], "held", 4, 1, 0, soon()));
    WORKS(wherry_write(ends[1], "taken", 5, 2, 0, soon()));
    CHECK_INT(wherry_recv_kind(ends[0], 2, &message, soon()), 1);
    wherry_message_free(message);
}

static void check_each(void)
{
    for (uint32_t i = 0; i < CHANNELS; i++) {
        CHECK_INT(find_readable(), -1);
        hold_one(channels[i]);
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

/* --- at once ------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 200 };

static bool is_readable(const struct pollfd *asked)
{
    struct pollfd wait = *asked;
    int r;
    do
        r = poll(&wait, 1, 0);
    while (r < 0 && errno == EINTR);
    return r == 1;
}

static void *open_and_close(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        wherry_channel *ends[2];
        struct pollfd wait;
        WORKS(wherry_pair("pair:", ends));
        WORKS(wherry_fd(ends[0], WHERRY_IN, &wait.fd, &wait.events));
        CHECK(!is_readable(&wait));
        hold_one(ends);
        CHECK(is_readable(&wait));
        wherry_close(ends[1]);
        wherry_close(ends[0]);
    }
    return NULL;
}

TEST(threads_that_open_and_close_share_it_and_leave_nothing)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, open_and_close, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}
