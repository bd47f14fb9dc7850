/* SPDX-License-Identifier: MIT */
/*
 * The directory in which a user's named objects stand.
 *
 * All programs of a user have to meet there, those of cron(8), sudo(8) and a login, so
 * XDG_RUNTIME_DIR is not asked.  Nobody else may get in: in /tmp somebody could have
 * been there first, so what is opened is looked at, not what has the name.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

enum { FOR_OTHERS = 077, PATH = 4096 };

static bool is_of_user(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
           status.st_uid == geteuid();
}

// Programs that run in different directories have to meet.
static int choose_own(const char *chosen, char path[PATH])
{
    if (chosen[0] != '/')
        return failure(-EINVAL,
                       "WHERRY_DIR, the directory of named objects, is \"%s\": it has "
                       "to be a path from / on",
                       chosen);
    return snprintf(path, PATH, "%s", chosen) < PATH
               ? 0
               : failure(-ENAMETOOLONG, "WHERRY_DIR, the directory of named objects, "
                                        "is too long a path");
}

static int choose(char path[PATH])
{
    const char *chosen = os_environment_trusted("WHERRY_DIR");
    const long long user = (long long)geteuid();
    if (chosen && *chosen)
        return choose_own(chosen, path);
    snprintf(path, PATH, "/run/user/%lld", user);
    if (is_of_user(path))
        snprintf(path, PATH, "/run/user/%lld/wherry", user);
    else
        snprintf(path, PATH, "/tmp/wherry-%lld", user);
    return 0;
}

static int check(int fd, const char *path)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return failure_plain(-errno, path);
    if (status.st_uid != geteuid())
        return failure(-EPERM,
                       "%s belongs to user %lld, not to this one: set WHERRY_DIR to a "
                       "directory of your own",
                       path, (long long)status.st_uid);
    if (status.st_mode & FOR_OTHERS)
        return failure(-EPERM, "%s is open to others: chmod 700 %s", path, path);
    return 0;
}

// Who may put something there must not lead us elsewhere.
static int refuse(int error, const char *path)
{
    struct stat status;
    if (error != -ENOTDIR && error != -ELOOP)
        return failure(error,
                       "%s, the directory of named objects, cannot be opened: %s", path,
                       error_words(error));
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        return failure(error,
                       "%s, the directory of named objects, is a symbolic link: "
                       "set WHERRY_DIR to where that leads",
                       path);
    return failure(error, "%s, the directory of named objects, is no directory", path);
}

int os_directory(void)
{
    char path[PATH];
    int r = choose(path);
    if (r < 0)
        return r;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        r = -errno;
        return failure(r, "%s, the directory of named objects, cannot be made: %s",
                       path, error_words(r));
    }
    int fd;
    do
        fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    fd = fd < 0 ? -errno : os_above_standard(fd);
    if (fd < 0)
        return refuse(fd, path);
    r = check(fd, path);
    if (r >= 0)
        return fd;
    close(fd);
    return r;
}

void os_directory_path(int directory, const char *name, char *out)
{
    snprintf(out, OS_DIRECTORY_PATH, "/proc/self/fd/%d/%s", directory, name);
}

int os_directory_number(uint64_t *out)
{
    ssize_t size;
    do
        size = getrandom(out, sizeof(*out), 0); // so few bytes come all at once
    while (size < 0 && errno == EINTR);
    return size < 0 ? -errno : 0;
}
