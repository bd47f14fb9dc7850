/* SPDX-License-Identifier: MIT */
/*
 * Five processes and three permits: no more than three are inside at any time, by a
 * lease in memory that they share: with Wherry.
 *
 * One that dies inside takes nothing with it: its permit goes to whoever waits.  Each
 * process opens the lease itself, for a permit belongs to the one that took it.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wherry.h>

enum { PROCESSES = 5, PERMITS = 3, TURNS = 1000, PLACE = 64, PATIENCE = 5000 };

struct room {
    atomic_int inside;
    atomic_int most;
};

static int complain(void)
{
    return fprintf(stderr, "permits: %s\n", wherry_error_text()), 1;
}

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

static int take_turns(wherry_region *region)
{
    wherry_semaphore *permits;
    int failed = 0;
    if (wherry_semaphore_place("lease:?create=no", region, PLACE, &permits) < 0)
        return complain();
    for (int i = 0; i < TURNS && !failed; i++) {
        if (wherry_acquire(permits, 1, wherry_after(PATIENCE)) < 0)
            return complain();
        be_inside(wherry_region_data(region));
        failed = wherry_release(permits, 1) < 0 ? complain() : 0;
    }
    wherry_semaphore_close(permits);
    wherry_region_close(region);
    return failed;
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
    wherry_semaphore *made;
    int started = 0;
    int failed = 0;
    if (wherry_region_open("memfd:?size=64K", &region) < 0)
        return complain();
    if (wherry_semaphore_place("lease:?permits=3&create=exclusive", region, PLACE,
                               &made) < 0)
        return complain();
    const struct room *room = wherry_region_data(region);
    for (; started < PROCESSES && !failed; started++) {
        pid_t child = fork();
        if (child == 0) {
            wherry_semaphore_close(made); // the parent's
            return take_turns(region);
        }
        failed = child < 0;
    }
    if (failed)
        perror("permits: fork");
    failed |= wait_for_all(started);
    printf("%d processes, never more than %d inside\n", started,
           atomic_load(&room->most));
    wherry_semaphore_close(made);
    wherry_region_close(region);
    return failed;
}
