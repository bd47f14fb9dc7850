/* SPDX-License-Identifier: MIT */
/*
 * Reads lines from a FIFO until its last writer has left: with bare system calls.  The
 * writer may be a shell: `echo ahoy > PATH`.
 *   usage: fifo-bare PATH
 *
 * Makes the FIFO if there is none, and removes it then.  One that a killed run has left
 * is used again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// Waits until somebody has opened it for writing.
static FILE *open_fifo(const char *path)
{
    struct stat about;
    int fd;
    while ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 && errno == EINTR)
        continue;
    if (fd < 0)
        return NULL;
    FILE *in = NULL;
    if (fstat(fd, &about) == 0 && !S_ISFIFO(about.st_mode))
        errno = EEXIST; // what stands at that path is something else
    else
        in = fdopen(fd, "r");
    if (!in)
        close(fd);
    return in;
}

static int read_lines(FILE *in)
{
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    ssize_t size;
    while ((size = getline(&line, &room, in)) >= 0) {
        size -= line[size - 1] == '\n';
        printf("line %d: %.*s\n", ++count, (int)size, line);
    }
    free(line);
    if (ferror(in))
        return perror("fifo: read"), 1;
    printf("the last writer has left (lines: %d)\n", count);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return fprintf(stderr, "usage: fifo-bare PATH\n"), 2;
    const char *path = argv[1];
    int is_made = mkfifo(path, 0600) == 0;
    if (!is_made && errno != EEXIST)
        return perror(path), 1;
    FILE *in = open_fifo(path);
    int failed = 1;
    if (in) {
        failed = read_lines(in);
        fclose(in);
    } else {
        perror(path);
    }
    if (is_made)
        unlink(path);
    return failed;
}
