/* SPDX-License-Identifier: MIT */
/*
 * guest: the library loaded (dlopen(3)) by a program that has handlers, masks, threads,
 * limits and children of its own.  All that can be read of the program is written down
 * before and after, and is the same.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"

enum { THREADS = 8, TURNS = 5, NOTES = 65536, SIGNALS = 64, RESOURCES = 16 };

/* --- the guest ----------------------------------------------------------- */

struct guest {
    void *library;
    int (*spawn)(const struct wherry_plan *, size_t, wherry_process **);
    int (*collect)(const struct wherry_plan *, size_t, const struct wherry_collect *,
                   struct wherry_collected *, wherry_deadline);
    void (*collected_free)(struct wherry_collected *);
    int (*wait)(wherry_process *, struct wherry_exit *, size_t, wherry_deadline);
    int (*kill)(wherry_process *, int, enum wherry_whom);
    void (*close)(wherry_process *);
    wherry_deadline (*after)(int64_t milliseconds);
};

static void find(const struct guest *guest, const char *name, void *function)
{
    void *found = dlsym(guest->library, name);
    CHECK(found);
    memcpy(function, &found, sizeof(found));
}

static void enter(struct guest *guest)
{
    guest->library = dlopen(GUEST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!guest->library)
        FAIL("%s", dlerror());
    find(guest, "wherry_spawn", &guest->spawn);
    find(guest, "wherry_collect", &guest->collect);
    find(guest, "wherry_collected_free", &guest->collected_free);
    find(guest, "wherry_process_wait", &guest->wait);
    find(guest, "wherry_process_kill", &guest->kill);
    find(guest, "wherry_process_close", &guest->close);
    find(guest, "wherry_after", &guest->after);
}

static void leave(struct guest *guest)
{
    CHECK_INT(dlclose(guest->library), 0);
}

static wherry_deadline in_time(const struct guest *guest)
{
    return guest->after(harness_stretch(HARNESS_PATIENCE));
}

// One that does not read what it is fed: writing there is SIGPIPE for who is careless.
static void collect_one(const struct guest *guest)
{
    static const char input[1 << 18];
    const struct wherry_collect wish = {.input = input, .input_size = sizeof(input)};
    struct wherry_plan plan = {.line = "exec 0<&-; echo out; exit 4", .umask = "077"};
    struct wherry_collected all;
    CHECK_OK(guest->collect(&plan, sizeof(plan), &wish, &all, in_time(guest)));
    CHECK_STRING(all.output, "out\n");
    CHECK_INT(all.exit.code, 4);
    guest->collected_free(&all);
}

static void kill_one(const struct guest *guest)
{
    const struct wherry_limit limit = {"core", 0, 0};
    struct wherry_plan plan = {.line = "sleep 96 & exec sleep 96",
                               .directory = "/",
                               .nice = 1,
                               .limits = &limit,
                               .limit_count = 1,
                               .place = WHERRY_GROUP_SESSION};
    wherry_process *process = NULL;
    struct wherry_exit exit;
    CHECK_OK(guest->spawn(&plan, sizeof(plan), &process));
    CHECK_OK(guest->kill(process, SIGKILL, WHERRY_ITS_TREE));
    CHECK_OK(guest->wait(process, &exit, sizeof(exit), in_time(guest)));
    CHECK_INT(exit.signal, SIGKILL);
    guest->close(process);
}

static void fail_one(const struct guest *guest)
{
    struct wherry_plan plan = {.file = "/nonexistent/program", .directory = "/"};
    wherry_process *process = NULL;
    CHECK_ERROR(guest->spawn(&plan, sizeof(plan), &process), -ENOENT);
}

static void work(const struct guest *guest)
{
    collect_one(guest);
    kill_one(guest);
    fail_one(guest);
}

/* --- the host ------------------------------------------------------------ */

static atomic_int heard[SIGNALS + 1];
static atomic_int forks;

static void count_signal(int number)
{
    heard[number]++;
}

static void count_fork(void)
{
    forks++;
}

/* All that was read, one line each. */
struct notes {
    size_t size;
    char text[NOTES];
};

__attribute__((format(printf, 2, 3))) static void note(struct notes *notes,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size =
        vsnprintf(notes->text + notes->size, NOTES - notes->size, format, arguments);
    va_end(arguments);
    CHECK(size >= 0 && notes->size + (size_t)size < NOTES);
    notes->size += (size_t)size;
}

