/* SPDX-License-Identifier: MIT */
/*
 * Bytes that wherry_write was given are the caller's again when it returns, whatever
 * has become of them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

enum { LARGE = 300000, COUNT = 12 };

struct writing {
    struct ends ends;
    pthread_t reader;
    size_t size;
};

static void *read_all(void *argument)
{
    struct writing *writing = argument;
    for (unsigned i = 0; i < COUNT; i++)
        bytes_receive(writing->ends.receiver, writing->size, i, 0);
    return NULL;
}

static void open_large(const struct row *row, struct writing *writing)
{
    ends_open(row, NULL, &writing->ends);
    ends_need_messages(&writing->ends);
    if (ends_can(&writing->ends, WHERRY_ABLE_LOSS))
        SKIP("the kernel loses what does not fit");
    uint64_t limit = writing->ends.can.message_limit;
    writing->size = limit < LARGE ? (size_t)limit : LARGE;
}

ROW_TEST(what_was_written_with_more_is_the_callers_again)
{
    struct writing writing;
    open_large(row, &writing);
    CHECK_INT(pthread_create(&writing.reader, NULL, read_all, &writing), 0);
    char *bytes = malloc(writing.size);
    CHECK(bytes);
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned flags = i + 1 < COUNT ? WHERRY_MORE : 0;
        bytes_fill(bytes, writing.size, i);
        CHECK_OK(
            wherry_write(writing.ends.sender, bytes, writing.size, 0, flags, soon()));
        memset(bytes, '!', writing.size);
    }
    free(bytes);
    CHECK_INT(pthread_join(writing.reader, NULL), 0);
    ends_close(&writing.ends);
}

static void end_when_told(struct ends *ends, void *argument)
{
    struct harness_gate *gate = argument;
    gate_wait(gate);
    (void)ends;
}

ROW_TEST(a_message_that_was_taken_cannot_be_sent_again)
{
    struct ends ends;
    wherry_message *message = NULL;
    ends_open(row, NULL, &ends);
    CHECK_OK(wherry_message_copy("once", 4, &message));
    CHECK_OK(wherry_send(ends.sender, &message, 0, soon()));
    CHECK(!message);
    CHECK_ERROR(wherry_send(ends.sender, &message, 0, soon()), -EINVAL);
    CHECK_CONTAINS(wherry_error_text(), "taken already");
    ends_close(&ends);
}

ROW_TEST(a_peer_that_ends_in_the_middle_of_a_write_leaves_nothing_behind)
{
    struct ends ends;
    struct harness_gate gate;
    gate_open(&gate);
    if (row->endless)
        SKIP("datagrams: nobody is told of the end");
    pid_t child = row_fork(row, NULL, ROW_RECEIVES, end_when_told, &gate, &ends);
    uint64_t limit = channel_info(ends.sender).message_limit;
    size_t size = limit < LARGE ? (size_t)limit : LARGE;
    char *bytes = malloc(size);
    CHECK(bytes);
    bytes_fill(bytes, size, 0);
    // Until one is stuck, and then the peer closes.
    while (wherry_write(ends.sender, bytes, size, 0, 0, WHERRY_POLL) == 0 &&
           channel_info(ends.sender).queued_bytes == 0)
        ;
    gate_pass(&gate);
    int r = 0;
    while (r >= 0)
        r = wherry_write(ends.sender, bytes, size, 0, 0, soon());
    CHECK(r == -EPIPE || r == -ECONNRESET);
    memset(bytes, '!', size);
    free(bytes);
    (void)channel_info(ends.sender);
    ends_close(&ends);
    gate_close(&gate);
    CHECK_INT(harness_wait(child), 0);
}
