/* SPDX-License-Identifier: MIT */
/*
 * Old kernels and missing system calls, played by a seccomp filter: a table of what a
 * Linux 6.1 does not have and how it says so, and a list of names to refuse.
 *
 * What a filter cannot see is left out: what is behind a pointer (socketcall, control
 * messages: SCM_PIDFD cannot be asked for without SO_PASSPIDFD), the kind of a
 * descriptor (RWF_NOWAIT, which 6.1 knows on files but not on pipes, is refused on
 * all), and what a call returns (the inode of a pidfd).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parts.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#endif

/* How the low word of an argument is tested. */
enum test_kind {
    ALWAYS,
    EQUALS,
    AT_LEAST,
    HAS_BITS,  // any of them
    BYTE_1_IS, // the type of an ioctl
    TEST_KINDS,
};

struct condition {
    enum test_kind kind;
    unsigned argument;
    uint32_t value;
};

struct refusal {
    long call;
    int error;
    struct condition when[2]; // both
};

enum {
    FIRST_AFTER_6_1 =
        451, // cachestat; calls have had one number on all machines since 424
    LAST_UNIFIED = 511,
    RWF_KNOWN_TO_6_1_BUT_NOWAIT = 0x17,
    PRCTL_FIRST_AFTER_6_1 = 65,  // PR_SET_MDWE
    PRCTL_LAST_NUMBERED = 1000,  // others are words, such as PR_SET_VMA
    SOCKET_FIRST_AFTER_6_1 = 76, // SO_PASSPIDFD, SO_PEERPIDFD 77, SO_PASSRIGHTS 83
    FCNTL_DUPFD_QUERY = 1027,
    FCNTL_CREATED_QUERY = 1028,
    FCNTL_ADD_SEALS = 1033,
    SEAL_EXEC = 0x20,
    MEMFD_EXEC_BITS = 0x18, // MFD_NOEXEC_SEAL, MFD_EXEC
    PIDFS_IOCTLS = 0xff,
    EPOLL_IOCTLS = 0x8a,
    PIDFD_THREAD_BIT = 0200,
    MADVISE_GUARD_INSTALL = 102,
};

static const struct refusal newer_than_6_1[] = {
    {SYS_preadv2, EOPNOTSUPP, {{HAS_BITS, 5, ~(uint32_t)RWF_KNOWN_TO_6_1_BUT_NOWAIT}}},
    {SYS_pwritev2, EOPNOTSUPP, {{HAS_BITS, 5, ~(uint32_t)RWF_KNOWN_TO_6_1_BUT_NOWAIT}}},
    {SYS_getsockopt,
     ENOPROTOOPT,
     {{EQUALS, 1, SOL_SOCKET}, {AT_LEAST, 2, SOCKET_FIRST_AFTER_6_1}}},
    {SYS_setsockopt,
     ENOPROTOOPT,
     {{EQUALS, 1, SOL_SOCKET}, {AT_LEAST, 2, SOCKET_FIRST_AFTER_6_1}}},
    {SYS_ioctl, ENOTTY, {{BYTE_1_IS, 1, PIDFS_IOCTLS}}},
    {SYS_ioctl, ENOTTY, {{BYTE_1_IS, 1, EPOLL_IOCTLS}}},
    {SYS_fcntl, EINVAL, {{EQUALS, 1, FCNTL_DUPFD_QUERY}}},
    {SYS_fcntl, EINVAL, {{EQUALS, 1, FCNTL_CREATED_QUERY}}},
    {SYS_fcntl, EINVAL, {{EQUALS, 1, FCNTL_ADD_SEALS}, {HAS_BITS, 2, SEAL_EXEC}}},
#ifdef SYS_fcntl64
    {SYS_fcntl64, EINVAL, {{EQUALS, 1, FCNTL_DUPFD_QUERY}}},
    {SYS_fcntl64, EINVAL, {{EQUALS, 1, FCNTL_CREATED_QUERY}}},
    {SYS_fcntl64, EINVAL, {{EQUALS, 1, FCNTL_ADD_SEALS}, {HAS_BITS, 2, SEAL_EXEC}}},
#endif
    {SYS_memfd_create, EINVAL, {{HAS_BITS, 1, MEMFD_EXEC_BITS}}},
    {SYS_pidfd_open, EINVAL, {{HAS_BITS, 1, PIDFD_THREAD_BIT}}},
    {SYS_pidfd_send_signal, EINVAL, {{HAS_BITS, 3, 0xffffffff}}},
    {SYS_madvise, EINVAL, {{EQUALS, 2, MADVISE_GUARD_INSTALL}}},
    {SYS_madvise, EINVAL, {{EQUALS, 2, MADVISE_GUARD_INSTALL + 1}}},
};

static const struct {
    const char *name;
    long call;
} calls[] = {
    {"membarrier", SYS_membarrier},
    {"pidfd_open", SYS_pidfd_open},
    {"memfd_create", SYS_memfd_create},
    {"preadv2", SYS_preadv2},
    {"pwritev2", SYS_pwritev2},
    {"getrandom", SYS_getrandom},
    {"close_range", SYS_close_range},
    {"epoll_pwait2", SYS_epoll_pwait2},
    {"userfaultfd", SYS_userfaultfd},
    {"io_uring_setup", SYS_io_uring_setup},
    {"mlock2", SYS_mlock2},
    {"setns", SYS_setns},
    {"unshare", SYS_unshare},
    {"kcmp", SYS_kcmp},
};

