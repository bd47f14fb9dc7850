/* SPDX-License-Identifier: MIT */
/*
 * Signals that the program sends, and prints when they arrive.
 */
#include "shell.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// A receiver is signalled only once it blocks the signal (--ready).
TEST(a_number_arrives_with_who_sent_it)
{
    char line[128];
    shell("wherry signal --wait --count 2 RTMIN USR1 2>said &\n"
          "wherry signal --ready --value -5 SIGRTMIN $!\n"
          "kill -s USR1 $!; echo $$ >&2; wait; rm said");
    CHECK_INT(said.status, 0);
    CHECK_CONTAINS(said.out, "RTMIN\t-5\tprocess ");
    CHECK_CONTAINS(said.out, ", as it says\n");
    // The shell's own kill(2) is vouched for by the kernel.
    snprintf(line, sizeof line, "USR1\t\tprocess %d of user %d\n",
             (int)strtol(said.err, NULL, 10), (int)getuid());
    CHECK_CONTAINS(said.out, line);
}

TEST(without_a_number_none_is_printed)
{
    shell("wherry signal --wait --count 1 RTMIN+3 2>said &\n"
          "wherry signal --ready RTMIN+3 $!; wait; rm said");
    CHECK_CONTAINS(said.out, "RTMIN+3\t\tprocess ");
    CHECK(strstr(said.out, "as it says") == NULL);
}

TEST(several_processes_are_signalled_and_one_that_is_gone_is_told)
{
    shell("sh -c 'exit 0' & gone=$!; wait\n"
          "wherry signal --wait --count 1 RTMIN 2>said &\n"
          "wherry signal --ready --value 1 RTMIN $gone $!; echo $?; wait; rm said");
    CHECK_CONTAINS(said.out, "RTMIN\t1\tprocess ");
    CHECK_CONTAINS(said.out, "1\n");
    CHECK_CONTAINS(said.err, "no such process");
}

TEST(ready_does_not_end_a_process_that_is_not)
{
    shell("sleep 20 & wherry signal --ready --timeout 50ms USR1 $!; echo $?\n"
          "kill -0 $! && echo alive; kill $!");
    CHECK_STRING(said.out, "1\nalive\n");
    CHECK_CONTAINS(said.err, "neither blocks nor handles USR1");
}

TEST(ready_is_who_ignores_it_and_who_would_not_end_by_it)
{
    CHECK_SHELL("trap '' USR2; sleep 20 & trap - USR2\n"
                "wherry signal --ready --timeout 5s USR2 $! && echo ignored\n"
                "wherry signal --ready --timeout 5s WINCH $! && echo harmless\n"
                "kill $!",
                "ignored\nharmless\n");
}

TEST(ready_does_not_wait_for_who_has_ended)
{
    struct beside victim, waiter;
    char command[128];
    beside_start(&victim, "sh -c 'echo up; exec sleep 20'");
    CHECK_STRING(beside_line(&victim), "up");
    snprintf(command, sizeof command, "wherry signal --ready USR1 %d", victim.pid);
    beside_start(&waiter, command);
    harness_wait_blocked(waiter.pid);
    CHECK_INT(kill(victim.pid, SIGKILL), 0); // and nobody waits for it
    CHECK_CONTAINS(beside_line(&waiter), "o such process");
    CHECK_INT(beside_end(&waiter), 1);
    CHECK_INT(beside_end(&victim), -SIGKILL);
}

TEST(senders_that_go_on_do_not_end_it_otherwise)
{
    static const char *const receivers[][2] = {
        {"ALRM", "signal --wait --count 5 ALRM"},
        {"RTMIN", "recv --count 5 --raw signal:self"}};
    for (int i = 0; i < 10; i++) {
        char script[512];
        snprintf(script, sizeof script,
                 "wherry %s >said 2>&1 & it=$!\n"
                 "wherry signal --ready %s $it\n"
                 "while kill -s %s $it 2>errors; do :; done\n"
                 "wait $it; echo $?; rm said errors",
                 receivers[i % 2][1], receivers[i % 2][0], receivers[i % 2][0]);
        shell(script);
        CHECK_STRING(said.out, "0\n");
    }
}

TEST(a_wait_that_is_interrupted_ends_by_the_signal)
{
    struct beside beside;
    beside_start(&beside, "wherry signal --wait USR1");
    CHECK_CONTAINS(beside_line(&beside), "listening at signal:");
    CHECK_INT(kill(beside.pid, SIGTERM), 0);
    CHECK_INT(beside_end(&beside), -SIGTERM);
}

TEST(a_wait_ends_when_nothing_comes)
{
    shell("wherry signal --wait --timeout 20ms USR1");
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "the deadline passed");
}

static const struct {
    const char *arguments;
    int status;
    const char *said;
} wrong[] = {
    {"", 2, "something is missing"},
    {"USR1", 2, "to which process?"},
    {"USR3 1", 2, "no signal \"USR3\""},
    {"USR1 0", 2, "0 is no process's number"},
    {"USR1 -- -1", 2, "-1 is no process's number"},
    {"USR1 self", 2, "self is no process's number"},
    {"USR1 ''", 2, "is no process's number"},
    {"USR1 99999999999", 2, "99999999999 is no process's number"},
    {"--value x USR1 1", 2, "it must be a number from -2147483648"},
    {"--value 2147483648 USR1 1", 2, "an int"},
    {"--wait --value 1 USR1", 2, "--value is for sending"},
    {"--ready KILL 1", 2, "no process can block or handle KILL"},
    {"--wait --ready USR1", 2, "--ready is for sending"},
    {"--count 1 USR1 1", 2, "--count is for --wait"},
    {"--wait KILL", 2, "no process can receive it"},
    {"--wait USR1 SEGV", 2, "a fault of the program"},
    {"--wait USR9", 2, "no signal \"USR9\""},
    {"USR1 999999999", 1, "no such process"},
};

TEST(what_makes_no_sense_is_refused)
{
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char script[256];
        snprintf(script, sizeof script, "wherry signal %s", wrong[i].arguments);
        shell(script);
        CHECK_CONTAINS(said.err, wrong[i].said);
        CHECK_INT(said.status, wrong[i].status);
    }
}
