/* SPDX-License-Identifier: MIT */
/*
 * Dialling that Ctrl-C ends.
 *
 * wherry_dial() has nothing yet that could be cancelled while it waits, so it waits on
 * a thread of its own and Ctrl-C is heard beside it.
 */
#include "open_dial.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "help.h"
#include "interrupt.h"
#include "say.h"

enum { GIVE_UP_AFTER = 1000 }; // milliseconds

struct dialling {
    char *address;
    wherry_deadline deadline;
    pthread_t thread;
    wherry_channel *channel;
    int result;
    char text[OPEN_TEXT];
    int done[2]; /* a pipe: readable at the end */
};

static void *dial(void *argument)
{
    struct dialling *dialling = argument;
    dialling->result =
        wherry_dial(dialling->address, dialling->deadline, &dialling->channel);
    snprintf(dialling->text, sizeof(dialling->text), "%s", wherry_error_text());
    close(dialling->done[1]);
    return NULL;
}

// 1: it is done; 0: interrupted.
static int wait_for_dial(const struct dialling *dialling, const char *verb)
{
    struct pollfd waits[] = {{.fd = dialling->done[0], .events = POLLIN},
                             {.fd = interrupt_fd(), .events = POLLIN}};
    for (int timeout = OPEN_PATIENCE;;) {
        int r = poll(waits, 2, timeout);
        if (waits[0].revents && r > 0)
            return 1;
        if (interrupted())
            return 0;
        if (r == 0) {
            say_progress(verb, "waiting for %s", dialling->address);
            timeout = -1;
        }
    }
}

// A dial that waits for a reader has made a name, which it removes when it ends: so it
// is given a reader.
static bool end_dial(const struct dialling *dialling)
{
    const struct wherry_mechanism *mechanism = mechanism_of(dialling->address);
    bool waits_for_reader = mechanism && (mechanism->abilities & WHERRY_ABLE_LISTEN) &&
                            !(mechanism->abilities & WHERRY_ABLE_DUPLEX);
    if (!waits_for_reader)
        return false;
    wherry_listener *reader;
    if (wherry_listen(dialling->address, &reader) < 0)
        return false;
    struct pollfd wait = {.fd = dialling->done[0], .events = POLLIN};
    int r;
    do
        r = poll(&wait, 1, GIVE_UP_AFTER);
    while (r < 0 && errno == EINTR);
    wherry_close_listener(reader);
    return r > 0;
}

static int start_dial(struct dialling *dialling)
{
    if (pipe(dialling->done) < 0)
        return -errno;
    int r = interrupt_thread(&dialling->thread, dial, dialling);
    if (r < 0) {
        close(dialling->done[0]);
        close(dialling->done[1]);
    }
    return r;
}

static void release(struct dialling *dialling)
{
    if (dialling)
        free(dialling->address);
    free(dialling);
}

// What the thread works on is its own: it may outlive this call.
static int new_dial(const char *address, wherry_deadline deadline,
                    struct dialling **out)
{
    struct dialling *dialling = calloc(1, sizeof(*dialling));
    if (dialling)
        dialling->address = strdup(address);
    int r = dialling && dialling->address ? 0 : -ENOMEM;
    if (r >= 0) {
        dialling->deadline = deadline;
        r = start_dial(dialling);
    }
    if (r < 0)
        release(dialling);
    else
        *out = dialling;
    return r;
}

int open_dial(const char *verb, const char *address, wherry_deadline deadline,
              char text[OPEN_TEXT], wherry_channel **out)
{
    struct dialling *dialling;
    int r = new_dial(address, deadline, &dialling);
    if (r < 0) {
        snprintf(text, OPEN_TEXT, "%s: %s", address, say_errno(r));
        return r;
    }
    bool is_interrupted = !wait_for_dial(dialling, verb);
    if (is_interrupted && !end_dial(dialling))
        return -EINTR; // the thread goes on, and ends with the process
    pthread_join(dialling->thread, NULL);
    close(dialling->done[0]);
    memcpy(text, dialling->text, OPEN_TEXT);
    r = is_interrupted ? -EINTR : dialling->result;
    if (r >= 0)
        *out = dialling->channel;
    else if (dialling->result >= 0)
        wherry_close(dialling->channel);
    release(dialling);
    return r;
}
