/* SPDX-License-Identifier: MIT */
/*
 * Messages whose every byte is known to both ends.
 */
#define _GNU_SOURCE // prlimit
#include "bytes.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NEWLINE_INSTEAD = 'n', PATTERN = 4096, TEXT_MOST = 256 };

static unsigned char byte_at(size_t at, unsigned number)
{
    uint32_t mixed = (uint32_t)at * 2654435761u + number * 40503u + number / 7;
    unsigned char byte = (unsigned char)(mixed >> 13);
    return byte == '\n' ? NEWLINE_INSTEAD : byte;
}

void bytes_fill(void *bytes, size_t size, unsigned number)
{
    unsigned char *out = bytes;
    for (size_t i = 0; i < size; i++)
        out[i] = byte_at(i, number);
}

void bytes_check(const void *bytes, size_t size, unsigned number)
{
    unsigned char expected[PATTERN];
    for (size_t i = 0; i < size; i += PATTERN) {
        size_t n = size - i < PATTERN ? size - i : PATTERN;
        for (size_t k = 0; k < n; k++)
            expected[k] = byte_at(i + k, number);
        CHECK_BYTES((const unsigned char *)bytes + i, expected, n);
    }
}

size_t size_there(wherry_channel *channel, size_t size)
{
    bool is_number = channel_info(channel).abilities & WHERRY_ABLE_NUMBER;
    return is_number && size > 0 ? sizeof(int) : size;
}

void bytes_send(wherry_channel *channel, size_t size, unsigned number, int64_t kind)
{
    wherry_message *message;
    size = size_there(channel, size);
    CHECK_OK(wherry_message_new(size, &message));
    bytes_fill(wherry_message_data(message), size, number);
    CHECK_OK(wherry_message_set_kind(message, kind));
    int r = wherry_send(channel, &message, 0, soon());
    if (r < 0)
        FAIL("sending %zu bytes: %s: %s", size, harness_errno_name(r),
             wherry_error_text());
    CHECK_INT(r, 0);
    CHECK(message == NULL);
}

int64_t kind_of_arrival(wherry_channel *channel, int64_t kind)
{
    struct wherry_channel_info info;
    CHECK_OK(wherry_describe(channel, &info,
                             offsetof(struct wherry_channel_info, holder_count)));
    return kind < info.kind_least ? info.kind_least : kind;
}

void bytes_receive(wherry_channel *channel, size_t size, unsigned number, int64_t kind)
{
    wherry_message *message = NULL;
    size = size_there(channel, size);
    int r = wherry_recv(channel, &message, soon());
    if (r < 0)
        FAIL("receiving %zu bytes: %s: %s", size, harness_errno_name(r),
             wherry_error_text());
    CHECK_INT(r, 1);
    CHECK_INT(wherry_message_size(message), size);
    bytes_check(wherry_message_data(message), size, number);
    CHECK_INT(wherry_message_kind(message), kind_of_arrival(channel, kind));
    CHECK_INT(wherry_message_files(message), 0);
    wherry_message_free(message);
}

// Where a message is one number, a text is one that is made of its bytes.
static size_t text_there(wherry_channel *channel, const char *text, char *out)
{
    unsigned number = 0;
    size_t size = strlen(text);
    if (size_there(channel, size) == size)
        return memcpy(out, text, size), size;
    for (size_t i = 0; i < size; i++)
        number = number * 31 + (unsigned char)text[i];
    memcpy(out, &number, sizeof number);
    return sizeof number;
}

static void send_text(wherry_channel *channel, const char *text, unsigned flags)
{
    char bytes[TEXT_MOST];
    size_t size = text_there(channel, text, bytes);
    int r = wherry_write(channel, bytes, size, 0, flags, soon());
    if (r < 0)
        FAIL("sending \"%s\": %s: %s", text, harness_errno_name(r),
             wherry_error_text());
    CHECK_INT(r, 0);
}

void text_send(wherry_channel *channel, const char *text)
{
    send_text(channel, text, 0);
}

void text_gather(wherry_channel *channel, const char *text)
{
    send_text(channel, text, WHERRY_MORE);
}

