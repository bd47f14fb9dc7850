/* SPDX-License-Identifier: MIT */
/*
 * mq: what a user of POSIX message queues knows: priorities, limits, names that stay,
 * and that mq_send(3) and mq_receive(3) of any program are at the other end.
 */
#define _GNU_SOURCE // setresuid
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "talk.h"

// The same in the test's children.
static const char *name(void)
{
    static char text[64];
    if (!*text)
        snprintf(text, sizeof(text), "/wherry-test-%ld", (long)getpid());
    return text;
}

static const char *at(const char *options)
{
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof(texts[0]), "mq:%s%s", name(), options);
    return text;
}

static wherry_channel *reader(const char *options)
{
    wherry_listener *listener;
    wherry_channel *channel;
    WORKS(wherry_listen(at(options), &listener));
    WORKS(wherry_accept(listener, WHERRY_POLL, &channel));
    FAILS(wherry_accept(listener, WHERRY_POLL, &channel), -EALREADY, name());
    wherry_close_listener(listener);
    return channel;
}

static wherry_channel *writer(const char *options)
{
    wherry_channel *channel;
    WORKS(wherry_dial(at(options), WHERRY_POLL, &channel));
    return channel;
}

static void remove_queue(void)
{
    WORKS(wherry_remove(at("")));
}

static void put(wherry_channel *channel, const char *text, int64_t kind)
{
    WORKS(wherry_write(channel, text, strlen(text), kind, 0, WHERRY_POLL));
}

static void take(wherry_channel *channel, const char *text, int64_t kind)
{
    char bytes[64] = "";
    int64_t found = -1;
    WORKS(wherry_read(channel, bytes, sizeof(bytes) - 1, &found, NULL, WHERRY_POLL));
    CHECK_STRING(bytes, text);
    CHECK_INT(found, kind);
}

TEST(the_highest_kind_comes_first_and_equals_in_their_order)
{
    wherry_channel *out = writer("");
    wherry_channel *in = reader("");
    put(out, "low", 0);
    put(out, "first", 7);
    put(out, "second", 7);
    put(out, "highest", 32767);
    take(in, "highest", 32767);
    take(in, "first", 7);
    take(in, "second", 7);
    take(in, "low", 0);
    FAILS(wherry_write(out, "", 0, 32768, 0, soon()), -EINVAL, "0 to 32767");
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(what_is_in_a_queue_outlives_whoever_put_it_there)
{
    wherry_channel *out = writer("");
    put(out, "for later", 3);
    wherry_close(out);
    wherry_channel *in = reader("?create=no");
    take(in, "for later", 3);
    CHECK_ERROR(wherry_read(in, NULL, 0, NULL, NULL, WHERRY_POLL), -EAGAIN);
    wherry_close(in);
    remove_queue();
}

// In a namespace of its own.
static void set_system(const char *name, const char *number)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", name);
    FILE *file = fopen(path, "we");
    if (!file)
        SKIP("what the system chooses cannot be set here");
    CHECK(fputs(number, file) >= 0);
    CHECK_INT(fclose(file), 0);
}

TEST(what_the_system_chooses_is_never_more_than_it_allows)
{
    struct wherry_channel_info info;
    if (unshare(CLONE_NEWIPC) < 0)
        SKIP("only root may have a namespace of its own");
    set_system("msg_max", "4");
    set_system("msgsize_max", "512");
    if (setresuid(65534, 65534, 65534) < 0) // for root the bounds are others
        SKIP("it cannot become another user");
    wherry_channel *in = reader("?msgsize=100");
    WORKS(wherry_describe(in, &info, sizeof(info)));
    CHECK_INT(info.waiting_most, 4);
    wherry_close(in);
    remove_queue();
    in = reader("?maxmsg=2");
    WORKS(wherry_describe(in, &info, sizeof(info)));
    CHECK_INT(info.message_limit, 512);
    wherry_close(in);
    remove_queue();
}

