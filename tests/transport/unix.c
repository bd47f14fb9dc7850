/* SPDX-License-Identifier: MIT */
/*
 * unix: what a user of unix(7) sockets knows: names, who may enter, what is left
 * behind.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>

#include "talk.h"

enum { OVERLAY = 0x794c7630 };

static const char *at(const char *options)
{
    static char texts[4][512];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof(texts[0]), "unix:%s/s%s", harness_directory(), options);
    return text;
}

static const char *path(void)
{
    return harness_path("s");
}

static void exchange(struct two *two)
{
    say(two->dialled, "there");
    hear(two->accepted, "there");
    say(two->accepted, "and back");
    hear(two->dialled, "and back");
}

TEST(packets_and_streams_talk_over_a_path_and_over_a_name)
{
    char name[64];
    snprintf(name, sizeof(name), "unix:@wherry-test-%ld", (long)getpid());
    const char *const addresses[] = {at(""), at("?type=stream"), name, "unix:@"};
    for (int i = 0; i < 4; i++) {
        struct two two = open_two(addresses[i]);
        exchange(&two);
        close_two(&two);
        CHECK(!exists(path()));
    }
}

TEST(a_name_left_to_the_kernel_is_shown)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen("unix:@?type=stream", &listener));
    const char *shown = wherry_listener_address(listener);
    CHECK_CONTAINS(shown, "unix:@");
    CHECK_CONTAINS(shown, "?type=stream");
    CHECK(strlen(shown) > strlen("unix:@?type=stream"));
    wherry_close_listener(listener);
    FAILS(wherry_dial("unix:@", soon(), &channel), -EINVAL, "which name");
}

TEST(a_dialler_is_seen_by_its_own_address)
{
    struct two two = {0};
    char address[600];
    const char *own = harness_path("me");
    WORKS(wherry_listen(at(""), &two.listener));
    snprintf(address, sizeof(address), "%s?bind=%s", at(""), own);
    WORKS(wherry_dial(address, soon(), &two.dialled));
    WORKS(wherry_accept(two.listener, soon(), &two.accepted));
    CHECK(exists(own));
    snprintf(address, sizeof(address), "unix:%s", own);
    CHECK_STRING(info_of(two.accepted).peer.address, address);
    close_two(&two);
    CHECK(!exists(own));
}

TEST(an_own_address_in_use_is_told_and_a_failed_dial_leaves_none)
{
    static const char *const types[] = {"?type=packet", "?type=stream",
                                        "?type=datagram"};
    char address[600];
    const char *own = harness_path("me");
    for (int i = 0; i < 3; i++) {
        wherry_channel *channel;
        snprintf(address, sizeof(address), "%s&bind=%s", at(types[i]), own);
        FAILS(wherry_dial(address, soon(), &channel), -ENOENT, "no such path");
        CHECK(!exists(own));
        struct two two = open_two(address);
        FAILS(wherry_dial(address, soon(), &channel), -EADDRINUSE, "bind=");
        CHECK(exists(own));
        close_two(&two);
        CHECK(!exists(own));
        harness_write_file("me", "precious", 8);
        WORKS(wherry_listen(at(types[i]), &two.listener));
        FAILS(wherry_dial(address, soon(), &channel), -EEXIST, "a regular file");
        wherry_close_listener(two.listener);
        WORKS(unlink(own));
    }
}

static void binds_and_is_killed(void *address)
{
    wherry_channel *channel;
    WORKS(wherry_dial(address, soon(), &channel));
    raise(SIGKILL);
}

TEST(an_own_address_that_a_killed_dialler_left_is_used_again)
{
    static const char *const types[] = {"?type=packet", "?type=stream",
                                        "?type=datagram"};
    char address[600];
    const char *own = harness_path("me");
    for (int i = 0; i < 3; i++) {
        wherry_listener *listener;
        wherry_channel *channel;
        WORKS(wherry_listen(at(types[i]), &listener));
        snprintf(address, sizeof(address), "%s&bind=%s", at(types[i]), own);
        CHECK_INT(harness_wait(harness_child(binds_and_is_killed, address)), -SIGKILL);
        CHECK(exists(own));
        WORKS(wherry_dial(address, soon(), &channel));
        wherry_close(channel);
        CHECK(!exists(own));
        wherry_close_listener(listener);
    }
}

/* --- what stands at the path --------------------------------------------- */

// A socket file whose listener is gone, as a killed process leaves it.
static void leave_stale(int type)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof(name.sun_path), "%.100s", path());
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    close(fd);
}

