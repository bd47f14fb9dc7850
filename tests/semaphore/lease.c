/* SPDX-License-Identifier: MIT */
/*
 * lease: - what a death costs (nothing), whose a permit is, and who is next.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "keeper.h"

/* --- deaths -------------------------------------------------------------- */

TEST(the_permit_of_one_that_was_killed_goes_to_whoever_asks)
{
    wherry_semaphore *lease = open_lease("lease:boat?permits=3");
    struct keeper keeper = keeper_with("lease:boat", 3);
    CHECK_ERROR(wherry_acquire(lease, 1, WHERRY_POLL), -EAGAIN);
    end_keeper(&keeper);
    WORKS(wherry_acquire(lease, 3, WHERRY_POLL));
    CHECK_INT(look_at(lease).held, 3);
    close_last(lease);
}

static void kill_soon(void *argument)
{
    struct keeper *keeper = argument;
    wherry_semaphore *lease = open_lease(keeper->address);
    until_waiting(lease, 1);
    kill(keeper->pid, SIGKILL);
    wherry_semaphore_close(lease);
}

TEST(whoever_sleeps_for_it_is_told_of_the_death)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    for (int i = 0; i < 20; i++) {
        struct keeper keeper = keeper_with("lease:boat", 1);
        pid_t killer = harness_child(kill_soon, &keeper);
        WORKS(wherry_acquire(lease, 1, WHERRY_FOREVER));
        WORKS(wherry_release(lease, 1));
        CHECK_INT(harness_wait(killer), 0);
        end_keeper(&keeper);
    }
    close_last(lease);
}

static void acquire_one(void *argument)
{
    wherry_semaphore *lease = open_lease(argument);
    WORKS(wherry_acquire(lease, 1, WHERRY_FOREVER));
    wherry_semaphore_close(lease);
}

// The first in the line is stopped before it is killed, so that it is rung in vain.
TEST(a_death_of_the_one_that_was_woken_wakes_the_next)
{
    char address[] = "lease:boat";
    wherry_semaphore *lease = open_lease(address);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    struct keeper first = start_keeper(address, 1);
    until_waiting(lease, 1);
    pid_t second = harness_child(acquire_one, address);
    until_waiting(lease, 2);
    kill(first.pid, SIGSTOP);
    WORKS(wherry_release(lease, 1));
    end_keeper(&first);
    CHECK_INT(harness_wait(second), 0);
    close_last(lease);
}

// One that sleeps for long watches others by their pidfds, and insists on its turn.
static bool does_insist(void *argument)
{
    const pid_t pid = *(const pid_t *)argument;
    char path[64];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *list = opendir(path);
    CHECK(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));) {
        char target[64] = "";
        (void)readlinkat(dirfd(list), entry->d_name, target, sizeof(target) - 1);
        found = found || strstr(target, "pidfd");
    }
    closedir(list);
    return found;
}

TEST(one_that_is_stopped_in_the_line_keeps_nobody_from_a_free_permit)
{
    char address[] = "lease:boat";
    wherry_semaphore *lease = open_lease(address);
    wherry_semaphore *other = open_lease(address);
    struct keeper holder = keeper_with(address, 1);
    struct keeper first = start_keeper(address, 1);
    harness_until(does_insist, &first.pid);
    harness_wait_blocked(first.pid);
    kill(first.pid, SIGSTOP);
    pid_t second = harness_child(acquire_one, address);
    until_waiting(lease, 2);
    end_keeper(&holder);
    CHECK_INT(harness_wait(second), 0);
    WORKS(wherry_acquire(other, 1, soon()));
    end_keeper(&first);
    wherry_semaphore_close(other);
    close_last(lease);
}

static void leave_everything(void *argument)
{
    wherry_semaphore *lease = open_lease(argument);
    (void)wherry_acquire(lease, 1, wherry_after(1 + getpid() % 4));
    kill(getpid(), SIGKILL);
}

TEST(nothing_of_the_dead_stays_behind)
{
    char address[] = "lease:boat?permits=2";
    pid_t dead[300];
    wherry_semaphore *lease = open_lease(address);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    for (size_t i = 0; i < 300; i++) {
        dead[i] = harness_child(leave_everything, address);
        if (i >= 3)
            CHECK_INT(harness_wait(dead[i - 3]), -SIGKILL);
    }
    for (size_t i = 297; i < 300; i++)
        CHECK_INT(harness_wait(dead[i]), -SIGKILL);
    WORKS(wherry_release(lease, 1));
    WORKS(wherry_acquire(lease, 2, soon()));
    wherry_semaphore_close(lease);
    WORKS(wherry_remove("lease:boat"));
    CHECK_INT(count_names(), 0);
}

