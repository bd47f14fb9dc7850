/* SPDX-License-Identifier: MIT */
/*
 * Bytes that wherry_write was given are the caller's again when it returns, whatever
 * has become of them: it overwrites them here, or takes them out of memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bytes.h"

enum { LARGE = 300000, COUNT = 12, STACK = 1 << 20 };

struct writing {
    struct ends ends;
    pthread_t reader;
    char *bytes;
    size_t size;
    unsigned count; /* of messages that were taken */
};

static void *read_all(void *argument)
{
    struct writing *writing = argument;
    for (unsigned i = 0; i < writing->count; i++)
        bytes_receive(writing->ends.receiver, writing->size, i, 0);
    return NULL;
}

static size_t large_size(const struct ends *ends)
{
    uint64_t limit = ends->can.message_limit;
    return limit < LARGE ? (size_t)limit : LARGE;
}

static void open_large(const struct row *row, struct writing *writing)
{
    ends_open(row, NULL, &writing->ends);
    ends_need_messages(&writing->ends);
    if (ends_can(&writing->ends, WHERRY_ABLE_LOSS))
        SKIP("the kernel loses what does not fit");
    writing->count = 0;
    writing->size = large_size(&writing->ends);
    writing->bytes = malloc(writing->size);
    CHECK(writing->bytes != NULL);
}

// Lends the bytes of the next message, and has them back.
static int write_next(struct writing *writing, unsigned number, unsigned flags,
                      wherry_deadline deadline)
{
    bytes_fill(writing->bytes, writing->size, number);
    int r = wherry_write(writing->ends.sender, writing->bytes, writing->size, 0, flags,
                         deadline);
    memset(writing->bytes, '!', writing->size);
    return r;
}

static void close_large(struct writing *writing)
{
    free(writing->bytes);
    CHECK_INT(pthread_join(writing->reader, NULL), 0);
    ends_close(&writing->ends);
}

ROW_TEST(what_was_written_with_more_is_the_callers_again)
{
    struct writing writing;
    open_large(row, &writing);
    writing.count = COUNT;
    CHECK_INT(pthread_create(&writing.reader, NULL, read_all, &writing), 0);
    for (unsigned i = 0; i < COUNT; i++)
        CHECK_OK(write_next(&writing, i, i + 1 < COUNT ? WHERRY_MORE : 0, soon()));
    close_large(&writing);
}

ROW_TEST(what_a_deadline_left_over_is_the_callers_again)
{
    struct writing writing;
    open_large(row, &writing);
    int r;
    do {
        r = write_next(&writing, writing.count, 0, WHERRY_POLL);
        writing.count += r >= 0;
    } while (r >= 0 && channel_info(writing.ends.sender).queued_bytes == 0);
    if (r < 0)
        CHECK_ERROR(r, -EAGAIN); // they are taken whole here, or not at all
    CHECK_INT(pthread_create(&writing.reader, NULL, read_all, &writing), 0);
    finish_all(writing.ends.sender);
    close_large(&writing);
}

struct lender {
    wherry_channel *channel;
    struct harness_gate started;
    pid_t tid;
    size_t size;
    int result;
};

static void *pages(size_t size)
{
    void *bytes =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(bytes != MAP_FAILED);
    return bytes;
}

static void *lend_until_it_fails(void *argument)
{
    struct lender *lender = argument;
    void *bytes = pages(lender->size);
    bytes_fill(bytes, lender->size, 0);
    lender->tid = harness_thread();
    gate_pass(&lender->started);
    do
        lender->result =
            wherry_write(lender->channel, bytes, lender->size, 0, 0, soon());
    while (lender->result >= 0);
    CHECK_INT(munmap(bytes, lender->size), 0);
    return NULL;
}

ROW_TEST(what_the_peers_end_cut_off_is_the_callers_again)
{
    struct ends ends;
    pthread_t thread;
    pthread_attr_t own_stack;
    ends_open(row, NULL, &ends);
    ends_need_end(&ends);
    struct lender lender = {.channel = ends.sender, .size = large_size(&ends)};
    // Nothing is left of the call: its stack goes away with its thread.
    void *stack = pages(STACK);
    CHECK_INT(pthread_attr_init(&own_stack), 0);
    CHECK_INT(pthread_attr_setstack(&own_stack, stack, STACK), 0);
    gate_open(&lender.started);
    CHECK_INT(pthread_create(&thread, &own_stack, lend_until_it_fails, &lender), 0);
    gate_wait(&lender.started);
    harness_wait_blocked(lender.tid);
    wherry_close_listener(ends.listener);
    ends.listener = NULL;
    ends_close_receiver(&ends);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK_INT(munmap(stack, STACK), 0);
    CHECK(lender.result == -EPIPE || lender.result == -ECONNRESET);
    (void)channel_info(ends.sender);
    ends_close(&ends);
    pthread_attr_destroy(&own_stack);
    gate_close(&lender.started);
}

// How a large payload is laid out on its way depends on where it comes from.
ROW_TEST(a_large_message_is_whole_wherever_its_bytes_lie)
{
    enum { PAGE = 4096, MOST = 20480 };

    static const size_t places[] = {0, 1, 8, 15, 16, 17, 32, 48, 63, 64, 4081, 4095};
    struct ends ends;
    ends_open(row, NULL, &ends);
    ends_need_messages(&ends);
    uint64_t limit = ends.can.message_limit;
    size_t size = limit < MOST ? (size_t)limit : MOST;
    char *page = aligned_alloc(PAGE, 2 * MOST);
    CHECK(page);
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        bytes_fill(page + places[i], size, i);
        CHECK_OK(wherry_write(ends.sender, page + places[i], size, 0, 0, soon()));
        bytes_receive(ends.receiver, size, i, 0);
    }
    free(page);
    ends_close(&ends);
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
