/* SPDX-License-Identifier: MIT */
/*
 * lease: - many kills.  How many is WHERRY_TEST_KILLS (50 if it is not set); how soon
 * the permit of the dead comes is a figure, which tests/trust holds to a bar.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "keeper.h"

enum { KILLS = 50, IN_TIME = 5000000 /* nanoseconds */ };

static unsigned long how_many(void)
{
    return (unsigned long)harness_told("WHERRY_TEST_KILLS", KILLS);
}

/* --- how soon ------------------------------------------------------------ */

/* One that kills whoever has the permit, when somebody sleeps for it. */
struct killer {
    struct harness_gate asked;
    struct keeper keeper;
    pid_t pid;
    _Atomic(int64_t) killed_at;
};

static void kill_when_asked(void *argument)
{
    struct killer *killer = argument;
    wherry_semaphore *lease = open_lease("lease:boat");
    for (;;) {
        gate_wait(&killer->asked);
        until_waiting(lease, 1);
        atomic_store(&killer->killed_at, harness_now());
        kill(killer->keeper.pid, SIGKILL);
    }
}

static struct killer *start_killer(void)
{
    struct killer *killer = mmap(NULL, sizeof(*killer), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(killer != MAP_FAILED);
    gate_open(&killer->asked);
    killer->pid = harness_child(kill_when_asked, killer);
    return killer;
}

static void end_killer(struct killer *killer)
{
    harness_kill(killer->pid);
    gate_close(&killer->asked);
    munmap(killer, sizeof(*killer));
}

TEST(the_permit_of_the_dead_comes_soon_to_whoever_sleeps)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    struct killer *killer = start_killer();
    const unsigned long kills = how_many();
    int64_t most = 0;
    unsigned long in_time = 0;
    for (unsigned long i = 0; i < kills; i++) {
        killer->keeper = keeper_with("lease:boat", 1);
        gate_pass(&killer->asked);
        WORKS(wherry_acquire(lease, 1, WHERRY_FOREVER));
        const int64_t took = harness_now() - atomic_load(&killer->killed_at);
        WORKS(wherry_release(lease, 1));
        end_keeper(&killer->keeper);
        most = took > most ? took : most;
        in_time += took <= IN_TIME;
    }
    end_killer(killer);
    close_last(lease);
    harness_note("%lu of %lu came within 5 ms, each after %.1f ms at most", in_time,
                 kills, (double)most / 1e6);
}

/* --- what is left -------------------------------------------------------- */

static void take_from_the_dead(void *argument)
{
    wherry_semaphore *lease = argument;
    struct keeper keeper = keeper_with("lease:boat", 1);
    end_keeper(&keeper);
    WORKS(wherry_acquire(lease, 1, soon()));
    WORKS(wherry_release(lease, 1));
}

TEST(nothing_grows_over_many_kills)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    harness_cycles(how_many(), take_from_the_dead, lease);
    CHECK_INT(look_at(lease).attached, 1);
    close_last(lease);
    CHECK_INT(count_names(), 0);
}

/* --- numbers that others have next ---------------------------------------- */

// Of the number that the dead holder had: neither it nor others take it for the holder.
static void acquire_as_heir(void)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    WORKS(wherry_acquire(lease, 1, soon()));
    wherry_semaphore_close(lease);
}

static void only_be_there(void)
{
    for (;;)
        pause();
}

static void reuse_number(const wherry_semaphore *lease, void (*heir)(void))
{
    struct keeper keeper = keeper_with("lease:boat", 1);
    end_keeper(&keeper);
    pid_t pid = harness_fork_as(keeper.pid);
    if (pid == 0) {
        heir();
        harness_exit(0);
    }
    if (pid < 0)
        SKIP("this user may not choose the number of a process");
    if (heir != only_be_there) {
        CHECK_INT(harness_wait(pid), 0);
        return;
    }
    CHECK_INT(wherry_semaphore_value(lease), 1);
    harness_kill(pid);
}

TEST(a_process_with_the_number_of_a_dead_holder_is_not_taken_for_it)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    const unsigned long times = how_many();
    for (unsigned long i = 0; i < times; i++)
        reuse_number(lease, i % 2 ? acquire_as_heir : only_be_there);
    close_last(lease);
    harness_note("%lu numbers of the dead were given to others", times);
}

/* --- starting anew ------------------------------------------------------- */

enum { TREE = 3 };

static void work(void *argument)
{
    (void)argument;
    for (;;) {
        wherry_semaphore *lease = open_lease("lease:boat?permits=2");
        WORKS(wherry_acquire(lease, 1, soon()));
        WORKS(wherry_release(lease, 1));
        wherry_semaphore_close(lease);
    }
}

TEST(whatever_a_tree_was_doing_when_it_was_killed_the_next_one_starts)
{
    const unsigned long rounds = how_many();
    for (unsigned long i = 0; i < rounds; i++) {
        harness_kill_tree(work, NULL, TREE, i);
        wherry_semaphore *lease = open_lease("lease:boat?permits=2");
        WORKS(wherry_acquire(lease, 2, soon()));
        wherry_semaphore_close(lease);
        if (i % 2)
            WORKS(wherry_remove("lease:boat"));
    }
    (void)wherry_remove("lease:boat");
    CHECK_INT(count_names(), 0);
    harness_note("%lu of %lu starts", rounds, rounds);
}
