/* SPDX-License-Identifier: MIT */
/*
 * Starts a program of any language and asks it questions, a line each, which it answers
 * with a line each: with bare system calls.
 *   usage: child-bare SECONDS COMMAND [ARGUMENT…]
 *
 * A read may give half an answer, or two; so lines are put together in a buffer.  A
 * child that says nothing for so long is killed: it would be waited for without end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LINE_MOST = 1 << 17,
    LONG = 100000,
    WORD_MOST = 16,
    SECONDS_MOST = 3600,
    NOT_FOUND = 127
};

struct child {
    pid_t pid;
    int in;  /* to its stdin */
    int out; /* from its stdout */
    int milliseconds;
    char room[LINE_MOST]; /* what was read, from the first line not yet given */
    size_t used;
    size_t given;
};

static int start(struct child *child, char *const words[])
{
    int there[2];
    int back[2];
    if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
        return perror("child: pipe"), -1;
    child->pid = fork();
    if (child->pid < 0)
        return perror("child: fork"), -1;
    if (child->pid == 0) {
        signal(SIGPIPE, SIG_DFL); // here it is ignored
        if (dup2(there[0], STDIN_FILENO) >= 0 && dup2(back[1], STDOUT_FILENO) >= 0)
            execvp(words[0], words);
        perror(words[0]);
        _exit(NOT_FOUND);
    }
    close(there[0]);
    close(back[1]);
    child->in = there[1];
    child->out = back[0];
    return fcntl(child->in, F_SETFL, O_NONBLOCK); // its other end stays as it was
}

static int wait_until(const struct child *child, int fd, short events)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int r;
    while ((r = poll(&wait, 1, child->milliseconds)) < 0 && errno == EINTR)
        continue;
    if (r == 0)
        errno = ETIMEDOUT;
    return r > 0 ? 0 : -1;
}

static int say(const struct child *child, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t r = write(child->in, text, size);
        if (r < 0 && errno == EAGAIN && wait_until(child, child->in, POLLOUT) == 0)
            continue;
        if (r < 0 && errno != EINTR)
            return -1;
        text += r > 0 ? r : 0;
        size -= r > 0 ? (size_t)r : 0;
    }
    return 0;
}

// A line with its newline, in `room` until the next call; 0: the end.
static ssize_t hear(struct child *child, const char **line)
{
    child->used -= child->given;
    memmove(child->room, child->room + child->given, child->used);
    child->given = 0;
    for (;;) {
        const char *end = memchr(child->room, '\n', child->used);
        *line = child->room;
        if (end)
            return (ssize_t)(child->given = (size_t)(end - child->room) + 1);
        if (child->used == LINE_MOST)
            return errno = EMSGSIZE, -1;
        if (wait_until(child, child->out, POLLIN) < 0)
            return -1;
        ssize_t r =
            read(child->out, child->room + child->used, LINE_MOST - child->used);
        if (r == 0)
            return 0;
        if (r < 0 && errno != EINTR)
            return -1;
        child->used += r > 0 ? (size_t)r : 0;
    }
}

static void show(const char *before, const char *text, size_t size)
{
    if (size <= WORD_MOST)
        printf("%s%.*s", before, (int)size, text);
    else
        printf("%s%zu letters %c", before, size, text[0]);
}

static int ask(struct child *child, const char *question, size_t size)
{
    const char *answer;
    if (say(child, question, size) < 0 || say(child, "\n", 1) < 0)
        return -1;
    ssize_t r = hear(child, &answer);
    if (r == 0)
        errno = ECONNRESET;
    if (r <= 0)
        return -1;
    show("", question, size);
    show(" -> ", answer, (size_t)r - 1);
    putchar('\n');
    return 0;
}

static int talk(struct child *child)
{
    static char letters[LONG]; // more than one read gives, or a pipe holds
    const char *rest;
    memset(letters, 'a', sizeof(letters));
    if (ask(child, "ahoy", 4) < 0 || ask(child, "cast off", 8) < 0 ||
        ask(child, letters, sizeof(letters)) < 0)
        return -1;
    close(child->in); // the end of its stdin
    child->in = -1;
    return hear(child, &rest) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct child child = {.in = -1, .out = -1};
    int status = 0;
    const long seconds = argc < 3 ? 0 : strtol(argv[1], NULL, 10);
    if (seconds < 1 || seconds > SECONDS_MOST)
        return fprintf(stderr, "usage: child-bare SECONDS COMMAND [ARGUMENT…]\n"), 2;
    signal(SIGPIPE, SIG_IGN); // a child that has gone is an error of write(2)
    child.milliseconds = (int)seconds * 1000;
    if (start(&child, argv + 2) < 0)
        return 1;
    int failed = talk(&child) < 0;
    if (failed && errno == ETIMEDOUT)
        fprintf(stderr, "child: no answer for %ld s: does it flush?\n", seconds);
    else if (failed)
        perror("child");
    if (failed)
        kill(child.pid, SIGKILL);
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!failed && status == 0)
        printf("the child has ended\n");
    return failed || status != 0;
}
