/* SPDX-License-Identifier: MIT */
/*
 * Four processes count together in memory that they share, one at a time by a POSIX
 * semaphore in it: with bare system calls.
 *
 * Without the semaphore some of the additions would be lost: each is a load, an
 * addition and a store, and others come in between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4, TIMES = 10000 };

struct counter {
    sem_t turn;
    volatile long count;
};

static int count(struct counter *counter)
{
    for (int i = 0; i < TIMES; i++) {
        while (sem_wait(&counter->turn) < 0)
            if (errno != EINTR)
                return perror("counter: sem_wait"), 1;
        counter->count = counter->count + 1;
        if (sem_post(&counter->turn) < 0)
            return perror("counter: sem_post"), 1;
    }
    return 0;
}

// Whether all went well.  One that died with its turn would leave the others waiting.
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
    int started = 0;
    int failed = 0;
    struct counter *counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counter == MAP_FAILED)
        return perror("counter: mmap"), 1;
    if (sem_init(&counter->turn, 1, 1) < 0)
        return perror("counter: sem_init"), 1;
    for (; started < PROCESSES && !failed; started++) {
        pid_t child = fork();
        if (child == 0)
            return count(counter);
        failed = child < 0;
    }
    if (failed)
        perror("counter: fork");
    failed |= wait_for_all(started);
    printf("%d processes counted to %ld\n", started, counter->count);
    return failed;
}
