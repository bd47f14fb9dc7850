/* SPDX-License-Identifier: MIT */
/*
 * Opening the ends of a row, in one process or in two, and closing them.
 */
#define _GNU_SOURCE // pipe2, setresuid
#include "rows.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPEN(call)                                                                     \
    do {                                                                               \
        int opened = (call);                                                           \
        if (opened < 0)                                                                \
            FAIL("%s: %s: %s", #call, harness_errno_name(opened),                      \
                 wherry_error_text());                                                 \
    } while (0)

static void need_internet(const struct row *row)
{
    if (!strstr(row->address, "[::1]"))
        return;
    struct sockaddr_in6 name = {.sin6_family = AF_INET6,
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0;
    if (fd >= 0)
        close(fd);
    if (!is_there)
        SKIP("this machine has no IPv6");
}

static void learn(struct ends *ends)
{
    wherry_channel *any = ends->sender ? ends->sender : ends->receiver;
    // Without the holders, for which all processes would be looked at.
    CHECK_OK(wherry_describe(any, &ends->can,
                             offsetof(struct wherry_channel_info, holder_count)));
    // Behind a socket, but its other end is stdio:, which takes none.
    if (ends->row->way == ROW_STDIO)
        ends->can.abilities &= ~(unsigned)WHERRY_ABLE_FILES;
}

// Signals that wait are counted by the real user of their receiver: each test is one of
// its own where it may, so that a full queue is its own.
static void be_alone(const struct row *row)
{
    enum { USERS = 100000 };

    if (strncmp(row->address, "signal:", 7) == 0 && getuid() == 0)
        CHECK_INT(setresuid(USERS + (uid_t)getpid(), (uid_t)-1, (uid_t)-1), 0);
}

static void blank(const struct row *row, struct ends *ends)
{
    *ends = (struct ends){.row = row, .saved = {-1, -1}};
    need_internet(row);
    be_alone(row);
}

// --- listeners ---

bool row_accepts_many(const struct row *row)
{
    bool is_fifo = strncmp(row->address, "fifo:", 5) == 0;
    return row->way == ROW_DIAL && !row->endless && !is_fifo;
}

wherry_listener *row_listen(const struct row *row, const char *options)
{
    char address[ROW_ADDRESS];
    wherry_listener *listener;
    if (row->way != ROW_DIAL)
        SKIP("it is not listened on");
    need_internet(row);
    row_address(row, options, address);
    OPEN(wherry_listen(address, &listener));
    return listener;
}

wherry_listener *row_listen_for_many(const struct row *row, const char *options)
{
    if (!row_accepts_many(row))
        SKIP("its accept never waits: it takes one peer, or all of them at once");
    return row_listen(row, options);
}

// --- descriptors that somebody else made ---

static void make_descriptors(const struct row *row, int fds[2])
{
    if (row->way == ROW_PIPE)
        CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
    else
        CHECK_INT(socketpair(AF_UNIX, row->type | SOCK_CLOEXEC, 0, fds), 0);
}

static void dial_number(const struct row *row, int fd, const char *options,
                        wherry_channel **out)
{
    char address[ROW_ADDRESS], number[32], rest[ROW_ADDRESS];
    if (row->way == ROW_OWN) {
        OPEN(own_channel(fd, options, out));
        return;
    }
    row_address(row, options, rest);
    const char *behind = strchr(rest, '?');
    snprintf(number, sizeof number, "fd:%d", fd);
    snprintf(address, sizeof address, "%s%s", number, behind ? behind : "");
    OPEN(wherry_dial(address, soon(), out));
}

static void take_standard(struct ends *ends, int fd, const char *options)
{
    char address[ROW_ADDRESS];
    for (int i = 0; i < 2; i++) {
        ends->saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
        CHECK_INT(dup2(fd, i), i);
    }
    close(fd);
    row_address(ends->row, options, address);
    OPEN(wherry_dial(address, soon(), &ends->receiver));
}

static void give_standard_back(struct ends *ends)
{
    for (int i = 0; i < 2 && ends->saved[i] >= 0; i++) {
        CHECK_INT(dup2(ends->saved[i], i), i);
        close(ends->saved[i]);
        ends->saved[i] = -1;
    }
}

// --- in one process ---

static void open_pair(struct ends *ends, const char *options)
{
    char address[ROW_ADDRESS];
    wherry_channel *pair[2];
    row_address(ends->row, options, address);
    OPEN(wherry_pair(address, pair));
    ends->receiver = pair[0];
    ends->sender = pair[1];
}

static void open_numbers(struct ends *ends, const char *options)
{
    int fds[2];
    make_descriptors(ends->row, fds);
    dial_number(ends->row, fds[1], options, &ends->sender);
    if (ends->row->way == ROW_STDIO)
        take_standard(ends, fds[0], options);
    else
        dial_number(ends->row, fds[0], options, &ends->receiver);
}

void ends_open_more(struct ends *ends)
{
    OPEN(wherry_dial(wherry_listener_address(ends->listener), soon(), &ends->sender));
    OPEN(wherry_accept(ends->listener, soon(), &ends->receiver));
}

static void open_dialled(struct ends *ends, const char *options)
{
    char address[ROW_ADDRESS];
    row_address(ends->row, options, address);
    OPEN(wherry_listen(address, &ends->listener));
    ends_open_more(ends);
}

void ends_open_bare(const struct row *row, const char *options, struct ends *ends)
{
    static void (*const ways[])(struct ends *, const char *) = {
        [ROW_PAIR] = open_pair,           [ROW_DIAL] = open_dialled,
        [ROW_SOCKET_PAIR] = open_numbers, [ROW_PIPE] = open_numbers,
        [ROW_STDIO] = open_numbers,       [ROW_OWN] = open_numbers,
    };
    blank(row, ends);
    ways[row->way](ends, options);
}

void ends_open(const struct row *row, const char *options, struct ends *ends)
{
    ends_open_bare(row, options, ends);
    learn(ends);
}

void ends_close_sender(struct ends *ends)
{
    wherry_close(ends->sender);
    ends->sender = NULL;
}

void ends_close_receiver(struct ends *ends)
{
    wherry_close(ends->receiver);
    ends->receiver = NULL;
    give_standard_back(ends);
}

void ends_close(struct ends *ends)
{
    ends_close_sender(ends);
    ends_close_receiver(ends);
    if (ends->listener)
        row_remove(wherry_listener_address(ends->listener));
    wherry_close_listener(ends->listener);
    ends->listener = NULL;
}

// --- in two processes ---

struct apart {
    const struct row *row;
    const char *options;
    enum row_side side; /* of the child */
    void (*run)(struct ends *, void *);
    void *argument;
    struct ends both; /* what was open before the fork */
    int fds[2];       /* inherited: the parent's and the child's end */
    int told[2];      /* a pipe: the address that the child listens at */
    char address[ROW_ADDRESS];
};

static wherry_channel **place(struct ends *ends, enum row_side side)
{
    return side == ROW_SENDS ? &ends->sender : &ends->receiver;
}

static enum row_side other(enum row_side side)
{
    return side == ROW_SENDS ? ROW_RECEIVES : ROW_SENDS;
}

static void run_and_close(struct apart *apart, struct ends *ends)
{
    learn(ends);
    apart->run(ends, apart->argument);
    ends_close(ends);
}

static void keep_one_end(struct apart *apart)
{
    wherry_channel **not_mine = place(&apart->both, other(apart->side));
    wherry_close(*not_mine);
    *not_mine = NULL;
    run_and_close(apart, &apart->both);
}

static void use_inherited(struct apart *apart)
{
    struct ends ends = {.row = apart->row, .saved = {-1, -1}};
    int side = apart->side == ROW_SENDS;
    close(apart->fds[!side]);
    if (apart->row->way == ROW_STDIO)
        take_standard(&ends, apart->fds[side], apart->options);
    else
        dial_number(apart->row, apart->fds[side], apart->options, &ends.receiver);
    if (apart->side == ROW_SENDS) {
        ends.sender = ends.receiver;
        ends.receiver = NULL;
    }
    run_and_close(apart, &ends);
}

static void dial_parent(struct apart *apart)
{
    struct ends ends = {.row = apart->row, .saved = {-1, -1}};
    OPEN(wherry_dial(apart->address, soon(), &ends.sender));
    run_and_close(apart, &ends);
}

static void listen_to_parent(struct apart *apart)
{
    struct ends ends = {.row = apart->row, .saved = {-1, -1}};
    wherry_listener *listener;
    OPEN(wherry_listen(apart->address, &listener));
    const char *address = wherry_listener_address(listener);
    CHECK_INT(write(apart->told[1], address, strlen(address) + 1), strlen(address) + 1);
    OPEN(wherry_accept(listener, soon(), &ends.receiver));
    wherry_close_listener(listener);
    run_and_close(apart, &ends);
}

static void run_child(void *argument)
{
    struct apart *apart = argument;
    if (apart->row->way == ROW_PAIR)
        keep_one_end(apart);
    else if (apart->row->way != ROW_DIAL)
        use_inherited(apart);
    else if (apart->side == ROW_SENDS)
        dial_parent(apart);
    else
        listen_to_parent(apart);
}

static pid_t fork_listener(struct apart *apart, struct ends *ends)
{
    CHECK_INT(pipe2(apart->told, O_CLOEXEC), 0);
    row_address(apart->row, apart->options, apart->address);
    pid_t pid = harness_child(run_child, apart);
    close(apart->told[1]);
    ssize_t n = 0;
    do
        n = read(apart->told[0], apart->address, sizeof apart->address);
    while (n < 0 && errno == EINTR);
    close(apart->told[0]);
    if (n <= 0)
        FAIL("the child listens nowhere");
    OPEN(wherry_dial(apart->address, soon(), &ends->sender));
    return pid;
}

static pid_t fork_dialler(struct apart *apart, struct ends *ends)
{
    wherry_listener *listener;
    row_address(apart->row, apart->options, apart->address);
    OPEN(wherry_listen(apart->address, &listener));
    snprintf(apart->address, sizeof apart->address, "%s",
             wherry_listener_address(listener));
    pid_t pid = harness_child(run_child, apart);
    OPEN(wherry_accept(listener, soon(), &ends->receiver));
    wherry_close_listener(listener);
    return pid;
}

// Descriptors are inherited, and each process makes its own channel of its own one.
static pid_t fork_numbers(struct apart *apart, struct ends *ends)
{
    int side = apart->side == ROW_SENDS; // a pipe is written at its second
    make_descriptors(apart->row, apart->fds);
    pid_t pid = harness_child(run_child, apart);
    close(apart->fds[side]);
    dial_number(apart->row, apart->fds[!side], apart->options,
                place(ends, other(apart->side)));
    return pid;
}

static pid_t fork_pair(struct apart *apart, struct ends *ends)
{
    ends_open(apart->row, apart->options, &apart->both);
    pid_t pid = harness_child(run_child, apart);
    wherry_close(*place(&apart->both, apart->side));
    *place(ends, other(apart->side)) = *place(&apart->both, other(apart->side));
    return pid;
}

// NOLINTNEXTLINE(readability-function-size): the parameters are all of them needed
pid_t row_fork(const struct row *row, const char *options, enum row_side child,
               void (*run)(struct ends *, void *), void *argument, struct ends *ends)
{
    struct apart apart = {.row = row,
                          .options = options,
                          .side = child,
                          .run = run,
                          .argument = argument};
    pid_t pid;
    blank(row, ends);
    if (row->way == ROW_PAIR)
        pid = fork_pair(&apart, ends);
    else if (row->way != ROW_DIAL)
        pid = fork_numbers(&apart, ends);
    else
        pid = child == ROW_SENDS ? fork_dialler(&apart, ends)
                                 : fork_listener(&apart, ends);
    ends->child = pid;
    learn(ends);
    return pid;
}
