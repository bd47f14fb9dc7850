/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end: of pipes, FIFOs, unix sockets, TCP.
 */
#define _GNU_SOURCE
#include "look.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static int ends[2]; // of what the test and its neighbour share

static const struct wherry_place *end_in(const struct wherry_process_view *view,
                                         int number, int64_t pid, int other)
{
    const struct wherry_view_object *object = object_of(view, number);
    return place_of(object->ends, object->end_count, pid, other);
}

static void keep_second(struct neighbour *self)
{
    (void)self;
    close(ends[0]);
}

TEST(a_pipe_has_its_other_readers_and_writers)
{
    struct neighbour writer = {.prepare = keep_second};
    CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
    start_beside(&writer);
    close(ends[1]);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(object_of(view, ends[0])->object, WHERRY_OBJECT_PIPE);
    CHECK_INT(object_of(view, ends[0])->end_count, 1);
    const struct wherry_place *end = end_in(view, ends[0], writer.pid, ends[1]);
    CHECK(end != NULL);
    CHECK_INT(end->reads, 0);
    CHECK_INT(end->writes, 1);
    wherry_view_free(view);
    end_beside(&writer);
    close(ends[0]);
}

TEST(a_fifo_is_found_by_its_path)
{
    struct neighbour writer = {.prepare = keep_second};
    const char *path = harness_path("boat");
    CHECK_INT(mkfifo(path, 0600), 0);
    ends[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ends[1] = open(path, O_WRONLY | O_CLOEXEC);
    start_beside(&writer);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(object_of(view, ends[0])->object, WHERRY_OBJECT_FIFO);
    CHECK_STRING(object_of(view, ends[0])->name, path);
    CHECK(end_in(view, ends[0], writer.pid, ends[1]) != NULL);
    wherry_view_free(view);
    end_beside(&writer);
    close(ends[0]);
    close(ends[1]);
    unlink(path);
}

TEST(the_peer_of_a_socket_pair_is_found_in_another_process_and_in_this)
{
    struct neighbour child = {.prepare = keep_second};
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    CHECK_INT(write(ends[1], "ahoy", 4), 4);
    struct wherry_process_view *view = look_into(getpid());
    CHECK(end_in(view, ends[0], getpid(), ends[1]) != NULL);
    CHECK_STRING(object_of(view, ends[0])->type, "unix packet");
    CHECK_CONTAINS(object_of(view, ends[0])->text, "connected, 4 bytes not read");
    wherry_view_free(view);
    start_beside(&child);
    close(ends[1]);
    view = look_into(getpid());
    CHECK(end_in(view, ends[0], child.pid, ends[1]) != NULL);
    CHECK_INT(object_of(view, ends[0])->end_count, 1);
    wherry_view_free(view);
    end_beside(&child);
    view = look_into(getpid());
    CHECK_CONTAINS(object_of(view, ends[0])->text, "nobody has its peer open");
    wherry_view_free(view);
    close(ends[0]);
}

// A signal that interrupts it does not end it.
static void connect_to(int fd, const void *name, socklen_t size)
{
    struct pollfd connected = {.fd = fd, .events = POLLOUT};
    int r = connect(fd, name, size);
    while (r < 0 && errno == EINTR)
        r = poll(&connected, 1, -1) == 1 ? 0 : -1;
    CHECK_INT(r, 0);
}

static int accept_from(int listener)
{
    int fd;
    do
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    CHECK_OK(fd);
    return fd;
}

/* --- unix sockets with names --------------------------------------------- */

static struct sockaddr_un name_of(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    CHECK(strlen(path) < sizeof(name.sun_path));
    memcpy(name.sun_path, path, strlen(path));
    return name;
}

static int connected_to;

static void connect_to_path(struct neighbour *self)
{
    struct sockaddr_un name = name_of(harness_path("pier"));
    self->kept = connected_to;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connect_to(fd, &name, sizeof(name));
    CHECK_OK(dup3(fd, connected_to, O_CLOEXEC));
    close(fd);
}

TEST(a_listener_has_its_address_and_who_was_accepted_its_peer)
{
    char address[256];
    struct sockaddr_un name = name_of(harness_path("pier"));
    struct neighbour client = {.prepare = connect_to_path};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
    CHECK_INT(listen(listener, 4), 0);
    connected_to = 200;
    start_beside(&client);
    snprintf(address, sizeof(address), "unix:%s", harness_path("pier"));
    struct wherry_process_view *view = look_into(getpid());
    CHECK_STRING(object_of(view, listener)->local, address);
    CHECK_STRING(object_of(view, listener)->text, "listens, 1 wait to be accepted");
    wherry_view_free(view);
    int accepted = accept_from(listener);
    view = look_into(getpid());
    CHECK_STRING(object_of(view, accepted)->text, "connected");
    CHECK(end_in(view, accepted, client.pid, 200) != NULL);
    wherry_view_free(view);
    view = look_into(client.pid);
    CHECK(end_in(view, 200, getpid(), accepted) != NULL);
    CHECK_STRING(object_of(view, 200)->peer, address);
    CHECK_INT(view->sockets_cause, 0);
    wherry_view_free(view);
    end_beside(&client);
    close(accepted);
    close(listener);
    unlink(harness_path("pier"));
}

TEST(an_abstract_name_stands_as_in_addresses)
{
    char address[128];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int size =
        snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "inspect-%d", getpid());
    snprintf(address, sizeof(address), "unix:@%s", name.sun_path + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t whole =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)size;
    CHECK_INT(bind(fd, (struct sockaddr *)&name, whole), 0);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_STRING(object_of(view, fd)->local, address);
    CHECK_STRING(object_of(view, fd)->type, "unix datagram");
    CHECK_STRING(object_of(view, fd)->text, "not connected");
    wherry_view_free(view);
    close(fd);
}

