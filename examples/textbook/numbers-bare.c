/* SPDX-License-Identifier: MIT */
/*
 * A parent sends five numbers down a pipe to its child, which reads until end of file:
 * with bare system calls.
 *
 * End of file comes when the last writing end is closed, wherever it is open: so each
 * process closes at once the end that it does not use.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

// 1 and a number, 0 at end of file, or -1.  A read may give a part of a number only.
static int read_number(int fd, int *number)
{
    size_t have = 0;
    while (have < sizeof(*number)) {
        ssize_t r = read(fd, (char *)number + have, sizeof(*number) - have);
        if (r < 0 && errno == EINTR)
            continue;
        if (r == 0 && have > 0)
            errno = EIO; // the writer died in the middle of a number
        if (r <= 0)
            return r == 0 && have == 0 ? 0 : -1;
        have += (size_t)r;
    }
    return 1;
}

static int hear(int fd)
{
    int number = 0;
    int count = 0;
    int sum = 0;
    int r;
    while ((r = read_number(fd, &number)) > 0) {
        printf("%d\n", number);
        count++;
        sum += number;
    }
    close(fd);
    if (r < 0)
        return perror("numbers: read"), 1;
    printf("end of file: %d numbers, their sum is %d\n", count, sum);
    return 0;
}

static int tell(int fd)
{
    for (int number = 1; number <= 5; number++) {
        ssize_t r;
        // At most PIPE_BUF bytes: all of them are written, or none.
        while ((r = write(fd, &number, sizeof(number))) < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return perror("numbers: write"), 1;
    }
    return 0;
}

int main(void)
{
    int ends[2];
    int status = 0;
    signal(SIGPIPE, SIG_IGN); // a child that has died is an error, not our own death
    if (pipe(ends) < 0)
        return perror("numbers: pipe"), 1;
    pid_t child = fork();
    if (child < 0)
        return perror("numbers: fork"), 1;
    if (child == 0) {
        close(ends[1]);
        return hear(ends[0]);
    }
    close(ends[0]);
    int failed = tell(ends[1]);
    close(ends[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
