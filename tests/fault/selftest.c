/* SPDX-License-Identifier: MIT */
/*
 * The injector, tested by the scenarios of careless.c: what is wrong with each is
 * found, and with the good ones nothing.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

enum { OUTPUT_SIZE = 65536, PATIENCE = 30000 };

static char output[OUTPUT_SIZE];

static int run_careless(const char *scenario, const char *const options[4])
{
    char program[512];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 32);
    CHECK(n > 0);
    program[n] = 0;
    strcpy(strrchr(program, '/'), "/careless");
    int file = memfd_create("output", MFD_CLOEXEC);
    const char *const argv[] = {program,    "--scenario", scenario,   options[0],
                                options[1], options[2],   options[3], NULL};
    int status = harness_wait_within(harness_program(argv, -1, file), PATIENCE);
    n = pread(file, output, sizeof output - 1, 0);
    CHECK(n > 0);
    output[n] = 0;
    close(file);
    return status;
}

static const struct verdict {
    const char *scenario;
    const char *says[3]; // all of them; none: it is good
} verdicts[] = {
    {"careful", {NULL}},
    {"begins_later", {NULL}},
    {"forgets_the_first",
     {"call 2 (openat) EMFILE: something is left behind", "descriptor ", "/dev/null"}},
    {"forgets_a_block",
     {"call 1 (openat) ENOMEM: something is left behind", "100 bytes"}},
    {"tells_of_an_interrupt", {"call 2 (poll) EINTR: the result was -EINTR"}},
    {"believes_in_whole_messages",
     {"call 2 (sendmsg) SHORT: the scenario failed", "n == 5050 is false"}},
    {"waits_for_ever", {"call 1 (openat) EMFILE: it did not end"}},
    {"calls_it_something_else", {"call 1 (openat) EIO: the result was -EILSEQ"}},
    {"crashes", {"call 1 (openat) EIO: killed by signal 6"}},
};

static void verdict_is_right(const void *argument)
{
    static const char *const none[4] = {"--limit", "60"};
    const struct verdict *verdict = argument;
    CHECK_INT(run_careless(verdict->scenario, none), verdict->says[0] ? 1 : 0);
    for (int i = 0; i < 3 && verdict->says[i]; i++)
        CHECK_CONTAINS(output, verdict->says[i]);
    if (!verdict->says[0])
        CHECK_CONTAINS(output, " 0 bad, 0 missed");
}

void harness_register(void)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        char name[128];
        snprintf(name, sizeof name, "what_%s_is_told", verdicts[i].scenario);
        harness_add(name, verdict_is_right, &verdicts[i]);
    }
}

TEST(one_run_can_be_repeated_alone)
{
    static const char *const options[4] = {"--call", "2", "--fault", "ENFILE"};
    CHECK_INT(run_careless("forgets_the_first", options), 1);
    CHECK_CONTAINS(output, "call 2 (openat) ENFILE: something is left behind");
    CHECK_CONTAINS(output, "injected 1 times; the result was -23");
    CHECK(!strstr(output, "EMFILE"));
}

TEST(the_kernel_itself_loses_the_open_files)
{
    static const char *const options[4] = {"--call", "3", "--fault", "CTRUNC"};
    CHECK_INT(run_careless("sees_lost_files", options), 0);
    CHECK_CONTAINS(output, "injected 1 times; the result was -24");
}

TEST(calls_of_other_threads_are_counted)
{
    static const char *const options[4] = {"--calls"};
    CHECK_INT(run_careless("works_in_a_thread", options), 0);
    CHECK_CONTAINS(output, ": openat: EINTR ENOMEM EMFILE");
}

TEST(calls_of_a_new_process_are_counted_until_its_program_runs)
{
    static const char *const options[4] = {"--calls"};
    CHECK_INT(run_careless("starts_another", options), 0);
    const char *last = strstr(output, ": execve: EAGAIN");
    CHECK(last);
    CHECK(!strstr(last, ": openat:")); // what the program itself opens
}

TEST(a_new_process_has_faults_too)
{
    static const char *const listing[4] = {"--calls"};
    char number[16] = "";
    CHECK_INT(run_careless("starts_another", listing), 0);
    const char *at = strstr(output, ": execve:");
    CHECK(at);
    while (at > output && at[-1] >= '0' && at[-1] <= '9')
        at--;
    snprintf(number, sizeof number, "%d", atoi(at));
    const char *const options[4] = {"--call", number, "--fault", "EIO"};
    CHECK_INT(run_careless("starts_another", options), 0);
    CHECK_CONTAINS(output, "injected 1 times; the result was -5");
}

TEST(an_interrupt_from_then_on_has_an_end)
{
    static const char *const options[4] = {"--call", "2",
                                           "--forever"}; // EINTR is the first
    CHECK_INT(run_careless("careful", options), 0);
    CHECK_CONTAINS(output, "injected 10 times; the result was 0");
}
