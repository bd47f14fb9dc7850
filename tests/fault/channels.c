/* SPDX-License-Identifier: MIT */
/*
 * What programs do with channels, for the injector: each of these scenarios runs for
 * each row of the table, with both ends in the process that is traced.  Whatever the
 * kernel does, a send that said 0 is followed by a recv that gives just this message,
 * or by an error; and closing gives everything back.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <wherry.h>

#include "channels.h"
#include "harness.h"

enum {
    ADDRESS_SIZE = 512,
    MANY = 5,
    HUGE = 1000000, // more than any default buffer
    LARGE = 100000, // more than a pipe or a default socket buffer takes in one go
};

static int patience = 40; // milliseconds

enum way { BY_PAIR, BY_DIAL };

struct row {
    const char *name;
    const char *address; // %s becomes a name in the directory of the test
    enum way way;
    bool has_files;
    bool has_numbers; // a message is 4 bytes, or none
};

static const struct row rows[] = {
    {"pipe", "pipe:", BY_PAIR, false, false},
    {"pipe-duplex", "pipe:?duplex=1", BY_PAIR, false, false},
    {"fifo", "fifo:%s?writers=one", BY_DIAL, false, false},
    {"pair-packet", "pair:", BY_PAIR, true, false},
    {"pair-stream", "pair:?type=stream", BY_PAIR, true, false},
    {"unix-packet", "unix:%s", BY_DIAL, true, false},
    {"unix-stream", "unix:%s?type=stream", BY_DIAL, true, false},
    {"unix-datagram", "unix:%s?type=datagram", BY_DIAL, true, false},
    {"abstract-stream", "unix:@%s?type=stream", BY_DIAL, true, false},
    {"tcp", "tcp:127.0.0.1:0", BY_DIAL, false, false},
    {"udp", "udp:127.0.0.1:0", BY_DIAL, false, false},
    {"mq", "mq:/%s", BY_DIAL, false, false},
    {"sysv", "sysv:private", BY_DIAL, false, false},
    {"queue", "queue:%s", BY_DIAL, false, false},
    {"signal", "signal:self", BY_DIAL, false, true},
    {"local", "local:%s?memory=always&ring=64K&spin=0", BY_DIAL, true, false},
    {"local-socket", "local:%s?memory=never", BY_DIAL, true, false},
    {"local-pair", "local:?memory=always&ring=64K", BY_PAIR, true, false},
};

struct ends {
    const struct row *row;
    wherry_listener *listener;
    wherry_channel *sender;
    wherry_channel *receiver;
    bool has_files;
    bool has_numbers;
};

struct scenario {
    const struct row *row;
    int (*run)(struct ends *ends);
};

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(patience));
}

static int open_by_dial(const struct row *row, struct ends *ends)
{
    char address[ADDRESS_SIZE], name[32];
    const char *place = strstr(row->address, "%s");
    bool is_ours = strncmp(row->address, "local:", 6) == 0 ||
                   strncmp(row->address, "queue:", 6) == 0;
    bool is_path = place && !is_ours && (place[-1] == ':' || place[-1] == '@');
    snprintf(name, sizeof name, "%d", (int)getpid());
    snprintf(address, sizeof address, "%.*s%s%s",
             place ? (int)(place - row->address) : (int)strlen(row->address),
             row->address,
             is_path ? harness_path(name)
             : place ? name
                     : "",
             place ? place + 2 : "");
    int r = wherry_listen(address, &ends->listener);
    if (r < 0)
        return r;
    bool is_one_way = strncmp(address, "fifo:", 5) == 0;
    if (is_one_way) { // the reading end is there first
        r = wherry_accept(ends->listener, soon(), &ends->receiver);
        if (r < 0)
            return r;
    }
    r = wherry_dial(wherry_listener_address(ends->listener), soon(), &ends->sender);
    if (r < 0 || is_one_way)
        return r;
    return wherry_accept(ends->listener, soon(), &ends->receiver);
}

static int open_ends(const struct row *row, struct ends *ends)
{
    wherry_channel *pair[2];
    int r =
        row->way == BY_PAIR ? wherry_pair(row->address, pair) : open_by_dial(row, ends);
    if (r < 0)
        return r;
    if (row->way == BY_PAIR) {
        ends->receiver = pair[0];
        ends->sender = pair[1];
    }
    return 0;
}

// The system keeps both kinds of queues; and doorbells, if a fault kept them.
static void remove_mq(void)
{
    char name[32];
    snprintf(name, sizeof name, "/%d", (int)getpid());
    mq_unlink(name);
}

static void empty_directory(void)
{
    DIR *folder = opendir(getenv("WHERRY_DIR"));
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
}

static void (*clear_of(const struct row *row))(void)
{
    return strcmp(row->name, "mq") == 0      ? remove_mq
           : strcmp(row->name, "queue") == 0 ? empty_directory
                                             : NULL;
}

static int run_scenario(const void *argument)
{
    const struct scenario *scenario = argument;
    struct ends ends = {.row = scenario->row,
                        .has_files = scenario->row->has_files,
                        .has_numbers = scenario->row->has_numbers};
    int r = open_ends(scenario->row, &ends);
    if (r >= 0 && scenario->run)
        r = scenario->run(&ends);
    wherry_close(ends.sender);
    wherry_close(ends.receiver);
    wherry_close_listener(ends.listener);
    return r < 0 ? r : 0;
}

// --- scenarios ---

/* Receives one message and compares it; 0 or an error. */
static int expect(struct ends *ends, const void *bytes, size_t size)
{
    wherry_message *message = NULL;
    int r = wherry_recv(ends->receiver, &message, soon());
    if (r < 0)
        return r;
    CHECK_INT(r, 1);
    CHECK_INT(wherry_message_size(message), size);
    CHECK_BYTES(wherry_message_data(message), bytes, size);
    wherry_message_free(message);
    return 0;
}

