/* SPDX-License-Identifier: MIT */
/*
 * One run of a process under ptrace, with at most one kind of fault.  The process stops
 * itself twice: to be traced, and where counting begins; it asks getppid(MARK) where it
 * ends.  An errno is injected by making the call no call; a short count by shortening
 * what the call asks for; lost open files by taking the room for descriptors away while
 * the call runs, so that the kernel itself does what it does then.
 *
 * Its threads are followed, and a new process that shares its memory (vfork(2)) until
 * that runs its program: their calls are counted with the others, in the order in which
 * they are made, and fail as those do.  What fork(2) makes is left alone, and programs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "harness.h"
#include "parts.h"

enum {
    INTERRUPTIONS_MOST = 10, // "from then on" of EINTR: no storm is for ever,
    REFUSALS_MOST = 50,      // nor is a descriptor that poll calls ready
    THREADS_MOST = 64,
};

static int limit = 2000; // milliseconds

/* What is to be put back when the call returns. */
struct thread {
    pid_t tid;
    bool is_in_call;
    bool has_result;
    bool has_limit;
    int patches;
    long long result;
    struct rlimit limit;

    struct {
        uint64_t address;
        uint64_t value;
    } patch[2];
};

struct run {
    pid_t pid;
    const struct injection *injection;
    struct trace *trace;
    bool is_counting;
    struct thread threads[THREADS_MOST];
};

static uint64_t *argument(struct user_regs_struct *registers, int i)
{
    void *const places[] = {&registers->rdi, &registers->rsi, &registers->rdx,
                            &registers->r10, &registers->r8,  &registers->r9};
    return places[i];
}

static bool move(pid_t pid, uint64_t address, void *bytes, bool is_out)
{
    struct iovec here = {bytes, sizeof(uint64_t)};
    struct iovec there = {(void *)(uintptr_t)address, sizeof(uint64_t)};
    return (is_out ? process_vm_writev : process_vm_readv)(pid, &here, 1, &there, 1,
                                                           0) == sizeof(uint64_t);
}

/* Changes a word of the process until the call returns. */
static void patch(struct thread *thread, uint64_t address, uint64_t value)
{
    uint64_t old;
    if (!move(thread->tid, address, &old, false) ||
        !move(thread->tid, address, &value, true))
        return;
    thread->patch[thread->patches].address = address;
    thread->patch[thread->patches++].value = old;
}

/* Halves what a vector asks for: how many of its parts are left. */
static uint64_t halve_vector(struct thread *thread, uint64_t vector, uint64_t count)
{
    uint64_t sum = 0, size = 0, i = 0;
    for (uint64_t k = 0; k < count; k++) {
        if (!move(thread->tid, vector + k * sizeof(struct iovec) + 8, &size, false))
            return count;
        sum += size;
    }
    for (uint64_t left = sum / 2;; i++, left -= size) {
        uint64_t place = vector + i * sizeof(struct iovec) + 8;
        move(thread->tid, place, &size, false);
        if (size < left)
            continue;
        patch(thread, place, left);
        return i + 1;
    }
}

static void shorten(struct thread *thread, const struct call *call,
                    struct user_regs_struct *registers)
{
    uint64_t *count = argument(registers, 2), where = *argument(registers, 1);
    uint64_t vector, parts;
    if (call->shape == SHAPE_BYTES)
        *count /= 2;
    if (call->shape == SHAPE_BATCH)
        *count = 1;
    if (call->shape == SHAPE_VECTOR)
        *count = halve_vector(thread, where, *count);
    if (call->shape == SHAPE_MESSAGE) {
        uint64_t place = where + offsetof(struct msghdr, msg_iovlen);
        if (move(thread->tid, where + offsetof(struct msghdr, msg_iov), &vector,
                 false) &&
            move(thread->tid, place, &parts, false))
            patch(thread, place, halve_vector(thread, vector, parts));
    }
    ptrace(PTRACE_SETREGS, thread->tid, NULL, registers);
}

static void inject(struct run *run, struct thread *thread, const struct call *call,
                   struct user_regs_struct *registers)
{
    enum fault fault = run->injection->fault;
    run->trace->injected++;
    if (fault == FAULT_SHORT) {
        shorten(thread, call, registers);
        return;
    }
    if (fault == FAULT_CTRUNC) {
        struct rlimit none;
        prlimit(run->pid, RLIMIT_NOFILE, NULL, &thread->limit);
        none = thread->limit;
        none.rlim_cur = 0;
        prlimit(run->pid, RLIMIT_NOFILE, &none, NULL);
        thread->has_limit = true;
        return;
    }
    thread->has_result = true;
    thread->result = -fault_errno(fault);
    if (call->is_done_first)
        return;
    registers->orig_rax = (unsigned long long)-1;
    ptrace(PTRACE_SETREGS, thread->tid, NULL, registers);
}

static bool is_due(const struct run *run, const struct call *call)
{
    const struct injection *injection = run->injection;
    int done = run->trace->injected;
    if (!injection->call || run->trace->count < injection->call)
        return false;
    if (run->trace->count == injection->call)
        return true;
    if (!injection->is_forever || call->is_once)
        return false;
    if (injection->fault == FAULT_EINTR)
        return done < INTERRUPTIONS_MOST;
    return injection->fault != FAULT_EAGAIN || done < REFUSALS_MOST;
}

