/* SPDX-License-Identifier: MIT */
/*
 * Kinds: a message arrives with its own, and can be picked by it; what is passed over
 * stays, in order, within bounds that are told.
 */
#define _GNU_SOURCE // memfd_create
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"

enum { SIZE = 50, FEW = 8 };

static void open_with_kinds(const struct row *row, const char *options,
                            struct ends *ends)
{
    ends_open(row, options, ends);
    ends_need(ends, WHERRY_ABLE_KINDS);
}

// A message of that kind comes, and it is the one of that number.
static void pick(wherry_channel *channel, int64_t wanted, unsigned number, int64_t kind)
{
    wherry_message *message = NULL;
    int r = wherry_recv_kind(channel, wanted, &message, soon());
    if (r < 0)
        FAIL("recv_kind %lld: %s: %s", (long long)wanted, harness_errno_name(r),
             wherry_error_text());
    CHECK_INT(r, 1);
    CHECK_INT(wherry_message_kind(message), kind);
    CHECK_INT(wherry_message_size(message), SIZE);
    bytes_check(wherry_message_data(message), SIZE, number);
    wherry_message_free(message);
}

// What is passed over is held here, in this process.
static void need_holding(const struct ends *ends)
{
    if (ends_can(ends, WHERRY_ABLE_PICK))
        ends_skip(ends, "the kernel picks, and holds what is passed over");
}

ROW_TEST(every_kind_arrives_as_it_was_sent)
{
    static const int64_t all[] = {INT64_MAX, INT64_C(1) << 40, 65536, 255, 2, 1, 0};

    enum { KINDS = sizeof all / sizeof all[0] };

    struct ends ends;
    int64_t kind = 0;
    char bytes[4];
    open_with_kinds(row, NULL, &ends);
    int64_t limit = channel_info(ends.sender).kind_limit;
    CHECK_INT(channel_info(ends.receiver).kind_limit, limit);
    for (unsigned i = 0; i < KINDS; i++)
        bytes_send(ends.sender, SIZE, i, all[i] < limit ? all[i] : limit);
    for (unsigned i = 0; i < KINDS; i++)
        bytes_receive(ends.receiver, SIZE, i, all[i] < limit ? all[i] : limit);
    CHECK_INT(wherry_write(ends.sender, "kind", 4, 12, 0, soon()), 0);
    CHECK_INT(wherry_read(ends.receiver, bytes, 4, &kind, NULL, soon()), 4);
    CHECK_INT(kind, 12);
    ends_close(&ends);
}

ROW_TEST(kind_0_takes_any_in_the_order_of_arrival)
{
    struct ends ends;
    open_with_kinds(row, NULL, &ends);
    for (unsigned i = 0; i < FEW; i++)
        bytes_send(ends.sender, SIZE, i, 9 - i);
    for (unsigned i = 0; i < FEW; i++)
        pick(ends.receiver, 0, i, 9 - i);
    ends_close(&ends);
}

ROW_TEST(a_kind_above_0_takes_exactly_that_one)
{
    struct ends ends;
    open_with_kinds(row, NULL, &ends);
    bytes_send(ends.sender, SIZE, 0, 3);
    bytes_send(ends.sender, SIZE, 1, 2);
    bytes_send(ends.sender, SIZE, 2, 1);
    pick(ends.receiver, 1, 2, 1);
    unsigned held = ends_can(&ends, WHERRY_ABLE_PICK) ? 0 : 2;
    CHECK_INT(channel_info(ends.receiver).held_messages, held);
    CHECK_INT(channel_info(ends.receiver).held_bytes, held * SIZE);
    bytes_send(ends.sender, SIZE, 3, 2);
    pick(ends.receiver, 2, 1, 2);
    pick(ends.receiver, 0, 0, 3);
    pick(ends.receiver, 2, 3, 2);
    CHECK_INT(channel_info(ends.receiver).held_messages, 0);
    CHECK_INT(channel_info(ends.receiver).held_bytes, 0);
    ends_close(&ends);
}

ROW_TEST(a_kind_below_0_takes_the_lowest_that_has_arrived)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_kinds(row, NULL, &ends);
    bytes_send(ends.sender, SIZE, 0, 5);
    bytes_send(ends.sender, SIZE, 1, 2);
    bytes_send(ends.sender, SIZE, 2, 1);
    bytes_send(ends.sender, SIZE, 3, 2);
    pick(ends.receiver, -2, 2, 1);
    pick(ends.receiver, -2, 1, 2);
    pick(ends.receiver, -2, 3, 2);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, -2, &message, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, -2, &message, wherry_after(5)),
                -ETIMEDOUT);
    bytes_send(ends.sender, SIZE, 4, 4);
    pick(ends.receiver, -6, 4, 4);
    pick(ends.receiver, -5, 0, 5);
    ends_close(&ends);
}

