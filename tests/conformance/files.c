/* SPDX-License-Identifier: MIT */
/*
 * Open files arrive with exactly the message that they were attached to, however
 * messages are gathered, and whatever happens to the receiver's table of descriptors.
 */
#define _GNU_SOURCE // memfd_create
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bytes.h"

enum { SIZE = 40, STANDARD_FILES = 16, FEW = 8, KERNEL_FILES = 253 };

// A file whose contents are that number.
static void attach_file(wherry_message *message, unsigned number)
{
    int fd = memfd_create("attached", MFD_CLOEXEC);
    CHECK_OK(fd);
    CHECK_INT(write(fd, &number, sizeof number), sizeof number);
    CHECK_OK(wherry_message_attach(message, fd));
    close(fd);
}

// The message of that number, with files numbered from 100 × number on.
static wherry_message *message_with(unsigned number, size_t files)
{
    wherry_message *message;
    CHECK_OK(wherry_message_new(SIZE, &message));
    bytes_fill(wherry_message_data(message), SIZE, number);
    for (unsigned i = 0; i < files; i++)
        attach_file(message, number * 100 + i);
    return message;
}

static void send_with(wherry_channel *channel, unsigned number, size_t files,
                      unsigned flags)
{
    wherry_message *message = message_with(number, files);
    int r = wherry_send(channel, &message, flags, soon());
    if (r < 0)
        FAIL("sending %zu files: %s: %s", files, harness_errno_name(r),
             wherry_error_text());
    CHECK_INT(r, 0);
}

