/* SPDX-License-Identifier: MIT */
/*
 * Relay: two channels joined, or one with itself; everything crosses, in order, and a
 * slow reader stops the reading.
 */
#define _GNU_SOURCE // memfd_create
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"

enum { COUNT = 100, SIZE = 200, RING = 1048576 };

/* sender … (near | far) … receiver: what is in brackets is joined. */
struct joint {
    struct ends near;
    struct ends far;
    struct wherry_relay_options options;
    pthread_t thread;
    int result;
    int joined;
    int moved;
    int left;
    int left_error;
};

static void note(void *user, const struct wherry_relay_notice *notice)
{
    struct joint *joint = user;
    CHECK(notice->from == joint->near.receiver || notice->from == joint->far.sender);
    if (notice->event == WHERRY_RELAY_JOINED) {
        CHECK_INT(joint->moved + joint->left + joint->joined++, 0);
    } else if (notice->event == WHERRY_RELAY_MOVED) {
        CHECK(notice->message != NULL);
        CHECK_INT(joint->joined, 1);
        joint->moved++;
    } else {
        CHECK_INT(notice->event, WHERRY_RELAY_LEFT);
        joint->left++;
        joint->left_error = notice->error;
    }
}

static void *run(void *argument)
{
    struct joint *joint = argument;
    joint->result =
        wherry_relay(joint->near.receiver, joint->far.sender, &joint->options, soon());
    return NULL;
}

// Something that can neither lose nor join messages, nor answer to nobody in
// particular.
static void need_joinable(const struct ends *ends)
{
    ends_need_messages(ends);
    ends_need_end(ends);
    ends_need(ends, WHERRY_ABLE_DESCRIPTOR);
    if (ends->row->way == ROW_STDIO)
        SKIP("a process has it once");
}

static void open_joint(const struct row *row, int one_way, struct joint *joint)
{
    memset(joint, 0, sizeof *joint);
    joint->options = (struct wherry_relay_options){
        .one_way = one_way, .notice = note, .user = joint};
    ends_open(row, NULL, &joint->near);
    need_joinable(&joint->near);
    if (!one_way)
        ends_need(&joint->near, WHERRY_ABLE_DUPLEX | WHERRY_ABLE_FINISH);
    ends_open(row, NULL, &joint->far);
}

static void start(struct joint *joint)
{
    CHECK_INT(pthread_create(&joint->thread, NULL, run, joint), 0);
}

static void close_joint(struct joint *joint)
{
    ends_close(&joint->near);
    ends_close(&joint->far);
}

ROW_TEST(both_ways_are_joined_to_their_ends)
{
    struct joint joint;
    open_joint(row, 0, &joint);
    start(&joint);
    for (unsigned i = 0; i < COUNT; i++) {
        bytes_send(joint.near.sender, SIZE, i, 0);
        bytes_receive(joint.far.receiver, SIZE, i, 0);
        bytes_send(joint.far.receiver, SIZE, i + 1, 0);
        bytes_receive(joint.near.sender, SIZE, i + 1, 0);
    }
    // One side finishes: the other is told, and its answers still come.
    CHECK_OK(wherry_finish(joint.near.sender));
    end_receive(joint.far.receiver);
    text_send(joint.far.receiver, "an answer");
    text_receive(joint.near.sender, "an answer");
    CHECK_OK(wherry_finish(joint.far.receiver));
    end_receive(joint.near.sender);
    CHECK_INT(pthread_join(joint.thread, NULL), 0);
    CHECK_INT(joint.result, 0);
    CHECK_INT(joint.joined, 1);
    CHECK_INT(joint.moved, 2 * COUNT + 1);
    CHECK_INT(joint.left, 2);
    CHECK_INT(joint.left_error, 0);
    close_joint(&joint);
}

ROW_TEST(one_way_ends_with_the_first)
{
    struct joint joint;
    open_joint(row, 1, &joint);
    start(&joint);
    for (unsigned i = 0; i < COUNT; i++) {
        bytes_send(joint.near.sender, SIZE, i, 0);
        bytes_receive(joint.far.receiver, SIZE, i, 0);
    }
    ends_close_sender(&joint.near);
    CHECK_INT(pthread_join(joint.thread, NULL), 0);
    CHECK_INT(joint.result, 0);
    CHECK_INT(joint.moved, COUNT);
    CHECK_INT(joint.left, 1);
    end_receive(joint.far.receiver);
    close_joint(&joint);
}

static wherry_message *message_with_file(unsigned number)
{
    wherry_message *message;
    CHECK_OK(wherry_message_new(SIZE, &message));
    bytes_fill(wherry_message_data(message), SIZE, number);
    CHECK_OK(wherry_message_set_kind(message, number));
    int fd = memfd_create("relayed", MFD_CLOEXEC);
    CHECK_INT(write(fd, &number, sizeof number), sizeof number);
    CHECK_OK(wherry_message_attach(message, fd));
    close(fd);
    return message;
}

