/* SPDX-License-Identifier: MIT */
/*
 * Each refusal of the filter that plays an old kernel, and that what is old still
 * works.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"

#if defined(__x86_64__) && !defined(__ILP32__)
enum { IS_KNOWN = 1, HAS_SOCKET_CALLS = 1 };
#elif defined(__i386__)
enum { IS_KNOWN = 1, HAS_SOCKET_CALLS = 0 }; // a filter cannot look into socketcall
#else
enum { IS_KNOWN = 0, HAS_SOCKET_CALLS = 0 };
#endif

enum {
    PASS_PIDFD = 76,
    PEER_PIDFD = 77,
    PASS_RIGHTS = 83,
    RW_NO_WAIT = 0x8,
    RW_APPEND = 0x10,
    RW_NO_SIGNAL = 0x100,
    DUPFD_QUERY = 1027,
    ADD_SEALS = 1033,
    SEAL_OF_EXEC = 0x20,
    MEMFD_NOEXEC_SEAL = 0x8,
    SET_MDWE = 65,
    GUARD_INSTALL = 102,
};

/* What a call says: 0 or more, or the negative errno. */
static long result(long r)
{
    return r < 0 ? -errno : r;
}

static void open_pair(int ends[2])
{
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_pair(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

/* preadv2 or pwritev2 of one byte at the position of the file; not in every C library.
 */
static long move_byte(long call, int fd, int flags)
{
    char byte = 'a';
    struct iovec one = {&byte, 1};
    return result(syscall(call, fd, &one, 1UL, -1L, -1L, flags));
}

TEST(newer_socket_options_are_refused)
{
    static const int options[] = {PASS_PIDFD, PEER_PIDFD, PASS_RIGHTS};
    int ends[2], value = 1;
    socklen_t size = sizeof value;
    if (!HAS_SOCKET_CALLS)
        SKIP("socket options are behind socketcall here");
    open_pair(ends);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        CHECK_ERROR(result(getsockopt(ends[0], SOL_SOCKET, options[i], &value, &size)),
                    -ENOPROTOOPT);
        CHECK_ERROR(result(setsockopt(ends[0], SOL_SOCKET, options[i], &value, size)),
                    -ENOPROTOOPT);
    }
    close_pair(ends);
}

TEST(older_socket_options_work)
{
    int ends[2], value = 1;
    struct ucred peer;
    socklen_t size = sizeof peer;
    open_pair(ends);
    CHECK_OK(result(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &peer, &size)));
    CHECK_INT(peer.pid, getpid());
    CHECK_OK(
        result(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &value, sizeof value)));
    close_pair(ends);
}

TEST(newer_flags_of_reading_and_writing_are_refused)
{
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    CHECK_ERROR(move_byte(SYS_pwritev2, ends[1], RW_NO_SIGNAL), -EOPNOTSUPP);
    CHECK_ERROR(move_byte(SYS_pwritev2, ends[1], RW_NO_WAIT), -EOPNOTSUPP);
    CHECK_ERROR(move_byte(SYS_preadv2, ends[0], RW_NO_WAIT), -EOPNOTSUPP);
    close_pair(ends);
}

TEST(older_flags_of_reading_and_writing_work)
{
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(move_byte(SYS_pwritev2, ends[1], RW_APPEND), 1);
    CHECK_INT(move_byte(SYS_preadv2, ends[0], 0), 1);
    close_pair(ends);
}

TEST(newer_calls_do_not_exist)
{
    for (int call = 451; call < 480; call++)
        CHECK_ERROR(result(syscall(call, -1, NULL, 0, 0, 0, 0)), -ENOSYS);
}

TEST(the_newest_call_of_the_old_kernel_exists)
{
    // set_mempolicy_home_node of nothing
    CHECK_ERROR(result(syscall(450, 0UL, 0UL, 0UL, 1UL)), -EINVAL);
}

TEST(newer_commands_for_descriptors_are_refused)
{
    uint64_t information[16] = {1}; // PIDFD_INFO_PID
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    CHECK(pidfd >= 0);
    CHECK_ERROR(
        result(syscall(SYS_ioctl, pidfd, _IOWR(0xff, 11, char[64]), information)),
        -ENOTTY);
    CHECK_ERROR(result(fcntl(pidfd, DUPFD_QUERY, pidfd)), -EINVAL);
    CHECK_ERROR(result(syscall(SYS_pidfd_open, getpid(), 0200)), -EINVAL);
    CHECK_ERROR(result(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 1)), -EINVAL);
    CHECK_OK(result(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0)));
    close(pidfd);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    CHECK_ERROR(result(syscall(SYS_ioctl, epoll, _IOR(0x8a, 2, char[8]), information)),
                -ENOTTY);
    close(epoll);
}

TEST(newer_seals_are_refused_and_older_ones_work)
{
    CHECK_ERROR(result(memfd_create("new", MEMFD_NOEXEC_SEAL)), -EINVAL);
    int fd = memfd_create("old", MFD_ALLOW_SEALING | MFD_CLOEXEC);
    CHECK_ERROR(result(fcntl(fd, ADD_SEALS, SEAL_OF_EXEC)), -EINVAL);
    CHECK_OK(result(fcntl(fd, ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)));
    close(fd);
}

TEST(newer_process_and_memory_controls_are_refused)
{
    CHECK_ERROR(result(prctl(SET_MDWE, 1, 0, 0, 0)), -EINVAL);
    CHECK_OK(result(prctl(PR_SET_NAME, "older", 0, 0, 0)));
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_ERROR(result(madvise(page, 4096, GUARD_INSTALL)), -EINVAL);
    CHECK_ERROR(result(madvise(page, 4096, GUARD_INSTALL + 1)), -EINVAL);
    CHECK_OK(result(madvise(page, 4096, MADV_DONTNEED)));
    munmap(page, 4096);
}

TEST(a_call_is_refused_by_its_name)
{
    CHECK_ERROR(result(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0)), -ENOSYS);
    CHECK_ERROR(result(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0)), -EPERM);
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    CHECK_OK(result(pidfd));
    close(pidfd);
}

static void look_in_child(void *unused)
{
    (void)unused;
    CHECK_ERROR(result(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0)), -ENOSYS);
}

TEST(children_are_refused_the_same)
{
    CHECK_INT(harness_wait(harness_child(look_in_child, NULL)), 0);
}

int main(int argc, char **argv)
{
    if (!IS_KNOWN)
        return 77;
    // Set to nothing, the tests must fail on a newer kernel: so they can.
    setenv("WHERRY_TEST_KERNEL", "6.1", 0);
    setenv("WHERRY_TEST_REFUSE", "membarrier,kcmp:EPERM", 0);
    return harness_main(argc, argv);
}
