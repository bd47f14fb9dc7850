/* SPDX-License-Identifier: MIT */
/*
 * A local: channel that gives its memory back, on a kernel that fails: only what both
 * ends do after they were idle for long enough is counted.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

// Looks in vain, twice: that it is idle is seen, and then for how long.
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

static int run(const void *argument)
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

static const struct fault_scenario scenario = {
    .name = "leave_memory", .run = run, .allowed = allowed, .has_own_begin = 1};

void harness_register(void)
{
    fault_add(&scenario);
}
