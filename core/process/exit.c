/* SPDX-License-Identifier: MIT */
/*
 * How a process ended, in words.
 */
#include "process/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { TEXT = 96 };

int wherry_exit_text(const struct wherry_exit *exit, char *out, size_t size)
{
    char name[OS_SIGNAL_NAME];
    char text[TEXT];
    const char *meaning = os_signal_meaning(exit->signal);
    os_signal_name(exit->signal, name);
    if (exit->signal == 0)
        snprintf(text, sizeof(text), "exit %d", exit->code);
    else
        snprintf(text, sizeof(text), "SIG%s%s%s%s", name, meaning ? ", " : "",
                 meaning ? meaning : "", exit->core ? ", core dumped" : "");
    if (strlen(text) >= size)
        return failure(-ENOSPC, "%zu bytes are needed for how a process ended, not %zu",
                       strlen(text) + 1, size);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}
