/* SPDX-License-Identifier: MIT */
/*
 * signal: what the thread's mask is before, while and after there are receivers, with
 * threads and after a fork.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#include "signal_talk.h"

TEST(what_was_pending_before_the_listener_was_is_received)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    CHECK_INT(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 3}), 0);
    wherry_channel *in = receiver_of("signal:self");
    take(in, SIGRTMIN, 3);
    wherry_close(in);
    CHECK(is_blocked(SIGRTMIN)); // as it was
}

TEST(the_last_receiver_of_a_thread_lets_the_signal_through_again)
{
    CHECK(!is_blocked(SIGUSR1));
    wherry_channel *first = receiver_of("signal:self?signal=USR1");
    wherry_channel *second = receiver_of("signal:self?signal=USR1,USR2");
    CHECK(is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
    wherry_close(first);
    CHECK(is_blocked(SIGUSR1));
    CHECK_INT(kill(getpid(), SIGUSR1), 0);
    CHECK_INT(kill(getpid(), SIGUSR2), 0);
    wherry_close(second); // with two unread, which would end this process
    CHECK(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
    wherry_listener *listener;
    WORKS(wherry_listen("signal:self?signal=USR1", &listener));
    CHECK(is_blocked(SIGUSR1));
    wherry_close_listener(listener);
    CHECK(!is_blocked(SIGUSR1));
}

static void *close_it(void *channel)
{
    wherry_close(channel);
    return NULL;
}

TEST(another_thread_that_closes_leaves_the_mask)
{
    pthread_t thread;
    wherry_channel *in = receiver_of("signal:self?signal=USR1");
    CHECK_INT(pthread_create(&thread, NULL, close_it, in), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(is_blocked(SIGUSR1));
    CHECK_INT(kill(getpid(), SIGUSR1), 0); // does no harm
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_INT(sigtimedwait(&set, NULL, &(struct timespec){0}), SIGUSR1);
}

static void receive_its_own(void *channel)
{
    wherry_channel *out = sender_to(getpid(), "");
    put(out, 12, 0);
    take(channel, SIGRTMIN, 12);
    wherry_close(out);
    wherry_close(channel);
    CHECK(!is_blocked(SIGRTMIN));
}

struct two_receivers {
    struct harness_gate opened;
    struct harness_gate given;
    wherry_channel *strangers;
};

static void *close_a_strangers(void *argument)
{
    struct two_receivers *both = argument;
    wherry_channel *own = receiver_of("signal:self?signal=USR1");
    gate_pass(&both->opened);
    gate_wait(&both->given);
    wherry_close(both->strangers);
    CHECK(is_blocked(SIGUSR1));
    wherry_close(own);
    CHECK(!is_blocked(SIGUSR1));
    return NULL;
}

TEST(a_receiver_of_another_thread_does_not_count_for_this_one)
{
    pthread_t thread;
    struct two_receivers both;
    gate_open(&both.opened);
    gate_open(&both.given);
    CHECK_INT(pthread_create(&thread, NULL, close_a_strangers, &both), 0);
    gate_wait(&both.opened);
    both.strangers = receiver_of("signal:self?signal=USR1");
    gate_pass(&both.given);
    CHECK_INT(pthread_join(thread, NULL), 0);
    CHECK(is_blocked(SIGUSR1));
    gate_close(&both.opened);
    gate_close(&both.given);
}

static void *open_and_leave(void *unused)
{
    (void)unused;
    return receiver_of("signal:self?signal=USR1");
}

static void *close_a_dead_threads(void *channel)
{
    wherry_channel *own = receiver_of("signal:self?signal=USR1");
    wherry_close(channel);
    CHECK(is_blocked(SIGUSR1));
    CHECK_INT(kill(getpid(), SIGUSR1), 0);
    take_bare(own, SIGUSR1);
    wherry_close(own);
    CHECK(!is_blocked(SIGUSR1));
    return NULL;
}

// The memory of a thread that has ended is the next one's.
TEST(a_receiver_of_a_thread_that_has_ended_is_nobodys)
{
    pthread_t thread;
    void *channel;
    sigset_t set;
    CHECK_INT(pthread_create(&thread, NULL, open_and_leave, NULL), 0);
    CHECK_INT(pthread_join(thread, &channel), 0);
    // The kernel would give it to this thread.
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_INT(pthread_create(&thread, NULL, close_a_dead_threads, channel), 0);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
}

TEST(a_child_of_a_fork_receives_its_own_signals)
{
    wherry_channel *in = receiver_of("signal:self");
    pid_t child = harness_child(receive_its_own, in);
    CHECK_INT(harness_wait(child), 0);
    CHECK(is_blocked(SIGRTMIN));
    take_nothing(in);
    wherry_close(in);
}
