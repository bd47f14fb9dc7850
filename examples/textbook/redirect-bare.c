/* SPDX-License-Identifier: MIT */
/*
 * `<`, `>`, `>>`, `2>&1` and `>&3`, as a shell does them: with bare system calls.
 *   usage: redirect-bare IN OUT
 *
 * They are done in the child, between fork(2) and execve(2), from left to right: so
 * `>OUT 2>&1` sends both to OUT, and `2>&1 >OUT` the errors to where the output was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REDIRECTIONS = 3, NOT_FOUND = 127 };

struct redirection {
    int number;
    const char *path; /* NULL: what stands at `same` */
    int flags;
    int same;
};

struct command {
    char *words[4];
    struct redirection redirections[REDIRECTIONS];
    int count;
};

// In the child.
static int redirect(const struct redirection *redirection)
{
    if (!redirection->path) // dup2(2) closes what stood at its target
        return dup2(redirection->same, redirection->number);
    int fd = open(redirection->path, redirection->flags, 0666);
    if (fd < 0 || fd == redirection->number)
        return fd;
    int r = dup2(fd, redirection->number);
    close(fd); // or the program had it twice
    return r;
}

static int become(const struct command *command)
{
    for (int i = 0; i < command->count; i++) {
        if (redirect(&command->redirections[i]) < 0)
            return perror(command->redirections[i].path), 1;
    }
    execvp(command->words[0], command->words);
    return perror(command->words[0]), NOT_FOUND;
}

static int run(const struct command *command)
{
    int status;
    pid_t r;
    pid_t pid = fork();
    if (pid < 0)
        return perror("redirect: fork"), -1;
    if (pid == 0)
        _exit(become(command));
    while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        continue;
    return r < 0 || status != 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: redirect-bare IN OUT\n"), 2;
    const char *in = argv[1];
    const char *out = argv[2];
    const int anew = O_WRONLY | O_CREAT | O_TRUNC;
    const int append = O_WRONLY | O_CREAT | O_APPEND;
    const struct command commands[] = {
        // sort <IN >OUT
        {{"sort", NULL}, {{0, in, O_RDONLY, 0}, {1, out, anew, 0}}, 2},
        // … >>OUT 2>&1
        {{"sh", "-c", "echo said; echo wrong >&2", NULL},
         {{1, out, append, 0}, {2, NULL, 0, 1}},
         2},
        // … 2>&1 >>OUT
        {{"sh", "-c", "echo said again; echo wrong again >&2", NULL},
         {{2, NULL, 0, 1}, {1, out, append, 0}},
         2},
        // … 3>>OUT >&3
        {{"sh", "-c", "echo by one; echo by three >&3", NULL},
         {{3, out, append, 0}, {1, NULL, 0, 3}},
         2},
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (run(&commands[i]) < 0)
            return 1;
    }
    return 0;
}
