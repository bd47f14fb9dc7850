/* SPDX-License-Identifier: MIT */
/*
 * pipeline: processes in a row, each reading what the one before it writes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "start.h"

enum { STAGES = 3, MANY = 40, FLOOD = 3000000 };

/* Lines for the shell, as plans. */
static void plan_lines(struct wherry_plan *plans, const char *const *lines,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        plans[i] = (struct wherry_plan){.line = lines[i]};
}

static wherry_pipeline *start_row(const struct wherry_plan *plans, size_t count)
{
    wherry_pipeline *pipeline = NULL;
    WORKS(wherry_pipeline_spawn(plans, sizeof(*plans), count, &pipeline));
    return pipeline;
}

static int collect_row(const char *const *lines, size_t count,
                       const struct wherry_collect *wish, struct wherry_collected *out)
{
    struct wherry_plan plans[MANY];
    plan_lines(plans, lines, count);
    int r = wherry_pipeline_collect(plans, sizeof(plans[0]), count, wish, out, soon());
    WORKS(r);
    return r;
}

static void free_row(struct wherry_collected *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wherry_collected_free(&all[i]);
}

static void nobody_is_left(void)
{
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_INT(errno, ECHILD);
}

/* --- the row ------------------------------------------------------------- */

TEST(what_one_writes_the_next_one_reads)
{
    const char *const lines[STAGES] = {"printf 'b\\na\\nb\\n'", "sort", "uniq -c"};
    struct wherry_collected all[STAGES];
    CHECK_INT(collect_row(lines, STAGES, NULL, all), 0);
    CHECK_STRING(all[2].output, "      1 a\n      2 b\n");
    for (size_t i = 0; i < STAGES; i++) {
        CHECK_INT(all[i].exit.code, 0);
        CHECK_STRING(all[i].errors, "");
        CHECK_STRING(all[i].output, i == 2 ? all[2].output : "");
    }
    free_row(all, STAGES);
    nobody_is_left();
}

TEST(a_row_of_one_is_a_process)
{
    const char *const lines[] = {"cat; exit 4"};
    const struct wherry_collect wish = {.input = "fed", .input_size = 3};
    struct wherry_collected all;
    CHECK_INT(collect_row(lines, 1, &wish, &all), 1);
    CHECK_STRING(all.output, "fed");
    CHECK_INT(all.exit.code, 4);
    wherry_collected_free(&all);
}

TEST(the_first_one_is_fed_through_as_many_as_there_are)
{
    struct wherry_plan plans[MANY];
    struct wherry_collected all[MANY];
    const struct wherry_collect wish = {.input = "through all of them",
                                        .input_size = 19};
    for (size_t i = 0; i < MANY; i++)
        plans[i] = (struct wherry_plan){.file = "cat"};
    WORKS(wherry_pipeline_collect(plans, sizeof(plans[0]), MANY, &wish, all, soon()));
    CHECK_STRING(all[MANY - 1].output, "through all of them");
    free_row(all, MANY);
}

TEST(without_a_layout_the_ends_of_the_row_are_the_parents)
{
    const char *path = harness_path("out");
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    int kept = fcntl(1, F_DUPFD_CLOEXEC, 10);
    CHECK(kept >= 0);
    const char *const lines[] = {"echo one", "cat; echo two"};
    struct wherry_plan plans[2];
    plan_lines(plans, lines, 2);
    CHECK_INT(dup2(file, 1), 1);
    wherry_pipeline *pipeline = start_row(plans, 2);
    CHECK_INT(dup2(kept, 1), 1);
    CHECK_INT(wherry_pipeline_wait(pipeline, NULL, 0, soon()), 0);
    wherry_pipeline_close(pipeline);
    char text[32] = "";
    CHECK_INT(pread(file, text, sizeof(text), 0), 8);
    CHECK_STRING(text, "one\ntwo\n");
    close(file);
    close(kept);
    unlink(path);
}

TEST(a_stage_has_exactly_0_1_and_2_open)
{
    const char *const arguments[] = {"fds", NULL};
    struct wherry_plan plans[STAGES] = {
        {.file = "true"}, {.file = told(), .arguments = arguments}, {.file = "cat"}};
    struct wherry_collected all[STAGES];
    CHECK_INT(
        wherry_pipeline_collect(plans, sizeof(plans[0]), STAGES, NULL, all, soon()), 0);
    CHECK_STRING(all[2].output, "0 1 2\n");
    free_row(all, STAGES);
}

