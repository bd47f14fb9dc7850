/* SPDX-License-Identifier: MIT */
/*
 * Why a program that was asked something says nothing.
 *
 * The usual reason is a buffer: it has answered, into memory of its own, and waits for
 * the next question, as its parent waits for the answer.  From outside this looks as a
 * program that has read all, at its stdin, and waits there for more.
 */
#include <stdio.h>

#include "inspect/inspect.h"

static const char reading[] = "has read all that it was sent and waits for more; if it "
                              "has answered, the answer is "
                              "in a buffer of its own: have it write each one "
                              "(fflush(3), python3 -u, stdbuf -oL)";

int wherry_inspect_silence(int64_t pid, char *out, size_t size)
{
    struct wherry_process_state state;
    char name[sizeof(state.name)];
    int r = wherry_inspect_state(pid, &state, sizeof(state));
    if (r < 0)
        return r;
    const bool is_blocked = state.doing == WHERRY_DOING_BLOCKED;
    const bool reads_on =
        is_blocked && (state.reads_stdin ||
                       (state.awaited == WHERRY_AWAITED_INPUT && state.number == 0));
    // Whatever its name is made of, the sentence is for people.
    size_t used = 0;
    for (; state.name[used]; used++) {
        char byte = state.name[used];
        name[used] = '?';
        if (byte >= ' ' && byte < 0x7f)
            name[used] = byte;
    }
    name[used] = 0;
    snprintf(out, size, "%s (process %lld) %s%s", name, (long long)pid,
             is_blocked ? "" : "is ",
             reads_on     ? reading
             : is_blocked ? state.text
                          : wherry_doing_name(state.doing));
    return reads_on ? 1 : 0;
}
