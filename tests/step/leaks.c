/* SPDX-License-Identifier: MIT */
/*
 * What a run has left: everything that outlives a process and has a number.  Only
 * counted, for there are thousands of runs; the keeper of the test names what is there
 * in the end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "harness.h"
#include "parts.h"

enum { GOING_MILLISECONDS = 500 };

static int count_names(const char *path)
{
    int count = 0;
    DIR *folder = opendir(path);
    struct dirent *entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own, readdir(3) NOTES
    while (folder && (entry = readdir(folder)))
        count += *entry->d_name != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* The lines of a table of /proc: one for each object of this namespace. */
static int count_lines(const char *path)
{
    char text[4096];
    int count = 0;
    FILE *file = fopen(path, "re");
    for (size_t n; file && (n = fread(text, 1, sizeof text, file)) > 0;)
        for (size_t i = 0; i < n; i++)
            count += text[i] == '\n';
    if (file)
        fclose(file);
    return count;
}

static bool has_children(void)
{
    siginfo_t any;
    return waitid(P_ALL, 0, &any, WEXITED | WNOWAIT | WNOHANG) == 0 || errno != ECHILD;
}

int leaks_count(void)
{
    int count = harness_descriptors() + has_children();
    count += count_names(harness_directory());
    count += count_names(harness_path("wherry"));
    count += count_names("/dev/shm");
    count += count_lines("/proc/sysvipc/msg");
    count += count_lines("/proc/sysvipc/sem");
    count += count_lines("/proc/sysvipc/shm");
    return count;
}

int leaks_since(int before)
{
    int64_t end =
        harness_now() + (int64_t)harness_stretch(GOING_MILLISECONDS) * 1000000;
    int now;
    while ((now = leaks_count()) > before && harness_now() < end)
        poll(NULL, 0, 1);
    return now > before ? now - before : 0;
}
