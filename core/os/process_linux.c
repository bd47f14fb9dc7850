/* SPDX-License-Identifier: MIT */
/*
 * Starting a process, and how it ended.
 *
 * The new process shares the memory of this one until it runs its program (vfork(2)),
 * so that starting costs the same whatever this one's size; its thread stands still
 * meanwhile.  The child has a stack of its own and makes raw system calls alone: the C
 * library's own calls for users and groups would signal this process's threads, and its
 * others may change what the two share.  No signal can reach the child before each has
 * its standard effect again.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "os/run.h"

// Where there are two, the one with 32 bits.
#ifdef SYS_setuid32
#define SET_USER SYS_setresuid32
#define SET_GROUP SYS_setresgid32
#define SET_GROUPS SYS_setgroups32
#else
#define SET_USER SYS_setresuid
#define SET_GROUP SYS_setresgid
#define SET_GROUPS SYS_setgroups
#endif

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

enum {
    STACK = 8192,
    KERNEL_SIGNALS = 64,
    CLOSE_ON_EXEC = 4, // close_range(2), CLOSE_RANGE_CLOEXEC
    WHOLE_GROUP = 4,   // pidfd_send_signal(2), PIDFD_SIGNAL_PROCESS_GROUP
    NOT_STARTED = 127
};

/* What parent and child say to each other, in the memory that they share. */
struct birth {
    const struct os_start *plan;
    int *numbers; // of the descriptors that were lifted, one for each step
    int64_t parent;
    int error; // 0: its program runs
    enum os_step failed;
    size_t index;
};

/* --- in the child -------------------------------------------------------- */

static long call(long number, long first, long second, long third)
{
    long r;
    do
        r = syscall(number, first, second, third, 0L, 0L);
    while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

// Sets of signals are the kernel's here: the C library keeps some to itself.
static long call_with_set(long number, long first, const void *second, void *third)
{
    return syscall(number, first, second, third, sizeof(uint64_t));
}

// In the kernel's own form, sigaction(2): the handler comes first everywhere.
static void forget_handlers(void)
{
    static const char standard[64]; // SIG_DFL, without flags
    for (long i = 1; i <= KERNEL_SIGNALS; i++)
        (void)call_with_set(SYS_rt_sigaction, i, standard, NULL);
}

static int stand(struct birth *birth)
{
    if (birth->plan->standing == OS_STANDING_SESSION)
        return (int)call(SYS_setsid, 0, 0, 0);
    if (birth->plan->standing == OS_STANDING_GROUP)
        return (int)call(SYS_setpgid, 0, 0, 0);
    return 0;
}

static int set_umask(struct birth *birth)
{
    if (birth->plan->has_umask)
        (void)call(SYS_umask, (long)birth->plan->umask, 0, 0);
    return 0; // it never fails
}

static int become_nice(struct birth *birth)
{
    if (birth->plan->nice == 0)
        return 0;
    // getpriority(2): 20 less what it is.
    long now = 20 - call(SYS_getpriority, PRIO_PROCESS, 0, 0);
    return (int)call(SYS_setpriority, PRIO_PROCESS, 0, now + birth->plan->nice);
}

static int lay(const struct os_lay *step, int *numbers, size_t index)
{
    int from = step->lifted >= 0 ? numbers[step->lifted] : step->from;
    if (step->sort == OS_LAY_KEEP)
        return (int)call(SYS_fcntl, step->to, F_SETFD, 0);
    if (step->sort == OS_LAY_PLACE)
        return (int)call(SYS_dup3, from, step->to, 0);
    numbers[index] = (int)call(SYS_fcntl, from, F_DUPFD_CLOEXEC, step->to);
    return numbers[index];
}

static int lay_out(struct birth *birth)
{
    int r = (int)call(SYS_close_range, 0, (long)UINT_MAX, CLOSE_ON_EXEC);
    if (r < 0)
        birth->failed = OS_STEP_START; // no step of the plan's
    for (size_t i = 0; r >= 0 && i < birth->plan->lay_count; i++) {
        birth->index = i;
        r = lay(&birth->plan->lays[i], birth->numbers, i);
    }
    return r;
}

static int set_limits(struct birth *birth)
{
    for (size_t i = 0; i < birth->plan->limit_count; i++) {
        const struct os_limit *limit = &birth->plan->limits[i];
        const uint64_t both[2] = {limit->soft, limit->hard};
        birth->index = i;
        int r = (int)call(SYS_prlimit64, 0, limit->resource, (intptr_t)both);
        if (r < 0)
            return r;
    }
    return 0;
}

// The saved ones too: there is no way back.
static int change_account(struct birth *birth)
{
    const struct os_account *account = birth->plan->account;
    if (!account)
        return 0;
    const long user = (long)account->user;
    const long group = (long)account->group;
    int r =
        (int)call(SET_GROUPS, (long)account->group_count, (intptr_t)account->groups, 0);
    if (r >= 0)
        r = (int)call(SET_GROUP, group, group, group);
    return r < 0 ? r : (int)call(SET_USER, user, user, user);
}

static int change_directory(struct birth *birth)
{
    const char *directory = birth->plan->directory;
    return directory ? (int)call(SYS_chdir, (intptr_t)directory, 0, 0) : 0;
}

// A parent that died before it was asked for is noticed here.
static void die_with_parent(const struct birth *birth)
{
    if (birth->plan->death_signal == 0)
        return;
    (void)call(SYS_prctl, PR_SET_PDEATHSIG, birth->plan->death_signal, 0);
    if (call(SYS_getppid, 0, 0, 0) != birth->parent)
        (void)call(SYS_kill, call(SYS_getpid, 0, 0, 0), birth->plan->death_signal, 0);
}

static int run(struct birth *birth)
{
    static const uint64_t no_signal = 0;
    const struct os_start *plan = birth->plan;
    die_with_parent(birth);
    if (!plan->is_deaf)
        (void)call_with_set(SYS_rt_sigprocmask, SIG_SETMASK, &no_signal, NULL);
    return os_run(plan->files, plan->arguments, plan->environment, &birth->index);
}

static const struct {
    enum os_step step;
    int (*take)(struct birth *);
} steps[] = {
    {OS_STEP_STANDING, stand},
    {OS_STEP_STANDING, set_umask},
    {OS_STEP_NICE, become_nice},
    {OS_STEP_LAY, lay_out},
    {OS_STEP_LIMIT, set_limits},
    {OS_STEP_ACCOUNT, change_account},
    {OS_STEP_DIRECTORY, change_directory},
    {OS_STEP_RUN, run},
};

static int live(void *with)
{
    struct birth *birth = with;
    int r = 0;
    forget_handlers();
    for (size_t i = 0; r >= 0 && i < sizeof(steps) / sizeof(steps[0]); i++) {
        birth->failed = steps[i].step;
        birth->index = 0;
        r = steps[i].take(birth);
    }
    birth->error = r;
    (void)syscall(SYS_exit, (long)NOT_STARTED);
    return 0;
}

/* --- in the parent ------------------------------------------------------- */

static int reap_failed(int fd)
{
    siginfo_t info;
    int r;
    do
        r = waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED);
    while (r < 0 && errno == EINTR);
    close(fd);
    return r;
}

