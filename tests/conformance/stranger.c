/* SPDX-License-Identifier: MIT */
/*
 * Bare sockets at the addresses of listeners.
 */
#include "stranger.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// An interrupted connect goes on by itself (connect(2)).
static int connect_whole(int fd, const struct sockaddr *address, socklen_t length)
{
    if (connect(fd, address, length) == 0)
        return fd;
    int error = errno;
    socklen_t size = sizeof error;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    while (error == EINTR && poll(&wait, 1, harness_stretch(HARNESS_PATIENCE)) < 0)
        ;
    if (error == EINTR)
        CHECK_INT(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    if (error)
        close(fd);
    return error ? -error : fd;
}

static int connect_unix(const char *name, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strcspn(name, "?");
    CHECK(size < sizeof address.sun_path);
    memcpy(address.sun_path, name, size);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (address.sun_path[0] == '@')
        address.sun_path[0] = 0;
    else
        length++;
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    CHECK_OK(fd);
    return connect_whole(fd, (struct sockaddr *)&address, length);
}

static int connect_tcp(const char *where)
{
    char host[64] = "", port[16] = "";
    bool is_v6 = where[0] == '[';
    CHECK_INT(
        sscanf(where, is_v6 ? "[%63[^]]]:%15[0-9]" : "%63[^:]:%15[0-9]", host, port),
        2);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    CHECK_INT(getaddrinfo(host, port, &hints, &found), 0);
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_OK(fd);
    int r = connect_whole(fd, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return r;
}

int stranger_connect(const char *address)
{
    const char *name = strstr(address, "unix:");
    if (name)
        return connect_unix(name + 5, strstr(address, "type=stream") ? SOCK_STREAM
                                                                     : SOCK_SEQPACKET);
    name = strstr(address, "local:");
    if (name) {
        char path[256];
        snprintf(path, sizeof path, "%s/%.*s.local", getenv("WHERRY_DIR"),
                 (int)strcspn(name + 6, "?"), name + 6);
        return connect_unix(path, SOCK_STREAM);
    }
    name = strstr(address, "tcp:");
    CHECK(name != NULL);
    return connect_tcp(name + 4);
}

size_t stranger_hello(unsigned frame_version, unsigned least, unsigned most,
                      unsigned char bytes[STRANGER_HELLO])
{
    static const unsigned char magic[8] = {'w', 'h', 'e', 'r', 'r', 'y', 0, 1};
    memset(bytes, 0, STRANGER_HELLO);
    bytes[0] = 32; // of payload
    bytes[4] = (unsigned char)frame_version;
    bytes[6] = 1; // hello
    memcpy(bytes + 16, magic, sizeof magic);
    bytes[24] = (unsigned char)least;
    bytes[26] = (unsigned char)most;
    bytes[34] = 16; // takes messages of 1 MiB
    return STRANGER_HELLO;
}

void stranger_is_closed(int fd)
{
    char bytes[256];
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    for (;;) {
        int r = poll(&wait, 1, harness_stretch(HARNESS_PATIENCE));
        if (r < 0 && errno == EINTR)
            continue;
        if (r == 0)
            FAIL("the stranger was not sent away");
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return;
    }
}
