/* SPDX-License-Identifier: MIT */
/*
 * The other end: it lives on when the one that is stepped dies, and is judged by what
 * it saw.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "kernel.h"
#include "local.h"

static wherry_listener *listener;
static wherry_channel *channel;

static wherry_deadline patience(void)
{
    return wherry_after(harness_stretch(LINE_PATIENCE));
}

/* --- numbered messages --------------------------------------------------- */

// The number again and again: no piece of one is one of another.
static const unsigned char *bytes_of(unsigned number, unsigned size)
{
    enum { DISTANCE = 512 };

    static unsigned char bytes[LINE_LARGE];
    for (unsigned i = 0; i + sizeof number <= size; i += DISTANCE)
        memcpy(bytes + i, &number, sizeof number);
    bytes[size - 1] = (unsigned char)number;
    return bytes;
}

static int send_loan(wherry_channel *to, const unsigned char *bytes, unsigned size,
                     wherry_deadline deadline)
{
    wherry_message *message = NULL;
    int r = wherry_loan(to, size, &message, deadline);
    if (r < 0)
        return r;
    memcpy(wherry_message_data(message), bytes, size);
    r = wherry_send(to, &message, 0, deadline);
    wherry_message_free(message);
    return r;
}

// As a loan where the address says so.
int line_send(struct line *line, struct flow *flow, wherry_channel *to,
              wherry_deadline deadline)
{
    const unsigned number = atomic_load(&flow->begun);
    const unsigned char *bytes = bytes_of(number, line->size);
    atomic_store(&flow->begun, number + 1);
    int r = strstr(line->options, "loan=")
                ? send_loan(to, bytes, line->size, deadline)
                : wherry_write(to, bytes, line->size, 0, 0, deadline);
    if (r >= 0)
        atomic_store(&flow->sent, number + 1);
    else
        atomic_store(&flow->begun, number);
    return r;
}

int line_send_file(struct line *line, struct flow *flow, wherry_channel *to)
{
    const unsigned number = atomic_load(&flow->begun);
    wherry_message *message = NULL;
    CHECK_OK(wherry_message_copy(bytes_of(number, line->size), line->size, &message));
    CHECK_OK(wherry_message_attach(message, line->orders[0]));
    wherry_message_set_kind(message, 1);
    atomic_store(&flow->begun, number + 1);
    int r = wherry_send(to, &message, 0, patience());
    wherry_message_free(message);
    if (r >= 0)
        atomic_store(&flow->sent, number + 1);
    return r;
}

int line_send_many(struct line *line, struct flow *flow, wherry_channel *to, int count)
{
    enum { MOST = 64 };

    wherry_message *messages[MOST] = {NULL};
    unsigned number = atomic_load(&flow->begun);
    for (int i = 0; i < count; i++)
        CHECK_OK(wherry_message_copy(bytes_of(number + (unsigned)i, line->size),
                                     line->size, &messages[i]));
    atomic_store(&flow->begun, number + (unsigned)count);
    int r = wherry_send_many(to, messages, (size_t)count, patience());
    if (r > 0)
        atomic_store(&flow->sent, number + (unsigned)r);
    for (int i = 0; i < count; i++)
        wherry_message_free(messages[i]);
    return r;
}

int line_write_many(struct line *line, struct flow *flow, wherry_channel *to, int count)
{
    enum { MOST = 64 };

    static unsigned char room[MOST][LINE_SMALL];
    struct wherry_bytes messages[MOST];
    const unsigned number = atomic_load(&flow->begun);
    for (int i = 0; i < count; i++) {
        memcpy(room[i], bytes_of(number + (unsigned)i, line->size), line->size);
        messages[i] = (struct wherry_bytes){room[i], line->size, 0};
    }
    atomic_store(&flow->begun, number + (unsigned)count);
    int r = wherry_write_many(to, messages, (size_t)count, patience());
    if (r > 0)
        atomic_store(&flow->sent, number + (unsigned)r);
    return r;
}

static bool is_right(const struct line *line, const void *bytes, size_t size,
                     unsigned number)
{
    return size == line->size &&
           memcmp(bytes, bytes_of(number, line->size), line->size) == 0;
}

static bool is_whole(const struct line *line, const wherry_message *message,
                     unsigned number)
{
    const bool has_file = wherry_message_kind(message) == 1;
    return is_right(line, wherry_message_data(message), wherry_message_size(message),
                    number) &&
           wherry_message_files(message) == (has_file ? 1 : 0);
}