static int give_birth(struct birth *birth, struct os_started *out)
{
    // Its own, on this one's: this thread stands still while the child uses it.
    _Alignas(16) char stack[STACK];
    const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    const uint64_t all = UINT64_MAX;
    uint64_t mask;
    int fd = -1;
    (void)call_with_set(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask);
    int pid = clone(live, stack + sizeof(stack), flags, birth, &fd);
    int error = errno;
    (void)call_with_set(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL);
    if (pid < 0)
        return -error;
    if (birth->error < 0) {
        (void)reap_failed(fd);
        return birth->error;
    }
    // Where no other number is left it stays: it runs, and is waited for by that.
    int above = fd > STDERR_FILENO ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (above >= 0 && above != fd)
        os_close(fd);
    out->pid = pid;
    out->fd = above < 0 ? fd : above;
    return 0;
}

int os_start(const struct os_start *plan, struct os_started *out)
{
    int kept = errno;
    struct birth birth = {.plan = plan, .parent = getpid(), .failed = OS_STEP_START};
    birth.numbers = calloc(plan->lay_count + 1, sizeof(*birth.numbers));
    int r = birth.numbers ? give_birth(&birth, out) : -ENOMEM;
    free(birth.numbers);
    out->failed = birth.failed;
    out->index = birth.index;
    errno = kept; // the child writes there, too
    return r;
}

// What waitid(2) of the kernel fills in, which the C library may have otherwise.
struct kernel_time {
    long seconds;
    long microseconds;
};

struct kernel_usage {
    struct kernel_time user;
    struct kernel_time system;
    long memory_most; // KiB
    long rest[13];
};

static int64_t nanoseconds(const struct kernel_time *time)
{
    return (int64_t)time->seconds * 1000000000 + (int64_t)time->microseconds * 1000;
}

int os_reap(int fd, struct os_ended *out)
{
    siginfo_t info = {.si_pid = 0};
    struct kernel_usage used = {.memory_most = 0};
    long r;
    do
        r = syscall(SYS_waitid, P_PIDFD, fd, &info, WEXITED | WNOHANG, &used);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return -errno;
    if (info.si_pid == 0)
        return -EAGAIN;
    bool has_code = info.si_code == CLD_EXITED;
    *out = (struct os_ended){.code = has_code ? info.si_status : -1,
                             .signal = has_code ? 0 : info.si_status,
                             .core = info.si_code == CLD_DUMPED,
                             .user_time = nanoseconds(&used.user),
                             .system_time = nanoseconds(&used.system),
                             .memory_most = (int64_t)used.memory_most * 1024};
    return 0;
}

int os_process(int64_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0U);
    return fd < 0 ? -errno : os_above_standard(fd);
}

bool os_is_child(int fd)
{
    siginfo_t info;
    const int without_taking = WEXITED | WNOHANG | WNOWAIT;
    return waitid((idtype_t)P_PIDFD, (id_t)fd, &info, without_taking) == 0;
}

int os_kill(int fd, int signal, bool group)
{
    unsigned flags = group ? WHOLE_GROUP : 0;
    return syscall(SYS_pidfd_send_signal, fd, signal, NULL, flags) < 0 ? -errno : 0;
}

int os_kill_group(int64_t leader, int signal)
{
    return kill((pid_t)-leader, signal) < 0 ? -errno : 0;
}

/* --- limits -------------------------------------------------------------- */

// As prlimit(1) calls them.
static const struct {
    const char *name;
    int resource;
} limits[] = {
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

int os_limit_find(const char *name)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strcmp(limits[i].name, name) == 0)
            return limits[i].resource;
    }
    return -EINVAL;
}
