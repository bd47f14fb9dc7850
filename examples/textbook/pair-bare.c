/* SPDX-License-Identifier: MIT */
/*
 * Two processes count up in turns over a socket pair: with bare system calls.
 *
 * Of packets (SOCK_SEQPACKET), each is received whole.  Each process closes at once the
 * end that it does not use, so that it is told when the other has gone.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST = 10 };

static int say(const char *who, int fd, int number)
{
    ssize_t r;
    printf("%s: %d\n", who, number);
    fflush(stdout); // before the other one's turn
    while ((r = send(fd, &number, sizeof(number), MSG_NOSIGNAL)) < 0 && errno == EINTR)
        continue;
    return r < 0 ? -1 : 0;
}

// 1 and a number, 0 when the other has gone, or -1.
static int hear(int fd, int *number)
{
    ssize_t r;
    while ((r = recv(fd, number, sizeof(*number), 0)) < 0 && errno == EINTR)
        continue;
    return r > 0 ? 1 : (int)r;
}

// From `number` on, or, if it is 0, when the other has begun.
static int count_up(const char *who, int fd, int number)
{
    int r = number ? say(who, fd, number) : 0;
    while (r >= 0 && (r = hear(fd, &number)) > 0 && number < LAST)
        r = say(who, fd, ++number);
    if (r < 0)
        perror(who);
    else if (number < LAST)
        fprintf(stderr, "%s: the other has gone at %d\n", who, number);
    close(fd);
    return r < 0 || number < LAST;
}

int main(void)
{
    int ends[2];
    int status = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
        return perror("pair: socketpair"), 1;
    pid_t child = fork();
    if (child < 0)
        return perror("pair: fork"), 1;
    close(ends[child == 0]);
    if (child == 0)
        return count_up("child", ends[0], 0);
    int failed = count_up("parent", ends[1], 1);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
