/* SPDX-License-Identifier: MIT */
/*
 * What send does when nobody reads, by each `full=`; what 0 means each time, and that
 * the counters tell the truth.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "caller.h"

/* `QUEUE` bytes hold ten messages of `SIZE`. */
enum { SIZE = 1000, QUEUED_MOST = 10, ENOUGH = 5, MARKS_MOST = 1000000 };

static void open_full(const struct row *row, const char *options, struct ends *ends)
{
    ends_open(row, options, ends);
    ends_need_messages(ends);
    ends_need_bytes(ends);
    if (ends_can(ends, WHERRY_ABLE_LOSS))
        SKIP("it is never full: the kernel loses what does not fit");
}

static int put(wherry_channel *channel, unsigned number, wherry_deadline deadline)
{
    char bytes[SIZE];
    bytes_fill(bytes, SIZE, number);
    return wherry_write(channel, bytes, SIZE, 0, 0, deadline);
}

static unsigned number_of(wherry_message *message, unsigned most)
{
    char expected[SIZE];
    CHECK_INT(wherry_message_size(message), SIZE);
    for (unsigned i = 0; i < most; i++) {
        bytes_fill(expected, SIZE, i);
        if (memcmp(expected, wherry_message_data(message), SIZE) == 0)
            return i;
    }
    FAIL("a message that nobody sent");
}

struct marks {
    unsigned came; /* messages */
    unsigned last;
    unsigned missing; /* gaps between them */
};

// Receives what is there; each later than the last.
static int take_all(struct ends *ends, unsigned sent, struct marks *marks)
{
    wherry_message *message;
    int r;
    while ((r = wherry_recv(ends->receiver, &message, WHERRY_POLL)) == 1) {
        unsigned next = marks->came > 0 ? marks->last + 1 : 0;
        unsigned number = next;
        char expected[SIZE];
        bytes_fill(expected, SIZE, next);
        bool is_next = wherry_message_size(message) == SIZE &&
                       memcmp(expected, wherry_message_data(message), SIZE) == 0;
        if (!is_next)
            number = number_of(message, sent);
        CHECK_RANGE(number, next, sent - 1);
        marks->missing += number - next;
        marks->last = number;
        marks->came++;
        wherry_message_free(message);
    }
    return r;
}

// Moves the private list on, to its end, while the other end receives.
static void flush_queue(struct ends *ends, unsigned *sent, struct marks *marks)
{
    wherry_deadline end = soon();
    while (channel_info(ends->sender).queued_messages > 0) {
        int r = take_all(ends, *sent, marks);
        CHECK(r == -EAGAIN || r == 0);
        if (ends_can(ends, WHERRY_ABLE_FINISH)) {
            r = wherry_finish(ends->sender);
            CHECK(r == 0 || r == -EAGAIN);
        } else {
            CHECK_INT(put(ends->sender, (*sent)++, WHERRY_POLL), 0);
        }
        CHECK(wherry_now() < end);
    }
    while (marks->last + 1 < *sent && wherry_now() < end)
        if (take_all(ends, *sent, marks) == 0)
            break;
}

// --- block, fail ---

ROW_TEST(block_waits_until_the_peer_reads)
{
    struct ends ends;
    struct caller caller;
    struct marks marks = {0};
    open_full(row, NULL, &ends);
    unsigned count = fill_up(ends.sender, SIZE);
    caller_start(&caller, &call_write, ends.sender, soon());
    wherry_deadline end = soon();
    wherry_message *message = NULL;
    size_t size = SIZE;
    // 0 says that the kernel has all of it: it can be received without the sender.
    while (size == SIZE) {
        CHECK(wherry_now() < end);
        if (wherry_recv(ends.receiver, &message, WHERRY_POLL) != 1)
            continue;
        size = wherry_message_size(message);
        if (size == SIZE)
            bytes_check(wherry_message_data(message), SIZE, marks.came++);
        wherry_message_free(message);
    }
    CHECK_INT(caller_join(&caller), 0);
    CHECK_INT(marks.came, count);
    CHECK_INT(channel_info(ends.sender).dropped_messages, 0);
    CHECK_INT(channel_info(ends.sender).queued_messages, 0);
    ends_close(&ends);
}

