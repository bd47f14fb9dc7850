/* SPDX-License-Identifier: MIT */
/*
 * What a blocked process waits for: the system call that it is in, /proc/PID/syscall,
 * or where that may not be seen the kernel's function, /proc/PID/wchan.
 *
 * Numbers of calls are those of this machine's own word size; a process of another one
 * is told by the function alone.
 */
#define _GNU_SOURCE
#include "inspect/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ARGUMENTS = 6, NAMED_MOST = 4, POLLED_MOST = 1024, SELECTED_MOST = 1024 };

struct call {
    int directory;
    int64_t number;
    uint64_t arguments[ARGUMENTS];
    struct wherry_process_state *state;
    struct words words;
};

/* --- words --------------------------------------------------------------- */

static void add_number(struct call *call, int number)
{
    enum wherry_object object = object_look(call->directory, number);
    words_add(&call->words, "number %d", number);
    if (object != WHERRY_OBJECT_UNKNOWN) {
        words_add(&call->words, ", ");
        object_article(object, &call->words);
    }
    if (call->state->number < 0) {
        call->state->number = number;
        call->state->object = object;
    }
}

/* --- memory of the process ----------------------------------------------- */

static bool read_memory(const struct call *call, uint64_t address, void *out,
                        size_t size)
{
    struct iovec ours = {out, size};
    struct iovec its = {(void *)(uintptr_t)address, size};
    return address != 0 && (uintptr_t)address == address &&
           process_vm_readv((pid_t)call->state->pid, &ours, 1, &its, 1, 0) ==
               (ssize_t)size;
}

/* What a call waits for of several descriptors. */
struct several {
    int numbers[POLLED_MOST];
    size_t count;
    bool reads, writes;
};

static void tell_several(struct call *call, const struct several *several)
{
    struct wherry_process_state *state = call->state;
    state->awaited = several->reads && !several->writes   ? WHERRY_AWAITED_INPUT
                     : several->writes && !several->reads ? WHERRY_AWAITED_ROOM
                                                          : WHERRY_AWAITED_EVENT;
    words_add(&call->words, "waits for ");
    for (size_t i = 0; i < several->count && i < NAMED_MOST; i++) {
        words_add(&call->words, i > 0 ? " or " : "");
        add_number(call, several->numbers[i]);
    }
    if (several->count > NAMED_MOST)
        words_add(&call->words, " or %zu more", several->count - NAMED_MOST);
    if (several->count > 1) {
        state->awaited = WHERRY_AWAITED_EVENT;
        state->number = -1;
        state->object = WHERRY_OBJECT_UNKNOWN;
    }
}

static void sleeps(struct call *call)
{
    call->state->awaited = WHERRY_AWAITED_TIME;
    words_add(&call->words, "sleeps");
}

// Where its memory may not be read, how many there are is all that is known.
static void cannot_tell(struct call *call, uint64_t count)
{
    call->state->awaited = WHERRY_AWAITED_EVENT;
    words_add(&call->words, "waits for one of %" PRIu64 " descriptors", count);
}

static void waits_in_poll(struct call *call)
{
    static _Thread_local struct pollfd waits[POLLED_MOST];
    struct several several = {.count = 0};
    uint64_t count = call->arguments[1];
    size_t known = count < POLLED_MOST ? (size_t)count : POLLED_MOST;
    if (count == 0) {
        sleeps(call);
        return;
    }
    if (!read_memory(call, call->arguments[0], waits, known * sizeof(waits[0]))) {
        cannot_tell(call, count);
        return;
    }
    for (size_t i = 0; i < known; i++) {
        if (waits[i].fd < 0)
            continue;
        several.numbers[several.count++] = waits[i].fd;
        call->state->reads_stdin |= waits[i].fd == 0 && (waits[i].events & POLLIN);
        several.reads |= (waits[i].events & (POLLIN | POLLPRI)) != 0;
        several.writes |= (waits[i].events & POLLOUT) != 0;
    }
    if (several.count == 0)
        sleeps(call);
    else
        tell_several(call, &several);
}

