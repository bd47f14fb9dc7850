/* SPDX-License-Identifier: MIT */
/*
 * `cat FILE | wc -l`, `ls | grep txt` and `yes | head -n 1`: with bare system calls.
 *   usage: pipeline-bare FILE
 *
 * Both ends of the pipe are close-on-exec, and here they are closed once both programs
 * run: an end that is open anywhere else would keep the reader from its end of file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_FOUND = 127, SIGNALLED = 128 };

static pid_t start(char *const words[], int in, int out)
{
    pid_t pid = fork();
    if (pid < 0)
        perror("pipeline: fork");
    if (pid != 0)
        return pid;
    signal(SIGPIPE, SIG_DFL); // execve(2) would hand down that it is ignored
    if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
        execvp(words[0], words);
    perror(words[0]);
    _exit(NOT_FOUND);
}

// What a shell makes of its end; -1: it was never started, or nobody knows.
static int wait_for(pid_t pid, const char *name)
{
    int status;
    pid_t r = -1;
    while (pid > 0 && (r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        continue;
    if (r < 0)
        return -1;
    if (WIFSIGNALED(status)) {
        printf("%s: signal %d", name, WTERMSIG(status));
        return SIGNALLED + WTERMSIG(status);
    }
    printf("%s: exit %d", name, WEXITSTATUS(status));
    return WEXITSTATUS(status);
}

static int run(char *const first[], char *const second[])
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return perror("pipeline: pipe"), -1;
    pid_t writer = start(first, STDIN_FILENO, ends[1]);
    pid_t reader = writer < 0 ? -1 : start(second, ends[0], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    int before = wait_for(writer, first[0]);
    printf(", ");
    int last = wait_for(reader, second[0]);
    printf("; status %d, with pipefail %d\n", last, last ? last : before);
    fflush(stdout); // before the next one writes there
    return before < 0 || last < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return fprintf(stderr, "usage: pipeline-bare FILE\n"), 2;
    char *const rows[][2][4] = {
        {{"cat", argv[1], NULL}, {"wc", "-l", NULL}},
        {{"ls", NULL}, {"grep", "txt", NULL}},
        {{"yes", NULL}, {"head", "-n", "1", NULL}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (run(rows[i][0], rows[i][1]) < 0)
            return 1;
    }
    return 0;
}
