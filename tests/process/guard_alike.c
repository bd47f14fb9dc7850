/* SPDX-License-Identifier: MIT */
/*
 * guard_alike: until its parent ends, a process that dies with it is like any other.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guard.h"

static bool is_stopped(void *argument)
{
    return state_of(*(const int *)argument) == 'T';
}

static wherry_process *start_line(const char *line)
{
    struct wherry_plan plan = {.line = line};
    return start_guarded(&plan);
}

/* --- how it ends and what it finds --------------------------------------- */

TEST(how_it_ended_is_told_as_of_any_other)
{
    char kill[64];
    ends_with(start_line("exit 0"), "exit 0");
    ends_with(start_line("exit 3"), "exit 3");
    ends_with(start_line("exit 255"), "exit 255");
    ends_with(start_line("kill -TERM $$"), "SIGTERM, asked to end");
    ends_with(start_line("kill -KILL $$"), "SIGKILL, killed");
    ends_with(start_line("kill -USR1 $$"), "SIGUSR1");
    ends_with(start_line("ulimit -c 0; kill -SEGV $$"), "SIGSEGV, segmentation fault");
    snprintf(kill, sizeof(kill), "kill -%d $$", SIGRTMAX);
    ends_with(start_line(kill), "SIGRTMAX");
}

TEST(whether_it_dumped_core_is_told_as_of_any_other)
{
    const char *const words[] = {"crash", NULL};
    struct wherry_exit exits[2];
    struct wherry_plan plan = {
        .file = told(), .arguments = words, .directory = harness_directory()};
    for (int i = 0; i < 2; i++) {
        wherry_process *process = i ? start_guarded(&plan) : start(&plan);
        WORKS(wherry_process_wait(process, &exits[i], sizeof(exits[i]), soon()));
        CHECK_INT(exits[i].signal, SIGSEGV);
        wherry_process_close(process);
    }
    CHECK_INT(exits[1].core, exits[0].core);
    if (system("cd \"$TMPDIR\" && rm -f core core.*") != 0)
        FAIL("core files cannot be removed");
    if (!exits[0].core)
        SKIP("this system writes no core files here");
}

TEST(what_it_took_is_its_own)
{
    struct wherry_exit exit;
    wherry_process *process =
        start_line("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done");
    WORKS(wherry_process_wait(process, &exit, sizeof(exit), soon()));
    CHECK(exit.user_time > 0);
    CHECK_RANGE(exit.memory_most, 4096, 1 << 30);
    wherry_process_close(process);
}

// What each of both says must be the same, word for word.
static void check_same(const struct wherry_plan *plan)
{
    char said[2][SAID];
    struct wherry_plan guarded = *plan;
    guarded.guarded = 1;
    find_guard();
    CHECK_STRING(what_is_said(&guarded, said[1]), what_is_said(plan, said[0]));
    CHECK(said[0][0] != 0);
}

static void check_same_told(const struct wherry_plan *usual, const char *task)
{
    const char *const words[] = {task, "one", "", "two words", NULL};
    struct wherry_plan plan = *usual;
    plan.file = told();
    plan.arguments = words;
    check_same(&plan);
}

TEST(it_finds_the_same_as_any_other)
{
    static const char *const tasks[] = {"fds", "words", "environment", "standing",
                                        "signals"};
    const struct wherry_limit limits[] = {{"nofile", 77, 99}, {"core", 0, 0}};
    const char *const changes[] = {"LD_PRELOAD=/nonexistent.so", "A=", ".B=.=", NULL};
    struct wherry_plan plain = {.laid = heard_laid, .laid_count = 2};
    struct wherry_plan rich = plain;
    rich.changes = changes;
    rich.directory = harness_directory();
    rich.umask = "027";
    rich.nice = 3;
    rich.limits = limits;
    rich.limit_count = 2;
    rich.place = WHERRY_GROUP_OWN;
    struct wherry_plan leads = plain;
    leads.place = WHERRY_GROUP_SESSION;
    leads.name = "another";
    for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
        check_same_told(&plain, tasks[i]);
        check_same_told(&rich, tasks[i]);
        check_same_told(&leads, tasks[i]);
    }
}

