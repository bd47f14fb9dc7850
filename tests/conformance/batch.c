/* SPDX-License-Identifier: MIT */
/*
 * wherry_send_many and wherry_recv_many, wherry_write_many and wherry_read_many: what a
 * batch does not take, what one holds that is not all alike, and what is counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { COUNT = 700, AT_ONCE = 97, SHORT = 5, LEAST_LIMIT = 4000, ROOM = 100000 };

static const size_t sizes[] = {64, 1, 64, 700, 64, 64, 30000, 64, 5000};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

static size_t size_of(const struct ends *ends, unsigned number)
{
    size_t size = sizes[number % SIZES];
    if (ends_can(ends, WHERRY_ABLE_NUMBER))
        return sizeof(int);
    uint64_t limit = ends->can.message_limit;
    return size < limit ? size : (size_t)limit;
}

static int64_t kind_of(const struct ends *ends, unsigned number)
{
    if (ends_can(ends, WHERRY_ABLE_NUMBER))
        return ends->can.kind_least;
    // Where the highest comes first, the order among equals is still that of sending.
    if (ends->can.abilities & WHERRY_ABLE_PRIORITY)
        return 3;
    int64_t kind = ends->can.abilities & WHERRY_ABLE_KINDS ? number % 4 : 0;
    return kind < ends->can.kind_least ? ends->can.kind_least : kind;
}

static wherry_message *make(const struct ends *ends, wherry_channel *lender,
                            unsigned number)
{
    size_t size = size_of(ends, number);
    wherry_message *message = NULL;
    // Lent by the channel and made elsewhere, as it comes.
    if (number % 3 == 0)
        CHECK_OK(wherry_message_new(size, &message));
    else
        CHECK_OK(wherry_loan(lender, size, &message, soon()));
    bytes_fill(wherry_message_data(message), size, number);
    CHECK_OK(wherry_message_set_kind(message, kind_of(ends, number)));
    return message;
}

static void send_all(struct ends *ends, void *nothing)
{
    (void)nothing;
    wherry_message *batch[AT_ONCE];
    for (unsigned sent = 0; sent < COUNT;) {
        unsigned count = COUNT - sent < AT_ONCE ? COUNT - sent : AT_ONCE;
        for (unsigned i = 0; i < count; i++)
            batch[i] = make(ends, ends->sender, sent + i);
        for (size_t done = 0; done < count;) {
            int n = wherry_send_many(ends->sender, batch + done, count - done, soon());
            CHECK_RANGE(n, 1, (int64_t)(count - done));
            done += (size_t)n;
        }
        sent += count;
    }
    CHECK_INT(channel_info(ends->sender).sent_messages, COUNT);
    finish_all(ends->sender);
}

// The limit of a FIFO's writer, PIPE_BUF, is not known to its reader.
static void check_bytes(const struct ends *ends, const struct wherry_bytes *got,
                        unsigned number)
{
    size_t wanted = size_of(ends, number);
    if (wanted > LEAST_LIMIT)
        CHECK_RANGE(got->size, LEAST_LIMIT, wanted);
    else
        CHECK_INT(got->size, wanted);
    CHECK_INT(got->kind, kind_of(ends, number));
    bytes_check(got->bytes, got->size, number);
}

static void check(const struct ends *ends, const wherry_message *message,
                  unsigned number)
{
    const struct wherry_bytes bytes = {wherry_message_data(message),
                                       wherry_message_size(message),
                                       wherry_message_kind(message)};
    check_bytes(ends, &bytes, number);
}

ROW_TEST(a_batch_of_all_sizes_and_kinds_arrives_as_it_was)
{
    struct ends ends;
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_all, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_LOSS) || !ends_keep_messages(&ends))
        ends_skip(&ends, "it may lose messages or their boundaries");
    uint64_t bytes = 0;
    for (unsigned next = 0; next < COUNT;) {
        wherry_message *got[AT_ONCE];
        int n = wherry_recv_many(ends.receiver, got, AT_ONCE, soon());
        CHECK_RANGE(n, 1, AT_ONCE);
        for (int i = 0; i < n; i++, next++) {
            check(&ends, got[i], next);
            bytes += wherry_message_size(got[i]);
            wherry_message_free(got[i]);
        }
    }
    struct wherry_channel_info info = channel_info(ends.receiver);
    CHECK_INT(info.received_messages, COUNT);
    CHECK_INT(info.received_bytes, bytes);
    if (!row->endless)
        end_receive(ends.receiver);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

static struct wherry_bytes make_bytes(const struct ends *ends, unsigned char *room,
                                      unsigned number)
{
    const size_t size = size_of(ends, number);
    bytes_fill(room, size, number);
    return (struct wherry_bytes){room, size, kind_of(ends, number)};
}

static void write_all(struct ends *ends, void *nothing)
{
    (void)nothing;
    static unsigned char room[AT_ONCE][LEAST_LIMIT * 8];
    struct wherry_bytes batch[AT_ONCE];
    for (unsigned sent = 0; sent < COUNT;) {
        unsigned count = COUNT - sent < AT_ONCE ? COUNT - sent : AT_ONCE;
        for (unsigned i = 0; i < count; i++)
            batch[i] = make_bytes(ends, room[i], sent + i);
        for (size_t done = 0; done < count;) {
            int n = wherry_write_many(ends->sender, batch + done, count - done, soon());
            CHECK_RANGE(n, 1, (int64_t)(count - done));
            done += (size_t)n;
        }
        sent += count;
    }
    CHECK_INT(channel_info(ends->sender).sent_messages, COUNT);
    finish_all(ends->sender);
}

ROW_TEST(a_batch_of_bytes_of_all_sizes_and_kinds_arrives_as_it_was)
{
    struct ends ends;
    static unsigned char room[ROOM];
    pid_t child = row_fork(row, NULL, ROW_SENDS, write_all, NULL, &ends);
    if (ends_can(&ends, WHERRY_ABLE_LOSS) || !ends_keep_messages(&ends))
        ends_skip(&ends, "it may lose messages or their boundaries");
    uint64_t bytes = 0;
    for (unsigned next = 0; next < COUNT;) {
        struct wherry_bytes got[AT_ONCE];
        size_t end = 0;
        int n = wherry_read_many(ends.receiver, room, ROOM, got, AT_ONCE, soon());
        CHECK_RANGE(n, 1, AT_ONCE);
        for (int i = 0; i < n; i++, next++) {
            size_t at = (size_t)((const unsigned char *)got[i].bytes - room);
            CHECK_INT(at, (end + WHERRY_BYTES_STEP - 1) / WHERRY_BYTES_STEP *
                              WHERRY_BYTES_STEP);
            end = at + got[i].size;
            CHECK(end <= ROOM);
            check_bytes(&ends, &got[i], next);
            bytes += got[i].size;
        }
    }
    struct wherry_channel_info info = channel_info(ends.receiver);
    CHECK_INT(info.received_messages, COUNT);
    CHECK_INT(info.received_bytes, bytes);
    if (!row->endless)
        end_receive(ends.receiver);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

// Two at a time: for the third there is a byte too few.  For the first that is told.
ROW_TEST(bytes_that_find_no_room_wait_for_the_next_batch)
{
    struct ends ends;
    unsigned char room[256], sent[SHORT][64];
    struct wherry_bytes batch[SHORT];
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    const size_t size = size_there(ends.sender, 64);
    for (unsigned i = 0; i < SHORT; i++) {
        bytes_fill(sent[i], size, i);
        batch[i] = (struct wherry_bytes){sent[i], size, kind_of(&ends, i)};
    }
    CHECK_INT(wherry_write_many(ends.sender, batch, SHORT, soon()), SHORT);
    const size_t second =
        (size + WHERRY_BYTES_STEP - 1) / WHERRY_BYTES_STEP * WHERRY_BYTES_STEP;
    const size_t capacity = 2 * second + size - 1;
    memset(room, 'x', sizeof(room));
    CHECK_ERROR(wherry_read_many(ends.receiver, room, size - 1, batch, SHORT, soon()),
                -ENOSPC);
    CHECK_CONTAINS(wherry_error_text(), "there is room for");
    CHECK_INT(wherry_error_set(-EIO, "untouched"), -EIO);
    for (unsigned have = 0; have < SHORT;) {
        int n = wherry_read_many(ends.receiver, room, capacity, batch, SHORT, soon());
        CHECK_RANGE(n, 1, 2);
        for (int i = 0; i < n; i++, have++) {
            CHECK(batch[i].bytes == room + (size_t)i * second);
            CHECK_INT(batch[i].size, size);
            bytes_check(batch[i].bytes, size, have);
        }
        CHECK_INT(room[capacity], 'x');
    }
    CHECK_STRING(wherry_error_text(), "untouched");
    CHECK_ERROR(wherry_read_many(ends.receiver, room, size, batch, 1, WHERRY_POLL),
                -EAGAIN);
    ends_close(&ends);
}

ROW_TEST(bytes_that_are_too_many_stop_a_batch_before_them)
{
    struct ends ends;
    static unsigned char room[SHORT][LEAST_LIMIT * 8];
    struct wherry_bytes batch[SHORT];
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    for (unsigned i = 0; i < SHORT; i++)
        batch[i] = make_bytes(&ends, room[i], i);
    const size_t right = batch[2].size;
    batch[2].size = (size_t)ends.can.message_limit + 1;
    CHECK_INT(wherry_write_many(ends.sender, batch, SHORT, soon()), 2);
    CHECK_INT(channel_info(ends.sender).sent_messages, 2);
    bytes_receive(ends.receiver, size_of(&ends, 0), 0, kind_of(&ends, 0));
    bytes_receive(ends.receiver, size_of(&ends, 1), 1, kind_of(&ends, 1));
    CHECK_ERROR(wherry_write_many(ends.sender, batch + 2, SHORT - 2, soon()),
                -EMSGSIZE);
    batch[2].size = right;
    CHECK_INT(wherry_write_many(ends.sender, batch + 2, SHORT - 2, soon()), SHORT - 2);
    for (unsigned i = 2; i < SHORT; i++)
        bytes_receive(ends.receiver, size_of(&ends, i), i, kind_of(&ends, i));
    ends_close(&ends);
}

static void check_stops(const struct row *row, bool is_missing)
{
    struct ends ends;
    wherry_message *batch[SHORT];
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    for (unsigned i = 0; i < SHORT; i++)
        batch[i] = make(&ends, ends.sender, i);
    wherry_message *right = batch[2];
    batch[2] = NULL;
    if (!is_missing)
        CHECK_OK(wherry_message_new((size_t)ends.can.message_limit + 1, &batch[2]));
    wherry_message *wrong = batch[2];
    CHECK_INT(wherry_send_many(ends.sender, batch, SHORT, soon()), 2);
    CHECK(!batch[0] && !batch[1] && batch[2] == wrong && batch[3] && batch[4]);
    CHECK_INT(channel_info(ends.sender).sent_messages, 2);
    CHECK_ERROR(wherry_send_many(ends.sender, batch + 2, SHORT - 2, soon()),
                is_missing ? -EINVAL : -EMSGSIZE);
    wherry_message_free(wrong);
    batch[2] = right;
    CHECK_INT(wherry_send_many(ends.sender, batch + 2, SHORT - 2, soon()), SHORT - 2);
    for (unsigned i = 0; i < SHORT; i++)
        bytes_receive(ends.receiver, size_of(&ends, i), i, kind_of(&ends, i));
    CHECK_INT(channel_info(ends.sender).sent_messages, SHORT);
    ends_close(&ends);
}

ROW_TEST(a_message_that_is_too_large_stops_a_batch_before_it)
{
    check_stops(row, false);
}

ROW_TEST(a_message_that_is_missing_stops_a_batch_before_it)
{
    check_stops(row, true);
}

// All of them are read at once: the last lies ahead while those before it are held.
ROW_TEST(what_was_passed_over_comes_first_in_a_batch)
{
    enum { WANTED = 3, OTHER = 1, LAST = SHORT - 1 };
    struct ends ends;
    wherry_message *batch[SHORT];
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_KINDS);
    if (ends_can(&ends, WHERRY_ABLE_LOSS))
        SKIP("the kernel loses what does not fit");
    for (unsigned i = 0; i < SHORT; i++) {
        CHECK_OK(wherry_message_new(64, &batch[i]));
        bytes_fill(wherry_message_data(batch[i]), 64, i);
        CHECK_OK(wherry_message_set_kind(batch[i], i == LAST - 1 ? WANTED : OTHER));
    }
    CHECK_INT(wherry_send_many(ends.sender, batch, SHORT, soon()), SHORT);
    CHECK_INT(wherry_recv_kind(ends.receiver, WANTED, &batch[0], soon()), 1);
    bytes_check(wherry_message_data(batch[0]), 64, LAST - 1);
    wherry_message_free(batch[0]);
    for (unsigned have = 0; have < SHORT - 1;) {
        int n = wherry_recv_many(ends.receiver, batch, SHORT, soon());
        CHECK_RANGE(n, 1, SHORT - 1);
        for (int i = 0; i < n; i++, have++) {
            unsigned number = have == LAST - 1 ? LAST : have;
            bytes_check(wherry_message_data(batch[i]), 64, number);
            wherry_message_free(batch[i]);
        }
    }
    ends_close(&ends);
}
