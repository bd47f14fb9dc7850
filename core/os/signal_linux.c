/* SPDX-License-Identifier: MIT */
/*
 * Signals as messages: signal(7), signalfd(2), pidfd_send_signal(2), sigqueue(3).
 *
 * A receiver reads them from a descriptor, which only works while they are blocked in
 * the threads of the process.  So opening one blocks its signals in the calling thread,
 * and the last one of that thread lets them through again.  What each thread has asked
 * for is counted in memory of that thread; for the process there is only the number
 * that the next thread is told apart by.
 */
#define _GNU_SOURCE
#include "os/os.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/base.h"

/* --- names --------------------------------------------------------------- */

static const struct {
    const char *name;
    int number;
} names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},     {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT}, {"BUS", SIGBUS},       {"FPE", SIGFPE},
    {"KILL", SIGKILL},     {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},     {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE},     {"ALRM", SIGALRM}, {"TERM", SIGTERM},     {"CHLD", SIGCHLD},
    {"CONT", SIGCONT},     {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},
    {"TTOU", SIGTTOU},     {"URG", SIGURG},   {"XCPU", SIGXCPU},     {"XFSZ", SIGXFSZ},
    {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},   {"IO", SIGIO},
    {"PWR", SIGPWR},       {"SYS", SIGSYS},   {"STKFLT", SIGSTKFLT}, {"IOT", SIGABRT},
    {"POLL", SIGIO},       {"CLD", SIGCHLD},
};

enum { NAMES = sizeof(names) / sizeof(names[0]), DIGITS_MOST = 2 };

int os_signal_first_queued(void)
{
    return SIGRTMIN;
}

// Up to two digits; -EINVAL: anything else.
static int read_digits(const char *text)
{
    size_t size = strspn(text, "0123456789");
    bool is_number = size > 0 && size <= DIGITS_MOST && !text[size];
    return is_number ? (int)strtol(text, NULL, 10) : -EINVAL;
}

// RTMIN, RTMIN+3, RTMAX, RTMAX-3, as kill(1) has them.
static int read_real_time(const char *text)
{
    const bool is_least = strncmp(text, "RTMIN", 5) == 0;
    const bool is_most = strncmp(text, "RTMAX", 5) == 0;
    if (!is_least && !is_most)
        return -EINVAL;
    if (!text[5])
        return is_least ? SIGRTMIN : SIGRTMAX;
    const int further = read_digits(text + 6);
    if (text[5] != (is_least ? '+' : '-') || further < 0)
        return -EINVAL;
    const int number = is_least ? SIGRTMIN + further : SIGRTMAX - further;
    return number < SIGRTMIN || number > SIGRTMAX ? -EINVAL : number;
}

int os_signal_number(const char *name)
{
    const int number = read_digits(name);
    if (number >= 0)
        return number >= 1 && number <= SIGRTMAX ? number : -EINVAL;
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].number;
    return read_real_time(name);
}

void os_signal_name(int number, char out[OS_SIGNAL_NAME])
{
    const int middle = (SIGRTMIN + SIGRTMAX) / 2;
    for (size_t i = 0; i < NAMES; i++)
        if (names[i].number == number) {
            snprintf(out, OS_SIGNAL_NAME, "%s", names[i].name);
            return;
        }
    if (number < SIGRTMIN || number > SIGRTMAX)
        snprintf(out, OS_SIGNAL_NAME, "%d", number);
    else if (number == SIGRTMIN || number == SIGRTMAX)
        snprintf(out, OS_SIGNAL_NAME, "%s", number == SIGRTMIN ? "RTMIN" : "RTMAX");
    else if (number <= middle)
        snprintf(out, OS_SIGNAL_NAME, "RTMIN+%d", number - SIGRTMIN);
    else
        snprintf(out, OS_SIGNAL_NAME, "RTMAX-%d", SIGRTMAX - number);
}

bool os_signal_stops(int number)
{
    return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN ||
           number == SIGTTOU;
}

const int os_signal_term = SIGTERM;
const int os_signal_kill = SIGKILL;
const int os_signal_stop = SIGSTOP;
const int os_signal_continue = SIGCONT;

