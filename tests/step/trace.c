/* SPDX-License-Identifier: MIT */
/*
 * One process under ptrace.  It is stepped once, to learn the points; to come to one of
 * them again it runs at full speed up to a breakpoint of the processor, so that the
 * cost of a run does not grow with the length of the operation.  The operation begins
 * at the first instruction of its function and ends where that returns to: nothing is
 * marked in the code that is looked at.
 *
 * A system call that does not return at once is no reason to wait: what sleeps is seen
 * to sleep, and that is a point of its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "parts.h"

enum {
    STEPS_MOST = 1000000,
    STEPS_WITHOUT_NEWS = 100000, // a spin that time does not end
    HITS_MOST = 100000,          // of a breakpoint, in other states
    WAKES_MOST = 100,
    LOOK_MICROSECONDS = 500,
    ASLEEP_MILLISECONDS = 4, // in the same call: it sleeps, and does not nap
    NAP_MILLISECONDS = 50,   // a sleep that ends by itself
    RUN_MILLISECONDS = 2000,
};

/* Why a process does not go on. */
enum pause {
    PAUSE_TRAP, // it has done what was asked
    PAUSE_ASLEEP,
    PAUSE_OVER,
    PAUSE_LATE, // it runs, and runs
};

/* How far a process is to go. */
enum pace {
    PACE_STEP,  // one instruction
    PACE_CALLS, // to the breakpoint, and a word at each system call
    PACE_RUN,   // to the breakpoint
};

/* Lets it go on, with a signal or 0. */
static long go(const struct victim *victim, enum pace pace, int signal)
{
    void *const with = (void *)(intptr_t)signal;
    if (pace == PACE_STEP)
        return ptrace(PTRACE_SINGLESTEP, victim->pid, NULL, with);
    if (pace == PACE_CALLS)
        return ptrace(PTRACE_SYSCALL, victim->pid, NULL, with);
    return ptrace(PTRACE_CONT, victim->pid, NULL, with);
}

static uint64_t peek_user(const struct victim *victim, size_t offset)
{
    return (uint64_t)ptrace(PTRACE_PEEKUSER, victim->pid, (void *)offset, NULL);
}

static uint64_t peek_address(const struct victim *victim)
{
    return peek_user(victim, offsetof(struct user, regs.rip));
}

/* Where it will stop before the instruction there is done; 0: nowhere. */
static void set_breakpoint(const struct victim *victim, uint64_t address)
{
    uint64_t control = address ? 1 : 0;
    void *const first = (void *)offsetof(struct user, u_debugreg[0]);
    void *const seventh = (void *)offsetof(struct user, u_debugreg[7]);
    if (address && ptrace(PTRACE_POKEUSER, victim->pid, first, (void *)address) < 0)
        FAIL("no breakpoint: %s", harness_errno_name(errno));
    if (ptrace(PTRACE_POKEUSER, victim->pid, seventh, (void *)control) < 0)
        FAIL("no breakpoint: %s", harness_errno_name(errno));
}

static bool is_before_system_call(const struct victim *victim, uint64_t address)
{
    enum { SYSCALL = 0x050f }; // the bytes 0f 05

    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, victim->pid, (void *)address, NULL);
    return errno == 0 && (word & 0xffff) == SYSCALL;
}

/* Sleeps until a child has news, or a moment is over: then false. */
static bool wait_for_news(void)
{
    static const struct timespec moment = {.tv_nsec = LOOK_MICROSECONDS * 1000L};
    return sigtimedwait(scene_signals(), NULL, &moment) == SIGCHLD;
}

/* After a system call, which may have woken the sleeper: waits until it has done what
 * it does then, so that it is as far in every run. */
static void let_sleeper_settle(const struct victim *victim)
{
    enum { MILLISECONDS_MOST = 50 };

    char call[CALL_SIZE];
    siginfo_t end = {.si_pid = 0};
    int64_t late = harness_now() + (int64_t)MILLISECONDS_MOST * 1000000;
    while (victim->sleeper && harness_now() < late &&
           !scene_sleeps(victim->sleeper, call)) {
        waitid(P_PID, (id_t)victim->sleeper, &end, WEXITED | WNOWAIT | WNOHANG);
        if (end.si_pid)
            break;
        sched_yield();
    }
}

