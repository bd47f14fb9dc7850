/* SPDX-License-Identifier: MIT */
/*
 * How a process ended, in words.
 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <wherry/channel.h>
#include <wherry/process.h>

#include "process/process.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { ENOUGH = 96 }; // as the contract says

static const struct {
    struct wherry_exit how;
    const char *text;
} endings[] = {
    {{.code = 0}, "exit 0"},
    {{.code = 1}, "exit 1"},
    {{.code = 3}, "exit 3"},
    {{.code = 127}, "exit 127"},
    {{.code = 255}, "exit 255"},
    // What it took is not told.
    {{.code = 2, .user_time = 7, .system_time = 8, .memory_most = 9}, "exit 2"},
    {{.code = -1, .signal = SIGKILL}, "SIGKILL, killed"},
    {{.code = -1, .signal = SIGTERM}, "SIGTERM, asked to end"},
    {{.code = -1, .signal = SIGINT}, "SIGINT, interrupt from the keyboard"},
    {{.code = -1, .signal = SIGPIPE}, "SIGPIPE, nobody reads what it wrote"},
    {{.code = -1, .signal = SIGSEGV}, "SIGSEGV, segmentation fault"},
    {{.code = -1, .signal = SIGSEGV, .core = 1},
     "SIGSEGV, segmentation fault, core dumped"},
    {{.code = -1, .signal = SIGABRT, .core = 1}, "SIGABRT, abort, core dumped"},
    {{.code = -1, .signal = SIGBUS, .core = 1},
     "SIGBUS, access to memory that is not there, core dumped"},
    // Those that mean what the two programs agree on.
    {{.code = -1, .signal = SIGUSR1}, "SIGUSR1"},
    {{.code = -1, .signal = SIGUSR2, .core = 1}, "SIGUSR2, core dumped"},
    // One without a name.
    {{.code = -1, .signal = 32}, "SIG32"},
    {{.code = -1, .signal = 32, .core = 1}, "SIG32, core dumped"},
};

TEST(an_end_is_told_in_words)
{
    for (size_t i = 0; i < COUNT(endings); i++) {
        char text[ENOUGH];
        CHECK_INT(wherry_exit_text(&endings[i].how, text, sizeof(text)), 0);
        CHECK_STRING(text, endings[i].text);
    }
}

TEST(signals_that_are_queued_have_their_names)
{
    const struct wherry_exit first = {.code = -1, .signal = SIGRTMIN};
    const struct wherry_exit fourth = {.code = -1, .signal = SIGRTMIN + 3};
    const struct wherry_exit last = {.code = -1, .signal = SIGRTMAX, .core = 1};
    char text[ENOUGH];
    CHECK_INT(wherry_exit_text(&first, text, sizeof(text)), 0);
    CHECK_STRING(text, "SIGRTMIN");
    CHECK_INT(wherry_exit_text(&fourth, text, sizeof(text)), 0);
    CHECK_STRING(text, "SIGRTMIN+3");
    CHECK_INT(wherry_exit_text(&last, text, sizeof(text)), 0);
    CHECK_STRING(text, "SIGRTMAX, core dumped");
}

TEST(every_code_and_every_signal_fits)
{
    char text[ENOUGH];
    for (int code = 0; code < 256; code++) {
        char expected[16];
        const struct wherry_exit how = {.code = code};
        snprintf(expected, sizeof(expected), "exit %d", code);
        CHECK_INT(wherry_exit_text(&how, text, sizeof(text)), 0);
        CHECK_STRING(text, expected);
    }
    for (int signal = 1; signal < OS_SIGNALS; signal++) {
        char expected[2 * ENOUGH];
        char name[OS_SIGNAL_NAME];
        const struct wherry_exit how = {.code = -1, .signal = signal, .core = 1};
        const char *meaning = os_signal_meaning(signal);
        os_signal_name(signal, name);
        snprintf(expected, sizeof(expected), "SIG%s%s%s, core dumped", name,
                 meaning ? ", " : "", meaning ? meaning : "");
        CHECK_INT(wherry_exit_text(&how, text, sizeof(text)), 0);
        CHECK_STRING(text, expected);
    }
}

TEST(what_ends_a_process_by_itself_has_a_meaning)
{
    static const int faults[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
                                 SIGSYS, SIGKILL, SIGSEGV, SIGXCPU, SIGXFSZ};
    for (size_t i = 0; i < COUNT(faults); i++) {
        const struct wherry_exit how = {.code = -1, .signal = faults[i]};
        char text[ENOUGH];
        CHECK_INT(wherry_exit_text(&how, text, sizeof(text)), 0);
        CHECK_CONTAINS(text, ", ");
    }
}

// With a place of each size from none to one too few; nothing behind it is touched.
static void check_room(const struct wherry_exit *how, const char *whole)
{
    const size_t needed = strlen(whole) + 1;
    for (size_t size = 0; size <= needed; size++) {
        char sentence[96];
        char text[ENOUGH + 1];
        memset(text, '#', sizeof(text));
        int r = wherry_exit_text(how, text, size);
        for (size_t i = size; i < sizeof(text); i++)
            CHECK_INT(text[i], '#');
        if (size == needed) {
            CHECK_INT(r, 0);
            CHECK_STRING(text, whole);
            return;
        }
        CHECK_ERROR(r, -ENOSPC);
        snprintf(sentence, sizeof(sentence),
                 "%zu bytes are needed for how a process ended, not %zu", needed, size);
        CHECK_CONTAINS(wherry_error_text(), sentence);
    }
}

TEST(an_end_needs_its_room_to_the_byte)
{
    for (size_t i = 0; i < COUNT(endings); i++)
        check_room(&endings[i].how, endings[i].text);
}