ROW_TEST(waiting_for_a_kind_that_is_not_there_loses_nothing)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_kinds(row, NULL, &ends);
    for (unsigned i = 0; i < FEW; i++)
        bytes_send(ends.sender, SIZE, i, FEW - i);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 99, &message, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 99, &message, wherry_after(5)),
                -ETIMEDOUT);
    CHECK(message == NULL);
    bytes_send(ends.sender, SIZE, FEW, 99);
    pick(ends.receiver, 99, FEW, 99);
    for (unsigned i = 0; i < FEW; i++)
        bytes_receive(ends.receiver, SIZE, i, FEW - i);
    ends_close(&ends);
}

static void send_later(struct ends *ends, void *argument)
{
    struct harness_gate *gate = argument;
    if (!ends_can(ends, WHERRY_ABLE_KINDS) || ends_can(ends, WHERRY_ABLE_NUMBER))
        return;
    bytes_send(ends->sender, SIZE, 0, 1);
    gate_wait(gate);
    bytes_send(ends->sender, SIZE, 1, 1);
    bytes_send(ends->sender, SIZE, 2, 2);
    gate_wait(gate);
}

ROW_TEST(a_kind_is_waited_for_while_others_arrive)
{
    struct ends ends;
    struct harness_gate gate;
    gate_open(&gate);
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_later, &gate, &ends);
    ends_need(&ends, WHERRY_ABLE_KINDS);
    wherry_message *message = NULL;
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 2, &message, wherry_after(5)),
                -ETIMEDOUT);
    gate_pass(&gate);
    pick(ends.receiver, 2, 2, 2);
    pick(ends.receiver, 0, 0, 1);
    pick(ends.receiver, 0, 1, 1);
    gate_pass(&gate);
    CHECK_INT(harness_wait(child), 0);
    gate_close(&gate);
    ends_close(&ends);
}

ROW_TEST(a_full_list_of_bytes_is_told_and_loses_nothing)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_kinds(row, "held=170", &ends);
    need_holding(&ends);
    for (unsigned i = 0; i < FEW; i++)
        bytes_send(ends.sender, SIZE, i, 1);
    for (int i = 0; i < 2; i++) {
        int64_t began = harness_now();
        CHECK_ERROR(wherry_recv_kind(ends.receiver, 2, &message, WHERRY_FOREVER),
                    -ENOBUFS);
        CHECK(harness_now() - began < INT64_C(1000000000) * harness_stretch(1));
        CHECK_CONTAINS(wherry_error_text(), "held=");
    }
    CHECK(message == NULL);
    CHECK_RANGE(channel_info(ends.receiver).held_bytes, SIZE, 170 + SIZE);
    for (unsigned i = 0; i < FEW; i++)
        pick(ends.receiver, i % 2 ? 1 : 0, i, 1);
    bytes_send(ends.sender, SIZE, 0, 2);
    pick(ends.receiver, 2, 0, 2);
    ends_close(&ends);
}

ROW_TEST(a_full_list_still_gives_what_it_has)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_kinds(row, "held=100", &ends);
    need_holding(&ends);
    for (unsigned i = 0; i < FEW; i++)
        bytes_send(ends.sender, SIZE, i, 20 - i);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 5, &message, soon()), -ENOBUFS);
    pick(ends.receiver, 19, 1, 19);
    pick(ends.receiver, -20, 2, 18); // the list had room for one more
    pick(ends.receiver, 0, 0, 20);
    for (unsigned i = 3; i < FEW; i++)
        pick(ends.receiver, 0, i, 20 - i);
    ends_close(&ends);
}

enum { HELD_MOST = 1024, MANY = 1100 };

static void send_many_of_1(struct ends *ends, void *nothing)
{
    (void)nothing;
    if (!ends_can(ends, WHERRY_ABLE_KINDS) || ends_can(ends, WHERRY_ABLE_NUMBER))
        return;
    for (unsigned i = 0; i < MANY; i++)
        bytes_send(ends->sender, SIZE, i, 1);
}

ROW_TEST(a_full_list_of_messages_is_told_and_loses_nothing)
{
    struct ends ends;
    wherry_message *message = NULL;
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_many_of_1, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_KINDS);
    if (ends_can(&ends, WHERRY_ABLE_LOSS))
        ends_skip(&ends, "it may lose what nobody waits for");
    need_holding(&ends);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 2, &message, soon()), -ENOBUFS);
    CHECK_INT(channel_info(ends.receiver).held_messages, HELD_MOST);
    for (unsigned i = 0; i < MANY; i++)
        bytes_receive(ends.receiver, SIZE, i, 1);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

