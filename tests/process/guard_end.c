/* SPDX-License-Identifier: MIT */
/*
 * guard_end: a process that dies with its parent, whatever ends that, and with its
 * guard.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guard.h"

enum { KILLS = 20, KILLS_IF_SLOW = 3 };

/* --- the end of the parent ----------------------------------------------- */

struct kin {
    wherry_channel *ends[2]; // numbers come here
    struct harness_gate released;
    void (*end)(void);
    struct wherry_plan plan;
    int tells; // how many numbers
};

static void say_what_it_says(struct kin *kin, wherry_process *process)
{
    wherry_channel *from = end_of(process, 1);
    char number[16];
    for (int i = 0; i < kin->tells; i++) {
        snprintf(number, sizeof(number), "%d", hear_number(from));
        say(kin->ends[1], number);
    }
    wherry_close(from);
}

static void be_parent(void *argument)
{
    struct kin *kin = argument;
    say_what_it_says(kin, start_guarded(&kin->plan));
    gate_wait(&kin->released);
    kin->end();
    for (;;)
        pause();
}

static void be_killed(void)
{
    kill(getpid(), SIGKILL);
}

static void crash(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void leave(void)
{
    harness_exit(0);
}

static int pidfd_of(int pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    CHECK(fd >= 0);
    return fd;
}

// Starts a parent whose process has descendants, and ends the parent: nanoseconds until
// the last of them has ended.
static int64_t end_parent(void (*end)(void))
{
    struct kin kin = {
        .end = end, .plan = plan_to_tell(to_descend), .tells = DESCENDANTS};
    int fds[DESCENDANTS];
    int status = 0;
    gate_open(&kin.released);
    WORKS(wherry_pair("pair:", kin.ends));
    pid_t parent = harness_child(be_parent, &kin);
    for (int i = 0; i < DESCENDANTS; i++) {
        int pid = hear_number(kin.ends[0]);
        fds[i] = pidfd_of(pid);
        CHECK(!is_gone(&pid));
    }
    int64_t began = harness_now();
    gate_pass(&kin.released);
    for (int i = 0; i < DESCENDANTS; i++) {
        until_readable(fds[i]);
        close(fds[i]);
    }
    int64_t took = harness_now() - began;
    while (waitpid(parent, &status, 0) < 0 && errno == EINTR)
        ;
    gate_close(&kin.released);
    wherry_close(kin.ends[0]);
    wherry_close(kin.ends[1]);
    return took;
}

// How fast is a figure, which tests/trust holds to a bar.
TEST(a_parent_that_is_killed_takes_all_along_that_it_started)
{
    const char *asked = getenv("WHERRY_TEST_KILLS");
    int kills = asked               ? (int)strtol(asked, NULL, 10)
                : harness_is_slow() ? KILLS_IF_SLOW
                                    : KILLS;
    int64_t most = 0;
    int in_time = 0;
    for (int i = 0; i < kills; i++) {
        int64_t took = end_parent(be_killed);
        most = took > most ? took : most;
        in_time += took <= 100 * 1000000;
    }
    harness_note("%d of %d times all were gone within 100 ms, after %.1f ms at most",
                 in_time, kills, (double)most / 1e6);
}

TEST(a_parent_that_ends_in_any_other_way_does_so_too)
{
    (void)end_parent(leave);
    (void)end_parent(crash);
}

static void forget_it(void *argument)
{
    struct kin *kin = argument;
    wherry_process *process = start_guarded(&kin->plan);
    say_what_it_says(kin, process);
    wherry_process_close(process);
    gate_wait(&kin->released);
    be_killed();
}

TEST(one_that_was_forgotten_dies_too)
{
    struct kin kin = {.plan = plan_to_tell(to_descend), .tells = DESCENDANTS};
    gate_open(&kin.released);
    WORKS(wherry_pair("pair:", kin.ends));
    pid_t parent = harness_child(forget_it, &kin);
    int pids[DESCENDANTS];
    for (int i = 0; i < DESCENDANTS; i++)
        pids[i] = hear_number(kin.ends[0]);
    gate_pass(&kin.released);
    CHECK_INT(harness_wait(parent), -SIGKILL);
    for (int i = 0; i < DESCENDANTS; i++)
        harness_until(is_gone, &pids[i]);
    gate_close(&kin.released);
    wherry_close(kin.ends[0]);
    wherry_close(kin.ends[1]);
}

static void *start_in_thread(void *argument)
{
    wherry_process **process = argument;
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 1};
    *process = start_guarded(&plan);
    return NULL;
}

TEST(the_end_of_the_thread_that_started_it_is_nothing_to_it)
{
    pthread_t thread;
    wherry_process *process = NULL;
    CHECK_INT(pthread_create(&thread, NULL, start_in_thread, &process), 0);
    pthread_join(thread, NULL);
    CHECK_ERROR(wherry_process_wait(process, NULL, 0, at_once()), -ETIMEDOUT);
    wherry_close(end_of(process, 0));
    ends_with(process, "exit 0");
}