/* What there is to hear of it now, if anything: then true. */
static bool hear(struct victim *victim, enum pace pace, enum pause *pause)
{
    enum { SYSTEM_CALL = SIGTRAP | 0x80 }; // its beginning or its end

    int status;
    pid_t pid;
    while ((pid = waitpid(victim->pid, &status, WNOHANG | __WALL)) == victim->pid) {
        if (!WIFSTOPPED(status)) {
            victim->is_over = true;
            *pause = PAUSE_OVER;
            return true;
        }
        if (WSTOPSIG(status) == SIGTRAP) {
            *pause = PAUSE_TRAP;
            return true;
        }
        int signal = WSTOPSIG(status) == SYSTEM_CALL ? 0 : WSTOPSIG(status);
        if (!signal)
            let_sleeper_settle(victim);
        go(victim, pace, signal);
    }
    if (pid < 0)
        FAIL("waitpid: %s", harness_errno_name(errno));
    return false;
}

/* Waits until it has done what was asked by the request, or sleeps. */
static enum pause await(struct victim *victim, enum pace pace)
{
    char before[CALL_SIZE] = "";
    char now[CALL_SIZE];
    enum pause pause = PAUSE_LATE;
    int64_t since = harness_now();
    int64_t end = since + (int64_t)harness_stretch(RUN_MILLISECONDS) * 1000000;
    while (!hear(victim, pace, &pause)) {
        if (wait_for_news())
            continue;
        bool is_asleep = scene_sleeps(victim->pid, now);
        if (!is_asleep || strcmp(before, now) != 0)
            since = harness_now();
        if (harness_now() - since >= ASLEEP_MILLISECONDS * INT64_C(1000000))
            return PAUSE_ASLEEP;
        snprintf(before, sizeof before, "%s", is_asleep ? now : "");
        if (harness_now() > end)
            return PAUSE_LATE;
    }
    return pause;
}

static enum pause resume(struct victim *victim, enum pace pace)
{
    if (go(victim, pace, 0) < 0)
        FAIL("ptrace: %s", harness_errno_name(errno));
    return await(victim, pace);
}

/* Of one that is asleep: wakes it, or waits if its nap may end by itself. */
static enum pause rouse(struct victim *victim, enum pace pace)
{
    enum pause pause = PAUSE_ASLEEP;
    const struct step_role *role = victim->scene->role;
    bool has_waker = role && role->wake && victim->run == role->run;
    if (has_waker)
        scene_do(victim->scene, role->wake);
    int64_t end = harness_now() + (int64_t)harness_stretch(NAP_MILLISECONDS) * 1000000;
    do
        pause = await(victim, pace);
    while (pause == PAUSE_ASLEEP && harness_now() < end);
    return pause;
}

/* The operation, with its stack as deep in its page in every run, however deep the one
 * that forked it stood: what copies memory takes another way at the end of a page. */
static void run_aligned(const struct victim *victim)
{
    enum { ALIGNED = 0x10000 };

    const uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    volatile char *unused = __builtin_alloca(here % ALIGNED + 1);
    *unused = 0;
    clock_begin();
    victim->run(victim->scene);
    clock_end();
    *unused = 0; // so that this function is there until here
}

_Noreturn static void be_stepped(struct victim *victim)
{
    struct step_scene *scene = victim->scene;
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    if (scene->role && scene->role->prepare && victim->run == scene->role->run)
        scene->role->prepare(scene);
    raise(SIGSTOP);
    run_aligned(victim);
    harness_exit(0);
}

void victim_start(struct victim *victim, const struct step_subject *subject,
                  struct step_scene *scene, void (*run)(struct step_scene *))
{
    int status = 0;
    *victim = (struct victim){.subject = subject, .scene = scene, .run = run};
    pid_t pid = scene_fork();
    scene->stepped = pid ? pid : getpid();
    scene->end = STEP_RUNS;
    victim->pid = scene->stepped;
    if (pid == 0)
        be_stepped(victim);
    while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
        ;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP)
        FAIL("%s cannot be prepared: status %#x", subject->name, (unsigned)status);
    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
    set_breakpoint(victim, (uintptr_t)run);
    if (resume(victim, PACE_RUN) != PAUSE_TRAP ||
        peek_address(victim) != (uintptr_t)run)
        FAIL("%s does not come to its operation", subject->name);
    set_breakpoint(victim, 0);
    victim->stack = peek_user(victim, offsetof(struct user, regs.rsp));
    victim->returns_to =
        (uint64_t)ptrace(PTRACE_PEEKDATA, pid, (void *)victim->stack, NULL);
}

static bool has_returned(const struct victim *victim, uint64_t address)
{
    return address == victim->returns_to &&
           peek_user(victim, offsetof(struct user, regs.rsp)) > victim->stack;
}

