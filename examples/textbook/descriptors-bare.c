/* SPDX-License-Identifier: MIT */
/*
 * What dup(2), dup2(2), fork(2) and open(2) share, and what they do not.
 *   usage: descriptors-bare FILE
 *
 * A number leads to an open file description (offset, flags), which leads to an inode;
 * docs/processes.md has the figure.  FILE has to have ten bytes or more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int must(int r, const char *what)
{
    if (r >= 0)
        return r;
    perror(what);
    fflush(stdout);
    _exit(1);
}

static long offset(int fd)
{
    return (long)lseek(fd, 0, SEEK_CUR);
}

static void read_bytes(int fd, size_t size)
{
    char bytes[16];
    must((int)read(fd, bytes, size), "read");
}

static void wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    must(status == 0 ? 0 : -1, "the child");
}

static void show_dup(int fd)
{
    close(STDIN_FILENO);
    printf("dup takes the lowest free number: %d\n", must(dup(fd), "dup"));
    read_bytes(fd, 4);
    printf("read 4 bytes by one number: the copy is at %ld\n", offset(STDIN_FILENO));
}

static void show_dup2(int fd)
{
    int ends[2];
    char byte;
    must(pipe2(ends, O_CLOEXEC), "pipe");
    must(dup2(fd, ends[1]), "dup2");
    printf("dup2 onto the only writing end of a pipe: its reader gets %ld, the end\n",
           (long)read(ends[0], &byte, 1));
    close(ends[0]);
    close(ends[1]);
}

static void show_fork(int fd)
{
    fflush(stdout); // or the child had a copy of what waits in it
    pid_t pid = must(fork(), "fork");
    if (pid == 0) {
        read_bytes(fd, 3);
        _exit(0);
    }
    wait_for(pid);
    printf("the child read 3 bytes: the parent is at %ld\n", offset(fd));
}

static void show_open(int fd, const char *path)
{
    struct stat one;
    struct stat other;
    int second = must(open(path, O_RDONLY | O_CLOEXEC), path);
    must(fstat(fd, &one), "fstat");
    must(fstat(second, &other), "fstat");
    printf("opened twice: at %ld and at %ld, of %s inode\n", offset(fd), offset(second),
           one.st_ino == other.st_ino && one.st_dev == other.st_dev ? "one"
                                                                    : "another");
    close(second);
}

static void show_numbers(int fd)
{
    fflush(stdout);
    pid_t pid = must(fork(), "fork");
    if (pid == 0) {
        int null = must(open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null");
        must(dup2(null, fd), "dup2");
        read_bytes(fd, 1);
        _exit(0);
    }
    wait_for(pid);
    printf("the child put /dev/null at that number: the parent is at %ld still\n",
           offset(fd));
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return fprintf(stderr, "usage: descriptors-bare FILE\n"), 2;
    int fd = must(open(argv[1], O_RDONLY | O_CLOEXEC), argv[1]);
    if (fd <= STDERR_FILENO)
        return fprintf(stderr, "descriptors: start it with 0, 1 and 2 open\n"), 2;
    show_dup(fd);
    show_dup2(fd);
    show_fork(fd);
    show_open(fd, argv[1]);
    show_numbers(fd);
    return 0;
}