enum { PROGRAM_MOST = 512, CALLS = sizeof calls / sizeof *calls };

struct program {
    struct sock_filter lines[PROGRAM_MOST];
    unsigned short length;
};

static void put(struct program *program, struct sock_filter line)
{
    if (program->length < PROGRAM_MOST)
        program->lines[program->length++] = line;
}

static void put_load(struct program *program, size_t offset)
{
    put(program,
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_return(struct program *program, uint32_t action)
{
    put(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Lines that a condition takes, without the load. */
static const int lines_of[TEST_KINDS] = {
    [ALWAYS] = 0, [EQUALS] = 2, [AT_LEAST] = 2, [HAS_BITS] = 2, [BYTE_1_IS] = 4,
};

/* Goes on if the condition holds, else jumps over `over` lines after it. */
static void put_condition(struct program *program, const struct condition *when,
                          int over)
{
    static const uint16_t jump[TEST_KINDS] = {
        [EQUALS] = BPF_JEQ,
        [AT_LEAST] = BPF_JGE,
        [HAS_BITS] = BPF_JSET,
        [BYTE_1_IS] = BPF_JEQ,
    };
    if (when->kind == ALWAYS)
        return;
    put_load(program, offsetof(struct seccomp_data, args) + when->argument * 8);
    if (when->kind == BYTE_1_IS) {
        put(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 8));
        put(program, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff));
    }
    uint16_t code = (uint16_t)(BPF_JMP | jump[when->kind] | BPF_K);
    put(program, (struct sock_filter)BPF_JUMP(code, when->value, 0, (uint8_t)over));
}

static void put_refusal(struct program *program, const struct refusal *refusal)
{
    int second = lines_of[refusal->when[1].kind];
    int over = lines_of[refusal->when[0].kind] + second + 1;
    put_load(program, offsetof(struct seccomp_data, nr));
    put(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)refusal->call,
                                     0, (uint8_t)over));
    put_condition(program, &refusal->when[0], second + 1);
    put_condition(program, &refusal->when[1], 1);
    put_return(program, SECCOMP_RET_ERRNO | (uint32_t)refusal->error);
}

/* Refuses a range of numbers: of calls, or of the first argument of one call. */
static void put_range(struct program *program, size_t offset, const uint32_t bounds[2],
                      int error)
{
    put_load(program, offset);
    put(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, bounds[0], 0, 2));
    put(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, bounds[1], 1, 0));
    put_return(program, SECCOMP_RET_ERRNO | (uint32_t)error);
}

static void put_6_1(struct program *program)
{
    static const uint32_t new_calls[2] = {FIRST_AFTER_6_1, LAST_UNIFIED};
    static const uint32_t new_prctls[2] = {PRCTL_FIRST_AFTER_6_1, PRCTL_LAST_NUMBERED};
    put_range(program, offsetof(struct seccomp_data, nr), new_calls, ENOSYS);
    for (size_t i = 0; i < sizeof newer_than_6_1 / sizeof *newer_than_6_1; i++)
        put_refusal(program, &newer_than_6_1[i]);
    put_load(program, offsetof(struct seccomp_data, nr));
    put(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 4));
    put_range(program, offsetof(struct seccomp_data, args), new_prctls, EINVAL);
}

/* One NAME or NAME:ERRNO; -EINVAL for an unknown one. */
static int put_named(struct program *program, char *word)
{
    struct refusal refusal = {.error = ENOSYS};
    char *colon = strchr(word, ':');
    if (colon) {
        *colon = 0;
        refusal.error = harness_errno_number(colon + 1);
    }
    for (size_t i = 0; i < CALLS && refusal.error; i++) {
        if (strcmp(calls[i].name, word) != 0)
            continue;
        refusal.call = calls[i].call;
        put_refusal(program, &refusal);
        return 0;
    }
    dprintf(STDERR_FILENO, "WHERRY_TEST_REFUSE: unknown word: %s\n", word);
    return -EINVAL;
}

static int put_names(struct program *program, const char *names)
{
    char copy[256], *rest = NULL;
    if (snprintf(copy, sizeof copy, "%s", names) >= (int)sizeof copy)
        return -EINVAL;
    for (char *word = strtok_r(copy, ",", &rest); word;
         word = strtok_r(NULL, ",", &rest)) {
        int r = put_named(program, word);
        if (r < 0)
            return r;
    }
    return 0;
}

static int install(struct program *program)
{
    struct sock_fprog filter = {.len = program->length, .filter = program->lines};
    if (program->length == PROGRAM_MOST)
        return -E2BIG;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
        return -errno;
    return 0;
}

int refusals_install(void)
{
    const char *kernel = getenv("WHERRY_TEST_KERNEL"),
               *names = getenv("WHERRY_TEST_REFUSE");
    bool is_old = kernel && *kernel, is_named = names && *names;
    if (!is_old && !is_named)
        return 0;
    if (is_old && strcmp(kernel, "6.1") != 0)
        return -EINVAL;
#ifdef ARCHITECTURE
    static struct program program;
    put_load(&program, offsetof(struct seccomp_data, arch));
    put(&program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    put_return(&program, SECCOMP_RET_ALLOW);
    if (is_old)
        put_6_1(&program);
    int r = is_named ? put_names(&program, names) : 0;
    if (r < 0)
        return r;
    put_return(&program, SECCOMP_RET_ALLOW);
    return install(&program);
#else
    return -ENOSYS; // the numbers above are those of x86
#endif
}
