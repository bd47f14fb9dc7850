/* SPDX-License-Identifier: MIT */
/*
 * collect: a process is run to its end, and what it says is kept.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "start.h"

enum { LARGE = 3 << 20, MEBIBYTE = 1 << 20 };

static struct wherry_collected collect_line(const char *line,
                                            const struct wherry_collect *wish)
{
    struct wherry_plan plan = {.line = line};
    struct wherry_collected all;
    WORKS(wherry_collect(&plan, sizeof(plan), wish, &all, soon()));
    return all;
}

static void nobody_is_left(void)
{
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_INT(errno, ECHILD);
}

TEST(both_outputs_and_the_end_are_told)
{
    struct wherry_collected all =
        collect_line("echo out; echo err >&2; cat; exit 5", NULL);
    CHECK_STRING(all.output, "out\n");
    CHECK_INT(all.output_size, 4);
    CHECK_STRING(all.errors, "err\n");
    CHECK_INT(all.errors_size, 4);
    CHECK_INT(all.exit.code, 5);
    CHECK_INT(all.stopped, 0);
    wherry_collected_free(&all);
    CHECK(all.output == NULL);
    wherry_collected_free(&all);
    wherry_collected_free(NULL);
    nobody_is_left();
}

TEST(one_that_says_nothing_has_empty_outputs)
{
    struct wherry_collected all = collect_line("kill -9 $$", NULL);
    CHECK_STRING(all.output, "");
    CHECK_STRING(all.errors, "");
    CHECK_INT(all.output_size, 0);
    CHECK_INT(all.exit.signal, SIGKILL);
    CHECK_INT(all.exit.code, -1);
    wherry_collected_free(&all);
}

static uint8_t *make_bytes(size_t size)
{
    uint8_t *bytes = malloc(size);
    CHECK(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    return bytes;
}

TEST(what_it_is_fed_can_be_larger_than_any_pipe)
{
    uint8_t *bytes = make_bytes(LARGE);
    const struct wherry_collect wish = {
        .input = bytes, .input_size = LARGE, .output_most = LARGE};
    struct wherry_plan plan = {.file = "cat"};
    struct wherry_collected all;
    WORKS(wherry_collect(&plan, sizeof(plan), &wish, &all, soon()));
    CHECK_INT(all.stopped, 0);
    CHECK_INT(all.output_size, LARGE);
    CHECK_BYTES(all.output, bytes, LARGE);
    wherry_collected_free(&all);
    free(bytes);
}

TEST(an_empty_input_is_an_end_at_once)
{
    const struct wherry_collect wish = {.input = "", .input_size = 0};
    struct wherry_collected all = collect_line("cat; echo done", &wish);
    CHECK_STRING(all.output, "done\n");
    wherry_collected_free(&all);
}

TEST(one_that_does_not_read_its_input_is_not_waited_for)
{
    uint8_t *bytes = make_bytes(MEBIBYTE);
    const struct wherry_collect wish = {.input = bytes, .input_size = MEBIBYTE};
    struct wherry_collected all = collect_line("exec 0<&-; echo gone", &wish);
    CHECK_STRING(all.output, "gone\n");
    CHECK_INT(all.exit.code, 0);
    wherry_collected_free(&all);
    all = collect_line("exit 6", &wish);
    CHECK_INT(all.exit.code, 6);
    wherry_collected_free(&all);
    free(bytes);
}

TEST(both_outputs_can_flood_at_once)
{
    const struct wherry_collect wish = {.output_most = LARGE};
    struct wherry_collected all = collect_line(
        "head -c 3000000 /dev/zero >&2 & head -c 3000000 /dev/zero; wait", &wish);
    CHECK_INT(all.stopped, 0);
    CHECK_INT(all.output_size, 3000000);
    CHECK_INT(all.errors_size, 3000000);
    wherry_collected_free(&all);
}

/* --- bounds -------------------------------------------------------------- */

