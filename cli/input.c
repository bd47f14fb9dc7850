/* SPDX-License-Identifier: MIT */
/*
 * stdin, cut into messages.
 */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"

enum {
    READ_SIZE = 65536,
    LOOK_AGAIN = 200 // milliseconds, whether we are in the foreground
};

static int make_room(struct input *input)
{
    if (input->start > 0) {
        memmove(input->bytes, input->bytes + input->start, input->end - input->start);
        input->seen -= input->start;
        input->end -= input->start;
        input->start = 0;
    }
    if (input->capacity - input->end >= READ_SIZE)
        return 0;
    size_t capacity = input->capacity ? input->capacity * 2 : READ_SIZE * (size_t)2;
    char *bytes = realloc(input->bytes, capacity);
    if (!bytes)
        return -ENOMEM;
    input->bytes = bytes;
    input->capacity = capacity;
    return 0;
}

// What a terminal has for us while we are a background job is the shell's.
static bool is_in_background(void)
{
    pid_t foreground = tcgetpgrp(STDIN_FILENO);
    return foreground > 0 && foreground != getpgrp();
}

// What there is to read comes before the news that the peer has gone.
static int wait_for_input(const struct input_wait *wait)
{
    struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                             {.fd = wait->stop, .events = POLLIN},
                             {.fd = interrupt_fd(), .events = POLLIN},
                             {.fd = wait->peer, .events = 0}};
    for (;;) {
        bool is_away = is_in_background();
        waits[0].fd = is_away ? -1 : STDIN_FILENO;
        int r = poll(waits, 4, is_away ? LOOK_AGAIN : -1);
        if (r < 0 && errno != EINTR)
            return -errno;
        if (waits[1].revents || interrupted())
            return -ECANCELED;
        if (waits[0].revents && !is_in_background())
            return 0;
        if (r > 0 && waits[3].revents)
            return -EPIPE;
    }
}

static int fill(struct input *input, const struct input_wait *wait)
{
    int r = make_room(input);
    if (r >= 0)
        r = wait_for_input(wait);
    if (r < 0)
        return r;
    ssize_t size = read(STDIN_FILENO, input->bytes + input->end, READ_SIZE);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    // A terminal that has hung up, or no stdin at all, has nothing more to say.
    if (size < 0 && (errno == EIO || errno == EBADF))
        size = 0;
    if (size < 0)
        return -errno;
    input->end += (size_t)size;
    input->ended = size == 0;
    return 0;
}

// The size of the next message in the buffer, or -1: there is not all of it.
static ssize_t next_size(struct input *input)
{
    size_t size = input->end - input->start;
    if (size == 0 || input->raw)
        return size > 0 ? (ssize_t)size : -1;
    char *newline = input->seen < input->end ? memchr(input->bytes + input->seen, '\n',
                                                      input->end - input->seen)
                                             : NULL;
    if (newline) {
        input->seen = (size_t)(newline - input->bytes);
        return newline - (input->bytes + input->start);
    }
    input->seen = input->end;
    return input->ended ? (ssize_t)size : -1;
}

bool input_has_next(struct input *input)
{
    return next_size(input) >= 0;
}

int input_next(struct input *input, size_t limit, const struct input_wait *wait,
               const char **bytes, size_t *size)
{
    ssize_t found;
    while ((found = next_size(input)) < 0) {
        if (input->ended)
            return 0;
        if (!input->raw && input->end - input->start > limit)
            return -EMSGSIZE;
        int r = fill(input, wait);
        if (r < 0)
            return r;
    }
    if (input->raw && (size_t)found > limit)
        found = (ssize_t)limit;
    *bytes = input->bytes + input->start;
    *size = (size_t)found;
    input->start += (size_t)found;
    bool has_newline = !input->raw && input->start < input->end;
    input->start += has_newline;
    if (input->seen < input->start)
        input->seen = input->start;
    return 1;
}

void input_free(struct input *input)
{
    free(input->bytes);
    input->bytes = NULL;
}
