/* SPDX-License-Identifier: MIT */
/*
 * queue: whoever waits is woken by what it waits for, whoever else waits, has died, is
 * stopped or has given up; and sleeps until then.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "queue_inside.h"
#include "queue_talk.h"

// It is told, or it sleeps: otherwise it looks by itself, too, ten times a second.
static wherry_channel *that_never_looks(wherry_channel *channel)
{
    inside(channel)->looks_at = WHERRY_FOREVER;
    return channel;
}

/* --- being told ---------------------------------------------------------- */

struct wait {
    wherry_channel *channel;
    int64_t wanted;
    const char *text;
    atomic_int tid;
    pthread_t thread;
};

static void *wait_and_take(void *argument)
{
    struct wait *wait = argument;
    atomic_store(&wait->tid, harness_thread());
    take(wait->channel, wait->wanted, wait->text, wait->wanted > 0 ? wait->wanted : 1);
    return NULL;
}

static bool has_begun(void *argument)
{
    return atomic_load(&((struct wait *)argument)->tid) != 0;
}

static void begin(struct wait *wait)
{
    CHECK_INT(pthread_create(&wait->thread, NULL, wait_and_take, wait), 0);
    harness_until(has_begun, wait);
    harness_wait_blocked(wait->tid);
}

TEST(each_who_waits_is_woken_by_what_it_waits_for)
{
    wherry_channel *out = writer("queue:boat");
    struct wait waits[] = {{that_never_looks(reader("queue:boat")), -5, "any", 0, 0},
                           {that_never_looks(reader("queue:boat")), 7, "seven", 0, 0},
                           {that_never_looks(reader("queue:boat")), 8, "eight", 0, 0}};
    for (int i = 0; i < 3; i++)
        begin(&waits[i]);
    put(out, "eight", 8);
    pthread_join(waits[2].thread, NULL);
    put(out, "nobody's", 9);
    put(out, "any", 1);
    pthread_join(waits[0].thread, NULL);
    put(out, "seven", 7);
    pthread_join(waits[1].thread, NULL);
    for (int i = 1; i < 3; i++)
        wherry_close(waits[i].channel);
    close_all(out, waits[0].channel);
}

// As only somebody writes it who means harm: there is no such kind to want.
TEST(whoever_seems_to_want_the_least_of_numbers_is_woken_too)
{
    wherry_channel *out = writer("queue:boat");
    struct wait wait = {that_never_looks(reader("queue:boat")), -5, "any", 0, 0};
    const struct shared_queue *queue = inside(wait.channel);
    begin(&wait);
    atomic_store(&queue->wants[queue->places.place], INT64_MIN);
    put(out, "any", 1);
    pthread_join(wait.thread, NULL);
    close_all(out, wait.channel);
}

// The first, who would take either, takes the lower one; the other is for the second.
TEST(of_two_that_come_at_once_each_goes_to_somebody)
{
    wherry_channel *out = writer("queue:boat");
    put(out, "first", 9); // whatever comes first goes by itself
    struct wait waits[] = {{that_never_looks(reader("queue:boat")), -5, "low", 0, 0},
                           {that_never_looks(reader("queue:boat")), 3, "three", 0, 0}};
    for (int i = 0; i < 2; i++)
        begin(&waits[i]);
    wherry_message *both[3] = {NULL};
    WORKS(wherry_message_copy("three", 5, &both[0]));
    WORKS(wherry_message_copy("low", 3, &both[1]));
    WORKS(
        wherry_message_copy("last", 4, &both[2])); // what is followed goes in one step
    WORKS(wherry_message_set_kind(both[0], 3));
    WORKS(wherry_message_set_kind(both[1], 1));
    WORKS(wherry_message_set_kind(both[2], 9));
    CHECK_INT(wherry_send_many(out, both, 3, soon()), 3);
    for (int i = 0; i < 2; i++)
        pthread_join(waits[i].thread, NULL);
    wherry_close(waits[1].channel);
    close_all(out, waits[0].channel);
}

