/* SPDX-License-Identifier: MIT */
/*
 * The table of rows, and what tests ask of the ends that were opened.
 */
#include "rows.h"

#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct row rows[] = {
    {"pipe", "pipe:", "", ROW_PAIR, 0, false},
    {"pipe-duplex", "pipe:", "duplex=1", ROW_PAIR, 0, false},
    {"fifo", "fifo:%s", "", ROW_DIAL, 0, false},
    {"fifo-wherry", "fifo:%s", "framing=wherry", ROW_DIAL, 0, false},
    {"fifo-one-writer", "fifo:%s", "framing=wherry&writers=one", ROW_DIAL, 0, false},
    {"pair-packet", "pair:", "", ROW_PAIR, 0, false},
    {"pair-stream", "pair:", "type=stream", ROW_PAIR, 0, false},
    {"pair-datagram", "pair:", "type=datagram", ROW_PAIR, 0, true},
    {"unix-packet", "unix:%s", "", ROW_DIAL, 0, false},
    {"unix-stream", "unix:%s", "type=stream", ROW_DIAL, 0, false},
    {"unix-datagram", "unix:%s", "type=datagram", ROW_DIAL, 0, true},
    {"abstract-packet", "unix:@%s", "", ROW_DIAL, 0, false},
    {"abstract-stream", "unix:@%s", "type=stream", ROW_DIAL, 0, false},
    {"abstract-datagram", "unix:@%s", "type=datagram", ROW_DIAL, 0, true},
    {"tcp-v4", "tcp:127.0.0.1:0", "", ROW_DIAL, 0, false},
    {"tcp-v6", "tcp:[::1]:0", "", ROW_DIAL, 0, false},
    {"udp-v4", "udp:127.0.0.1:0", "", ROW_DIAL, 0, true},
    {"udp-v6", "udp:[::1]:0", "", ROW_DIAL, 0, true},
    {"mq", "mq:/%s", "", ROW_DIAL, 0, true},
    {"sysv", "sysv:0x%s", "", ROW_DIAL, 0, true},
    {"sysv-private", "sysv:private", "", ROW_DIAL, 0, true},
    {"queue", "queue:%s", "", ROW_DIAL, 0, true},
    {"signal", "signal:self", "", ROW_DIAL, 0, true},
    {"local", "local:%s", "", ROW_DIAL, 0, false},
    {"local-always", "local:%s", "memory=always", ROW_DIAL, 0, false},
    {"local-never", "local:%s", "memory=never", ROW_DIAL, 0, false},
    {"local-pair", "local:", "memory=always&ring=256K", ROW_PAIR, 0, false},
    {"fd-packet", "fd:", "", ROW_SOCKET_PAIR, SOCK_SEQPACKET, false},
    {"fd-stream", "fd:", "", ROW_SOCKET_PAIR, SOCK_STREAM, false},
    {"fd-pipe", "fd:", "", ROW_PIPE, 0, false},
    {"stdio", "stdio:", "framing=line", ROW_STDIO, SOCK_STREAM, false},
    {"stdio-wherry", "stdio:", "framing=wherry", ROW_STDIO, SOCK_STREAM, false},
    {"stream-raw", "unix:%s", "type=stream&framing=raw", ROW_DIAL, 0, false},
    {"stream-line", "unix:%s", "type=stream&framing=line", ROW_DIAL, 0, false},
    {"stream-length", "unix:%s", "type=stream&framing=length", ROW_DIAL, 0, false},
    {"stream-header", "unix:%s", "type=stream&framing=header", ROW_DIAL, 0, false},
    {"packet-raw", "unix:%s", "framing=raw", ROW_DIAL, 0, false},
    {"own", "own:", "", ROW_OWN, SOCK_SEQPACKET, false},
    {"fault-packet", "fault:pair:", "", ROW_PAIR, 0, false},
    {"fault-stream", "fault:unix:%s", "type=stream", ROW_DIAL, 0, false},
};

enum { ROWS = sizeof rows / sizeof rows[0], TESTS_MOST = 64 };

static const struct {
    unsigned ability;
    const char *lacks;
} words[] = {
    {WHERRY_ABLE_DUPLEX, "one way only"},
    {WHERRY_ABLE_CONNECTIONLESS, "it has one peer"},
    {WHERRY_ABLE_KINDS, "no kinds here"},
    {WHERRY_ABLE_FILES, "open files cannot travel here"},
    {WHERRY_ABLE_SENDER, "nobody vouches for the sender here"},
    {WHERRY_ABLE_FINISH, "no half-close here"},
    {WHERRY_ABLE_DRAIN, "nobody confirms here: no drain"},
    {WHERRY_ABLE_DESCRIPTOR, "no descriptor to wait for"},
};

// --- registering ---

struct run {
    void (*run)(const struct row *);
    const struct row *row;
};

// What outlives its processes is removed by the tests, and they may forget the last.
enum { NAMES_KEPT = 8 };

