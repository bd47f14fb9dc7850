/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end, and who else holds it open.
 *
 * The kernel's word about what was sent comes with the bytes (packet_linux.c).  Here is
 * the weaker one, about who made a socket, and the search through /proc for processes
 * that keep the far end of a pipe or socket open, which is how a forgotten copy is
 * found.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

void os_creator(int fd, struct wherry_peer *out)
{
    struct ucred creator = {0};
    socklen_t size = sizeof(creator);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &creator, &size) < 0 ||
        creator.uid == (uid_t)-1)
        return;
    out->trust = WHERRY_TRUST_CREATOR;
    out->pid = creator.pid;
    out->uid = creator.uid;
    out->gid = creator.gid;
}

int64_t os_self(void)
{
    return getpid();
}

int64_t os_user(void)
{
    return geteuid();
}

// A text that was chosen at the start, folded: it is only ever compared.
static int read_start(uint32_t out[4])
{
    char text[64] = "";
    int fd;
    ssize_t size;
    do
        fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    do
        size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    while (size < 0 && fd >= 0 && errno == EINTR);
    const bool is_short = fd < 0 && (errno == EMFILE || errno == ENFILE);
    const int error = is_short ? -errno : -ENOTSUP;
    os_close(fd);
    memset(out, 0, 4 * sizeof(*out));
    for (ssize_t i = 0; i < size; i++)
        out[i % 4] = out[i % 4] * 33 + (uint8_t)text[i];
    return size > 0 ? 0 : error;
}

int os_era(struct os_era *out)
{
    struct stat status;
    if (stat("/proc/self/ns/pid", &status) < 0)
        return -ENOTSUP;
    out->namespace = (uint32_t)status.st_ino; // the kernel's numbers have no more
    return read_start(out->start);
}

/* --- the socket at the other end, by sock_diag(7) ------------------------ */

static uint32_t peer_in(const struct nlmsghdr *header, size_t size)
{
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        size < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
        return 0;
    const size_t head = sizeof(struct nlattr);
    const char *bytes = (const char *)header;
    size_t at = NLMSG_LENGTH(sizeof(struct unix_diag_msg));
    while (at + sizeof(struct nlattr) <= size) {
        struct nlattr attribute;
        memcpy(&attribute, bytes + at, sizeof(attribute));
        uint32_t peer;
        if (attribute.nla_type == UNIX_DIAG_PEER && at + head + sizeof(peer) <= size) {
            memcpy(&peer, bytes + at + head, sizeof(peer));
            return peer;
        }
        if (attribute.nla_len < head)
            return 0;
        at += (attribute.nla_len + 3u) & ~(size_t)3; // NLA_ALIGN, without its signs
    }
    return 0;
}

// The inode of the unix socket that this one is connected to, or 0.
static uint32_t peer_inode(uint32_t inode)
{
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return 0;

    struct {
        struct nlmsghdr header;
        struct unix_diag_req request;
    } question = {
        .header = {.nlmsg_len = sizeof(question),
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_UNIX,
                    .udiag_states = UINT32_MAX,
                    .udiag_ino = inode,
                    .udiag_show = UDIAG_SHOW_PEER,
                    .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
    };

    _Alignas(struct nlmsghdr) char answer[1024];
    ssize_t size = -1;
    // netlink(7) answers before send returns, so this does not wait.
    if (send(netlink, &question, sizeof(question), MSG_NOSIGNAL) == sizeof(question))
        size = recv(netlink, answer, sizeof(answer), MSG_DONTWAIT);
    close(netlink);
    if (size < (ssize_t)sizeof(struct nlmsghdr))
        return 0;
    return peer_in((const struct nlmsghdr *)(const void *)answer, (size_t)size);
}

/* --- who has a file open, by proc(5) ------------------------------------- */

struct search {
    dev_t device;
    ino_t inode;
    bool of_pipe;
    bool writes; // looked for: those who write to the pipe, or those who read from it
};

static bool opened_for(int fdinfo, const char *number, bool writes)
{
    int file = openat(fdinfo, number, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    char text[256] = "";
    ssize_t size = read(file, text, sizeof(text) - 1);
    close(file);
    const char *flags = size > 0 ? strstr(text, "flags:") : NULL;
    long mode = flags ? strtol(flags + 6, NULL, 8) & O_ACCMODE : O_RDWR;
    return mode == O_RDWR || mode == (writes ? O_WRONLY : O_RDONLY);
}

static bool process_holds(int proc, long pid, const struct search *search)
{
    char path[64];
    snprintf(path, sizeof(path), "%ld/fd", pid);
    int directory = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return false;
    snprintf(path, sizeof(path), "%ld/fdinfo", pid);
    int fdinfo = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fdopendir(directory);
    bool found = false;
    struct dirent *entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own, readdir(3) NOTES
    while (list && !found && (entry = readdir(list))) {
        struct stat status;
        found = fstatat(dirfd(list), entry->d_name, &status, 0) == 0 &&
                status.st_ino == search->inode && status.st_dev == search->device &&
                (!search->of_pipe || opened_for(fdinfo, entry->d_name, search->writes));
    }
    if (list)
        closedir(list);
    else
        close(directory);
    os_close(fdinfo);
    return found;
}

int os_holders(int fd, bool far_end_writes, int64_t *pids, int most)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return 0;
    bool of_pipe = S_ISFIFO(status.st_mode);
    ino_t inode = of_pipe ? status.st_ino : peer_inode((uint32_t)status.st_ino);
    if (inode == 0)
        return 0;
    struct search search = {.device = status.st_dev,
                            .inode = inode,
                            .of_pipe = of_pipe,
                            .writes = far_end_writes};
    DIR *proc = opendir("/proc");
    int count = 0;
    struct dirent *entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of its own, readdir(3) NOTES
    while (proc && (entry = readdir(proc))) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || !process_holds(dirfd(proc), pid, &search))
            continue;
        if (count < most)
            pids[count] = pid;
        count++;
    }
    if (proc)
        closedir(proc);
    return count;
}
