/* SPDX-License-Identifier: MIT */
/*
 * death: what a lock tells of a holder that ended, and what the next one makes of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "rows.h"

enum { AT = 1024, WAITERS = 3 };

static const struct row *memfd = &rows[0];

static wherry_lock *open_lock(wherry_region *region, uint64_t offset)
{
    wherry_lock *lock = NULL;
    WORKS(wherry_lock_open(region, offset, &lock));
    return lock;
}

static volatile int *number_of(const wherry_region *region)
{
    return wherry_region_data(region);
}

struct scene {
    const struct row *row;
    wherry_region *region;
    struct harness_gate held;
    struct harness_gate go;
};

static struct scene begin(const struct row *row)
{
    struct scene scene = {.row = row, .region = make(row)};
    gate_open(&scene.held);
    gate_open(&scene.go);
    return scene;
}

static void end(struct scene *scene)
{
    gate_close(&scene->held);
    gate_close(&scene->go);
    wherry_region_close(scene->region);
    unmake(scene->row);
}

static wherry_lock *open_in_child(struct scene *scene)
{
    wherry_region *region = again(scene->row, scene->region, WHERRY_REGION_WRITE);
    wherry_lock *lock = open_lock(region, AT);
    wherry_region_close(region); // the lock keeps it
    return lock;
}

/* --- killed -------------------------------------------------------------- */

static void hold_for_ever(void *argument)
{
    struct scene *scene = argument;
    wherry_lock *lock = open_in_child(scene);
    int r = wherry_lock_take(lock, soon());
    CHECK(r == 0 || r == -EOWNERDEAD);
    ++*number_of(scene->region);
    gate_pass(&scene->held);
    gate_wait(&scene->go);
}

static void kill_a_holder(struct scene *scene)
{
    pid_t child = harness_child(hold_for_ever, scene);
    gate_wait(&scene->held);
    harness_kill(child);
}

EACH_ROW(the_next_one_is_told_of_a_death_and_holds_the_lock)
{
    struct scene scene = begin(row);
    wherry_lock *lock = open_lock(scene.region, AT);
    kill_a_holder(&scene);
    FAILS(wherry_lock_take(lock, WHERRY_POLL), -EOWNERDEAD, "as they were left");
    CHECK_INT(*number_of(scene.region), 1);
    FAILS(wherry_lock_take(lock, WHERRY_POLL), -EDEADLK, "this thread holds it");
    WORKS(wherry_lock_recover(lock));
    FAILS(wherry_lock_recover(lock), -EINVAL, "nobody has died");
    WORKS(wherry_lock_give(lock));
    WORKS(wherry_lock_take(lock, WHERRY_POLL));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    end(&scene);
}

TEST(whoever_dies_before_it_has_recovered_leaves_it_to_the_next)
{
    struct scene scene = begin(memfd);
    wherry_lock *lock = open_lock(scene.region, AT);
    for (int i = 0; i < 10; i++)
        kill_a_holder(&scene);
    FAILS(wherry_lock_take(lock, soon()), -EOWNERDEAD, "has died");
    CHECK_INT(*number_of(scene.region), 10);
    WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    end(&scene);
}

static void wait_and_recover(void *argument)
{
    struct scene *scene = argument;
    wherry_lock *lock = open_in_child(scene);
    FAILS(wherry_lock_take(lock, WHERRY_FOREVER), -EOWNERDEAD, "has died");
    WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
}

TEST(a_death_wakes_whoever_waits)
{
    struct scene scene = begin(memfd);
    pid_t holder = harness_child(hold_for_ever, &scene);
    gate_wait(&scene.held);
    pid_t waiter = harness_child(wait_and_recover, &scene);
    harness_wait_blocked(waiter);
    const int64_t before = harness_now();
    harness_kill(holder);
    CHECK_INT(harness_wait(waiter), 0);
    harness_note("%lld us from the kill to the waiter's end",
                 (long long)(harness_now() - before) / 1000);
    end(&scene);
}

/* --- killed just when it was woken ---------------------------------------- */

static void take_and_give(void *argument)
{
    wherry_lock *lock = open_in_child(argument);
    int r = wherry_lock_take(lock, WHERRY_FOREVER);
    CHECK(r == 0 || r == -EOWNERDEAD);
    if (r < 0)
        WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
}

// Runs only when nobody else wants the processor.
static void take_when_idle(void *argument)
{
    const struct sched_param none = {.sched_priority = 0};
    CHECK_INT(sched_setscheduler(0, SCHED_IDLE, &none), 0);
    take_and_give(argument);
}