static char names_kept[NAMES_KEPT][ROW_ADDRESS];
static int names_made;

// By the system's own call, which needs no memory.
void row_remove(const char *address)
{
    char name[ROW_ADDRESS];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(address, "?"), address);
    if (strncmp(name, "mq:", 3) == 0)
        mq_unlink(name + 3);
    if (strncmp(name, "sysv:0x", 7) == 0)
        msgctl(msgget((key_t)strtoul(name + 5, NULL, 16), 0), IPC_RMID, NULL);
    if (strncmp(name, "queue:", 6) == 0) {
        char path[ROW_ADDRESS * 2];
        snprintf(path, sizeof path, "%s/%s.queue", getenv("WHERRY_DIR"), name + 6);
        unlink(path);
    }
}

void rows_remove(void)
{
    for (int i = 0; i < NAMES_KEPT && i < names_made; i++)
        row_remove(names_kept[i]);
}

static void run_row(const void *argument)
{
    const struct run *run = argument;
    run->run(run->row);
    rows_remove();
}

void rows_add(const char *name, void (*run)(const struct row *))
{
    static struct run runs[TESTS_MOST * ROWS];
    static size_t used;
    for (size_t i = 0; i < ROWS; i++) {
        char full[256];
        if (used == TESTS_MOST * ROWS) {
            fprintf(stderr, "rows.c: TESTS_MOST is too small\n");
            exit(1);
        }
        runs[used] = (struct run){run, &rows[i]};
        snprintf(full, sizeof full, "%s/%s", name, rows[i].name);
        harness_add(full, run_row, &runs[used++]);
    }
}

const struct row *row_named(const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    FAIL("there is no row %s", name);
}

// --- addresses ---

void row_address(const struct row *row, const char *options, char *address)
{
    char name[64], base[ROW_ADDRESS / 2];
    const char *place = strstr(row->address, "%s");
    bool is_path = place && place[-1] == ':' &&
                   strncmp(row->address, "local", 5) != 0 &&
                   strncmp(row->address, "queue", 5) != 0;
    bool is_key = place && place[-1] == 'x';
    snprintf(name, sizeof name, is_key ? "%x%02x" : "%d.%d", (int)getpid(),
             is_key ? names_made % 256 : names_made);
    // The literal part before %s is short, and nothing else is a format.
    int before = place ? (int)(place - row->address) : (int)strlen(row->address);
    snprintf(base, sizeof base, "%.*s%s%s", before, row->address,
             !place    ? ""
             : is_path ? harness_path(name)
                       : name,
             place ? place + 2 : "");
    bool has_more = options && *options;
    snprintf(address, ROW_ADDRESS, "%s%s%s%s%s", base,
             *row->options || has_more ? "?" : "", row->options,
             *row->options && has_more ? "&" : "", has_more ? options : "");
    strcpy(names_kept[names_made++ % NAMES_KEPT], address);
}

// --- what tests ask ---

bool row_is_thorough(void)
{
    return !harness_is_slow() && !getenv("WHERRY_TEST_KERNEL") &&
           !getenv("WHERRY_TEST_REFUSE");
}

wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(HARNESS_PATIENCE));
}

bool ends_can(const struct ends *ends, unsigned ability)
{
    return (ends->can.abilities & ability) == ability;
}

void ends_skip(const struct ends *ends, const char *reason)
{
    if (ends->child > 0)
        harness_kill(ends->child);
    rows_remove();
    SKIP("%s", reason);
}

void ends_need(const struct ends *ends, unsigned ability)
{
    // tests/transport/signal.c has those of signals.
    if ((ability & WHERRY_ABLE_KINDS) && ends_can(ends, WHERRY_ABLE_NUMBER))
        ends_skip(ends, "its kinds are the numbers of signals");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if ((ability & words[i].ability) && !ends_can(ends, words[i].ability))
            ends_skip(ends, words[i].lacks);
    CHECK(ends_can(ends, ability));
}

void ends_need_bytes(const struct ends *ends)
{
    if (ends_can(ends, WHERRY_ABLE_NUMBER))
        ends_skip(ends, "a message is one number here");
}

bool ends_keep_messages(const struct ends *ends)
{
    return ends_can(ends, WHERRY_ABLE_MESSAGES) ||
           strcmp(ends->can.framing, "raw") != 0;
}

void ends_need_messages(const struct ends *ends)
{
    if (!ends_keep_messages(ends))
        ends_skip(ends, "bytes without a framing have no messages");
}

bool ends_say_end(const struct ends *ends)
{
    bool has_word = strcmp(ends->can.framing, "wherry") == 0;
    bool one_peer = strncmp(ends->row->address, "fifo", 4) != 0 && !ends->row->endless;
    return has_word && one_peer;
}

void ends_need_end(const struct ends *ends)
{
    if (ends->row->endless)
        ends_skip(ends, "nobody is told of the end here");
}