ROW_TEST(fail_never_waits_and_never_keeps)
{
    struct ends ends;
    wherry_message *message;
    struct marks marks = {0};
    unsigned sent = 0;
    int r = 0;
    open_full(row, "full=fail", &ends);
    for (int refusals = 0; refusals < ENOUGH;) {
        r = put(ends.sender, sent, WHERRY_FOREVER);
        sent += r == 0;
        refusals += r != 0;
        CHECK(r == 0 || r == -EAGAIN);
    }
    CHECK_OK(wherry_message_new(SIZE, &message));
    r = wherry_send(ends.sender, &message, 0, soon());
    CHECK(r == 0 || r == -EAGAIN); // TCP finds room a moment later
    CHECK((r == 0) == (message == NULL));
    if (r == -EAGAIN) {
        CHECK_RANGE(channel_info(ends.sender).queued_messages, 0, 1);
        CHECK_INT(channel_info(ends.sender).dropped_messages, 0);
        bytes_fill(wherry_message_data(message), SIZE, sent);
        wherry_deadline end = soon();
        while ((r = wherry_send(ends.sender, &message, 0, soon())) == -EAGAIN) {
            CHECK(wherry_now() < end);
            take_all(&ends, sent + 1, &marks);
        }
        CHECK_INT(r, 0);
        sent++;
        while (marks.came < sent) {
            CHECK(wherry_now() < end);
            take_all(&ends, sent, &marks);
            if (ends_can(&ends, WHERRY_ABLE_FINISH))
                (void)wherry_finish(ends.sender);
        }
        CHECK_INT(marks.missing, 0);
    }
    wherry_message_free(message);
    ends_close(&ends);
}

// --- the policies with a list ---

// Sends until so many have been dropped; how many were sent.
static unsigned send_until_dropped(struct ends *ends, unsigned drops)
{
    unsigned sent = 0;
    struct wherry_channel_info info;
    do {
        CHECK_INT(put(ends->sender, sent++, WHERRY_FOREVER), 0);
        info = channel_info(ends->sender);
        // One in part, and one that waits to be taken with it.
        CHECK_RANGE(info.queued_messages, 0, QUEUED_MOST + 2);
        CHECK(sent < MARKS_MOST);
    } while (info.dropped_messages < drops);
    return sent;
}

static void check_dropping(const struct row *row, const char *options, bool keeps_last)
{
    struct ends ends;
    struct marks marks = {0};
    open_full(row, options, &ends);
    CHECK_INT(ends.can.queue_limit, QUEUED_MOST * SIZE);
    unsigned sent = send_until_dropped(&ends, ENOUGH);
    unsigned last = sent - 1;
    CHECK(channel_info(ends.sender).queued_age > 0);
    flush_queue(&ends, &sent, &marks);
    unsigned dropped = (unsigned)channel_info(ends.sender).dropped_messages;
    unsigned behind = sent - 1 - marks.last;
    CHECK_INT(marks.came + dropped, sent);
    CHECK_INT(marks.missing + behind, dropped);
    if (keeps_last)
        CHECK_RANGE(marks.last, last, sent - 1);
    CHECK_INT(channel_info(ends.sender).sent_messages, sent);
    ends_close(&ends);
}

ROW_TEST(drop_oldest_keeps_the_newest_of_the_list)
{
    check_dropping(row, "full=drop-oldest&queue=10000", true);
}

ROW_TEST(drop_newest_keeps_the_oldest_of_the_list)
{
    check_dropping(row, "full=drop-newest&queue=10000", false);
}

ROW_TEST(latest_keeps_one)
{
    struct ends ends;
    struct marks marks = {0};
    open_full(row, "full=latest", &ends);
    unsigned sent = send_until_dropped(&ends, ENOUGH), last = sent - 1;
    CHECK_RANGE(channel_info(ends.sender).queued_messages, 1, 2); // one in part
    flush_queue(&ends, &sent, &marks);
    CHECK_RANGE(marks.last, last, sent - 1);
    CHECK_INT(marks.came + channel_info(ends.sender).dropped_messages, sent);
    CHECK_INT(marks.missing, channel_info(ends.sender).dropped_messages);
    ends_close(&ends);
}

