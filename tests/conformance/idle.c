/* SPDX-License-Identifier: MIT */
/*
 * Doing nothing costs nothing: no processor while waiting, a page of memory a channel.
 */
#define _GNU_SOURCE // RUSAGE_THREAD
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bytes.h"

enum {
    WAIT_MILLISECONDS = 180, // longer than a busy channel keeps its memory
    CPU_MICROSECONDS = 5000,
    SWITCHES_MOST = 20,
    MEMORY_MOST = 4096,
    INTERVAL_MILLISECONDS = 5, // of tries, in the end, where nothing can be waited for
    GATHERED = 200             // small messages, more than a page
};

static int64_t cpu_microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static long switches(void)
{
    struct rusage usage;
    CHECK_INT(getrusage(RUSAGE_THREAD, &usage), 0);
    return usage.ru_nvcsw;
}

// Where there is no descriptor it is tried again, every 5 ms in the end.
static int tries_of(const struct ends *ends)
{
    return ends_can(ends, WHERRY_ABLE_DESCRIPTOR)
               ? 0
               : WAIT_MILLISECONDS / INTERVAL_MILLISECONDS;
}

// What so many sleeps cost by themselves on this machine now: it is not our work.
static int64_t microseconds_of_sleeps(int count)
{
    int silent[2];
    CHECK_INT(pipe(silent), 0);
    struct pollfd never = {.fd = silent[0], .events = POLLIN};
    int64_t cpu = cpu_microseconds();
    for (int i = 0; i < count; i++)
        CHECK_INT(poll(&never, 1, INTERVAL_MILLISECONDS), 0);
    cpu = cpu_microseconds() - cpu;
    close(silent[0]);
    close(silent[1]);
    return cpu;
}

ROW_TEST(waiting_uses_no_processor)
{
    struct ends ends;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    text_send(ends.sender, "busy");
    text_receive(ends.receiver, "busy");
    int64_t cpu = cpu_microseconds();
    long slept = switches();
    CHECK_ERROR(wherry_recv(ends.receiver, &message, wherry_after(WAIT_MILLISECONDS)),
                -ETIMEDOUT);
    if (!harness_is_slow()) { // an interrupted wait is not an idle one
        cpu = cpu_microseconds() - cpu;
        CHECK_RANGE(switches() - slept, 1, SWITCHES_MOST + tries_of(&ends));
        CHECK_RANGE(cpu, 0, CPU_MICROSECONDS + microseconds_of_sleeps(tries_of(&ends)));
    }
    ends_close(&ends);
}

ROW_TEST(waiting_for_room_uses_no_processor)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_LOSS) || harness_is_slow())
        SKIP("it is never full, or never idle");
    fill_up(ends.sender, 1000);
    char bytes[1000] = "";
    size_t size = size_there(ends.sender, sizeof bytes);
    int64_t cpu = cpu_microseconds();
    CHECK_ERROR(
        wherry_write(ends.sender, bytes, size, 0, 0, wherry_after(WAIT_MILLISECONDS)),
        -ETIMEDOUT);
    cpu = cpu_microseconds() - cpu;
    CHECK_RANGE(cpu, 0, CPU_MICROSECONDS + microseconds_of_sleeps(tries_of(&ends)));
    ends_close(&ends);
}

// What the machine does once is not ours: who uses the processor does so each time.
ROW_TEST(a_listener_that_waits_uses_no_processor)
{
    wherry_listener *listener = row_listen_for_many(row, NULL);
    int64_t least = INT64_MAX;
    for (int looks = 0; looks < 3 && least > CPU_MICROSECONDS; looks++) {
        wherry_channel *channel;
        int64_t cpu = cpu_microseconds();
        CHECK_ERROR(wherry_accept(listener, wherry_after(WAIT_MILLISECONDS), &channel),
                    -ETIMEDOUT);
        cpu = cpu_microseconds() - cpu;
        least = cpu < least ? cpu : least;
    }
    if (!harness_is_slow())
        CHECK_RANGE(least, 0, CPU_MICROSECONDS);
    wherry_close_listener(listener);
}

static void send_together(struct ends *ends)
{
    for (unsigned i = 0; i < GATHERED; i++)
        CHECK_OK(wherry_write(ends->sender, "together", 8, 0,
                              i + 1 < GATHERED ? WHERRY_MORE : 0, soon()));
    for (unsigned i = 0; i < GATHERED; i++)
        text_receive(ends->receiver, "together");
}

// Makes a channel busy with large and small messages, and then idle.
static void be_busy_and_rest(struct ends *ends)
{
    size_t sizes[] = {10, 4000, 60000, 10};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i] > ends->can.message_limit)
            continue;
        bytes_send(ends->sender, sizes[i], i, 0);
        bytes_receive(ends->receiver, sizes[i], i, 0);
    }
    if (ends_can(ends, WHERRY_ABLE_FINISH)) // datagrams have a queue of a few
        send_together(ends);
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(ends->receiver, &message, wherry_after(WAIT_MILLISECONDS)),
                -ETIMEDOUT);
    if (ends_can(ends, WHERRY_ABLE_DUPLEX))
        CHECK_ERROR(
            wherry_recv(ends->sender, &message, wherry_after(WAIT_MILLISECONDS)),
            -ETIMEDOUT);
}

ROW_TEST(an_idle_channel_keeps_a_page_of_memory)
{
    struct ends ends;
    size_t before = harness_live_bytes();
    ends_open(row, NULL, &ends);
    if (row->way == ROW_OWN || strncmp(row->address, "fault", 5) == 0)
        SKIP("it is made for tests, and has memory for them");
    if (strncmp(row->address, "local", 5) == 0 && !strstr(row->options, "never"))
        SKIP("its rings go after idle=, which tests/transport/local.c looks at");
    ends_need_messages(&ends);
    be_busy_and_rest(&ends);
    CHECK_RANGE(channel_info(ends.receiver).memory, 1, MEMORY_MOST);
    wherry_close_listener(ends.listener);
    ends.listener = NULL;
    size_t both = harness_live_bytes() - before;
    // What the description says is what there is.
    uint64_t said =
        channel_info(ends.receiver).memory + channel_info(ends.sender).memory;
    CHECK_RANGE(both, 1, said + 512);
    if (ends_can(&ends, WHERRY_ABLE_DUPLEX)) {
        CHECK_RANGE(channel_info(ends.sender).memory, 1, MEMORY_MOST);
        CHECK_RANGE(both, 1, 2 * MEMORY_MOST);
    }
    ends_close(&ends);
}

ROW_TEST(a_channel_that_was_never_used_keeps_less_than_a_page)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    if (row->way == ROW_OWN || strncmp(row->address, "fault", 5) == 0)
        SKIP("it is made for tests, and has memory for them");
    CHECK_RANGE(channel_info(ends.sender).memory, 1, MEMORY_MOST);
    ends_close(&ends);
}