TEST(a_parent_without_a_stdin_has_pipes_of_that_number)
{
    const char *const lines[STAGES] = {"echo through", "cat", "cat"};
    struct wherry_collected all[STAGES];
    CHECK_INT(close(0), 0);
    CHECK_INT(collect_row(lines, STAGES, NULL, all), 0);
    CHECK_STRING(all[2].output, "through\n");
    free_row(all, STAGES);
    wherry_pipeline *pipeline = NULL;
    const struct wherry_plan plans[2] = {{.line = "echo through"},
                                         {.line = "read x; test \"$x\" = through"}};
    WORKS(wherry_pipeline_spawn(plans, sizeof(plans[0]), 2, &pipeline));
    CHECK_INT(wherry_pipeline_wait(pipeline, NULL, 0, soon()), 0);
    wherry_pipeline_close(pipeline);
}

// What the library opens must not be taken for what the program has there.
TEST(a_parent_without_a_stdin_and_a_stderr_gives_nothing_foreign)
{
    const struct wherry_plan plans[2] = {{.file = "yes"}, {.command = "head -n 1"}};
    const struct wherry_laid out[] = {{.number = 1, .from = WHERRY_FROM_NULL}};
    struct wherry_plan quiet[2] = {plans[0], plans[1]};
    wherry_pipeline *pipeline = NULL;
    quiet[1].laid = out;
    quiet[1].laid_count = 1;
    int kept = fcntl(2, F_DUPFD_CLOEXEC, 10);
    CHECK(kept >= 0);
    close(0);
    close(2);
    int r = wherry_pipeline_spawn(quiet, sizeof(quiet[0]), 2, &pipeline);
    int failed = r < 0 ? r : wherry_pipeline_wait(pipeline, NULL, 0, soon());
    CHECK_INT(dup2(kept, 2), 2);
    close(kept);
    CHECK_INT(failed, 1); // by SIGPIPE: nobody else has its pipe
    wherry_pipeline_close(pipeline);
}

/* --- layouts within a row ------------------------------------------------ */

TEST(both_outputs_of_a_stage_can_go_to_the_next_one)
{
    const struct wherry_laid both[] = {
        {.number = 2, .from = WHERRY_FROM_NUMBER, .descriptor = 1}};
    struct wherry_plan plans[2] = {
        {.line = "echo out; echo err >&2", .laid = both, .laid_count = 1},
        {.file = "cat"}};
    struct wherry_collected all[2];
    CHECK_INT(wherry_pipeline_collect(plans, sizeof(plans[0]), 2, NULL, all, soon()),
              0);
    CHECK_STRING(all[1].output, "out\nerr\n");
    CHECK_STRING(all[0].errors, "");
    free_row(all, 2);
}

TEST(what_a_plan_lays_out_comes_before_the_pipe_as_in_a_shell)
{
    const char *path = harness_path("aside");
    const struct wherry_laid aside[] = {
        {.number = 1, .from = WHERRY_FROM_FILE, .path = path}};
    struct wherry_plan plans[2] = {
        {.line = "echo aside", .laid = aside, .laid_count = 1},
        {.line = "cat; echo nothing came"}};
    struct wherry_collected all[2];
    CHECK_INT(wherry_pipeline_collect(plans, sizeof(plans[0]), 2, NULL, all, soon()),
              0);
    CHECK_STRING(all[1].output, "nothing came\n");
    free_row(all, 2);
    char text[16] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    CHECK_INT(read(file, text, sizeof(text)), 6);
    CHECK_STRING(text, "aside\n");
    close(file);
    unlink(path);
}