// Its stdin ends with its parent: it is gone before the guard knows why.
TEST(one_that_ends_because_its_parent_does_leaves_nobody)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 2, .from = WHERRY_FROM_PARENT}};
    struct kin kin = {.end = be_killed,
                      .plan = {.line = "setsid sleep 96 & echo $!; read x",
                               .laid = laid,
                               .laid_count = 3},
                      .tells = 1};
    for (int i = 0; i < (harness_is_slow() ? 3 : 50); i++) {
        gate_open(&kin.released);
        WORKS(wherry_pair("pair:", kin.ends));
        pid_t parent = harness_child(be_parent, &kin);
        int sleeper = hear_number(kin.ends[0]);
        gate_pass(&kin.released);
        CHECK_INT(harness_wait(parent), -SIGKILL);
        harness_until(is_gone, &sleeper);
        gate_close(&kin.released);
        wherry_close(kin.ends[0]);
        wherry_close(kin.ends[1]);
    }
}

static void *go_on(void *argument)
{
    struct kin *kin = argument;
    gate_wait(&kin->released);
    harness_exit(0);
}

static void end_first_thread(void *argument)
{
    static struct kin kin; // not on the stack of a thread that ends
    pthread_t thread;
    kin = *(struct kin *)argument;
    say_what_it_says(&kin, start_guarded(&kin.plan));
    CHECK_INT(pthread_create(&thread, NULL, go_on, &kin), 0);
    pthread_exit(NULL);
}

TEST(the_end_of_the_first_thread_is_not_that_of_the_parent)
{
    struct kin kin = {.plan = plan_to_tell(to_descend), .tells = DESCENDANTS};
    int pids[DESCENDANTS];
    gate_open(&kin.released);
    WORKS(wherry_pair("pair:", kin.ends));
    pid_t parent = harness_child(end_first_thread, &kin);
    for (int i = 0; i < DESCENDANTS; i++)
        pids[i] = hear_number(kin.ends[0]);
    harness_until(is_gone, &parent); // a zombie, whose other thread runs
    for (int i = 0; i < DESCENDANTS; i++)
        CHECK(!is_gone(&pids[i]));
    gate_pass(&kin.released);
    CHECK_INT(harness_wait(parent), 0);
    for (int i = 0; i < DESCENDANTS; i++)
        harness_until(is_gone, &pids[i]);
    gate_close(&kin.released);
    wherry_close(kin.ends[0]);
    wherry_close(kin.ends[1]);
}

// The guard comes to this process when its parent has ended; so would whoever it lets
// go.
static void check_nobody_gets_away(const struct wherry_plan *plan)
{
    struct kin kin = {.end = be_killed, .plan = *plan, .tells = 1};
    int status = -1;
    pid_t pid;
    gate_open(&kin.released);
    WORKS(wherry_pair("pair:", kin.ends));
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_t parent = harness_child(be_parent, &kin);
    (void)hear_number(kin.ends[0]);
    gate_pass(&kin.released);
    CHECK_INT(harness_wait(parent), -SIGKILL);
    do
        pid = waitpid(-1, &status, 0);
    while (pid < 0 && errno == EINTR);
    CHECK(pid > 0);
    CHECK_INT(status, 0);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    gate_close(&kin.released);
    wherry_close(kin.ends[0]);
    wherry_close(kin.ends[1]);
}

TEST(lineages_that_flee_from_their_parents_are_ended)
{
    static const char *const words[] = {"lineages", NULL};
    const struct wherry_plan plan = plan_to_tell(words);
    check_nobody_gets_away(&plan);
}

TEST(a_program_that_starts_as_many_as_it_may_is_ended)
{
    static const char *const words[] = {"bomb", NULL};
    const struct wherry_limit limit = {"nproc", 20, 20};
    struct wherry_plan plan = plan_to_tell(words);
    if (geteuid() != 0)
        SKIP("only root may become a user who has no processes yet");
    plan.user = other_user();
    plan.group = plan.user;
    plan.limits = &limit;
    plan.limit_count = 1;
    check_nobody_gets_away(&plan);
}

/* --- the end of the guard ------------------------------------------------ */

TEST(a_guard_that_is_killed_takes_its_process_along)
{
    const char *const words[] = {"stubborn", NULL};
    wherry_channel *from = NULL;
    wherry_process *process = start_told(words, WHERRY_GROUP_SESSION, &from);
    int pid = (int)wherry_process_id(process);
    int guard = guard_of(process);
    hear(from, "ready");
    kill(guard, SIGTERM);
    kill(guard, SIGINT);
    kill(guard, SIGHUP);
    CHECK_ERROR(wherry_process_wait(process, NULL, 0, at_once()), -ETIMEDOUT);
    CHECK_INT(kill(guard, SIGKILL), 0);
    harness_until(is_gone, &pid);
    hear_end(from);
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}
