/* SPDX-License-Identifier: MIT */
/*
 * Doorbells of leases and queues: FIFOs in the user's directory of Wherry's, by which
 * whoever waits there is woken.
 *
 * The owner of one has it open to be read from as long as it lives, and takes it away;
 * one that is killed leaves it, for those who share the object to take away.  Where
 * that is gone by then nobody does.  Whether anybody reads from it the kernel says to
 * whoever opens it to write: nobody waits there for its other end, so that disturbs
 * nobody.
 *
 * An owner that has made its bell and not opened it yet has none to read.  So one is
 * moved aside before it is asked about for the last time: whoever makes it finds it
 * gone then, and makes another.
 */
#define _GNU_SOURCE
#include "inspect/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ASIDE = LINK_MOST + 32 };

bool doorbell_is_named(const char *name)
{
    static const char suffix[] = ".bell";
    const size_t size = strlen(name);
    const size_t tail = sizeof(suffix) - 1;
    return size > tail && strcmp(name + size - tail, suffix) == 0;
}

/* One that an address names: in the directory of this user's. */
struct bell {
    int directory;
    char name[LINK_MOST];
};

// Errors: -ENOTSUP (it is another FIFO), -EINVAL.
static int bell_place(const struct wherry_ipc_object *object, struct bell *out)
{
    char own[LINK_MOST];
    char path[LINK_MOST];
    if (!rest_read(object->address, path, sizeof(path)))
        return -EINVAL;
    char *slash = strrchr(path, '/');
    if (!slash || !doorbell_is_named(slash + 1))
        return -ENOTSUP;
    *slash = 0;
    out->directory = shelf_open_own(own, sizeof(own));
    if (out->directory < 0)
        return -ENOTSUP;
    if (strcmp(own, path) != 0) {
        close(out->directory);
        return -ENOTSUP;
    }
    snprintf(out->name, sizeof(out->name), "%s", slash + 1);
    return 0;
}

// Whether that is still the one that was seen.  Errors: -ESTALE, -ENOENT …
static int check_that(int directory, const char *name,
                      const struct wherry_ipc_object *object)
{
    struct file_look look;
    int r = file_look(directory, name, false, &look);
    if (r < 0)
        return r;
    const bool is_that = S_ISFIFO(look.mode) && look.user == (int64_t)geteuid() &&
                         look.inode == object->inode &&
                         look.major == object->device_major &&
                         look.minor == object->device_minor;
    return is_that ? 0 : -ESTALE;
}

// 0: nobody.  Errors: -EBUSY; as open(2).
static int look_who_reads(int directory, const char *name,
                          const struct wherry_ipc_object *object)
{
    int r = check_that(directory, name, object);
    if (r < 0)
        return r;
    int fd = openat(directory, name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    r = fd < 0 ? -errno : -EBUSY;
    if (fd >= 0)
        close(fd);
    return r == -ENXIO ? 0 : r;
}

int ask_doorbell(const struct wherry_ipc_object *object, const char **why)
{
    struct bell bell;
    int r = bell_place(object, &bell);
    if (r < 0) {
        *why = "the kernel does not say who uses it";
        return -1;
    }
    r = look_who_reads(bell.directory, bell.name, object);
    close(bell.directory);
    *why = r == 0                         ? ""
           : r == -EBUSY                  ? "the kernel says so"
           : r == -ENOENT || r == -ESTALE ? "it has changed since it was seen"
                                          : "the kernel does not let it be asked";
    return r == 0 ? 0 : r == -EBUSY ? 1 : -1;
}

// Back to its name, unless there is another one by now.
static void put_back(const struct bell *bell, const char *aside)
{
    (void)linkat(bell->directory, aside, bell->directory, bell->name, 0);
    (void)unlinkat(bell->directory, aside, 0);
}

static int take_aside(const struct bell *bell, const struct wherry_ipc_object *object)
{
    char aside[ASIDE];
    snprintf(aside, sizeof(aside), "%ld.%s", (long)getpid(), bell->name);
    int r = look_who_reads(bell->directory, bell->name, object);
    if (r == 0 && renameat(bell->directory, bell->name, bell->directory, aside) < 0)
        r = -errno;
    if (r < 0)
        return r;
    r = look_who_reads(bell->directory, aside, object);
    if (r == 0)
        return unlinkat(bell->directory, aside, 0) < 0 ? -errno : 0;
    put_back(bell, aside);
    return r;
}

int take_doorbell(const struct wherry_ipc_object *object)
{
    struct bell bell;
    if (object->user != (int64_t)geteuid())
        return -EPERM;
    int r = bell_place(object, &bell);
    if (r < 0)
        return r;
    r = take_aside(&bell, object);
    close(bell.directory);
    return r;
}
