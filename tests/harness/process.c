/* SPDX-License-Identifier: MIT */
/*
 * Processes that tests start: bound to their parent, waited for with a deadline, and
 * watched until they really sleep.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

pid_t fork_bound(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent)
        _exit(1);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    return 0;
}

static pid_t fork_checked(void)
{
    pid_t pid = fork_bound();
    if (pid < 0)
        FAIL("fork: %s", harness_errno_name(errno));
    return pid;
}

// gcc's, where it was told to count branches; _exit alone forgets what it counted.
void __gcov_dump(void) __attribute__((weak));

_Noreturn void harness_exit(int status)
{
    if (__gcov_dump)
        __gcov_dump();
    _exit(status);
}

pid_t harness_child(void (*run)(void *argument), void *argument)
{
    fflush(stdout);
    pid_t pid = fork_checked();
    if (pid != 0)
        return pid;
    run(argument);
    fflush(stdout);
    harness_exit(0);
}

pid_t harness_program(const char *const argv[], int input, int output)
{
    fflush(stdout);
    pid_t pid = fork_checked();
    if (pid != 0)
        return pid;
    if (input >= 0)
        dup2(input, STDIN_FILENO);
    if (output >= 0)
        dup2(output, STDOUT_FILENO);
    execvp(argv[0], (char *const *)argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], harness_errno_name(errno));
    _exit(127);
}

static bool has_ended(pid_t pid)
{
    siginfo_t end = {.si_pid = 0};
    int r = waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT | WNOHANG);
    return r == 0 && end.si_pid == pid;
}

bool process_ended(pid_t pid, int milliseconds)
{
    int64_t end = harness_now() + (int64_t)milliseconds * 1000000;
    // valgrind complains of a call that is newer than itself.
    int fd = valgrind_is_on() ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    bool ended;
    while (!(ended = has_ended(pid)) && harness_now() < end) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (fd < 0) // none left, or refused
            pause_briefly(1000);
        else
            poll(&wait, 1, (int)((end - harness_now()) / 1000000) + 1);
    }
    if (fd >= 0)
        close(fd);
    return ended;
}

static int reap(pid_t pid)
{
    int status = 0;
    pid_t r;
    do
        r = waitpid(pid, &status, 0);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        FAIL("process %d is no child: %s", (int)pid, harness_errno_name(errno));
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int harness_wait_within(pid_t pid, int milliseconds)
{
    siginfo_t end;
    bool is_child = waitid(P_PID, (id_t)pid, &end, WEXITED | WNOWAIT | WNOHANG) == 0;
    if (is_child && !process_ended(pid, harness_stretch(milliseconds))) {
        stacks_print(getpid(), STDERR_FILENO);
        FAIL("child %d did not end within %d ms", (int)pid,
             harness_stretch(milliseconds));
    }
    return reap(pid);
}

/* clone3(2); where the headers are older than it is, too. */
struct clone_wish {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size;
};

pid_t harness_fork_as(pid_t number)
{
    const struct clone_wish wish = {
        .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&number, .set_tid_size = 1};
    long r;
    do
        r = syscall(SYS_clone3, &wish, sizeof(wish));
    while (r < 0 && (errno == EINTR || errno == EAGAIN));
    return (pid_t)r;
}

int harness_wait(pid_t pid)
{
    return harness_wait_within(pid, HARNESS_PATIENCE);
}

void harness_kill(pid_t pid)
{
    if (kill(pid, SIGKILL) < 0)
        FAIL("kill %d: %s", (int)pid, harness_errno_name(errno));
    harness_wait(pid);
}

pid_t harness_thread(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* The call that a thread sleeps in: its number, stack and code, for its arguments may
 * change from one turn of a loop to the next.  False if it is not asleep. */
static bool sleeps_in(pid_t tid, char *call, size_t size)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)tid);
    harness_read_file(path, text, sizeof text);
    const char *state = strrchr(text, ')');
    if (!state)
        FAIL("thread %d is no more", (int)tid);
    if (state[2] != 'S')
        return false;
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)tid);
    harness_read_file(path, text, sizeof text);
    char *code = strrchr(text, ' ');
    if (!code || *text < '0' || *text > '9')
        return false;
    while (code > text && code[-1] != ' ')
        code--;
    snprintf(call, size, "%ld %.32s", strtol(text, NULL, 10), code);
    return true;
}

void harness_wait_blocked(pid_t tid)
{
    enum { LOOKS = 3, LOOK_MICROSECONDS = 300 };

    int64_t end = harness_now() + (int64_t)harness_stretch(HARNESS_PATIENCE) * 1000000;
    char before[256] = "", now[256] = "";
    for (int same = 0; same < LOOKS;) {
        bool is_asleep = sleeps_in(tid, now, sizeof now);
        if (is_asleep && strcmp(now, before) == 0)
            same++;
        else if (is_asleep || !storm_is_on()) // a storm shakes it out of its call, and
            same = 0;                         // it goes back
        if (is_asleep)
            strcpy(before, now);
        if (harness_now() > end) {
            stacks_print(getpid(), STDERR_FILENO);
            FAIL("thread %d did not fall asleep within %d ms", (int)tid,
                 harness_stretch(HARNESS_PATIENCE));
        }
        pause_briefly(LOOK_MICROSECONDS);
    }
}

void harness_share_one_processor(void)
{
    cpu_set_t all;
    cpu_set_t one;
    if (sched_getaffinity(0, sizeof all, &all) < 0)
        return;
    int turn = getpid() % CPU_COUNT(&all);
    CPU_ZERO(&one);
    for (size_t i = 0; i < (size_t)CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all) && turn-- == 0)
            CPU_SET(i, &one);
    sched_setaffinity(0, sizeof one, &one);
}

bool harness_have_program(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return access(name, X_OK) == 0;
    while (path && *path) {
        char file[PATH_MAX];
        int length = (int)strcspn(path, ":");
        snprintf(file, sizeof file, "%.*s/%s", length, path, name);
        if (access(file, X_OK) == 0)
            return true;
        path += length;
        path += *path == ':';
    }
    return false;
}

/* --- a tree that is killed ----------------------------------------------- */

enum { LIFE_NANOSECONDS = 3000000 };

struct tree {
    void (*work)(void *argument);
    void *argument;
    int count;
};

static void be_a_tree(void *argument)
{
    const struct tree *tree = argument;
    CHECK_INT(setpgid(0, 0), 0);
    for (int i = 1; i < tree->count; i++)
        (void)harness_child(tree->work, tree->argument);
    tree->work(tree->argument);
}

static void live_for(unsigned long nanoseconds)
{
    const struct timespec life = {.tv_nsec = (long)nanoseconds};
    (void)ppoll(NULL, 0, &life, NULL);
}

// Of whom the leader has left us.  Until it is waited for, one that was killed may
// still have what it had open.
static void wait_for_group(pid_t group)
{
    while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
        ;
    CHECK_INT(errno, ECHILD);
}

void harness_kill_tree(void (*work)(void *argument), void *argument, int count,
                       unsigned long round)
{
    struct tree tree = {.work = work, .argument = argument, .count = count};
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    const pid_t pid = harness_child(be_a_tree, &tree);
    (void)setpgid(pid, pid);
    live_for(round * 7919 % 1000 * (LIFE_NANOSECONDS / 1000));
    kill(-pid, SIGKILL);
    CHECK_INT(harness_wait(pid), -SIGKILL);
    wait_for_group(pid);
}