TEST(a_pipe_that_nobody_feeds_is_at_its_end)
{
    const struct wherry_laid own[] = {{.number = 0, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plans[2] = {
        {.file = "true"}, {.line = "cat; echo end", .laid = own, .laid_count = 1}};
    struct wherry_collected all[2];
    const struct wherry_collect wish = {.input = "x", .input_size = 1};
    CHECK_INT(wherry_pipeline_collect(plans, sizeof(plans[0]), 2, &wish, all, soon()),
              0);
    CHECK_STRING(all[1].output, "end\n");
    free_row(all, 2);
}

TEST(channels_of_its_stages_can_be_used)
{
    const struct wherry_laid first[] = {{.number = 0, .from = WHERRY_FROM_PIPE}};
    const struct wherry_laid last[] = {{.number = 1, .from = WHERRY_FROM_PIPE}};
    const struct wherry_plan plans[2] = {
        {.file = "cat", .laid = first, .laid_count = 1},
        {.line = "sed s/^/got-/", .laid = last, .laid_count = 1}};
    wherry_pipeline *pipeline = start_row(plans, 2);
    CHECK_INT(wherry_pipeline_count(pipeline), 2);
    CHECK(wherry_pipeline_process(pipeline, 2) == NULL);
    wherry_channel *to = end_of(wherry_pipeline_process(pipeline, 0), 0);
    wherry_channel *from = end_of(wherry_pipeline_process(pipeline, 1), 1);
    char said[SAID];
    WORKS(wherry_write(to, "a", 1, 0, 0, soon()));
    WORKS(wherry_write(to, "b", 1, 0, 0, soon()));
    wherry_close(to);
    CHECK_STRING(hear_all(from, said), "got-a\ngot-b\n");
    wherry_close(from);
    CHECK_INT(wherry_pipeline_wait(pipeline, NULL, 0, soon()), 0);
    wherry_pipeline_close(pipeline);
}

/* --- how it ends --------------------------------------------------------- */

TEST(the_last_stage_that_failed_is_told_and_the_end_of_each)
{
    const char *const lines[STAGES] = {"exit 3", "cat; kill -TERM $$", "cat"};
    struct wherry_plan plans[STAGES];
    struct wherry_exit exits[STAGES];
    plan_lines(plans, lines, STAGES);
    wherry_pipeline *pipeline = start_row(plans, STAGES);
    CHECK_INT(wherry_pipeline_wait(pipeline, exits, sizeof(exits[0]), soon()), 2);
    CHECK_INT(exits[0].code, 3);
    CHECK_INT(exits[1].signal, SIGTERM);
    CHECK_INT(exits[2].code, 0);
    CHECK_INT(wherry_pipeline_wait(pipeline, NULL, 0, WHERRY_POLL), 2);
    wherry_pipeline_close(pipeline);
    wherry_pipeline_close(NULL);
}

TEST(a_stage_whose_reader_has_gone_ends_by_SIGPIPE)
{
    const char *const lines[] = {"exec yes", "exec head -n 1"};
    struct wherry_collected all[2];
    CHECK_INT(collect_row(lines, 2, NULL, all), 1);
    CHECK_STRING(all[1].output, "y\n");
    CHECK_INT(all[0].exit.signal, SIGPIPE);
    CHECK_INT(all[1].exit.code, 0);
    free_row(all, 2);
}

TEST(all_stages_are_waited_for_not_only_the_last)
{
    const char *const lines[] = {"exec >&-; read wait; exit 7", "true"};
    const struct wherry_laid first[] = {{.number = 0, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plans[2];
    plan_lines(plans, lines, 2);
    plans[0].laid = first;
    plans[0].laid_count = 1;
    wherry_pipeline *pipeline = start_row(plans, 2);
    until_readable(wherry_process_fd(wherry_pipeline_process(pipeline, 1)));
    CHECK_INT(wherry_pipeline_wait(pipeline, NULL, 0, WHERRY_POLL), -EAGAIN);
    CHECK_INT(wherry_pipeline_wait(pipeline, NULL, 0, wherry_now() + 1000000),
              -ETIMEDOUT);
    CHECK(strstr(wherry_error_text(), "stage 1 of 2"));
    wherry_close(end_of(wherry_pipeline_process(pipeline, 0), 0));
    CHECK_INT(wherry_pipeline_wait(pipeline, NULL, 0, soon()), 1);
    wherry_pipeline_close(pipeline);
}

static int64_t processor_time(void)
{
    struct timespec now;
    CHECK_INT(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

// What has ended goes on being readable, and would wake us again and again.
TEST(waiting_for_the_last_stage_costs_nothing_once_others_have_ended)
{
    const char *const lines[] = {"true", "exec sleep 1"};
    struct wherry_collected all[2];
    if (getenv("WHERRY_TEST_STORM"))
        SKIP("the storm takes the processor time that is measured");
    int64_t before = processor_time();
    CHECK_INT(collect_row(lines, 2, NULL, all), 0);
    CHECK_RANGE(processor_time() - before, 0, harness_stretch(100) * INT64_C(1000000));
    free_row(all, 2);
}

TEST(every_stage_can_flood_its_errors)
{
    const char *const lines[STAGES] = {
        "head -c 3000000 /dev/zero >&2; echo one",
        "head -c 3000000 /dev/zero >&2; cat; head -c 3000000 /dev/zero",
        "cat; head -c 3000000 /dev/zero >&2"};
    const struct wherry_collect wish = {.output_most = 4 << 20};
    struct wherry_collected all[STAGES];
    CHECK_INT(collect_row(lines, STAGES, &wish, all), 0);
    for (size_t i = 0; i < STAGES; i++)
        CHECK_INT(all[i].errors_size, FLOOD);
    CHECK_INT(all[2].output_size, 4 + FLOOD);
    free_row(all, STAGES);
}

/* --- bounds -------------------------------------------------------------- */

TEST(a_deadline_stops_all_stages_and_what_they_started)
{
    const char *const lines[STAGES] = {"sleep 1000 & wait", "cat", "sleep 1000"};
    struct wherry_plan plans[STAGES];
    struct wherry_collected all[STAGES];
    plan_lines(plans, lines, STAGES);
    WORKS(wherry_pipeline_collect(plans, sizeof(plans[0]), STAGES, NULL, all,
                                  wherry_now() + 50000000));
    for (size_t i = 0; i < STAGES; i++)
        CHECK_INT(all[i].stopped, -ETIMEDOUT);
    CHECK_INT(all[2].exit.signal, SIGTERM);
    free_row(all, STAGES);
    nobody_is_left();
}

TEST(a_stage_that_says_too_much_stops_all)
{
    const char *const lines[] = {"exec yes >&2", "cat; sleep 1000"};
    const struct wherry_collect wish = {.output_most = 1000};
    struct wherry_collected all[2];
    CHECK_INT(collect_row(lines, 2, &wish, all), 2);
    CHECK_INT(all[0].errors_size, 1000);
    CHECK_INT(all[1].stopped, -ENOBUFS);
    CHECK_INT(all[1].exit.signal, SIGTERM);
    free_row(all, 2);
    nobody_is_left();
}

TEST(a_signal_goes_to_all_stages)
{
    const char *const lines[STAGES] = {"exec sleep 1000", "true", "exec sleep 1000"};
    struct wherry_plan plans[STAGES];
    struct wherry_exit exits[STAGES];
    plan_lines(plans, lines, STAGES);
    wherry_pipeline *pipeline = start_row(plans, STAGES);
    until_readable(wherry_process_fd(wherry_pipeline_process(pipeline, 1)));
    WORKS(wherry_process_wait(wherry_pipeline_process(pipeline, 1), NULL, 0, soon()));
    WORKS(wherry_pipeline_kill(pipeline, SIGKILL, WHERRY_ITS_TREE));
    CHECK_INT(wherry_pipeline_wait(pipeline, exits, sizeof(exits[0]), soon()), 3);
    CHECK_INT(exits[0].signal, SIGKILL);
    CHECK_INT(exits[1].code, 0);
    CHECK_INT(exits[2].signal, SIGKILL);
    CHECK_INT(wherry_pipeline_kill(pipeline, SIGKILL, WHERRY_ONE), -ESRCH);
    wherry_pipeline_close(pipeline);
}

/* --- what cannot be started ---------------------------------------------- */

TEST(if_one_cannot_be_started_none_is_left)
{
    const struct wherry_plan plans[STAGES] = {{.line = "sleep 1000 & exec sleep 1000"},
                                              {.file = "no-such-program"},
                                              {.file = "cat"}};
    wherry_pipeline *pipeline = NULL;
    CHECK_INT(wherry_pipeline_spawn(plans, sizeof(plans[0]), STAGES, &pipeline),
              -ENOENT);
    CHECK(pipeline == NULL);
    CHECK(strstr(wherry_error_text(), "stage 2 of 3"));
    CHECK(strstr(wherry_error_text(), "no-such-program"));
    nobody_is_left();
}

TEST(no_descriptor_left_for_a_stage_is_told_and_none_of_the_others_stays)
{
    const struct wherry_laid more[] = {{.number = 5, .from = WHERRY_FROM_NULL},
                                       {.number = 6, .from = WHERRY_FROM_NULL}};
    const struct wherry_plan plans[2] = {
        {.file = "cat"}, {.file = "cat", .laid = more, .laid_count = 2}};
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int lowest = dup(0);
    close(lowest);
    int failures = 0;
    for (int most = 1; most < 20; most++) {
        wherry_pipeline *pipeline = NULL;
        const struct rlimit less = {(rlim_t)(lowest + most), limit.rlim_max};
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &less), 0);
        int r = wherry_pipeline_spawn(plans, sizeof(plans[0]), 2, &pipeline);
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        if (r < 0)
            FAILS(r, -EMFILE, " of 2: ");
        failures += r < 0 && strstr(wherry_error_text(), "stage 2 of 2: ");
        if (r >= 0)
            (void)wherry_pipeline_kill(pipeline, SIGKILL, WHERRY_ONE);
        if (r >= 0)
            WORKS(wherry_pipeline_wait(pipeline, NULL, 0, soon()));
        wherry_pipeline_close(pipeline);
        nobody_is_left();
    }
    CHECK_RANGE(failures, 2, 15);
}

TEST(a_plan_that_makes_no_sense_starts_nothing)
{
    const char *path = harness_path("started");
    char line[512];
    snprintf(line, sizeof(line), "echo > %s", path);
    const struct wherry_plan plans[2] = {{.line = line}, {.file = ""}};
    struct wherry_collected all[2];
    wherry_pipeline *pipeline = NULL;
    CHECK_INT(wherry_pipeline_spawn(plans, sizeof(plans[0]), 2, &pipeline), -EINVAL);
    CHECK(strstr(wherry_error_text(), "stage 2 of 2"));
    CHECK_INT(wherry_pipeline_collect(plans, sizeof(plans[0]), 2, NULL, all, soon()),
              -EINVAL);
    CHECK(strstr(wherry_error_text(), "stage 2 of 2"));
    CHECK_INT(access(path, F_OK), -1);
}

TEST(a_row_has_from_1_to_1024_stages)
{
    wherry_pipeline *pipeline = NULL;
    const struct wherry_plan plan = {.file = "true"};
    CHECK_INT(wherry_pipeline_spawn(&plan, sizeof(plan), 0, &pipeline), -EINVAL);
    CHECK_INT(wherry_pipeline_spawn(&plan, sizeof(plan), 1025, &pipeline), -EINVAL);
    CHECK(strstr(wherry_error_text(), "1024"));
}

static void collect_row_or_fail(void *unused)
{
    (void)unused;
    const struct wherry_collect wish = {.input = "x", .input_size = 1};
    const struct wherry_plan plans[2] = {{.command = "cat"}, {.file = "cat"}};
    struct wherry_collected all[2];
    int r = wherry_pipeline_collect(plans, sizeof(plans[0]), 2, &wish, all, soon());
    if (r < 0)
        CHECK_ERROR(r, -ENOMEM);
    else
        free_row(all, 2);
    nobody_is_left();
}

TEST(each_allocation_that_fails_is_told_and_leaves_nothing)
{
    harness_note("%lu allocations", harness_each_allocation(collect_row_or_fail, NULL));
}

static void collect_row_once(void *unused)
{
    (void)unused;
    const char *const lines[STAGES] = {"echo x", "cat", "exec cat"};
    struct wherry_collected all[STAGES];
    CHECK_INT(collect_row(lines, STAGES, NULL, all), 0);
    CHECK_STRING(all[2].output, "x\n");
    free_row(all, STAGES);
}

TEST(nothing_grows_over_many)
{
    harness_cycles(harness_is_slow() ? 20 : 150, collect_row_once, NULL);
}
