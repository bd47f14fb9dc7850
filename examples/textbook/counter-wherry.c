/* SPDX-License-Identifier: MIT */
/*
 * Four processes count together in memory that they share, one at a time by a POSIX
 * semaphore in it: with Wherry.
 *
 * The region begins with the count, the semaphore stands behind it.  A turn that does
 * not come within five seconds, because somebody died with it, is an error.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

enum { PROCESSES = 4, TIMES = 10000, PLACE = 64, PATIENCE = 5000 };

static int complain(void)
{
    return fprintf(stderr, "counter: %s\n", wherry_error_text()), 1;
}

static int count(wherry_semaphore *turn, volatile long *number)
{
    for (int i = 0; i < TIMES; i++) {
        if (wherry_acquire(turn, 1, wherry_after(PATIENCE)) < 0)
            return complain();
        *number = *number + 1;
        if (wherry_release(turn, 1) < 0)
            return complain();
    }
    return 0;
}

static int wait_for_all(int started)
{
    int failed = 0;
    for (int i = 0; i < started; i++) {
        int status = 0;
        while (wait(&status) < 0 && errno == EINTR)
            continue;
        failed |= status != 0;
    }
    return failed;
}

int main(void)
{
    wherry_region *region;
    wherry_semaphore *turn;
    int started = 0;
    int failed = 0;
    if (wherry_region_open("memfd:?size=4K", &region) < 0)
        return complain();
    if (wherry_semaphore_place("sem:?permits=1&create=exclusive", region, PLACE,
                               &turn) < 0)
        return complain();
    volatile long *number = wherry_region_data(region);
    for (; started < PROCESSES && !failed; started++) {
        pid_t child = fork();
        if (child == 0) {
            failed = count(turn, number);
            wherry_semaphore_close(turn);
            wherry_region_close(region);
            return failed;
        }
        failed = child < 0;
    }
    if (failed)
        perror("counter: fork");
    failed |= wait_for_all(started);
    printf("%d processes counted to %ld\n", started, *number);
    wherry_semaphore_close(turn);
    wherry_region_close(region);
    return failed;
}
