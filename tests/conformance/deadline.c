/* SPDX-License-Identifier: MIT */
/*
 * Every wait ends at its deadline: not before, and not 10 ms after, however often it is
 * interrupted; and a message that was on its way by then is not torn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "caller.h"

enum { WAIT_MILLISECONDS = 40, LATE_MILLISECONDS = 10, TRIES = 4, MILLION = 1000000 };

/* What a call that ends at its deadline returns: an error, or (drain) a count. */
static void check_end(const struct waiting_call *call, long long r)
{
    if (call == &call_drain)
        CHECK_INT(r, 1);
    else
        CHECK_ERROR(r, -ETIMEDOUT);
}

// Others may hold the processor for once: one of a few tries is punctual.
static void check_punctual(const struct waiting_call *call, wherry_channel *channel)
{
    for (int i = 0; i < TRIES; i++) {
        wherry_deadline deadline = wherry_after(WAIT_MILLISECONDS);
        check_end(call, call->call(channel, deadline));
        int64_t late = wherry_now() - deadline;
        CHECK_RANGE(late, 0, INT64_MAX);
        if (late <= (int64_t)harness_stretch(LATE_MILLISECONDS) * MILLION)
            return;
    }
    FAIL("%s was late by more than %d ms, %d times", call->name,
         harness_stretch(LATE_MILLISECONDS), TRIES);
}

static void check_call(const struct row *row, const struct waiting_call *call)
{
    struct ends ends;
    ends_open(row, NULL, &ends);
    call_need(call, &ends);
    wherry_channel *channel = call_prepare(call, &ends);
    check_punctual(call, channel);
    // One that has passed already is told from not waiting at all.
    check_end(call, call->call(channel, wherry_after(-1)));
    if (call != &call_drain)
        CHECK_ERROR(call->call(channel, WHERRY_POLL), -EAGAIN);
    ends_close(&ends);
}

ROW_TEST(recv_ends_at_its_deadline)
{
    check_call(row, &call_recv);
}

ROW_TEST(recv_kind_ends_at_its_deadline)
{
    check_call(row, &call_recv_kind);
}

ROW_TEST(recv_many_ends_at_its_deadline)
{
    check_call(row, &call_recv_many);
}

ROW_TEST(read_many_ends_at_its_deadline)
{
    check_call(row, &call_read_many);
}

ROW_TEST(read_ends_at_its_deadline)
{
    check_call(row, &call_read);
}

ROW_TEST(send_ends_at_its_deadline)
{
    check_call(row, &call_send);
}

ROW_TEST(write_ends_at_its_deadline)
{
    check_call(row, &call_write);
}

ROW_TEST(send_many_ends_at_its_deadline)
{
    check_call(row, &call_send_many);
}

ROW_TEST(write_many_ends_at_its_deadline)
{
    check_call(row, &call_write_many);
}

ROW_TEST(drain_ends_at_its_deadline)
{
    check_call(row, &call_drain);
}

ROW_TEST(relay_ends_at_its_deadline)
{
    check_call(row, &call_relay);
}

ROW_TEST(accept_ends_at_its_deadline)
{
    wherry_listener *listener = row_listen(row, NULL);
    wherry_channel *channel = NULL;
    wherry_deadline deadline = 0;
    int r = wherry_accept(listener, WHERRY_POLL, &channel);
    if (r == 0) { // one channel, which is there at once
        CHECK_ERROR(wherry_accept(listener, soon(), &channel), -EALREADY);
        wherry_close(channel);
        wherry_close_listener(listener);
        return;
    }
    CHECK_ERROR(r, -EAGAIN);
    int64_t late = INT64_MAX;
    for (int i = 0; i < TRIES && late > harness_stretch(LATE_MILLISECONDS) * MILLION;
         i++) {
        deadline = wherry_after(WAIT_MILLISECONDS);
        CHECK_ERROR(wherry_accept(listener, deadline, &channel), -ETIMEDOUT);
        late = wherry_now() - deadline;
        CHECK_RANGE(late, 0, INT64_MAX);
    }
    CHECK_RANGE(late, 0, harness_stretch(LATE_MILLISECONDS) * MILLION);
    wherry_close_listener(listener);
}

// Dials a listener that accepts nobody until it has no more room; the end of the last.
static int dial_until_full(const char *address, wherry_channel **opened, size_t most,
                           int64_t *late)
{
    for (size_t i = 0; i < most; i++) {
        wherry_deadline deadline = wherry_after(WAIT_MILLISECONDS);
        int r = wherry_dial(address, deadline, &opened[i]);
        *late = wherry_now() - deadline;
        if (r < 0)
            return r;
    }
    return 0;
}