const char *os_signal_meaning(int number)
{
    static const struct {
        int number;
        const char *meaning;
    } meanings[] = {
        {SIGHUP, "hang-up"},
        {SIGINT, "interrupt from the keyboard"},
        {SIGQUIT, "quit from the keyboard"},
        {SIGILL, "illegal instruction"},
        {SIGTRAP, "trap of a debugger"},
        {SIGABRT, "abort"},
        {SIGBUS, "access to memory that is not there"},
        {SIGFPE, "arithmetic fault"},
        {SIGKILL, "killed"},
        {SIGSEGV, "segmentation fault"},
        {SIGPIPE, "nobody reads what it wrote"},
        {SIGALRM, "alarm"},
        {SIGTERM, "asked to end"},
        {SIGXCPU, "limit of processor time"},
        {SIGXFSZ, "limit of a file's size"},
        {SIGSYS, "forbidden system call"},
    };

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (meanings[i].number == number)
            return meanings[i].meaning;
    return NULL;
}

static bool is_fault(int number)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (faults[i] == number)
            return true;
    return false;
}

const char *os_signal_refused(int number)
{
    if (number == SIGKILL || number == SIGSTOP)
        return "no process can receive it: the kernel acts on it itself (signal(7))";
    if (is_fault(number))
        return "it tells of a fault of the program, which cannot go on as if it were a "
               "message (sigprocmask(2): the outcome is undefined)";
    if (number > SIGSYS && number < SIGRTMIN)
        return "the C library keeps it for itself (nptl(7))";
    return NULL;
}

/* --- who sent one -------------------------------------------------------- */

static const struct {
    int32_t code; // sigaction(2), si_code
    enum wherry_source source;
    bool has_value;
    bool is_vouched; // no process can write this code into another's signal
} codes[] = {
    {SI_USER, WHERRY_SOURCE_PROCESS, false, true},
    {SI_TKILL, WHERRY_SOURCE_PROCESS, false, true},
    {SI_QUEUE, WHERRY_SOURCE_PROCESS, true, false},
    {SI_TIMER, WHERRY_SOURCE_TIMER, true, false},
    {SI_MESGQ, WHERRY_SOURCE_KERNEL, true, false},
    {SI_ASYNCIO, WHERRY_SOURCE_KERNEL, true, false},
    {SI_SIGIO, WHERRY_SOURCE_KERNEL, false, false},
    {SI_KERNEL, WHERRY_SOURCE_KERNEL, false, true},
};

// When as many signals of a user wait as may, the kernel delivers what cannot be queued
// without writing down who sent it: all is 0, as if root had.
static bool is_unsigned(const struct os_signal_cause *cause)
{
    return cause->code == SI_USER && cause->pid == 0 && cause->uid == 0;
}

// Codes above 0 are of one signal each, and the kernel's own.
static enum wherry_source source_of(const struct os_signal_cause *cause)
{
    if (cause->code <= 0 || cause->number == SIGCHLD)
        return WHERRY_SOURCE_PROCESS;
    return is_fault(cause->number) ? WHERRY_SOURCE_FAULT : WHERRY_SOURCE_KERNEL;
}

void os_signal_explain(const struct os_signal_cause *cause, struct os_signal *out)
{
    *out = (struct os_signal){.number = cause->number, .pid = -1, .uid = -1};
    if (is_unsigned(cause))
        return;
    out->source = source_of(cause);
    out->is_vouched = cause->code > 0;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].code == cause->code) {
            out->source = codes[i].source;
            out->has_value = codes[i].has_value;
            out->is_vouched = codes[i].is_vouched;
        }
    if (out->source == WHERRY_SOURCE_PROCESS) {
        out->pid = cause->pid;
        out->uid = cause->uid;
    }
}

/* --- receiving ----------------------------------------------------------- */

/* What receivers of this thread have asked for. */
static _Thread_local struct mask_use {
    uint64_t thread; // 0: it has asked for nothing yet
    uint32_t wanted[OS_SIGNALS];
    bool was_blocked[OS_SIGNALS]; // before the first of them
} use;

// Of this thread, and of no other before or after it; a fork's child goes on as it.
// (Neither its memory nor its system's number is that: both are used again.)
static uint64_t this_thread(void)
{
    static atomic_uint_least64_t last;
    if (use.thread == 0)
        use.thread = atomic_fetch_add(&last, 1) + 1;
    return use.thread;
}

