/* SPDX-License-Identifier: MIT */
/*
 * A message costs no allocation once a channel is warm; and whichever allocation fails,
 * once or from then on, the library is whole and nothing is left behind.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { WARM_UP = 100, COUNT = 500, SIZE_MOST = 60000 };

static void check_steady(const struct row *row, size_t size,
                         void (*once)(struct ends *, size_t))
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    if (row->way == ROW_OWN)
        SKIP("the transport of the test allocates");
    if (size > ends.can.message_limit)
        size = (size_t)ends.can.message_limit;
    for (int i = 0; i < WARM_UP; i++)
        once(&ends, size);
    unsigned long before = harness_allocations();
    for (int i = 0; i < COUNT; i++)
        once(&ends, size);
    CHECK_INT(harness_allocations() - before, 0);
    ends_close(&ends);
}

static void take_bytes(struct ends *ends, size_t size)
{
    static char got[SIZE_MOST];
    for (size_t have = 0; have < size;) {
        int64_t n = wherry_read(ends->receiver, got, sizeof got, NULL, NULL, soon());
        CHECK(n > 0);
        have += (size_t)n;
    }
}

static void write_and_read(struct ends *ends, size_t size)
{
    static char bytes[SIZE_MOST];
    CHECK_INT(wherry_write(ends->sender, bytes, size, 0, 0, soon()), 0);
    take_bytes(ends, size);
}

static void loan_and_recv(struct ends *ends, size_t size)
{
    wherry_message *message;
    CHECK_OK(wherry_loan(ends->sender, size, &message, soon()));
    memset(wherry_message_data(message), 'l', size);
    CHECK_INT(wherry_send(ends->sender, &message, 0, soon()), 0);
    for (size_t have = 0; have < size;) {
        CHECK_INT(wherry_recv(ends->receiver, &message, soon()), 1);
        have += wherry_message_size(message);
        wherry_message_free(message);
    }
}

static void gather_and_take(struct ends *ends, size_t size)
{
    static const char bytes[64] = "gathered";
    size_t piece = size < sizeof bytes ? size : sizeof bytes;
    for (int i = 0; i < 8; i++)
        CHECK_INT(wherry_write(ends->sender, bytes, piece, 0, i < 7 ? WHERRY_MORE : 0,
                               soon()),
                  0);
    take_bytes(ends, 8 * piece);
}

static void pass_over(struct ends *ends, size_t size)
{
    wherry_message *message;
    static char bytes[SIZE_MOST];
    CHECK_INT(wherry_write(ends->sender, bytes, size, 1, 0, soon()), 0);
    CHECK_INT(wherry_write(ends->sender, bytes, size, 2, 0, soon()), 0);
    CHECK_INT(wherry_recv_kind(ends->receiver, 2, &message, soon()), 1);
    wherry_message_free(message);
    CHECK_INT(wherry_recv_kind(ends->receiver, 1, &message, soon()), 1);
    wherry_message_free(message);
}

ROW_TEST(plain_bytes_cost_no_allocation)
{
    check_steady(row, 64, write_and_read);
}

ROW_TEST(large_plain_bytes_cost_no_allocation)
{
    check_steady(row, SIZE_MOST, write_and_read);
}

ROW_TEST(a_loan_costs_no_allocation)
{
    check_steady(row, 64, loan_and_recv);
    check_steady(row, 4000, loan_and_recv);
}

ROW_TEST(gathering_costs_no_allocation)
{
    check_steady(row, 64, gather_and_take);
}

ROW_TEST(passing_over_costs_no_allocation)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need(&ends, WHERRY_ABLE_KINDS);
    ends_close(&ends);
    check_steady(row, 64, pass_over);
}

// --- when there is none ---

// Each result is success or says that memory is short; the file names differ by row.
static int tolerate(int r)
{
    if (r < 0 && r != -ENOMEM)
        FAIL("%s: %s", harness_errno_name(r), wherry_error_text());
    return r;
}

static int open_tolerant(const struct row *row, struct ends *ends)
{
    char address[ROW_ADDRESS];
    wherry_channel *pair[2];
    row_address(row, NULL, address);
    if (row->way == ROW_PAIR) {
        int r = tolerate(wherry_pair(address, pair));
        ends->receiver = r < 0 ? NULL : pair[0];
        ends->sender = r < 0 ? NULL : pair[1];
        return r;
    }
    int r = tolerate(wherry_listen(address, &ends->listener));
    if (r >= 0)
        r = tolerate(wherry_dial(wherry_listener_address(ends->listener), soon(),
                                 &ends->sender));
    // One whose channel could not be made is gone: nobody is waited for then.
    if (r >= 0) {
        r = wherry_accept(ends->listener, wherry_after(50), &ends->receiver);
        if (r != -ETIMEDOUT)
            tolerate(r);
    }
    return r;
}

static void exchange_tolerant(struct ends *ends)
{
    wherry_message *message = NULL;
    tolerate(wherry_write(ends->sender, "a word", size_there(ends->sender, 3), 0,
                          WHERRY_MORE, soon()));
    int sent = tolerate(wherry_write(ends->sender, "last", 4, 0, 0, soon()));
    if (tolerate(wherry_message_copy("three", size_there(ends->sender, 5), &message)) >=
        0)
        tolerate(wherry_send(ends->sender, &message, 0, soon()));
    wherry_message_free(message);
    for (int i = 0; i < 8; i++) {
        message = NULL;
        int r = wherry_recv(ends->receiver, &message, WHERRY_POLL);
        if (r != -EAGAIN)
            tolerate(r);
        if (r == 1 && sent == 0)
            CHECK(wherry_message_size(message) >= 3);
        wherry_message_free(message);
    }
    struct wherry_channel_info info;
    tolerate(wherry_describe(ends->receiver, &info,
                             offsetof(struct wherry_channel_info, holder_count)));
}

static void open_and_exchange(void *argument)
{
    struct ends ends = {.row = argument, .saved = {-1, -1}};
    if (open_tolerant(argument, &ends) >= 0)
        exchange_tolerant(&ends);
    ends_close(&ends);
    rows_remove(); // what a listener that could not be opened has left
}

ROW_TEST(whichever_allocation_fails_the_library_is_whole)
{
    struct ends ends;
    if (row->way != ROW_PAIR && row->way != ROW_DIAL)
        SKIP("what is opened by number is tested as what it is");
    ends_open(row, NULL, &ends);
    ends_close(&ends);
    unsigned long count = harness_each_allocation(open_and_exchange, (void *)row);
    CHECK(count > 2);
}
