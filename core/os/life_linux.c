/* SPDX-License-Identifier: MIT */
/*
 * Who a process is, and the proof that it has ended.
 *
 * A number alone proves nothing: another process may have it by now.  A pidfd's inode
 * is one process's alone, since Linux 6.9; before, the moment at which the process
 * began. The pidfd is opened first and looked at then, so that what was looked at is
 * what it stands for.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static const long pidfs = 0x50494446; // PID_FS_MAGIC of linux/magic.h

static uint64_t inode_of(int pidfd)
{
    struct statfs system;
    struct stat status;
    bool is_told = fstatfs(pidfd, &system) == 0 && (long)system.f_type == pidfs &&
                   fstat(pidfd, &status) == 0;
    return is_told ? status.st_ino : 0;
}

// 0: /proc does not tell.
static int look_since(int64_t pid, uint64_t *since)
{
    struct os_relative one = {.pid = 0};
    int r = os_relative_look(pid, &one);
    *since = r < 0 ? 0 : one.since;
    return r;
}

static uint64_t since_of(int64_t pid)
{
    uint64_t since;
    (void)look_since(pid, &since);
    return since;
}

int os_life_look(int64_t pid, struct os_life *out)
{
    int pidfd = os_process(pid);
    // A number that is a thread's by now is no process's.
    if (pidfd < 0)
        return pidfd == -EINVAL || pidfd == -ENOENT ? -ESRCH : pidfd;
    *out = (struct os_life){.pid = pid, .inode = inode_of(pidfd)};
    int r = out->inode ? 0 : look_since(pid, &out->since);
    close(pidfd);
    if (r == -EMFILE || r == -ENFILE)
        return r;
    return out->since == 0 && out->inode == 0 ? -ENOENT : 0;
}

static bool is_another(uint64_t known, uint64_t found)
{
    return known != 0 && found != 0 && known != found;
}

int os_life_open(const struct os_life *life)
{
    int pidfd = os_process(life->pid);
    // A number that is a thread's by now is no process's.
    if (pidfd == -EINVAL || pidfd == -ENOENT)
        return -ESRCH;
    if (pidfd < 0)
        return pidfd;
    const uint64_t inode = life->inode ? inode_of(pidfd) : 0;
    const bool is_other =
        inode ? inode != life->inode : is_another(life->since, since_of(life->pid));
    if (!is_other)
        return pidfd;
    close(pidfd);
    return -ESRCH;
}

static bool nobody_has(int64_t pid)
{
    return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

int os_life_has_ended(const struct os_life *life)
{
    int pidfd = os_life_open(life);
    // Without a descriptor left it is known at least that nobody has that number.
    if (pidfd < 0 && (pidfd == -ESRCH || nobody_has(life->pid)))
        return 1;
    if (pidfd < 0)
        return pidfd;
    struct os_wait end = {.fd = pidfd, .events = os_wait_in};
    int r = os_wait(&end, 1, WHERRY_POLL) == 1;
    close(pidfd);
    return r;
}