// The same words as one that lived before the machine was started anew.
TEST(what_was_held_before_the_machine_started_anew_is_free)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    struct keeper keeper = keeper_with("lease:boat", 1);
    char path[512];
    uint64_t words[512];
    snprintf(path, sizeof(path), "%s/boat.lease", getenv("WHERRY_DIR"));
    int file = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = pread(file, words, sizeof(words), 0);
    CHECK(size > 0);
    struct wherry_semaphore_holder holders[2];
    CHECK_INT(wherry_semaphore_holders(lease, holders, 2), 2);
    CHECK_INT(holders[1].pid, keeper.pid);
    // The places are at the end, 64 bytes each; the second one's fourth word.
    struct stat status;
    CHECK_INT(fstat(file, &status), 0);
    const off_t boot = status.st_size - 256 * 64 + 64 + 24;
    uint64_t other = 42;
    CHECK_INT(pwrite(file, &other, sizeof(other), boot), sizeof(other));
    close(file);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    end_keeper(&keeper);
    close_last(lease);
}

/* --- children ------------------------------------------------------------- */

static void cancel_in_vain(void *argument)
{
    wherry_semaphore_cancel(argument);
}

// Its copy of what wakes a waiter is the parent's: a wait would look again and again.
TEST(a_child_that_cancels_its_copy_leaves_the_parent_asleep)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    struct keeper keeper = keeper_with("lease:boat", 1);
    CHECK_INT(harness_wait(harness_child(cancel_in_vain, lease)), 0);
    const int64_t before = processor_time();
    CHECK_ERROR(wherry_acquire(lease, 1, wherry_after(400)), -ETIMEDOUT);
    const int64_t used = processor_time() - before;
    harness_note("%lld us of the processor in 400 ms", (long long)used / 1000);
    CHECK(used < INT64_C(300000000));
    end_keeper(&keeper);
    close_last(lease);
}

/* --- whose a permit is --------------------------------------------------- */

TEST(it_is_known_who_holds_and_who_waits)
{
    struct wherry_semaphore_holder holders[4];
    wherry_semaphore *lease = open_lease("lease:boat?permits=2");
    struct keeper keeper = keeper_with("lease:boat", 2);
    struct keeper waiter = start_keeper("lease:boat", 1);
    until_waiting(lease, 1);
    CHECK_INT(wherry_semaphore_holders(lease, holders, 4), 3);
    CHECK_INT(holders[0].pid, getpid());
    CHECK_INT(holders[0].holds, 0);
    CHECK_INT(holders[1].pid, keeper.pid);
    CHECK_INT(holders[1].holds, 2);
    CHECK_INT(holders[1].dead, 0);
    CHECK_INT(holders[2].pid, waiter.pid);
    CHECK_INT(holders[2].wants, 1);
    end_keeper(&waiter);
    harness_kill(keeper.pid);
    gate_close(&keeper.has);
    CHECK_INT(wherry_semaphore_holders(lease, holders, 4), 3);
    CHECK_INT(holders[1].dead, 1);
    close_last(lease);
}

TEST(only_what_a_handle_holds_can_be_given_back_through_it)
{
    wherry_semaphore *one = open_lease("lease:boat?permits=3");
    wherry_semaphore *other = open_lease("lease:boat");
    FAILS(wherry_release(one, 1), -EPERM, "does not hold");
    WORKS(wherry_acquire(one, 2, WHERRY_POLL));
    FAILS(wherry_release(other, 1), -EPERM, "does not hold");
    FAILS(wherry_release(one, 3), -EPERM, "3 permits");
    CHECK_INT(wherry_semaphore_value(one), 1);
    WORKS(wherry_release(one, 2));
    CHECK_INT(wherry_semaphore_value(other), 3);
    wherry_semaphore_close(one);
    close_last(other);
}

TEST(closing_a_handle_gives_back_what_it_holds)
{
    wherry_semaphore *one = open_lease("lease:boat?permits=2");
    wherry_semaphore *other = open_lease("lease:boat");
    WORKS(wherry_acquire(one, 2, WHERRY_POLL));
    wherry_semaphore_close(one);
    WORKS(wherry_acquire(other, 2, WHERRY_POLL));
    close_last(other);
}

static void use_in_child(void *argument)
{
    wherry_semaphore *lease = argument;
    struct wherry_semaphore_holder holder;
    wherry_native file;
    FAILS(wherry_acquire(lease, 1, soon()), -ECHILD, "fork");
    FAILS(wherry_release(lease, 1), -ECHILD, "fork");
    FAILS(wherry_semaphore_value(lease), -ECHILD, "fork");
    FAILS(wherry_semaphore_fd(lease, 1, &file, NULL), -ECHILD, "fork");
    FAILS(wherry_semaphore_holders(lease, &holder, 1), -ECHILD, "fork");
    wherry_semaphore_close(lease);
}

TEST(a_child_of_fork_has_no_part_in_it_and_disturbs_nobody)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    struct keeper keeper = keeper_with("lease:boat", 1);
    CHECK_ERROR(wherry_acquire(lease, 1, wherry_after(5)), -ETIMEDOUT);
    CHECK_INT(harness_wait(harness_child(use_in_child, lease)), 0);
    pid_t killer = harness_child(kill_soon, &keeper);
    WORKS(wherry_acquire(lease, 1, soon()));
    CHECK_INT(harness_wait(killer), 0);
    end_keeper(&keeper);
    close_last(lease);
}

