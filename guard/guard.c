/* SPDX-License-Identifier: MIT */
/*
 * wherry-guard: starts one program, and ends it and all that it started when the
 * process that asked for it ends, however that comes (struct wherry_plan, `guarded`).
 *
 * It is the parent of the program, and by PR_SET_CHILD_SUBREAPER(2const) that of each
 * descendant whose own parent has ended: nobody gets out of its sight.  It has a pidfd
 * of the process that asked.  Until that ends it only reaps; when the program ends by
 * itself, it ends the same way.  Were it to be killed, its death takes the program
 * along.
 *
 * One thread, no allocations; every signal is blocked from before its first
 * instruction, so that only SIGKILL and SIGSTOP are felt, and only SIGCHLD is heard. It
 * has what rights the program has, and no more.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "os/guard.h"
#include "os/run.h"

enum {
    STACK = 16384,
    LIST = 512,             // bytes of /proc/thread-self/children at once
    PAUSE_LEAST = 1000000,  // nanoseconds between two looks at who is left
    PAUSE_MOST = 500000000, // of one that the kernel does not let end
    DYING_MILLISECONDS = 50,
    IDLE_LOOKS = 3,
    USAGE = 2,
    NOT_STARTED = 127
};

struct guard {
    int parent;    // a pidfd of the process that asked for it
    int report;    // the socket to it; -1: nobody is there any more
    int children;  // the kernel's list of them
    pid_t child;   // that runs the program
    bool is_known; // to the process that asked: it may be reaped
};

/* What is run; shared with the child until it runs it. */
struct birth {
    enum os_standing standing;
    const char **files;
    const char **arguments;
    const char **environment;
    pid_t guard;
    sigset_t came; // for all of the group, before the child was there
    int error;
    size_t index;
};

/* --- how it was asked ---------------------------------------------------- */

static bool read_numbers(const char *word, int numbers[OS_GUARD_COUNT])
{
    for (int i = 0; i < OS_GUARD_COUNT; i++) {
        char *end;
        long number = strtol(word, &end, 10);
        if (end == word || number < 0 || number > INT_MAX)
            return false;
        numbers[i] = (int)number;
        word = end;
    }
    return *word == 0;
}

// The files become a list of their own: their end is moved over the name of the
// program.
static bool read_words(int count, char **words, struct guard *guard,
                       struct birth *birth)
{
    int numbers[OS_GUARD_COUNT];
    if (count < OS_GUARD_FILES || !read_numbers(words[1], numbers))
        return false;
    const int files = numbers[4];
    if (numbers[0] != OS_GUARD_PROTOCOL || numbers[3] > OS_STANDING_SESSION ||
        files == 0 || files > count - OS_GUARD_FILES - 2)
        return false;
    guard->parent = numbers[1];
    guard->report = numbers[2];
    birth->standing = (enum os_standing)numbers[3];
    birth->files = (const char **)words + OS_GUARD_FILES;
    birth->arguments = birth->files + files + 1;
    // A word without meaning stands between the two.
    birth->files[files] = NULL;
    return true;
}

static void read_environment(struct birth *birth)
{
    birth->environment = (const char **)environ;
    for (char **line = environ; *line; line++)
        if (**line == OS_GUARD_MARK)
            *(*line)++ = 0;
}

static int refuse_to_run(void)
{
    static const char text[] =
        "wherry-guard is run by libwherry of the same version, for processes that die "
        "with their parent (wherry/process.h, guarded), and not by hand.\n";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    return USAGE;
}

/* --- what it says -------------------------------------------------------- */

