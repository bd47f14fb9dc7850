/* SPDX-License-Identifier: MIT */
/*
 * A reader that is stopped while ten times as much is sent to it as to an honest one:
 * what is kept for it is bounded, the honest one is answered as fast as before, and
 * after it goes on it gets whole messages in their order.  How long it is stopped is
 * WHERRY_TEST_SECONDS (1 if it is not set).
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "talk.h"

enum {
    SAMPLES = 2000,
    TIMES = 10, // so many messages to the stopped one for each round trip
    SIZE = 1000,
    QUEUE = 65536,
    MEMORY_MOST = 4 * 65536 + QUEUE, // two rings with their fronts, the list, and some
    TRIES = 5
};

static const char address[] = "local:boat?ring=64K&memory=always&queue=64K"
                              "&full=drop-oldest";

static void read_in_order(void *argument)
{
    wherry_channel *channel;
    wherry_message *message;
    int64_t last = -1;
    int r;
    (void)argument;
    WORKS(wherry_dial(address, soon(), &channel));
    say(channel, "here");
    while ((r = wherry_recv(channel, &message, WHERRY_FOREVER)) == 1) {
        CHECK_INT(wherry_message_size(message), SIZE);
        CHECK(wherry_message_kind(message) > last);
        last = wherry_message_kind(message);
        const char *bytes = wherry_message_data(message);
        CHECK_INT(bytes[0], (char)last);
        CHECK_INT(bytes[SIZE - 1], (char)last);
        wherry_message_free(message);
    }
    CHECK_INT(r, 0);
    wherry_close(channel);
}

static void echo(void *argument)
{
    wherry_channel *channel;
    wherry_message *message;
    (void)argument;
    WORKS(wherry_dial(address, soon(), &channel));
    say(channel, "here");
    while (wherry_recv(channel, &message, WHERRY_FOREVER) == 1)
        WORKS(wherry_send(channel, &message, 0, soon()));
    wherry_close(channel);
}

static int compare(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

struct flood {
    wherry_channel *stopped; // NULL: there is none
    int64_t number;
};

static void write_more(struct flood *flood)
{
    char bytes[SIZE];
    for (int i = 0; i < TIMES && flood->stopped; i++) {
        memset(bytes, (int)(flood->number & 0xff), SIZE);
        WORKS(wherry_write(flood->stopped, bytes, SIZE, flood->number++, 0, soon()));
    }
}

// Nanoseconds, of which one in a hundred round trips takes longer.
static int64_t slow_one(wherry_channel *honest, struct flood *flood)
{
    static int64_t took[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        write_more(flood);
        const int64_t from = harness_now();
        say(honest, "there and back");
        hear(honest, "there and back");
        took[i] = harness_now() - from;
    }
    qsort(took, SAMPLES, sizeof(*took), compare);
    return took[SAMPLES * 99 / 100];
}

static void stop(pid_t pid)
{
    siginfo_t how;
    CHECK_INT(kill(pid, SIGSTOP), 0);
    while (waitid(P_PID, (id_t)pid, &how, WSTOPPED | WNOWAIT) < 0)
        CHECK_INT(errno, EINTR);
}

// What else goes on on the machine is not the stopped one's doing: a try that is good
// is enough; and where nobody asked for so many seconds it is only told.
static void check_the_honest(wherry_channel *honest, struct flood *flood)
{
    wherry_channel *const stopped = flood->stopped;
    int64_t before = 0;
    int64_t during = 0;
    for (int i = 0; i < TRIES && (i == 0 || during > 2 * before); i++) {
        flood->stopped = NULL;
        before = slow_one(honest, flood);
        flood->stopped = stopped;
        during = slow_one(honest, flood);
    }
    harness_note("of an honest channel p99 was %.1f us, and is %.1f us",
                 (double)before / 1e3, (double)during / 1e3);
    if (getenv("WHERRY_TEST_SECONDS"))
        CHECK_RANGE(during, 0, 2 * before);
}

TEST(a_reader_that_is_stopped_costs_no_more_than_its_room_and_others_nothing)
{
    wherry_listener *listener;
    wherry_channel *slow, *honest;
    WORKS(wherry_listen(address, &listener));
    const pid_t reader = harness_child(read_in_order, NULL);
    WORKS(wherry_accept(listener, soon(), &slow));
    hear(slow, "here");
    const pid_t other = harness_child(echo, NULL);
    WORKS(wherry_accept(listener, soon(), &honest));
    hear(honest, "here");
    struct flood flood = {.stopped = slow};
    stop(reader);
    const int64_t end =
        harness_now() + harness_told("WHERRY_TEST_SECONDS", 1) * 1000000000;
    check_the_honest(honest, &flood);
    while (harness_now() < end) {
        (void)slow_one(honest, &flood);
        CHECK_RANGE(info_of(slow).memory, 1, MEMORY_MOST);
    }
    const struct wherry_channel_info info = info_of(slow);
    CHECK_RANGE(info.memory, 1, MEMORY_MOST);
    CHECK_RANGE(info.queued_bytes, 1, QUEUE + SIZE);
    CHECK(info.dropped_messages > 0);
    harness_note("%lld messages to one that is stopped: %llu KiB are kept",
                 (long long)flood.number, (unsigned long long)info.memory / 1024);
    CHECK_INT(kill(reader, SIGCONT), 0);
    while (wherry_flush(slow) == -EAGAIN)
        (void)poll(NULL, 0, 1);
    wherry_close(slow);
    wherry_close(honest);
    CHECK_INT(harness_wait(reader), 0);
    CHECK_INT(harness_wait(other), 0);
    wherry_close_listener(listener);
}
