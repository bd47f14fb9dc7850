/* SPDX-License-Identifier: MIT */
/*
 * The harness, tested by itself: the bad tests of subject.c are run, and what is said
 * of each is compared with what should be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

enum { OUTPUT_SIZE = 65536, SUBJECT_PATIENCE = 30000 };

static char output[OUTPUT_SIZE];

/* Runs one test of the subject with some options; its exit status, its output above. */
static int run_subject(const char *test, const char *option, const char *value)
{
    char program[512];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 32);
    CHECK(n > 0);
    program[n] = 0;
    strcpy(strrchr(program, '/'), "/subject");
    int file = memfd_create("output", MFD_CLOEXEC);
    const char *const argv[] = {program, "--only", test, option, value, NULL};
    int status = harness_wait_within(harness_program(argv, -1, file), SUBJECT_PATIENCE);
    n = pread(file, output, sizeof output - 1, 0);
    CHECK(n >= 0);
    output[n] = 0;
    close(file);
    return status;
}

static const struct verdict {
    const char *test;
    const char *says[3];
} verdicts[] = {
    {"fails_a_condition", {"subject.c:", "1 + 1 == 3 is false"}},
    {"fails_an_integer", {"40 + 1 is 41, not 42"}},
    {"fails_a_string", {"\"boat\" is \"boat\", not \"ship\""}},
    {"fails_with_bytes", {"differs at byte 2 of 4: is 63 64, not 78 64"}},
    {"fails_with_an_error", {"is -ECONNRESET, not -EPIPE"}},
    {"fails_with_a_range", {"7 is 7, not in 8 … 9"}},
    {"fails_in_a_child", {"1 is 1, not 2"}},
    {"fails_in_a_thread", {"3 is 3, not 4"}},
    {"crashes", {"killed by signal 6"}},
    {"ends_its_process", {"ended within the test"}},
    {"ends_its_process_badly", {"ended with status 9"}},
    {"returns_in_a_child", {"a forked child returned from the test"}},
    {"leaks_a_descriptor", {"left behind: descriptor ", "/dev/zero"}},
    {"leaks_bytes", {"left behind: 1234 bytes, allocated at "}},
    {"leaks_a_child", {"left behind: child ", "running"}},
    {"leaks_a_zombie", {"left behind: child ", "ended and not waited for"}},
    {"leaks_a_grandchild", {"left behind: process "}},
    {"leaks_a_thread", {"left behind: thread "}},
    {"leaks_a_file", {"left behind: file ", "/forgotten"}},
    {"leaks_a_name", {"left behind: file ", "/wherry/forgotten"}},
    {"leaks_a_mapping", {"left behind: mapping ", "wherry:ring"}},
    {"leaks_shared_memory", {"left behind: /dev/shm/wherry-harness-"}},
    {"leaks_memory_named_after_itself", {"left behind: /dev/shm/sem.wherry-test-"}},
    {"leaks_a_message_queue", {"left behind: /dev/mqueue/wherry-harness-"}},
    {"leaks_a_system_v_queue", {"left behind: System V msg "}},
    {"leaks_when_an_allocation_fails", {"allocation 2 (at ", "left behind: 10 bytes"}},
    {"crashes_when_an_allocation_fails", {"allocation 1 (at ", "killed by signal 6"}},
    {"grows_over_cycles", {"descriptors were ", "after 20 cycles"}},
};

static void remove_memory(const char *name)
{
    CHECK_INT(shm_unlink(name), 0);
}

// These may have gone with their namespace.
static void remove_queue(const char *name)
{
    mq_unlink(name);
}

static void remove_system_v_queue(const char *number)
{
    msgctl(atoi(number), IPC_RMID, NULL);
}

/* What the subject's test left on purpose, by the name that it noted. */
static void remove_left(const char *test)
{
    static const struct {
        const char *test;
        void (*remove)(const char *name);
    } removals[] = {{"leaks_shared_memory", remove_memory},
                    {"leaks_memory_named_after_itself", remove_memory},
                    {"is_there_while_another_test_makes_memory", remove_memory},
                    {"leaks_a_message_queue", remove_queue},
                    {"leaks_a_system_v_queue", remove_system_v_queue}};

    for (size_t i = 0; i < sizeof removals / sizeof *removals; i++) {
        char *name = strstr(output, "\n# ");
        if (strcmp(test, removals[i].test) != 0)
            continue;
        CHECK(name);
        name += 3;
        name[strcspn(name, "\n")] = 0;
        removals[i].remove(name);
    }
}

