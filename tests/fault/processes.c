/* SPDX-License-Identifier: MIT */
/*
 * What programs do with processes, for the injector.  Whatever the kernel does, a start
 * that said 0 has started just what the plan says, an end is told as it was or not at
 * all, and a tree of which the kill said 0 ends whole.
 *
 * What a scenario started it ends itself where the library was kept from doing so, past
 * the library: by kill(2) and waitpid(2).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "processes.h"

static int patience = 500; // milliseconds

static wherry_deadline soon(void)
{
    return wherry_after(harness_stretch(patience));
}

/* Waits for its end by the library, or else ends it; the first error, or 0. */
static int end(wherry_process *process, int r, struct wherry_exit *exit)
{
    pid_t pid = (pid_t)wherry_process_id(process);
    if (r >= 0)
        r = wherry_process_wait(process, exit, sizeof *exit, soon());
    if (r < 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    wherry_process_close(process);
    return r;
}

static int start_and_wait(void)
{
    struct wherry_plan plan = {.line = "exit 3"};
    wherry_process *process = NULL;
    struct wherry_exit exit = {.code = -1};
    int r = wherry_spawn(&plan, sizeof plan, &process);
    if (r < 0)
        return r;
    r = end(process, 0, &exit);
    if (r >= 0)
        CHECK_INT(exit.code, 3);
    return r;
}

/* One after the other: a program that is not there, then one that is. */
static int start_nothing(void)
{
    static const struct wherry_limit limit = {"core", 0, 0};
    struct wherry_plan plan = {.file = "/nonexistent/program",
                               .directory = "/",
                               .limits = &limit,
                               .limit_count = 1};
    wherry_process *process = NULL;
    int r = wherry_spawn(&plan, sizeof plan, &process);
    CHECK(r < 0 && !process);
    return r == -ENOENT ? 0 : r;
}

/* What it finds itself with is what the plan says. */
static int hear_all_of_it(wherry_process *process)
{
    static const char *const expected[] = {"words through /", "0077", "0", "another"};
    wherry_channel *to = NULL, *from = NULL;
    int r = wherry_process_channel(process, 0, NULL, &to);
    if (r >= 0)
        r = wherry_process_channel(process, 1, NULL, &from);
    if (r >= 0)
        r = (int)wherry_write(to, "words", 5, 0, 0, soon());
    for (size_t i = 0; r >= 0 && i < sizeof expected / sizeof *expected; i++) {
        char text[64] = "";
        r = (int)wherry_read(from, text, sizeof text - 1, NULL, NULL, soon());
        if (r >= 0)
            CHECK_STRING(text, expected[i]);
    }
    wherry_close(to);
    wherry_close(from);
    return r;
}

static int start_with_all(void)
{
    static const struct wherry_limit limit = {"core", 0, 0};
    static const char *const changes[] = {"WHERRY_TEST=through", NULL};
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_PIPE},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_PARENT},
        {.number = 3,
         .from = WHERRY_FROM_FILE,
         .access = WHERRY_ACCESS_WRITE,
         .path = "/dev/null"},
        {.number = 4, .from = WHERRY_FROM_NUMBER, .descriptor = 3},
        {.number = 5, .from = WHERRY_FROM_MESSAGES},
        {.number = 6, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 2},
    };
    struct wherry_plan plan = {.line = "read line; echo \"$line $WHERRY_TEST $PWD\"; "
                                       "umask; ulimit -c; "
                                       "kill -0 1 2>&4 && echo root || echo another",
                               .laid = laid,
                               .laid_count = sizeof laid / sizeof *laid,
                               .changes = changes,
                               .directory = "/",
                               .user = geteuid() == 0 ? "65534" : NULL,
                               .group = geteuid() == 0 ? "65534" : NULL,
                               .umask = "077",
                               .nice = 1,
                               .limits = &limit,
                               .limit_count = 1,
                               .place = WHERRY_GROUP_SESSION,
                               .death_signal = SIGKILL};
    wherry_process *process = NULL;
    struct wherry_exit exit = {.code = -1};
    int r = wherry_spawn(&plan, sizeof plan, &process);
    if (r < 0)
        return r;
    r = hear_all_of_it(process);
    return end(process, r, &exit);
}

