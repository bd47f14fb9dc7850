/* SPDX-License-Identifier: MIT */
/*
 * Five processes and three permits: no more than three are inside at any time, by a
 * POSIX semaphore in memory that they share: with bare system calls.
 *
 * One that dies inside takes its permit with it: from then on there are two.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 5, PERMITS = 3, TURNS = 1000 };

struct room {
    sem_t permits;
    atomic_int inside;
    atomic_int most;
};

static void be_inside(struct room *room)
{
    int now = atomic_fetch_add(&room->inside, 1) + 1;
    int most = atomic_load(&room->most);
    while (now > most && !atomic_compare_exchange_weak(&room->most, &most, now))
        continue;
    // The first ones stay until the room is full.
    while (atomic_load(&room->most) < PERMITS)
        sched_yield();
    atomic_fetch_sub(&room->inside, 1);
}

static int take_turns(struct room *room)
{
    for (int i = 0; i < TURNS; i++) {
        while (sem_wait(&room->permits) < 0)
            if (errno != EINTR)
                return perror("permits: sem_wait"), 1;
        be_inside(room);
        if (sem_post(&room->permits) < 0)
            return perror("permits: sem_post"), 1;
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
    int started = 0;
    int failed = 0;
    struct room *room = mmap(NULL, sizeof(*room), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return perror("permits: mmap"), 1;
    if (sem_init(&room->permits, 1, PERMITS) < 0)
        return perror("permits: sem_init"), 1;
    for (; started < PROCESSES && !failed; started++) {
        pid_t child = fork();
        if (child == 0)
            return take_turns(room);
        failed = child < 0;
    }
    if (failed)
        perror("permits: fork");
    failed |= wait_for_all(started);
    printf("%d processes, never more than %d inside\n", started, room->most);
    return failed;
}
