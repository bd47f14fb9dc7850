/* SPDX-License-Identifier: MIT */
/*
 * Starting other people's programs and talking with their stdin and stdout.
 */
#define _GNU_SOURCE // pipe2
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { START_MILLISECONDS = 8000 }; // an interpreter, on a busy machine

wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(START_MILLISECONDS));
}

const char *peer_port(const wherry_listener *listener)
{
    static char port[16];
    const char *address = wherry_listener_address(listener);
    const char *end = address + strcspn(address, "?");
    const char *at = end;
    while (at > address && at[-1] != ':')
        at--;
    snprintf(port, sizeof port, "%.*s", (int)(end - at), at);
    return port;
}

void peer_start(struct peer *peer, const char *const argv[])
{
    int to[2], from[2];
    if (!harness_have_program(argv[0]))
        SKIP("there is no %s on this machine", argv[0]);
    CHECK_INT(pipe2(to, O_CLOEXEC), 0);
    CHECK_INT(pipe2(from, O_CLOEXEC), 0);
    peer->pid = harness_program(argv, to[0], from[1]);
    peer->input = to[1];
    peer->output = from[0];
    close(to[0]);
    close(from[1]);
}

// One byte of its stdout; -1 at its end.
static int next_byte(struct peer *peer)
{
    wherry_deadline end = soon();
    struct pollfd wait = {.fd = peer->output, .events = POLLIN};
    for (;;) {
        unsigned char byte;
        int64_t left = (end - wherry_now()) / 1000000;
        int r = poll(&wait, 1, left > 0 ? (int)left : 0);
        if (r < 0 && errno == EINTR)
            continue;
        if (r == 0)
            FAIL("the peer is silent");
        ssize_t n = read(peer->output, &byte, 1);
        if (n < 0 && errno == EINTR)
            continue;
        return n == 1 ? byte : -1;
    }
}

void peer_line(struct peer *peer, char *line, size_t size)
{
    size_t used = 0;
    for (int byte; (byte = next_byte(peer)) != '\n';) {
        if (byte < 0)
            FAIL("the peer ended instead of saying a line");
        CHECK(used + 1 < size);
        line[used++] = (char)byte;
    }
    line[used] = 0;
}

void peer_type(struct peer *peer, const char *text)
{
    size_t size = strlen(text);
    CHECK_INT(write(peer->input, text, size), (long long)size);
}

void peer_end(struct peer *peer)
{
    close(peer->input);
    peer->input = -1;
}

void peer_prints(struct peer *peer, const char *text)
{
    for (const char *at = text; *at; at++) {
        int byte = next_byte(peer);
        if (byte != (unsigned char)*at)
            FAIL("the peer printed byte %d instead of the %d of \"%s\"", byte, *at,
                 text);
    }
}

static void close_pipes(struct peer *peer)
{
    if (peer->input >= 0)
        close(peer->input);
    if (peer->output >= 0)
        close(peer->output);
}

void peer_wait(struct peer *peer)
{
    CHECK_INT(harness_wait_within(peer->pid, START_MILLISECONDS), 0);
    close_pipes(peer);
}

void peer_kill(struct peer *peer)
{
    harness_kill(peer->pid);
    close_pipes(peer);
}