TEST(a_stale_path_is_replaced_and_the_listener_known_by_its_own_name)
{
    static const struct {
        int type;
        const char *options;
    } sorts[] = {{SOCK_SEQPACKET, ""},
                 {SOCK_STREAM, "?type=stream"},
                 {SOCK_DGRAM, "?type=datagram"},
                 {SOCK_STREAM, "?type=packet"}};

    for (int i = 0; i < 4; i++) {
        wherry_channel *channel;
        leave_stale(sorts[i].type);
        FAILS(wherry_dial(at(sorts[i].options), soon(), &channel), -ECONNREFUSED,
              "nobody listens there");
        struct two two = open_two(at(sorts[i].options));
        say(two.dialled, "alive again");
        hear(two.accepted, "alive again");
        CHECK_STRING(info_of(two.dialled).peer.address, at(""));
        close_two(&two);
        CHECK(!exists(path()));
    }
}

TEST(a_living_listener_is_not_replaced)
{
    static const char *const sorts[] = {"", "?type=stream", "?type=datagram"};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            wherry_listener *first, *second;
            WORKS(wherry_listen(at(sorts[i]), &first));
            FAILS(wherry_listen(at(sorts[j]), &second), -EADDRINUSE, "already");
            wherry_close_listener(first);
        }
}

TEST(a_socket_that_is_bound_and_does_not_listen_yet_is_not_replaced)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    wherry_listener *listener;
    snprintf(name.sun_path, sizeof(name.sun_path), "%.100s", path());
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    FAILS(wherry_listen(at("?type=stream"), &listener), -EADDRINUSE, "already");
    close(fd);
    WORKS(wherry_listen(at(""), &listener));
    wherry_close_listener(listener);
}

TEST(a_path_is_known_by_the_file_however_it_was_written)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "s"};
    struct statfs system;
    wherry_listener *listener;
    WORKS(statfs(harness_directory(), &system));
    if (system.f_type == OVERLAY)
        SKIP("overlayfs shows other inodes than the kernel's list of sockets");
    WORKS(chdir(harness_directory()));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    FAILS(wherry_listen(at("?type=stream"), &listener), -EADDRINUSE, "already");
    close(fd);
    WORKS(unlink(path()));
}

TEST(a_stale_relative_path_is_not_taken_for_one_in_another_directory)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "s"};
    static const char *const directories[] = {"theirs", "ours"};
    wherry_listener *listener;
    int sockets[2];
    for (int i = 0; i < 2; i++) {
        WORKS(mkdir(harness_path(directories[i]), 0700));
        WORKS(chdir(harness_path(directories[i])));
        sockets[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK_INT(bind(sockets[i], (struct sockaddr *)&name, sizeof(name)), 0);
    }
    close(sockets[1]);
    WORKS(wherry_listen("unix:s", &listener));
    wherry_close_listener(listener);
    close(sockets[0]);
    WORKS(unlink(harness_path("theirs/s")));
    for (int i = 0; i < 2; i++)
        WORKS(rmdir(harness_path(directories[i])));
}

TEST(looking_whether_a_listener_lives_disturbs_it_not)
{
    wherry_listener *first, *second;
    wherry_channel *channel;
    WORKS(wherry_listen(at("?framing=raw&type=stream"), &first));
    CHECK_ERROR(wherry_listen(at("?framing=raw&type=stream"), &second), -EADDRINUSE);
    CHECK_ERROR(wherry_accept(first, WHERRY_POLL, &channel), -EAGAIN);
    wherry_close_listener(first);
}

TEST(a_listener_with_a_full_backlog_is_not_replaced)
{
    wherry_listener *first, *second;
    wherry_channel *waiting;
    WORKS(wherry_listen(at("?backlog=0"), &first));
    WORKS(wherry_dial(at(""), soon(), &waiting));
    FAILS(wherry_listen(at(""), &second), -EADDRINUSE, "already");
    wherry_close(waiting);
    wherry_close_listener(first);
}

TEST(a_datagram_peer_that_has_gone_is_told_each_time)
{
    wherry_listener *listener;
    wherry_channel *ours, *theirs;
    WORKS(wherry_listen(at("?type=datagram"), &listener));
    WORKS(wherry_accept(listener, soon(), &theirs));
    WORKS(wherry_dial(at("?type=datagram"), soon(), &ours));
    say(ours, "one");
    hear(theirs, "one");
    wherry_close(theirs);
    wherry_close_listener(listener);
    for (int i = 0; i < 3; i++)
        FAILS(wherry_write(ours, "two", 3, 0, 0, soon()), -ECONNREFUSED, "nobody");
    wherry_close(ours);
}

TEST(an_exchanged_path_is_not_removed)
{
    wherry_listener *listener;
    WORKS(wherry_listen(at(""), &listener));
    WORKS(unlink(path()));
    harness_write_file("s", "somebody's", 10);
    wherry_close_listener(listener);
    CHECK(exists(path()));
}

static void closes(void *listener)
{
    wherry_close_listener(listener);
}

