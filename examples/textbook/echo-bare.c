/* SPDX-License-Identifier: MIT */
/*
 * An echo server for one client, and that client, which sends the lines of its stdin:
 * over a unix stream socket, with bare system calls.
 *   usage: echo-bare server PATH
 *          echo-bare client PATH
 *
 * A stream keeps no messages apart: a line is what stands before a newline.  The server
 * removes the path as soon as its client is there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

// Less than a socket's buffer holds: both sides may be writing, and neither reading.
enum { LINE_MOST = 4096 };

static int complain(const char *what)
{
    fprintf(stderr, "echo: ");
    perror(what);
    return 1;
}

// A socket, and the name of that path for it; -1 if there is none.
static int make_socket(const char *path, struct sockaddr_un *name)
{
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof(name->sun_path))
        return -1;
    memcpy(name->sun_path, path, strlen(path) + 1);
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

// A send may take a part only.
static int send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t r = send(fd, bytes, size, MSG_NOSIGNAL);
        if (r < 0 && errno != EINTR)
            return -1;
        if (r > 0) {
            bytes += r;
            size -= (size_t)r;
        }
    }
    return 0;
}

static int echo(int client)
{
    char bytes[LINE_MOST];
    ssize_t r = 1;
    while (r > 0 || (r < 0 && errno == EINTR)) {
        r = recv(client, bytes, sizeof(bytes), 0);
        if (r > 0 && send_all(client, bytes, (size_t)r) < 0)
            r = -1;
    }
    if (r < 0)
        return complain("the client");
    printf("the client has finished\n");
    return 0;
}

static int serve(const char *path)
{
    struct sockaddr_un name;
    int client = -1;
    int listener = make_socket(path, &name);
    umask(0177); // for this user alone
    if (listener < 0 || bind(listener, (struct sockaddr *)&name, sizeof(name)) < 0)
        return complain(path);
    if (listen(listener, 1) == 0) {
        fprintf(stderr, "listening at %s\n", path);
        while ((client = accept(listener, NULL, NULL)) < 0 && errno == EINTR)
            continue;
    }
    unlink(path);
    close(listener);
    if (client < 0)
        return complain(path);
    int failed = echo(client);
    close(client);
    return failed;
}

static int ask(int fd, FILE *answers)
{
    char line[LINE_MOST + 2]; // with its newline, and the 0
    while (fgets(line, sizeof(line), stdin)) {
        size_t size = strcspn(line, "\n");
        if (size > LINE_MOST)
            return fprintf(stderr, "echo: a line is too long\n"), 1;
        line[size] = '\n';
        if (send_all(fd, line, size + 1) < 0)
            return complain("the server");
        if (!fgets(line, sizeof(line), answers))
            return fprintf(stderr, "echo: the server has gone\n"), 1;
        printf("%s", line);
        fflush(stdout);
    }
    // No more from here; what is still on its way back would come before the end.
    if (shutdown(fd, SHUT_WR) < 0 || (fgetc(answers) == EOF && ferror(answers)))
        return complain("the server");
    printf("the server has finished\n");
    return 0;
}

static int talk(const char *path)
{
    struct sockaddr_un name;
    int fd = make_socket(path, &name);
    if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
        return complain(path);
    FILE *answers = fdopen(fd, "r");
    if (!answers)
        return complain(path);
    int failed = ask(fd, answers);
    fclose(answers);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "server") == 0)
        return serve(argv[2]);
    if (argc == 3 && strcmp(argv[1], "client") == 0)
        return talk(argv[2]);
    return fprintf(stderr, "usage: echo-bare server|client PATH\n"), 2;
}