ROW_TEST(drop_newest_drops_exactly_the_last_ones)
{
    struct ends ends;
    struct marks marks = {0};
    open_full(row, "full=drop-newest&queue=10000", &ends);
    if (!ends_can(&ends, WHERRY_ABLE_FINISH))
        SKIP("the list moves on with a further send only, which changes it");
    unsigned sent = send_until_dropped(&ends, 1);
    flush_queue(&ends, &sent, &marks);
    CHECK_INT(marks.came, sent - 1);
    CHECK_INT(marks.last, sent - 2);
    CHECK_INT(marks.missing, 0);
    ends_close(&ends);
}

ROW_TEST(disconnect_cuts_a_slow_peer_off)
{
    struct ends ends;
    struct marks marks = {0};
    unsigned sent = 0;
    int r;
    open_full(row, "full=disconnect&queue=10000", &ends);
    while ((r = put(ends.sender, sent, WHERRY_FOREVER)) == 0)
        CHECK(sent++ < MARKS_MOST);
    CHECK_ERROR(r, -ENOBUFS);
    CHECK_CONTAINS(wherry_error_text(), "10000");
    CHECK_CONTAINS(wherry_error_text(), channel_info(ends.sender).address);
    CHECK(put(ends.sender, sent, soon()) < 0);
    CHECK(channel_info(ends.sender).dropped_messages > 0);
    r = take_all(&ends, sent, &marks);
    if (!row->endless) {
        wherry_message *message = NULL;
        if (r == -EAGAIN)
            r = wherry_recv(ends.receiver, &message, soon());
        // It is to know that it did not get everything, where that can be said.
        CHECK_ERROR(r, ends_say_end(&ends) ? -ECONNRESET : r == 0 ? 0 : -ECONNRESET);
    }
    CHECK_INT(marks.missing, 0);
    CHECK(marks.came <= sent);
    ends_close(&ends);
}

ROW_TEST(a_message_larger_than_the_list_is_let_in_alone)
{
    struct ends ends;
    struct marks marks = {0};
    unsigned sent = 0;
    open_full(row, "full=drop-oldest&queue=100", &ends);
    // Each is larger than the list; the first that has no room is alone in it.
    do
        CHECK_INT(put(ends.sender, sent++, WHERRY_FOREVER), 0);
    while (channel_info(ends.sender).dropped_messages == 0);
    struct wherry_channel_info info = channel_info(ends.sender);
    CHECK_INT(info.queue_limit, 100);
    CHECK_RANGE(info.queued_messages, 1, 2);
    unsigned last = sent - 1;
    flush_queue(&ends, &sent, &marks);
    CHECK_RANGE(marks.last, last, sent - 1);
    ends_close(&ends);
}

ROW_TEST(messages_in_the_list_are_copies)
{
    struct ends ends;
    struct marks marks = {0};
    wherry_message *message;
    open_full(row, "full=drop-oldest&queue=10000", &ends);
    unsigned sent = send_until_dropped(&ends, 1);
    // One with an object, which is taken, and one without.
    CHECK_OK(wherry_message_new(SIZE, &message));
    bytes_fill(wherry_message_data(message), SIZE, sent++);
    CHECK_INT(wherry_send(ends.sender, &message, 0, soon()), 0);
    CHECK(message == NULL);
    CHECK_INT(put(ends.sender, sent++, soon()), 0);
    unsigned last = sent - 1;
    flush_queue(&ends, &sent, &marks);
    CHECK_RANGE(marks.last, last, sent - 1);
    ends_close(&ends);
}

ROW_TEST(what_is_in_the_list_is_freed_with_the_channel)
{
    struct ends ends;
    open_full(row, "full=drop-oldest&queue=10000", &ends);
    send_until_dropped(&ends, 1);
    ends_close(&ends);
}