TEST(an_empty_environment_stays_empty)
{
    char said[SAID];
    const char *const words[] = {"environment", NULL};
    const char *const none[] = {NULL};
    struct wherry_plan plan = plan_to_tell(words);
    plan.environment = none;
    plan.guarded = 1;
    find_guard();
    CHECK_STRING(what_is_said(&plan, said), "");
}

TEST(exactly_what_is_laid_out_is_open_wherever_the_numbers_are)
{
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_NOTHING},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 17},
        {.number = 15, .from = WHERRY_FROM_NULL},
        {.number = 16, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 2},
        {.number = 17, .from = WHERRY_FROM_NULL},
        {.number = 40, .from = WHERRY_FROM_MESSAGES},
    };
    char said[SAID];
    const char *const words[] = {"fds", NULL};
    struct wherry_plan plan = {
        .file = told(), .arguments = words, .laid = laid, .guarded = 1};
    find_guard();
    plan.laid_count = sizeof(laid) / sizeof(laid[0]);
    CHECK_STRING(what_is_said(&plan, said), " 1 2 15 16 17 40\n");
}

TEST(its_channels_are_as_of_any_other)
{
    const char *const words[] = {"parent", NULL};
    const struct wherry_laid laid[] = {{.number = 2, .from = WHERRY_FROM_PARENT},
                                       {.number = 3, .from = WHERRY_FROM_MESSAGES}};
    struct wherry_plan plan = {
        .file = told(), .arguments = words, .laid = laid, .laid_count = 2};
    wherry_process *process = start_guarded(&plan);
    wherry_channel *to = end_of(process, 3);
    say(to, "ahoy");
    hear(to, "said ahoy");
    wherry_close(to);
    ends_with(process, "exit 0");
}

// The guard keeps nothing open that it could not hear the end of.
TEST(an_end_of_its_output_is_heard_while_it_runs)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plan = {
        .line = "exec >/dev/null; exec cat", .laid = laid, .laid_count = 2};
    wherry_process *process = start_guarded(&plan);
    wherry_channel *to = end_of(process, 0);
    wherry_channel *from = end_of(process, 1);
    hear_end(from);
    wherry_close(from);
    CHECK_ERROR(wherry_process_wait(process, NULL, 0, WHERRY_POLL), -EAGAIN);
    wherry_close(to);
    CHECK_INT(wherry_process_wait(process, NULL, 0, soon()), 0);
    wherry_process_close(process);
}

TEST(it_is_collected_as_any_other)
{
    struct wherry_collected all;
    struct wherry_plan plan = {.line = "cat; echo err >&2; exit 3", .guarded = 1};
    const struct wherry_collect wish = {.input = "in", .input_size = 2};
    find_guard();
    WORKS(wherry_collect(&plan, sizeof(plan), &wish, &all, soon()));
    CHECK_STRING(all.output, "in");
    CHECK_STRING(all.errors, "err\n");
    CHECK_INT(all.exit.code, 3);
    wherry_collected_free(&all);
    plan.line = "echo out; exec sleep 91";
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &all, wherry_after(200)));
    CHECK_INT(all.stopped, -ETIMEDOUT);
    CHECK_INT(all.exit.signal, SIGTERM);
    CHECK_STRING(all.output, "out\n");
    wherry_collected_free(&all);
}

TEST(root_starts_it_as_another_user_guard_and_all)
{
    char said[SAID];
    struct wherry_plan plan = {.line = "id -u; grep ^Uid /proc/$PPID/status",
                               .laid = heard_laid,
                               .laid_count = 2,
                               .group = "54321",
                               .guarded = 1};
    if (geteuid() != 0)
        SKIP("only root may");
    plan.user = other_user();
    CHECK_STRING(what_is_said(&plan, said),
                 "12345\nUid:\t12345\t12345\t12345\t12345\n");
}

TEST(its_words_are_not_shown_by_its_guard)
{
    char path[64];
    char shown[4096];
    const char *const changes[] = {"WORD=secret", NULL};
    const char *const words[] = {"stubborn", "secret", NULL};
    struct wherry_plan plan = plan_to_tell(words);
    plan.changes = changes;
    wherry_process *process = start_guarded(&plan);
    wherry_channel *from = end_of(process, 1);
    hear(from, "ready");
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "/proc/%d/%s", guard_of(process),
                 i ? "environ" : "cmdline");
        size_t size = harness_read_file(path, shown, sizeof(shown));
        CHECK_STRING(shown, i ? "" : "wherry-guard");
        for (size_t at = strlen(shown); at < size; at++)
            CHECK_INT(shown[at], 0);
    }
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ONE));
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}

