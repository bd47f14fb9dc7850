/* SPDX-License-Identifier: MIT */
/*
 * One of the two processes of multitude.c: an event loop and its channels, as a program
 * has them, and without the harness, whose table of blocks would be counted as theirs.
 *
 *     multitude-end ADDRESS          listens, and echoes whatever comes
 *     multitude-end ADDRESS COUNT    dials; for each byte of stdin a phase: opens its
 *                                    channels with a word each way, then bursts
 *
 * Both say a byte when they are ready, and the second after each phase; they end with
 * stdin.  What goes wrong ends them with a sentence.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <wherry.h>

enum { BURST = 40 /* messages each way */, EVENTS = 64, SOON = 60000 };

static const char words[] = "there and back";

static int must(const char *what, int r)
{
    if (r >= 0)
        return r;
    fprintf(stderr, "%s: %d (%s)\n", what, r, wherry_error_text());
    exit(1);
}

static void must_be(const char *what, int is_so)
{
    (void)must(what, is_so ? 0 : -1);
}

static void watch(int loop, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = what}};
    (void)must("epoll", epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event));
}

static int descriptor_of(wherry_channel *channel)
{
    wherry_native fd;
    short events;
    (void)must("fd", wherry_fd(channel, WHERRY_IN, &fd, &events));
    return fd;
}

static void say_ready(void)
{
    must_be("stdout", write(1, "r", 1) == 1);
}

/* --- who is dialled ------------------------------------------------------ */

static void accept_all(int loop, wherry_listener *listener)
{
    wherry_channel *channel;
    while (wherry_accept(listener, WHERRY_POLL, &channel) >= 0)
        watch(loop, descriptor_of(channel), channel);
}

static void echo(wherry_channel *channel)
{
    wherry_message *message = NULL;
    const int r = wherry_recv(channel, &message, WHERRY_POLL);
    if (r == 1)
        (void)must("send", wherry_send(channel, &message, 0, wherry_after(SOON)));
    else if (r == 0)
        exit(0);
}

static void serve(int loop, const char *address)
{
    wherry_listener *listener;
    wherry_native fd;
    short events;
    (void)must("listen", wherry_listen(address, &listener));
    (void)must("fd", wherry_listener_fd(listener, &fd, &events));
    watch(loop, fd, NULL);
    say_ready();
    for (;;) {
        struct epoll_event ready[EVENTS];
        const int count = epoll_wait(loop, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr)
                echo(ready[i].data.ptr);
            else
                accept_all(loop, listener);
        }
    }
}

/* --- who dials ----------------------------------------------------------- */

// Waits by the descriptor alone, as a loop does.
static void hear(wherry_channel *channel)
{
    struct pollfd wait = {.fd = descriptor_of(channel), .events = POLLIN};
    wherry_message *message = NULL;
    int r;
    do {
        must_be("no answer", poll(&wait, 1, SOON) != 0);
        r = wherry_recv(channel, &message, WHERRY_POLL);
    } while (r == -EAGAIN);
    must_be("an answer", must("recv", r) == 1);
    must_be("the same",
            wherry_message_size(message) == sizeof(words) &&
                memcmp(wherry_message_data(message), words, sizeof(words)) == 0);
    wherry_message_free(message);
}

static void talk(wherry_channel *channel, int times)
{
    for (int i = 0; i < times; i++) {
        (void)must("write", wherry_write(channel, words, sizeof(words), 0, 0,
                                         wherry_after(SOON)));
        hear(channel);
    }
}

static void dial_all(int loop, const char *address, wherry_channel **channels,
                     int count)
{
    for (int i = 0; i < count; i++) {
        (void)must("dial", wherry_dial(address, wherry_after(SOON), &channels[i]));
        talk(channels[i], 1);
        watch(loop, descriptor_of(channels[i]), channels[i]);
    }
}

// Until stdin says so, nothing but what the channels are woken for.
static void idle(int loop)
{
    for (;;) {
        struct epoll_event ready[EVENTS];
        const int count = epoll_wait(loop, ready, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            wherry_message *message = NULL;
            char byte;
            if (ready[i].data.ptr)
                must_be("nothing comes", wherry_recv(ready[i].data.ptr, &message,
                                                     WHERRY_POLL) == -EAGAIN);
            else if (read(0, &byte, 1) != 1)
                exit(0);
            else
                return;
        }
    }
}

static void be_client(int loop, const char *address, int count)
{
    wherry_channel **channels = calloc((size_t)count, sizeof(*channels));
    must_be("memory", channels != NULL);
    watch(loop, 0, NULL);
    say_ready();
    idle(loop);
    dial_all(loop, address, channels, count);
    for (;;) {
        say_ready();
        idle(loop);
        for (int i = 0; i < count; i++)
            talk(channels[i], BURST);
    }
}

int main(int argc, char **argv)
{
    const int loop = must("epoll", epoll_create1(EPOLL_CLOEXEC));
    if (argc == 2)
        serve(loop, argv[1]);
    else if (argc == 3)
        be_client(loop, argv[1], atoi(argv[2]));
    return 2;
}
