/* SPDX-License-Identifier: MIT */
/*
 * The killer, tested by the subjects of careless.c and operations.c: what is wrong with
 * each is found, and with the good ones nothing.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

enum { OUTPUT_SIZE = 65536, PATIENCE = 30000, OPTIONS = 4 };

static char output[OUTPUT_SIZE];

static int run_careless(const char *subject, const char *mode,
                        const char *const options[OPTIONS])
{
    char self[512];
    char program[sizeof self + 16];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(n > 0);
    self[n] = 0;
    *strrchr(self, '/') = 0;
    snprintf(program, sizeof program, "%s/step-careless", self);
    int file = memfd_create("output", MFD_CLOEXEC);
    const char *argv[OPTIONS + 8] = {program, "--subject", subject, "--mode",
                                     mode,    "--limit",   "60"};
    for (int i = 0; i < OPTIONS && options[i]; i++)
        argv[7 + i] = options[i];
    int status = harness_wait_within(harness_program(argv, -1, file), PATIENCE);
    n = pread(file, output, sizeof output - 1, 0);
    CHECK(n > 0);
    output[n] = 0;
    close(file);
    return status;
}

/* The figure before a word of the line of figures, which is the last line. */
static int figure(const char *word)
{
    char text[32];
    snprintf(text, sizeof text, " %s,", word);
    const char *at = NULL;
    for (const char *next = output; (next = strstr(next, text)); next++)
        at = next;
    CHECK(at);
    while (at > output && at[-1] >= '0' && at[-1] <= '9')
        at--;
    return (int)strtol(at, NULL, 10);
}

static const char *const all[OPTIONS] = {NULL};
static const char *const few[OPTIONS] = {"--points", "2", "--stops", "2"};

static const char *const unreaped[OPTIONS] = {"--unreaped"};

static const struct verdict {
    const char *subject;
    const char *mode;
    const char *const *options;
    const char *says[3]; // all of them
    bool is_good;
} verdicts[] = {
    {"careful", "kill", all, {" 0 lost, 0 torn, 0 hung, 0 leaks, 0 missed"}, true},
    {"careful", "double", all, {" 0 lost, 0 torn, 0 hung, 0 leaks, 0 missed"}, true},
    {"careful", "stop", all, {" 0 lost, 0 torn, 0 hung, 0 leaks, 0 missed"}, true},
    {"careful", "kill", unreaped, {"hung: the lock is held by nobody"}, false},
    {"torn", "kill", all, {"torn: the numbers are 1 and 0", "kills are bad"}, false},
    {"nameless", "kill", all, {"hung: the next one sleeps for ever"}, false},
    {"nameless", "stop", few, {"hung: the next one sleeps for ever"}, false},
    {"nameless", "load", all, {"hung: ", "workers wait for ever"}, false},
    {"spun-for", "kill", few, {"hung: the next one runs for ever"}, false},
    {"repaired-late", "kill", all, {" 0 torn"}, true},
    {"repaired-late", "double", all, {"its recovery at", "torn: the numbers"}, false},
    {"impatient", "kill", all, {" 0 torn"}, true},
    {"impatient", "stop", all, {"torn: the numbers are 1 and 2"}, false},
    {"turns-at-times", "kill", few, {"points were not found again"}, false},
    {"looks-at-its-stack", "kill", all, {" 0 missed"}, true},
    {"looks-at-the-clock", "kill", all, {" 0 missed"}, true},
    {"spins-for-ever", "kill", all, {"the operation has no end"}, false},
    {"sleeps", "kill", all, {" 0 whole, ", " 0 missed"}, true},
    {"sleeps", "stop", all, {" 0 whole, ", " 0 missed"}, true},
    {"is-woken", "kill", all, {" 0 missed"}, true},
    {"is-woken", "stop", all, {" 0 absent, ", " 0 missed"}, true},
    {"leaves-half", "kill", all, {"1 things are left behind"}, false},
    {"removes-half", "kill", all, {" 0 leaks"}, true},
    {"is-left-open", "kill", few, {"1 things are left behind"}, false},
    {"ends-in-a-crash", "kill", few, {"torn: the next one ended with"}, false},
};

static void verdict_is_right(const void *argument)
{
    const struct verdict *verdict = argument;
    int status = run_careless(verdict->subject, verdict->mode, verdict->options);
    CHECK_INT(status, verdict->is_good ? 0 : 1);
    for (int i = 0; i < 3 && verdict->says[i]; i++)
        CHECK_CONTAINS(output, verdict->says[i]);
}

void harness_register(void)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        char name[128];
        snprintf(name, sizeof name, "what_%s_is_in_mode_%s%s_is_told",
                 verdicts[i].subject, verdicts[i].mode,
                 verdicts[i].options == unreaped ? "_with_zombies" : "");
        harness_add(name, verdict_is_right, &verdicts[i]);
    }
}

TEST(another_turn_of_a_loop_is_not_another_point)
{
    enum { INSTRUCTIONS_MOST = 60 };

    CHECK_INT(run_careless("turns", "kill", all), 0);
    CHECK_RANGE(figure("points"), 10, INSTRUCTIONS_MOST);
    CHECK_INT(figure("kills"), figure("points"));
}

TEST(another_state_is_another_point)
{
    CHECK_INT(run_careless("turns", "kill", all), 0);
    int without = figure("points");
    CHECK_INT(run_careless("turns-told", "kill", all), 0);
    CHECK(figure("points") > without + 16);
    CHECK_INT(figure("kills"), figure("points"));
}

TEST(torn_states_of_what_is_only_told_are_counted)
{
    CHECK_INT(run_careless("torn-told", "kill", all), 0);
    CHECK(figure("torn") > 0);
    CHECK(figure("whole") > 0);
    CHECK(figure("absent") > 0);
}

TEST(a_sleep_within_a_system_call_is_a_point)
{
    static const char *const options[OPTIONS] = {"--outcomes"};
    CHECK_INT(run_careless("is-woken", "kill", options), 0);
    CHECK_CONTAINS(output, ", asleep: absent");
    CHECK(figure("whole") > 0);
}

TEST(one_point_can_be_repeated_alone)
{
    static const char *const options[OPTIONS] = {"--point", "1"};
    CHECK_INT(run_careless("torn", "kill", options), 0);
    CHECK_INT(figure("kills"), 1);
    CHECK_INT(figure("absent"), 1);
}

TEST(pairs_have_a_bound_and_are_spread_over_all_points)
{
    static const char *const options[OPTIONS] = {"--pairs", "40"};
    CHECK_INT(run_careless("careful", "double", options), 0);
    CHECK_RANGE(figure("pairs"), 30, 40);
    CHECK(figure("whole") > 0);
    CHECK(figure("absent") > 0);
}

TEST(kills_have_a_bound)
{
    static const char *const options[OPTIONS] = {"--points", "5"};
    CHECK_INT(run_careless("careful", "kill", options), 0);
    CHECK_INT(figure("kills"), 5);
}