// The first of two that sleep is woken, and killed before it has done anything; whoever
// has taken the lock meanwhile does not see that another sleeps.  False if it was too
// quick.
static bool wake_and_kill(struct scene *scene, wherry_lock *lock)
{
    WORKS(wherry_lock_take(lock, soon()));
    pid_t first = harness_child(take_when_idle, scene);
    harness_wait_blocked(first);
    pid_t second = harness_child(take_and_give, scene);
    harness_wait_blocked(second);
    WORKS(wherry_lock_give(lock));
    bool is_taken = wherry_lock_take(lock, WHERRY_POLL) == 0;
    harness_kill(first);
    if (is_taken)
        WORKS(wherry_lock_give(lock));
    CHECK_INT(harness_wait(second), 0);
    return is_taken;
}

TEST(one_that_is_killed_when_it_was_just_woken_leaves_nobody_asleep)
{
    enum { TRIES = 20 };

    struct scene scene = begin(memfd);
    wherry_lock *lock = open_lock(scene.region, AT);
    harness_share_one_processor();
    int tries = 0;
    while (!wake_and_kill(&scene, lock))
        CHECK(++tries < TRIES);
    wherry_lock_close(lock);
    end(&scene);
}

/* --- of many ------------------------------------------------------------- */

static void hold_eight(void *argument)
{
    struct scene *scene = argument;
    for (uint64_t i = 0; i < WHERRY_LOCKS_HELD; i++)
        WORKS(wherry_lock_take(open_lock(scene->region, i * WHERRY_LOCK_ROOM), soon()));
    gate_pass(&scene->held);
    gate_wait(&scene->go);
}

TEST(all_that_it_held_are_told)
{
    struct scene scene = begin(memfd);
    pid_t child = harness_child(hold_eight, &scene);
    gate_wait(&scene.held);
    harness_kill(child);
    for (uint64_t i = 0; i < WHERRY_LOCKS_HELD; i++) {
        wherry_lock *lock = open_lock(scene.region, i * WHERRY_LOCK_ROOM);
        FAILS(wherry_lock_take(lock, WHERRY_POLL), -EOWNERDEAD, "has died");
        WORKS(wherry_lock_recover(lock));
        WORKS(wherry_lock_give(lock));
        wherry_lock_close(lock);
    }
    end(&scene);
}

/* --- other ends ---------------------------------------------------------- */

static void hold_and_execute(void *argument)
{
    struct scene *scene = argument;
    const char *const words[] = {"cat", NULL};
    WORKS(wherry_lock_take(open_in_child(scene), soon()));
    execvp(words[0], (char *const *)(uintptr_t)words);
    FAIL("there is no cat(1)");
}

// It is the same process before and after, and lives on.
TEST(execve_gives_up_what_was_held)
{
    struct scene scene = begin(memfd);
    int input[2];
    CHECK_INT(pipe2(input, O_CLOEXEC), 0);
    CHECK_INT(dup2(input[0], 0), 0);
    pid_t child = harness_child(hold_and_execute, &scene);
    wherry_lock *lock = open_lock(scene.region, AT);
    int r;
    while ((r = wherry_lock_take(lock, soon())) == 0)
        WORKS(wherry_lock_give(lock)); // it has not come so far
    FAILS(r, -EOWNERDEAD, "has died");
    WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    CHECK_INT(waitpid(child, NULL, WNOHANG), 0);
    close(input[0]);
    close(input[1]);
    close(0);
    CHECK_INT(harness_wait(child), 0);
    wherry_lock_close(lock);
    end(&scene);
}

static void *hold_to_the_end_of_a_thread(void *lock)
{
    WORKS(wherry_lock_take(lock, soon()));
    return NULL;
}

TEST(a_threads_end_is_a_death)
{
    pthread_t thread;
    wherry_region *region = make(memfd);
    wherry_lock *lock = open_lock(region, AT);
    CHECK_INT(pthread_create(&thread, NULL, hold_to_the_end_of_a_thread, lock), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    FAILS(wherry_lock_take(lock, soon()), -EOWNERDEAD, "has died");
    WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    wherry_region_close(region);
}

static void *give_what_the_last_one_held(void *lock)
{
    FAILS(wherry_lock_give(lock), -EPERM, "does not hold it");
    FAILS(wherry_lock_recover(lock), -EPERM, "does not hold it");
    return NULL;
}

static void *take_to_the_end_of_a_thread(void *lock)
{
    FAILS(wherry_lock_take(lock, soon()), -EOWNERDEAD, "has died");
    return NULL;
}

// Threads that follow each other often have their own things in the same places.
TEST(a_thread_in_the_place_of_one_that_ended_holds_nothing)
{
    static void *(*const lives[])(void *) = {hold_to_the_end_of_a_thread,
                                             take_to_the_end_of_a_thread,
                                             give_what_the_last_one_held};
    pthread_t thread;
    wherry_region *region = make(memfd);
    wherry_lock *lock = open_lock(region, AT);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(pthread_create(&thread, NULL, lives[i], lock), 0);
        CHECK_INT(pthread_join(thread, NULL), 0);
    }
    FAILS(wherry_lock_take(lock, soon()), -EOWNERDEAD,
          "has died"); // and is not spoiled
    WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    wherry_region_close(region);
}