static void become_another(void *argument)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    execlp("sleep", "sleep", "1000", (char *)NULL);
    (void)argument;
}

static bool is_sleep(void *argument)
{
    char path[64];
    char name[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", *(pid_t *)argument);
    harness_read_file(path, name, sizeof(name));
    return strcmp(name, "sleep\n") == 0;
}

TEST(another_program_in_the_same_process_still_has_the_permit)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    pid_t pid = harness_child(become_another, NULL);
    harness_until(is_sleep, &pid);
    CHECK_ERROR(wherry_acquire(lease, 1, WHERRY_POLL), -EAGAIN);
    harness_kill(pid);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    close_last(lease);
}

/* --- who is next --------------------------------------------------------- */

// Their turns last differently long: all permits are hardly ever free at once.
static void hammer(void *argument)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    struct harness_gate *enough = argument;
    while (!gate_is_passed(enough)) {
        WORKS(wherry_acquire(lease, 1, soon()));
        (void)poll(NULL, 0, 1 + getpid() % 4);
        WORKS(wherry_release(lease, 1));
    }
    wherry_semaphore_close(lease);
}

TEST(whoever_wants_all_gets_them_while_others_take_one_after_the_other)
{
    enum { BUSY = 6, PERMITS = 3, TIMES = 10 };

    struct harness_gate enough;
    pid_t busy[BUSY];
    gate_open(&enough);
    wherry_semaphore *lease = open_lease("lease:boat?permits=3");
    for (int i = 0; i < BUSY; i++)
        busy[i] = harness_child(hammer, &enough);
    until_waiting(lease, BUSY - PERMITS);
    for (int i = 0; i < TIMES; i++) {
        WORKS(wherry_acquire(lease, PERMITS, soon()));
        WORKS(wherry_release(lease, PERMITS));
    }
    gate_pass(&enough);
    for (int i = 0; i < BUSY; i++)
        CHECK_INT(harness_wait(busy[i]), 0);
    gate_close(&enough);
    close_last(lease);
}

/* --- threads ------------------------------------------------------------- */

enum { THREADS = 8, TURNS = 500 };

struct crew {
    wherry_semaphore *lease;
    int inside; // guarded by the lease
    int most;
};

static void *take_turns(void *argument)
{
    struct crew *crew = argument;
    for (int i = 0; i < TURNS; i++) {
        WORKS(wherry_acquire(crew->lease, 1, soon()));
        crew->inside++;
        crew->most = crew->inside > crew->most ? crew->inside : crew->most;
        crew->inside--;
        WORKS(wherry_release(crew->lease, 1));
    }
    return NULL;
}

TEST(threads_take_turns_through_one_handle)
{
    struct crew crew = {.lease = open_lease("lease:boat")};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, take_turns, &crew), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(crew.most, 1);
    CHECK_INT(wherry_semaphore_value(crew.lease), 1);
    close_last(crew.lease);
}

/* Two threads that give back at the same moment what only one of them can. */
struct givers {
    wherry_semaphore *lease;
    pthread_barrier_t start;
    int of_one;
};

static void *give_one_back(void *argument)
{
    struct givers *givers = argument;
    (void)pthread_barrier_wait(&givers->start);
    givers->of_one = wherry_release(givers->lease, 1);
    return NULL;
}

TEST(of_two_threads_that_give_back_too_many_one_gives_back_nothing)
{
    enum { PERMITS = 4096, ROUNDS = 300 };

    struct givers givers = {.lease = open_lease("lease:boat?permits=4096")};
    CHECK_INT(pthread_barrier_init(&givers.start, NULL, 2), 0);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t other;
        WORKS(wherry_acquire(givers.lease, PERMITS, WHERRY_POLL));
        CHECK_INT(pthread_create(&other, NULL, give_one_back, &givers), 0);
        (void)pthread_barrier_wait(&givers.start);
        const int of_all = wherry_release(givers.lease, PERMITS);
        CHECK_INT(pthread_join(other, NULL), 0);
        CHECK_INT(of_all, givers.of_one == 0 ? -EPERM : 0);
        CHECK_INT(wherry_semaphore_value(givers.lease), of_all == 0 ? PERMITS : 1);
        if (of_all < 0)
            WORKS(wherry_release(givers.lease, PERMITS - 1));
    }
    CHECK_INT(pthread_barrier_destroy(&givers.start), 0);
    close_last(givers.lease);
}

static void *wait_without_end(void *lease)
{
    CHECK_ERROR(wherry_acquire(lease, 1, WHERRY_FOREVER), -ECANCELED);
    return NULL;
}

TEST(cancelling_ends_the_waits_of_all_threads)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    struct keeper keeper = keeper_with("lease:boat", 1);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, wait_without_end, lease), 0);
    until_waiting(lease, 1);
    wherry_semaphore_cancel(lease);
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    end_keeper(&keeper);
    close_last(lease);
}