TEST(a_forked_copy_that_is_closed_leaves_the_path)
{
    wherry_listener *listener;
    WORKS(wherry_listen(at(""), &listener));
    CHECK_INT(harness_wait(harness_child(closes, listener)), 0);
    CHECK(exists(path()));
    wherry_close_listener(listener);
    CHECK(!exists(path()));
}

TEST(a_relative_path_is_removed_from_another_directory_too)
{
    WORKS(chdir(harness_directory()));
    struct two two = open_two("unix:s");
    WORKS(chdir("/"));
    close_two(&two);
    CHECK(!exists(path()));
}

TEST(what_is_no_socket_is_told_and_left_alone)
{
    wherry_listener *listener;
    wherry_channel *channel;
    char text[16];
    harness_write_file("s", "precious", 8);
    FAILS(wherry_listen(at(""), &listener), -EEXIST, "a regular file, not a socket");
    FAILS(wherry_dial(at(""), soon(), &channel), -ENOTSOCK, "a regular file");
    CHECK_INT(harness_read_file(path(), text, sizeof(text)), 8);
}

TEST(a_wrong_type_or_a_missing_listener_says_what_would_work)
{
    wherry_listener *listener;
    wherry_channel *channel;
    FAILS(wherry_dial(at(""), soon(), &channel), -ENOENT, path());
    CHECK_CONTAINS(wherry_error_text(), "start the listener");
    WORKS(wherry_listen(at(""), &listener));
    FAILS(wherry_dial(at("?type=stream"), soon(), &channel), -EPROTOTYPE,
          "type=packet");
    wherry_close_listener(listener);
    FAILS(wherry_dial("unix:@no-such-name-of-wherry", soon(), &channel), -ECONNREFUSED,
          "nobody listens there");
    FAILS(wherry_listen(address_in_directory("unix", "no/such"), &listener), -ENOENT,
          "directory");
}

TEST(a_name_that_is_too_long_names_the_limit)
{
    char address[200] = "unix:/";
    wherry_listener *listener;
    memset(address + 6, 'x', 107);
    FAILS(wherry_listen(address, &listener), -ENAMETOOLONG, "107");
    address[5 + 107] = 0;
    CHECK_ERROR(wherry_address_check(address), 0);
}

/* --- who may enter ------------------------------------------------------- */

static unsigned mode_of_made(const char *options)
{
    struct stat status;
    wherry_listener *listener;
    WORKS(wherry_listen(at(options), &listener));
    WORKS(stat(path(), &status));
    wherry_close_listener(listener);
    return status.st_mode & 0777;
}

TEST(a_path_is_for_its_owner_alone_unless_mode_says_otherwise)
{
    umask(022);
    CHECK_INT(mode_of_made(""), 0600);
    CHECK_INT(mode_of_made("?mode=666"), 0666);
    CHECK_INT(mode_of_made("?type=datagram&mode=620"), 0620);
    umask(0);
    CHECK_INT(mode_of_made(""), 0600);
}

enum { NOBODY = 65534 };

static void become_nobody(void)
{
    CHECK_INT(setgid(NOBODY), 0);
    CHECK_INT(setuid(NOBODY), 0);
}

static void is_kept_out_of_a_path(void *unused)
{
    (void)unused;
    wherry_channel *channel;
    become_nobody();
    FAILS(wherry_dial(at(""), soon(), &channel), -EACCES, "mode");
}

TEST(another_user_is_kept_out_of_a_path)
{
    wherry_listener *listener;
    if (geteuid() != 0)
        SKIP("only root can become another user");
    WORKS(chmod(harness_directory(), 0755));
    WORKS(wherry_listen(at(""), &listener));
    CHECK_INT(harness_wait(harness_child(is_kept_out_of_a_path, NULL)), 0);
    wherry_close_listener(listener);
}

static void is_cut_off(void *name)
{
    wherry_channel *channel;
    wherry_message *message;
    become_nobody();
    // The listener closes at once: before, or after, the first words were said.
    int r = wherry_dial(name, soon(), &channel);
    if (r >= 0) {
        r = wherry_recv(channel, &message, soon());
        wherry_close(channel);
    }
    if (r != -ECONNRESET && r != -EPIPE)
        FAIL("the listener let in another user: %d", r);
}

static void is_let_in(void *name)
{
    wherry_channel *channel;
    become_nobody();
    WORKS(wherry_dial(name, soon(), &channel));
    say(channel, "nobody");
    hear_end(channel);
    wherry_close(channel);
}