/* --- fork(2) ------------------------------------------------------------- */

struct family {
    wherry_region *region;
    wherry_lock *lock;
    wherry_lock *free;
};

static void use_in_child(void *argument)
{
    struct family *family = argument;
    wherry_lock *own = NULL;
    for (wherry_lock *old = family->lock;; old = family->free) {
        FAILS(wherry_lock_take(old, WHERRY_POLL), -ECHILD, "the child opens it itself");
        FAILS(wherry_lock_give(old), -ECHILD, "fork");
        FAILS(wherry_lock_recover(old), -ECHILD, "fork");
        FAILS(wherry_lock_renew(old, WHERRY_POLL), -ECHILD, "fork");
        wherry_lock_close(old);
        if (old == family->free)
            break;
    }
#ifdef __GLIBC__
    own = open_lock(family->region, AT);
    FAILS(wherry_lock_take(own, WHERRY_POLL), -EAGAIN, "somebody holds it");
    wherry_lock_close(own);
    // What its parent holds does not count.
    for (uint64_t i = 1; i <= WHERRY_LOCKS_HELD; i++) {
        own = open_lock(family->region, AT + i * WHERRY_LOCK_ROOM);
        WORKS(wherry_lock_take(own, WHERRY_POLL));
    }
#else
    FAILS(wherry_lock_open(family->region, AT, &own), -ECHILD, "held locks");
#endif
    wherry_region_close(family->region);
}

TEST(a_child_of_fork_has_no_part_in_its_parents_locks)
{
    struct family family = {.region = make(memfd)};
    family.lock = open_lock(family.region, AT);
    family.free = open_lock(family.region, SIZE - WHERRY_LOCK_ROOM);
    WORKS(wherry_lock_take(family.lock, soon()));
    CHECK_INT(harness_wait(harness_child(use_in_child, &family)), 0);
    WORKS(wherry_lock_give(family.lock));
    WORKS(wherry_lock_take(family.free, soon()));
    WORKS(wherry_lock_give(family.free));
    wherry_lock_close(family.lock);
    wherry_lock_close(family.free);
    wherry_region_close(family.region);
}

static void use_grandparents(void *argument)
{
    struct family *family = argument;
    FAILS(wherry_lock_take(family->lock, WHERRY_POLL), -ECHILD, "fork");
    FAILS(wherry_lock_take(family->free, WHERRY_POLL), -ECHILD, "fork");
    wherry_lock *own = open_lock(family->region, AT);
    WORKS(wherry_lock_take(own, soon()));
    WORKS(wherry_lock_give(own));
    // Nor now that it uses the region itself.
    FAILS(wherry_lock_take(family->lock, WHERRY_POLL), -ECHILD, "fork");
    FAILS(wherry_lock_take(family->free, WHERRY_POLL), -ECHILD, "fork");
}

static void open_and_fork(void *argument)
{
    struct family *family = argument;
    family->free = open_lock(family->region, 0);
    WORKS(wherry_lock_take(family->free, soon()));
    WORKS(wherry_lock_give(family->free));
    CHECK_INT(harness_wait(harness_child(use_grandparents, family)), 0);
}

TEST(nor_has_a_grandchild)
{
    struct family family = {.region = make(memfd)};
    family.lock = open_lock(family.region, AT);
    CHECK_INT(harness_wait(harness_child(open_and_fork, &family)), 0);
    wherry_lock_close(family.lock);
    wherry_region_close(family.region);
}

/* --- given back without a word ------------------------------------------- */

static void wait_in_vain(void *argument)
{
    struct scene *scene = argument;
    wherry_lock *lock = open_in_child(scene);
    gate_wait(&scene->go);
    gate_pass(&scene->held);
    FAILS(wherry_lock_take(lock, WHERRY_FOREVER), -ENOTRECOVERABLE, "not recovered");
    wherry_lock_close(lock);
}

static void spoil(struct scene *scene, wherry_lock *lock)
{
    kill_a_holder(scene);
    FAILS(wherry_lock_take(lock, soon()), -EOWNERDEAD, "has died");
    WORKS(wherry_lock_give(lock));
}