ROW_TEST(kinds_and_open_files_cross)
{
    struct joint joint;
    open_joint(row, 1, &joint);
    ends_need(&joint.near, WHERRY_ABLE_KINDS | WHERRY_ABLE_FILES);
    start(&joint);
    for (unsigned i = 0; i < 10; i++) {
        unsigned found = 0;
        wherry_message *message = message_with_file(i);
        CHECK_INT(wherry_send(joint.near.sender, &message, 0, soon()), 0);
        CHECK_INT(wherry_recv(joint.far.receiver, &message, soon()), 1);
        CHECK_INT(wherry_message_kind(message), i);
        CHECK_INT(wherry_message_files(message), 1);
        CHECK_INT(pread(wherry_message_file(message, 0), &found, sizeof found, 0), 4);
        CHECK_INT(found, i);
        bytes_check(wherry_message_data(message), SIZE, i);
        wherry_message_free(message);
    }
    ends_close_sender(&joint.near);
    CHECK_INT(pthread_join(joint.thread, NULL), 0);
    CHECK_INT(joint.result, 0);
    close_joint(&joint);
}

// Sends until there is no more room for a while; how many there was room for.
static unsigned send_until_stopped(wherry_channel *channel)
{
    enum { QUIET_MILLISECONDS = 60 };

    char bytes[SIZE];
    int r = 0;
    unsigned sent = 0;
    for (; r == 0; sent += r == 0) {
        bytes_fill(bytes, SIZE, sent);
        r = wherry_write(channel, bytes, SIZE, 0, 0,
                         wherry_after(harness_stretch(QUIET_MILLISECONDS)));
        CHECK(sent < 1000000);
    }
    CHECK_ERROR(r, -ETIMEDOUT);
    return sent;
}

ROW_TEST(a_slow_reader_stops_the_reading)
{
    struct joint joint;
    struct ends alone;
    ends_open(row, NULL, &alone);
    need_joinable(&alone);
    unsigned room = fill_up(alone.sender, SIZE);
    ends_close(&alone);
    open_joint(row, 1, &joint);
    start(&joint);
    unsigned sent = send_until_stopped(joint.near.sender);
    // Two channels hold it, a relay reads ahead what the near one held and what came
    // while it read, one message is on its way, and nothing else is kept.
    unsigned rings = strncmp(row->address, "local", 5) == 0 ? 2 * RING / SIZE : 0;
    if (strncmp(row->address, "tcp", 3) != 0)
        CHECK_RANGE(sent, room, 4 * room + rings + 2);
    // The last of them may be with the sender in part still.
    wherry_deadline end = soon();
    int r = -EAGAIN;
    for (unsigned i = 0; i < sent;) {
        wherry_message *message;
        if (r == -EAGAIN && ends_can(&joint.near, WHERRY_ABLE_FINISH))
            r = wherry_finish(joint.near.sender);
        int got = wherry_recv(joint.far.receiver, &message, wherry_after(1));
        CHECK(wherry_now() < end);
        if (got == -ETIMEDOUT)
            continue;
        CHECK_INT(got, 1);
        CHECK_INT(wherry_message_size(message), SIZE);
        bytes_check(wherry_message_data(message), SIZE, i++);
        wherry_message_free(message);
    }
    ends_close_sender(&joint.near);
    end_receive(joint.far.receiver);
    CHECK_INT(pthread_join(joint.thread, NULL), 0);
    CHECK_INT(joint.result, 0);
    CHECK_INT(joint.moved, sent);
    close_joint(&joint);
}

static void *run_echo(void *argument)
{
    struct joint *joint = argument;
    joint->result = wherry_relay(joint->near.receiver, NULL, NULL, soon());
    return NULL;
}

ROW_TEST(one_channel_alone_echoes)
{
    struct joint joint = {.result = -1};
    ends_open(row, NULL, &joint.near);
    need_joinable(&joint.near);
    ends_need(&joint.near, WHERRY_ABLE_DUPLEX);
    CHECK_INT(pthread_create(&joint.thread, NULL, run_echo, &joint), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        bytes_send(joint.near.sender, SIZE, i, 0);
        bytes_receive(joint.near.sender, SIZE, i, 0);
    }
    ends_close_sender(&joint.near);
    CHECK_INT(pthread_join(joint.thread, NULL), 0);
    CHECK_INT(joint.result, 0);
    ends_close(&joint.near);
}

static void speak_and_hang(struct ends *ends, void *nothing)
{
    (void)nothing;
    text_send(ends->sender, "I live");
    hang();
}

ROW_TEST(a_death_on_one_side_is_what_ended_it)
{
    struct joint joint = {.result = 1};
    joint.options =
        (struct wherry_relay_options){.one_way = 1, .notice = note, .user = &joint};
    pid_t child = row_fork(row, NULL, ROW_SENDS, speak_and_hang, NULL, &joint.near);
    need_joinable(&joint.near);
    ends_open(row, NULL, &joint.far);
    start(&joint);
    text_receive(joint.far.receiver, "I live");
    harness_kill(child);
    CHECK_INT(pthread_join(joint.thread, NULL), 0);
    CHECK_ERROR(joint.result, ends_say_end(&joint.near) ? -ECONNRESET : 0);
    CHECK_INT(joint.left, 1);
    CHECK_INT(joint.left_error, joint.result);
    close_joint(&joint);
}