TEST(exactly_as_much_as_may_be_kept_is_kept)
{
    const struct wherry_collect wish = {.output_most = 1000};
    struct wherry_collected all = collect_line("head -c 1000 /dev/zero", &wish);
    CHECK_INT(all.stopped, 0);
    CHECK_INT(all.output_size, 1000);
    CHECK_INT(all.exit.code, 0);
    wherry_collected_free(&all);
    all = collect_line("head -c 1001 /dev/zero; sleep 100", &wish);
    CHECK_INT(all.stopped, -ENOBUFS);
    CHECK_INT(all.output_size, 1000);
    CHECK_INT(all.exit.signal, SIGTERM);
    wherry_collected_free(&all);
    nobody_is_left();
}

TEST(without_a_bound_of_its_own_each_output_has_a_mebibyte)
{
    struct wherry_collected all = collect_line("head -c 1048576 /dev/zero >&2", NULL);
    CHECK_INT(all.stopped, 0);
    CHECK_INT(all.errors_size, MEBIBYTE);
    wherry_collected_free(&all);
    all = collect_line("exec yes", NULL);
    CHECK_INT(all.stopped, -ENOBUFS);
    CHECK_INT(all.output_size, MEBIBYTE);
    CHECK(all.exit.signal == SIGTERM || all.exit.signal == SIGPIPE);
    wherry_collected_free(&all);
}

TEST(one_that_takes_too_long_is_stopped_with_what_it_started)
{
    struct wherry_plan plan = {.line = "echo begun; sleep 100 & sleep 100; echo never"};
    const struct wherry_collect wish = {.stop_signal = SIGINT};
    struct wherry_collected all;
    // The shell's own children ignore SIGINT in the background: SIGTERM is the usual.
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &all, wherry_after(200)));
    CHECK_INT(all.stopped, -ETIMEDOUT);
    CHECK_STRING(all.output, "begun\n");
    CHECK_INT(all.exit.signal, SIGTERM);
    wherry_collected_free(&all);
    plan.line = "exec sleep 100";
    WORKS(wherry_collect(&plan, sizeof(plan), &wish, &all, wherry_after(50)));
    CHECK_INT(all.exit.signal, SIGINT);
    wherry_collected_free(&all);
    nobody_is_left();
}

TEST(one_that_does_not_mind_is_killed_after_the_grace)
{
    const char *const arguments[] = {"stubborn", NULL};
    struct wherry_plan plan = {.file = told(), .arguments = arguments};
    const struct wherry_collect wish = {.grace = 50000000};
    struct wherry_collected all;
    int64_t began = wherry_now();
    WORKS(wherry_collect(&plan, sizeof(plan), &wish, &all, wherry_after(300)));
    CHECK(wherry_now() - began >= 350000000);
    CHECK_INT(all.stopped, -ETIMEDOUT);
    CHECK_INT(all.exit.signal, SIGKILL);
    CHECK_STRING(all.output, "ready\n");
    wherry_collected_free(&all);
    nobody_is_left();
}

// The kernel needs time to take a quarter of a gigabyte back.
TEST(one_that_was_killed_has_time_to_go_however_short_the_grace)
{
    if (!harness_have_program("perl"))
        SKIP("perl is not installed");
    const char *const arguments[] = {"-e",
                                     "$SIG{TERM} = 'IGNORE'; $much = 'x' x (1 << 28); "
                                     "$| = 1; print 'ready'; sleep 1000",
                                     NULL};
    struct wherry_plan plan = {.file = "perl", .arguments = arguments};
    const struct wherry_collect wish = {.grace = 1, .output_most = 1};
    struct wherry_collected all;
    WORKS(wherry_collect(&plan, sizeof(plan), &wish, &all, soon()));
    CHECK_INT(all.stopped, -ENOBUFS);
    CHECK_INT(all.exit.signal, SIGKILL);
    wherry_collected_free(&all);
    nobody_is_left();
}

