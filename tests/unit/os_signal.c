/* SPDX-License-Identifier: MIT */
/*
 * Signals: their names, what si_code tells of where one comes from, and which no
 * receiver can have.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>

#include "harness.h"
#include "os/os.h"

static const struct {
    int number;
    int code;
    enum wherry_source source;
    bool has_value;
    bool is_vouched;
} origins[] = {
    {SIGTERM, SI_USER, WHERRY_SOURCE_PROCESS, false, true},
    {SIGTERM, SI_TKILL, WHERRY_SOURCE_PROCESS, false, true},
    {SIGTERM, SI_QUEUE, WHERRY_SOURCE_PROCESS, true, false},
    {SIGINT, SI_KERNEL, WHERRY_SOURCE_KERNEL, false, true},
    {SIGALRM, SI_TIMER, WHERRY_SOURCE_TIMER, true, false},
    {SIGUSR1, SI_MESGQ, WHERRY_SOURCE_KERNEL, true, false},
    {SIGUSR1, SI_ASYNCIO, WHERRY_SOURCE_KERNEL, true, false},
    {SIGIO, SI_SIGIO, WHERRY_SOURCE_KERNEL, false, false},
    {SIGIO, POLL_IN, WHERRY_SOURCE_KERNEL, false, true},
    {SIGCHLD, CLD_EXITED, WHERRY_SOURCE_PROCESS, false, true},
    {SIGSEGV, SEGV_MAPERR, WHERRY_SOURCE_FAULT, false, true},
    {SIGBUS, BUS_ADRALN, WHERRY_SOURCE_FAULT, false, true},
    {SIGFPE, FPE_INTDIV, WHERRY_SOURCE_FAULT, false, true},
    {SIGILL, ILL_ILLOPC, WHERRY_SOURCE_FAULT, false, true},
    {SIGTRAP, TRAP_BRKPT, WHERRY_SOURCE_FAULT, false, true},
    {SIGSYS, 1, WHERRY_SOURCE_FAULT, false, true},
    {SIGUSR1, -60, WHERRY_SOURCE_PROCESS, false, false}, // whatever a process writes
    {SIGSEGV, SI_USER, WHERRY_SOURCE_PROCESS, false, true},
};

TEST(the_code_of_a_signal_tells_what_it_came_from)
{
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        struct os_signal origin;
        const struct os_signal_cause cause = {origins[i].number, origins[i].code, 7, 0};
        os_signal_explain(&cause, &origin);
        CHECK_INT(origin.source, origins[i].source);
        CHECK_INT(origin.has_value, origins[i].has_value);
        CHECK_INT(origin.is_vouched, origins[i].is_vouched);
        bool is_process = origins[i].source == WHERRY_SOURCE_PROCESS;
        CHECK_INT(origin.pid, is_process ? 7 : -1);
        CHECK_INT(origin.uid, is_process ? 0 : -1);
    }
}

// The kernel writes nothing down when it has no place to: only then is all of it 0.
TEST(what_is_all_zero_was_signed_by_nobody)
{
    static const struct os_signal_cause causes[] = {{SIGUSR1, SI_USER, 0, 0},
                                                    {SIGUSR1, SI_USER, 7, 0},
                                                    {SIGUSR1, SI_USER, 0, 7},
                                                    {SIGUSR1, SI_TKILL, 0, 0}};
    for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
        struct os_signal origin;
        os_signal_explain(&causes[i], &origin);
        CHECK_INT(origin.is_vouched, i > 0);
        CHECK_INT(origin.source, i > 0 ? WHERRY_SOURCE_PROCESS : WHERRY_SOURCE_NONE);
    }
}

TEST(every_number_has_a_name_that_is_read_again)
{
    char name[OS_SIGNAL_NAME];
    for (int number = 1; number < OS_SIGNALS; number++) {
        os_signal_name(number, name);
        CHECK_INT(os_signal_number(name), number);
    }
    CHECK_INT(os_signal_number("SIGCLD"), SIGCHLD);
    CHECK_INT(os_signal_number("RTMAX-1"), SIGRTMAX - 1);
    CHECK_INT(os_signal_first_queued(), SIGRTMIN);
}

TEST(what_is_no_name_is_refused)
{
    static const char *const wrong[] = {
        "",         "0",      "65",        "100",    "1x",      "-1",      "+1",
        "SIG",      "sigint", "SIGSIGINT", "RTMIN+", "RTMIN-1", "RTMAX+1", "RTMIN+99",
        "RTMAX-99", "RTMIN1", "RTMIN+1x",  "INT ",   " INT"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (os_signal_number(wrong[i]) != -EINVAL)
            FAIL("\"%s\" is taken for a signal", wrong[i]);
}

TEST(what_no_receiver_can_have_is_refused_with_a_reason)
{
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,
                                  SIGFPE,  SIGILL,  SIGTRAP, SIGSYS};
    bool is_refused[OS_SIGNALS] = {false};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        is_refused[refused[i]] = true;
    for (int number = SIGSYS + 1; number < SIGRTMIN; number++)
        is_refused[number] = true; // the C library's own
    for (int number = 1; number < OS_SIGNALS; number++)
        CHECK_INT(os_signal_refused(number) != NULL, is_refused[number]);
}