static void waits_in_select(struct call *call)
{
    unsigned long sets[3][SELECTED_MOST / (8 * sizeof(long))];
    const size_t bits = 8 * sizeof(long);
    struct several several = {.count = 0};
    uint64_t count = call->arguments[0];
    size_t known = count < SELECTED_MOST ? (size_t)count : SELECTED_MOST;
    size_t size = (known + bits - 1) / bits * sizeof(long);
    memset(sets, 0, sizeof(sets));
    for (size_t i = 0; known > 0 && i < 3; i++)
        if (call->arguments[i + 1] &&
            !read_memory(call, call->arguments[i + 1], sets[i], size)) {
            cannot_tell(call, count);
            return;
        }
    for (size_t i = 0; i < known; i++) {
        bool reads = (sets[0][i / bits] >> i % bits & 1) != 0;
        bool writes = (sets[1][i / bits] >> i % bits & 1) != 0;
        bool fails = (sets[2][i / bits] >> i % bits & 1) != 0;
        if (reads || writes || fails)
            several.numbers[several.count++] = (int)i;
        call->state->reads_stdin |= i == 0 && reads;
        several.reads |= reads || fails;
        several.writes |= writes;
    }
    if (several.count == 0)
        sleeps(call);
    else
        tell_several(call, &several);
}

/* --- calls --------------------------------------------------------------- */

static void waits_for_child(struct call *call)
{
    int child = (int)call->arguments[0];
    words_add(&call->words, "waits for a child");
    if (call->number == SYS_wait4 && child > 0)
        words_add(&call->words, ", process %d", child);
}

static void waits_in_epoll(struct call *call)
{
    char name[64];
    char *fdinfo = malloc(TEXT_MOST);
    words_add(&call->words, "waits for ");
    add_number(call, (int)call->arguments[0]);
    snprintf(name, sizeof(name), "fdinfo/%d", (int)call->arguments[0]);
    if (fdinfo && proc_read(call->directory, name, fdinfo, TEXT_MOST) > 0) {
        words_add(&call->words, " that ");
        object_words(WHERRY_OBJECT_EPOLL, fdinfo, &call->words);
        call->state->reads_stdin = epoll_reads(fdinfo, 0);
    }
    free(fdinfo);
}

static void waits_in_fcntl(struct call *call)
{
    int command = (int)call->arguments[1];
    if (command != F_SETLKW && command != F_OFD_SETLKW)
        return; // told as any call is
    words_add(&call->words, "waits for a lock of ");
    add_number(call, (int)call->arguments[0]);
}

/* What blocks, and how it is told: by `tell`, or as `words`, with the number of the
 * first argument behind them where they end with a blank. */
