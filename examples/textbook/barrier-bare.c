/* SPDX-License-Identifier: MIT */
/*
 * Three processes meet at a barrier, three times: a System V set with a member for each
 * time, with bare system calls.
 *
 * Whoever comes takes one from the member, and waits until it is 0.  Nobody goes on
 * before all have come; what each wrote before, all see behind it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 3, ROUNDS = 3 };

// The caller's to define (semctl(2)).
union semun {
    unsigned short *array;
};

static int operate(int set, int round, int change)
{
    struct sembuf step = {.sem_num = (unsigned short)round, .sem_op = (short)change};
    while (semop(set, &step, 1) < 0)
        if (errno != EINTR)
            return perror("barrier: semop"), 1;
    return 0;
}

// Each has a place of its own for each round; the first counts who came.
static int take_part(int set, int self, volatile char came[ROUNDS][PROCESSES])
{
    for (int round = 0; round < ROUNDS; round++) {
        int there = 0;
        came[round][self] = 1;
        if (operate(set, round, -1) || operate(set, round, 0))
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
    unsigned short values[ROUNDS] = {PROCESSES, PROCESSES, PROCESSES};
    int started = 0;
    int failed = 0;
    volatile char(*came)[PROCESSES] =
        mmap(NULL, ROUNDS * sizeof(*came), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (came == MAP_FAILED)
        return perror("barrier: mmap"), 1;
    int set = semget(IPC_PRIVATE, ROUNDS, 0600);
    if (set < 0)
        return perror("barrier: semget"), 1;
    failed = semctl(set, 0, SETALL, (union semun){.array = values}) < 0;
    for (; started < PROCESSES && !failed; started++) {
        pid_t child = fork();
        if (child == 0)
            return take_part(set, started, came);
        failed = child < 0;
    }
    if (failed)
        perror("barrier");
    // Those that are there wait for the others, unless the set is removed.
    if (failed)
        semctl(set, 0, IPC_RMID);
    failed |= wait_for_all(started);
    semctl(set, 0, IPC_RMID); // it would outlive us all
    return failed;
}
