/* SPDX-License-Identifier: MIT */
/*
 * Channels over memory for tests of inspection: another process has the other end, and
 * both are looked at.
 */
#ifndef MEETING_H
#define MEETING_H

#include "look.h"

#include <wherry.h>

enum { FEW = 100, RING = 65536, ROUNDS = 40 };

#define BOAT "local:boat"
#define ALWAYS "?memory=always&ring=64K"

static inline wherry_deadline soon(void)
{
    return wherry_after(HARNESS_PATIENCE);
}

/* --- looking ------------------------------------------------------------- */

static inline struct wherry_channels_view *channels_of(int64_t pid)
{
    struct wherry_channels_view *view = NULL;
    CHECK_OK(wherry_inspect_channels(pid, NULL, &view));
    CHECK_INT(view->state.pid, pid);
    return view;
}

// The only one of that use.
static inline const struct wherry_view_channel *
find(const struct wherry_channels_view *view, enum wherry_memory_use use)
{
    const struct wherry_view_channel *found = NULL;
    for (size_t i = 0; i < view->channel_count; i++)
        if (view->channels[i].use == use) {
            CHECK(!found);
            found = &view->channels[i];
        }
    if (!found)
        FAIL("no channel is a %s", wherry_memory_use_name(use));
    return found;
}

/* --- a process at the other end ------------------------------------------ */

/* What happens at the end that the test does not have. */
struct other {
    pid_t pid;
    struct harness_gate ready, more, done;
    const char *address;
    void (*before)(wherry_channel *);
    void (*after)(wherry_channel *);
};

static inline void live_there(void *argument)
{
    struct other *other = argument;
    wherry_channel *channel;
    CHECK_OK(wherry_dial(other->address, soon(), &channel));
    if (other->before)
        other->before(channel);
    gate_pass(&other->ready);
    gate_wait(&other->more);
    if (other->after)
        other->after(channel);
    gate_pass(&other->done);
    for (;;)
        pause();
}

static inline void start_there(struct other *other)
{
    gate_open(&other->ready);
    gate_open(&other->more);
    gate_open(&other->done);
    other->pid = harness_child(live_there, other);
}

static inline void end_there(struct other *other)
{
    harness_kill(other->pid);
    gate_close(&other->ready);
    gate_close(&other->more);
    gate_close(&other->done);
}

static inline void go_on(struct other *other)
{
    gate_pass(&other->more);
    gate_wait(&other->done);
}

/* --- channels ------------------------------------------------------------ */

static inline void send_some(wherry_channel *channel, int count)
{
    static const char bytes[FEW];
    for (int i = 0; i < count; i++)
        CHECK_OK(wherry_write(channel, bytes, sizeof(bytes), 0, 0, soon()));
}

static inline void take_some(wherry_channel *channel, int count)
{
    char room[FEW];
    for (int i = 0; i < count; i++)
        CHECK_INT(wherry_read(channel, room, sizeof(room), NULL, NULL, soon()), FEW);
}

// It sleeps meanwhile, and so tells what it has received.
static inline void have_none(wherry_channel *channel)
{
    char room[FEW];
    CHECK_ERROR(wherry_read(channel, room, sizeof(room), NULL, NULL, wherry_after(50)),
                -ETIMEDOUT);
}

// Until both ways go through memory.
static inline void begin_rounds(wherry_channel *channel)
{
    for (int i = 0; i < ROUNDS; i++) {
        send_some(channel, 1);
        take_some(channel, 1);
    }
    have_none(channel);
}

static inline void answer_rounds(wherry_channel *channel)
{
    for (int i = 0; i < ROUNDS; i++) {
        take_some(channel, 1);
        send_some(channel, 1);
    }
    have_none(channel);
}

static inline void wait_for_one(wherry_channel *channel)
{
    take_some(channel, 1);
}

/* Two processes, and the channel between them, which has gone over to memory. */
struct meeting {
    struct other other;
    wherry_listener *listener;
    wherry_channel *channel;
};

static inline void meet(struct meeting *meeting, const char *address,
                        void (*after)(wherry_channel *))
{
    meeting->other =
        (struct other){.address = address, .before = begin_rounds, .after = after};
    CHECK_OK(wherry_listen(address, &meeting->listener));
    start_there(&meeting->other);
    CHECK_OK(wherry_accept(meeting->listener, soon(), &meeting->channel));
    answer_rounds(meeting->channel);
    gate_wait(&meeting->other.ready);
}

static inline void part(struct meeting *meeting)
{
    end_there(&meeting->other);
    wherry_close(meeting->channel);
    wherry_close_listener(meeting->listener);
}

#endif
