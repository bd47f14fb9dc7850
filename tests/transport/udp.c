/* SPDX-License-Identifier: MIT */
/*
 * udp: what a user of udp(7) knows: single datagrams, from anybody, to anybody.
 */
#include "talk.h"

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

TEST(it_may_lose_and_says_so)
{
    CHECK(wherry_mechanism_find("udp")->abilities & WHERRY_ABLE_LOSS);
    struct two two = open_two("udp:127.0.0.1:0");
    CHECK(info_of(two.dialled).abilities & WHERRY_ABLE_LOSS);
    CHECK(info_of(two.accepted).abilities & WHERRY_ABLE_LOSS);
    CHECK(info_of(two.accepted).abilities & WHERRY_ABLE_CONNECTIONLESS);
    CHECK(!(info_of(two.dialled).abilities & WHERRY_ABLE_CONNECTIONLESS));
    FAILS(wherry_drain(two.dialled, soon()), -ENOTSUP, "");
    close_two(&two);
}

TEST(a_server_answers_everybody_who_asks)
{
    static const char *const hosts[] = {"udp:127.0.0.1:0", "udp:[::1]:0"};
    for (int i = 0; i < 2; i++) {
        wherry_listener *listener;
        if (wherry_listen(hosts[i], &listener) < 0 && i == 1)
            SKIP("this machine has no IPv6");
        wherry_close_listener(listener);
        struct two two = open_two(hosts[i]);
        wherry_channel *other;
        WORKS(wherry_dial(wherry_listener_address(two.listener), soon(), &other));
        say(two.dialled, "one");
        say(other, "two");
        reply(two.accepted, "one", "to one");
        reply(two.accepted, "two", "to two");
        hear(other, "to two");
        hear(two.dialled, "to one");
        wherry_close(other);
        close_two(&two);
    }
}

TEST(a_dialler_hears_its_peer_only)
{
    struct two first = open_two("udp:127.0.0.1:0");
    struct two second = open_two("udp:127.0.0.1:0");
    wherry_message *message;
    say(first.dialled, "here I am");
    CHECK_INT(wherry_recv(first.accepted, &message, soon()), 1);
    const char *from = wherry_message_sender(message)->address;
    CHECK_CONTAINS(from, "udp:127.0.0.1:");
    CHECK_INT(wherry_message_sender(message)->trust, WHERRY_TRUST_NONE);

    wherry_message *stray, *expected;
    WORKS(wherry_message_copy("stray", 5, &stray));
    WORKS(wherry_message_set_to(stray, from));
    WORKS(wherry_send(second.accepted, &stray, 0, soon()));
    WORKS(wherry_message_copy("expected", 8, &expected));
    WORKS(wherry_message_reply_to(expected, message));
    WORKS(wherry_send(first.accepted, &expected, 0, soon()));
    hear(first.dialled, "expected");
    hear_nothing(first.dialled);
    wherry_message_free(message);
    close_two(&first);
    close_two(&second);
}

TEST(a_listener_needs_a_destination_and_a_dialler_takes_none)
{
    struct two two = open_two("udp:127.0.0.1:0");
    wherry_message *message;
    FAILS(wherry_write(two.accepted, "x", 1, 0, 0, soon()), -EDESTADDRREQ, "to=");
    WORKS(wherry_message_copy("x", 1, &message));
    WORKS(wherry_message_set_to(message, wherry_listener_address(two.listener)));
    FAILS(wherry_send(two.dialled, &message, 0, soon()), -EISCONN, "");
    wherry_message_free(message);
    close_two(&two);
}

TEST(a_datagram_is_at_most_what_one_ip_packet_holds)
{
    static char bytes[70000];
    struct two two = open_two("udp:127.0.0.1:0");
    uint64_t limit = info_of(two.dialled).message_limit;
    CHECK_RANGE(limit, 65507 - 64, 65507);
    WORKS(wherry_write(two.dialled, bytes, limit, 0, 0, soon()));
    CHECK_INT(wherry_read(two.accepted, bytes, sizeof(bytes), NULL, NULL, soon()),
              limit);
    FAILS(wherry_write(two.dialled, bytes, limit + 1, 0, 0, soon()), -EMSGSIZE, "");
    close_two(&two);
}

TEST(what_foreign_programs_send_comes_as_it_is_under_raw)
{
    struct two two = open_two("udp:127.0.0.1:0?framing=raw");
    say(two.dialled, "as it is");
    hear(two.accepted, "as it is");
    close_two(&two);
}

TEST(a_port_in_use_is_told)
{
    wherry_listener *first, *second;
    WORKS(wherry_listen("udp:127.0.0.1:0", &first));
    FAILS(wherry_listen(wherry_listener_address(first), &second), -EADDRINUSE,
          "port 0");
    wherry_close_listener(first);
}

TEST(a_peer_that_is_not_there_is_told_by_a_later_call)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen("udp:127.0.0.1:0", &listener));
    WORKS(wherry_dial(wherry_listener_address(listener), soon(), &channel));
    wherry_close_listener(listener);
    say(channel, "anybody?");
    // icmp(7): port unreachable
    wherry_message *message;
    CHECK_ERROR(wherry_recv(channel, &message, soon()), -ECONNREFUSED);
    wherry_close(channel);
}
