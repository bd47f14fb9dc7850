/* SPDX-License-Identifier: MIT */
/*
 * Tests that are bad, each in its own way, for selftest.c to run and to see what the
 * harness says of them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static void *volatile kept;

static void nothing(void *unused)
{
    (void)unused;
}

static void hang(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

TEST(passes)
{
    CHECK(true);
    CHECK_INT(1 + 1, 2);
    CHECK_STRING("a", "a");
    CHECK_STRING(NULL, NULL);
    CHECK_BYTES("abc", "abc", 3);
    CHECK_ERROR(-EPIPE, -EPIPE);
    CHECK_OK(0);
    CHECK_RANGE(5, 5, 5);
    CHECK_CONTAINS("abc", "bc");
}

TEST(notes_a_figure)
{
    harness_note("%d rounds", 42);
    printf("this is heard only if it fails\n");
}

TEST(skips)
{
    SKIP("there is no %s here", "moon");
}

TEST(fails_a_condition)
{
    CHECK(1 + 1 == 3);
}

TEST(fails_an_integer)
{
    CHECK_INT(40 + 1, 42);
}

TEST(fails_a_string)
{
    CHECK_STRING("boat", "ship");
}

TEST(fails_with_bytes)
{
    CHECK_BYTES("abcd", "abxd", 4);
}

TEST(fails_with_an_error)
{
    CHECK_ERROR(-ECONNRESET, -EPIPE);
}

TEST(fails_with_a_range)
{
    CHECK_RANGE(7, 8, 9);
}

TEST(fails_in_a_child)
{
    pid_t pid = fork();
    if (pid == 0)
        CHECK_INT(1, 2);
    harness_wait(pid);
}

static void *fail_in_thread(void *unused)
{
    (void)unused;
    CHECK_INT(3, 4);
    return NULL;
}

TEST(fails_in_a_thread)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, fail_in_thread, NULL), 0);
    pthread_join(thread, NULL);
}

TEST(crashes)
{
    abort();
}

TEST(ends_its_process)
{
    exit(0);
}

TEST(ends_its_process_badly)
{
    exit(9);
}

TEST(returns_in_a_child)
{
    pid_t pid = fork();
    if (pid > 0)
        harness_wait(pid);
}

TEST(leaks_a_descriptor)
{
    CHECK(open("/dev/zero", O_RDONLY) >= 0);
}

TEST(leaks_bytes)
{
    kept = malloc(1234);
}

TEST(leaks_a_child)
{
    harness_child(hang, NULL);
}

TEST(leaks_a_zombie)
{
    pid_t pid = harness_child(nothing, NULL);
    siginfo_t end;
    CHECK_INT(waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT), 0);
}

static void leave_a_grandchild(void *unused)
{
    (void)unused;
    if (fork() == 0) {
        setsid();
        hang(NULL);
    }
}

TEST(leaks_a_grandchild)
{
    CHECK_INT(harness_wait(harness_child(leave_a_grandchild, NULL)), 0);
}

static void *hang_in_thread(void *unused)
{
    hang(unused);
    return NULL;
}

TEST(leaks_a_thread)
{
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, hang_in_thread, NULL), 0);
}

TEST(leaks_a_file)
{
    close(open(harness_path("forgotten"), O_CREAT | O_WRONLY, 0600));
}

TEST(leaks_a_name)
{
    close(open(harness_path("wherry/forgotten"), O_CREAT | O_WRONLY, 0600));
}

TEST(leaks_a_mapping)
{
    int fd = memfd_create("wherry:ring", MFD_CLOEXEC);
    CHECK_INT(ftruncate(fd, 4096), 0);
    kept = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
}

TEST(leaks_shared_memory)
{
    char name[64];
    snprintf(name, sizeof name, "/wherry-harness-%d", (int)getpid());
    harness_note("%s", name);
    close(shm_open(name, O_CREAT | O_RDWR, 0600));
}

TEST(leaks_memory_named_after_itself)
{
    char name[128];
    snprintf(name, sizeof name, "/sem.%s", strrchr(harness_directory(), '/') + 1);
    harness_note("%s", name);
    close(shm_open(name, O_CREAT | O_RDWR, 0600));
}

TEST(is_there_while_another_test_makes_memory)
{
    char name[64];
    snprintf(name, sizeof name, "/wherry-test-of-another-%d", (int)getpid());
    harness_note("%s", name);
    close(shm_open(name, O_CREAT | O_RDWR, 0600));
}

TEST(leaks_a_message_queue)
{
    char name[64];
    snprintf(name, sizeof name, "/wherry-harness-%d", (int)getpid());
    harness_note("%s", name);
    close(mq_open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600, NULL));
}

TEST(leaks_a_system_v_queue)
{
    harness_note("%d", msgget(IPC_PRIVATE, IPC_CREAT | 0600));
}

TEST(hangs_alone)
{
    hang(NULL);
}

TEST(hangs_with_a_grandchild)
{
    if (fork() == 0) {
        harness_note("grandchild %d", (int)getpid());
        setsid();
        hang(NULL);
    }
    hang(NULL);
}

TEST(leaves_a_file_and_hangs)
{
    harness_note("%s", harness_directory());
    close(open(harness_path("forgotten"), O_CREAT | O_WRONLY, 0600));
    hang(NULL);
}

TEST(writes_files_of_its_own)
{
    char text[8];
    harness_write_file("input", "bytes", 5);
    harness_write_file("input", "other", 5);
    CHECK_INT(harness_read_file(harness_path("input"), text, sizeof text), 5);
    CHECK_STRING(text, "other");
}

static void careless(void *unused)
{
    (void)unused;
    char *volatile first = malloc(10), *volatile second = malloc(10);
    if (first && !second)
        return; // first is lost
    free(first);
    free(second);
}

static void trusting(void *unused)
{
    (void)unused;
    char *volatile text = strdup("some text");
    if (!text)
        abort();
    free(text);
}

TEST(leaks_when_an_allocation_fails)
{
    harness_each_allocation(careless, NULL);
}

TEST(crashes_when_an_allocation_fails)
{
    harness_each_allocation(trusting, NULL);
}

static void lose_a_descriptor(void *unused)
{
    (void)unused;
    kept = (void *)(intptr_t)dup(0);
}

TEST(grows_over_cycles)
{
    harness_cycles(20, lose_a_descriptor, NULL);
}

TEST(waits_for_a_child_that_does_not_end)
{
    pid_t pid = fork();
    if (pid == 0)
        hang(NULL);
    harness_wait_within(pid, 200);
}