static sigset_t system_set(uint64_t signals)
{
    sigset_t set;
    sigemptyset(&set);
    for (int number = 1; number < OS_SIGNALS; number++)
        if (signals & OS_SIGNAL_BIT(number))
            sigaddset(&set, number);
    return set;
}

static void want(uint64_t signals, const sigset_t *before)
{
    for (int number = 1; number < OS_SIGNALS; number++)
        if (signals & OS_SIGNAL_BIT(number) && use.wanted[number]++ == 0)
            use.was_blocked[number] = sigismember(before, number) == 1;
}

int os_signal_open(uint64_t signals, struct os_signal_hold *hold,
                   struct os_descriptor *out)
{
    const sigset_t set = system_set(signals);
    sigset_t before;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    pthread_sigmask(SIG_BLOCK, &set, &before);
    want(signals, &before);
    *hold = (struct os_signal_hold){.signals = signals, .thread = this_thread()};
    *out = OS_DESCRIPTOR_OF(fd);
    return 0;
}

// What is still pending goes with the receiver: let through, it might end the process.
// A sender that does not stop cannot hold this up.
static void forget_pending(const sigset_t *set)
{
    const struct timespec now = {0};

    enum { PENDING_MOST = 1 << 20 };

    for (int i = 0; i < PENDING_MOST && sigtimedwait(set, NULL, &now) > 0; i++)
        ;
}

void os_signal_let_go(struct os_signal_hold *hold)
{
    uint64_t released = 0;
    if (hold->thread != this_thread()) // of another thread, whose mask is out of reach
        return;
    for (int number = 1; number < OS_SIGNALS; number++)
        if (hold->signals & OS_SIGNAL_BIT(number) && use.wanted[number] > 0 &&
            --use.wanted[number] == 0 && !use.was_blocked[number])
            released |= OS_SIGNAL_BIT(number);
    hold->thread = 0;
    if (released == 0)
        return;
    const sigset_t set = system_set(released);
    forget_pending(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void read_arrival(const struct signalfd_siginfo *info, struct os_signal *out)
{
    const struct os_signal_cause cause = {(int)info->ssi_signo, info->ssi_code,
                                          info->ssi_pid, info->ssi_uid};
    os_signal_explain(&cause, out);
    out->value = info->ssi_int;
}

int os_signal_receive(int fd, struct os_signal *out, size_t most)
{
    struct signalfd_siginfo infos[OS_SIGNALS_AT_ONCE];
    if (most > OS_SIGNALS_AT_ONCE)
        most = OS_SIGNALS_AT_ONCE;
    ssize_t size;
    do
        size = read(fd, infos, most * sizeof(infos[0]));
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return -errno;
    int count = (int)((size_t)size / sizeof(infos[0]));
    for (int i = 0; i < count; i++)
        read_arrival(&infos[i], &out[i]);
    return count;
}

/* --- sending ------------------------------------------------------------- */

int os_signal_target(int64_t pid, struct os_descriptor *out)
{
    int fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (fd < 0)
        return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno; // of a thread
    int r = os_signal_is_gone(fd) ? -ESRCH : 0; // though nobody has waited for it yet
    bool is_refused = syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0;
    if (r >= 0 && is_refused && errno == EPERM)
        r = -EPERM;
    if (r < 0) {
        close(fd);
        return r;
    }
    *out = OS_DESCRIPTOR_OF(fd);
    return 0;
}

bool os_signal_is_gone(int fd)
{
    struct os_wait ended = {.fd = fd, .events = os_wait_in};
    return os_wait(&ended, 1, WHERRY_POLL) > 0;
}

int os_signal_send(int fd, int number, const int32_t *value)
{
    siginfo_t info;
    if (value) {
        memset(&info, 0, sizeof(info));
        info.si_signo = number;
        info.si_code = SI_QUEUE;
        info.si_pid = getpid();
        info.si_uid = getuid();
        info.si_value.sival_int = *value;
    }
    long r = syscall(SYS_pidfd_send_signal, fd, number, value ? &info : NULL, 0);
    return r < 0 ? -errno : 0;
}