TEST(given_without_recovering_it_is_nobodys_for_ever)
{
    struct scene scene = begin(memfd);
    wherry_lock *lock = open_lock(scene.region, AT);
    pid_t waiters[WAITERS];
    kill_a_holder(&scene);
    for (int i = 0; i < WAITERS; i++)
        waiters[i] = harness_child(wait_in_vain, &scene);
    FAILS(wherry_lock_take(lock, soon()), -EOWNERDEAD, "has died");
    for (int i = 0; i < WAITERS; i++)
        gate_pass(&scene.go);
    for (int i = 0; i < WAITERS; i++)
        gate_wait(&scene.held);
    for (int i = 0; i < WAITERS; i++)
        harness_wait_blocked(waiters[i]);
    WORKS(wherry_lock_give(lock));
    for (int i = 0; i < WAITERS; i++)
        CHECK_INT(harness_wait(waiters[i]), 0);
    for (int i = 0; i < 3; i++)
        FAILS(wherry_lock_take(lock, soon()), -ENOTRECOVERABLE, "not recovered");
    FAILS(wherry_lock_take(lock, WHERRY_POLL), -ENOTRECOVERABLE, "not recovered");
    FAILS(wherry_lock_give(lock), -EPERM, "does not hold it");
    wherry_lock_close(lock);
    end(&scene);
}

static void take_the_new_one(void *argument)
{
    struct scene *scene = argument;
    wherry_lock *lock = open_in_child(scene);
    gate_wait(&scene->go);
    gate_pass(&scene->held);
    CHECK_INT(wherry_lock_renew(lock, WHERRY_FOREVER), 0); // by another
    WORKS(wherry_lock_give(lock));
    WORKS(wherry_lock_take(lock, soon()));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
}

TEST(made_anew_it_is_held_and_others_find_the_new_one)
{
    struct scene scene = begin(memfd);
    wherry_lock *lock = open_lock(scene.region, AT);
    wherry_lock *before = open_lock(scene.region, AT);
    spoil(&scene, lock);
    pid_t child = harness_child(take_the_new_one, &scene);
    CHECK_INT(wherry_lock_renew(lock, soon()), 1);
    FAILS(wherry_lock_take(before, WHERRY_POLL), -EDEADLK, "this thread holds it");
    gate_pass(&scene.go);
    gate_wait(&scene.held);
    harness_wait_blocked(child);
    WORKS(wherry_lock_give(lock));
    CHECK_INT(harness_wait(child), 0);
    WORKS(wherry_lock_take(before, soon()));
    WORKS(wherry_lock_give(before));
    CHECK_INT(wherry_lock_renew(before, soon()), 0); // there was no need
    WORKS(wherry_lock_give(before));
    wherry_lock_close(before);
    wherry_lock_close(lock);
    end(&scene);
}

static void renew_and_die(void *argument)
{
    struct scene *scene = argument;
    wherry_lock *lock = open_in_child(scene);
    CHECK_INT(wherry_lock_renew(lock, soon()), 1);
    gate_pass(&scene->held);
    gate_wait(&scene->go);
}

TEST(whoever_dies_with_one_that_it_made_anew_is_told_of)
{
    struct scene scene = begin(memfd);
    wherry_lock *lock = open_lock(scene.region, AT);
    spoil(&scene, lock);
    pid_t child = harness_child(renew_and_die, &scene);
    gate_wait(&scene.held);
    FAILS(wherry_lock_renew(lock, WHERRY_POLL), -EAGAIN, "somebody holds it");
    harness_kill(child);
    FAILS(wherry_lock_renew(lock, soon()), -EOWNERDEAD, "has died");
    WORKS(wherry_lock_recover(lock));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    end(&scene);
}

TEST(it_is_made_anew_as_often_as_it_was_spoiled)
{
    struct scene scene = begin(memfd);
    wherry_lock *lock = open_lock(scene.region, AT);
    for (int i = 0; i < 10; i++) {
        spoil(&scene, lock);
        CHECK_INT(wherry_lock_renew(lock, soon()), 1);
        WORKS(wherry_lock_give(lock));
    }
    wherry_lock_close(lock);
    end(&scene);
}

TEST(zeros_are_a_new_lock)
{
    struct scene scene = begin(memfd);
    char zeros[WHERRY_LOCK_ROOM] = {0};
    wherry_lock_close(open_lock(scene.region, AT));
    kill_a_holder(&scene);
    WORKS(wherry_region_write(scene.region, AT, zeros, sizeof(zeros)));
    wherry_lock *lock = open_lock(scene.region, AT);
    WORKS(wherry_lock_take(lock, soon()));
    WORKS(wherry_lock_give(lock));
    wherry_lock_close(lock);
    end(&scene);
}
