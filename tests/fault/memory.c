/* SPDX-License-Identifier: MIT */
/*
 * A local: channel that goes over to memory while one end is polled, and one that gives
 * its memory back after it was idle for long enough, on a kernel that fails meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "fault.h"
#include "harness.h"

enum { PATIENCE = 40, IDLE = 110 /* milliseconds, a little more than idle= */ };

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(PATIENCE));
}

static int say(wherry_channel *from, wherry_channel *to)
{
    wherry_message *message = NULL;
    int r = wherry_write(from, "word", 4, 0, 0, soon());
    if (r >= 0)
        r = wherry_recv(to, &message, soon());
    if (r == 1) {
        CHECK_INT(wherry_message_size(message), 4);
        CHECK_BYTES(wherry_message_data(message), "word", 4);
    }
    wherry_message_free(message);
    return r;
}

// Looks in vain.
static int look(wherry_channel *channel)
{
    wherry_message *message = NULL;
    int r = wherry_recv(channel, &message, wherry_after(1));
    CHECK(!message);
    return r == -ETIMEDOUT ? 0 : r;
}

static bool has_memory(wherry_channel *channel)
{
    enum { RING = 65536 };

    struct wherry_channel_info info;
    const size_t size = offsetof(struct wherry_channel_info, holder_count);
    CHECK_INT(wherry_describe(channel, &info, size), 0);
    return info.memory > RING;
}

// Each looks twice: that it is idle is seen, and then for how long.
static int leave(wherry_channel *ends[2])
{
    int r = look(ends[0]);
    if (r >= 0)
        r = look(ends[1]);
    for (int i = 0; i < 2 && r >= 0; i++) {
        r = say(ends[0], ends[1]);
        if (r >= 0)
            r = say(ends[1], ends[0]);
    }
    return r;
}

static bool is_a_life(int fd)
{
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(path, target, sizeof target - 1);
    target[size < 0 ? 0 : size] = 0;
    return strstr(target, "[pidfd]") != NULL;
}

static bool has_a_life(void)
{
    enum { DESCRIPTORS_MOST = 128 };

    int fd = 0;
    while (fd < DESCRIPTORS_MOST && !is_a_life(fd))
        fd++;
    return fd < DESCRIPTORS_MOST;
}

static bool watches_a_life(int watch)
{
    char path[64], line[256];
    bool does = false;
    int fd;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", watch);
    FILE *file = fopen(path, "r");
    CHECK(file);
    while (fgets(line, sizeof line, file))
        does |= sscanf(line, "tfd: %d", &fd) == 1 && is_a_life(fd);
    fclose(file);
    return does;
}

// Whoever has memory is told by the descriptor of the other's death, too, even where a
// child of the dead keeps the socket open.
static int go_over_polled(const void *argument)
{
    enum { ROUNDS = 30 };

    wherry_channel *ends[2];
    wherry_native watch;
    short events;
    int r = 0;
    (void)argument;
    CHECK_OK(wherry_pair("local:?memory=always&ring=64K&spin=0", ends));
    CHECK_OK(wherry_fd(ends[1], WHERRY_IN, &watch, &events));
    fault_begin();
    for (int i = 0; i < ROUNDS && r >= 0; i++)
        r = say(ends[0], ends[1]);
    fault_end();
    if (r >= 0)
        r = say(ends[0], ends[1]);
    if (r >= 0 && has_a_life())
        CHECK(watches_a_life(watch));
    wherry_close(ends[0]);
    wherry_close(ends[1]);
    return r < 0 ? r : 0;
}

static int leave_memory(const void *argument)
{
    enum { ROUNDS = 6 };

    wherry_channel *ends[2];
    (void)argument;
    CHECK_OK(wherry_pair("local:?memory=always&ring=64K&idle=100ms&spin=0", ends));
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_INT(say(ends[0], ends[1]), 1);
        CHECK_INT(say(ends[1], ends[0]), 1);
    }
    CHECK(has_memory(ends[0]) && has_memory(ends[1]));
    CHECK_INT(look(ends[0]), 0);
    CHECK_INT(look(ends[1]), 0);
    poll(NULL, 0, IDLE);
    fault_begin();
    int r = leave(ends);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
    return r < 0 ? r : 0;
}

static const int allowed[] = {-ETIMEDOUT, -ECONNRESET, -EPIPE, -ENOTSUP, 0};

static const struct fault_scenario scenarios[] = {
    {.name = "go_over_polled",
     .run = go_over_polled,
     .allowed = allowed,
     .has_own_begin = 1},
    {.name = "leave_memory",
     .run = leave_memory,
     .allowed = allowed,
     .has_own_begin = 1},
};

void harness_register(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        fault_add(&scenarios[i]);
}
