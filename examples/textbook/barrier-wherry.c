/* SPDX-License-Identifier: MIT */
/*
 * Three processes meet at a barrier, three times: a System V set with a member for each
 * time, with Wherry.
 *
 * Whoever comes takes one from the member, and waits until it is 0, for five seconds at
 * most.  What it took is not undone: who came and went has come.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

enum { PROCESSES = 3, ROUNDS = 3, PATIENCE = 5000 };

static int complain(void)
{
    return fprintf(stderr, "barrier: %s\n", wherry_error_text()), 1;
}

static int meet(wherry_semaphore *set, int round)
{
    const struct wherry_semaphore_step come = {.member = (uint32_t)round, .change = -1};
    const struct wherry_semaphore_step all = {.member = (uint32_t)round, .change = 0};
    int r = wherry_semaphore_operate(set, &come, 1, WHERRY_POLL);
    if (r >= 0)
        r = wherry_semaphore_operate(set, &all, 1, wherry_after(PATIENCE));
    return r < 0 ? complain() : 0;
}

// Each has a place of its own for each round; the first counts who came.
static int take_part(wherry_semaphore *set, int self,
                     volatile char came[ROUNDS][PROCESSES])
{
    for (int round = 0; round < ROUNDS; round++) {
        int there = 0;
        came[round][self] = 1;
        if (meet(set, round))
            return 1;
        for (int i = 0; i < PROCESSES; i++)
            there += came[round][i];
        if (self == 0)
            printf("round %d: %d of %d have come\n", round + 1, there, PROCESSES);
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
    wherry_semaphore *set;
    int started = 0;
    int failed = 0;
    if (wherry_region_open("memfd:?size=4K", &region) < 0)
        return complain();
    if (wherry_semaphore_open("semv:private?members=3&initial=3", &set) < 0)
        return complain();
    for (; started < PROCESSES && !failed; started++) {
        pid_t child = fork();
        if (child == 0) {
            failed = take_part(set, started, wherry_region_data(region));
            wherry_semaphore_close(set);
            wherry_region_close(region);
            return failed;
        }
        failed = child < 0;
    }
    if (failed)
        perror("barrier: fork");
    failed |= wait_for_all(started);
    wherry_semaphore_close(set); // a private one goes with it
    wherry_region_close(region);
    return failed;
}