static void fails_as_told(const void *argument)
{
    const struct verdict *verdict = argument;
    char line[128];
    CHECK_INT(run_subject(verdict->test, "--times", "1"), 1);
    snprintf(line, sizeof line, "\nnot ok 1 - %s\n", verdict->test);
    CHECK_CONTAINS(output, line);
    for (int i = 0; i < 3 && verdict->says[i]; i++)
        CHECK_CONTAINS(output, verdict->says[i]);
    remove_left(verdict->test);
}

void harness_register(void)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        char name[128];
        snprintf(name, sizeof name, "a_test_that_%s_is_told", verdicts[i].test);
        harness_add(name, fails_as_told, &verdicts[i]);
    }
}

TEST(a_good_test_passes)
{
    CHECK_INT(run_subject("passes", "--jobs", "1"), 0);
    CHECK_STRING(output, "TAP version 13\n1..1\nok 1 - passes\n");
}

TEST(a_test_that_makes_files_by_the_harness_passes)
{
    CHECK_INT(run_subject("writes_files_of_its_own", "--jobs", "1"), 0);
}

TEST(what_another_test_makes_meanwhile_is_not_counted)
{
    static const char *const test = "is_there_while_another_test_makes_memory";
    CHECK_INT(run_subject(test, "--jobs", "1"), 0);
    remove_left(test);
}

TEST(a_note_is_heard_and_other_output_is_not)
{
    CHECK_INT(run_subject("notes_a_figure", "--jobs", "1"), 0);
    CHECK_CONTAINS(output, "\n# 42 rounds\n");
    CHECK(!strstr(output, "heard"));
}

TEST(a_skipped_test_says_why)
{
    CHECK_INT(run_subject("skips", "--jobs", "1"), 0);
    CHECK_CONTAINS(output, "\nok 1 - skips # SKIP there is no moon here\n");
}

TEST(several_jobs_print_in_the_order_of_the_tests)
{
    CHECK_INT(run_subject("fails_a*", "--jobs", "4"), 1);
    const char *first = strstr(output, "not ok 1 - fails_a_condition");
    const char *second = strstr(output, "not ok 2 - fails_an_integer");
    const char *third = strstr(output, "not ok 3 - fails_a_string");
    CHECK(first && first < second && second < third);
}

TEST(a_test_that_fails_is_not_repeated)
{
    CHECK_INT(run_subject("fails_a_condition", "--times", "5"), 1);
    CHECK_CONTAINS(output, "# in repetition 1 of 5");
}

TEST(the_first_failure_can_end_the_run)
{
    setenv("WHERRY_TEST_STOP", "1", 1);
    CHECK_INT(run_subject("fails_a*", "--jobs", "1"), 1);
    unsetenv("WHERRY_TEST_STOP");
    CHECK_CONTAINS(output, "not ok 1 - fails_a_condition");
    CHECK_CONTAINS(output, "Bail out!");
    CHECK(!strstr(output, "ok 2"));
}

TEST(a_pattern_without_a_test_is_an_error)
{
    CHECK_INT(run_subject("there_is_none", "--jobs", "1"), 1);
}

TEST(a_test_that_hangs_shows_its_stack)
{
    CHECK_INT(run_subject("hangs_alone", "--limit", "1"), 1);
    CHECK_CONTAINS(output, "the time limit of ");
    CHECK_CONTAINS(output, "stacks of process ");
    CHECK(strstr(output, "pause") || strstr(output, "from /proc"));
}

static bool is_gone(void *pid)
{
    return kill(*(pid_t *)pid, 0) < 0 && errno == ESRCH;
}

TEST(the_grandchildren_of_a_hanging_test_are_killed)
{
    CHECK_INT(run_subject("hangs_with_a_grandchild", "--limit", "1"), 1);
    const char *told = strstr(output, "# grandchild ");
    CHECK(told);
    pid_t pid = (pid_t)strtol(told + strlen("# grandchild "), NULL, 10);
    harness_until(is_gone, &pid);
}

TEST(the_directory_of_a_hanging_test_is_removed)
{
    struct stat status;
    CHECK_INT(run_subject("leaves_a_file_and_hangs", "--limit", "1"), 1);
    char *told = strstr(output, "# /");
    CHECK(told);
    told[strcspn(told, "\n")] = 0;
    CHECK_INT(lstat(told + 2, &status), -1);
    CHECK_INT(errno, ENOENT);
}

TEST(a_child_that_does_not_end_is_told_with_its_stack)
{
    CHECK_INT(run_subject("waits_for_a_child_that_does_not_end", "--jobs", "1"), 1);
    CHECK_CONTAINS(output, "did not end within ");
    CHECK_CONTAINS(output, "stacks of process ");
}