/* --- what cannot be started ---------------------------------------------- */

// The same error, the same words, and nothing left.
static void check_refused_alike(const struct wherry_plan *plan)
{
    wherry_process *process = NULL;
    char words[600];
    struct wherry_plan guarded = *plan;
    guarded.guarded = 1;
    find_guard();
    int before = harness_descriptors();
    int r = wherry_spawn(plan, sizeof(*plan), &process);
    CHECK(r < 0);
    snprintf(words, sizeof(words), "%s", wherry_error_text());
    CHECK_ERROR(wherry_spawn(&guarded, sizeof(guarded), &process), r);
    CHECK_STRING(wherry_error_text(), words);
    CHECK_INT(harness_descriptors(), before);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(what_cannot_be_started_is_refused_in_the_same_words)
{
    const struct wherry_limit high = {"nofile", 1 << 30, 1 << 30};
    harness_write_file("plain", "#!/bin/sh\n", 10);
    harness_write_file("script", "#!/nonexistent/shell\n", 21);
    harness_write_file("words", "echo no first line\n", 19);
    chmod(harness_path("script"), 0755);
    chmod(harness_path("words"), 0755);
    check_refused_alike(&(struct wherry_plan){.file = "/nonexistent/program"});
    check_refused_alike(&(struct wherry_plan){.file = "wherry-no-such-program"});
    check_refused_alike(&(struct wherry_plan){.file = "/dev/null/program"});
    check_refused_alike(&(struct wherry_plan){.file = harness_path("plain")});
    check_refused_alike(&(struct wherry_plan){.file = harness_path("script")});
    check_refused_alike(&(struct wherry_plan){.file = harness_path("words")});
    check_refused_alike(&(struct wherry_plan){.file = harness_directory()});
    check_refused_alike(&(struct wherry_plan){.file = "true", .directory = "/none"});
    check_refused_alike(
        &(struct wherry_plan){.file = "true", .limits = &high, .limit_count = 1});
}

TEST(more_words_than_the_system_takes_are_refused_in_the_same_words)
{
    enum { SIZE = 1 << 18 };

    static char word[SIZE];
    const char *const words[] = {word, NULL};
    memset(word, 'x', SIZE - 1);
    check_refused_alike(&(struct wherry_plan){.file = "/bin/true", .arguments = words});
}

static void refused(const struct wherry_plan *plan, const char *guard, int error,
                    const char *part)
{
    wherry_process *process = NULL;
    struct wherry_plan guarded = *plan;
    guarded.guarded = 1;
    find_guard();
    if (guard)
        setenv("WHERRY_GUARD", guard, 1);
    int before = harness_descriptors();
    FAILS(wherry_spawn(&guarded, sizeof(guarded), &process), error, part);
    CHECK(process == NULL);
    CHECK_INT(harness_descriptors(), before);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(a_guard_that_is_not_there_is_named)
{
    const struct wherry_plan plan = {.file = "true"};
    refused(&plan, "/nonexistent/guard", -ENOENT,
            "the guard /nonexistent/guard: it is not there");
    CHECK_CONTAINS(wherry_error_text(), "WHERRY_GUARD");
    refused(&plan, "wherry-guard", -EINVAL,
            "WHERRY_GUARD=wherry-guard: a path from the root on");
    refused(&plan, "", -EINVAL, "from the root on");
    refused(&plan, "/dev/null", -EACCES, "the guard /dev/null");
}

TEST(another_program_in_place_of_the_guard_is_found_out)
{
    const struct wherry_plan plan = {.file = "true", .laid = heard_laid};
    refused(&plan, "/bin/true", -ECHILD, "it ended before the program ran");
    refused(&plan, "/bin/false", -ECHILD, "it ended before the program ran");
}

TEST(limits_that_are_too_small_for_a_guard_are_found_out)
{
    const struct wherry_limit limit = {"as", 1 << 16, 1 << 16};
    const struct wherry_plan plan = {
        .file = "true", .limits = &limit, .limit_count = 1};
    refused(&plan, NULL, -ECHILD, "do the limits leave room");
}

static void refuse_in_namespaces(void)
{
    wherry_process *process = NULL;
    const struct wherry_plan plan = {.file = "true", .guarded = 1};
    FAILS(wherry_spawn(&plan, sizeof(plan), &process), -ENOTSUP,
          "needs a /proc of its own pid namespace");
}

static void enter(int flags)
{
    find_guard(); // by /proc
    if (unshare(flags) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        harness_exit(77);
}

static void start_without_proc(void *unused)
{
    (void)unused;
    enter(CLONE_NEWNS);
    CHECK_INT(mount("none", "/proc", "tmpfs", 0, NULL), 0);
    refuse_in_namespaces();
}

static void start_with_numbers_of_others(void *unused)
{
    (void)unused;
    enter(CLONE_NEWNS | CLONE_NEWPID);
    refuse_in_namespaces();
}

// There /proc is the guard's own, and its numbers are not this process's.
static void start_with_numbers_of_its_own(void *unused)
{
    struct harness_gate mounted;
    (void)unused;
    enter(CLONE_NEWNS | CLONE_NEWPID);
    gate_open(&mounted);
    pid_t first = fork();
    if (first == 0) {
        if (mount("proc", "/proc", "proc", 0, NULL) == 0)
            gate_pass(&mounted);
        for (;;)
            pause();
    }
    gate_wait(&mounted);
    refuse_in_namespaces();
    kill(first, SIGKILL);
    while (waitpid(first, NULL, 0) < 0 && errno == EINTR)
        ;
    gate_close(&mounted);
}

TEST(where_a_guard_could_not_see_or_be_seen_it_is_refused)
{
    static void (*const starts[])(void *) = {start_without_proc,
                                             start_with_numbers_of_others,
                                             start_with_numbers_of_its_own};
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        int status = harness_wait(harness_child(starts[i], NULL));
        if (status == 77)
            SKIP("this user may make no namespaces");
        CHECK_INT(status, 0);
    }
}

TEST(a_signal_besides_is_refused)
{
    const struct wherry_plan plan = {.file = "true", .death_signal = SIGTERM};
    refused(&plan, NULL, -EINVAL, "guarded and death_signal");
}

/* --- signals ------------------------------------------------------------- */

TEST(its_number_is_its_own_and_signals_go_to_it)
{
    int pids[DESCENDANTS];
    wherry_channel *from = NULL;
    wherry_process *process = start_told(to_descend, WHERRY_GROUP_PARENT, &from);
    for (int i = 0; i < DESCENDANTS; i++)
        pids[i] = hear_number(from);
    CHECK_INT(pids[0], wherry_process_id(process));
    CHECK_INT(status_of(guard_of(process), "PPid:\t"), getpid());
    WORKS(wherry_process_kill(process, 0, WHERRY_ONE));
    WORKS(wherry_process_kill(process, SIGTERM, WHERRY_ONE));
    wherry_close(from);
    WORKS(wherry_process_wait(process, NULL, 0, soon()));
    FAILS(wherry_process_kill(process, SIGTERM, WHERRY_ONE), -ESRCH, "has ended");
    CHECK_INT(state_of(pids[1]), 'S'); // as others leave theirs behind
    for (int i = 1; i < DESCENDANTS; i++)
        kill(pids[i], SIGKILL);
    wherry_process_close(process);
    for (int i = 1; i < DESCENDANTS; i++)
        harness_until(is_gone, &pids[i]);
}

TEST(its_group_is_signalled_and_its_guard_is_not_in_it)
{
    const char *const words[] = {"family", NULL};
    wherry_channel *from = NULL;
    wherry_process *process = start_told(words, WHERRY_GROUP_OWN, &from);
    int first = hear_number(from);
    int second = hear_number(from);
    CHECK(getpgid(guard_of(process)) != getpgid(first));
    CHECK(getpgid(guard_of(process)) != getpgid(0));
    CHECK_INT(getsid(guard_of(process)), getsid(0));
    WORKS(wherry_process_kill(process, SIGTERM, WHERRY_ITS_GROUP));
    harness_until(is_gone, &first);
    harness_until(is_gone, &second);
    wherry_close(from);
    ends_with(process, "SIGTERM, asked to end");
}

TEST(its_tree_is_signalled)
{
    int pids[DESCENDANTS - 1];
    wherry_channel *from = NULL;
    wherry_process *process = start_told(to_descend, WHERRY_GROUP_SESSION, &from);
    for (int i = 0; i < DESCENDANTS - 1; i++)
        pids[i] = hear_number(from);
    int last = hear_number(from);
    WORKS(wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE));
    for (int i = 0; i < DESCENDANTS - 1; i++)
        harness_until(is_gone, &pids[i]);
    kill(last, SIGKILL);
    harness_until(is_gone, &last);
    wherry_close(from);
    ends_with(process, "SIGKILL, killed");
}

// An orphaned group cannot be stopped from a terminal.
TEST(a_group_of_its_own_can_be_stopped_from_the_terminal)
{
    wherry_process *process = start_guarded(&(struct wherry_plan){
        .line = "kill -TSTP $$; exit 4", .place = WHERRY_GROUP_OWN});
    int pid = (int)wherry_process_id(process);
    harness_until(is_stopped, &pid);
    WORKS(wherry_process_kill(process, SIGCONT, WHERRY_ITS_GROUP));
    ends_with(process, "exit 4");
}

static void interrupt_the_group(void *unused)
{
    wherry_channel *from = NULL;
    const char *const words[] = {"descendants", NULL};
    (void)unused;
    CHECK_INT(setpgid(0, 0), 0);
    signal(SIGINT, SIG_IGN);
    wherry_process *process = start_told(words, WHERRY_GROUP_PARENT, &from);
    int pids[DESCENDANTS];
    for (int i = 0; i < DESCENDANTS; i++)
        pids[i] = hear_number(from);
    CHECK_INT(kill(0, SIGINT), 0);
    kill(pids[DESCENDANTS - 1], SIGKILL);
    wherry_close(from);
    ends_with(process, "SIGINT, interrupt from the keyboard");
}

TEST(ctrl_c_is_for_it_and_not_for_its_guard)
{
    CHECK_INT(harness_wait(harness_child(interrupt_the_group, NULL)), 0);
}

TEST(who_ignores_sigchld_learns_how_it_ended_all_the_same)
{
    signal(SIGCHLD, SIG_IGN);
    wherry_process *process = start_line("exit 6");
    ends_with(process, "exit 6");
    signal(SIGCHLD, SIG_DFL);
}

static bool has_one_child(void *argument)
{
    char path[64];
    char list[256];
    const int *pid = argument;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", *pid, *pid);
    harness_read_file(path, list, sizeof(list));
    return strchr(list, ' ') && strchr(list, ' ')[1] == 0;
}

TEST(orphans_that_end_are_reaped_while_it_runs)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plan = {
        .line = "for i in 1 2 3; do (sh -c 'read x' <&0 &); done; echo ready; exec cat",
        .laid = laid,
        .laid_count = 2};
    wherry_process *process = start_guarded(&plan);
    wherry_channel *from = end_of(process, 1);
    hear(from, "ready");
    int guard = guard_of(process);
    harness_until(has_one_child, &guard); // stdin of & is /dev/null: they have ended
    wherry_close(end_of(process, 0));
    wherry_close(from);
    ends_with(process, "exit 0");
}

