/* SPDX-License-Identifier: MIT */
/*
 * A hundred thousand numbered messages between two processes: each comes once, in
 * order, with its own bytes.  Where messages may be lost, those that come are in order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { FAST_COUNT = 100000, SLOW_COUNT = 5000, NUMBER = 8, SIZE_MOST = 200, MANY = 32 };

static unsigned count_of(void)
{
    return row_is_thorough() ? FAST_COUNT : SLOW_COUNT;
}

// Where a message is one number, it is the message's own.
static bool are_numbers;

static size_t size_of(unsigned number)
{
    if (are_numbers)
        return sizeof number;
    return NUMBER + number * 7919 % (SIZE_MOST - NUMBER);
}

static void write_number(char *bytes, unsigned number)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < NUMBER; i++)
        bytes[i] = digits[number >> (4 * (NUMBER - 1 - i)) & 15];
}

static unsigned read_number(const char *bytes)
{
    char text[NUMBER + 1] = "", *end;
    unsigned number_itself;
    memcpy(&number_itself, bytes, sizeof number_itself);
    if (are_numbers)
        return number_itself;
    memcpy(text, bytes, NUMBER);
    unsigned long number = strtoul(text, &end, 16);
    CHECK_INT(end - text, NUMBER);
    return (unsigned)number;
}

static void fill(char *bytes, size_t size, unsigned number)
{
    if (are_numbers) {
        memcpy(bytes, &number, sizeof number);
        return;
    }
    write_number(bytes, number);
    memset(bytes + NUMBER, 'a' + (int)(number % 26), size - NUMBER);
}

static void check(wherry_message *message, unsigned number)
{
    char expected[SIZE_MOST];
    CHECK_INT(wherry_message_size(message), size_of(number));
    fill(expected, size_of(number), number);
    CHECK_BYTES(wherry_message_data(message), expected, size_of(number));
    wherry_message_free(message);
}

// --- one by one ---

static void send_numbers(struct ends *ends, void *nothing)
{
    char bytes[SIZE_MOST];
    unsigned count = count_of();
    (void)nothing;
    bool may_lose = ends_can(ends, WHERRY_ABLE_LOSS);
    are_numbers = ends_can(ends, WHERRY_ABLE_NUMBER);
    // Until it is killed, where the last ones may be lost.
    for (unsigned i = 0; i < count || may_lose; i++) {
        size_t size = ends_keep_messages(ends) ? size_of(i) : NUMBER;
        unsigned flags = i + 1 < count && i % 5 != 4 && !may_lose ? WHERRY_MORE : 0;
        fill(bytes, size, i);
        int r = wherry_write(ends->sender, bytes, size, 0, flags, soon());
        if (r < 0 && may_lose) // the other end has seen enough
            return;
        CHECK_INT(r, 0);
    }
    finish_all(ends->sender);
}

static void receive_some(struct ends *ends, pid_t child)
{
    unsigned next = 0, came = 0;
    while (next < count_of()) {
        wherry_message *message;
        CHECK_INT(wherry_recv(ends->receiver, &message, soon()), 1);
        unsigned number = read_number(wherry_message_data(message));
        CHECK_RANGE(number, next, UINT32_MAX);
        next = number + 1;
        came++;
        check(message, number);
    }
    CHECK(came > count_of() / 100);
    harness_kill(child);
}

static void receive_stream(struct ends *ends)
{
    char bytes[NUMBER];
    size_t have = 0;
    for (unsigned next = 0; next < count_of();) {
        int64_t n = wherry_read(ends->receiver, bytes + have, NUMBER - have, NULL, NULL,
                                soon());
        if (n == -ENOSPC) { // more than one number at once
            wherry_message *message;
            CHECK_INT(wherry_recv(ends->receiver, &message, soon()), 1);
            const char *data = wherry_message_data(message);
            for (size_t i = 0; i < wherry_message_size(message); i++) {
                bytes[have++] = data[i];
                if (have < NUMBER)
                    continue;
                CHECK_INT(read_number(bytes), next);
                next++;
                have = 0;
            }
            wherry_message_free(message);
            continue;
        }
        CHECK_RANGE(n, 1, NUMBER - (int64_t)have);
        have += (size_t)n;
        if (have < NUMBER)
            continue;
        CHECK_INT(read_number(bytes), next);
        next++;
        have = 0;
    }
}

ROW_TEST(numbered_messages_come_in_order)
{
    struct ends ends;
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_numbers, NULL, &ends);
    are_numbers = ends_can(&ends, WHERRY_ABLE_NUMBER);
    if (ends_can(&ends, WHERRY_ABLE_LOSS)) {
        receive_some(&ends, child);
        ends_close(&ends);
        return;
    }
    if (!ends_keep_messages(&ends)) {
        receive_stream(&ends);
    } else {
        for (unsigned i = 0; i < count_of(); i++) {
            wherry_message *message;
            CHECK_INT(wherry_recv(ends.receiver, &message, soon()), 1);
            check(message, i);
        }
    }
    if (!row->endless)
        end_receive(ends.receiver);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}

// --- many at once ---

static void send_batches(struct ends *ends, void *nothing)
{
    (void)nothing;
    are_numbers = ends_can(ends, WHERRY_ABLE_NUMBER);
    for (unsigned i = 0; i < count_of() / MANY; i++) {
        wherry_message *batch[MANY];
        for (unsigned k = 0; k < MANY; k++) {
            CHECK_OK(wherry_message_new(size_of(i * MANY + k), &batch[k]));
            fill(wherry_message_data(batch[k]), size_of(i * MANY + k), i * MANY + k);
        }
        for (size_t done = 0; done < MANY;) {
            int n = wherry_send_many(ends->sender, batch + done, MANY - done, soon());
            CHECK_RANGE(n, 1, MANY - (int64_t)done);
            done += (size_t)n;
        }
    }
    finish_all(ends->sender);
}

ROW_TEST(batches_keep_their_order)
{
    struct ends ends;
    pid_t child = row_fork(row, NULL, ROW_SENDS, send_batches, NULL, &ends);
    are_numbers = ends_can(&ends, WHERRY_ABLE_NUMBER);
    if (ends_can(&ends, WHERRY_ABLE_LOSS) || !ends_keep_messages(&ends))
        ends_skip(&ends, "it may lose messages or their boundaries");
    for (unsigned next = 0; next < count_of() / MANY * MANY;) {
        wherry_message *got[MANY];
        int n = wherry_recv_many(ends.receiver, got, MANY, soon());
        CHECK_RANGE(n, 1, MANY);
        for (int i = 0; i < n; i++)
            check(got[i], next++);
    }
    if (!row->endless)
        end_receive(ends.receiver);
    CHECK_INT(harness_wait(child), 0);
    ends_close(&ends);
}
