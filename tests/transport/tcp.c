/* SPDX-License-Identifier: MIT */
/*
 * tcp: what a user of tcp(7) knows: hosts, ports, and what is said when they are wrong.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "talk.h"

#include "transport/inet.h"

static void exchange(struct two *two)
{
    say(two->dialled, "there");
    hear(two->accepted, "there");
    say(two->accepted, "and back");
    hear(two->dialled, "and back");
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

TEST(it_talks_over_ipv4)
{
    struct two two = open_two("tcp:127.0.0.1:0");
    exchange(&two);
    wherry_close(two.dialled);
    two.dialled = NULL;
    hear_end(two.accepted);
    close_two(&two);
}

TEST(it_talks_over_ipv6)
{
    if (!has_ipv6())
        SKIP("this machine has no IPv6");
    struct two two = open_two("tcp:[::1]:0");
    CHECK_CONTAINS(wherry_listener_address(two.listener), "tcp:[::1]:");
    CHECK_CONTAINS(info_of(two.accepted).peer.address, "tcp:[::1]:");
    exchange(&two);
    close_two(&two);
}

TEST(it_talks_by_the_name_of_a_host)
{
    struct two two = open_two("tcp:localhost:0");
    exchange(&two);
    close_two(&two);
}

TEST(everywhere_is_a_star)
{
    static const char *const everywhere[] = {"tcp:*:0", "tcp::0"};
    for (int i = 0; i < 2; i++) {
        struct two two = {0};
        char address[64];
        WORKS(wherry_listen(everywhere[i], &two.listener));
        const char *shown = wherry_listener_address(two.listener);
        CHECK_CONTAINS(shown, "tcp:0.0.0.0:");
        snprintf(address, sizeof(address), "tcp:127.0.0.1%s", strrchr(shown, ':'));
        WORKS(wherry_dial(address, soon(), &two.dialled));
        WORKS(wherry_accept(two.listener, soon(), &two.accepted));
        exchange(&two);
        close_two(&two);
    }
}

TEST(port_0_is_shown_as_the_port_that_the_system_chose_and_options_stay)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen("tcp:127.0.0.1:0?framing=line", &listener));
    const char *shown = wherry_listener_address(listener);
    CHECK(strtol(shown + strlen("tcp:127.0.0.1:"), NULL, 10) > 0);
    CHECK_CONTAINS(shown, "?framing=line");
    wherry_close_listener(listener);
    FAILS(wherry_dial("tcp:127.0.0.1:0", soon(), &channel), -EINVAL, "port 0");
}

TEST(each_end_knows_the_number_of_the_other_and_nobody_vouches_for_it)
{
    struct two two = open_two("tcp:127.0.0.1:0");
    struct wherry_channel_info info = info_of(two.dialled);
    CHECK_STRING(info.peer.address, wherry_listener_address(two.listener));
    CHECK_INT(info.peer.trust, WHERRY_TRUST_NONE);
    CHECK_INT(info.peer.pid, -1);
    CHECK_CONTAINS(info_of(two.accepted).peer.address, "tcp:127.0.0.1:");
    CHECK_STRING(info_of(two.accepted).address, wherry_listener_address(two.listener));
    close_two(&two);
}

TEST(a_port_in_use_is_told_and_a_freed_one_can_be_used_at_once)
{
    struct two two = open_two("tcp:127.0.0.1:0");
    wherry_listener *second;
    char address[64];
    snprintf(address, sizeof(address), "%s", wherry_listener_address(two.listener));
    FAILS(wherry_listen(address, &second), -EADDRINUSE, "port 0");
    CHECK_CONTAINS(wherry_error_text(), address);
    exchange(&two);
    close_two(&two);
    WORKS(wherry_listen(address, &second)); // in spite of TIME-WAIT
    wherry_close_listener(second);
}

TEST(reuseport_lets_two_listen)
{
    wherry_listener *first, *second;
    WORKS(wherry_listen("tcp:127.0.0.1:0?reuseport=yes", &first));
    WORKS(wherry_listen(wherry_listener_address(first), &second));
    wherry_close_listener(first);
    wherry_close_listener(second);
}

TEST(a_port_that_nobody_listens_on_refuses)
{
    wherry_listener *listener;
    wherry_channel *channel;
    char address[64];
    WORKS(wherry_listen("tcp:127.0.0.1:0", &listener));
    snprintf(address, sizeof(address), "%s", wherry_listener_address(listener));
    wherry_close_listener(listener);
    // Again and again: now and then the dialler's own port is the one it dials.
    for (int i = 0; i < 100; i++)
        FAILS(wherry_dial(address, soon(), &channel), -ECONNREFUSED, "nobody listens");
    CHECK_CONTAINS(wherry_error_text(), address);
}

TEST(a_socket_that_met_itself_is_nobodys_peer)
{
    // It happens when the port that the system chose is the one that is dialled.
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&name, size), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    while (connect(fd, (struct sockaddr *)&name, size) < 0 && errno != EISCONN)
        CHECK_INT(errno, EINTR);
    struct os_descriptor met = {.fd = fd, .kind = OS_KIND_STREAM, .owned = true};
    CHECK_ERROR(inet_not_itself(&met), -ECONNREFUSED);
    CHECK_INT(met.fd, -1);
}

TEST(dialling_does_not_wait_longer_than_its_deadline)
{
    wherry_listener *listener;
    wherry_channel *waiting[8], *channel;
    int count = 0, r = 0;
    WORKS(wherry_listen("tcp:127.0.0.1:0?backlog=0", &listener));
    const char *address = wherry_listener_address(listener);
    // A full backlog drops what comes: nobody answers.
    while (count < 8 &&
           (r = wherry_dial(address, wherry_after(100), &waiting[count])) >= 0)
        count++;
    CHECK_RANGE(count, 1, 7);
    CHECK_ERROR(r, -ETIMEDOUT);
    int64_t begin = harness_now();
    FAILS(wherry_dial(address, wherry_after(50), &channel), -ETIMEDOUT,
          "did not answer");
    CHECK_RANGE(harness_now() - begin, 50000000, 50000000 + 1000000000);
    FAILS(wherry_dial(address, WHERRY_POLL, &channel), -EAGAIN, "not connected yet");
    while (count > 0)
        wherry_close(waiting[--count]);
    wherry_close_listener(listener);
}

TEST(within_the_machine_dialling_needs_no_waiting)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen("tcp:127.0.0.1:0", &listener));
    WORKS(wherry_dial(wherry_listener_address(listener), WHERRY_POLL, &channel));
    wherry_close(channel);
    wherry_close_listener(listener);
}

// A peer that closes with bytes unread resets the connection, tcp(7).
TEST(finish_after_a_reset_says_that_the_peer_is_gone)
{
    struct two two = open_two("tcp:127.0.0.1:0?framing=raw");
    struct wherry_channel_info info;
    say(two.dialled, "unread");
    do
        WORKS(wherry_describe(two.accepted, &info, sizeof(info)));
    while (info.unread_bytes == 0);
    wherry_close(two.accepted);
    two.accepted = NULL;
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv(two.dialled, &message, soon()), -ECONNRESET);
    for (int i = 0; i < 2; i++)
        FAILS(wherry_finish(two.dialled), -ECONNRESET, "tcp:127.0.0.1");
    CHECK_ERROR(wherry_write(two.dialled, "x", 1, 0, 0, soon()), -ECONNRESET);
    close_two(&two);
}

TEST(hosts_and_ports_that_make_no_sense_are_told)
{
    wherry_channel *channel;
    wherry_listener *listener;
    // Whether there is no such name or nobody to ask depends on the machine.
    int r = wherry_dial("tcp:nosuchhost.invalid:80", soon(), &channel);
    CHECK(r == -ENOENT || r == -EAGAIN);
    CHECK_CONTAINS(wherry_error_text(), "nosuchhost.invalid");
    CHECK_CONTAINS(wherry_error_text(),
                   r == -EAGAIN ? "try again" : "check its spelling");
    FAILS(wherry_address_check("tcp:localhost"), -EINVAL, "no port");
    FAILS(wherry_address_check("tcp:"), -EINVAL, "no port");
    FAILS(wherry_address_check("tcp:localhost:http"), -EINVAL, "0 to 65535");
    FAILS(wherry_address_check("tcp:localhost:65536"), -EINVAL, "0 to 65535");
    FAILS(wherry_address_check("tcp:::1:80"), -EINVAL, "brackets");
    FAILS(wherry_address_check("tcp:localhost:80?numeric=yes"), -EINVAL, "numeric");
    FAILS(wherry_address_check("tcp:a%00b:80"), -EINVAL, "value 0");
    FAILS(wherry_listen("tcp:192.0.2.1:0", &listener), -EADDRNOTAVAIL,
          "does not have that address");
}

static int no_delay_of(wherry_channel *channel)
{
    int fd, value = -1;
    short events;
    socklen_t size = sizeof(value);
    // Written to, the channel's descriptor is the socket's own.
    WORKS(wherry_fd(channel, WHERRY_OUT, &fd, &events));
    if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) < 0)
        SKIP("the descriptor of the sending side is not the socket");
    return value != 0;
}

TEST(small_messages_leave_at_once_unless_nodelay_is_no)
{
    struct two two = open_two("tcp:127.0.0.1:0");
    CHECK_INT(no_delay_of(two.dialled), 1);
    CHECK_INT(no_delay_of(two.accepted), 1);
    close_two(&two);
    two = open_two("tcp:127.0.0.1:0?nodelay=no");
    CHECK_INT(no_delay_of(two.dialled), 0);
    CHECK_INT(no_delay_of(two.accepted), 0);
    close_two(&two);
}