// Of two who wait for the same the one gives up: what comes then is for the other.
TEST(whoever_has_given_up_waiting_is_not_woken_in_the_others_stead)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *gone = reader("queue:boat");
    wherry_message *message;
    struct wait wait = {that_never_looks(reader("queue:boat")), 0, "for the other", 0,
                        0};
    CHECK_ERROR(wherry_recv(gone, &message, at_once()), -ETIMEDOUT);
    begin(&wait);
    put(out, "for the other", 1);
    pthread_join(wait.thread, NULL);
    wherry_close(gone);
    close_all(out, wait.channel);
}

static void *wait_and_put(void *argument)
{
    struct wait *wait = argument;
    atomic_store(&wait->tid, harness_thread());
    put(wait->channel, wait->text, 1);
    return NULL;
}

TEST(whoever_waits_for_room_is_woken_by_as_much_as_it_needs)
{
    static char large[4000];
    memset(large, 'x', sizeof(large) - 1);
    wherry_channel *in = reader("queue:boat?bytes=4K&maxsize=3");
    wherry_channel *first = writer("queue:boat");
    struct wait waits[] = {{that_never_looks(writer("queue:boat")), 0, large, 0, 0},
                           {that_never_looks(writer("queue:boat")), 0, "small", 0, 0}};
    put(first, "1", 1);
    WORKS(wherry_write(first, large, 3000, 2, 0, soon()));
    put(first, "3", 3);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_create(&waits[i].thread, NULL, wait_and_put, &waits[i]), 0);
        harness_until(has_begun, &waits[i]);
        harness_wait_blocked(waits[i].tid);
    }
    take(in, 0, "1", 1); // room for a small one, and for that alone
    pthread_join(waits[1].thread, NULL);
    wherry_message *message = NULL;
    WORKS(wherry_recv(in, &message, soon()));
    wherry_message_free(message);
    pthread_join(waits[0].thread, NULL);
    take(in, 3, "3", 3);
    take(in, 0, "small", 1);
    take(in, 0, large, 1);
    for (int i = 0; i < 2; i++)
        wherry_close(waits[i].channel);
    close_all(first, in);
}

static void wait_for_ever(void *argument)
{
    wherry_message *message;
    (void)argument;
    (void)wherry_recv(reader("queue:boat"), &message, WHERRY_FOREVER);
}

static bool three_are_there(void *argument)
{
    (void)argument;
    return count_names() >= 3; // the queue, and two doorbells
}

TEST(the_doorbells_of_the_dead_go_and_the_living_are_served)
{
    wherry_channel *out = writer("queue:boat");
    pid_t dead = harness_child(wait_for_ever, NULL);
    struct wait wait = {reader("queue:boat"), 0, "for the living", 0, 0};
    begin(&wait);
    harness_until(three_are_there, NULL);
    harness_kill(dead);
    put(out, "for the living", 1);
    pthread_join(wait.thread, NULL);
    wherry_message *message;
    CHECK_ERROR(wherry_recv(wait.channel, &message, at_once()), -ETIMEDOUT);
    close_all(out, wait.channel);
}

/* --- not being told ------------------------------------------------------ */

/* A process that puts one message when it may, and can open nothing to ring with. */
struct poor {
    struct harness_gate has, may;
    pid_t pid;
};

static void put_without_descriptors(void *argument)
{
    struct poor *poor = argument;
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    wherry_channel *out = writer("queue:boat");
    gate_pass(&poor->has);
    gate_wait(&poor->may);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    put(out, "unheard", 1);
    for (;;)
        pause(); // its end would be told
}

static void begin_poor(struct poor *poor)
{
    gate_open(&poor->has);
    gate_open(&poor->may);
    poor->pid = harness_child(put_without_descriptors, poor);
    gate_wait(&poor->has);
}