// --- passed over with open files ---

static void send_files(struct ends *ends, void *nothing)
{
    (void)nothing;
    if (!ends_can(ends, WHERRY_ABLE_FILES | WHERRY_ABLE_KINDS))
        return;
    for (unsigned i = 0; i < 20; i++) {
        wherry_message *message;
        int fd = memfd_create("passed over", MFD_CLOEXEC);
        CHECK_OK(fd);
        CHECK_INT(write(fd, &i, sizeof i), sizeof i);
        CHECK_OK(wherry_message_new(SIZE, &message));
        CHECK_OK(wherry_message_set_kind(message, 1));
        CHECK_OK(wherry_message_attach(message, fd));
        close(fd);
        CHECK_OK(wherry_send(ends->sender, &message, 0, soon()));
    }
}

ROW_TEST(open_files_that_are_passed_over_are_held_and_counted)
{
    struct ends ends;
    wherry_message *message = NULL;
    pid_t child = row_fork(row, "files=1", ROW_SENDS, send_files, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_FILES | WHERRY_ABLE_KINDS);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 2, &message, soon()), -ENOBUFS);
    CHECK_INT(channel_info(ends.receiver).held_files, 16);
    CHECK_INT(channel_info(ends.receiver).held_messages, 16);
    for (unsigned i = 0; i < 20; i++) {
        unsigned number = 99;
        CHECK_INT(wherry_recv_kind(ends.receiver, 1, &message, soon()), 1);
        CHECK_INT(wherry_message_files(message), 1);
        CHECK_INT(pread(wherry_message_file(message, 0), &number, sizeof number, 0),
                  sizeof number);
        CHECK_INT(number, i);
        wherry_message_free(message);
    }
    CHECK_INT(channel_info(ends.receiver).held_files, 0);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

ROW_TEST(what_is_still_held_is_freed_with_the_channel)
{
    struct ends ends;
    wherry_message *message = NULL;
    open_with_kinds(row, NULL, &ends);
    need_holding(&ends);
    for (unsigned i = 0; i < FEW; i++)
        bytes_send(ends.sender, SIZE, i, 1);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 2, &message, WHERRY_POLL), -EAGAIN);
    CHECK_INT(channel_info(ends.receiver).held_messages, FEW);
    ends_close(&ends);
}

// --- refused ---

ROW_TEST(a_kind_below_0_cannot_be_sent)
{
    struct ends ends;
    wherry_message *message;
    open_with_kinds(row, NULL, &ends);
    CHECK_OK(wherry_message_new(1, &message));
    CHECK_ERROR(wherry_message_set_kind(message, -1), -EINVAL);
    CHECK_INT(wherry_message_kind(message), 0);
    CHECK_ERROR(wherry_write(ends.sender, "no", 2, -1, 0, soon()), -EINVAL);
    wherry_message_free(message);
    ends_close(&ends);
}

ROW_TEST(a_kind_above_the_limit_cannot_be_sent)
{
    struct ends ends;
    open_with_kinds(row, NULL, &ends);
    int64_t limit = channel_info(ends.sender).kind_limit;
    if (limit == INT64_MAX)
        ends_skip(&ends, "every kind can be sent");
    static const unsigned flags[] = {0, WHERRY_MORE};
    for (int i = 0; i < 2; i++) {
        CHECK_ERROR(wherry_write(ends.sender, "no", 2, limit + 1, flags[i], soon()),
                    -EINVAL);
        CHECK_CONTAINS(wherry_error_text(), "from 0 to ");
    }
    ends_close(&ends);
}

ROW_TEST(where_there_are_no_kinds_they_are_refused)
{
    struct ends ends;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_KINDS))
        SKIP("there are kinds");
    CHECK_ERROR(wherry_write(ends.sender, "no", 2, 1, 0, soon()), -ENOTSUP);
    CHECK_CONTAINS(wherry_error_text(), channel_info(ends.sender).address);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, 1, &message, soon()), -ENOTSUP);
    CHECK_ERROR(wherry_recv_kind(ends.receiver, -1, &message, soon()), -ENOTSUP);
    text_send(ends.sender, "kind 0");
    CHECK_INT(wherry_recv_kind(ends.receiver, 0, &message, soon()), 1);
    wherry_message_free(message);
    ends_close(&ends);
}