static const struct {
    long number;
    enum wherry_awaited awaited;
    const char *words;
    void (*tell)(struct call *);
} calls[] = {
    {SYS_read, WHERRY_AWAITED_INPUT, "reads ", NULL},
    {SYS_readv, WHERRY_AWAITED_INPUT, "reads ", NULL},
    {SYS_pread64, WHERRY_AWAITED_INPUT, "reads ", NULL},
    {SYS_preadv, WHERRY_AWAITED_INPUT, "reads ", NULL},
    {SYS_preadv2, WHERRY_AWAITED_INPUT, "reads ", NULL},
    {SYS_write, WHERRY_AWAITED_ROOM, "writes to ", NULL},
    {SYS_writev, WHERRY_AWAITED_ROOM, "writes to ", NULL},
    {SYS_pwrite64, WHERRY_AWAITED_ROOM, "writes to ", NULL},
    {SYS_pwritev, WHERRY_AWAITED_ROOM, "writes to ", NULL},
    {SYS_pwritev2, WHERRY_AWAITED_ROOM, "writes to ", NULL},
    {SYS_recvfrom, WHERRY_AWAITED_INPUT, "receives from ", NULL},
    {SYS_recvmsg, WHERRY_AWAITED_INPUT, "receives from ", NULL},
    {SYS_recvmmsg, WHERRY_AWAITED_INPUT, "receives from ", NULL},
    {SYS_sendto, WHERRY_AWAITED_ROOM, "sends to ", NULL},
    {SYS_sendmsg, WHERRY_AWAITED_ROOM, "sends to ", NULL},
    {SYS_sendmmsg, WHERRY_AWAITED_ROOM, "sends to ", NULL},
    {SYS_splice, WHERRY_AWAITED_INPUT, "moves bytes from ", NULL},
    {SYS_tee, WHERRY_AWAITED_INPUT, "copies bytes from ", NULL},
    {SYS_sendfile, WHERRY_AWAITED_ROOM, "sends a file to ", NULL},
    {SYS_accept4, WHERRY_AWAITED_INPUT, "waits for a connection to ", NULL},
    {SYS_connect, WHERRY_AWAITED_ROOM, "connects ", NULL},
    {SYS_mq_timedreceive, WHERRY_AWAITED_INPUT, "receives from ", NULL},
    {SYS_mq_timedsend, WHERRY_AWAITED_ROOM, "sends to ", NULL},
    {SYS_flock, WHERRY_AWAITED_LOCK, "waits for the lock of ", NULL},
    {SYS_fcntl, WHERRY_AWAITED_LOCK, NULL, waits_in_fcntl},
    {SYS_io_uring_enter, WHERRY_AWAITED_EVENT, "waits for the ring ", NULL},
    {SYS_epoll_pwait, WHERRY_AWAITED_EVENT, NULL, waits_in_epoll},
    {SYS_epoll_pwait2, WHERRY_AWAITED_EVENT, NULL, waits_in_epoll},
    {SYS_ppoll, WHERRY_AWAITED_EVENT, NULL, waits_in_poll},
    {SYS_pselect6, WHERRY_AWAITED_EVENT, NULL, waits_in_select},
    {SYS_wait4, WHERRY_AWAITED_CHILD, NULL, waits_for_child},
    {SYS_waitid, WHERRY_AWAITED_CHILD, NULL, waits_for_child},
    {SYS_clone, WHERRY_AWAITED_CHILD, "waits for its child to run a program", NULL},
    {SYS_nanosleep, WHERRY_AWAITED_TIME, "sleeps", NULL},
    {SYS_clock_nanosleep, WHERRY_AWAITED_TIME, "sleeps", NULL},
    {SYS_rt_sigsuspend, WHERRY_AWAITED_SIGNAL, "waits for a signal", NULL},
    {SYS_rt_sigtimedwait, WHERRY_AWAITED_SIGNAL, "waits for a signal", NULL},
    {SYS_futex, WHERRY_AWAITED_LOCK, "waits for a lock or a thread (futex)", NULL},
    {SYS_openat, WHERRY_AWAITED_OPENING, "opens a file", NULL},
    {SYS_msgrcv, WHERRY_AWAITED_QUEUE, "waits for a message in sysv:#", NULL},
    {SYS_msgsnd, WHERRY_AWAITED_QUEUE, "waits for room in sysv:#", NULL},

// Those that newer machines and word sizes have left out, or have besides.
#ifdef SYS_semop
    {SYS_semop, WHERRY_AWAITED_QUEUE, "waits for its turn at semv:#", NULL},
#endif
#ifdef SYS_semtimedop
    {SYS_semtimedop, WHERRY_AWAITED_QUEUE, "waits for its turn at semv:#", NULL},
#endif
#ifdef SYS_semtimedop_time64
    {SYS_semtimedop_time64, WHERRY_AWAITED_QUEUE, "waits for its turn at semv:#", NULL},
#endif
#ifdef SYS_ppoll_time64
    {SYS_ppoll_time64, WHERRY_AWAITED_EVENT, NULL, waits_in_poll},
    {SYS_pselect6_time64, WHERRY_AWAITED_EVENT, NULL, waits_in_select},
    {SYS_clock_nanosleep_time64, WHERRY_AWAITED_TIME, "sleeps", NULL},
    {SYS_rt_sigtimedwait_time64, WHERRY_AWAITED_SIGNAL, "waits for a signal", NULL},
    {SYS_futex_time64, WHERRY_AWAITED_LOCK, "waits for a lock or a thread (futex)",
     NULL},
#endif
#ifdef SYS_accept
    {SYS_accept, WHERRY_AWAITED_INPUT, "waits for a connection to ", NULL},
#endif
#ifdef SYS_fcntl64
    {SYS_fcntl64, WHERRY_AWAITED_LOCK, NULL, waits_in_fcntl},
#endif
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, WHERRY_AWAITED_EVENT, NULL, waits_in_epoll},
#endif
#ifdef SYS_poll
    {SYS_poll, WHERRY_AWAITED_EVENT, NULL, waits_in_poll},