static void note_signals(struct notes *notes)
{
    sigset_t blocked;
    sigset_t pending;
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &blocked), 0);
    CHECK_INT(sigpending(&pending), 0);
    for (int i = 1; i <= SIGNALS; i++) {
        struct sigaction action = {.sa_flags = 0};
        uintptr_t handler;
        if (sigaction(i, NULL, &action) < 0)
            continue; // the C library keeps it to itself
        memcpy(&handler, &action.sa_handler, sizeof(handler));
        note(notes, "signal %d: %llx, flags %x, masks", i, (unsigned long long)handler,
             (unsigned)action.sa_flags);
        for (int j = 1; j <= SIGNALS; j++)
            note(notes, "%s", sigismember(&action.sa_mask, j) == 1 ? "1" : "0");
        note(notes, ", blocked %d, pending %d\n", sigismember(&blocked, i),
             sigismember(&pending, i));
    }
}

static void note_descriptors(struct notes *notes)
{
    for (int i = 0; i < 256; i++) {
        char path[64];
        char target[256] = "";
        snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
        if (readlink(path, target, sizeof(target) - 1) > 0)
            note(notes, "descriptor %d: %s\n", i, target);
    }
}

static void note_standing(struct notes *notes)
{
    char here[512];
    struct itimerval timer;
    int is_subreaper = -1;
    int death_signal = -1;
    mode_t mask = umask(0);
    umask(mask);
    CHECK(getcwd(here, sizeof(here)));
    CHECK_INT(getitimer(ITIMER_REAL, &timer), 0);
    CHECK_INT(prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper), 0);
    CHECK_INT(prctl(PR_GET_PDEATHSIG, &death_signal), 0);
    note(notes, "directory %s, umask %03o, nice %d, group %d, session %d\n", here,
         (unsigned)mask, getpriority(PRIO_PROCESS, 0), (int)getpgid(0), (int)getsid(0));
    note(notes, "user %d %d, group %d %d, subreaper %d, death signal %d, timer %ld\n",
         (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid(), is_subreaper,
         death_signal, (long)timer.it_interval.tv_usec);
    for (unsigned i = 0; i < RESOURCES; i++) {
        struct rlimit limit;
        if (getrlimit(i, &limit) == 0)
            note(notes, "limit %u: %llu %llu\n", i, (unsigned long long)limit.rlim_cur,
                 (unsigned long long)limit.rlim_max);
    }
    for (char **each = environ; *each; each++)
        note(notes, "%p %s\n", (void *)*each, *each);
}

static struct notes *note_all(void)
{
    struct notes *notes = calloc(1, sizeof(*notes));
    CHECK(notes);
    note_signals(notes);
    note_descriptors(notes);
    note_standing(notes);
    return notes;
}

/* The first line that is another one is told. */
static void compare(const struct notes *before, const struct notes *after)
{
    const char *was = before->text;
    const char *is = after->text;
    while (*was || *is) {
        size_t size = strcspn(was, "\n");
        if (strcspn(is, "\n") != size || strncmp(was, is, size) != 0)
            FAIL("it was \"%.*s\", it is \"%.*s\"", (int)size, was,
                 (int)strcspn(is, "\n"), is);
        was += size + 1;
        is += size + 1;
    }
}

static void set_up_handlers(void)
{
    static const int signals[] = {SIGCHLD, SIGPIPE, SIGBUS, SIGUSR1};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
        sigaddset(&action.sa_mask, SIGUSR2);
        CHECK_INT(sigaction(signals[i], &action, NULL), 0);
    }
    signal(SIGHUP, SIG_IGN);
}

static void set_up_limits(void)
{
    const struct rlimit files = {300, 400};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &files), 0);
    umask(026);
    CHECK_INT(chdir(harness_directory()), 0);
}

static void wait_to_be_killed(void *unused)
{
    (void)unused;
    for (;;)
        pause();
}

static pid_t end_with_six(void)
{
    siginfo_t info;
    int r;
    pid_t pid = fork();
    if (pid == 0)
        _exit(6);
    do
        r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    while (r < 0 && errno == EINTR);
    CHECK_INT(r, 0);
    return pid;
}

/* Each thread blocks signals of its own, and has them blocked in the end. */
static void *work_with_own_mask(void *argument)
{
    sigset_t own;
    sigset_t now;
    sigfillset(&own);
    sigdelset(&own, SIGRTMIN + (int)(harness_thread() % 8));
    sigdelset(&own, SIGALRM); // the storm's
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &own, NULL), 0);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &own), 0); // as far as one may
    for (int i = 0; i < TURNS; i++)
        work(argument);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
    for (int i = 1; i <= SIGNALS; i++)
        CHECK_INT(sigismember(&now, i), sigismember(&own, i));
    return NULL;
}

