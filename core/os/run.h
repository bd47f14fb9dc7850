/* SPDX-License-Identifier: MIT */
/*
 * How a new process becomes its program, by libwherry's hand or by wherry-guard's
 * (../../guard).  Raw system calls alone: memory is shared with the parent meanwhile.
 */
#ifndef OS_RUN_H
#define OS_RUN_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Runs the first of `files` (NULL at the end) that is there, as execvp(3): one that may
 * not be run is told only if none can be.  Returns only on failure, a negative errno
 * which is the file's at `*index`. */
static inline int os_run(const char *const *files, const char *const *arguments,
                         const char *const *environment, size_t *index)
{
    const bool is_one = !files[0] || !files[1];
    int told = -ENOENT;
    for (size_t i = 0; files[i]; i++) {
        (void)syscall(SYS_execve, (intptr_t)files[i], (intptr_t)arguments,
                      (intptr_t)environment);
        const int r = -errno;
        bool is_elsewhere = r == -ENOENT || r == -ENOTDIR;
        if (told == -ENOENT && (!is_elsewhere || is_one)) {
            *index = i;
            told = r;
        }
        if (!is_elsewhere && r != -EACCES)
            break;
    }
    return told;
}

#endif
