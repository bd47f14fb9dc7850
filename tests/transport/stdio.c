/* SPDX-License-Identifier: MIT */
/*
 * stdio: descriptors 0 and 1 of a child, with this test at their other ends.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "talk.h"

enum { FAREWELL = 64 };

struct child {
    pid_t pid;
    int input;  /* what the test writes to its stdin */
    int output; /* what the test reads from its stdout */
};

struct plan {
    void (*run)(void);
    int input[2];
    int output[2];
};

static void runs(void *argument)
{
    struct plan *plan = argument;
    CHECK_INT(dup2(plan->input[0], 0), 0);
    CHECK_INT(dup2(plan->output[1], 1), 1);
    for (int i = 0; i < 2; i++) {
        close(plan->input[i]);
        close(plan->output[i]);
    }
    plan->run();
}

static struct child start(void (*run)(void))
{
    struct plan plan = {.run = run};
    WORKS(pipe(plan.input));
    WORKS(pipe(plan.output));
    pid_t pid = harness_child(runs, &plan);
    close(plan.input[0]);
    close(plan.output[1]);
    return (struct child){pid, plan.input[1], plan.output[0]};
}

static void tell(const struct child *child, const char *text)
{
    CHECK_INT(write(child->input, text, strlen(text)), strlen(text));
}

static void expect(const struct child *child, const char *text)
{
    char heard[FAREWELL] = "";
    CHECK_INT(read_on(child->output, heard, strlen(text)), strlen(text));
    CHECK_STRING(heard, text);
}

static void end(struct child *child)
{
    close(child->input);
    CHECK_INT(harness_wait(child->pid), 0);
    close(child->output);
}

static void echoes(void)
{
    wherry_channel *channel;
    char line[64];
    int ended = 0;
    WORKS(wherry_dial("stdio:", soon(), &channel));
    for (;;) {
        int64_t size = wherry_read(channel, line, sizeof(line), NULL, &ended, soon());
        WORKS(size);
        if (ended)
            break;
        WORKS(wherry_write(channel, line, (size_t)size, 0, 0, soon()));
    }
    wherry_close(channel);
}

TEST(a_filter_reads_lines_and_writes_lines)
{
    struct child child = start(echoes);
    tell(&child, "one\ntwo\n");
    expect(&child, "one\ntwo\n");
    tell(&child, "three\nfo");
    expect(&child, "three\n");
    close(child.input);
    child.input = -1;
    expect(&child, "fo\n");
    end(&child);
}

static void leaves_the_flags(void)
{
    wherry_channel *channel;
    int before[2] = {fcntl(0, F_GETFL), fcntl(1, F_GETFL)};
    WORKS(wherry_dial("stdio:", soon(), &channel));
    hear_nothing(channel);
    say(channel, "ready");
    hear(channel, "go");
    CHECK_INT(fcntl(0, F_GETFL), before[0]);
    CHECK_INT(fcntl(1, F_GETFL), before[1]);
    CHECK_INT(before[0] & O_NONBLOCK, 0);
    wherry_close(channel);
    CHECK_INT(fcntl(0, F_GETFL), before[0]);
    CHECK_INT(fcntl(1, F_GETFL), before[1]);
}

TEST(what_is_shared_with_others_is_never_made_non_blocking)
{
    struct child child = start(leaves_the_flags);
    expect(&child, "ready\n");
    tell(&child, "go\n");
    end(&child);
}

static void goes_on_by_itself(void)
{
    wherry_channel *channel;
    WORKS(wherry_dial("stdio:", soon(), &channel));
    say(channel, "by Wherry");
    CHECK(!(info_of(channel).abilities & WHERRY_ABLE_FINISH));
    wherry_close(channel);
    CHECK_INT(write(1, "by hand\n", 8), 8);
}

TEST(the_two_descriptors_stay_open_when_the_channel_closes)
{
    struct child child = start(goes_on_by_itself);
    expect(&child, "by Wherry\n");
    expect(&child, "by hand\n");
    end(&child);
}

static void misses_one(void)
{
    wherry_channel *channel;
    close(0);
    FAILS(wherry_dial("stdio:", soon(), &channel), -EBADF, "descriptor 0 or 1");
}

TEST(a_closed_stdin_is_told)
{
    struct child child = start(misses_one);
    end(&child);
}

static int socket_ends[2];

