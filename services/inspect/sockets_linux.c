/* SPDX-License-Identifier: MIT */
/*
 * The sockets of a network namespace: unix ones by sock_diag(7), which knows their
 * peers, the rest by /proc/PID/net, which is that of the process's namespace.
 */
#define _GNU_SOURCE
#include "inspect/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ANSWER = 65536,
    ALIGNMENT = 4,            // NLA_ALIGNTO
    TEXT_ALL_MOST = 64 << 20, // bytes of /proc/net/tcp
    STATE_CONNECTED = 1,      // tcp_states.h, which unix sockets use, too
    STATE_LISTENS = 10
};

/* --- unix ---------------------------------------------------------------- */

static int ask(int fd)
{
    const struct {
        struct nlmsghdr head;
        struct unix_diag_req body;
    } question = {
        .head = {.nlmsg_len = sizeof(question),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = UINT32_MAX,
                 .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER |
                               UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID},
    };

    ssize_t r;
    do
        r = send(fd, &question, sizeof(question), 0);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : 0;
}

static int add_row(struct sockets *sockets, const struct nlmsghdr *head)
{
    const struct unix_diag_msg *body = NLMSG_DATA(head);
    const char *at = (const char *)(body + 1);
    size_t left = head->nlmsg_len - NLMSG_LENGTH(sizeof(*body));
    char text[ADDRESS_MOST] = "";
    struct words words = {text, sizeof(text), 0};
    struct socket_row row = {.inode = body->udiag_ino,
                             .type = unix_type_name(body->udiag_type),
                             .remote = "",
                             .user = -1,
                             .listens = body->udiag_state == STATE_LISTENS,
                             .is_connected = body->udiag_state == STATE_CONNECTED};
    while (left >= sizeof(struct nlattr)) {
        struct nlattr attribute;
        memcpy(&attribute, at, sizeof(attribute));
        if (attribute.nla_len < sizeof(attribute) || attribute.nla_len > left)
            break;
        const char *value = at + sizeof(attribute);
        size_t size = attribute.nla_len - sizeof(attribute);
        uint32_t numbers[2] = {0, 0};
        memcpy(numbers, value, size < sizeof(numbers) ? size : sizeof(numbers));
        if (attribute.nla_type == UNIX_DIAG_NAME)
            unix_address(value, size, &words);
        else if (attribute.nla_type == UNIX_DIAG_VFS)
            row.file = numbers[0];
        else if (attribute.nla_type == UNIX_DIAG_PEER)
            row.peer = numbers[0];
        else if (attribute.nla_type == UNIX_DIAG_RQLEN)
            row.unread = numbers[0];
        else if (attribute.nla_type == UNIX_DIAG_UID)
            row.user = numbers[0];
        size_t over = attribute.nla_len % ALIGNMENT;
        size_t step = attribute.nla_len + (over ? ALIGNMENT - over : 0);
        at += step < left ? step : left;
        left -= step < left ? step : left;
    }
    row.local = arena_text(&sockets->arena, text, words.used);
    return sockets_add(sockets, &row);
}

// 1: there is more; 0: that was all.
static int read_answer(int fd, char *answer, struct sockets *sockets)
{
    ssize_t r;
    do
        r = recv(fd, answer, ANSWER, 0);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    unsigned left = (unsigned)r;
    for (const struct nlmsghdr *head = (const void *)answer; NLMSG_OK(head, left);
         head = NLMSG_NEXT(head, left)) {
        if (head->nlmsg_type == NLMSG_DONE)
            return 0;
        if (head->nlmsg_type == NLMSG_ERROR)
            return -ENOSYS; // no unix_diag in this kernel
        if (head->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
            return -EPROTO;
        int added = add_row(sockets, head);
        if (added < 0)
            return added;
    }
    return r > 0;
}

static int look_by_diag(struct sockets *sockets)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return -errno;
    char *answer = malloc(ANSWER);
    int r = answer ? ask(fd) : -ENOMEM;
    while (r >= 0 && (r = read_answer(fd, answer, sockets)) > 0)
        ;
    free(answer);
    close(fd);
    return r;
}

/* --- all ----------------------------------------------------------------- */

static bool is_our_namespace(int directory)
{
    char ours[64];
    char its[64];
    return proc_link(directory, "/proc/self/ns/net", ours, sizeof(ours)) == 0 &&
           proc_link(directory, "ns/net", its, sizeof(its)) == 0 &&
           strcmp(ours, its) == 0;
}

// 1: there are more.
static int look_by_text(int directory, const char *name, const char *type,
                        struct sockets *out)
{
    char *text;
    const int cut = proc_read_all(directory, name, TEXT_ALL_MOST, &text);
    if (cut < 0)
        return cut == -ESRCH ? 0 : cut; // a kernel without that kind
    int r = type ? sockets_add_inet(out, text, type) : sockets_add_unix(out, text);
    free(text);
    return r < 0 ? r : cut;
}

// 1: there are more.  *peers: 0, or why those of unix sockets are not known.
static int add_unix(int directory, bool is_ours, struct sockets *out, int *peers)
{
    *peers = is_ours ? look_by_diag(out) : -EXDEV;
    if (*peers < 0 && *peers != -ENOMEM)
        return look_by_text(directory, "net/unix", NULL, out);
    sockets_name_own(out);
    return *peers;
}

int sockets_look_unix(struct sockets *out)
{
    int peers = 0;
    int directory = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno == ENOENT ? -ENOTSUP : -errno;
    const int cut = add_unix(directory, true, out, &peers);
    const int sorted = cut < 0 ? cut : sockets_sort(out);
    close(directory);
    return sorted < 0 ? sorted : peers < 0 ? peers : cut > 0 ? -E2BIG : 0;
}

int sockets_look(int directory, struct sockets *out)
{
    static const struct {
        const char *name;
        const char *type;
    } tables[] = {{"net/tcp", "tcp"},
                  {"net/tcp6", "tcp"},
                  {"net/udp", "udp"},
                  {"net/udp6", "udp"}};

    int peers = 0;
    int r = add_unix(directory, is_our_namespace(directory), out, &peers);
    bool is_cut = r > 0;
    for (size_t i = 0; r >= 0 && i < sizeof(tables) / sizeof(tables[0]); i++) {
        r = look_by_text(directory, tables[i].name, tables[i].type, out);
        is_cut |= r > 0;
    }
    if (r >= 0)
        r = sockets_sort(out);
    return r < 0 ? r : peers < 0 ? peers : is_cut ? -E2BIG : 0;
}
