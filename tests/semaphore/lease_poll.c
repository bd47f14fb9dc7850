/* SPDX-License-Identifier: MIT */
/*
 * lease: - waiting by a descriptor: when it is readable, and when it is not.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

#include "keeper.h"

static int poll_for(wherry_native file, int milliseconds)
{
    struct pollfd one = {.fd = file, .events = POLLIN};
    const int64_t end = harness_now() + milliseconds * INT64_C(1000000);
    int r;
    do {
        const int64_t left = (end - harness_now()) / 1000000;
        r = poll(&one, 1, left > 0 ? (int)left : 0);
    } while (r < 0 && errno == EINTR);
    return r;
}

TEST(its_descriptor_tells_of_a_release_and_of_a_death)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    wherry_semaphore *other = open_lease("lease:boat");
    wherry_native file;
    short events = 0;
    WORKS(wherry_acquire(other, 1, WHERRY_POLL));
    WORKS(wherry_release(other, 1)); // nobody waits, as it has seen
    WORKS(wherry_acquire(other, 1, WHERRY_POLL));
    WORKS(wherry_semaphore_fd(lease, 1, &file, &events));
    CHECK_INT(events, POLLIN);
    CHECK_ERROR(wherry_acquire(lease, 1, WHERRY_POLL), -EAGAIN);
    CHECK_INT(poll_for(file, 0), 0);
    WORKS(wherry_release(other, 1));
    CHECK_INT(poll_for(file, HARNESS_PATIENCE), 1);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    WORKS(wherry_release(lease, 1));

    struct keeper keeper = keeper_with("lease:boat", 1);
    WORKS(wherry_semaphore_fd(lease, 1, &file, NULL));
    CHECK_ERROR(wherry_acquire(lease, 1, WHERRY_POLL), -EAGAIN);
    CHECK_INT(poll_for(file, 0), 0);
    end_keeper(&keeper);
    CHECK_INT(poll_for(file, HARNESS_PATIENCE), 1);
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    wherry_semaphore_close(other);
    close_last(lease);
}

// Not only when it looks by itself: a tenth of a second after it has tried.
TEST(its_descriptor_tells_of_a_release_at_once)
{
    enum { ROUNDS = 20, AT_ONCE = 50000000 /* nanoseconds */ };

    wherry_semaphore *lease = open_lease("lease:boat");
    wherry_semaphore *other = open_lease("lease:boat");
    wherry_native file;
    int64_t quickest = INT64_MAX;
    for (int i = 0; i < ROUNDS; i++) {
        WORKS(wherry_acquire(other, 1, WHERRY_POLL));
        WORKS(wherry_release(other, 1)); // nobody waits, as it has seen
        WORKS(wherry_acquire(other, 1, WHERRY_POLL));
        WORKS(wherry_semaphore_fd(lease, 1, &file, NULL));
        const int64_t began = harness_now();
        CHECK_ERROR(wherry_acquire(lease, 1, WHERRY_POLL), -EAGAIN);
        WORKS(wherry_release(other, 1));
        CHECK_INT(poll_for(file, HARNESS_PATIENCE), 1);
        const int64_t took = harness_now() - began;
        quickest = took < quickest ? took : quickest;
        WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
        WORKS(wherry_release(lease, 1));
    }
    harness_note("%lld us", (long long)quickest / 1000);
    CHECK(harness_is_slow() || quickest < AT_ONCE);
    wherry_semaphore_close(other);
    close_last(lease);
}

TEST(whoever_polls_no_longer_waits_for_nothing)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    wherry_semaphore *other = open_lease("lease:boat");
    wherry_native file;
    WORKS(wherry_acquire(other, 1, WHERRY_POLL));
    WORKS(wherry_semaphore_fd(lease, 1, &file, NULL));
    CHECK_INT(look_at(other).waiters, 1);
    WORKS(wherry_semaphore_fd(lease, 0, &file, NULL));
    CHECK_INT(look_at(other).waiters, 0);
    FAILS(wherry_semaphore_fd(lease, 2, &file, NULL), -EINVAL, "1 at most");
    wherry_semaphore_close(other);
    close_last(lease);
}

