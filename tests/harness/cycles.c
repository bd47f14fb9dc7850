/* SPDX-License-Identifier: MIT */
/*
 * Leaks over many cycles: a table of everything that can be counted, before and after.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

enum { WARM_UP = 50, LINE_SIZE = 1024, PAGE_KIB = 4, SETTLING_MILLISECONDS = 1000 };

/* The lines of a file that contain a text. */
static long count_lines(const char *path, const char *text)
{
    char line[LINE_SIZE];
    long count = 0;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        count += strchr(line, '\n') && strstr(line, text);
    if (file)
        fclose(file);
    return count;
}

static long count_descriptors(void)
{
    return harness_descriptors();
}

/* Those with a name in the test's directory: others on the machine have theirs. */
static long count_unix_sockets(void)
{
    return count_lines("/proc/net/unix", harness_directory());
}

static long count_mappings(void)
{
    return count_lines("/proc/self/maps", "");
}

static long count_shared_memory(void)
{
    long count = 0;
    DIR *folder = opendir("/dev/shm");
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat status;
        count += fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
                 S_ISREG(status.st_mode) && status.st_uid == geteuid();
    }
    if (folder)
        closedir(folder);
    return count;
}

static long count_blocks(void)
{
    return (long)harness_live_blocks();
}

static long count_bytes(void)
{
    return (long)harness_live_bytes();
}

static long count_children(void)
{
    siginfo_t any;
    return waitid(P_ALL, 0, &any, WEXITED | WNOWAIT | WNOHANG) == 0 || errno != ECHILD;
}

static long count_resident(void)
{
    char text[128];
    harness_read_file("/proc/self/statm", text, sizeof text);
    char *second = strchr(text, ' ');
    return second ? strtol(second, NULL, 10) * PAGE_KIB : 0;
}

static const struct countable {
    const char *name;
    long (*count)(void);
    long tolerance;
    bool is_exact; // also where a sanitizer or valgrind keeps things of its own
} countables[] = {
    {"descriptors", count_descriptors, 0, true},
    {"named unix sockets", count_unix_sockets, 0, true},
    {"files in /dev/shm", count_shared_memory, 0, true},
    {"mappings", count_mappings, 0, false},
    {"blocks", count_blocks, 0, true},
    {"bytes", count_bytes, 0, true},
    {"children", count_children, 0, true},
    {"KiB of resident memory", count_resident, 64, false},
};

enum { COUNTABLES = sizeof countables / sizeof *countables };

/* What others on the machine have for a moment may go again. */
static long settled(const struct countable *what, long before)
{
    int64_t end =
        harness_now() + (int64_t)harness_stretch(SETTLING_MILLISECONDS) * 1000000;
    long now;
    while ((now = what->count()) > before + what->tolerance && harness_now() < end)
        pause_briefly(2000);
    return now;
}

/* The first thing that has grown, or NULL; how it was and is. */
static const struct countable *grown(const long before[COUNTABLES], long *was, long *is)
{
    for (int i = 0; i < COUNTABLES; i++) {
        const struct countable *what = &countables[i];
        if (!what->is_exact && harness_is_slow())
            continue;
        *was = before[i];
        *is = settled(what, before[i]);
        if (*is > *was + what->tolerance)
            return what;
    }
    return NULL;
}

void harness_cycles(unsigned long count, void (*scenario)(void *argument),
                    void *argument)
{
    enum { ROUNDS = 3 };
    const struct countable *what = NULL;
    long before[COUNTABLES], was, is;
    for (int i = 0; i < WARM_UP; i++)
        scenario(argument);
    // What fills a cache of the C library once does not grow in every round.
    for (int round = 0; round < ROUNDS && (round == 0 || what); round++) {
        for (int i = 0; i < COUNTABLES; i++)
            before[i] = countables[i].count();
        for (unsigned long i = 0; i < count; i++)
            scenario(argument);
        what = grown(before, &was, &is);
        if (what && what->is_exact)
            break;
    }
    if (what)
        FAIL("%s were %ld and are %ld after %lu cycles", what->name, was, is, count);
    harness_note("%lu cycles, and nothing has grown", count);
}