#endif
#ifdef SYS_select
    {SYS_select, WHERRY_AWAITED_EVENT, NULL, waits_in_select},
#endif
#ifdef SYS__newselect
    {SYS__newselect, WHERRY_AWAITED_EVENT, NULL, waits_in_select},
#endif
#ifdef SYS_vfork
    {SYS_vfork, WHERRY_AWAITED_CHILD, "waits for its child to run a program", NULL},
#endif
#ifdef SYS_pause
    {SYS_pause, WHERRY_AWAITED_SIGNAL, "waits for a signal", NULL},
#endif
#ifdef SYS_open
    {SYS_open, WHERRY_AWAITED_OPENING, "opens a file", NULL},
#endif
#ifdef SYS_futex_waitv
    {SYS_futex_waitv, WHERRY_AWAITED_LOCK, "waits for a lock or a thread (futex)",
     NULL},
#endif
};

enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

static bool tell_call(struct call *call)
{
    for (size_t i = 0; i < CALLS; i++) {
        if (calls[i].number != call->number)
            continue;
        call->state->awaited = calls[i].awaited;
        const char *words = calls[i].words;
        if (!words) {
            calls[i].tell(call);
            return call->words.used > 0;
        }
        words_add(&call->words, "%s", words);
        char last = words[strlen(words) - 1];
        if (last == ' ')
            add_number(call, (int)call->arguments[0]);
        else if (last == '#')
            words_add(&call->words, "%d", (int)call->arguments[0]);
        return true;
    }
    return false;
}

/* --- the function of the kernel ------------------------------------------ */

/* What its name begins with; the first that fits. */
static const struct {
    const char *name;
    enum wherry_awaited awaited;
    const char *words;
} functions[] = {
    {"anon_pipe_read", WHERRY_AWAITED_INPUT, "reads a pipe"},
    {"anon_pipe_write", WHERRY_AWAITED_ROOM, "writes to a pipe"},
    {"pipe_read", WHERRY_AWAITED_INPUT, "reads a pipe"},
    {"pipe_write", WHERRY_AWAITED_ROOM, "writes to a pipe"},
    {"wait_for_partner", WHERRY_AWAITED_OPENING, "opens a FIFO"},
    {"unix_stream_read", WHERRY_AWAITED_INPUT, "receives from a unix socket"},
    {"__skb_wait_for_more", WHERRY_AWAITED_INPUT, "receives from a socket"},
    {"inet_csk_accept", WHERRY_AWAITED_INPUT, "waits for a connection"},
    {"sk_wait_data", WHERRY_AWAITED_INPUT, "receives from a socket"},
    {"n_tty_read", WHERRY_AWAITED_INPUT, "reads a terminal"},
    {"do_wait", WHERRY_AWAITED_CHILD, "waits for a child"},
    {"ep_poll", WHERRY_AWAITED_EVENT, "waits for what an epoll watches"},
    {"do_epoll_wait", WHERRY_AWAITED_EVENT, "waits for what an epoll watches"},
    {"do_sys_poll", WHERRY_AWAITED_EVENT, "waits for one of several descriptors"},
    {"do_poll", WHERRY_AWAITED_EVENT, "waits for one of several descriptors"},
    {"poll_schedule_timeout", WHERRY_AWAITED_EVENT,
     "waits for one of several descriptors"},
    {"do_select", WHERRY_AWAITED_EVENT, "waits for one of several descriptors"},
    {"hrtimer_nanosleep", WHERRY_AWAITED_TIME, "sleeps"},
    {"do_nanosleep", WHERRY_AWAITED_TIME, "sleeps"},
    {"futex_", WHERRY_AWAITED_LOCK, "waits for a lock or a thread (futex)"},
    {"__futex_wait", WHERRY_AWAITED_LOCK, "waits for a lock or a thread (futex)"},
    {"sigsuspend", WHERRY_AWAITED_SIGNAL, "waits for a signal"},
    {"do_sigtimedwait", WHERRY_AWAITED_SIGNAL, "waits for a signal"},
    {"do_msgrcv", WHERRY_AWAITED_QUEUE, "waits for a message in a System V queue"},
    {"do_msgsnd", WHERRY_AWAITED_QUEUE, "waits for room in a System V queue"},
    {"__do_semtimedop", WHERRY_AWAITED_QUEUE, "waits for a System V semaphore"},
    {"wq_sleep", WHERRY_AWAITED_INPUT, "waits for a message queue"},
    {"locks_lock_inode_wait", WHERRY_AWAITED_LOCK, "waits for the lock of a file"},
};

