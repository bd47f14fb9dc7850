/* SPDX-License-Identifier: MIT */
/*
 * threads: processes started by a program whose other threads open files meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "start.h"

enum { OPENERS = 8, STARTERS = 2, PROCESSES = 1000, PROCESSES_IF_SLOW = 100 };

static atomic_bool is_over;

// Descriptors that are not close-on-exec, as careless libraries open them.
static void *open_and_close(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_over)) {
        int fds[4];
        for (int i = 0; i < 4; i++)
            fds[i] = open("/dev/null", O_RDONLY);
        for (int i = 0; i < 4; i++)
            close(fds[i]);
    }
    return NULL;
}

static void check_one(void)
{
    char said[SAID];
    const char *const arguments[] = {"fds", NULL};
    const struct wherry_laid laid[] = {{.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 5, .from = WHERRY_FROM_NULL}};
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 2};
    CHECK_STRING(what_is_said(&plan, said), "0 1 2 5\n");
}

static void *start_many(void *argument)
{
    const int *count = argument;
    for (int i = 0; i < *count; i++)
        check_one();
    return NULL;
}

TEST(exactly_what_is_laid_out_arrives_while_eight_threads_open_files)
{
    pthread_t openers[OPENERS];
    pthread_t starters[STARTERS];
    const char *asked = getenv("WHERRY_TEST_PROCESSES");
    int all = asked               ? (int)strtol(asked, NULL, 10)
              : harness_is_slow() ? PROCESSES_IF_SLOW
                                  : PROCESSES;
    int count = all / STARTERS;
    for (int i = 0; i < OPENERS; i++)
        CHECK_INT(pthread_create(&openers[i], NULL, open_and_close, NULL), 0);
    for (int i = 0; i < STARTERS; i++)
        CHECK_INT(pthread_create(&starters[i], NULL, start_many, &count), 0);
    for (int i = 0; i < STARTERS; i++)
        pthread_join(starters[i], NULL);
    atomic_store(&is_over, true);
    for (int i = 0; i < OPENERS; i++)
        pthread_join(openers[i], NULL);
    harness_note("%d processes", count * STARTERS);
}

static void *wait_for_it(void *argument)
{
    struct wherry_exit exit;
    WORKS(wherry_process_wait(argument, &exit, sizeof(exit), soon()));
    CHECK_INT(exit.signal, 9);
    return NULL;
}

static void *start_as_root(void *unused)
{
    static char said[SAID];
    struct wherry_plan plan = {
        .line = "echo small", .laid = heard_laid, .laid_count = 2};
    (void)unused;
    plan.user = geteuid() == 0 ? "root" : NULL;
    CHECK_STRING(what_is_said(&plan, said), "small\n");
    return NULL;
}

TEST(a_thread_with_a_small_stack_can_start_one)
{
    pthread_t thread;
    pthread_attr_t small;
    if (harness_is_slow())
        SKIP("what finds errors needs more stack than there is");
    pthread_attr_init(&small);
    CHECK_INT(pthread_attr_setstacksize(&small, 24576), 0);
    CHECK_INT(pthread_create(&thread, &small, start_as_root, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&small);
}

static void *wait_for_four(void *argument)
{
    struct wherry_exit exit = {.code = -7};
    WORKS(wherry_process_wait(argument, &exit, sizeof(exit), soon()));
    CHECK_INT(exit.code, 4);
    return NULL;
}

TEST(threads_that_wait_for_the_same_learn_the_same)
{
    struct wherry_plan plan = {.line = "exit 4"};
    for (int i = 0; i < (harness_is_slow() ? 20 : 200); i++) {
        pthread_t waiters[3];
        wherry_process *process = start(&plan);
        for (int j = 0; j < 3; j++)
            CHECK_INT(pthread_create(&waiters[j], NULL, wait_for_four, process), 0);
        for (int j = 0; j < 3; j++)
            pthread_join(waiters[j], NULL);
        ends_with(process, "exit 4");
    }
}

TEST(one_thread_waits_while_another_kills)
{
    const char *const arguments[] = {"stubborn", NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    pthread_t waiter;
    wherry_process *process = start(&plan);
    wherry_channel *from = end_of(process, 1);
    hear(from, "ready");
    CHECK_INT(pthread_create(&waiter, NULL, wait_for_it, process), 0);
    WORKS(wherry_process_kill(process, 9, WHERRY_ONE));
    pthread_join(waiter, NULL);
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}