static void say(const struct guard *guard, const void *word, size_t size)
{
    (void)send(guard->report, word, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_hello(const struct guard *guard)
{
    const struct os_guard_hello hello = {OS_GUARD_PROTOCOL, getpid()};
    say(guard, &hello, sizeof(hello));
}

static void say_end(const struct guard *guard, int status, const struct rusage *used)
{
    const struct os_guard_end end = {
        .user_time =
            (int64_t)used->ru_utime.tv_sec * 1000000000 + used->ru_utime.tv_usec * 1000,
        .system_time =
            (int64_t)used->ru_stime.tv_sec * 1000000000 + used->ru_stime.tv_usec * 1000,
        .memory_most = (int64_t)used->ru_maxrss * 1024,
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .core = WIFSIGNALED(status) && WCOREDUMP(status),
    };
    say(guard, &end, sizeof(end));
}

/* --- the child ----------------------------------------------------------- */

static int live(void *with)
{
    struct birth *birth = with;
    static const uint64_t none = 0;
    if (birth->standing == OS_STANDING_SESSION)
        (void)setsid();
    if (birth->standing == OS_STANDING_GROUP)
        (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != birth->guard)
        (void)kill(getpid(), SIGKILL);
    for (int i = 1; i < NSIG && birth->standing == OS_STANDING_PARENT; i++)
        if (sigismember(&birth->came, i) == 1)
            (void)kill(getpid(), i);
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
    birth->error =
        os_run(birth->files, birth->arguments, birth->environment, &birth->index);
    _exit(NOT_STARTED);
}

// As libwherry itself starts one: the memory is shared until the program runs, so that
// its error is known here.
static struct os_guard_start start(struct guard *guard, struct birth *birth)
{
    static _Alignas(16) char stack[STACK];
    struct os_guard_start word = {.pid = 0};
    birth->guard = getpid();
    (void)sigpending(&birth->came);
    guard->child =
        clone(live, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, birth);
    if (guard->child < 0)
        word.error = -errno;
    else if (birth->error < 0)
        word = (struct os_guard_start){0, birth->error, 1, (int32_t)birth->index};
    else
        word.pid = guard->child;
    if (guard->child > 0 && word.error < 0)
        (void)waitpid(guard->child, NULL, 0);
    return word;
}

/* --- out of everybody's way ---------------------------------------------- */

// What the program is to have alone would otherwise stay open here.
static void close_others(const struct guard *guard)
{
    const int kept[] = {guard->parent, guard->report, guard->children};
    unsigned from = 0;
    for (;;) {
        unsigned next = UINT_MAX;
        for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
            if ((unsigned)kept[i] >= from && (unsigned)kept[i] < next)
                next = (unsigned)kept[i];
        if (next > from)
            (void)syscall(SYS_close_range, from, next == UINT_MAX ? next : next - 1, 0);
        if (next == UINT_MAX)
            return;
        from = next + 1;
    }
}

// A program may hide what it was given (a password); it would stand here for all to
// see.
static void forget(char **words, int count)
{
    for (int i = 0; i < count; i++)
        if (words[i])
            memset(words[i], 0, strlen(words[i]));
}

static void withdraw(const struct guard *guard, int count, char **words)
{
    // The group's signals are not for it, SIGKILL and SIGSTOP among them.  The session
    // stays the same: without a parent in it the program's own group could not be
    // stopped from the terminal (an orphaned process group, setpgid(2)).
    (void)setpgid(0, 0);
    (void)!chdir("/");
    close_others(guard);
    forget(words + 1, count - 1);
    for (char **line = environ; *line; line++)
        forget(line, 1);
}

/* --- the end of the parent: that of all ---------------------------------- */

struct look {
    int ended;   // they stay zombies
    int killed;  // and not ended yet
    int refused; // they may not be killed
};

// None of them is another by now: nobody else reaps them.
static void look_at(pid_t pid, struct look *look)
{
    siginfo_t info = {.si_pid = 0};
    int r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (r == 0 && info.si_pid == pid)
        look->ended++;
    else if (kill(pid, SIGKILL) == 0)
        look->killed++;
    else
        look->refused++;
}

// One byte of "12 13 14 ".
static void read_list(char byte, pid_t *pid, struct look *look)
{
    if (byte >= '0' && byte <= '9') {
        *pid = *pid * 10 + (byte - '0');
        return;
    }
    if (*pid > 0)
        look_at(*pid, look);
    *pid = 0;
}

// Each child that the kernel lists; little at a time, so that nobody has long to get
// away between being listed and being killed.
static struct look kill_children(const struct guard *guard)
{
    struct look look = {.ended = 0};
    char list[LIST];
    pid_t pid = 0;
    ssize_t size;
    (void)lseek(guard->children, 0, SEEK_SET);
    while ((size = read(guard->children, list, sizeof(list))) > 0)
        for (ssize_t i = 0; i < size; i++)
            read_list(list[i], &pid, &look);
    return look;
}

// When one ends its children come here, and are next.  Nobody is reaped before all have
// ended: each would make room for another under a limit of processes, and a program
// that starts them as fast as it can would never run out of them.  It is over when
// nobody is left, or nobody who may be killed: one that became another user (sudo(8)).
static _Noreturn void end_all(const struct guard *guard, const sigset_t *mask)
{
    struct timespec pause = {.tv_nsec = PAUSE_LEAST};
    int before = 0;
    for (int idle = 0; idle < IDLE_LOOKS;) {
        struct look look = kill_children(guard);
        if (look.killed == 0 && look.refused == 0)
            break;
        bool is_news = look.ended != before;
        before = look.ended;
        idle = look.killed > 0 || is_news ? 0 : idle + 1;
        pause.tv_nsec = is_news                          ? PAUSE_LEAST
                        : pause.tv_nsec < PAUSE_MOST / 2 ? pause.tv_nsec * 2
                                                         : PAUSE_MOST;
        (void)ppoll(NULL, 0, &pause, mask);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    _exit(0);
}

/* --- the end of the program ---------------------------------------------- */

static bool is_ready(int fd, int milliseconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, milliseconds) == 1;
}

static bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// A program that ends because its parent does (its stdin ended) may be faster than
// that, whose descriptors are closed before it has ended.
static bool is_parent_dying(const struct guard *guard)
{
    if (!has_children())
        return false;
    bool has_hung_up = guard->report < 0 || is_ready(guard->report, 0);
    return is_ready(guard->parent, has_hung_up ? DYING_MILLISECONDS : 0);
}

// By the same signal alone, and without a second core file.
static _Noreturn void end_as(int status)
{
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        const uint64_t others = ~(UINT64_C(1) << (number - 1));
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        (void)kill(getpid(), number);
        (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &others, NULL, sizeof(others));
    }
    _exit(WEXITSTATUS(status));
}

/* --- until then ---------------------------------------------------------- */

static void wake(int number)
{
    (void)number;
}

// One byte: it is known.  An end: nobody asks any more, and it is guarded all the same.
static void hear(struct guard *guard)
{
    char byte;
    guard->is_known = true;
    if (recv(guard->report, &byte, 1, MSG_DONTWAIT) > 0)
        return;
    close(guard->report);
    guard->report = -1;
}

// Reaps whoever has ended: true if the program has.
static bool reap(const struct guard *guard, int *status, struct rusage *used)
{
    pid_t pid;
    while ((pid = wait4(-1, status, WNOHANG, used)) > 0)
        if (pid == guard->child)
            return true;
    return false;
}

static _Noreturn void watch(struct guard *guard)
{
    const struct sigaction action = {.sa_handler = wake, .sa_flags = SA_NOCLDSTOP};
    struct rusage used;
    sigset_t mask;
    int status;
    sigfillset(&mask);
    sigdelset(&mask, SIGCHLD);
    (void)sigaction(SIGCHLD, &action, NULL);
    for (;;) {
        struct pollfd waits[] = {{.fd = guard->parent, .events = POLLIN},
                                 {.fd = guard->report, .events = POLLIN}};
        (void)ppoll(waits, 2, NULL, &mask);
        if (waits[0].revents)
            end_all(guard, &mask);
        if (waits[1].revents)
            hear(guard);
        if (!guard->is_known || !reap(guard, &status, &used))
            continue;
        if (is_parent_dying(guard))
            end_all(guard, &mask);
        say_end(guard, status, &used);
        end_as(status);
    }
}

// Numbers of another pid namespace would be other processes' here.
static int open_children(void)
{
    char self[32] = "";
    ssize_t size = readlink("/proc/self", self, sizeof(self) - 1);
    if (size <= 0 || strtol(self, NULL, 10) != getpid())
        return -ENOTSUP;
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -ENOTSUP : fd;
}

int main(int argc, char **argv)
{
    struct guard guard = {.child = 0};
    struct birth birth = {.error = 0};
    struct os_guard_start word = {.error = 0};
    if (!read_words(argc, argv, &guard, &birth))
        return refuse_to_run();
    read_environment(&birth);
    (void)fcntl(guard.parent, F_SETFD, FD_CLOEXEC);
    (void)fcntl(guard.report, F_SETFD, FD_CLOEXEC);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    say_hello(&guard);
    guard.children = open_children();
    if (is_ready(guard.parent, 0))
        return NOT_STARTED;
    if (guard.children < 0)
        word.error = guard.children;
    else
        word = start(&guard, &birth);
    // Whoever hears that the program runs finds the guard out of the way.
    if (word.error == 0)
        withdraw(&guard, argc, argv);
    say(&guard, &word, sizeof(word));
    if (word.error < 0)
        return NOT_STARTED;
    watch(&guard);
}
