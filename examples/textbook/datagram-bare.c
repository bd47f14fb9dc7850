/* SPDX-License-Identifier: MIT */
/*
 * A child asks its parent by a datagram, and the parent answers to whoever asked: over
 * unix datagram sockets, with bare system calls.
 *
 * Both sockets have names that the kernel chose, without a path (unix(7), autobind), so
 * that nothing is left behind.  A datagram socket is not told when the other has gone:
 * so no wait is without an end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char thanks[] = " to you";

enum { TEXT_MOST = 64, PATIENCE = 5 }; // bytes, seconds

struct name {
    struct sockaddr_un name;
    socklen_t size; // of an abstract one, this tells where it ends
};

static int complain(const char *what)
{
    fprintf(stderr, "datagram: ");
    perror(what);
    return 1;
}

static int open_socket(struct name *own)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    own->name = (struct sockaddr_un){.sun_family = AF_UNIX};
    own->size = sizeof(own->name);
    // A name that is no more than its family: the kernel chooses.
    if (bind(fd, (struct sockaddr *)&own->name, sizeof(own->name.sun_family)) == 0 &&
        getsockname(fd, (struct sockaddr *)&own->name, &own->size) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0)
        return fd;
    complain("a socket");
    if (fd >= 0)
        close(fd);
    return -1;
}

static ssize_t hear(int fd, char text[TEXT_MOST], struct name *from)
{
    ssize_t r;
    do {
        from->size = sizeof(from->name);
        r = recvfrom(fd, text, TEXT_MOST, 0, (struct sockaddr *)&from->name,
                     &from->size);
    } while (r < 0 && errno == EINTR);
    return r;
}

static int say(int fd, const char *text, size_t size, const struct name *to)
{
    ssize_t r;
    while ((r = sendto(fd, text, size, 0, (const struct sockaddr *)&to->name,
                       to->size)) < 0 &&
           errno == EINTR)
        continue;
    return r < 0 ? -1 : 0;
}

static int ask(const struct name *parent)
{
    struct name own;
    struct name from;
    char text[TEXT_MOST];
    int fd = open_socket(&own);
    if (fd < 0)
        return 1;
    ssize_t size = say(fd, "ahoy", 4, parent);
    if (size >= 0)
        size = hear(fd, text, &from);
    int failed = size < 0 ? complain("asking") : 0;
    if (!failed)
        printf("answered: %.*s\n", (int)size, text);
    close(fd);
    return failed;
}

static int answer(int fd)
{
    struct name from;
    char text[TEXT_MOST + sizeof(thanks)];
    ssize_t size = hear(fd, text, &from);
    if (size < 0)
        return complain("waiting");
    printf("asked: %.*s\n", (int)size, text);
    fflush(stdout); // before the child goes on
    memcpy(text + size, thanks, sizeof(thanks));
    size += (ssize_t)strlen(thanks);
    return say(fd, text, (size_t)size, &from) < 0 ? complain("answering") : 0;
}

int main(void)
{
    struct name own;
    int status = 0;
    int fd = open_socket(&own);
    if (fd < 0)
        return 1;
    pid_t child = fork();
    if (child < 0)
        return complain("fork");
    if (child == 0) {
        close(fd);
        return ask(&own);
    }
    int failed = answer(fd);
    close(fd);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
