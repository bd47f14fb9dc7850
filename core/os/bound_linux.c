/* SPDX-License-Identifier: MIT */
/*
 * Whether anybody has a unix(7) path bound, asked of the kernel's list of sockets by
 * sock_diag(7).  Unlike connecting, it disturbs nobody, and it sees sockets that were
 * bound and do not listen.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

enum {
    HEAD = NLMSG_LENGTH(sizeof(struct unix_diag_msg)),
    ATTRIBUTE = sizeof(struct nlattr),
    ANSWER = 8192
};

struct wanted {
    const char *path;
    uint32_t inode;
    uint32_t device; /* as the kernel writes it */
};

// sock_diag(7) tells the kernel's own form of a device number: MKDEV of linux/kdev_t.h.
static uint32_t encode(uint64_t device)
{
    return (uint32_t)major(device) << 20 | (uint32_t)minor(device);
}

// What one socket's attributes say of where it is bound.
struct found {
    bool is_named; /* as the path is written */
    bool has_place;
    struct unix_diag_vfs place;
};

static void read_attribute(const struct nlattr *attribute, const char *bytes,
                           const struct wanted *wanted, struct found *found)
{
    size_t size = attribute->nla_len - (size_t)ATTRIBUTE;
    size_t length = strlen(wanted->path);
    if (attribute->nla_type == UNIX_DIAG_NAME)
        found->is_named = size >= length && size <= length + 1 &&
                          memcmp(bytes, wanted->path, length) == 0;
    if (attribute->nla_type == UNIX_DIAG_VFS && size >= sizeof(found->place)) {
        memcpy(&found->place, bytes, sizeof(found->place));
        found->has_place = true;
    }
}

// Whether it is the same place for every process: a relative path is another one in
// another directory, and one by a descriptor's number in another process.
static bool is_same_for_all(const char *path)
{
    static const char own[] = "/proc/self/";
    return path[0] == '/' && strncmp(path, own, sizeof(own) - 1) != 0;
}

// The name alone counts where a file system shows other numbers than the kernel's list
// (overlayfs, btrfs), unless others have that name elsewhere: then the inode has to be
// the same.
static bool found_fits(const struct found *found, const struct wanted *wanted)
{
    bool is_inode = found->has_place && found->place.udiag_vfs_ino == wanted->inode;
    if (is_inode && found->place.udiag_vfs_dev == wanted->device)
        return true;
    return found->is_named && (is_same_for_all(wanted->path) || is_inode);
}

static bool socket_fits(const char *bytes, size_t size, const struct wanted *wanted)
{
    struct found found = {.is_named = false};
    size_t at = HEAD;
    while (at + ATTRIBUTE <= size) {
        struct nlattr attribute;
        memcpy(&attribute, bytes + at, sizeof(attribute));
        if (attribute.nla_len < ATTRIBUTE || at + attribute.nla_len > size)
            return false;
        read_attribute(&attribute, bytes + at + ATTRIBUTE, wanted, &found);
        at += (attribute.nla_len + 3u) & ~(size_t)3; // NLA_ALIGN, without its signs
    }
    return found_fits(&found, wanted);
}

enum { GO_ON = 2 };

static int look_through(const char *answer, size_t size, const struct wanted *wanted)
{
    size_t at = 0;
    while (at + sizeof(struct nlmsghdr) <= size) {
        struct nlmsghdr header;
        memcpy(&header, answer + at, sizeof(header));
        if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > size - at)
            return -EPROTO;
        if (header.nlmsg_type == NLMSG_DONE)
            return 0;
        if (header.nlmsg_type == NLMSG_ERROR)
            return -EOPNOTSUPP;
        if (socket_fits(answer + at, header.nlmsg_len, wanted))
            return 1;
        at += (header.nlmsg_len + 3u) & ~(size_t)3;
    }
    return GO_ON;
}

static int ask(int netlink)
{
    struct {
        struct nlmsghdr header;
        struct unix_diag_req request;
    } question = {
        .header = {.nlmsg_len = sizeof(question),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = AF_UNIX,
                    .udiag_states = UINT32_MAX,
                    .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS},
    };

    ssize_t r;
    do
        r = send(netlink, &question, sizeof(question), MSG_NOSIGNAL);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

int os_is_bound(const char *path, const struct os_file *file)
{
    _Alignas(struct nlmsghdr) char answer[ANSWER];
    struct wanted wanted = {
        .path = path, .inode = (uint32_t)file->inode, .device = encode(file->device)};
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return -errno;
    int r = ask(netlink);
    while (r == 0 || r == GO_ON) {
        // The kernel answers at once and in pieces, each when the last was taken.
        ssize_t size = recv(netlink, answer, sizeof(answer), MSG_DONTWAIT);
        if (size < 0 && errno == EINTR)
            continue;
        r = size < 0 ? -errno : look_through(answer, (size_t)size, &wanted);
        if (r == 0)
            break;
    }
    close(netlink);
    return r;
}