int line_receive(struct line *line, struct flow *flow, wherry_channel *from,
                 wherry_deadline deadline)
{
    wherry_message *message = NULL;
    const unsigned number = atomic_load(&flow->taken);
    int r = wherry_recv(from, &message, deadline);
    if (r != 1)
        return r;
    if (wherry_message_kind(message) == LINE_STRANGER)
        r = LINE_STRANGER;
    else if (!is_whole(line, message, number))
        atomic_fetch_add(&flow->torn, 1);
    else
        atomic_store(&flow->taken, number + 1);
    wherry_message_free(message);
    return r;
}

int line_read_many(struct line *line, struct flow *flow, wherry_channel *from)
{
    enum { MOST = 4 };

    unsigned char room[MOST * (LINE_SMALL + WHERRY_BYTES_STEP)];
    struct wherry_bytes got[MOST];
    int r = wherry_read_many(from, room, sizeof(room), got, MOST, patience());
    for (int i = 0; i < r; i++) {
        const unsigned number = atomic_load(&flow->taken);
        if (is_right(line, got[i].bytes, got[i].size, number))
            atomic_store(&flow->taken, number + 1);
        else
            atomic_fetch_add(&flow->torn, 1);
    }
    return r;
}

/* --- what it does -------------------------------------------------------- */

static int accept_one(struct line *line)
{
    (void)line;
    return wherry_accept(listener, patience(), &channel);
}

// As a loop of events does: nothing but a message wakes it, while a blocking wait looks
// by itself from time to time, and stepping is slow.
static int poll_for_one(struct line *line)
{
    wherry_native fd;
    short events;
    int r = wherry_fd(channel, WHERRY_IN, &fd, &events);
    while (r >= 0 &&
           (r = line_receive(line, &line->there, channel, WHERRY_POLL)) == -EAGAIN) {
        struct pollfd wait = {.fd = fd, .events = events};
        r = 0;
        while (poll(&wait, 1, -1) < 0)
            ;
    }
    return r;
}

static int echo(struct line *line)
{
    int r;
    while ((r = poll_for_one(line)) == 1)
        if ((r = line_send(line, &line->back, channel, patience())) < 0)
            return r;
    return r;
}

static int receive_all(struct line *line)
{
    int r;
    while ((r = line_receive(line, &line->there, channel, WHERRY_FOREVER)) == 1)
        ;
    return r;
}

static int answer_one(struct line *line)
{
    int r = line_receive(line, &line->there, channel, patience());
    return r == 1 ? line_send(line, &line->back, channel, patience()) : r;
}

static int poll_for_all(struct line *line)
{
    int r;
    while ((r = poll_for_one(line)) == 1)
        ;
    return r;
}

static int take_some(struct line *line)
{
    int r = 1;
    for (int i = 0; i < LINE_TAKE && r == 1; i++)
        r = line_receive(line, &line->there, channel, patience());
    return r;
}

static int send_all(struct line *line)
{
    int r;
    while ((r = line_send(line, &line->back, channel, patience())) >= 0)
        ;
    return r;
}

// As a loop of events does, for the same reason.
static int poll_to_send_all(struct line *line)
{
    int r;
    do {
        wherry_native fd;
        struct pollfd wait;
        r = line_send(line, &line->back, channel, WHERRY_POLL);
        if (r >= 0)
            r = wherry_flush(channel);
        if (r == -EAGAIN) {
            r = wherry_fd(channel, WHERRY_OUT, &fd, &wait.events);
            wait.fd = fd;
            while (r >= 0 && poll(&wait, 1, -1) < 0)
                ;
        }
    } while (r >= 0);
    return r;
}

static int write_one(struct line *line)
{
    return line_send(line, &line->back, channel, patience());
}

static int write_file(struct line *line)
{
    return line_send_file(line, &line->back, channel);
}

// Each is over by its deadline, whoever is stopped.
static int meet_deadline(struct line *line)
{
    enum { LATE = 200 * 1000000 };

    const int64_t began = harness_now();
    int r = line_receive(line, &line->there, channel, wherry_after(LINE_SOON));
    if (r == 1 || r == -ETIMEDOUT)
        r = line_send(line, &line->back, channel, wherry_after(LINE_SOON));
    const bool is_late = !harness_is_slow() && harness_now() - began > LATE;
    return is_late ? -ETIME : r == -ETIMEDOUT ? 0 : r;
}

static int sleep_in_vain(struct line *line)
{
    int r = line_receive(line, &line->there, channel, wherry_after(1));
    return r == -ETIMEDOUT ? 0 : -EBUSY;
}

// Twice: it is remembered when there was nothing first.
static int leave_memory(struct line *line)
{
    int r = line_receive(line, &line->there, channel, wherry_after(2));
    step_clock_skip(INT64_C(10000000000));
    if (r == -ETIMEDOUT)
        r = line_receive(line, &line->there, channel, wherry_after(2));
    return r == -ETIMEDOUT ? 0 : r;
}