static int exchange(struct ends *ends)
{
    static const char *const texts[2][4] = {{"one", "two and a half", "", "three"},
                                            {"some", "more", "", "less"}};
    for (size_t i = 0; i < 4; i++) {
        const char *text = texts[ends->has_numbers][i];
        int64_t r = wherry_write(ends->sender, text, strlen(text), 0, 0, soon());
        if (r >= 0)
            r = expect(ends, text, strlen(text));
        if (r < 0)
            return (int)r;
    }
    return 0;
}

static int name_message(const struct ends *ends, int number, char text[16])
{
    return ends->has_numbers ? snprintf(text, 16, "%04d", number)
                             : snprintf(text, 16, "message %d", number);
}

static int exchange_many(struct ends *ends)
{
    wherry_message *messages[MANY] = {NULL};
    char text[16];
    int r = 0, sent = 0;
    for (int i = 0; i < MANY && r >= 0; i++) {
        int n = name_message(ends, i, text);
        r = wherry_message_copy(text, (size_t)n, &messages[i]);
    }
    while (r >= 0 && sent < MANY) {
        r = wherry_send_many(ends->sender, messages + sent, (size_t)(MANY - sent),
                             soon());
        sent += r > 0 ? r : 0;
    }
    for (int i = 0; i < MANY; i++)
        wherry_message_free(messages[i]);
    for (int i = 0; r >= 0 && i < MANY;) {
        wherry_message *got[MANY] = {NULL};
        r = wherry_recv_many(ends->receiver, got, MANY, soon());
        CHECK(r != 0);
        for (int k = 0; k < r; k++, i++) {
            int n = name_message(ends, i, text);
            CHECK_INT(wherry_message_size(got[k]), n);
            CHECK_BYTES(wherry_message_data(got[k]), text, (size_t)n);
            wherry_message_free(got[k]);
        }
    }
    return r;
}

/* Sends what does not fit at once: the receiver takes while the sender waits its turn.
 */
