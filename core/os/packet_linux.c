/* SPDX-License-Identifier: MIT */
/*
 * sendmsg(2) and recvmsg(2): bytes with open files, identity and names beside them.
 *
 * This is the only place that receives descriptors.  There is room for the most that
 * one message can carry (SCM_MAX_FD), so a lost one means that this process had no
 * room, and is told.  MSG_PEEK is never used: each peek would install the descriptors
 * once more.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

// Linux 6.5; asm-generic/socket.h of Debian 12 does not have it yet.
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

enum {
    PIDFS_MAGIC = 0x50494446,
    CONTROL_FILES = CMSG_SPACE(OS_FILES * sizeof(int)),
    CONTROL_ROOM =
        CONTROL_FILES + CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))
};

static void attach_files(struct msghdr *header, void *control, const int *files,
                         size_t count)
{
    header->msg_control = control;
    header->msg_controllen = CMSG_SPACE(count * sizeof(int));
    memset(control, 0, header->msg_controllen);
    struct cmsghdr *item = CMSG_FIRSTHDR(header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(item), files, count * sizeof(int));
}

// NOLINTNEXTLINE(readability-function-size): what one sendmsg(2) takes
int64_t os_send(struct os_descriptor *descriptor, const struct os_bytes *pieces,
                size_t count, const int *files, size_t file_count,
                const struct os_name *to)
{
    assert(count <= OS_PIECES && file_count <= OS_FILES);
    if (file_count == 0 && !to)
        return os_write(descriptor, pieces, count);
    struct iovec vector[OS_PIECES];
    for (size_t i = 0; i < count; i++)
        vector[i] = (struct iovec){(void *)(uintptr_t)pieces[i].bytes, pieces[i].size};
    struct msghdr header = {.msg_iov = vector, .msg_iovlen = count};
    if (to && to->size > 0) {
        header.msg_name = (void *)(uintptr_t)to->bytes;
        header.msg_namelen = to->size;
    }
    _Alignas(struct cmsghdr) char control[CONTROL_FILES];
    if (file_count > 0)
        attach_files(&header, control, files, file_count);
    ssize_t r;
    do
        r = sendmsg(descriptor->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static uint64_t identity_of(int pidfd)
{
    struct stat status;
    struct statfs system;
    // Before pidfs (6.9) all pidfds share one inode, which names nobody.
    if (fstatfs(pidfd, &system) < 0 || system.f_type != PIDFS_MAGIC)
        return 0;
    return fstat(pidfd, &status) < 0 ? 0 : status.st_ino;
}

static void take_files(struct cmsghdr *item, struct os_arrival *arrival)
{
    size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if (count > OS_FILES - arrival->file_count)
        count = OS_FILES - arrival->file_count;
    memcpy(arrival->files + arrival->file_count, CMSG_DATA(item), count * sizeof(int));
    arrival->file_count += count;
}

static void take_credentials(struct cmsghdr *item, struct os_arrival *arrival)
{
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(item), sizeof(sender));
    // What was sent before anybody asked for it comes as pid 0 and nobody's ids.
    arrival->identified = sender.pid != 0;
    arrival->pid = sender.pid;
    arrival->uid = sender.uid;
    arrival->gid = sender.gid;
}

static void take_pidfd(struct cmsghdr *item, struct os_arrival *arrival)
{
    int pidfd;
    memcpy(&pidfd, CMSG_DATA(item), sizeof(pidfd));
    if (pidfd < 0)
        return;
    arrival->identity = identity_of(pidfd);
    close(pidfd);
}

static const struct {
    int type;
    void (*take)(struct cmsghdr *, struct os_arrival *);
} takers[] = {
    {SCM_RIGHTS, take_files},
    {SCM_CREDENTIALS, take_credentials},
    {SCM_PIDFD, take_pidfd},
};

static void take_control(struct msghdr *header, struct os_arrival *arrival)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item;
         item = CMSG_NXTHDR(header, item)) {
        for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
            if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == takers[i].type)
                takers[i].take(item, arrival);
        }
    }
}

static void clear_arrival(struct os_arrival *arrival)
{
    *arrival =
        (struct os_arrival){.pid = -1, .uid = -1, .gid = -1, .files = arrival->files};
}

// The kernel looks for a packet first, and then whether the other end is closed: one
// that was sent and closed in between is told to have ended, and its last packets are
// there (unix_dgram_recvmsg).  Packets, unlike ends, come with who sent them, if that
// was asked for; so they are told apart, should one be empty.
static bool is_early_end(const struct os_descriptor *descriptor, ssize_t size,
                         const struct msghdr *header)
{
    int there = 0;
    return size == 0 && descriptor->is_unix && descriptor->kind == OS_KIND_PACKET &&
           header->msg_controllen == 0 && os_hung_up(descriptor->fd) &&
           ioctl(descriptor->fd, FIONREAD, &there) == 0 && there > 0;
}

int64_t os_receive(struct os_descriptor *descriptor, const struct os_room *rooms,
                   size_t count, struct os_arrival *arrival, bool want_name)
{
    assert(count <= OS_PIECES);
    struct iovec vector[OS_PIECES];
    for (size_t i = 0; i < count; i++)
        vector[i] = (struct iovec){rooms[i].bytes, rooms[i].size};
    clear_arrival(arrival);
    _Alignas(struct cmsghdr) char control[CONTROL_ROOM];
    struct msghdr header;
    ssize_t r;
    do {
        header = (struct msghdr){.msg_iov = vector, .msg_iovlen = count};
        if (descriptor->is_unix) {
            header.msg_control = control;
            header.msg_controllen = sizeof(control);
        }
        if (want_name) {
            header.msg_name = arrival->from.bytes;
            header.msg_namelen = sizeof(arrival->from.bytes);
        }
        r = recvmsg(descriptor->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while ((r < 0 && errno == EINTR) || is_early_end(descriptor, r, &header));
    if (r < 0)
        return -errno;
    arrival->from.size = want_name ? header.msg_namelen : 0;
    arrival->cut = (header.msg_flags & MSG_TRUNC) != 0;
    arrival->files_lost = (header.msg_flags & MSG_CTRUNC) != 0;
    take_control(&header, arrival);
    return r;
}