TEST(any_program_may_be_at_the_other_end)
{
    char bytes[8192] = "";
    unsigned priority = 0;
    wherry_channel *out = writer("");
    wherry_channel *in = reader("");
    mqd_t bare = mq_open(name(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    WORKS(bare);
    put(out, "nothing but this", 5);
    CHECK_INT(mq_receive(bare, bytes, sizeof(bytes), &priority), 16);
    CHECK_STRING(bytes, "nothing but this");
    CHECK_INT(priority, 5);
    CHECK_INT(mq_send(bare, "and back", 8, 9), 0);
    take(in, "and back", 9);
    CHECK_INT(mq_send(bare, "", 0, 1), 0);
    take(in, "", 1);
    mq_close(bare);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(a_queue_is_made_found_or_refused_as_create_says)
{
    wherry_channel *channel;
    FAILS(wherry_dial(at("?create=no"), soon(), &channel), -ENOENT, "no such queue");
    wherry_close(writer("?create=exclusive"));
    FAILS(wherry_dial(at("?create=exclusive"), soon(), &channel), -EEXIST,
          "create=exclusive");
    wherry_close(writer("?create=no"));
    wherry_close(writer(""));
    remove_queue();
}

TEST(a_queue_is_made_with_its_rights_whatever_the_umask)
{
    struct stat status;
    umask(077);
    wherry_close(writer("?mode=666"));
    mqd_t bare = mq_open(name(), O_RDONLY | O_CLOEXEC);
    WORKS(fstat(bare, &status));
    CHECK_INT(status.st_mode & 0777, 0666);
    mq_close(bare);
    remove_queue();
    wherry_close(writer(""));
    bare = mq_open(name(), O_RDONLY | O_CLOEXEC);
    WORKS(fstat(bare, &status));
    CHECK_INT(status.st_mode & 0777, 0600);
    mq_close(bare);
    remove_queue();
}

/* --- limits --------------------------------------------------------------- */

TEST(a_queue_that_is_there_with_other_limits_names_them)
{
    wherry_listener *listener;
    wherry_channel *channel;
    wherry_close(writer("?maxmsg=3&msgsize=100"));
    FAILS(wherry_dial(at("?maxmsg=4"), soon(), &channel), -EEXIST,
          "maxmsg=3 and msgsize=100");
    FAILS(wherry_listen(at("?msgsize=99"), &listener), -EEXIST,
          "maxmsg=3 and msgsize=100");
    wherry_close(writer("?maxmsg=3&msgsize=100"));
    wherry_close(writer("?msgsize=100"));
    remove_queue();
}

TEST(one_limit_alone_leaves_the_other_to_the_system)
{
    wherry_channel *usual = writer("");
    struct wherry_channel_info system = info_of(usual);
    wherry_close(usual);
    remove_queue();
    wherry_channel *few = writer("?maxmsg=2");
    CHECK_INT(info_of(few).waiting_most, 2);
    CHECK_INT(info_of(few).message_limit, system.message_limit);
    wherry_close(few);
    remove_queue();
    wherry_channel *small = writer("?msgsize=64");
    CHECK_INT(info_of(small).waiting_most, system.waiting_most);
    CHECK_INT(info_of(small).message_limit, 64);
    FAILS(wherry_write(small,
                       "123456789012345678901234567890123"
                       "456789012345678901234567890123456",
                       65, 0, 0, soon()),
          -EMSGSIZE, "limit of 64");
    wherry_close(small);
    remove_queue();
}

TEST(more_than_the_system_allows_names_its_limits)
{
    wherry_channel *channel = NULL;
    int r = wherry_dial(at("?maxmsg=65536&msgsize=16M"), soon(), &channel);
    // Root is bound by bytes alone.
    if (r == -EMFILE)
        CHECK_CONTAINS(wherry_error_text(), "ulimit -q");
    else
        FAILS(r, -EINVAL, "fs.mqueue.msg_max");
    FAILS(wherry_dial(at("?create=no"), soon(), &channel), -ENOENT, "no such queue");
}

TEST(more_bytes_than_the_user_may_have_are_told_with_the_limit)
{
    struct rlimit most;
    wherry_channel *channel;
    CHECK_INT(getrlimit(RLIMIT_MSGQUEUE, &most), 0);
    most.rlim_cur = 100;
    CHECK_INT(setrlimit(RLIMIT_MSGQUEUE, &most), 0);
    FAILS(wherry_dial(at(""), soon(), &channel), -EMFILE, "ulimit -q, now 100");
    FAILS(wherry_dial(at("?create=no"), soon(), &channel), -ENOENT, "no such queue");
}

TEST(a_full_queue_is_told_from_every_other_error)
{
    wherry_channel *out = writer("?maxmsg=2");
    put(out, "one", 0);
    put(out, "two", 0);
    CHECK_ERROR(wherry_write(out, "three", 5, 0, 0, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_write(out, "three", 5, 0, 0, at_once()), -ETIMEDOUT);
    struct wherry_channel_info info = info_of(out);
    CHECK_INT(info.waiting_messages, 2);
    CHECK_INT(info.waiting_most, 2);
    CHECK_INT(info.kind_limit, 32767);
    wherry_channel *in = reader("");
    CHECK_INT(info_of(in).unread_bytes, 6);
    take(in, "one", 0);
    put(out, "three", 0);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(a_message_over_the_readers_own_limit_is_lost_alone)
{
    wherry_channel *out = writer("");
    wherry_channel *in = reader("?message=4");
    wherry_message *message;
    put(out, "small", 2);
    put(out, "good", 1);
    FAILS(wherry_recv(in, &message, soon()), -EMSGSIZE, "message= (now 4)");
    take(in, "good", 1);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(small_messages_keep_no_room_for_large_ones)
{
    static const char large[8000];
    wherry_channel *out = writer("");
    wherry_channel *in = reader("");
    wherry_message *messages[8];
    for (int i = 0; i < 8; i++) {
        WORKS(wherry_write(out, large, i < 2 ? sizeof(large) : 10, 0, 0, soon()));
        CHECK_INT(wherry_recv(in, &messages[i], soon()), 1);
    }
    CHECK_RANGE(info_of(in).memory, 2 * sizeof(large), 6 * sizeof(large));
    for (int i = 0; i < 8; i++)
        wherry_message_free(messages[i]);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

// Where it lies is told by the one before it: a block, or the room beside.
TEST(a_message_that_finds_no_memory_waits_for_the_next_call)
{
    static char bytes[8000];
    wherry_channel *out = writer("");
    wherry_channel *in = reader("");
    wherry_message *message;
    for (int i = 0; i < 8; i++) {
        size_t size = (i / 2) % 2 ? sizeof(bytes) : 10;
        memset(bytes, 'a' + i, sizeof(bytes));
        WORKS(wherry_write(out, bytes, size, i, 0, soon()));
        harness_fail_allocation(1, true);
        int r = wherry_recv(in, &message, soon());
        harness_fail_allocation(0, false);
        if (r == -ENOMEM)
            r = wherry_recv(in, &message, WHERRY_POLL);
        CHECK_INT(r, 1);
        CHECK_INT(wherry_message_size(message), size);
        CHECK_INT(wherry_message_kind(message), i);
        CHECK_BYTES(wherry_message_data(message), bytes, size);
        wherry_message_free(message);
    }
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

/* --- names ---------------------------------------------------------------- */

TEST(a_name_that_is_none_is_told)
{
    static const char *const wrong[] = {"mq:",   "mq:/",   "mq:jobs",  "mq:/a/b",
                                        "mq:/.", "mq:/..", "mq:/a%00b"};
    char long_name[300] = "mq:/";
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        FAILS(wherry_address_check(wrong[i]), -EINVAL, "a queue");
    memset(long_name + 4, 'x', 255);
    WORKS(wherry_address_check(long_name));
    memset(long_name + 4, 'x', 256);
    FAILS(wherry_address_check(long_name), -ENAMETOOLONG, "255 bytes, these are 256");
    FAILS(wherry_address_check("mq:/x?mode=688"), -EINVAL, "octal");
}

static void dials_as_nobody(void *unused)
{
    enum { NOBODY = 65534 };

    (void)unused;
    wherry_channel *channel;
    wherry_listener *listener;
    CHECK_INT(setresuid(NOBODY, NOBODY, NOBODY), 0);
    FAILS(wherry_dial(at(""), soon(), &channel), -EACCES, "may not open");
    FAILS(wherry_listen(at(""), &listener), -EACCES, "may not open");
    FAILS(wherry_remove(at("")), -EACCES, "may not remove");
}

TEST(another_users_queue_is_told)
{
    if (getuid() != 0)
        SKIP("only root can become somebody else");
    wherry_channel *out = writer("");
    CHECK_INT(harness_wait(harness_child(dials_as_nobody, NULL)), 0);
    wherry_close(out);
    remove_queue();
}

/* --- removing ------------------------------------------------------------- */

TEST(a_queue_that_is_removed_goes_on_for_those_who_have_it)
{
    wherry_channel *out = writer("");
    wherry_channel *in = reader("");
    remove_queue();
    put(out, "goes on", 0);
    take(in, "goes on", 0);
    FAILS(wherry_remove(at("")), -ENOENT, "nothing of that name");
    wherry_channel *other = writer("?create=exclusive");
    CHECK_INT(info_of(other).waiting_messages, 0);
    wherry_close(other);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(a_fifo_is_removed_and_nothing_else_at_its_path)
{
    char address[300];
    const char *path = harness_path("f");
    snprintf(address, sizeof(address), "fifo:%s", path);
    FAILS(wherry_remove(address), -ENOENT, "nothing of that name");
    CHECK_INT(mkfifo(path, 0600), 0);
    WORKS(wherry_remove(address));
    CHECK(!exists(path));
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    FAILS(wherry_remove(address), -EEXIST, "a regular file, not a FIFO");
    CHECK(exists(path));
    unlink(path);
}

TEST(a_socket_is_removed_when_nobody_has_it_any_more)
{
    char address[300];
    wherry_listener *listener;
    const char *path = harness_path("s");
    snprintf(address, sizeof(address), "unix:%s", path);
    WORKS(wherry_listen(address, &listener));
    FAILS(wherry_remove(address), -EADDRINUSE, "somebody listens there");
    wherry_close_listener(listener);
    FAILS(wherry_remove(address), -ENOENT, "nothing of that name");
    struct sockaddr_un stale = {.sun_family = AF_UNIX};
    snprintf(stale.sun_path, sizeof(stale.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&stale, sizeof(stale)), 0);
    close(fd);
    WORKS(wherry_remove(address));
    CHECK(!exists(path));
}

static struct harness_gate bound, removed;

static void listens_elsewhere(void *address)
{
    wherry_listener *listener;
    if (unshare(CLONE_NEWNET) < 0)
        SKIP("this process may have no network of its own");
    WORKS(wherry_listen(address, &listener));
    gate_pass(&bound);
    gate_wait(&removed);
    wherry_close_listener(listener);
}

// Where the kernel's table of sockets does not show it.
TEST(a_socket_of_another_network_namespace_is_not_removed)
{
    char address[300];
    const char *path = harness_path("s");
    if (getuid() != 0)
        SKIP("only root can make a network namespace");
    gate_open(&bound);
    gate_open(&removed);
    snprintf(address, sizeof(address), "unix:%s", path);
    pid_t child = harness_child(listens_elsewhere, address);
    gate_wait(&bound);
    FAILS(wherry_remove(address), -EADDRINUSE, "somebody listens there");
    CHECK(exists(path));
    gate_pass(&removed);
    CHECK_INT(harness_wait(child), 0);
    gate_close(&bound);
    gate_close(&removed);
}

static void removes_as_nobody(void *address)
{
    enum { NOBODY = 65534 };

    CHECK_INT(setresuid(NOBODY, NOBODY, NOBODY), 0);
    FAILS(wherry_remove(address), -EPERM, "another user's");
}

TEST(a_socket_that_cannot_be_removed_is_told)
{
    char address[300];
    const char *path = harness_path("s");
    if (getuid() != 0)
        SKIP("only root can become somebody else");
    struct sockaddr_un stale = {.sun_family = AF_UNIX};
    snprintf(stale.sun_path, sizeof(stale.sun_path), "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&stale, sizeof(stale)), 0);
    close(fd);
    CHECK_INT(chmod(path, 0777), 0);
    CHECK_INT(chmod(harness_directory(), 01777), 0);
    snprintf(address, sizeof(address), "unix:%s", path);
    CHECK_INT(harness_wait(harness_child(removes_as_nobody, address)), 0);
    CHECK(exists(path));
    WORKS(wherry_remove(address));
}

TEST(what_has_no_name_that_stays_is_not_removed)
{
    static const char *const addresses[] = {"pipe:", "pair:", "tcp:127.0.0.1:1",
                                            "stdio:", "fd:0"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        FAILS(wherry_remove(addresses[i]), -ENOTSUP, "no name that stays");
    FAILS(wherry_remove("mq:nothing"), -EINVAL, "mq:/NAME");
    FAILS(wherry_remove("nothing"), -EINVAL, "");
}
