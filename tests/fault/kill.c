/* SPDX-License-Identifier: MIT */
/*
 * A peer is killed by SIGKILL at any moment, again and again: what was received before
 * is whole and in order, the death is told as such, and nobody waits for ever.  How
 * often each row is killed is WHERRY_TEST_KILLS (40 if it is not set).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"

enum { KILLS = 40, SIZE_MOST = 20000, MESSAGES_MOST = 20 };

static const uint64_t ALL = 1ull << 40;

struct row {
    const char *name;
    const char *address; // %s: a name in the test's directory; without: a pair
    int death;           // what recv says of it
};

static const struct row rows[] = {
    {"pipe", "pipe:", -ECONNRESET},
    {"pair-packet", "pair:", -ECONNRESET},
    {"pair-stream", "pair:?type=stream", -ECONNRESET},
    {"unix-packet", "unix:%s", -ECONNRESET},
    {"unix-stream", "unix:%s?type=stream", -ECONNRESET},
    {"unix-stream-raw", "unix:%s?type=stream&framing=length", 0},
    {"tcp", "tcp:127.0.0.1:0", -ECONNRESET},
    {"local", "local:%s?memory=always&ring=64K", -ECONNRESET},
    {"local-auto", "local:%s", -ECONNRESET},
    {"local-socket", "local:%s?memory=never", -ECONNRESET},
    {"local-pair", "local:?memory=always&ring=64K", -ECONNRESET},
};

/* One life of a peer. */
struct life {
    wherry_channel *ends[2]; // of a pair: to receive, to send
    wherry_channel *mine;
    const char *address; // to dial, if it is no pair
    unsigned seed;
    bool is_sending; // the one who is killed
};

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(HARNESS_PATIENCE));
}

static size_t size_of(unsigned seed, uint64_t index)
{
    return sizeof index + (size_t)((seed + index * 2654435761u) % SIZE_MOST);
}

/* Sends at most so many numbered messages; 0, or why no more. */
static int send_all(wherry_channel *channel, unsigned seed, uint64_t most)
{
    static char bytes[SIZE_MOST + sizeof(uint64_t)];
    for (uint64_t i = 0; i < most; i++) {
        size_t size = size_of(seed, i);
        memset(bytes, (int)(i & 0xff), size);
        memcpy(bytes, &i, sizeof i);
        int r = wherry_write(channel, bytes, size, 0, 0, soon());
        if (r < 0)
            return r;
    }
    return 0;
}

/* Receives at most so many of them, each whole and the next one; 1 if there may be
 * more, else what recv said. */
static int receive(wherry_channel *channel, unsigned seed, uint64_t *next,
                   uint64_t most)
{
    for (uint64_t end = *next + most; *next < end; ++*next) {
        static char expected[SIZE_MOST];
        wherry_message *message = NULL;
        uint64_t index;
        int r = wherry_recv(channel, &message, soon());
        if (r <= 0)
            return r;
        const char *bytes = wherry_message_data(message);
        size_t size = wherry_message_size(message);
        CHECK_INT(size, size_of(seed, *next));
        memcpy(&index, bytes, sizeof index);
        CHECK_INT(index, *next);
        memset(expected, (int)(index & 0xff), size - sizeof index);
        CHECK_BYTES(bytes + sizeof index, expected, size - sizeof index);
        wherry_message_free(message);
    }
    return 1;
}

static void be_killed(void *argument)
{
    struct life *life = argument;
    uint64_t next = 0;
    if (life->address) {
        CHECK_OK(wherry_dial(life->address, soon(), &life->mine));
    } else {
        wherry_close(life->ends[life->is_sending ? 0 : 1]);
        life->mine = life->ends[life->is_sending ? 1 : 0];
    }
    if (life->is_sending)
        send_all(life->mine, life->seed, ALL);
    else
        receive(life->mine, life->seed, &next, ALL);
    wherry_close(life->mine);
}

/* Opens a channel whose other end is in a process to be killed. */
static pid_t begin(const struct row *row, wherry_listener *listener, struct life *life)
{
    if (listener)
        life->address = wherry_listener_address(listener);
    else
        CHECK_OK(wherry_pair(row->address, life->ends));
    pid_t pid = harness_child(be_killed, life);
    if (listener) {
        CHECK_OK(wherry_accept(listener, soon(), &life->mine));
    } else {
        wherry_close(life->ends[life->is_sending ? 1 : 0]);
        life->mine = life->ends[life->is_sending ? 0 : 1];
    }
    return pid;
}

static void live(const struct row *row, wherry_listener *listener, unsigned seed)
{
    struct life life = {.seed = seed, .is_sending = seed % 3 != 0};
    pid_t pid = begin(row, listener, &life);
    uint64_t next = 0;
    if (life.is_sending) {
        int r = receive(life.mine, seed, &next, seed / 3 % MESSAGES_MOST);
        CHECK_INT(r, 1);
        CHECK_INT(kill(pid, SIGKILL), 0);
        r = receive(life.mine, seed, &next, ALL);
        CHECK_ERROR(r, row->death);
    } else {
        int r = send_all(life.mine, seed, seed / 3 % MESSAGES_MOST);
        CHECK_INT(r, 0);
        CHECK_INT(kill(pid, SIGKILL), 0);
        r = send_all(life.mine, seed, ALL);
        CHECK(r == -EPIPE || r == -ECONNRESET);
    }
    CHECK_INT(harness_wait(pid), -SIGKILL);
    wherry_close(life.mine);
}

static void kill_again_and_again(const void *argument)
{
    const struct row *row = argument;
    const char *told = getenv("WHERRY_TEST_KILLS");
    unsigned long count = told ? strtoul(told, NULL, 10) : KILLS;
    unsigned seed = (unsigned)harness_now();
    wherry_listener *listener = NULL;
    char address[512];
    snprintf(address, sizeof address, "%s", row->address);
    char *place = strstr(address, "%s");
    if (place)
        snprintf(address, sizeof address, "%.*s%s%s", (int)(place - address),
                 row->address, row->address[0] == 'u' ? harness_path("peer") : "peer",
                 strchr(row->address, '?') ? strchr(row->address, '?') : "");
    if (place || strncmp(address, "tcp:", 4) == 0)
        CHECK_OK(wherry_listen(address, &listener));
    for (unsigned long i = 0; i < count; i++) {
        seed = seed * 1103515245u + 12345u;
        live(row, listener, seed >> 8);
    }
    wherry_close_listener(listener);
    harness_note("%lu kills", count);
}

void harness_register(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[128];
        snprintf(name, sizeof name, "a_killed_peer_is_told/%s", rows[i].name);
        harness_add(name, kill_again_and_again, &rows[i]);
    }
}
