/* SPDX-License-Identifier: MIT */
/*
 * Two processes count up in turns over a socket pair: with Wherry.
 *
 * Each process closes at once the end that it does not use, so that it is told when the
 * other has gone: by 0 if it closed its end, by an error if it died.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

enum { LAST = 10 };

static int say(const char *who, wherry_channel *other, int number)
{
    printf("%s: %d\n", who, number);
    fflush(stdout); // before the other one's turn
    return wherry_write(other, &number, sizeof(number), 0, 0, WHERRY_FOREVER);
}

// 1 and a number, 0 when the other has finished, or < 0.
static int hear(wherry_channel *other, int *number)
{
    int ended;
    int64_t r =
        wherry_read(other, number, sizeof(*number), NULL, &ended, WHERRY_FOREVER);
    return r < 0 ? (int)r : !ended;
}

// From `number` on, or, if it is 0, when the other has begun.
static int count_up(const char *who, wherry_channel *other, int number)
{
    int r = number ? say(who, other, number) : 0;
    while (r >= 0 && (r = hear(other, &number)) > 0 && number < LAST)
        r = say(who, other, ++number);
    if (r < 0)
        fprintf(stderr, "%s: %s\n", who, wherry_error_text());
    else if (number < LAST)
        fprintf(stderr, "%s: the other has gone at %d\n", who, number);
    wherry_close(other);
    return r < 0 || number < LAST;
}

int main(void)
{
    wherry_channel *ends[2];
    int status = 0;
    if (wherry_pair("pair:", ends) < 0)
        return fprintf(stderr, "pair: %s\n", wherry_error_text()), 1;
    pid_t child = fork();
    if (child < 0)
        return perror("pair: fork"), 1;
    wherry_close(ends[child == 0]);
    if (child == 0)
        return count_up("child", ends[0], 0);
    int failed = count_up("parent", ends[1], 1);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return failed || status != 0;
}
