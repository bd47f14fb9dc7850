/* SPDX-License-Identifier: MIT */
/*
 * What is sent arrives, whatever its size, byte for byte; what is too large or cannot
 * be carried is refused and harms nobody.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* MANY: as many as any kernel buffer takes; unix(7) datagrams wait ten at most. */
enum { PAGE = 4096, SIZES = 9, MANY = 8, GATHERED = 9 };

/* What crosses in one process must fit into the kernel. */
enum { SMALL = 65507 };

struct sizes {
    size_t sizes[SIZES];
    size_t count;
};

/* The sizes that a channel of the row takes, its limit the last. */
static struct sizes sizes_of(const struct row *row)
{
    struct ends ends;
    struct sizes sizes = {.count = 0};
    size_t all[] = {0, 1, 8, PAGE - 1, PAGE, PAGE + 1, 65536};
    ends_open(row, NULL, &ends);
    size_t limit = (size_t)ends.can.message_limit;
    size_t least = strcmp(ends.can.framing, "raw") == 0 ? 1 : 0;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i] < limit && all[i] >= least)
            sizes.sizes[sizes.count++] = all[i];
    sizes.sizes[sizes.count++] = limit;
    ends_close(&ends);
    return sizes;
}

static void send_sizes(struct ends *ends, void *argument)
{
    const struct sizes *sizes = argument;
    for (size_t i = 0; i < sizes->count; i++)
        bytes_send(ends->sender, sizes->sizes[i], (unsigned)i, 0);
    finish_all(ends->sender);
}

// One message, or its bytes in a row where boundaries are lost.
static void receive_size(wherry_channel *channel, const struct ends *ends, size_t size,
                         unsigned number)
{
    if (ends_keep_messages(ends)) {
        bytes_receive(channel, size, number, 0);
        return;
    }
    static wherry_message *rest;
    static size_t used;
    char *got = malloc(size);
    CHECK(got != NULL);
    for (size_t have = 0; have < size;) {
        if (!rest)
            CHECK_INT(wherry_recv(channel, &rest, soon()), 1);
        size_t more = wherry_message_size(rest) - used;
        more = more < size - have ? more : size - have;
        memcpy(got + have, (char *)wherry_message_data(rest) + used, more);
        have += more;
        used += more;
        if (used == wherry_message_size(rest)) {
            wherry_message_free(rest);
            rest = NULL;
            used = 0;
        }
    }
    bytes_check(got, size, number);
    free(got);
}

ROW_TEST(every_size_arrives_with_every_byte)
{
    struct ends ends;
    struct sizes sizes = sizes_of(row);
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_sizes, &sizes, &ends);
    if (ends_can(&ends, WHERRY_ABLE_LOSS))
        ends_skip(&ends,
                  "it may lose what nobody waits for: the next test goes step by step");
    for (size_t i = 0; i < sizes.count; i++)
        receive_size(ends.receiver, &ends, sizes.sizes[i], (unsigned)i);
    if (!row->endless)
        end_receive(ends.receiver);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

ROW_TEST(each_size_arrives_before_the_next_is_sent)
{
    struct ends ends;
    struct sizes sizes = sizes_of(row);
    ends_open(row, NULL, &ends);
    for (size_t i = 0; i < sizes.count && sizes.sizes[i] <= SMALL; i++) {
        bytes_send(ends.sender, sizes.sizes[i], (unsigned)i, 0);
        receive_size(ends.receiver, &ends, sizes.sizes[i], (unsigned)i);
    }
    ends_close(&ends);
}

static void answer_all(struct ends *ends, void *nothing)
{
    wherry_message *message;
    (void)nothing;
    for (int r; (r = wherry_recv(ends->receiver, &message, soon())) != 0;) {
        CHECK_INT(r, 1);
        wherry_message *answer;
        CHECK_OK(wherry_message_copy(wherry_message_data(message),
                                     wherry_message_size(message), &answer));
        bool is_last = wherry_message_size(message) == 3 &&
                       memcmp(wherry_message_data(message), "bye", 3) == 0;
        if (ends_can(ends, WHERRY_ABLE_CONNECTIONLESS))
            CHECK_OK(wherry_message_reply_to(answer, message));
        wherry_message_free(message);
        CHECK_INT(wherry_send(ends->receiver, &answer, 0, soon()), 0);
        if (is_last)
            break;
    }
}