static void check_with(wherry_message *message, unsigned number, size_t files)
{
    CHECK_INT(wherry_message_size(message), SIZE);
    bytes_check(wherry_message_data(message), SIZE, number);
    CHECK_INT(wherry_message_files(message), files);
    for (unsigned i = 0; i < files; i++) {
        unsigned found = 0;
        int fd = wherry_message_file(message, i);
        CHECK_INT(pread(fd, &found, sizeof found, 0), sizeof found);
        CHECK_INT(found, number * 100 + i);
        CHECK_INT(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    }
    wherry_message_free(message);
}

static void receive_with(wherry_channel *channel, unsigned number, size_t files)
{
    wherry_message *message = NULL;
    int r = wherry_recv(channel, &message, soon());
    if (r < 0)
        FAIL("receiving %zu files: %s: %s", files, harness_errno_name(r),
             wherry_error_text());
    CHECK_INT(r, 1);
    check_with(message, number, files);
}

static void open_with_files(const struct row *row, const char *options,
                            struct ends *ends)
{
    ends_open(row, options, ends);
    ends_need(ends, WHERRY_ABLE_FILES);
}

// How many files the message of that number has, in the tests below.
static size_t files_of(unsigned number)
{
    static const size_t counts[FEW] = {0, 1, 3, 0, 0, 2, 1, 0};
    return counts[number];
}

ROW_TEST(each_message_has_its_own_files)
{
    struct ends ends;
    open_with_files(row, NULL, &ends);
    for (unsigned i = 0; i < FEW; i++)
        send_with(ends.sender, i, files_of(i), 0);
    for (unsigned i = 0; i < FEW; i++)
        receive_with(ends.receiver, i, files_of(i));
    ends_close(&ends);
}

ROW_TEST(gathered_messages_keep_their_own_files)
{
    struct ends ends;
    open_with_files(row, NULL, &ends);
    for (unsigned i = 0; i < FEW; i++)
        send_with(ends.sender, i, files_of(i), i + 1 < FEW ? WHERRY_MORE : 0);
    for (unsigned i = 0; i < FEW; i++)
        receive_with(ends.receiver, i, files_of(i));
    ends_close(&ends);
}

ROW_TEST(messages_sent_together_keep_their_own_files)
{
    struct ends ends;
    wherry_message *messages[FEW], *got[FEW];
    open_with_files(row, NULL, &ends);
    for (unsigned i = 0; i < FEW; i++)
        messages[i] = message_with(i, files_of(i));
    CHECK_INT(wherry_send_many(ends.sender, messages, FEW, soon()), FEW);
    for (unsigned have = 0; have < FEW;) {
        int n = wherry_recv_many(ends.receiver, got, FEW - have, soon());
        CHECK_RANGE(n, 1, FEW - have);
        for (int i = 0; i < n; i++, have++)
            check_with(got[i], have, files_of(have));
    }
    ends_close(&ends);
}

// In another process, without any step in between: reads join as they like.
static void send_stream_of_files(struct ends *ends, void *nothing)
{
    (void)nothing;
    if (!ends_can(ends, WHERRY_ABLE_FILES))
        return;
    for (unsigned i = 0; i < 400; i++)
        send_with(ends->sender, i, files_of(i % FEW),
                  i % 3 && i + 1 < 400 ? WHERRY_MORE : 0);
}

ROW_TEST(files_of_many_messages_do_not_mix)
{
    struct ends ends;
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_stream_of_files, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FILES);
    for (unsigned i = 0; i < 400; i++)
        receive_with(ends.receiver, i, files_of(i % FEW));
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

ROW_TEST(a_large_message_has_its_files_too)
{
    struct ends ends;
    wherry_message *message;
    open_with_files(row, NULL, &ends);
    size_t size = 50000;
    CHECK_OK(wherry_message_new(size, &message));
    bytes_fill(wherry_message_data(message), size, 1);
    attach_file(message, 7);
    attach_file(message, 8);
    CHECK_INT(wherry_send(ends.sender, &message, 0, soon()), 0);
    send_with(ends.sender, 2, 1, 0);
    CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
    CHECK_INT(wherry_message_files(message), 2);
    CHECK_INT(wherry_message_size(message), size);
    bytes_check(wherry_message_data(message), size, 1);
    unsigned found = 0;
    CHECK_INT(pread(wherry_message_file(message, 1), &found, sizeof found, 0), 4);
    CHECK_INT(found, 8);
    wherry_message_free(message);
    receive_with(ends.receiver, 2, 1);
    ends_close(&ends);
}

ROW_TEST(as_many_files_as_the_limit_arrive_and_one_more_is_refused)
{
    struct ends ends;
    open_with_files(row, NULL, &ends);
    CHECK_INT(ends.can.file_limit, STANDARD_FILES);
    wherry_message *message = message_with(1, STANDARD_FILES + 1);
    CHECK_ERROR(wherry_send(ends.sender, &message, 0, soon()), -E2BIG);
    CHECK_CONTAINS(wherry_error_text(), "17");
    CHECK_CONTAINS(wherry_error_text(), "16");
    CHECK_CONTAINS(wherry_error_text(), "files=");
    CHECK_INT(wherry_message_files(message), STANDARD_FILES + 1);
    wherry_message_free(message);
    send_with(ends.sender, 2, STANDARD_FILES, 0);
    send_with(ends.sender, 3, STANDARD_FILES, WHERRY_MORE);
    send_with(ends.sender, 4, STANDARD_FILES, 0);
    for (unsigned i = 2; i < 5; i++)
        receive_with(ends.receiver, i, STANDARD_FILES);
    ends_close(&ends);
}

ROW_TEST(the_kernels_own_limit_can_be_reached)
{
    struct ends ends;
    open_with_files(row, "files=253", &ends);
    send_with(ends.sender, 1, KERNEL_FILES, 0);
    receive_with(ends.receiver, 1, KERNEL_FILES);
    wherry_message *message = message_with(2, KERNEL_FILES);
    CHECK_ERROR(wherry_message_attach(message, STDIN_FILENO), -E2BIG);
    wherry_message_free(message);
    ends_close(&ends);
}

ROW_TEST(files_that_nobody_takes_are_closed)
{
    struct ends ends;
    wherry_message *message;
    char bytes[SIZE];
    open_with_files(row, NULL, &ends);
    text_send(ends.sender, "whatever opens on first use is open now");
    text_receive(ends.receiver, "whatever opens on first use is open now");
    int before = harness_descriptors();
    send_with(ends.sender, 1, 3, 0);
    CHECK_INT(harness_descriptors(), before);
    CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
    CHECK_INT(harness_descriptors(), before + 3);
    wherry_message_free(message);
    CHECK_INT(harness_descriptors(), before);
    send_with(ends.sender, 2, 3, 0);
    CHECK_INT(wherry_read(ends.receiver, bytes, SIZE, NULL, NULL, soon()), SIZE);
    CHECK_INT(harness_descriptors(), before);
    // Never received at all: the test counts what is left.
    send_with(ends.sender, 3, 3, 0);
    ends_close(&ends);
}

ROW_TEST(a_file_that_was_taken_out_stays_open)
{
    struct ends ends;
    wherry_message *message;
    unsigned found = 0;
    open_with_files(row, NULL, &ends);
    send_with(ends.sender, 1, 3, 0);
    CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
    int fd = wherry_message_take_file(message, 1);
    CHECK_OK(fd);
    CHECK_ERROR(wherry_message_take_file(message, 1), -EBADF);
    CHECK_ERROR(wherry_message_file(message, 1), -EBADF);
    CHECK_ERROR(wherry_message_file(message, 3), -EINVAL);
    CHECK_ERROR(wherry_message_take_file(message, 3), -EINVAL);
    CHECK_INT(pread(wherry_message_file(message, 2), &found, sizeof found, 0), 4);
    CHECK_INT(found, 102);
    wherry_message_free(message);
    CHECK_INT(pread(fd, &found, sizeof found, 0), 4);
    CHECK_INT(found, 101);
    close(fd);
    ends_close(&ends);
}

// Leaves this process that many free descriptors; the old limit.
static struct rlimit leave_free(rlim_t count)
{
    struct rlimit old, few;
    int first = dup(STDERR_FILENO); // the lowest that is free
    CHECK_OK(first);
    close(first);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = (struct rlimit){.rlim_cur = (rlim_t)first, .rlim_max = old.rlim_max};
    for (rlim_t fd = (rlim_t)first; count > 0; fd++) {
        bool is_free = fcntl((int)fd, F_GETFD) < 0;
        count -= is_free ? 1 : 0;
        few.rlim_cur = fd + 1;
    }
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    return old;
}

// What the two ends agree on while they talk takes descriptors, too: it comes first.
static void talk(struct ends *ends)
{
    const bool answers = ends_can(ends, WHERRY_ABLE_DUPLEX) && !ends->row->endless;
    for (int i = 0; i < 12 && answers; i++) {
        text_send(ends->sender, "there");
        text_receive(ends->receiver, "there");
        text_send(ends->receiver, "and back");
        text_receive(ends->sender, "and back");
    }
}

static void check_room(const struct row *row, size_t room)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_files(row, NULL, &ends);
    talk(&ends);
    static const size_t counts[] = {0, 4, 0, 1, 5, 0, 2};

    enum { COUNT = sizeof counts / sizeof counts[0] };

    for (unsigned i = 0; i < COUNT; i++)
        send_with(ends.sender, i, counts[i], 0);
    int before = harness_descriptors();
    struct rlimit old = leave_free(room);
    for (unsigned i = 0; i < COUNT; i++) {
        if (counts[i] <= room) {
            receive_with(ends.receiver, i, counts[i]);
            continue;
        }
        CHECK_ERROR(wherry_recv(ends.receiver, &message, WHERRY_POLL), -EMFILE);
        CHECK_CONTAINS(wherry_error_text(), "descriptors");
    }
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
    CHECK_INT(harness_descriptors(), before);
    send_with(ends.sender, 8, 5, 0);
    receive_with(ends.receiver, 8, 5);
    ends_close(&ends);
}

