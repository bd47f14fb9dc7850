/* SPDX-License-Identifier: MIT */
/*
 * The directory that each test has to itself, and what it leaves in it.  The keeper
 * makes it before the test and removes it after, whatever happened in between.  And a
 * /dev/shm of its own, for those that ask.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

enum { PATHS = 8, PATH_SIZE = 512 };

static char directory[256];

int directory_make(void)
{
    const char *parent = getenv("TMPDIR");
    int n = snprintf(directory, sizeof directory, "%s/wherry-test-XXXXXX",
                     parent && *parent ? parent : "/tmp");
    if (n >= (int)sizeof directory)
        return -ENAMETOOLONG;
    if (!mkdtemp(directory))
        return -errno;
    const char *names = harness_path("wherry");
    if (mkdir(names, 0700) < 0 || setenv("WHERRY_DIR", names, 1) < 0 ||
        setenv("TMPDIR", directory, 1) < 0)
        return -errno;
    return 0;
}

const char *harness_directory(void)
{
    return directory;
}

const char *harness_path(const char *name)
{
    static _Thread_local char paths[PATHS][PATH_SIZE];
    static _Thread_local unsigned turn;
    char *path = paths[turn++ % PATHS];
    if (snprintf(path, PATH_SIZE, "%s/%s", directory, name) >= PATH_SIZE)
        FAIL("a path is too long: %s/%s", directory, name);
    return path;
}

static void remember_made(const char *name)
{
    int i = atomic_fetch_add(&harness_report->made, 1);
    if (i >= MADE_MOST || strlen(name) >= MADE_NAME)
        FAIL("too many files for one test, or too long a name: %s", name);
    strcpy(harness_report->names[i], name);
}

void harness_write_file(const char *name, const void *bytes, size_t size)
{
    const char *path = harness_path(name), *next = bytes;
    if (access(path, F_OK) < 0)
        remember_made(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    while (fd >= 0 && size) {
        ssize_t n = write(fd, next, size);
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0) {
            next += n;
            size -= (size_t)n;
        }
    }
    if (fd < 0 || size)
        FAIL("%s: %s", path, harness_errno_name(errno));
    close(fd);
}

size_t harness_read_file(const char *path, char *text, size_t size)
{
    size_t have = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && have < size - 1) {
        ssize_t n = read(fd, text + have, size - 1 - have);
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
        if (n > 0)
            have += (size_t)n;
    }
    if (fd >= 0)
        close(fd);
    text[have] = 0;
    return have;
}

static bool is_ours(const char *name)
{
    int made = atomic_load(&harness_report->made);
    for (int i = 0; i < made && i < MADE_MOST; i++)
        if (strcmp(harness_report->names[i], name) == 0)
            return true;
    return strcmp(name, "wherry") == 0;
}

// What is in a folder before itself; the sum of what `visit` returns.
static int each_below(const char *folder, int (*visit)(const char *path))
{
    int sum = 0;
    DIR *list = opendir(folder);
    if (!list && errno == EACCES && chmod(folder, 0700) == 0)
        list = opendir(folder);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        char path[PATH_MAX];
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
            sum += each_below(path, visit);
        sum += visit(path);
    }
    if (list)
        closedir(list);
    return sum;
}

static int name_leak(const char *path)
{
    if (is_ours(path + strlen(directory) + 1))
        return 0;
    dprintf(STDERR_FILENO, "left behind: file %s\n", path);
    return 1;
}

int directory_leaks(void)
{
    return each_below(directory, name_leak);
}

static int remove_one(const char *path)
{
    if (remove(path) == 0)
        return 0;
    dprintf(STDERR_FILENO, "cannot remove %s: %s\n", path, harness_errno_name(errno));
    return 1;
}

void directory_remove(void)
{
    (void)each_below(directory, remove_one);
    (void)remove_one(directory);
}

void harness_own_memory(void)
{
    if (unshare(CLONE_NEWNS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        (void)mount("none", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}