enum { TURNS = 500 };

static void *poll_and_go(void *lease)
{
    for (int i = 0; i < TURNS; i++) {
        wherry_native file;
        (void)wherry_semaphore_fd(lease, 1, &file, NULL); // -EBUSY: the other waits
        if (wherry_acquire(lease, 1, WHERRY_POLL) >= 0)
            WORKS(wherry_release(lease, 1));
    }
    return NULL;
}

TEST(one_thread_may_poll_while_another_takes_turns)
{
    wherry_semaphore *lease = open_lease("lease:boat?permits=2");
    pthread_t polling;
    CHECK_INT(pthread_create(&polling, NULL, poll_and_go, lease), 0);
    for (int i = 0; i < TURNS; i++) {
        WORKS(wherry_acquire(lease, 1, soon()));
        WORKS(wherry_release(lease, 1));
    }
    CHECK_INT(pthread_join(polling, NULL), 0);
    CHECK_INT(wherry_semaphore_value(lease), 2);
    close_last(lease);
}

/* What one that holds a permit gives back when it is told to, and can open nothing. */
struct poor {
    struct harness_gate has, may;
};

static void release_without_descriptors(void *argument)
{
    struct poor *poor = argument;
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    wherry_semaphore *lease = open_lease("lease:boat");
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    gate_pass(&poor->has);
    gate_wait(&poor->may);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    WORKS(wherry_release(lease, 1));
    for (;;)
        pause(); // its end would be told
}

// Nobody rings who has no descriptor for that: whoever polls looks by itself, too.
TEST(its_descriptor_tells_of_a_release_by_one_without_descriptors)
{
    wherry_native file;
    struct poor poor;
    gate_open(&poor.has);
    gate_open(&poor.may);
    pid_t holder = harness_child(release_without_descriptors, &poor);
    gate_wait(&poor.has);
    wherry_semaphore *lease = open_lease("lease:boat");
    WORKS(wherry_semaphore_fd(lease, 1, &file, NULL));
    CHECK_ERROR(wherry_acquire(lease, 1, WHERRY_POLL), -EAGAIN);
    gate_pass(&poor.may);
    while (wherry_acquire(lease, 1, WHERRY_POLL) < 0)
        CHECK_INT(poll_for(file, HARNESS_PATIENCE), 1);
    harness_kill(holder);
    gate_close(&poor.has);
    gate_close(&poor.may);
    close_last(lease);
}

TEST(its_descriptor_wakes_nobody_who_does_not_wait)
{
    enum { LONG = 300 }; // after several looks of one who does

    wherry_semaphore *lease = open_lease("lease:boat");
    wherry_semaphore *other = open_lease("lease:boat");
    wherry_native file;
    WORKS(wherry_semaphore_fd(lease, 1, &file, NULL));
    WORKS(wherry_acquire(lease, 1, WHERRY_POLL));
    CHECK_INT(poll_for(file, LONG), 0);
    WORKS(wherry_semaphore_fd(other, 1, &file, NULL));
    CHECK_INT(poll_for(file, LONG), 1);
    WORKS(wherry_semaphore_fd(other, 0, &file, NULL));
    CHECK_INT(poll_for(file, LONG), 0);
    wherry_semaphore_close(other);
    close_last(lease);
}

TEST(a_wait_through_a_handle_that_is_polled_sleeps)
{
    wherry_semaphore *lease = open_lease("lease:boat");
    struct keeper keeper = keeper_with("lease:boat", 1);
    wherry_native file;
    WORKS(wherry_semaphore_fd(lease, 1, &file, NULL));
    const int64_t before = processor_time();
    CHECK_ERROR(wherry_acquire(lease, 1, wherry_after(1000)), -ETIMEDOUT);
    const int64_t used = processor_time() - before;
    harness_note("%lld us of the processor in 1000 ms", (long long)used / 1000);
    CHECK(harness_is_slow() || used < INT64_C(300000000));
    CHECK_INT(look_at(lease).waiters, 1); // whoever polls still does
    end_keeper(&keeper);
    close_last(lease);
}