TEST(what_it_leaves_behind_is_not_waited_for)
{
    char path[600];
    char line[700];
    snprintf(path, sizeof(path), "%s/left", harness_directory());
    CHECK_INT(mkfifo(path, 0600), 0);
    // It has both outputs open until somebody opens the other end.
    snprintf(line, sizeof(line), "cat < %s & echo said", path);
    struct wherry_collected all = collect_line(line, NULL);
    CHECK_STRING(all.output, "said\n");
    CHECK_INT(all.exit.code, 0);
    wherry_collected_free(&all);
    int fd;
    do
        fd = open(path, O_WRONLY | O_CLOEXEC); // and it ends
    while (fd < 0 && errno == EINTR);
    CHECK(fd >= 0);
    close(fd);
    unlink(path);
}

/* --- with a plan of its own ---------------------------------------------- */

TEST(what_the_plan_lays_out_goes_there)
{
    const struct wherry_laid laid[] = {
        {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1},
        {.number = 0, .from = WHERRY_FROM_FILE, .path = harness_path("in")}};
    struct wherry_plan plan = {
        .line = "cat; echo err >&2", .laid = laid, .laid_count = 2};
    struct wherry_collected all;
    harness_write_file("in", "from a file\n", 12);
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &all, soon()));
    CHECK_STRING(all.output, "from a file\nerr\n");
    CHECK_STRING(all.errors, "");
    wherry_collected_free(&all);
    const struct wherry_laid pipe = {.number = 1, .from = WHERRY_FROM_PIPE};
    plan = (struct wherry_plan){.line = "echo x", .laid = &pipe, .laid_count = 1};
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &all, soon()));
    CHECK_STRING(all.output, "x\n");
    wherry_collected_free(&all);
}

TEST(what_cannot_be_started_says_why)
{
    struct wherry_plan plan = {.file = "/nonexistent/program"};
    struct wherry_plan wrong = {.file = "true", .umask = "9"};
    struct wherry_collected all;
    FAILS(wherry_collect(&plan, sizeof(plan), NULL, &all, soon()), -ENOENT,
          "there is no such file");
    FAILS(wherry_collect(&wrong, sizeof(wrong), NULL, &all, soon()), -EINVAL, "umask");
    nobody_is_left();
}

TEST(what_nobody_would_hear_is_refused)
{
    const struct wherry_laid wrong[] = {
        {.number = 1, .from = WHERRY_FROM_MESSAGES},
        {.number = 1, .from = WHERRY_FROM_PIPE, .access = WHERRY_ACCESS_READ},
        {.number = 0, .from = WHERRY_FROM_PIPE, .access = WHERRY_ACCESS_WRITE},
        {.number = 5, .from = WHERRY_FROM_PIPE},
    };
    const struct wherry_collect no_signal = {.stop_signal = 999};
    struct wherry_collected all;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct wherry_plan plan = {.file = "true", .laid = &wrong[i], .laid_count = 1};
        FAILS(wherry_collect(&plan, sizeof(plan), NULL, &all, soon()), -EINVAL,
              "collected are pipes from 1 and 2");
    }
    struct wherry_plan plan = {.file = "true"};
    FAILS(wherry_collect(&plan, sizeof(plan), &no_signal, &all, soon()), -EINVAL,
          "there is no signal 999");
}

TEST(no_bound_is_too_large)
{
    static const uint64_t bounds[] = {UINT64_MAX, (uint64_t)INT64_MAX + 1, INT64_MAX};
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        const struct wherry_collect wish = {.output_most = bounds[i]};
        struct wherry_collected all = collect_line("echo hello", &wish);
        CHECK_INT(all.stopped, 0);
        CHECK_STRING(all.output, "hello\n");
        wherry_collected_free(&all);
    }
}

static bool is_over(void *argument)
{
    const int *fd = argument;
    char byte;
    return read(*fd, &byte, 1) == 0;
}

