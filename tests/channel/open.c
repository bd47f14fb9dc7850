/* SPDX-License-Identifier: MIT */
/*
 * Opening: a transport of the user's own and what is wrong with it, and a peer that is
 * gone before it is greeted.
 */
#include "scripted.h"

#include <stdio.h>
#include <sys/socket.h>

static struct scripted script;
static wherry_channel *channel;
static wherry_message *message;

static int open_at(const char *address)
{
    return wherry_channel_new(&script.moves, &script, address, &channel);
}

TEST(a_transport_that_moves_nothing_is_refused)
{
    scripted_begin(&script);
    script.moves.send = NULL;
    script.moves.recv = NULL;
    FAILS(open_at("own:"), -EINVAL, "send or recv");
    CHECK(!channel);
    CHECK_INT(script.closed, 0);
    scripted_end(&script);
}

TEST(a_wrong_address_leaves_the_state_to_its_owner)
{
    scripted_begin(&script);
    FAILS(open_at("no scheme"), -EINVAL, "no scheme");
    FAILS(open_at("own:?buffer=4K"), -EINVAL, "there is no option \"buffer\"");
    FAILS(open_at("own:?queue=0"), -EINVAL, "queue=0 is out of bounds");
    CHECK(!channel);
    CHECK_INT(script.closed, 0);
    scripted_end(&script);
}

static void open_and_close(void *unused)
{
    (void)unused;
    int r = open_at("own:?full=latest");
    CHECK_INT(script.closed, 0);
    if (harness_failed_allocations() > 0) {
        FAILS(r, -ENOMEM, "no memory");
        return;
    }
    CHECK_OK(r);
    wherry_close(channel);
    CHECK_INT(script.closed, 1);
}

TEST(without_memory_the_state_stays_its_owners)
{
    scripted_begin(&script);
    // The address, its options, the store, and the channel with its address.
    CHECK_INT(harness_each_allocation(open_and_close, NULL), 5);
    scripted_end(&script);
}

static unsigned abilities(void)
{
    struct wherry_channel_info info;
    CHECK_OK(wherry_describe(channel, &info, sizeof info));
    return info.abilities;
}

TEST(a_transport_that_only_sends_is_a_sending_end)
{
    scripted_begin(&script);
    script.moves.recv = NULL;
    // Which ways there are is seen, and who confirms anything is not its to say.
    script.moves.abilities = WHERRY_ABLE_RECV | WHERRY_ABLE_DRAIN;
    channel = scripted_open_as(&script, "own:");
    CHECK_INT(abilities(), WHERRY_ABLE_SEND);
    CHECK_INT(say(channel, "one"), 0);
    FAILS(wherry_recv(channel, &message, soon()), -EPERM, "sending end");
    FAILS(wherry_drain(channel, soon()), -ENOTSUP, "own:");
    scripted_close(&script, channel);
    CHECK_STRING(script.said, "one");
}

TEST(a_transport_that_only_receives_is_a_receiving_end)
{
    scripted_begin(&script);
    script.moves.send = NULL;
    script.moves.abilities = WHERRY_ABLE_SEND;
    channel = scripted_open_as(&script, "own:");
    CHECK_INT(abilities(), WHERRY_ABLE_RECV);
    scripted_arrives(&script, 0, "one");
    hear(channel, "one");
    FAILS(say(channel, "two"), -EPERM, "receiving end");
    FAILS(wherry_finish(channel), -EPERM, "receiving end");
    scripted_close(&script, channel);
}

TEST(a_peer_that_has_spoken_and_left_can_still_be_heard)
{
    int ends[2];
    char address[32];
    wherry_channel *peer;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    snprintf(address, sizeof address, "fd:%d", ends[1]);
    CHECK_OK(wherry_dial(address, soon(), &peer));
    CHECK_INT(say(peer, "goodbye"), 0);
    wherry_close(peer);
    // Nobody reads the other end, where the hello of this one would go.
    snprintf(address, sizeof address, "fd:%d", ends[0]);
    CHECK_OK(wherry_dial(address, soon(), &channel));
    hear(channel, "goodbye");
    CHECK_INT(wherry_recv(channel, &message, soon()), 0);
    wherry_close(channel);
}
