/* SPDX-License-Identifier: MIT */
/*
 * A child sends its parent three signals with a value while the parent has them
 * blocked; they are held, and taken later in their order: with Wherry.
 *
 * Listening blocks the signal, in this thread.  A message is the bytes of an int, its
 * kind the signal.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

static int complain(void)
{
    return fprintf(stderr, "signal: %s\n", wherry_error_text()), 1;
}

static int tell(const char *address)
{
    wherry_channel *parent;
    if (wherry_dial(address, WHERRY_POLL, &parent) < 0)
        return complain();
    int r = 0;
    for (int value = 10; value <= 30 && r >= 0; value += 10)
        r = wherry_write(parent, &value, sizeof(value), 0, 0, WHERRY_POLL);
    int failed = r < 0 ? complain() : 0;
    wherry_close(parent);
    return failed;
}

static int take_all(wherry_channel *in, pid_t child)
{
    wherry_message *message;
    int r;
    while ((r = wherry_recv(in, &message, WHERRY_POLL)) == 1) {
        // A signal without a value has no bytes.
        int is_valued = wherry_message_size(message) == sizeof(int);
        // The sender wrote its pid itself: trust says so.
        int is_his = wherry_message_sender(message)->pid == child;
        printf("value %d from %s\n",
               is_valued ? *(const int *)wherry_message_data(message) : 0,
               is_his ? "the child" : "somebody else");
        wherry_message_free(message);
    }
    if (r != -EAGAIN)
        return complain();
    printf("none is left\n");
    return 0;
}

int main(void)
{
    wherry_listener *listener;
    wherry_channel *in = NULL;
    int status = 0;
    // Before the fork: one that came sooner would kill this process.
    if (wherry_listen("signal:self?signal=RTMIN", &listener) < 0)
        return complain();
    pid_t child = fork();
    if (child == 0) {
        int failed = tell(wherry_listener_address(listener));
        wherry_close_listener(listener);
        return failed;
    }
    if (child < 0)
        perror("signal: fork");
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int failed = child < 0 || status != 0;
    if (!failed)
        printf("the child has ended\n");
    if (!failed)
        failed = wherry_accept(listener, WHERRY_POLL, &in) < 0 ? complain()
                                                               : take_all(in, child);
    wherry_close(in);
    wherry_close_listener(listener);
    return failed;
}
