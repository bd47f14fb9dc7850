/* SPDX-License-Identifier: MIT */
/*
 * Accepting when the deadline has passed already, when the system refuses to wait, and
 * when more than can be half open arrive at once.
 */
#include "scripted.h"

#include <stdio.h>

static wherry_listener *listener;
static wherry_channel *channel;

static void listen_here(void)
{
    char address[512];
    snprintf(address, sizeof address, "unix:%s", harness_path("here"));
    if (wherry_listen(address, &listener) < 0)
        FAIL("%s", wherry_error_text());
}

TEST(a_deadline_that_has_passed_is_told)
{
    listen_here();
    FAILS(wherry_accept(listener, long_ago(), &channel), -ETIMEDOUT,
          wherry_listener_address(listener));
    CHECK(!channel);
    wherry_close_listener(listener);
}

TEST(a_peer_that_is_there_is_accepted_after_the_deadline_too)
{
    wherry_channel *peer;
    listen_here();
    CHECK_OK(wherry_dial(wherry_listener_address(listener), soon(), &peer));
    CHECK_INT(wherry_accept(listener, long_ago(), &channel), 0);
    wherry_close(channel);
    wherry_close(peer);
    wherry_close_listener(listener);
}

TEST(a_wait_that_the_system_refuses_is_told)
{
    listen_here();
    waits_are_refused();
    FAILS(wherry_accept(listener, soon(), &channel), -EINVAL,
          wherry_listener_address(listener));
    descriptors_leave_all();
    CHECK_ERROR(wherry_accept(listener, at_once(), &channel), -ETIMEDOUT);
    wherry_close_listener(listener);
}