static int exchange_large(struct ends *ends)
{
    static char bytes[LARGE];
    wherry_message *message = NULL, *got = NULL;
    memset(bytes, 'x', sizeof bytes);
    bytes[LARGE - 1] = 'y';
    int r = wherry_message_copy(bytes, sizeof bytes, &message);
    if (r < 0)
        return r;
    r = wherry_send(ends->sender, &message, 0, WHERRY_POLL);
    wherry_message_free(message);
    if (r == -EMSGSIZE) // of a datagram
        return 0;
    for (int64_t end = soon(); r >= 0 && !got;) {
        // Every later send moves what is held; an empty one costs the receiver nothing.
        r = wherry_recv(ends->receiver, &got, WHERRY_POLL);
        CHECK(r != 0);
        if (r == -EAGAIN && wherry_now() < end) {
            r = wherry_finish(ends->sender);
            r = r == -EAGAIN || r == -ESHUTDOWN || r == -ENOTSUP ? 0 : r;
        }
    }
    if (r >= 0) {
        CHECK_INT(wherry_message_size(got), LARGE);
        CHECK_BYTES(wherry_message_data(got), bytes, LARGE);
    }
    wherry_message_free(got);
    return r == -EAGAIN ? -ETIMEDOUT : r; // this caller has waited by itself
}

static int exchange_files(struct ends *ends)
{
    wherry_message *message = NULL, *got = NULL;
    char byte;
    int pipe_ends[2];
    if (!ends->has_files)
        return 0;
    if (pipe2(pipe_ends, O_CLOEXEC) < 0)
        return -errno;
    int r = wherry_message_copy("with a file", 11, &message);
    if (r >= 0)
        r = wherry_message_attach(message, pipe_ends[1]);
    if (r >= 0)
        r = wherry_send(ends->sender, &message, 0, soon());
    wherry_message_free(message);
    if (r >= 0)
        r = wherry_recv(ends->receiver, &got, soon());
    close(pipe_ends[1]);
    if (r > 0) {
        CHECK_INT(wherry_message_files(got), 1);
        CHECK_BYTES(wherry_message_data(got), "with a file", 11);
        wherry_native file = wherry_message_take_file(got, 0);
        if (write(file, "!", 1) == 1 && read(pipe_ends[0], &byte, 1) == 1)
            CHECK(byte == '!');
        close(file);
    }
    wherry_message_free(got);
    close(pipe_ends[0]);
    return r;
}

/* A message with an open file that is only half there when everything is closed. */
static int abandon_files(struct ends *ends)
{
    static char bytes[HUGE];
    wherry_message *message = NULL, *got = NULL;
    if (!ends->has_files)
        return 0;
    int r = wherry_message_copy(bytes, sizeof bytes, &message);
    if (r >= 0)
        r = wherry_message_attach(message, STDERR_FILENO);
    if (r >= 0)
        r = wherry_send(ends->sender, &message, 0, WHERRY_POLL);
    wherry_message_free(message);
    if (r == -EMSGSIZE || r == -EAGAIN) // as packets it goes whole or not at all
        return 0;
    if (r >= 0)
        r = wherry_recv(ends->receiver, &got, WHERRY_POLL);
    CHECK(!got);
    wherry_close(ends->receiver); // first: the sender does not linger for it
    ends->receiver = NULL;
    return r == -EAGAIN ? 0 : r;
}

// Both have so much to say that they go over to memory, if there is any.
static int go_over(struct ends *ends)
{
    enum { ROUNDS = 5 };

    struct ends back = *ends;
    back.sender = ends->receiver;
    back.receiver = ends->sender;
    if (strncmp(ends->row->address, "local:", 6) != 0)
        return 0;
    int r = 0;
    for (int i = 0; i < ROUNDS && r >= 0; i++) {
        r = exchange(ends);
        if (r >= 0)
            r = exchange(&back);
    }
    if (r >= 0)
        r = exchange_files(ends);
    if (r >= 0)
        r = exchange_many(&back);
    return r < 0 ? r : exchange_large(ends); // which finishes
}

static int finish(struct ends *ends)
{
    wherry_message *got = NULL;
    int r = (int)wherry_write(ends->sender, "last", 4, 0, 0, soon());
    if (r >= 0)
        r = wherry_finish(ends->sender);
    for (int64_t end = soon(); r == -EAGAIN && wherry_now() < end;)
        r = wherry_finish(ends->sender); // it is to be called again
    if (r == -EAGAIN)
        return -ETIMEDOUT;
    if (r == -ENOTSUP)
        return expect(ends, "last", 4);
    if (r >= 0)
        r = expect(ends, "last", 4);
    if (r >= 0)
        r = wherry_recv(ends->receiver, &got, soon());
    CHECK(!got);
    return r;
}