ROW_TEST(what_is_sent_comes_back_from_another_process)
{
    struct ends ends;
    struct sizes sizes = sizes_of(row);
    pid_t child = row_fork(row, NULL, ROW_RECEIVES, answer_all, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_DUPLEX);
    for (size_t i = 0; i < sizes.count && sizes.sizes[i] <= SMALL; i++) {
        bytes_send(ends.sender, sizes.sizes[i], (unsigned)i, 0);
        receive_size(ends.sender, &ends, sizes.sizes[i], (unsigned)i);
    }
    text_send(ends.sender, "bye");
    text_receive(ends.sender, "bye");
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

ROW_TEST(one_byte_over_the_limit_is_refused_and_stays_the_callers)
{
    struct ends ends;
    char number[32];
    wherry_message *message;
    ends_open(row, NULL, &ends);
    size_t limit = (size_t)ends.can.message_limit;
    CHECK_OK(wherry_message_new(limit + 1, &message));
    CHECK_ERROR(wherry_send(ends.sender, &message, 0, soon()), -EMSGSIZE);
    CHECK(message != NULL);
    snprintf(number, sizeof number, "%zu", limit);
    CHECK_CONTAINS(wherry_error_text(), number);
    snprintf(number, sizeof number, "%zu", limit + 1);
    CHECK_CONTAINS(wherry_error_text(), number);
    wherry_message_free(message);
    struct wherry_channel_info info = channel_info(ends.sender);
    CHECK_INT(info.error, -EMSGSIZE);
    CHECK_CONTAINS(info.error_text, number);
    text_send(ends.sender, "still here");
    text_receive(ends.receiver, "still here");
    ends_close(&ends);
}

ROW_TEST(a_lower_limit_of_the_address_holds)
{
    struct ends ends;
    char bytes[101];
    ends_open(row, "message=100", &ends);
    ends_need_bytes(&ends);
    CHECK_INT(ends.can.message_limit, 100);
    bytes_fill(bytes, sizeof bytes, 0);
    CHECK_ERROR(wherry_write(ends.sender, bytes, 101, 0, 0, soon()), -EMSGSIZE);
    CHECK_CONTAINS(wherry_error_text(), "100");
    CHECK_CONTAINS(wherry_error_text(), "101");
    bytes_send(ends.sender, 100, 1, 0);
    bytes_receive(ends.receiver, 100, 1, 0);
    ends_close(&ends);
}

ROW_TEST(what_the_framing_cannot_carry_is_refused)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need_bytes(&ends);
    bool is_line = strcmp(ends.can.framing, "line") == 0;
    bool is_raw = strcmp(ends.can.framing, "raw") == 0;
    int newline = wherry_write(ends.sender, "a\nb", 3, 0, 0, soon());
    int empty = wherry_write(ends.sender, "", 0, 0, 0, soon());
    CHECK_ERROR(newline, is_line ? -EBADMSG : 0);
    CHECK_ERROR(empty, is_raw ? -EBADMSG : 0);
    if (!is_line)
        text_receive(ends.receiver, "a\nb");
    if (!is_raw)
        text_receive(ends.receiver, "");
    text_send(ends.sender, "still here");
    text_receive(ends.receiver, "still here");
    ends_close(&ends);
}

ROW_TEST(a_read_with_too_little_room_leaves_the_message)
{
    struct ends ends;
    char room[16];
    int64_t kind = -1;
    int ended = -1;
    ends_open(row, NULL, &ends);
    ends_need_bytes(&ends);
    text_send(ends.sender, "ten bytes!");
    CHECK_ERROR(wherry_read(ends.receiver, room, 9, &kind, &ended, soon()), -ENOSPC);
    CHECK_INT(wherry_read(ends.receiver, room, 10, &kind, &ended, soon()), 10);
    CHECK_BYTES(room, "ten bytes!", 10);
    CHECK_INT(kind, kind_of_arrival(ends.receiver, 0));
    CHECK_INT(ended, 0);
    CHECK_ERROR(wherry_read(ends.receiver, room, 10, NULL, NULL, WHERRY_POLL), -EAGAIN);
    ends_close(&ends);
}