static bool tell_function(struct call *call)
{
    char name[128];
    if (proc_read(call->directory, "wchan", name, sizeof(name)) <= 0 ||
        strcmp(name, "0") == 0)
        return false;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (strncmp(name, functions[i].name, strlen(functions[i].name)) == 0) {
            call->state->awaited = functions[i].awaited;
            words_add(&call->words, "%s", functions[i].words);
            return true;
        }
    words_add(&call->words, "waits in the kernel (%s)", name);
    return true;
}

/* --- both ---------------------------------------------------------------- */

// The auxiliary vector begins with a pair of words, small and large: two of 32 bits
// look large where one of 64 is expected, and the other way round.
static bool has_our_words(int directory)
{
    unsigned long words[2];
    int fd = openat(directory, "auxv", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, words, sizeof(words));
    if (fd >= 0)
        close(fd);
    bool is_small = size == (ssize_t)sizeof(words) && words[0] < 4096;
    return is_small && (sizeof(long) > 4 || words[1] != 0);
}

// "0 0x3 0x7f… …", "-1 0x… 0x…", "running"
static bool read_call(struct call *call, const char *name, int *error)
{
    char text[256];
    char *at = text;
    int64_t size = proc_read(call->directory, name, text, sizeof(text));
    *error = size < 0 ? (int)size : 0;
    if (size <= 0)
        return false;
    call->number = strtoll(text, &at, 10);
    if (at == text || call->number < 0)
        return false;
    for (size_t i = 0; i < ARGUMENTS; i++)
        call->arguments[i] = strtoull(at, &at, 16);
    return has_our_words(call->directory);
}

void call_look(int directory, struct wherry_process_state *out)
{
    struct call call = {.directory = directory,
                        .state = out,
                        .words = {out->text, sizeof(out->text), 0}};
    int error;
    bool is_known = read_call(&call, "syscall", &error);
    out->awaited = WHERRY_AWAITED_UNKNOWN;
    if ((is_known && tell_call(&call)) || tell_function(&call))
        return;
    out->awaited = WHERRY_AWAITED_UNKNOWN;
    out->cause = error == -EPERM ? -EACCES : error;
    if (is_known)
        words_add(&call.words, "waits in system call %" PRId64, call.number);
    else if (error)
        words_add(&call.words, "waits: not allowed to see for what");
    else
        words_add(&call.words, "waits");
}

/* --- queues of the kernel ------------------------------------------------ */

static const struct {
    long number;
    enum queue_call call;
} queue_calls[] = {
    {SYS_msgrcv, QUEUE_CALL_MESSAGES},
    {SYS_msgsnd, QUEUE_CALL_MESSAGES},
    {SYS_mq_timedreceive, QUEUE_CALL_NUMBER},
    {SYS_mq_timedsend, QUEUE_CALL_NUMBER},
#ifdef SYS_semop
    {SYS_semop, QUEUE_CALL_SEMAPHORES},
#endif
#ifdef SYS_semtimedop
    {SYS_semtimedop, QUEUE_CALL_SEMAPHORES},
#endif
#ifdef SYS_semtimedop_time64
    {SYS_semtimedop_time64, QUEUE_CALL_SEMAPHORES},
    {SYS_mq_timedreceive_time64, QUEUE_CALL_NUMBER},
    {SYS_mq_timedsend_time64, QUEUE_CALL_NUMBER},
#endif
};

enum queue_call call_queue(int directory, const char *name, uint64_t *number)
{
    struct call call = {.directory = directory};
    int error;
    if (!read_call(&call, name, &error))
        return QUEUE_CALL_NONE;
    for (size_t i = 0; i < sizeof(queue_calls) / sizeof(queue_calls[0]); i++)
        if (queue_calls[i].number == call.number) {
            *number = call.arguments[0];
            return queue_calls[i].call;
        }
    return QUEUE_CALL_NONE;
}