static uint64_t state_of(const struct victim *victim)
{
    return victim->subject->state ? victim->subject->state(victim->scene) : 0;
}

/* One instruction on; where it sleeps within is a point, too.  False at the end. */
static bool step(struct victim *victim, struct path *path, struct point point,
                 int *wakes)
{
    int status;
    enum pause pause = PAUSE_TRAP;
    if (!is_before_system_call(victim, point.address)) {
        go(victim, PACE_STEP, 0);
        if (waitpid(victim->pid, &status, __WALL) == victim->pid &&
            WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP)
            return true;
        // A signal came, or the end: rare, and seen to as after a system call.
        if (!WIFSTOPPED(status))
            FAIL("%s ended within its operation: status %#x", victim->subject->name,
                 (unsigned)status);
        go(victim, PACE_STEP, WSTOPSIG(status));
        pause = await(victim, PACE_STEP);
    } else {
        pause = resume(victim, PACE_STEP);
        let_sleeper_settle(victim);
    }
    if (pause == PAUSE_ASLEEP) {
        point.is_asleep = true;
        path_add(path, point);
        pause = ++*wakes < WAKES_MOST ? rouse(victim, PACE_STEP) : pause;
    }
    path->ends_asleep = pause == PAUSE_ASLEEP;
    victim->is_asleep = path->ends_asleep;
    if (pause == PAUSE_OVER)
        FAIL("%s ended within its operation", victim->subject->name);
    return pause == PAUSE_TRAP;
}

bool victim_record(struct victim *victim, struct path *path)
{
    long quiet = 0;
    int wakes = 0;
    for (long steps = 0; steps < STEPS_MOST && quiet < STEPS_WITHOUT_NEWS; steps++) {
        struct point point = {peek_address(victim), state_of(victim), false};
        // What the clock does is not the subject's, and no news of a spin.
        quiet++;
        if (!clock_has_code(point.address) && path_add(path, point))
            quiet = 0;
        if (has_returned(victim, point.address))
            return true;
        if (!step(victim, path, point, &wakes))
            return path->ends_asleep;
    }
    return false;
}

/* It stands at the address of the point: is that the point? */
static bool is_there(struct victim *victim, const struct point *point)
{
    if (state_of(victim) != point->state)
        return false;
    if (!point->is_asleep)
        return true;
    set_breakpoint(victim, 0);
    victim->is_asleep = resume(victim, PACE_STEP) == PAUSE_ASLEEP;
    if (!victim->is_asleep && !victim->is_over)
        set_breakpoint(victim, point->address);
    return victim->is_asleep;
}

bool victim_run_to(struct victim *victim, const struct point *point)
{
    int wakes = 0;
    enum pace pace = victim->sleeper ? PACE_CALLS : PACE_RUN;
    set_breakpoint(victim, point->address);
    for (int hits = 0; hits < HITS_MOST; hits++) {
        if (peek_address(victim) == point->address && is_there(victim, point)) {
            if (!victim->is_asleep)
                set_breakpoint(victim, 0);
            return true;
        }
        enum pause pause = victim->is_over ? PAUSE_OVER : resume(victim, pace);
        while (pause == PAUSE_ASLEEP && wakes++ < WAKES_MOST)
            pause = rouse(victim, pace);
        victim->is_asleep = pause == PAUSE_ASLEEP;
        if (pause != PAUSE_TRAP)
            break;
    }
    return false;
}

void victim_kill(struct victim *victim)
{
    siginfo_t end;
    victim->scene->end = STEP_KILLED;
    kill(victim->pid, SIGKILL);
    while (!victim->is_over &&
           waitid(P_PID, (id_t)victim->pid, &end, WEXITED | WNOWAIT | __WALL) < 0 &&
           errno == EINTR)
        ;
    if (!victim->is_over)
        scene_bury(victim->pid);
    victim->is_over = true;
}

bool victim_stop(struct victim *victim)
{
    int status = 0;
    pid_t pid = victim->pid;
    if (victim->is_asleep) {
        // It is to be stopped for the tracer first; the trap of its step may be before.
        kill(pid, SIGSTOP);
        while (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) &&
               WSTOPSIG(status) != SIGSTOP)
            ptrace(
                PTRACE_CONT, pid, NULL,
                (void *)(intptr_t)(WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status)));
        victim->is_over = !WIFSTOPPED(status);
    }
    if (victim->is_over || ptrace(PTRACE_DETACH, pid, NULL, (void *)SIGSTOP) < 0)
        return false;
    victim->is_over = waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status);
    victim->scene->end = STEP_STOPPED;
    return !victim->is_over;
}
