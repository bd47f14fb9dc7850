/* SPDX-License-Identifier: MIT */
/*
 * The keeper of one test.  It is a subreaper, so that whatever the test's processes
 * leave comes to it, in whichever session it is; it ends only when it has no
 * descendants and the test's directory is gone.  All it says goes where the test's
 * output goes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

enum {
    GRACE_MILLISECONDS = 500, // for processes that are on their way out
    KILL_MILLISECONDS = 5000,
};

static struct inventory *system_before; // here for leak detectors to find in the test
static sigset_t watched; // SIGCHLD, SIGTERM, SIGINT: blocked in the keeper

static void say(const char *text)
{
    dprintf(STDERR_FILENO, "%s\n", text);
}

/* Everything that can be told from inside, once the test's function has returned. */
static int count_leaks(const struct inventory *before, unsigned long mark)
{
    int leaks = harness_blocks_since(mark);
    leaks += children_leaks();
    leaks += inventory_leaks(before);
    return leaks;
}

#if IS_THREAD_SANITIZED
static void *end_at_once(void *nothing)
{
    return nothing;
}

/* The sanitizer starts a thread of its own with the first one: that is none of the
 * test's. */
static void start_sanitizer(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_at_once, NULL) == 0)
        pthread_join(thread, NULL);
}
#else
static void start_sanitizer(void)
{
}
#endif

static void set_up_process(void)
{
    setsid();
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &watched, NULL);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    if (nothing > STDERR_FILENO)
        close(nothing);
    setvbuf(stdout, NULL, _IOLBF, 0);
    start_sanitizer();
    int r = refusals_install();
    if (r < 0)
        FAIL("system calls cannot be refused: %s", harness_errno_name(r));
}

_Noreturn static void run_test(const struct test *test)
{
    pid_t self = getpid();
    set_up_process();
    struct inventory *before = inventory_take(OF_PROCESS);
    unsigned long mark = harness_allocations();
    storm_arm();
    if (test->plain)
        test->plain();
    else
        test->run(test->argument);
    storm_end();
    if (getpid() != self)
        FAIL("a forked child returned from the test");
    harness_fail_allocation(0, false);
    fflush(NULL);
    if (count_leaks(before, mark))
        atomic_fetch_add(&harness_report->failures, 1);
    inventory_free(before);
    atomic_store(&harness_report->is_finished, 1);
    exit(0); // leak detectors and coverage wait for it
}

static bool no_child_is_left(void)
{
    siginfo_t any;
    return waitid(P_ALL, 0, &any, WEXITED | WNOWAIT | WNOHANG) < 0 && errno == ECHILD;
}

/* Sleeps until a child ends, the end comes, or the keeper is told to stop: then true.
 */
static bool is_stopped_before(int64_t end)
{
    int64_t left = end - harness_now();
    left = left > 0 ? left : 0;
    struct timespec wait = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
    int signal = sigtimedwait(&watched, NULL, &wait);
    return signal == SIGTERM || signal == SIGINT;
}

/* Kills until nobody is left, however fast they fork. */
static void kill_all(void)
{
    int64_t end = harness_now() + (int64_t)KILL_MILLISECONDS * 1000000;
    while (!no_child_is_left() && harness_now() < end) {
        pid_t found[DESCENDANTS_MOST];
        int count = descendants(getpid(), found);
        for (int i = 0; i < count; i++)
            kill(found[i], SIGKILL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        pause_briefly(500);
    }
}

/* Names who is still there though the test is over; how many. */
static int count_survivors(void)
{
    int64_t end =
        harness_now() + (int64_t)harness_stretch(GRACE_MILLISECONDS) * 1000000;
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (no_child_is_left())
            return 0;
        if (harness_now() > end)
            break;
        is_stopped_before(end);
    }
    pid_t found[DESCENDANTS_MOST];
    int count = descendants(getpid(), found);
    for (int i = 0; i < count; i++) {
        char name[32];
        process_name(found[i], name, sizeof name);
        dprintf(STDERR_FILENO, "left behind: process %d (%s)\n", (int)found[i], name);
    }
    return count;
}

/* Waits for the test's end; its status, or -1 if it was not its own end. */
static int watch(pid_t pid, int limit_seconds)
{
    int64_t end =
        harness_now() + (int64_t)harness_stretch(limit_seconds * 1000) * 1000000;
    int status;
    for (;;) {
        pid_t r;
        while ((r = waitpid(-1, &status, WNOHANG)) > 0) // and those left to us
            if (r == pid)
                return status;
        if (is_stopped_before(end)) {
            say("the run was stopped");
            return -1;
        }
        if (harness_now() > end)
            break;
    }
    dprintf(STDERR_FILENO, "the time limit of %d s is over\n",
            harness_stretch(limit_seconds));
    stacks_print(getpid(), STDERR_FILENO);
    return -1;
}

/* What the end says; true if it is a good one. */
static bool is_good_end(int status)
{
    if (status < 0)
        return false;
    if (WIFSIGNALED(status)) {
        dprintf(STDERR_FILENO, "killed by signal %d (%s)\n", WTERMSIG(status),
                strsignal(WTERMSIG(status)));
        return false;
    }
    if (atomic_load(&harness_report->failures))
        return false;
    if (WEXITSTATUS(status) != 0) {
        dprintf(STDERR_FILENO, "the test's process ended with status %d\n",
                WEXITSTATUS(status));
        return false;
    }
    if (atomic_load(&harness_report->is_finished) ||
        atomic_load(&harness_report->is_skipped))
        return true;
    say("the test's process ended within the test");
    return false;
}

static bool judge(pid_t pid, int limit_seconds)
{
    bool is_good = is_good_end(watch(pid, limit_seconds));
    bool is_skipped = atomic_load(&harness_report->is_skipped);
    if (is_good && !is_skipped && count_survivors())
        is_good = false;
    kill_all();
    // What a test leaves that was broken off says nothing.
    if (is_good && !is_skipped && directory_leaks() + inventory_leaks(system_before))
        is_good = false;
    return is_good && !atomic_load(&harness_report->failures);
}

_Noreturn void keep(const struct test *test, int limit_seconds)
{
    sigemptyset(&watched);
    sigaddset(&watched, SIGCHLD);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGINT);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    // Also what whoever started the tests (nohup, a shell in the background) ignores.
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        signal(signals[i], SIG_DFL);
    setsid();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    // Where that may be done nobody else's objects are counted, and what is left when
    // the test was broken off goes with its last process.
    (void)unshare(CLONE_NEWIPC);
    int r = directory_make();
    if (r < 0) {
        dprintf(STDERR_FILENO, "no directory for the test: %s\n",
                harness_errno_name(r));
        _exit(1);
    }
    system_before = inventory_take(OF_SYSTEM);
    pid_t pid = fork_bound();
    if (pid == 0)
        run_test(test);
    bool is_good = pid > 0 && judge(pid, limit_seconds);
    directory_remove();
    inventory_free(system_before);
    _exit(is_good ? 0 : 1);
}