void text_receive(wherry_channel *channel, const char *text)
{
    char got[TEXT_MOST] = "";
    char bytes[TEXT_MOST];
    int ended = -1;
    size_t size = text_there(channel, text, bytes);
    int r = (int)wherry_read(channel, got, sizeof got - 1, NULL, &ended, soon());
    if (r < 0)
        FAIL("receiving \"%s\": %s: %s", text, harness_errno_name(r),
             wherry_error_text());
    if (size == strlen(text))
        CHECK_STRING(got, text);
    CHECK_INT(r, size);
    CHECK_BYTES(got, bytes, size);
    CHECK_INT(ended, 0);
}

void end_receive(wherry_channel *channel)
{
    wherry_message *message = (wherry_message *)&message;
    int r = wherry_recv(channel, &message, soon());
    if (r < 0)
        FAIL("no orderly end: %s: %s", harness_errno_name(r), wherry_error_text());
    CHECK_INT(r, 0);
    CHECK(message == NULL);
}

void finish_all(wherry_channel *channel)
{
    struct pollfd wait;
    int r;
    while ((r = wherry_finish(channel)) == -EAGAIN) {
        CHECK_OK(wherry_fd(channel, WHERRY_OUT, &wait.fd, &wait.events));
        poll(&wait, 1, harness_stretch(HARNESS_PATIENCE));
    }
    if (r < 0 && r != -ENOTSUP)
        FAIL("finishing: %s: %s", harness_errno_name(r), wherry_error_text());
}

void hang(void)
{
    for (;;)
        pause();
}

struct wherry_channel_info channel_info(wherry_channel *channel)
{
    struct wherry_channel_info info = {.holder_count = 0};
    CHECK_OK(wherry_describe(channel, &info,
                             offsetof(struct wherry_channel_info, holder_count)));
    return info;
}

struct wherry_channel_info channel_info_and_holders(wherry_channel *channel)
{
    struct wherry_channel_info info;
    CHECK_OK(wherry_describe(channel, &info, sizeof info));
    return info;
}

// TCP finds more room a moment later, and tells only of much of it.
static void wait_for_room(wherry_channel *channel)
{
    enum { WHILE_MILLISECONDS = 20 };

    struct pollfd wait;
    CHECK_OK(wherry_fd(channel, WHERRY_OUT, &wait.fd, &wait.events));
    wherry_deadline end = wherry_after(WHILE_MILLISECONDS);
    while (poll(&wait, 1, WHILE_MILLISECONDS) < 0 && wherry_now() < end)
        ;
}

// Signals queue until all those of this user are as many as the receiver allows: a few
// more than there are is soon full, and does not fill up what others have.
static void allow_few_signals(pid_t receiver)
{
    enum { FEW = 1024 };

    char line[256];
    long queued = -1;
    struct rlimit few;
    FILE *status = fopen("/proc/self/status", "re");
    CHECK(status != NULL);
    while (queued < 0 && fgets(line, sizeof line, status))
        if (strncmp(line, "SigQ:", 5) == 0)
            queued = strtol(line + 5, NULL, 10);
    fclose(status);
    CHECK(queued >= 0);
    CHECK_INT(prlimit(receiver, RLIMIT_SIGPENDING, NULL, &few), 0);
    if (few.rlim_cur > (rlim_t)queued + FEW)
        few.rlim_cur = (rlim_t)queued + FEW;
    CHECK_INT(prlimit(receiver, RLIMIT_SIGPENDING, &few, NULL), 0);
}

unsigned fill_up(wherry_channel *channel, size_t size)
{
    struct wherry_channel_info info = channel_info(channel);
    size = size_there(channel, size);
    if (info.abilities & WHERRY_ABLE_NUMBER)
        allow_few_signals((pid_t)info.peer.pid);
    bool is_tcp = strncmp(info.scheme, "tcp", 3) == 0;
    const int enough = is_tcp ? 12 : 1;
    unsigned count = 0;
    char *bytes = malloc(size);
    CHECK(bytes != NULL);
    for (int refusals = 0; refusals < enough;) {
        bytes_fill(bytes, size, count);
        int r = wherry_write(channel, bytes, size, 0, 0, WHERRY_POLL);
        refusals = r == 0 ? 0 : refusals + 1;
        count += r == 0;
        if (r < 0)
            CHECK_ERROR(r, -EAGAIN);
        if (r < 0 && is_tcp)
            wait_for_room(channel);
        CHECK(count < 10000000);
    }
    free(bytes);
    return count;
}