ROW_TEST(a_loan_arrives_like_any_message)
{
    struct ends ends;
    wherry_message *message;
    ends_open(row, NULL, &ends);
    size_t size = size_there(ends.sender, 1000);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_OK(wherry_loan(ends.sender, size, &message, soon()));
        CHECK_INT(wherry_message_size(message), size);
        bytes_fill(wherry_message_data(message), size, i);
        CHECK_INT(wherry_send(ends.sender, &message, 0, soon()), 0);
        CHECK(message == NULL);
        bytes_receive(ends.receiver, size, i, 0);
    }
    CHECK_ERROR(
        wherry_loan(ends.sender, (size_t)ends.can.message_limit + 1, &message, soon()),
        -EMSGSIZE);
    CHECK_OK(wherry_loan(ends.sender, size_there(ends.sender, 10), &message, soon()));
    wherry_message_free(message); // given back unsent
    ends_close(&ends);
}

ROW_TEST(several_at_once_arrive_each_for_itself)
{
    struct ends ends;
    wherry_message *messages[MANY], *got[MANY];
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    for (unsigned i = 0; i < MANY; i++) {
        size_t size = size_there(ends.sender, i * 10 + 1);
        CHECK_OK(wherry_message_new(size, &messages[i]));
        bytes_fill(wherry_message_data(messages[i]), size, i);
    }
    CHECK_INT(wherry_send_many(ends.sender, messages, MANY, soon()), MANY);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(messages[i] == NULL);
    for (unsigned have = 0; have < MANY;) {
        int n = wherry_recv_many(ends.receiver, got, MANY - have, soon());
        CHECK_RANGE(n, 1, MANY - have);
        for (int i = 0; i < n; i++, have++) {
            size_t size = size_there(ends.receiver, have * 10 + 1);
            CHECK_INT(wherry_message_size(got[i]), size);
            bytes_check(wherry_message_data(got[i]), size, have);
            wherry_message_free(got[i]);
        }
    }
    CHECK_ERROR(wherry_recv_many(ends.receiver, got, 1, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_recv_many(ends.receiver, got, 0, soon()), -EINVAL);
    CHECK_ERROR(wherry_send_many(ends.sender, messages, 0, soon()), -EINVAL);
    ends_close(&ends);
}

ROW_TEST(gathered_messages_leave_with_the_next_plain_one)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    for (unsigned i = 0; i < MANY; i++) {
        char bytes[GATHERED];
        size_t size = size_there(ends.sender, GATHERED);
        bytes_fill(bytes, size, i);
        unsigned flags = i + 1 < MANY ? WHERRY_MORE : 0;
        CHECK_INT(wherry_write(ends.sender, bytes, size, 0, flags, soon()), 0);
    }
    CHECK_INT(channel_info(ends.sender).queued_messages, 0);
    for (unsigned i = 0; i < MANY; i++)
        bytes_receive(ends.receiver, GATHERED, i, 0);
    ends_close(&ends);
}

ROW_TEST(the_other_direction_of_a_one_way_mechanism_is_refused)
{
    struct ends ends;
    wherry_message *message = NULL;
    wherry_native fd;
    short events;
    ends_open(row, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_DUPLEX))
        SKIP("it goes both ways");
    CHECK_ERROR(wherry_recv(ends.sender, &message, WHERRY_POLL), -EPERM);
    CHECK_ERROR(wherry_write(ends.receiver, "no", 2, 0, 0, WHERRY_POLL), -EPERM);
    CHECK_ERROR(wherry_finish(ends.receiver), -EPERM);
    CHECK_ERROR(wherry_fd(ends.sender, WHERRY_IN, &fd, &events), -EPERM);
    CHECK_ERROR(wherry_fd(ends.receiver, WHERRY_OUT, &fd, &events), -EPERM);
    text_send(ends.sender, "one way");
    text_receive(ends.receiver, "one way");
    ends_close(&ends);
}

ROW_TEST(the_counters_count_what_crossed)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    uint64_t bytes = 0;
    for (unsigned i = 1; i <= 5; i++) {
        bytes_send(ends.sender, i * 100, i, 0);
        bytes += size_there(ends.sender, i * 100);
    }
    for (unsigned i = 1; i <= 5; i++)
        bytes_receive(ends.receiver, i * 100, i, 0);
    struct wherry_channel_info out = channel_info(ends.sender);
    struct wherry_channel_info in = channel_info(ends.receiver);
    CHECK_INT(out.sent_messages, 5);
    CHECK_INT(out.sent_bytes, bytes);
    CHECK_INT(out.received_messages, 0);
    CHECK_INT(in.received_messages, 5);
    CHECK_INT(in.received_bytes, bytes);
    CHECK_INT(in.sent_messages, 0);
    CHECK_INT(out.dropped_messages, 0);
    CHECK_INT(in.unread_bytes, 0);
    ends_close(&ends);
}
