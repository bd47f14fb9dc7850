/* SPDX-License-Identifier: MIT */
/*
 * A POSIX queue is filled by a child and drained in bulk, the highest priority first:
 * with bare system calls.
 *   usage: queue-drain-bare /NAME
 *
 * The name is removed as soon as the queue is open: it is for two processes that have
 * its descriptor, and so it goes with the last of them, however they end.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct order {
    unsigned priority;
    const char *text;
} orders[] = {{1, "polish the bell"}, {9, "man overboard"}, {1, "sweep the deck"},
              {5, "land ahead"},      {9, "turn about"},    {0, "sleep"}};

enum { COUNT = sizeof(orders) / sizeof(orders[0]), TEXT_MOST = 32 };

static int fill(mqd_t queue)
{
    // It does not wait: there is room for all.
    for (int i = 0; i < COUNT; i++)
        if (mq_send(queue, orders[i].text, strlen(orders[i].text), orders[i].priority) <
            0)
            return perror("queue-drain: mq_send"), 1;
    return 0;
}

static int drain(mqd_t queue)
{
    char text[TEXT_MOST]; // no less than mq_msgsize, or it is EMSGSIZE
    unsigned priority = 0;
    int count = 0;
    ssize_t size;
    while ((size = mq_receive(queue, text, sizeof(text), &priority)) >= 0) {
        printf("priority %u: %.*s\n", priority, (int)size, text);
        count++;
    }
    if (errno != EAGAIN)
        return perror("queue-drain: mq_receive"), 1;
    printf("%d messages, and none is left\n", count);
    return 0;
}

int main(int argc, char **argv)
{
    struct mq_attr room = {.mq_maxmsg = COUNT, .mq_msgsize = TEXT_MOST};
    int status = 0;
    if (argc != 2)
        return fprintf(stderr, "usage: queue-drain-bare /NAME\n"), 2;
    mqd_t queue = mq_open(argv[1], O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &room);
    if (queue == (mqd_t)-1)
        return perror(argv[1]), 1;
    mq_unlink(argv[1]);
    pid_t child = fork();
    if (child == 0)
        return fill(queue);
    if (child < 0)
        perror("queue-drain: fork");
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    int failed = child < 0 || status != 0 || drain(queue);
    mq_close(queue);
    return failed;
}
