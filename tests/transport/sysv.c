/* SPDX-License-Identifier: MIT */
/*
 * sysv: what a user of System V message queues knows: types, keys, waiting, and that
 * msgsnd(2) and msgrcv(2) of any program are at the other end.
 */
#define _GNU_SOURCE // setresuid
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "sysv_talk.h"

static int number(void)
{
    int id = msgget(key(), 0);
    WORKS(id);
    return id;
}

TEST(a_message_is_picked_as_msgrcv_picks_and_the_rest_stays_in_the_queue)
{
    wherry_channel *out = writer_at(at(""));
    wherry_channel *in = reader_at(at(""));
    wherry_message *message;
    put(out, "five", 5);
    put(out, "two", 2);
    put(out, "none", 0);
    put(out, "two again", 2);
    CHECK_ERROR(wherry_recv_kind(in, 4, &message, WHERRY_POLL), -EAGAIN);
    CHECK_ERROR(wherry_recv_kind(in, 4, &message, at_once()), -ETIMEDOUT);
    CHECK_INT(info_of(in).waiting_messages, 4);
    CHECK_INT(info_of(in).held_messages, 0);
    take(in, 2, "two", 2);
    take(in, -3, "none", 1);
    CHECK_INT(info_of(in).held_messages, 0);
    take(in, -3, "two again", 2);
    CHECK_ERROR(wherry_recv_kind(in, -3, &message, WHERRY_POLL), -EAGAIN);
    take(in, 0, "five", 5);
    put(out, "largest", LONG_MAX);
    take(in, -INT64_MAX, "largest", LONG_MAX);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

struct letter {
    long type;
    char text[64];
};

TEST(any_program_may_be_at_the_other_end)
{
    struct letter letter = {.type = 9, .text = "and back"};
    wherry_channel *out = writer_at(at(""));
    wherry_channel *in = reader_at(at(""));
    CHECK_INT(msgsnd(number(), &letter, 8, IPC_NOWAIT), 0);
    CHECK_INT(msgsnd(number(), &letter, 0, IPC_NOWAIT), 0);
    take(in, 0, "and back", 9);
    take(in, 0, "", 9);
    put(out, "nothing but this", 5);
    CHECK_INT(msgrcv(number(), &letter, sizeof(letter.text), 0, IPC_NOWAIT), 16);
    CHECK_INT(letter.type, 5);
    CHECK_BYTES(letter.text, "nothing but this", 16);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

TEST(what_is_in_a_queue_outlives_whoever_put_it_there)
{
    wherry_channel *out = writer_at(at(""));
    put(out, "for later", 3);
    wherry_close(out);
    wherry_channel *in = reader_at(at("?create=no"));
    take(in, 0, "for later", 3);
    wherry_close(in);
    remove_queue();
}

TEST(a_key_is_a_number_a_file_or_a_queue_that_is_there)
{
    char by_file[300], decimal[64], by_number[64];
    harness_write_file("key", "", 0);
    snprintf(by_file, sizeof(by_file), "sysv:%s,7", harness_path("key"));
    wherry_channel *in = reader_at(by_file);
    int id = msgget(ftok(harness_path("key"), 7), 0);
    WORKS(id);
    snprintf(by_number, sizeof(by_number), "sysv:#%d", id);
    wherry_channel *out = writer_at(by_number);
    put(out, "by its number", 1);
    take(in, 0, "by its number", 1);
    wherry_close(out);
    WORKS(wherry_remove(by_file));
    wherry_close(in);
    FAILS(wherry_dial(by_number, soon(), &out), -ENOENT, "no queue of that number");
    snprintf(by_file, sizeof(by_file), "sysv:%s,7", harness_path("missing"));
    FAILS(wherry_dial(by_file, soon(), &out), -ENOENT, "no file");
    snprintf(decimal, sizeof(decimal), "sysv:%d", key());
    in = reader_at(decimal);
    out = writer_at(at("?create=no"));
    wherry_close(out);
    wherry_close(in);
    remove_queue();
}

TEST(a_private_queue_goes_with_its_reader)
{
    wherry_listener *listener;
    wherry_channel *in, *out;
    FAILS(wherry_dial("sysv:private", soon(), &out), -EINVAL, "the listener shows");
    for (int is_accepted = 0; is_accepted < 2; is_accepted++) {
        char address[64];
        WORKS(wherry_listen("sysv:private", &listener));
        snprintf(address, sizeof(address), "%s", wherry_listener_address(listener));
        CHECK_CONTAINS(address, "sysv:#");
        out = writer_at(address);
        put(out, "between us", 0);
        if (is_accepted) {
            WORKS(wherry_accept(listener, soon(), &in));
            take(in, 0, "between us", 1);
        }
        wherry_close_listener(listener);
        if (is_accepted) {
            put(out, "still", 0);
            wherry_close(in);
        }
        FAILS(wherry_write(out, "gone", 4, 0, 0, soon()), -EIDRM, "was removed");
        wherry_close(out);
        FAILS(wherry_remove(address), -ENOENT, "nothing of that name");
    }
}

static void closes(void *channel)
{
    wherry_close(channel);
}

TEST(a_private_queue_outlives_the_readers_children)
{
    wherry_channel *in = reader_at("sysv:private");
    wherry_channel *out = writer_at(info_of(in).address);
    CHECK_INT(harness_wait(harness_child(closes, in)), 0);
    put(out, "still there", 0);
    take(in, 0, "still there", 1);
    wherry_close(out);
    wherry_close(in);
}

TEST(a_key_that_is_none_is_told)
{
    static const char *const wrong[] = {
        "sysv:",           "sysv:0",      "sysv:0x0",    "sysv:-1", "sysv:abc",
        "sysv:4294967296", "sysv:12 ",    "sysv:/etc,0", "sysv:#",  "sysv:/etc,256",
        "sysv:#-1",        "sysv:privat", "sysv:/etc,x", "sysv:,1", "sysv:1%001"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        FAILS(wherry_address_check(wrong[i]), -EINVAL, "a key is a number");
    WORKS(wherry_address_check("sysv:4294967295"));
    WORKS(wherry_address_check("sysv:0xffffffff"));
    FAILS(wherry_address_check("sysv:1?mode=688"), -EINVAL, "octal");
}

TEST(a_queue_is_made_found_or_refused_as_create_says)
{
    wherry_channel *channel;
    struct msqid_ds status;
    FAILS(wherry_dial(at("?create=no"), soon(), &channel), -ENOENT, "no such queue");
    umask(077);
    wherry_close(writer_at(at("?create=exclusive&mode=640")));
    CHECK_INT(msgctl(number(), IPC_STAT, &status), 0);
    CHECK_INT(status.msg_perm.mode & 0777, 0640);
    FAILS(wherry_dial(at("?create=exclusive"), soon(), &channel), -EEXIST,
          "create=exclusive");
    wherry_close(writer_at(at("?create=no")));
    wherry_close(writer_at(at("")));
    remove_queue();
    FAILS(wherry_remove(at("")), -ENOENT, "nothing of that name");
}

TEST(a_queue_that_is_removed_ends_its_channels)
{
    wherry_message *message;
    wherry_channel *out = writer_at(at(""));
    wherry_channel *in = reader_at(at(""));
    remove_queue();
    FAILS(wherry_recv(in, &message, soon()), -EIDRM, "was removed");
    FAILS(wherry_write(out, "x", 1, 0, 0, soon()), -EIDRM, "was removed");
    wherry_close(in);
    wherry_close(out);
}

/* --- waiting -------------------------------------------------------------- */

static wherry_channel *waiting;

static void cancel(int signal)
{
    (void)signal;
    wherry_cancel(waiting);
}

static void waits_for_ever(void *unused)
{
    wherry_message *message;
    (void)unused;
    waiting = reader_at(at(""));
    signal(SIGUSR1, cancel);
    FAILS(wherry_recv(waiting, &message, WHERRY_FOREVER), -ECANCELED, "cancelled");
    wherry_close(waiting);
}

// The wait is msgrcv(2) itself, and the signal finds it there.
TEST(a_signal_handler_ends_a_wait_without_end)
{
    wherry_close(writer_at(at("")));
    pid_t child = harness_child(waits_for_ever, NULL);
    harness_wait_blocked(child);
    CHECK_INT(kill(child, SIGUSR1), 0);
    CHECK_INT(harness_wait(child), 0);
    remove_queue();
}

#if defined(__x86_64__) && !defined(__ILP32__)

/* The instruction that enters the kernel: the last of a restartable sequence, before
 * the signature of its way out (rseq(2)). */
static uint8_t *find_entry(void)
{
    static const uint8_t entry[] = {0x0f, 0x05, 0xeb}; // syscall, and a jump over
    static const uint8_t way_out[] = {0x0f, 0xb9, 0x3d, 0x53, 0x30, 0x05, 0x53};
    char line[512], own[256] = "";
    uint8_t *found = NULL;
    ssize_t size = readlink("/proc/self/exe", own, sizeof(own) - 1);
    CHECK(size > 0);
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && !found && fgets(line, sizeof(line), maps)) {
        unsigned long from, to;
        if (!strstr(line, own) || sscanf(line, "%lx-%lx r-xp", &from, &to) != 2)
            continue;
        for (uint8_t *at = (uint8_t *)from; at + 16 < (uint8_t *)to && !found; at++)
            if (memcmp(at, entry, sizeof(entry)) == 0 &&
                memcmp(at + 4, way_out, sizeof(way_out)) == 0)
                found = at;
    }
    if (maps)
        fclose(maps);
    return found;
}

static void waits_traced(void *unused)
{
    (void)unused;
    CHECK_INT(ptrace(PTRACE_TRACEME, 0, NULL, NULL), 0);
    raise(SIGSTOP);
    waits_for_ever(NULL);
}

static void expect_stop(pid_t child, int signal)
{
    int status = 0;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSTOPPED(status));
    CHECK_INT(WSTOPSIG(status), signal);
}

// A breakpoint holds it there: it has looked whether to stop, and not yet begun to
// wait.
TEST(a_signal_is_not_lost_between_looking_and_waiting)
{
    uint8_t *entry = find_entry();
    struct user_regs_struct registers;
    if (!entry)
        SKIP("here a wait is never in the call itself");
    wherry_close(writer_at(at("")));
    pid_t child = harness_child(waits_traced, NULL);
    expect_stop(child, SIGSTOP);
    long text = ptrace(PTRACE_PEEKTEXT, child, entry, NULL);
    long stopping = (text & ~0xffL) | 0xcc;
    CHECK_INT(ptrace(PTRACE_POKETEXT, child, entry, (void *)stopping), 0);
    CHECK_INT(ptrace(PTRACE_CONT, child, NULL, NULL), 0);
    expect_stop(child, SIGTRAP);
    CHECK_INT(ptrace(PTRACE_GETREGS, child, NULL, &registers), 0);
    registers.rip = (uintptr_t)entry;
    CHECK_INT(ptrace(PTRACE_SETREGS, child, NULL, &registers), 0);
    CHECK_INT(ptrace(PTRACE_POKETEXT, child, entry, (void *)text), 0);
    CHECK_INT(ptrace(PTRACE_CONT, child, NULL, (void *)SIGUSR1), 0);
    CHECK_INT(harness_wait(child), 0);
    remove_queue();
}

#endif

static void takes_one(void *unused)
{
    wherry_message *message;
    (void)unused;
    wherry_channel *in = reader_at(at(""));
    CHECK_INT(wherry_recv_kind(in, 7, &message, WHERRY_FOREVER), 1);
    CHECK_BYTES(wherry_message_data(message), "seven", 5);
    wherry_message_free(message);
    FAILS(wherry_recv_kind(in, 7, &message, WHERRY_FOREVER), -EIDRM, "was removed");
    wherry_close(in);
}

TEST(a_wait_without_end_ends_with_its_kind_or_with_the_queue)
{
    wherry_channel *out = writer_at(at(""));
    pid_t child = harness_child(takes_one, NULL);
    harness_wait_blocked(child);
    put(out, "one", 1);
    put(out, "seven", 7);
    struct msqid_ds status;
    do
        CHECK_INT(msgctl(number(), IPC_STAT, &status), 0);
    while (status.msg_qnum > 1);
    harness_wait_blocked(child);
    remove_queue();
    CHECK_INT(harness_wait(child), 0);
    wherry_close(out);
}

TEST(what_waits_is_seen_without_taking_it)
{
    int64_t kind = 0;
    wherry_channel *out = writer_at(at(""));
    wherry_channel *in = reader_at(at("?message=3"));
    put(out, "five", 5);
    put(out, "", 2);
    int64_t size = wherry_peek(in, 0, &kind);
    if (size == -ENOTSUP)
        SKIP("this kernel has no MSG_COPY");
    CHECK_INT(size, 4);
    CHECK_INT(kind, 5);
    CHECK_INT(wherry_peek(out, 1, &kind), 0);
    CHECK_INT(kind, 2);
    CHECK_ERROR(wherry_peek(out, 2, &kind), -EAGAIN);
    CHECK_ERROR(wherry_peek(out, SIZE_MAX, &kind), -EAGAIN);
    CHECK_INT(info_of(in).waiting_messages, 2);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
    wherry_channel *pair[2];
    WORKS(wherry_pair("pair:", pair));
    FAILS(wherry_peek(pair[0], 0, &kind), -ENOTSUP, "without taking it");
    wherry_close(pair[0]);
    wherry_close(pair[1]);
}

TEST(the_lowest_is_found_here_and_in_the_kernel)
{
    char room[4];
    wherry_channel *out = writer_at(at(""));
    wherry_channel *in = reader_at(at(""));
    put(out, "ten bytes!", 9);
    CHECK_ERROR(wherry_read(in, room, 1, NULL, NULL, soon()), -ENOSPC);
    put(out, "two", 2);
    put(out, "ten", 10);
    take(in, -20, "two", 2);
    take(in, -20, "ten bytes!", 9);
    take(in, -20, "ten", 10);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

// What lies there for want of memory is not what the next call wants.
TEST(a_want_of_memory_changes_no_kind)
{
    wherry_channel *out = writer_at(at(""));
    wherry_channel *in = reader_at(at(""));
    wherry_message *message;
    put(out, "seven", 7);
    harness_fail_allocation(1, true);
    int r = wherry_recv_kind(in, 7, &message, WHERRY_POLL);
    harness_fail_allocation(0, false);
    CHECK_ERROR(r, -ENOMEM);
    CHECK_ERROR(wherry_recv_kind(in, 9, &message, WHERRY_POLL), -EAGAIN);
    put(out, "nine", 9);
    take(in, 9, "nine", 9);
    take(in, 7, "seven", 7);
    wherry_close(in);
    wherry_close(out);
    remove_queue();
}

static void hears_late(void *unused)
{
    char address[128];
    wherry_listener *listener;
    wherry_channel *in;
    wherry_message *message;
    (void)unused;
    snprintf(address, sizeof(address), "fault?delay=20ms:%s", at(""));
    WORKS(wherry_listen(address, &listener));
    WORKS(wherry_accept(listener, soon(), &in));
    CHECK_INT(wherry_recv(in, &message, WHERRY_FOREVER), 1);
    wherry_message_free(message);
    CHECK_INT(wherry_recv_kind(in, 3, &message, WHERRY_FOREVER), 1);
    wherry_message_free(message);
    wherry_close(in);
    wherry_close_listener(listener);
}

// Nothing is there yet when the wait begins.
TEST(what_is_late_is_waited_for_here_too)
{
    wherry_channel *out = writer_at(at(""));
    pid_t child = harness_child(hears_late, NULL);
    harness_wait_blocked(child);
    put(out, "late", 3);
    put(out, "again", 3);
    CHECK_INT(harness_wait(child), 0);
    wherry_close(out);
    remove_queue();
}

static void drops_a_letter(void *address)
{
    enum { NOBODY = 65534 };

    CHECK_INT(setresuid(NOBODY, NOBODY, NOBODY), 0);
    wherry_channel *out = writer_at(address);
    put(out, "a letter", 1);
    wherry_close(out);
}

TEST(who_may_only_write_can_write_to_a_queue_by_its_number)
{
    if (getuid() != 0)
        SKIP("only root can become somebody else");
    wherry_channel *in = reader_at("sysv:private?mode=622");
    char address[256];
    snprintf(address, sizeof(address), "%s", info_of(in).address);
    CHECK_INT(harness_wait(harness_child(drops_a_letter, address)), 0);
    take(in, 0, "a letter", 1);
    wherry_close(in);
}

TEST(there_is_no_descriptor_to_wait_for)
{
    wherry_native fd;
    short events;
    wherry_channel *in = reader_at("sysv:private");
    FAILS(wherry_fd(in, WHERRY_IN, &fd, &events), -ENOTSUP, "no descriptor");
    CHECK(!(info_of(in).abilities & WHERRY_ABLE_DESCRIPTOR));
    wherry_close(in);
}