static void end_group(void)
{
    kill(-getpid(), SIGTERM);
    kill(-getpid(), SIGCONT); // it may have been stopped, and no more
    errno = 0;
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        errno = 0;
}

static int collect(const char *line, const struct wherry_collect *wish,
                   struct wherry_collected *all)
{
    struct wherry_plan plan = {.line = line};
    setpgid(0, 0);
    signal(SIGTERM, SIG_IGN);
    int r = wherry_collect(&plan, sizeof plan, wish, all, soon());
    if (r < 0)
        end_group();
    return r;
}

/* What it reads is all that it is fed: it says 6 otherwise. */
static int collect_and_compare(void)
{
    static const char line[] = "test \"$(cat)\" = \"some words\" || exit 6; "
                               "echo out; echo err >&2; exit 5";
    const struct wherry_collect wish = {.input = "some words", .input_size = 10};
    struct wherry_collected all;
    int r = collect(line, &wish, &all);
    if (r < 0)
        return r;
    if (all.stopped == 0) {
        // EAGAIN is the end of what one that has ended has said.
        CHECK_BYTES(all.output, "out\n", all.output_size);
        CHECK_BYTES(all.errors, "err\n", all.errors_size);
        CHECK_INT(all.exit.code, 5);
    }
    r = all.stopped;
    wherry_collected_free(&all);
    return r;
}

/* It says too much, and has a child that says more. */
static int collect_too_much(void)
{
    const struct wherry_collect wish = {.output_most = 10, .grace = 50000000};
    struct wherry_collected all;
    int r = collect("(yes & yes) 2>/dev/null", &wish, &all);
    if (r < 0)
        return r;
    CHECK(all.stopped != -ENOBUFS || all.output_size == 10);
    r = all.stopped == -ENOBUFS ? 0 : all.stopped;
    wherry_collected_free(&all);
    return r;
}

/* Two in a row: what the first reads is all that it is fed. */
static int collect_a_row(void)
{
    static const struct wherry_plan plans[2] = {
        {.line =
             "test \"$(cat)\" = \"some words\" || exit 6; echo through; echo err >&2"},
        {.line = "cat; exit 5"}};
    const struct wherry_collect wish = {.input = "some words", .input_size = 10};
    struct wherry_collected all[2];
    setpgid(0, 0);
    signal(SIGTERM, SIG_IGN);
    int r = wherry_pipeline_collect(plans, sizeof plans[0], 2, &wish, all, soon());
    if (r < 0) {
        end_group();
        return r;
    }
    if (all[0].stopped == 0) {
        CHECK_INT(r, 2);
        CHECK_INT(all[0].exit.code, 0);
        CHECK_INT(all[1].exit.code, 5);
        CHECK_BYTES(all[0].errors, "err\n", all[0].errors_size);
        CHECK_BYTES(all[1].output, "through\n", all[1].output_size);
    }
    r = all[0].stopped;
    wherry_collected_free(&all[0]);
    wherry_collected_free(&all[1]);
    return r;
}

/* What it answers is the answer, and its end is told as it was. */
static int talk_to_command(void)
{
    wherry_channel *channel = NULL;
    char text[64] = "";
    int ended = 0;
    setpgid(0, 0);
    signal(SIGTERM, SIG_IGN);
    int r = wherry_dial("exec?grace=50ms:sh -c 'read x; echo got $x; exit 3'", soon(),
                        &channel);
    if (r >= 0)
        r = (int)wherry_write(channel, "it", 2, 0, 0, soon());
    if (r >= 0)
        r = (int)wherry_read(channel, text, sizeof text - 1, NULL, &ended, soon());
    if (r >= 0)
        CHECK_STRING(text, "got it");
    // EAGAIN is the end of what one that has ended has said.
    if (r == -ECONNRESET)
        r = 0;
    else if (r >= 0) {
        r = (int)wherry_read(channel, text, sizeof text, NULL, &ended, soon());
        CHECK(r < 0);
        r = r == -ECONNRESET && strstr(wherry_error_text(), "exit 3") ? 0 : r;
    }
    wherry_close(channel);
    end_group();
    return r;
}

