/* SPDX-License-Identifier: MIT */
/*
 * A parent starts a program, here itself, that finds one end of a socket pair open and
 * is told its number as an argument: with bare system calls.
 *   usage: inherit-bare
 *
 * Both ends are close-on-exec but for the child's, in the child: so no program that is
 * started by chance at the same time gets either.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MOST = 64 };

static int say(int fd, const char *text, size_t size)
{
    ssize_t r;
    while ((r = send(fd, text, size, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        continue;
    return r < 0 ? -1 : 0;
}

static int hear(const char *who, int fd)
{
    char text[TEXT_MOST];
    ssize_t r;
    while ((r = recv(fd, text, sizeof(text), 0)) < 0 && errno == EINTR)
        continue;
    if (r == 0)
        errno = ECONNRESET; // the other one has gone without a word
    if (r <= 0)
        return -1;
    printf("the %s heard: %.*s\n", who, (int)r, text);
    fflush(stdout); // before the other one's turn
    return 0;
}

static int child(const char *number)
{
    char *end;
    long fd = strtol(number, &end, 10);
    if (*end || end == number || fd < 3 || fd > 1 << 20)
        return fprintf(stderr, "inherit: no descriptor: %s\n", number), 2;
    if (hear("child", (int)fd) < 0 || say((int)fd, "aye", 3) < 0)
        return perror("inherit: the child"), 1;
    close((int)fd);
    return 0;
}

static int start(int fd)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", fd);
    if (fcntl(fd, F_SETFD, 0) == 0)
        execl("/proc/self/exe", "inherit", number, (char *)NULL);
    return perror("inherit: starting the child"), 1;
}

int main(int argc, char **argv)
{
    int ends[2];
    int status = 0;
    if (argc > 1)
        return child(argv[1]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return perror("inherit: socketpair"), 1;
    pid_t pid = fork();
    if (pid < 0)
        return perror("inherit: fork"), 1;
    if (pid == 0)
        return start(ends[1]);
    close(ends[1]);
    int failed = say(ends[0], "ahoy", 4) < 0 || hear("parent", ends[0]) < 0;
    if (failed)
        perror("inherit: the parent");
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
