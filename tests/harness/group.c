/* SPDX-License-Identifier: MIT */
/*
 * A control group of memory, cgroups(7): what processes and the kernel on their behalf
 * have, counted together, and bounded if that is wanted.  The first version of them
 * has a tree of its own for memory, the second one for all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

static const struct version {
    const char *root;
    const char *usage;
    const char *most;
} versions[] = {
    {"/sys/fs/cgroup/memory", "memory.usage_in_bytes", "memory.limit_in_bytes"},
    {"/sys/fs/cgroup", "memory.current", "memory.max"},
};

enum { VERSIONS = sizeof versions / sizeof *versions };

static const char *member(const struct harness_group *group, const char *name)
{
    static char path[2 * HARNESS_GROUP];
    snprintf(path, sizeof path, "%s/%s", group->path, name);
    return path;
}

static bool write_number(const struct harness_group *group, const char *name,
                         long number)
{
    char text[32];
    const int size = snprintf(text, sizeof text, "%ld", number);
    const int fd = open(member(group, name), O_WRONLY | O_CLOEXEC);
    const bool is_written = fd >= 0 && write(fd, text, (size_t)size) == size;
    if (fd >= 0)
        close(fd);
    return is_written;
}

static bool make(struct harness_group *group, const struct version *version, long most)
{
    snprintf(group->path, sizeof group->path, "%s/wherry-test-%d", version->root,
             (int)getpid());
    if (mkdir(group->path, 0700) < 0)
        return false;
    if (access(member(group, version->usage), R_OK) == 0 &&
        (most == 0 || write_number(group, version->most, most)))
        return true;
    rmdir(group->path);
    return false;
}

bool group_open(struct harness_group *group, long most)
{
    for (int i = 0; i < VERSIONS; i++) {
        group->version = i;
        if (make(group, &versions[i], most))
            return true;
    }
    group->path[0] = 0;
    return false;
}

void group_join(const struct harness_group *group)
{
    CHECK(write_number(group, "cgroup.procs", (long)getpid()));
}

void group_leave(const struct harness_group *group)
{
    struct harness_group all;
    snprintf(all.path, sizeof all.path, "%s", versions[group->version].root);
    CHECK(write_number(&all, "cgroup.procs", (long)getpid()));
}

long group_bytes(const struct harness_group *group)
{
    char text[64];
    harness_read_file(member(group, versions[group->version].usage), text, sizeof text);
    return strtol(text, NULL, 10);
}

static bool is_removed(void *group)
{
    return rmdir(((struct harness_group *)group)->path) == 0 || errno == ENOENT;
}

void group_close(struct harness_group *group)
{
    if (group->path[0])
        harness_until(is_removed, group);
    group->path[0] = 0;
}