/* --- signals ------------------------------------------------------------- */

/* A shell and its child, which read number 3 and say so by ending at its end; both have
 * number 1 open, which ends with the last of them. */
static int start_family(wherry_process **out, wherry_channel **from)
{
    static const struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_PARENT},
        {.number = 3, .from = WHERRY_FROM_PIPE, .access = WHERRY_ACCESS_READ},
    };
    struct wherry_plan plan = {.line = "cat <&3 & echo; exec cat <&3",
                               .laid = laid,
                               .laid_count = 3,
                               .place = WHERRY_GROUP_SESSION};
    char byte;
    int r = wherry_spawn(&plan, sizeof plan, out);
    if (r >= 0)
        r = wherry_process_channel(*out, 1, NULL, from);
    if (r >= 0)
        r = (int)wherry_read(*from, &byte, 1, NULL, NULL, soon());
    return r;
}

/* Whether all of them have ended, as the pipe says that they all have. */
static void check_gone(wherry_channel *from)
{
    char byte;
    int ended = 0;
    wherry_deadline late = wherry_after(harness_stretch(HARNESS_PATIENCE / 5));
    int64_t r = wherry_read(from, &byte, 1, NULL, &ended, late);
    if (r == -ETIMEDOUT)
        FAIL("a kill of all said 0, and somebody got away");
}

static int kill_family(int signal, enum wherry_whom whom)
{
    wherry_process *process = NULL;
    wherry_channel *from = NULL;
    struct wherry_exit exit = {.code = -1};
    int r = start_family(&process, &from);
    if (r >= 0)
        r = wherry_process_kill(process, signal, whom);
    if (r >= 0 && whom != WHERRY_ONE)
        check_gone(from);
    pid_t leader = process ? (pid_t)wherry_process_id(process) : 0;
    if (leader)
        kill(-leader, SIGKILL);
    if (process)
        r = end(process, r, &exit);
    wherry_close(from);
    return r;
}

static int kill_one(void)
{
    return kill_family(SIGTERM, WHERRY_ONE);
}

static int kill_group(void)
{
    return kill_family(SIGTERM, WHERRY_ITS_GROUP);
}

static int kill_tree(void)
{
    return kill_family(SIGKILL, WHERRY_ITS_TREE);
}

static int hang_up_tree(void)
{
    return kill_family(SIGHUP, WHERRY_ITS_TREE);
}

/* --- all ----------------------------------------------------------------- */

static const struct run {
    const char *name;
    int (*run)(void);
    int looks_around;
} runs[] = {
    {"start_and_wait", start_and_wait, 0},
    {"start_nothing", start_nothing, 0},
    {"start_with_all", start_with_all, 0},
    {"collect_and_compare", collect_and_compare, 0},
    {"collect_too_much", collect_too_much, 1},
    {"collect_a_row", collect_a_row, 0},
    {"talk_to_command", talk_to_command, 0},
    {"kill_one", kill_one, 0},
    {"kill_group", kill_group, 0},
    {"kill_tree", kill_tree, 1},
    {"hang_up_tree", hang_up_tree, 1},
};

// -EAGAIN is what clone(2) and execve(2) say of too many processes, -EBUSY what is said
// of one that may not be killed, -ENOTSUP of a /proc that cannot be looked at.
static const int allowed[] = {-ETIMEDOUT, -EAGAIN, -EBUSY, -ENOTSUP, 0};

static int run_scenario(const void *argument)
{
    const struct run *run = argument;
    return run->run();
}

const struct fault_scenario *process_scenarios(int milliseconds, size_t *count)
{
    enum { RUNS = sizeof runs / sizeof *runs };

    static struct fault_scenario scenarios[RUNS];
    patience = milliseconds;
    for (size_t i = 0; i < RUNS; i++)
        scenarios[i] = (struct fault_scenario){
            runs[i].name, run_scenario, &runs[i], allowed, 0, NULL};
    *count = RUNS;
    return scenarios;
}

int process_scenario_looks_around(const struct fault_scenario *scenario)
{
    return ((const struct run *)scenario->argument)->looks_around;
}