TEST(another_user_is_kept_out_of_an_abstract_name_unless_mode_is_given)
{
    wherry_listener *listener;
    wherry_channel *channel;
    if (geteuid() != 0)
        SKIP("only root can become another user");
    WORKS(wherry_listen("unix:@", &listener));
    char name[300];
    snprintf(name, sizeof(name), "%s", wherry_listener_address(listener));
    pid_t child = harness_child(is_cut_off, name);
    CHECK_ERROR(wherry_accept(listener, wherry_after(300), &channel), -ETIMEDOUT);
    CHECK_INT(harness_wait(child), 0);
    wherry_close_listener(listener);

    WORKS(wherry_listen("unix:@?mode=666", &listener));
    snprintf(name, sizeof(name), "%s", wherry_listener_address(listener));
    child = harness_child(is_let_in, name);
    WORKS(wherry_accept(listener, soon(), &channel));
    hear(channel, "nobody");
    CHECK_INT(info_of(channel).peer.uid, NOBODY);
    CHECK_INT(info_of(channel).peer.trust, WHERRY_TRUST_KERNEL);
    wherry_close(channel);
    CHECK_INT(harness_wait(child), 0);
    wherry_close_listener(listener);
}

/* --- waiting ------------------------------------------------------------- */

TEST(dialling_a_full_backlog_waits_until_the_deadline)
{
    wherry_listener *listener;
    wherry_channel *waiting, *channel;
    WORKS(wherry_listen(at("?backlog=0"), &listener));
    WORKS(wherry_dial(at(""), soon(), &waiting));
    FAILS(wherry_dial(at(""), WHERRY_POLL, &channel), -EAGAIN, "backlog");
    int64_t begin = harness_now();
    FAILS(wherry_dial(at(""), wherry_after(50), &channel), -ETIMEDOUT, "backlog");
    CHECK_RANGE(harness_now() - begin, 50000000, 50000000 + 1000000000);
    wherry_close(waiting);
    wherry_close_listener(listener);
}

static void dials_twice(void *unused)
{
    (void)unused;
    wherry_channel *channel;
    WORKS(wherry_dial(at(""), soon(), &channel));
    say(channel, "second");
    hear_end(channel);
    wherry_close(channel);
}

/* From now on every connect(2) of this process ends as if the kernel's ticks had made
 * its limit pass at once. */
static void end_connects_early(void)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_connect, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {.len = sizeof lines / sizeof *lines, .filter = lines};
    WORKS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    WORKS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0));
}

TEST(a_wait_for_room_that_the_kernel_ends_early_goes_on_to_the_deadline)
{
    wherry_channel *channel;
    end_connects_early();
    wherry_deadline deadline = at_once();
    FAILS(wherry_dial(at(""), deadline, &channel), -ETIMEDOUT, "backlog");
    CHECK_RANGE(wherry_now() - deadline, 0, INT64_MAX);
}

TEST(dialling_a_full_backlog_goes_on_when_there_is_room)
{
    wherry_listener *listener;
    wherry_channel *first, *accepted, *second;
    WORKS(wherry_listen(at("?backlog=0"), &listener));
    WORKS(wherry_dial(at(""), soon(), &first));
    pid_t child = harness_child(dials_twice, NULL);
    harness_wait_blocked(child);
    WORKS(wherry_accept(listener, soon(), &accepted));
    WORKS(wherry_accept(listener, soon(), &second));
    hear(second, "second");
    wherry_close(second);
    CHECK_INT(harness_wait(child), 0);
    wherry_close(first);
    wherry_close(accepted);
    wherry_close_listener(listener);
}

static struct harness_gate start, stop;
static int results[2];

static void races_to_listen(void *unused)
{
    (void)unused;
    wherry_listener *listener = NULL;
    gate_wait(&start);
    int r = wherry_listen(at(""), &listener);
    if (r < 0 && r != -EADDRINUSE)
        FAIL("%s (%s)", harness_errno_name(r), wherry_error_text());
    CHECK_INT(write(results[1], r < 0 ? "-" : "+", 1), 1);
    gate_wait(&stop);
    wherry_close_listener(listener);
}

TEST(of_many_that_start_at_once_one_is_the_listener)
{
    enum { RACERS = 6, ROUNDS = 10 };

    WORKS(pipe(results));
    for (int round = 0; round < ROUNDS; round++) {
        pid_t racers[RACERS];
        int winners = 0;
        gate_open(&start);
        gate_open(&stop);
        leave_stale(SOCK_SEQPACKET);
        for (int i = 0; i < RACERS; i++)
            racers[i] = harness_child(races_to_listen, NULL);
        for (int i = 0; i < RACERS; i++)
            gate_pass(&start);
        for (int i = 0; i < RACERS; i++) {
            char result;
            CHECK_INT(read_on(results[0], &result, 1), 1);
            winners += result == '+';
        }
        CHECK_INT(winners, 1);
        for (int i = 0; i < RACERS; i++)
            gate_pass(&stop);
        for (int i = 0; i < RACERS; i++)
            CHECK_INT(harness_wait(racers[i]), 0);
        CHECK(!exists(path()));
        gate_close(&start);
        gate_close(&stop);
    }
    close(results[0]);
    close(results[1]);
}
