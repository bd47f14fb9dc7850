/* SPDX-License-Identifier: MIT */
/*
 * A parent sends five numbers down a pipe to its child, which reads until end of file:
 * with Wherry.
 *
 * A number is a message, so it comes whole.  The end is a word of the parent's: without
 * it, because the parent was killed, the child's read says -ECONNRESET instead.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

static int complain(void)
{
    return fprintf(stderr, "numbers: %s\n", wherry_error_text()), 1;
}

static int hear(wherry_channel *in)
{
    int number = 0;
    int count = 0;
    int sum = 0;
    int ended = 0;
    while (wherry_read(in, &number, sizeof(number), NULL, &ended, WHERRY_FOREVER) ==
           (int64_t)sizeof(number)) {
        printf("%d\n", number);
        count++;
        sum += number;
    }
    wherry_close(in);
    if (!ended)
        return complain();
    printf("end of file: %d numbers, their sum is %d\n", count, sum);
    return 0;
}

static int tell(wherry_channel *out)
{
    for (int number = 1; number <= 5; number++)
        if (wherry_write(out, &number, sizeof(number), 0, 0, WHERRY_FOREVER) < 0)
            return complain();
    return 0;
}

int main(void)
{
    wherry_channel *ends[2];
    int status = 0;
    if (wherry_pair("pipe:", ends) < 0)
        return complain();
    pid_t child = fork();
    if (child < 0)
        return perror("numbers: fork"), 1;
    if (child == 0) {
        wherry_close(ends[1]);
        return hear(ends[0]);
    }
    wherry_close(ends[0]);
    int failed = tell(ends[1]);
    wherry_close(ends[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