TEST(each_test_has_an_empty_directory_of_its_own)
{
    struct stat status;
    CHECK_INT(stat(harness_directory(), &status), 0);
    CHECK_INT(status.st_mode & 07777, 0700);
    CHECK_STRING(getenv("TMPDIR"), harness_directory());
    CHECK_STRING(getenv("WHERRY_DIR"), harness_path("wherry"));
    CHECK_INT(stat(getenv("WHERRY_DIR"), &status), 0);
}

static void pass_gate(void *gate)
{
    gate_pass(gate);
}

TEST(a_gate_is_passed_once_for_each_time_it_was_opened)
{
    struct harness_gate gate;
    gate_open(&gate);
    CHECK(!gate_is_passed(&gate));
    pid_t pid = harness_child(pass_gate, &gate);
    gate_wait(&gate);
    CHECK(!gate_is_passed(&gate));
    CHECK_INT(harness_wait(pid), 0);
    gate_close(&gate);
}

static void wait_gate(void *gate)
{
    gate_wait(gate);
}

TEST(a_blocked_child_is_seen_to_sleep)
{
    struct harness_gate gate;
    gate_open(&gate);
    pid_t pid = harness_child(wait_gate, &gate);
    harness_wait_blocked(pid);
    gate_pass(&gate);
    CHECK_INT(harness_wait(pid), 0);
    gate_close(&gate);
}

static void end_with_three(void *unused)
{
    (void)unused;
    _exit(3);
}

static void wait_for_nothing(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

TEST(the_end_of_a_child_is_its_status_or_its_signal)
{
    CHECK_INT(harness_wait(harness_child(end_with_three, NULL)), 3);
    pid_t pid = harness_child(wait_for_nothing, NULL);
    kill(pid, SIGTERM);
    CHECK_INT(harness_wait(pid), -SIGTERM);
    harness_kill(harness_child(wait_for_nothing, NULL));
}

TEST(allocations_are_counted)
{
    unsigned long calls = harness_allocations(), blocks = harness_live_blocks();
    size_t bytes = harness_live_bytes();
    char *volatile text = strdup("four");
    CHECK_INT(harness_live_bytes() - bytes, 5);
    text = realloc(text, 100);
    CHECK_INT(harness_live_bytes() - bytes, 100);
    CHECK_INT(harness_live_blocks() - blocks, 1);
    CHECK_INT(harness_allocations() - calls, 2);
    free(text);
    CHECK_INT(harness_live_blocks() - blocks, 0);
    CHECK_INT(harness_live_bytes() - bytes, 0);
}

TEST(many_blocks_are_remembered_and_forgotten)
{
    enum { BLOCKS = 20000 };

    static void *volatile kept[BLOCKS];
    unsigned long blocks = harness_live_blocks();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BLOCKS; i++)
            kept[i] = malloc((size_t)(i % 97) + 1);
        CHECK_INT(harness_live_blocks() - blocks, BLOCKS);
        for (int i = 0; i < BLOCKS; i++)
            free(kept[(i * 7919) % BLOCKS]);
        CHECK_INT(harness_live_blocks() - blocks, 0);
    }
}

TEST(an_allocation_fails_once_or_from_then_on)
{
    void *volatile block[4];
    for (int is_forever = 0; is_forever <= 1; is_forever++) {
        harness_fail_allocation(2, is_forever);
        for (int i = 0; i < 4; i++)
            block[i] = malloc(1);
        CHECK_INT(harness_failed_allocations(), is_forever ? 3 : 1);
        harness_fail_allocation(0, false);
        CHECK(block[0] && !block[1]);
        CHECK_INT(block[2] == NULL, is_forever);
        CHECK_INT(block[3] == NULL, is_forever);
        for (int i = 0; i < 4; i++)
            free(block[i]);
    }
}

static void careful(void *unused)
{
    (void)unused;
    char *volatile first = malloc(10), *volatile second = calloc(1, 10);
    char *volatile third = second ? strdup("a") : NULL;
    free(third);
    free(second);
    free(first);
}

TEST(every_allocation_of_a_scenario_is_failed)
{
    CHECK_INT(harness_each_allocation(careful, NULL), 3);
}

TEST(a_scenario_that_gives_everything_back_cycles)
{
    harness_cycles(200, careful, NULL);
}

TEST(errors_have_names)
{
    CHECK_STRING(harness_errno_name(-EPIPE), "EPIPE");
    CHECK_STRING(harness_errno_name(EAGAIN), "EAGAIN");
    CHECK_INT(harness_errno_number("ENOBUFS"), ENOBUFS);
    CHECK_INT(harness_errno_number("EWOULDBLOCK"), EWOULDBLOCK);
    CHECK_INT(harness_errno_number("ENONE"), 0);
}