/* --- TCP ----------------------------------------------------------------- */

static struct sockaddr_in6 listening; // 127.0.0.1, of a socket of IPv6

static void connect_by_tcp(struct neighbour *self)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = listening.sin6_port};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connect_to(fd, &name, sizeof(name));
    CHECK_OK(dup3(fd, self->kept, O_CLOEXEC));
    close(fd);
}

TEST(the_peer_of_tcp_is_found_where_it_is_on_this_machine)
{
    char address[64];
    struct neighbour client = {.prepare = connect_by_tcp, .kept = 200};
    socklen_t size = sizeof(listening);
    int off = 0;
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0)
        SKIP("no IPv6 here");
    listening = (struct sockaddr_in6){.sin6_family = AF_INET6};
    CHECK_INT(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
    CHECK_INT(bind(listener, (struct sockaddr *)&listening, size), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr *)&listening, &size), 0);
    CHECK_INT(listen(listener, 4), 0);
    start_beside(&client);
    int accepted = accept_from(listener);
    snprintf(address, sizeof(address), "tcp:127.0.0.1:%d", ntohs(listening.sin6_port));
    struct wherry_process_view *view = look_into(client.pid);
    CHECK_STRING(object_of(view, 200)->type, "tcp");
    CHECK_STRING(object_of(view, 200)->peer, address);
    CHECK_STRING(object_of(view, 200)->text, "connected");
    CHECK(end_in(view, 200, getpid(), accepted) != NULL);
    snprintf(address, sizeof(address), "tcp:[::]:%d", ntohs(listening.sin6_port));
    CHECK_STRING(object_of(view, listener)->local, address);
    CHECK_STRING(object_of(view, listener)->text, "listens");
    wherry_view_free(view);
    view = look_into(getpid());
    CHECK(end_in(view, accepted, client.pid, 200) != NULL);
    wherry_view_free(view);
    end_beside(&client);
    close(accepted);
    close(listener);
}

TEST(a_socket_of_another_kind_has_the_name_of_its_protocol)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    struct wherry_process_view *view = look_into(getpid());
    CHECK_INT(object_of(view, fd)->object, WHERRY_OBJECT_SOCKET);
    CHECK_STRING(object_of(view, fd)->type, "netlink");
    wherry_view_free(view);
    close(fd);
}

/* --- another network ----------------------------------------------------- */

static void leave_network(struct neighbour *self)
{
    if (unshare(CLONE_NEWNET) < 0)
        return;
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0elsewhere"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t) + 10), 0);
    CHECK_INT(listen(fd, 1), 0);
    CHECK_OK(dup3(fd, self->kept, O_CLOEXEC));
    close(fd);
}

TEST(in_another_network_namespace_the_peers_of_unix_sockets_are_not_known)
{
    struct neighbour child = {.prepare = leave_network, .kept = 200};
    start_beside(&child);
    struct wherry_process_view *view = look_into(child.pid);
    bool has_left = view->descriptors[view->descriptor_count - 1].number == 200;
    if (has_left) {
        CHECK_ERROR(view->sockets_cause, -EXDEV);
        CHECK_STRING(object_of(view, 200)->local, "unix:@elsewhere");
        CHECK_STRING(object_of(view, 200)->text, "listens");
    }
    wherry_view_free(view);
    end_beside(&child);
    if (!has_left)
        SKIP("this user may not make a network namespace");
}