static void enter_call(struct run *run, struct thread *thread)
{
    struct user_regs_struct registers;
    ptrace(PTRACE_GETREGS, thread->tid, NULL, &registers);
    long number = (long)registers.orig_rax;
    if (number == SYS_getppid && registers.rdi == MARK)
        run->is_counting = false;
    if (!run->is_counting)
        return;
    struct trace *trace = run->trace;
    const struct call *call = call_find(number);
    trace->count++;
    if (!call || (run->injection->call && !is_due(run, call))) {
        if (trace->count <= CALLS_MOST)
            trace->calls[trace->count - 1] = (struct record){(int)number, 0};
        return;
    }
    uint64_t arguments[6];
    for (int i = 0; i < 6; i++)
        arguments[i] = *argument(&registers, i);
    unsigned faults = call_faults(call, run->pid, arguments);
    if (trace->count <= CALLS_MOST)
        trace->calls[trace->count - 1] = (struct record){(int)number, faults};
    if (run->injection->call && faults & 1u << run->injection->fault)
        inject(run, thread, call, &registers);
}

static void leave_call(struct run *run, struct thread *thread)
{
    struct user_regs_struct registers;
    for (; thread->patches; thread->patches--)
        move(thread->tid, thread->patch[thread->patches - 1].address,
             &thread->patch[thread->patches - 1].value, true);
    if (thread->has_limit)
        prlimit(run->pid, RLIMIT_NOFILE, &thread->limit, NULL);
    if (thread->has_result) {
        ptrace(PTRACE_GETREGS, thread->tid, NULL, &registers);
        registers.rax = (unsigned long long)thread->result;
        ptrace(PTRACE_SETREGS, thread->tid, NULL, &registers);
    }
    thread->has_limit = thread->has_result = false;
}

static struct thread *find_thread(struct run *run, pid_t tid)
{
    struct thread *thread = run->threads;
    while (thread < run->threads + THREADS_MOST - 1 && thread->tid &&
           thread->tid != tid)
        thread++;
    if (thread->tid != tid)
        *thread = (struct thread){.tid = tid};
    return thread;
}

/* Lets a stopped thread go on; what it is told about is what it stopped for. */
static void go_on(struct run *run, struct thread *thread, int status)
{
    int signal = WSTOPSIG(status);
    if (status >> 16 == PTRACE_EVENT_EXEC) {
        ptrace(PTRACE_DETACH, thread->tid, NULL, NULL);
        thread->tid = -1;
        return;
    }
    bool is_event = status >> 16 != 0;
    if (signal == (SIGTRAP | 0x80)) {
        thread->is_in_call = !thread->is_in_call;
        (thread->is_in_call ? enter_call : leave_call)(run, thread);
        signal = 0;
    } else if (signal == SIGSTOP && thread->tid == run->pid) {
        run->is_counting = true;
        signal = 0;
    } else if (is_event || signal == SIGSTOP) {
        signal = 0; // a new thread, seen from both sides
    }
    const struct injection *injection = run->injection;
    bool is_done = injection->call && !injection->is_forever && !thread->is_in_call &&
                   run->trace->injected;
    if (run->is_counting && !is_done)
        ptrace(PTRACE_SYSCALL, thread->tid, NULL, (void *)(intptr_t)signal);
    else
        ptrace(PTRACE_CONT, thread->tid, NULL, (void *)(intptr_t)signal);
}

static void wake(int signal)
{
    (void)signal; // it is enough that waitpid returns
}

/* From now on waitpid returns after the limit, and again and again. */
static void set_alarm(int milliseconds)
{
    struct sigaction action = {.sa_handler = wake};
    struct itimerval times = {
        .it_value = {milliseconds / 1000, milliseconds % 1000 * 1000},
        .it_interval = {0, milliseconds ? 50000 : 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &times, NULL);
}

void fault_limit(int milliseconds)
{
    limit = milliseconds;
}

void trace_run(pid_t pid, const struct injection *injection, struct trace *trace)
{
    struct run run = {.pid = pid, .injection = injection, .trace = trace};
    int64_t end = harness_now() + (int64_t)harness_stretch(limit) * 1000000;
    int status;
    trace->count = trace->injected = 0;
    trace->is_hung = false;
    set_alarm(harness_stretch(limit));
    if (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        ptrace(PTRACE_SETOPTIONS, pid, NULL,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
        ptrace(PTRACE_CONT, pid, NULL, NULL);
    }
    for (;;) {
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0 && errno == EINTR && harness_now() > end) {
            trace->is_hung = true;
            kill(pid, SIGKILL);
        } else if (tid < 0 && errno != EINTR) {
            break;
        } else if (tid > 0 && WIFSTOPPED(status)) {
            go_on(&run, find_thread(&run, tid), status);
        } else if (tid == pid) {
            break;
        }
    }
    set_alarm(0);
    trace->status = status;
}
