/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues: mq_overview(7).
 *
 * A descriptor of one is a descriptor like any other on Linux: it polls, and is closed
 * and copied like them.
 */
#define _GNU_SOURCE
#include "os/os.h"
#include "os/written.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

/* --- limits -------------------------------------------------------------- */

// A number of /proc/sys/fs/mqueue; -1 where the kernel does not show it.
static int64_t system_number(const char *name)
{
    char path[64];
    char text[32];
    snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (size <= 0)
        return -1;
    text[size] = 0;
    return strtoll(text, NULL, 10);
}

void os_mq_limits(struct os_mq_limits *out)
{
    struct rlimit bytes = {.rlim_cur = 0};
    *out = (struct os_mq_limits){.messages = system_number("msg_max"),
                                 .message_size = system_number("msgsize_max"),
                                 .queues = system_number("queues_max"),
                                 .user_bytes = -1};
    if (getrlimit(RLIMIT_MSGQUEUE, &bytes) == 0 && bytes.rlim_cur <= INT64_MAX)
        out->user_bytes = (int64_t)bytes.rlim_cur;
}

/* --- opening ------------------------------------------------------------- */

// The kernel's own choice is never more than it allows.
static int64_t standard_number(const char *standard, const char *most)
{
    int64_t number = system_number(standard);
    int64_t limit = system_number(most);
    return limit >= 0 && limit < number ? limit : number;
}

// mq_open(3) takes both numbers or none.
static int choose_room(const struct os_mq_plan *plan, struct mq_attr *room)
{
    int64_t messages =
        plan->messages ? plan->messages : standard_number("msg_default", "msg_max");
    int64_t size = plan->message_size
                       ? plan->message_size
                       : standard_number("msgsize_default", "msgsize_max");
    if (messages < 0 || size < 0)
        return -ENOTSUP;
    room->mq_maxmsg = (long)messages;
    room->mq_msgsize = (long)size;
    return 0;
}

static int open_named(const struct os_mq_plan *plan, int flags, struct mq_attr *room)
{
    int way = plan->writes ? O_WRONLY : O_RDONLY;
    mode_t mode = (mode_t)plan->mode;
    int fd = mq_open(plan->name, way | flags | O_NONBLOCK | O_CLOEXEC, mode, room);
    return fd < 0 ? -errno : fd;
}

static int create(const struct os_mq_plan *plan)
{
    struct mq_attr room = {0};
    bool is_usual = plan->messages == 0 && plan->message_size == 0;
    int r = is_usual ? 0 : choose_room(plan, &room);
    if (r < 0)
        return r;
    int fd = open_named(plan, O_CREAT | O_EXCL, is_usual ? NULL : &room);
    // The umask takes away what was asked for.
    if (fd >= 0 && fchmod(fd, (mode_t)plan->mode) < 0) {
        r = -errno;
        close(fd);
        mq_unlink(plan->name);
        return r;
    }
    return fd;
}

static int open_or_create(const struct os_mq_plan *plan)
{
    if (plan->create == OS_CREATE_EXCLUSIVE)
        return create(plan);
    for (;;) {
        int fd = open_named(plan, 0, NULL);
        if (fd != -ENOENT || plan->create == OS_CREATE_NO)
            return fd;
        fd = create(plan);
        if (fd != -EEXIST) // somebody was quicker
            return fd;
    }
}

int os_mq_open(const struct os_mq_plan *plan, struct os_descriptor *out)
{
    int fd = open_or_create(plan);
    if (fd < 0)
        return fd;
    *out = OS_DESCRIPTOR_OF(fd);
    return 0;
}

int os_mq_look(int fd, struct os_mq_state *out)
{
    struct mq_attr room = {0};
    if (mq_getattr(fd, &room) < 0)
        return -errno;
    // mq_overview(7): "QSIZE:129 …" is the count of bytes in it.  A file's place is its
    // reader's own.
    char text[128] = "";
    ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
    *out = (struct os_mq_state){.messages = room.mq_curmsgs,
                                .messages_most = room.mq_maxmsg,
                                .message_size = room.mq_msgsize,
                                .bytes = -1};
    if (size > 0 && strncmp(text, "QSIZE:", 6) == 0)
        out->bytes = strtoll(text + 6, NULL, 10);
    return 0;
}

int os_mq_remove(const char *name)
{
    return mq_unlink(name) < 0 ? -errno : 0;
}

/* --- moving -------------------------------------------------------------- */

// A call that never waits is never interrupted.
int os_mq_send(int fd, const void *bytes, size_t size, unsigned priority)
{
    return mq_send(fd, bytes, size, priority) < 0 ? -errno : 0;
}

int64_t os_mq_receive(int fd, void *bytes, size_t room, unsigned *priority)
{
    ssize_t size = mq_receive(fd, bytes, room, priority);
    if (size < 0)
        return -errno;
    os_was_written(bytes, (size_t)size);
    os_was_written(priority, sizeof(*priority));
    return size;
}