ROW_TEST(dial_ends_at_its_deadline)
{
    enum { DIALS = 64 };

    char address[ROW_ADDRESS];
    wherry_listener *listener = NULL;
    wherry_channel *opened[DIALS] = {NULL};
    int64_t late = 0;
    if (row->way != ROW_DIAL || row->endless)
        SKIP("its dial never waits");
    row_address(row, NULL, address); // of a FIFO, which its dialler makes
    if (row_accepts_many(row))
        listener = row_listen(row, "backlog=0");
    const char *where = listener ? wherry_listener_address(listener) : address;
    CHECK_ERROR(dial_until_full(where, opened, DIALS, &late), -ETIMEDOUT);
    CHECK_CONTAINS(wherry_error_text(), strncmp(row->address, "fault:", 6) == 0
                                            ? strstr(where, "unix:")
                                            : where);
    for (int i = 1; i < TRIES && late > harness_stretch(LATE_MILLISECONDS) * MILLION;
         i++)
        CHECK_ERROR(dial_until_full(where, opened + DIALS - 1, 1, &late), -ETIMEDOUT);
    CHECK_RANGE(late, 0, harness_stretch(LATE_MILLISECONDS) * MILLION);
    CHECK_ERROR(wherry_dial(where, WHERRY_POLL, &opened[DIALS - 1]), -EAGAIN);
    for (int i = 0; i < DIALS; i++)
        wherry_close(opened[i]);
    wherry_close_listener(listener);
}

// --- in the middle of a message ---

// Takes what there is, and adds to *next; whether there may be more.
static bool take_numbers(wherry_channel *channel, size_t size, unsigned *next)
{
    wherry_message *message;
    int r;
    while ((r = wherry_recv(channel, &message, WHERRY_POLL)) == 1) {
        CHECK_INT(wherry_message_size(message), size);
        bytes_check(wherry_message_data(message), size, (*next)++);
        wherry_message_free(message);
    }
    if (r != 0)
        CHECK_ERROR(r, -EAGAIN);
    return r != 0;
}

ROW_TEST(nothing_is_torn_when_the_deadline_finds_no_room)
{
    enum { SIZE = 1000 };

    struct ends ends;
    char bytes[SIZE];
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    call_need(&call_send, &ends);
    unsigned count = fill_up(ends.sender, SIZE), got = 0;
    const size_t size = size_there(ends.sender, SIZE);
    memset(bytes, 'x', sizeof bytes);
    CHECK_ERROR(wherry_write(ends.sender, bytes, size, 0, 0, wherry_after(5)),
                -ETIMEDOUT);
    // The last one may be here in part still: a later call moves it on.
    wherry_deadline end = soon();
    while (take_numbers(ends.receiver, size, &got) && got < count) {
        if (ends_can(&ends, WHERRY_ABLE_FINISH))
            (void)wherry_finish(ends.sender);
        CHECK(wherry_now() < end);
    }
    CHECK_INT(got, count);
    ends_close(&ends);
}

ROW_TEST(a_message_whose_deadline_passes_on_its_way_arrives_whole)
{
    struct ends ends;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    if (ends_can(&ends, WHERRY_ABLE_MESSAGES) ||
        ends.can.message_limit < (INT64_C(16) << 20))
        SKIP("its messages go out whole or not at all");
    size_t size = (size_t)ends.can.message_limit;
    char *bytes = malloc(size);
    CHECK(bytes != NULL);
    bytes_fill(bytes, size, 1);
    CHECK_INT(wherry_write(ends.sender, bytes, size, 0, 0, wherry_after(20)), 0);
    memset(bytes, 'x', size); // it is the caller's again
    CHECK(channel_info(ends.sender).queued_bytes > 0);
    CHECK(channel_info(ends.sender).queued_age > 0);
    int sent = -EAGAIN;
    int r = -EAGAIN;
    while (r == -EAGAIN) {
        if (sent == -EAGAIN)
            sent = wherry_write(ends.sender, "behind", 6, 0, 0, WHERRY_POLL);
        r = wherry_recv(ends.receiver, &message, WHERRY_POLL);
    }
    CHECK_INT(r, 1);
    CHECK_INT(wherry_message_size(message), size);
    bytes_check(wherry_message_data(message), size, 1);
    wherry_message_free(message);
    if (sent == -EAGAIN)
        sent = wherry_write(ends.sender, "behind", 6, 0, 0, soon());
    CHECK_INT(sent, 0);
    text_receive(ends.receiver, "behind");
    free(bytes);
    ends_close(&ends);
}