static void end_poor(struct poor *poor)
{
    harness_kill(poor->pid);
    gate_close(&poor->has);
    gate_close(&poor->may);
}

static int poll_for(wherry_native file, short events, int milliseconds)
{
    struct pollfd one = {.fd = file, .events = events};
    int r;
    do
        r = poll(&one, 1, milliseconds);
    while (r < 0 && errno == EINTR);
    return r;
}

// Nobody rings who has no descriptor for that: whoever waits looks by itself, too.
TEST(whoever_sleeps_gets_what_one_without_descriptors_put)
{
    struct poor poor;
    struct wait wait = {reader("queue:boat"), 0, "unheard", 0, 0};
    begin_poor(&poor);
    begin(&wait);
    gate_pass(&poor.may);
    pthread_join(wait.thread, NULL);
    end_poor(&poor);
    close_all(NULL, wait.channel);
}

TEST(whoever_polls_is_told_of_what_one_without_descriptors_put)
{
    wherry_native file;
    short events;
    struct poor poor;
    wherry_message *message = NULL;
    wherry_channel *in = reader("queue:boat");
    begin_poor(&poor);
    WORKS(wherry_fd(in, WHERRY_IN, &file, &events));
    CHECK_ERROR(wherry_recv(in, &message, WHERRY_POLL), -EAGAIN);
    gate_pass(&poor.may);
    while (wherry_recv(in, &message, WHERRY_POLL) == -EAGAIN)
        CHECK_INT(poll_for(file, events, harness_stretch(HARNESS_PATIENCE)), 1);
    CHECK_INT(wherry_message_size(message), 7);
    wherry_message_free(message);
    end_poor(&poor);
    close_all(NULL, in);
}

TEST(whoever_was_rung_and_is_stopped_keeps_nobody_from_a_message)
{
    wherry_channel *out = writer("queue:boat");
    pid_t stopped = harness_child(wait_for_ever, NULL);
    harness_wait_blocked(stopped);
    CHECK_INT(kill(stopped, SIGSTOP), 0);
    struct wait wait = {reader("queue:boat"), 0, "for either", 0, 0};
    begin(&wait);
    put(out, "for either", 1);
    pthread_join(wait.thread, NULL);
    harness_kill(stopped);
    wherry_close(wait.channel);
    wherry_close(out);
    WORKS(wherry_remove("queue:boat")); // and the doorbell of the dead
}

/* --- locked out ---------------------------------------------------------- */

static void be_stopped(void *argument)
{
    (void)argument;
    (void)reader("queue:boat");
    raise(SIGSTOP);
}

static bool is_stopped(void *argument)
{
    siginfo_t info = {.si_pid = 0};
    const pid_t pid = *(pid_t *)argument;
    return waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid;
}

static uint64_t owner_with(const struct places *places, pid_t pid)
{
    for (uint32_t place = 0; place < places_used(places); place++) {
        bool left;
        const uint64_t owner = places_owner(places, place, &left);
        if (!left && owner_pid(owner) == pid)
            return owner;
    }
    FAIL("process %d has no place", (int)pid);
}

// Another process, stopped where it has that lock.
static pid_t stop_with_lock(wherry_channel *channel, enum shared_queue_side side)
{
    struct shared_queue *queue = inside(channel);
    pid_t pid = harness_child(be_stopped, NULL);
    harness_until(is_stopped, &pid);
    atomic_store(shared_queue_lock_of(queue, side), owner_with(&queue->places, pid));
    return pid;
}

