/* SPDX-License-Identifier: MIT */
/*
 * A directory of the program's own, for as long as a verb runs.
 */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "say.h"

// Short, and free of what has a meaning in an address of Wherry's or socat's.
static bool is_plain(const char *path)
{
    return path && path[0] == '/' && strlen(path) < SCRATCH_PATH / 2 &&
           strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                        "/._-") == strlen(path);
}

int scratch_make(const char *verb, char path[SCRATCH_PATH])
{
    const char *parent = getenv("TMPDIR");
    if (!is_plain(parent))
        parent = "/tmp";
    (void)snprintf(path, SCRATCH_PATH, "%s/wherry-%s-XXXXXX", parent, verb);
    if (mkdtemp(path))
        return DONE;
    return say_error(verb,
                     "no directory can be made in %s: %s; set TMPDIR to one where this "
                     "user may write",
                     parent, say_errno(errno));
}

void scratch_empty(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));)
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    (void)closedir(directory);
}

void scratch_remove(const char *path)
{
    scratch_empty(path);
    (void)rmdir(path);
}
