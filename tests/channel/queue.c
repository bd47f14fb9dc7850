/* SPDX-License-Identifier: MIT */
/*
 * The private list: messages without bytes, without memory, and a transport that cannot
 * be half closed when a slow peer is cut off.
 */
#include "scripted.h"

static struct scripted script;
static wherry_channel *channel;

static struct wherry_channel_info info(void)
{
    struct wherry_channel_info what;
    CHECK_OK(wherry_describe(channel, &what, sizeof what));
    return what;
}

TEST(a_message_without_bytes_is_queued_too)
{
    channel = scripted_open(&script, "own:?full=drop-oldest");
    script.send = always(-EAGAIN);
    CHECK_INT(wherry_write(channel, NULL, 0, 0, 0, soon()), 0);
    CHECK_INT(say(channel, "one"), 0);
    CHECK_INT(info().queued_messages, 2);
    CHECK_INT(info().queued_bytes, 3);
    script.send = always(0);
    CHECK_INT(say(channel, "two"), 0);
    CHECK_INT(info().queued_messages, 0);
    CHECK_STRING(script.said, "one two"); // nothing, and then these
    scripted_close(&script, channel);
}

TEST(without_memory_nothing_is_queued_and_that_is_said)
{
    channel = scripted_open(&script, "own:?full=drop-oldest");
    script.send = always(-EAGAIN);
    harness_fail_allocation(1, false);
    FAILS(say(channel, "one"), -ENOMEM, "own:");
    CHECK_INT(harness_failed_allocations(), 1);
    harness_fail_allocation(0, false);
    CHECK_INT(info().queued_messages, 0);
    CHECK_INT(info().sent_messages, 0);
    CHECK_INT(info().dropped_messages, 0);
    CHECK_INT(say(channel, "two"), 0);
    CHECK_INT(info().queued_messages, 1);
    scripted_close(&script, channel);
}

TEST(a_slow_peer_is_cut_off_where_there_is_no_half_close_too)
{
    channel = scripted_open(&script, "own:?full=disconnect&queue=4");
    script.moves.finish = NULL;
    script.send = always(-EAGAIN);
    CHECK_INT(say(channel, "one"), 0);
    FAILS(say(channel, "two"), -ENOBUFS, "disconnect&queue=4: the peer is too");
    FAILS(say(channel, "three"), -ENOBUFS, "disconnect&queue=4: the peer is too");
    CHECK_INT(info().queued_messages, 0);
    CHECK_INT(info().dropped_messages, 1);
    script.send = always(0);
    scripted_close(&script, channel);
    CHECK_STRING(script.said, "");
}

TEST(a_queued_message_that_can_never_go_is_dropped_and_holds_nothing_up)
{
    static const int errors[] = {-EBADMSG, -ENOENT,   -EACCES,
                                 -EPERM,   -ENOTCONN, -EMSGSIZE};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        channel = scripted_open(&script, "own:?full=drop-oldest");
        script.send = always(-EAGAIN);
        CHECK_INT(say(channel, "bad"), 0);
        script.send = first(errors[i]);
        CHECK_INT(say(channel, "good"), 0);
        CHECK_STRING(script.said, "good");
        CHECK_INT(info().queued_messages, 0);
        CHECK_INT(info().dropped_messages, 1);
        CHECK_INT(wherry_finish(channel), 0);
        scripted_close(&script, channel);
    }
}

TEST(a_queued_message_stays_while_the_channel_is_in_trouble)
{
    static const int errors[] = {-ENOBUFS, -ENOMEM, -ETOOMANYREFS, -EIDRM};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        channel = scripted_open(&script, "own:?full=drop-oldest");
        script.send = always(-EAGAIN);
        CHECK_INT(say(channel, "one"), 0);
        script.send = first(errors[i]);
        CHECK_ERROR(say(channel, "two"), errors[i]);
        CHECK_INT(info().queued_messages, 1);
        CHECK_INT(say(channel, "three"), 0);
        CHECK_STRING(script.said, "one three");
        scripted_close(&script, channel);
    }
}