ROW_TEST(a_receiver_without_descriptors_loses_that_message_only)
{
    check_room(row, 2);
}

ROW_TEST(a_receiver_without_a_single_descriptor_does_too)
{
    check_room(row, 0);
}

ROW_TEST(an_invalid_descriptor_cannot_be_attached)
{
    struct ends ends;
    wherry_message *message;
    open_with_files(row, NULL, &ends);
    CHECK_OK(wherry_message_new(SIZE, &message));
    CHECK_ERROR(wherry_message_attach(message, -1), -EBADF);
    CHECK_ERROR(wherry_message_attach(message, 100000), -EBADF);
    CHECK_INT(wherry_message_files(message), 0);
    wherry_message_free(message);
    ends_close(&ends);
}

ROW_TEST(where_files_cannot_travel_they_are_refused)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_FILES) || row->way == ROW_STDIO)
        SKIP("they can travel from this end");
    ends_need_bytes(&ends);
    wherry_message *message = message_with(1, 1);
    CHECK_ERROR(wherry_send(ends.sender, &message, 0, soon()), -ENOTSUP);
    CHECK_CONTAINS(wherry_error_text(), channel_info(ends.sender).address);
    CHECK(message != NULL);
    wherry_message_free(message);
    text_send(ends.sender, "without");
    text_receive(ends.receiver, "without");
    ends_close(&ends);
}
