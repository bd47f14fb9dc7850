/* SPDX-License-Identifier: MIT */
/*
 * The storm reaches every thread and every child, and the harness itself lives in it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

/* How often a wait of this thread is broken off, of so many. */
static int interruptions(int waits)
{
    int count = 0;
    for (int i = 0; i < waits; i++)
        count += poll(NULL, 0, 1000) < 0 && errno == EINTR;
    return count;
}

static void be_interrupted(void *unused)
{
    (void)unused;
    CHECK_INT(interruptions(100), 100);
}

static void *be_interrupted_in_thread(void *unused)
{
    be_interrupted(unused);
    return NULL;
}

TEST(the_first_thread_is_interrupted)
{
    be_interrupted(NULL);
}

TEST(every_thread_is_interrupted)
{
    pthread_t threads[3];
#if defined(__SANITIZE_THREAD__)
    SKIP("ThreadSanitizer keeps signals back");
#endif
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, be_interrupted_in_thread, NULL), 0);
    for (int i = 0; i < 3; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
}

TEST(children_of_the_harness_are_interrupted)
{
    CHECK_INT(harness_wait(harness_child(be_interrupted, NULL)), 0);
}

TEST(children_of_a_plain_fork_are_interrupted)
{
    pid_t pid = fork();
    if (pid == 0) {
        be_interrupted(NULL);
        _exit(0);
    }
    CHECK_INT(harness_wait(pid), 0);
}

static void pass_after_sleep(void *gates)
{
    struct harness_gate *gate = gates;
    gate_wait(&gate[0]);
    gate_pass(&gate[1]);
}

TEST(the_waits_of_the_harness_go_on)
{
    struct harness_gate gates[2];
    gate_open(&gates[0]);
    gate_open(&gates[1]);
    pid_t pid = harness_child(pass_after_sleep, gates);
    harness_wait_blocked(pid);
    gate_pass(&gates[0]);
    gate_wait(&gates[1]);
    CHECK_INT(harness_wait(pid), 0);
    gate_close(&gates[0]);
    gate_close(&gates[1]);
}

TEST(a_program_that_is_started_is_left_alone)
{
    static const char *const argv[] = {"sh", "-c", "exit 7", NULL};
    CHECK_INT(harness_wait(harness_program(argv, -1, -1)), 7);
}

int main(int argc, char **argv)
{
    setenv("WHERRY_TEST_STORM", "50", 0); // set to nothing, the tests must fail
    return harness_main(argc, argv);
}
