/* SPDX-License-Identifier: MIT */
/*
 * unix: datagrams: everybody is heard on one channel, and known by the kernel's word.
 */
#include <errno.h>
#include <stdlib.h>

#include "talk.h"

static const char *at(const char *options)
{
    static char texts[4][512];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof(texts[0]), "unix:%s/s%s", harness_directory(), options);
    return text;
}

static const char *path(void)
{
    return harness_path("s");
}

static void reply(wherry_channel *server, const char *heard, const char *said)
{
    wherry_message *question, *answer;
    CHECK_INT(wherry_recv(server, &question, soon()), 1);
    CHECK_BYTES(wherry_message_data(question), heard, strlen(heard));
    WORKS(wherry_message_copy(said, strlen(said), &answer));
    WORKS(wherry_message_reply_to(answer, question));
    WORKS(wherry_send(server, &answer, 0, soon()));
    wherry_message_free(question);
}

TEST(datagrams_are_answered_by_who_sent_them)
{
    struct two two = open_two(at("?type=datagram"));
    wherry_channel *other;
    char address[600];
    snprintf(address, sizeof(address), "%s&bind=%s", at("?type=datagram"),
             harness_path("me"));
    WORKS(wherry_dial(address, soon(), &other));
    say(two.dialled, "one");
    say(other, "two");
    reply(two.accepted, "one", "to one");
    reply(two.accepted, "two", "to two");
    hear(other, "to two");
    hear(two.dialled, "to one");
    wherry_close(other);
    CHECK(!exists(harness_path("me")));
    close_two(&two);
}

TEST(datagrams_go_where_their_message_says)
{
    struct two two = open_two(at("?type=datagram"));
    wherry_channel *other;
    wherry_message *message;
    char address[600];
    snprintf(address, sizeof(address), "%s&bind=%s", at("?type=datagram"),
             harness_path("me"));
    WORKS(wherry_dial(address, soon(), &other));
    snprintf(address, sizeof(address), "unix:%s", harness_path("me"));
    WORKS(wherry_message_copy("unasked", 7, &message));
    FAILS(wherry_send(two.accepted, &message, 0, soon()), -EDESTADDRREQ, "to=");
    WORKS(wherry_message_set_to(message, address));
    WORKS(wherry_send(two.accepted, &message, 0, soon()));
    hear(other, "unasked");
    hear_nothing(two.dialled);
    wherry_close(other);
    close_two(&two);
}

TEST(a_datagram_listener_is_accepted_once_and_its_name_stays_with_its_channel)
{
    struct two two = open_two(at("?type=datagram"));
    wherry_channel *channel;
    FAILS(wherry_accept(two.listener, soon(), &channel), -EALREADY, "one channel");
    wherry_close_listener(two.listener);
    two.listener = NULL;
    WORKS(wherry_dial(at("?type=datagram"), soon(), &channel));
    say(channel, "still there");
    hear(two.accepted, "still there");
    wherry_close(channel);
    close_two(&two);
    CHECK(!exists(path()));
}

TEST(accept_tried_again_after_a_want_of_memory_gives_the_channel)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen(at("?type=datagram"), &listener));
    int refused = 0;
    for (unsigned long n = 1;; n++) {
        harness_fail_allocation(n, false);
        int r = wherry_accept(listener, soon(), &channel);
        unsigned long failed = harness_failed_allocations();
        harness_fail_allocation(0, false);
        if (r >= 0)
            break;
        CHECK_INT(r, -ENOMEM);
        CHECK_INT(failed, 1);
        CHECK_CONTAINS(wherry_error_text(), path());
        refused++;
    }
    CHECK(refused > 1);
    wherry_close(channel);
    wherry_close_listener(listener);
}

enum { NOBODY = 65534 };

static void become_nobody(void)
{
    CHECK_INT(setgid(NOBODY), 0);
    CHECK_INT(setuid(NOBODY), 0);
}

static void sends_a_datagram(void *name)
{
    wherry_channel *channel;
    become_nobody();
    WORKS(wherry_dial(name, soon(), &channel));
    say(channel, "from nobody");
    wherry_close(channel);
}

TEST(datagrams_of_another_user_to_an_abstract_name_are_dropped_unless_mode_is_given)
{
    char name[300];
    if (geteuid() != 0)
        SKIP("only root can become another user");
    struct two two = open_two("unix:@?type=datagram");
    snprintf(name, sizeof(name), "%s", wherry_listener_address(two.listener));
    CHECK_INT(harness_wait(harness_child(sends_a_datagram, name)), 0);
    hear_nothing(two.accepted);
    say(two.dialled, "from here");
    hear(two.accepted, "from here");
    close_two(&two);

    two = open_two("unix:@?type=datagram&mode=666");
    snprintf(name, sizeof(name), "%s", wherry_listener_address(two.listener));
    CHECK_INT(harness_wait(harness_child(sends_a_datagram, name)), 0);
    hear(two.accepted, "from nobody");
    close_two(&two);
}

static void says_from_here(void *channel)
{
    say(channel, "from a child");
}

TEST(every_datagram_says_who_sent_it_by_the_kernels_word)
{
    struct two two = open_two(at("?type=datagram"));
    wherry_message *message;
    for (int i = 0; i < 3; i++) {
        pid_t sender = i == 1 ? getpid() : harness_child(says_from_here, two.dialled);
        if (i == 1)
            say(two.dialled, "from the test");
        CHECK_INT(wherry_recv(two.accepted, &message, soon()), 1);
        const struct wherry_peer *peer = wherry_message_sender(message);
        CHECK_INT(peer->trust, WHERRY_TRUST_KERNEL);
        CHECK_INT(peer->pid, sender);
        CHECK_INT(peer->uid, geteuid());
        CHECK_CONTAINS(peer->address, "unix:@");
        wherry_message_free(message);
        if (i != 1)
            CHECK_INT(harness_wait(sender), 0);
    }
    CHECK_INT(info_of(two.accepted).peer.pid, -1);
    CHECK(info_of(two.accepted).abilities & WHERRY_ABLE_SENDER);
    close_two(&two);
}