static int expire(struct ends *ends)
{
    wherry_message *got = NULL;
    int r = wherry_recv(ends->receiver, &got, wherry_after(2));
    CHECK(r < 0 && !got);
    return r == -ETIMEDOUT ? 0 : r;
}

static int wait_in_poll(struct ends *ends)
{
    wherry_native fd;
    short events;
    wherry_message *got = NULL;
    int r = wherry_fd(ends->receiver, WHERRY_IN, &fd, &events);
    if (r == -ENOTSUP) {
        struct wherry_channel_info info;
        const size_t size = offsetof(struct wherry_channel_info, holder_count);
        CHECK_INT(wherry_describe(ends->receiver, &info, size), 0);
        CHECK(!(info.abilities & WHERRY_ABLE_DESCRIPTOR));
        return 0;
    }
    if (r >= 0)
        r = (int)wherry_write(ends->sender, "wake", 4, 0, 0, soon());
    for (int turn = 0; r >= 0 && !got && turn < 4; turn++) {
        struct pollfd wait = {.fd = fd, .events = events};
        (void)poll(&wait, 1, patience);
        r = wherry_recv(ends->receiver, &got, WHERRY_POLL);
        r = r == -EAGAIN ? 0 : r;
    }
    if (got)
        CHECK_BYTES(wherry_message_data(got), "wake", 4);
    wherry_message_free(got);
    return r >= 0 && !got ? -ETIMEDOUT : r;
}

static const struct {
    const char *name;
    int (*run)(struct ends *ends);
} runs[] = {
    {"open_and_close", NULL},
    {"exchange", exchange},
    {"exchange_many", exchange_many},
    {"exchange_large", exchange_large},
    {"exchange_files", exchange_files},
    {"abandon_files", abandon_files},
    {"go_over", go_over},
    {"finish", finish},
    {"expire", expire},
    {"wait_in_poll", wait_in_poll},
};

static const int allowed[] = {-ETIMEDOUT, -ECONNRESET, -EPIPE, -EMFILE, -EADDRINUSE, 0};

// memory=always, and there is none to be had.
static const int allowed_of_memory[] = {-ETIMEDOUT,  -ECONNRESET, -EPIPE, -EMFILE,
                                        -EADDRINUSE, -ENOTSUP,    0};

// What EPERM means of signals is among them.
static const int allowed_of_signals[] = {-ETIMEDOUT, -EPIPE, -EMFILE, -EACCES, 0};

// Without /proc a process does not know who it is, and without a random number makes no
// queue.
static const int allowed_of_queues[] = {-ETIMEDOUT, -EMFILE, -ENOTSUP,
                                        -ENOENT,    -EAGAIN, 0};

static const int *allowed_of(const struct row *row)
{
    if (strstr(row->address, "memory=always"))
        return allowed_of_memory;
    if (strcmp(row->name, "queue") == 0)
        return allowed_of_queues;
    return row->has_numbers ? allowed_of_signals : allowed;
}

const struct fault_scenario *channel_scenarios(int milliseconds, size_t *count)
{
    patience = milliseconds;

    enum { RUNS = sizeof runs / sizeof *runs, ROWS = sizeof rows / sizeof *rows };
    static struct fault_scenario scenarios[RUNS * ROWS];
    static struct scenario arguments[RUNS * ROWS];
    static char names[RUNS * ROWS][64];
    for (size_t i = 0; i < RUNS * ROWS; i++) {
        const struct row *row = &rows[i % ROWS];
        arguments[i] = (struct scenario){row, runs[i / ROWS].run};
        snprintf(names[i], sizeof names[i], "%s/%s", runs[i / ROWS].name, row->name);
        scenarios[i] = (struct fault_scenario){
            names[i], run_scenario, &arguments[i], allowed_of(row), 0, clear_of(row)};
    }
    *count = RUNS * ROWS;
    return scenarios;
}