// The shell ends by SIGTERM at once, its child does not mind it.
TEST(what_it_started_goes_with_it_after_the_grace)
{
    int ends[2];
    CHECK_INT(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    const struct wherry_laid laid[] = {
        {.number = 9, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = ends[1]}};
    struct wherry_plan plan = {.line = "(trap '' TERM; sleep 97 & sleep 97) & sleep 97",
                               .laid = laid,
                               .laid_count = 1};
    const struct wherry_collect wish = {.grace = 50000000};
    struct wherry_collected all;
    WORKS(wherry_collect(&plan, sizeof(plan), &wish, &all, wherry_after(200)));
    CHECK_INT(all.stopped, -ETIMEDOUT);
    CHECK_INT(all.exit.signal, SIGTERM);
    close(ends[1]);
    harness_until(is_over, &ends[0]);
    close(ends[0]);
    wherry_collected_free(&all);
}

TEST(no_time_at_all_is_a_deadline_that_has_passed)
{
    struct wherry_plan plan = {.line = "exec sleep 100"};
    struct wherry_collected all;
    WORKS(wherry_collect(&plan, sizeof(plan), NULL, &all, WHERRY_POLL));
    CHECK_INT(all.stopped, -ETIMEDOUT);
    wherry_collected_free(&all);
    nobody_is_left();
}

TEST(one_that_others_waited_for_is_told)
{
    struct wherry_plan plan = {.line = "exit 4"};
    struct wherry_collected all;
    signal(SIGCHLD, SIG_IGN);
    CHECK_ERROR(wherry_collect(&plan, sizeof(plan), NULL, &all, soon()), -ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

static void collect_once(void *unused)
{
    (void)unused;
    const struct wherry_collect wish = {.input = "x", .input_size = 1};
    struct wherry_plan plan = {.file = "cat"};
    struct wherry_collected all;
    WORKS(wherry_collect(&plan, sizeof(plan), &wish, &all, soon()));
    CHECK_STRING(all.output, "x");
    wherry_collected_free(&all);
}

TEST(nothing_grows_over_many)
{
    harness_cycles(harness_is_slow() ? 50 : 500, collect_once, NULL);
}

/* --- memory -------------------------------------------------------------- */

static void collect_or_fail(void *unused)
{
    (void)unused;
    const struct wherry_collect wish = {.input = "x", .input_size = 1};
    const struct wherry_laid laid[] = {{.number = 5, .from = WHERRY_FROM_NULL}};
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 1};
    struct wherry_collected all;
    int r = wherry_collect(&plan, sizeof(plan), &wish, &all, soon());
    if (r < 0)
        CHECK_ERROR(r, -ENOMEM);
    else
        wherry_collected_free(&all);
    nobody_is_left();
}

static void spawn_or_fail(void *unused)
{
    (void)unused;
    const char *const changes[] = {"A=1", NULL};
    const struct wherry_limit limit = {"core", 0, 0};
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 5, .from = WHERRY_FROM_MESSAGES}};
    struct wherry_plan plan = {.file = "cat",
                               .laid = laid,
                               .laid_count = 2,
                               .changes = changes,
                               .user = geteuid() == 0 ? "root" : NULL,
                               .limits = &limit,
                               .limit_count = 1};
    wherry_process *process = NULL;
    wherry_channel *to = NULL;
    wherry_channel *messages = NULL;
    int r = wherry_spawn(&plan, sizeof(plan), &process);
    if (r < 0) {
        CHECK_ERROR(r, -ENOMEM);
        nobody_is_left();
        return;
    }
    r = wherry_process_channel(process, 0, NULL, &to);
    CHECK(r == 0 || r == -ENOMEM);
    r = wherry_process_channel(process, 5, NULL, &messages);
    CHECK(r == 0 || r == -ENOMEM);
    wherry_close(messages);
    wherry_close(to);
    r = wherry_process_kill(process, SIGKILL, WHERRY_ITS_TREE);
    CHECK(r == 0 || r == -ENOMEM);
    (void)wherry_process_kill(process, SIGKILL, WHERRY_ONE);
    WORKS(wherry_process_wait(process, NULL, 0, soon()));
    wherry_process_close(process);
}

TEST(each_allocation_that_fails_is_told_and_leaves_nothing)
{
    harness_note("%lu allocations of starting",
                 harness_each_allocation(spawn_or_fail, NULL));
    harness_note("%lu allocations of collecting",
                 harness_each_allocation(collect_or_fail, NULL));
}
