/* SPDX-License-Identifier: MIT */
/*
 * A child asks its parent by a datagram, and the parent answers to whoever asked: with
 * Wherry.
 *   usage: datagram-wherry [ADDRESS]
 *
 * Both sockets have names that the kernel chose, so that nothing is left behind; with
 * udp:127.0.0.1:0 they are ports.  Nobody is told when the other has gone: so no wait
 * is without an end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

static const char thanks[] = " to you";

enum { PATIENCE = 5000 }; // milliseconds

static int complain(void)
{
    return fprintf(stderr, "datagram: %s\n", wherry_error_text()), 1;
}

static int ask(const char *address)
{
    wherry_channel *parent;
    wherry_message *message = NULL;
    if (wherry_dial(address, wherry_after(PATIENCE), &parent) < 0)
        return complain();
    int r = wherry_write(parent, "ahoy", 4, 0, 0, wherry_after(PATIENCE));
    if (r >= 0)
        r = wherry_recv(parent, &message, wherry_after(PATIENCE));
    int failed = r == 1 ? 0 : complain();
    if (!failed)
        printf("answered: %.*s\n", (int)wherry_message_size(message),
               (char *)wherry_message_data(message));
    wherry_message_free(message);
    wherry_close(parent);
    return failed;
}

// Adds thanks to the question, and sends it back.
static int answer(wherry_channel *channel)
{
    wherry_message *message;
    if (wherry_recv(channel, &message, wherry_after(PATIENCE)) != 1)
        return complain();
    size_t size = wherry_message_size(message);
    printf("asked: %.*s\n", (int)size, (char *)wherry_message_data(message));
    fflush(stdout); // before the child goes on
    int r = wherry_message_resize(message, size + strlen(thanks));
    if (r >= 0)
        memcpy((char *)wherry_message_data(message) + size, thanks, strlen(thanks));
    if (r >= 0)
        r = wherry_message_reply_to(message, message);
    if (r >= 0)
        r = wherry_send(channel, &message, 0, wherry_after(PATIENCE));
    wherry_message_free(message);
    return r < 0 ? complain() : 0;
}

static int serve(wherry_listener *listener)
{
    wherry_channel *channel;
    if (wherry_accept(listener, WHERRY_POLL, &channel) < 0)
        return complain();
    int failed = answer(channel);
    wherry_close(channel);
    return failed;
}

int main(int argc, char **argv)
{
    wherry_listener *listener;
    int status = 0;
    if (argc > 2)
        return fprintf(stderr, "usage: datagram-wherry [ADDRESS]\n"), 2;
    if (wherry_listen(argc > 1 ? argv[1] : "unix:@?type=datagram", &listener) < 0)
        return complain();
    pid_t child = fork();
    if (child == 0) {
        int failed = ask(wherry_listener_address(listener));
        wherry_close_listener(listener);
        return failed;
    }
    int failed = child < 0 || serve(listener);
    wherry_close_listener(listener);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
