/* SPDX-License-Identifier: MIT */
/*
 * What is known of a channel, and its last moment.
 */
#include "scripted.h"

static struct scripted script;
static wherry_channel *channel;

static unsigned received;

static int recv_and_count(void *state, wherry_message **out)
{
    (void)state;
    received++;
    return wherry_message_copy("more", 4, out) < 0 ? -ENOMEM : 1;
}

TEST(close_ends_although_the_peer_never_does)
{
    enum { ENOUGH = 100000 };

    scripted_begin(&script);
    // What of this is left unread when it is closed takes what was sent with it.
    script.moves.abilities |= WHERRY_ABLE_HOSTS;
    script.moves.recv = recv_and_count;
    channel = scripted_open_as(&script, "own:");
    CHECK_INT(say(channel, "one"), 0);
    scripted_close(&script, channel);
    CHECK_RANGE(received, 1, ENOUGH);
    CHECK_INT(script.finished, 1);
    CHECK_STRING(script.said, "one");
}

TEST(what_arrives_until_the_end_is_taken_by_close)
{
    scripted_begin(&script);
    script.moves.abilities |= WHERRY_ABLE_HOSTS;
    channel = scripted_open_as(&script, "own:");
    CHECK_INT(say(channel, "one"), 0);
    scripted_arrives(&script, 0, "two");
    scripted_arrives(&script, 0, "three");
    scripted_close(&script, channel);
    CHECK_INT(script.heard, 2);
}

TEST(a_description_needs_room)
{
    struct wherry_channel_info info;
    channel = scripted_open(&script, "own:?queue=5");
    FAILS(wherry_describe(channel, &info, 0), -EINVAL, "room");
    CHECK_OK(wherry_describe(channel, &info, sizeof info));
    CHECK_STRING(info.address, "own:?queue=5");
    CHECK_STRING(info.scheme, "own");
    CHECK_INT(info.queue_limit, 5);
    // Nobody knows who has its other end.
    CHECK_INT(info.holder_count, 0);
    scripted_close(&script, channel);
}