static void work_in_threads(struct guest *guest)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, work_with_own_mask, guest), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

// In a process of its own: what it sets stays set.
static void be_host(void *unused)
{
    struct guest guest;
    int status;
    (void)unused;
    set_up_handlers();
    set_up_limits();
    CHECK_INT(pthread_atfork(count_fork, count_fork, count_fork), 0);
    pid_t runs = harness_child(wait_to_be_killed, NULL);
    pid_t ended = end_with_six();
    int forked = forks;
    struct notes *before = note_all();
    enter(&guest);
    work(&guest);
    work_in_threads(&guest);
    leave(&guest);
    struct notes *after = note_all();
    compare(before, after);
    CHECK_INT(forks, forked);
    CHECK_INT(heard[SIGPIPE] + heard[SIGBUS] + heard[SIGUSR1], 0);
    CHECK(heard[SIGCHLD] > 0);
    CHECK_INT(waitpid(-1, &status, WNOHANG), ended);
    CHECK_INT(WEXITSTATUS(status), 6);
    CHECK_INT(waitpid(-1, &status, WNOHANG), 0); // the other one, which runs
    harness_kill(runs);
    CHECK_INT(waitpid(-1, &status, WNOHANG), -1);
    free(before);
    free(after);
}

TEST(a_host_finds_all_as_it_was_when_the_guest_has_left)
{
    CHECK_INT(harness_wait_within(harness_child(be_host, NULL), 4 * HARNESS_PATIENCE),
              0);
}

static void enter_and_leave(void *unused)
{
    struct guest guest;
    (void)unused;
    enter(&guest);
    collect_one(&guest);
    fail_one(&guest);
    leave(&guest);
}

TEST(a_guest_that_comes_and_goes_leaves_nothing)
{
    harness_cycles(harness_is_slow() ? 20 : 1000, enter_and_leave, NULL);
}

/* --- a host that waits for any child ------------------------------------- */

static atomic_int taken;
static atomic_int taken_sixes;

static void take_any(int number)
{
    int kept = errno;
    int status;
    (void)number;
    while (waitpid(-1, &status, WNOHANG) > 0) {
        taken++;
        taken_sixes += WIFEXITED(status) && WEXITSTATUS(status) == 6;
    }
    errno = kept;
}

static bool are_all_there(void *argument)
{
    const int *all = argument;
    return taken == *all;
}

// Every second time its handler is kept from being first.  Each end is told once: to
// the host's handler, or to who asked the guest.
static void be_greedy_host(void *unused)
{
    enum { PROCESSES = 100, OWN = 10 };

    const struct sigaction action = {.sa_handler = take_any, .sa_flags = SA_RESTART};
    struct wherry_plan plan = {.line = "exit 4"};
    struct guest guest;
    sigset_t child;
    int known = 0;
    (void)unused;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    CHECK_INT(sigaction(SIGCHLD, &action, NULL), 0);
    enter(&guest);
    for (int i = 0; i < PROCESSES; i++) {
        struct wherry_exit exit = {.code = -7};
        wherry_process *process = NULL;
        sigprocmask(i % 2 ? SIG_BLOCK : SIG_UNBLOCK, &child, NULL);
        if (i % (PROCESSES / OWN) == 0 && fork() == 0)
            _exit(6);
        CHECK_OK(guest.spawn(&plan, sizeof(plan), &process));
        int r = guest.wait(process, &exit, sizeof(exit), in_time(&guest));
        if (r < 0)
            CHECK_ERROR(r, -ECHILD);
        else
            CHECK_INT(exit.code, 4);
        known += r == 0;
        guest.close(process);
    }
    sigprocmask(SIG_UNBLOCK, &child, NULL);
    CHECK_RANGE(known, PROCESSES / 2, PROCESSES);
    int all = PROCESSES + OWN - known;
    harness_until(are_all_there, &all);
    CHECK_INT(taken_sixes, OWN);
    leave(&guest);
    harness_note("%d of %d ends were taken by the host", taken - OWN, PROCESSES);
}

TEST(a_host_that_waits_for_any_child_hears_of_each_end_that_the_guest_does_not)
{
    CHECK_INT(
        harness_wait_within(harness_child(be_greedy_host, NULL), 4 * HARNESS_PATIENCE),
        0);
}