/* --- what it costs ------------------------------------------------------- */

static void cycle(void *argument)
{
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 2, .from = WHERRY_FROM_NULL}};
    struct wherry_plan plan = {.file = argument, .laid = laid, .laid_count = 3};
    wherry_process *process = start_guarded(&plan);
    wherry_channel *from = end_of(process, 1);
    hear_end(from);
    wherry_close(from);
    ends_with(process, "exit 0");
}

TEST(nothing_grows_over_many_guarded_processes)
{
    harness_cycles(harness_is_slow() ? 50 : 300, cycle, (void *)(uintptr_t)told());
}

static void start_without_memory(void *argument)
{
    wherry_process *process = NULL;
    struct wherry_plan plan = plan_to_tell(argument);
    plan.guarded = 1;
    int before = harness_descriptors();
    int r = wherry_spawn(&plan, sizeof(plan), &process);
    if (r < 0)
        CHECK_ERROR(r, -ENOMEM);
    else
        WORKS(wherry_process_wait(process, NULL, 0, soon()));
    wherry_process_close(process);
    CHECK_INT(harness_descriptors(), before);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
}

TEST(without_memory_it_is_not_started_and_nothing_is_left)
{
    static const char *words[] = {"words", NULL};
    find_guard();
    (void)harness_each_allocation(start_without_memory, words);
}