/* Of this process, in nanoseconds. */
static int64_t processor_time(void)
{
    struct timespec used;
    CHECK_INT(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

enum { LONG = 600 /* milliseconds */, LITTLE = LONG * 1000000 / 3 };

static void check_used_since(int64_t before)
{
    const int64_t used = processor_time() - before;
    harness_note("%lld us of the processor in %d ms", (long long)used / 1000, LONG);
    CHECK(harness_is_slow() || used < LITTLE);
}

TEST(whoever_is_locked_out_by_one_that_is_stopped_sleeps)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    wherry_message *message = NULL;
    put(out, "there", 1);
    pid_t stopped = stop_with_lock(in, QUEUE_READERS);
    int64_t before = processor_time();
    CHECK_ERROR(wherry_recv(in, &message, wherry_after(LONG)), -ETIMEDOUT);
    check_used_since(before);
    harness_kill(stopped);
    take(in, 0, "there", 1); // its end gives the lock back
    stopped = stop_with_lock(out, QUEUE_WRITERS);
    before = processor_time();
    CHECK_ERROR(wherry_write(out, "x", 1, 0, 0, wherry_after(LONG)), -ETIMEDOUT);
    check_used_since(before);
    harness_kill(stopped);
    put(out, "there", 1);
    close_all(out, in);
}

static void poll_in_vain(wherry_channel *channel, wherry_native file, short events)
{
    wherry_message *message = NULL;
    const int64_t end = harness_now() + LONG * INT64_C(1000000);
    while (harness_now() < end) {
        (void)poll_for(file, events, LONG / 2);
        CHECK_ERROR(wherry_recv(channel, &message, WHERRY_POLL), -EAGAIN);
    }
}

TEST(whoever_polls_and_is_locked_out_by_one_that_is_stopped_sleeps)
{
    wherry_native file;
    short events;
    wherry_message *message = NULL;
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    WORKS(wherry_fd(in, WHERRY_IN, &file, &events));
    put(out, "there", 1);
    pid_t stopped = stop_with_lock(in, QUEUE_READERS);
    const int64_t before = processor_time();
    poll_in_vain(in, file, events);
    check_used_since(before);
    harness_kill(stopped);
    while (wherry_recv(in, &message, WHERRY_POLL) == -EAGAIN)
        CHECK_INT(poll_for(file, events, harness_stretch(HARNESS_PATIENCE)), 1);
    wherry_message_free(message);
    close_all(out, in);
}

// There are slots, and no blocks; from time to time it may look without being told.
TEST(whoever_polls_for_room_for_a_large_message_sleeps)
{
    enum { LARGE = 60000, TRIES = 100 };

    static const char bytes[LARGE];
    wherry_native file;
    short events;
    wherry_message *message;
    wherry_channel *out = writer("queue:boat?bytes=64K");
    wherry_channel *in = reader("queue:boat");
    int wakes = 0;
    WORKS(wherry_write(out, bytes, LARGE, 0, 0, soon()));
    WORKS(wherry_fd(out, WHERRY_OUT, &file, &events));
    for (int i = 0; i < TRIES; i++) {
        CHECK_ERROR(wherry_write(out, bytes, LARGE, 0, 0, WHERRY_POLL), -EAGAIN);
        wakes += poll_for(file, events, 0);
    }
    CHECK(wakes < TRIES / 2);
    CHECK_INT(wherry_recv(in, &message, WHERRY_POLL), 1);
    wherry_message_free(message);
    CHECK_INT(poll_for(file, events, harness_stretch(HARNESS_PATIENCE)), 1);
    CHECK_INT(wherry_write(out, bytes, LARGE, 0, 0, WHERRY_POLL), 0);
    close_all(out, in);
}

TEST(whoever_waits_for_another_kind_than_is_there_sleeps)
{
    wherry_channel *out = writer("queue:boat");
    wherry_channel *in = reader("queue:boat");
    wherry_message *message = NULL;
    put(out, "of another kind", 5);
    const int64_t before = processor_time();
    CHECK_ERROR(wherry_recv_kind(in, 4, &message, wherry_after(LONG)), -ETIMEDOUT);
    CHECK_ERROR(wherry_recv_kind(in, -4, &message, at_once()), -ETIMEDOUT);
    check_used_since(before);
    close_all(out, in);
}