static void is_a_socket(void *unused)
{
    (void)unused;
    wherry_channel *channel;
    CHECK_INT(dup2(socket_ends[1], 0), 0);
    CHECK_INT(dup2(socket_ends[1], 1), 1);
    close(socket_ends[0]);
    close(socket_ends[1]);
    WORKS(wherry_dial("stdio:", soon(), &channel));
    say(channel, "last words");
    WORKS(wherry_finish(channel));
    hear(channel, "and an answer");
    wherry_close(channel);
}

TEST(stdin_and_stdout_may_be_one_socket_and_then_half_close_works)
{
    char heard[64] = "";
    WORKS(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_ends));
    pid_t child = harness_child(is_a_socket, NULL);
    close(socket_ends[1]);
    CHECK_INT(read_on(socket_ends[0], heard, 11), 11);
    CHECK_STRING(heard, "last words\n");
    CHECK_INT(read_on(socket_ends[0], heard, 1), 0);
    CHECK_INT(write(socket_ends[0], "and an answer\n", 14), 14);
    CHECK_INT(harness_wait(child), 0);
    close(socket_ends[0]);
}

static struct harness_gate spoken;

static void greets(void *unused)
{
    (void)unused;
    wherry_channel *channel;
    CHECK_INT(dup2(socket_ends[1], 0), 0);
    CHECK_INT(dup2(socket_ends[1], 1), 1);
    close(socket_ends[0]);
    close(socket_ends[1]);
    WORKS(wherry_dial("stdio:?framing=wherry", soon(), &channel));
    say(channel, "it is me");
    gate_pass(&spoken);
    hear_end(channel);
    wherry_close(channel);
}

TEST(words_on_a_socket_say_who_spoke_even_to_who_asks_later)
{
    wherry_channel *channel;
    char address[64];
    WORKS(socketpair(AF_UNIX, SOCK_STREAM, 0, socket_ends));
    gate_open(&spoken);
    pid_t child = harness_child(greets, NULL);
    close(socket_ends[1]);
    gate_wait(&spoken);
    snprintf(address, sizeof(address), "fd:%d", socket_ends[0]);
    WORKS(wherry_dial(address, soon(), &channel));
    hear(channel, "it is me");
    CHECK_INT(info_of(channel).peer.trust, WHERRY_TRUST_KERNEL);
    CHECK_INT(info_of(channel).peer.pid, child);
    wherry_close(channel);
    CHECK_INT(harness_wait(child), 0);
    gate_close(&spoken);
}

static void has_packets(void *unused)
{
    (void)unused;
    wherry_channel *channel;
    CHECK_INT(dup2(socket_ends[1], 0), 0);
    FAILS(wherry_dial("stdio:", soon(), &channel), -ENOTSUP, "fd:0");
}

TEST(a_packet_socket_as_stdin_is_for_fd)
{
    WORKS(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socket_ends));
    CHECK_INT(harness_wait(harness_child(has_packets, NULL)), 0);
    close(socket_ends[0]);
    close(socket_ends[1]);
}

static void reads_a_file(void *unused)
{
    (void)unused;
    wherry_channel *channel;
    int file = open(harness_path("lines"), O_RDONLY | O_CLOEXEC);
    CHECK_INT(dup2(file, 0), 0);
    WORKS(wherry_dial("stdio:", soon(), &channel));
    hear(channel, "first");
    hear(channel, "second");
    hear_end(channel);
    wherry_close(channel);
}

TEST(stdin_may_be_a_file)
{
    harness_write_file("lines", "first\nsecond", 12);
    CHECK_INT(harness_wait(harness_child(reads_a_file, NULL)), 0);
}

static void waits_for_a_file(void *unused)
{
    (void)unused;
    wherry_channel *channel;
    struct pollfd in;
    int file = open(harness_path("lines"), O_RDONLY | O_CLOEXEC);
    CHECK_INT(dup2(file, 0), 0);
    WORKS(wherry_dial("stdio:", soon(), &channel));
    WORKS(wherry_fd(channel, WHERRY_IN, &in.fd, &in.events));
    CHECK_INT(poll(&in, 1, 0), 1);
    hear(channel, "first");
    CHECK_INT(poll(&in, 1, 0), 1);
    hear(channel, "second");
    CHECK_INT(poll(&in, 1, 0), 1);
    hear_end(channel);
    CHECK_INT(poll(&in, 1, 0), 1);
    wherry_close(channel);
}

TEST(the_descriptor_of_a_file_is_always_readable)
{
    harness_write_file("lines", "first\nsecond", 12);
    CHECK_INT(harness_wait(harness_child(waits_for_a_file, NULL)), 0);
}
