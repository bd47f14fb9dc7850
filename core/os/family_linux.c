/* SPDX-License-Identifier: MIT */
/*
 * Who descends from whom: /proc/PID/stat, proc_pid_stat(5).
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

enum { STAT = 1024, START_TIME = 22, PARENT = 4 };

// A name may have spaces and brackets in it: the fields begin behind the last one.
static int read_fields(const char *stat, struct os_relative *out)
{
    const char *at = strrchr(stat, ')');
    // ") S ": one letter for its state.
    out->is_still = at && at[1] && strchr("TtZXx", at[2]) != NULL;
    for (int field = 2; at && field < START_TIME; field++) {
        at = strchr(at + 1, ' ');
        if (at && field + 1 == PARENT)
            out->parent = strtoll(at + 1, NULL, 10);
    }
    if (!at)
        return -ESRCH;
    out->since = strtoull(at + 1, NULL, 10);
    return 0;
}

int os_relative_look(int64_t pid, struct os_relative *out)
{
    char path[64];
    char stat[STAT];
    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
    int fd = os_open(path, OS_USE_READ);
    if (fd < 0)
        return fd == -ENOENT ? -ESRCH : fd;
    ssize_t size;
    do
        size = read(fd, stat, sizeof(stat) - 1);
    while (size < 0 && errno == EINTR);
    int error = size < 0 ? -errno : -ESRCH; // it ended meanwhile
    close(fd);
    if (size <= 0)
        return error;
    stat[size] = 0;
    out->pid = pid;
    return read_fields(stat, out);
}

static int append(struct os_relative **list, size_t *count,
                  const struct os_relative *one)
{
    bool is_full = (*count & (*count + 1)) == 0; // 0, 1, 3, 7 …
    if (is_full) {
        size_t room = *count * 2 + 1;
        struct os_relative *more = realloc(*list, room * sizeof(**list));
        if (!more)
            return failure_plain(-ENOMEM, "no memory to look at all processes");
        *list = more;
    }
    (*list)[(*count)++] = *one;
    return 0;
}

// The numbers of another namespace, pid_namespaces(7), are other processes here.
static bool has_our_numbers(void)
{
    char text[32] = "";
    ssize_t size = readlink("/proc/self", text, sizeof(text) - 1);
    return size > 0 && strtoll(text, NULL, 10) == getpid();
}

static int read_all(DIR *directory, struct os_relative **list, size_t *count)
{
    const struct dirent *entry;
    int r = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own, readdir(3) NOTES
    while (r >= 0 && (entry = readdir(directory))) {
        struct os_relative one = {.pid = 0};
        int64_t pid = strtoll(entry->d_name, NULL, 10);
        if (pid <= 0)
            continue;
        r = os_relative_look(pid, &one);
        if (r >= 0)
            r = append(list, count, &one);
        else if (r == -ESRCH)
            r = 0;
    }
    return r;
}

int os_everybody(struct os_relative **out, size_t *count)
{
    struct os_relative *list = NULL;
    *count = 0;
    if (!has_our_numbers())
        return failure(-ENOTSUP,
                       "/proc is not mounted, or that of another pid namespace");
    DIR *directory;
    do
        directory = opendir("/proc");
    while (!directory && errno == EINTR);
    if (!directory)
        return failure_plain(-errno, "/proc");
    int r = read_all(directory, &list, count);
    closedir(directory);
    if (r < 0) {
        free(list);
        return failure_plain(r, "looking at all processes");
    }
    *out = list;
    return 0;
}

// A descriptor of that very process: its number may be another's by now.
static int open_relative(const struct os_relative *relative)
{
    struct os_relative now = {.pid = 0};
    int fd = os_process(relative->pid);
    if (fd < 0)
        return fd;
    int r = os_relative_look(relative->pid, &now);
    if (r >= 0 && now.since != relative->since)
        r = -ESRCH;
    if (r >= 0)
        return fd;
    close(fd);
    return r;
}

int os_kill_relative(const struct os_relative *relative, int signal)
{
    int fd = open_relative(relative);
    if (fd < 0)
        return fd;
    int r = os_kill(fd, signal, false);
    close(fd);
    return r;
}

int os_await_relative(const struct os_relative *relative, wherry_deadline deadline)
{
    struct os_wait end = {.fd = open_relative(relative), .events = os_wait_in};
    if (end.fd < 0)
        return end.fd == -ESRCH ? 0 : end.fd;
    int r = os_wait(&end, 1, deadline);
    close(end.fd);
    return r < 0 ? r : 0;
}
