/* SPDX-License-Identifier: MIT */
/*
 * A parent starts a program, here itself, that finds one end of a socket pair open and
 * is told its number as an argument: with Wherry.
 *   usage: inherit-wherry
 *
 * What a descriptor is, fd:N finds out.  The channel works on a copy that is
 * close-on-exec, and closes the number that was handed down.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

static int complain(void)
{
    const char *text = wherry_error_text();
    return fprintf(stderr, "inherit: %s\n", *text ? text : "the other has gone"), 1;
}

static int hear(const char *who, wherry_channel *channel)
{
    wherry_message *message;
    if (wherry_recv(channel, &message, WHERRY_FOREVER) != 1)
        return -1;
    printf("the %s heard: %.*s\n", who, (int)wherry_message_size(message),
           (char *)wherry_message_data(message));
    fflush(stdout); // before the other one's turn
    wherry_message_free(message);
    return 0;
}

static int talk(const char *number, int is_child)
{
    char address[32];
    wherry_channel *channel;
    snprintf(address, sizeof(address), "fd:%s", number);
    if (wherry_dial(address, WHERRY_POLL, &channel) < 0)
        return complain();
    int r = is_child ? hear("child", channel) : 0;
    if (r >= 0)
        r = wherry_write(channel, is_child ? "aye" : "ahoy", is_child ? 3 : 4, 0, 0,
                         WHERRY_FOREVER);
    if (r >= 0 && !is_child)
        r = hear("parent", channel);
    int failed = r < 0 ? complain() : 0;
    wherry_close(channel);
    return failed;
}

static int start(int fd, const char *number)
{
    if (fcntl(fd, F_SETFD, 0) == 0)
        execl("/proc/self/exe", "inherit", number, (char *)NULL);
    return perror("inherit: starting the child"), 1;
}

int main(int argc, char **argv)
{
    int ends[2];
    int status = 0;
    char numbers[2][16];
    if (argc > 1)
        return talk(argv[1], 1);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return perror("inherit: socketpair"), 1;
    for (int i = 0; i < 2; i++)
        snprintf(numbers[i], sizeof(numbers[i]), "%d", ends[i]);
    pid_t pid = fork();
    if (pid < 0)
        return perror("inherit: fork"), 1;
    if (pid == 0)
        return start(ends[1], numbers[1]);
    close(ends[1]);
    int failed = talk(numbers[0], 0);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
