/* SPDX-License-Identifier: MIT */
/*
 * A POSIX queue is filled by a child and drained in bulk, the highest priority first:
 * with Wherry.
 *   usage: queue-drain-wherry mq:/NAME
 *
 * The name is removed as soon as both ends are open: the queue goes with the last
 * process that has it open, however they end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

static const struct order {
    int64_t kind; // its priority
    const char *text;
} orders[] = {{1, "polish the bell"}, {9, "man overboard"}, {1, "sweep the deck"},
              {5, "land ahead"},      {9, "turn about"},    {0, "sleep"}};

enum { COUNT = sizeof(orders) / sizeof(orders[0]), AT_ONCE = 16 };

static int complain(void)
{
    return fprintf(stderr, "queue-drain: %s\n", wherry_error_text()), 1;
}

static int fill(wherry_channel *out)
{
    for (int i = 0; i < COUNT; i++)
        if (wherry_write(out, orders[i].text, strlen(orders[i].text), orders[i].kind, 0,
                         WHERRY_POLL) < 0)
            return complain();
    return 0;
}

static int drain(wherry_channel *in)
{
    wherry_message *messages[AT_ONCE];
    int count = 0;
    int r;
    while ((r = wherry_recv_many(in, messages, AT_ONCE, WHERRY_POLL)) > 0) {
        for (int i = 0; i < r; i++) {
            printf("priority %d: %.*s\n", (int)wherry_message_kind(messages[i]),
                   (int)wherry_message_size(messages[i]),
                   (char *)wherry_message_data(messages[i]));
            wherry_message_free(messages[i]);
        }
        count += r;
    }
    if (r != -EAGAIN)
        return complain();
    printf("%d messages, and none is left\n", count);
    return 0;
}

static int open_ends(const char *address, wherry_channel *ends[2])
{
    wherry_listener *listener;
    int r = wherry_listen(address, &listener);
    if (r < 0)
        return r;
    r = wherry_accept(listener, WHERRY_POLL, &ends[0]);
    if (r >= 0)
        r = wherry_dial(address, WHERRY_POLL, &ends[1]);
    if (r >= 0)
        r = wherry_remove(address);
    wherry_close_listener(listener);
    return r;
}

int main(int argc, char **argv)
{
    wherry_channel *ends[2] = {NULL, NULL};
    int status = 0;
    if (argc != 2)
        return fprintf(stderr, "usage: queue-drain-wherry mq:/NAME\n"), 2;
    if (open_ends(argv[1], ends) < 0)
        return complain();
    pid_t child = fork();
    if (child == 0) {
        int failed = fill(ends[1]);
        wherry_close(ends[0]);
        wherry_close(ends[1]);
        return failed;
    }
    if (child < 0)
        perror("queue-drain: fork");
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int failed = child < 0 || status != 0 || drain(ends[0]);
    wherry_close(ends[0]);
    wherry_close(ends[1]);
    return failed;
}