static int accept_the_next(struct line *line)
{
    int r = 1;
    while (r != LINE_STRANGER) {
        r = wherry_accept(listener, patience(), &channel);
        if (r < 0)
            return r;
        while ((r = line_receive(line, &line->there, channel, WHERRY_FOREVER)) == 1)
            ;
        wherry_close(channel);
        channel = NULL;
    }
    return 0;
}

static const struct {
    char letter;
    bool ends; // the channel is closed then
    int (*run)(struct line *line);
} deeds[] = {
    {ORDER_ACCEPT, false, accept_one},
    {ORDER_ANSWER, false, answer_one},
    {ORDER_ECHO, true, echo},
    {ORDER_RECEIVE, true, receive_all},
    {ORDER_POLL, true, poll_for_all},
    {ORDER_TAKE, false, take_some},
    {ORDER_SEND, true, send_all},
    {ORDER_SEND_POLL, true, poll_to_send_all},
    {ORDER_WRITE, false, write_one},
    {ORDER_WRITE_FILE, false, write_file},
    {ORDER_MEET, false, meet_deadline},
    {ORDER_LEAVE, false, leave_memory},
    {ORDER_SLEEP, false, sleep_in_vain},
    {ORDER_NEXT, false, accept_the_next},
};

/* --- what it keeps ------------------------------------------------------- */

static int count_memory(void)
{
    static char text[1 << 16];
    int count = 0;
    const size_t size = harness_read_file("/proc/self/maps", text, sizeof text);
    for (const char *at = text; size > 0 && (at = strstr(at, "/memfd:wherry:")); at++)
        count++;
    return count;
}

static void follow(struct line *line, char letter, int before)
{
    size_t i = 0;
    while (deeds[i].letter != letter)
        i++;
    atomic_store(&line->result, deeds[i].run(line));
    if (!deeds[i].ends)
        return;
    wherry_close(channel);
    channel = NULL;
    atomic_store(&line->left, harness_descriptors() - before + count_memory());
}

static void live(void *argument)
{
    struct line *line = argument;
    char letter = 0;
    CHECK_OK(wherry_listen(line->address, &listener));
    const int before = harness_descriptors();
    CHECK_INT(write(line->answers[1], "", 1), 1);
    for (;;) {
        if (read(line->orders[0], &letter, 1) != 1)
            continue; // EINTR
        if (letter == ORDER_QUIT)
            break;
        follow(line, letter, before);
        CHECK_INT(write(line->answers[1], "", 1), 1);
    }
    wherry_close(channel);
    wherry_close_listener(listener);
    harness_exit(0);
}

/* --- making one ---------------------------------------------------------- */

static void clear(void *argument)
{
    const struct line *line = argument;
    (void)wherry_remove(line->address);
}

struct line *line_new(const char *options, unsigned size)
{
    static unsigned runs;
    struct line *line = kernel_memory(sizeof *line);
    line->size = size;
    snprintf(line->options, LINE_ADDRESS, "%s", options);
    snprintf(line->address, LINE_ADDRESS, "local:l%06u?ring=64K&%s", runs++, options);
    CHECK_INT(pipe2(line->orders, O_CLOEXEC), 0);
    CHECK_INT(pipe2(line->answers, O_CLOEXEC), 0);
    line->peer = harness_child(live, line);
    CHECK(line_is_done(line, harness_stretch(LINE_PATIENCE)));
    return line;
}

void line_tell(struct line *line, enum order order)
{
    const char letter = (char)order;
    CHECK_INT(write(line->orders[1], &letter, 1), 1);
}

bool line_is_done(struct line *line, int milliseconds)
{
    struct pollfd answer = {.fd = line->answers[0], .events = POLLIN};
    char byte;
    return poll(&answer, 1, milliseconds) == 1 && read(line->answers[0], &byte, 1) == 1;
}

// One that does not come back is killed, and its name, which it may leave then,
// removed.
void line_free(struct line *line)
{
    enum { QUITTING = 300, LOOKS = 300 };

    int status = 0;
    pid_t ended = 0;
    line_tell(line, ORDER_QUIT);
    for (int i = 0; i < LOOKS && ended == 0; i++) {
        ended = waitpid(line->peer, &status, WNOHANG);
        if (ended == 0)
            poll(NULL, 0, QUITTING / LOOKS);
    }
    if (ended == 0) {
        harness_kill(line->peer);
        CHECK_INT(harness_wait(harness_child(clear, line)), 0);
    }
    CHECK_INT(status, 0);
    for (int i = 0; i < 2; i++) {
        close(line->orders[i]);
        close(line->answers[i]);
    }
    munmap(line, sizeof *line);
}
