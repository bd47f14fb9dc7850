/* SPDX-License-Identifier: MIT */
/*
 * The jobs of the tour are right with the programs that are meant, find those that do
 * something else, and are missing without them.
 *
 * A program that does something else is a script of its name, in the test's directory,
 * which comes first in PATH.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tour/tour.h"

enum { TEXT_MOST = 4096, PATIENCE = 10000, LITTLE = 300 };

static const struct tour_job *find_job(const char *name)
{
    const struct tour_job *job = tour_jobs;
    while (job->name && strcmp(job->name, name) != 0)
        job++;
    CHECK(job->name != NULL);
    return job;
}

static struct tour_outcome run_job(const struct tour_job *job, int patience)
{
    struct tour_outcome outcome = {.job = job, .patience = patience};
    char directory[SCRATCH_PATH];
    CHECK_INT(scratch_make("tour", directory), 0);
    tour_job_run(directory, &outcome);
    scratch_remove(directory);
    harness_note("%s", tour_outcome_text(&outcome));
    return outcome;
}

static void need_programs(const struct tour_job *job)
{
    for (size_t i = 0; job->programs[i]; i++)
        if (!harness_have_program(job->programs[i]))
            SKIP("%s is not installed", job->programs[i]);
}

static void be_right(const void *argument)
{
    const struct tour_job *job = argument;
    need_programs(job);
    const struct tour_outcome outcome = run_job(job, harness_stretch(PATIENCE));
    CHECK_STRING(outcome.fault.text, "");
    CHECK_INT(outcome.result, TOUR_RIGHT);
    CHECK(outcome.text[0] && outcome.lines > 0 && outcome.bytes > 0);
}

/* --- programs that do something else -------------------------------------- */

/* In a script: from here on the programs that are meant. */
#define REAL "PATH=${PATH#*:}; export PATH; "

static const struct lie {
    const char *test;
    const char *job;
    const char *program;
    const char *script;
    const char *finds;
    int patience; /* 0: the usual one */
} lies[] = {
    {"a_wrong_count_is_found", "cat | wc", "wc", "cat >/dev/null; echo 999",
     "wc -l: \"999\" where \"1000\" should be", 0},
    {"a_line_too_few_is_found", "cat | wc", "cat", REAL "cat \"$1\" | sed 1d",
     "wc -l: \"999", 0},
    {"a_writer_that_fails_is_found_though_the_reader_does_not", "cat | wc", "cat",
     REAL "cat \"$1\"; echo sour >&2; exit 3", "cat verses: exit 3: sour", 0},
    {"a_row_that_does_not_end_is_given_up", "cat | wc", "wc", "while :; do :; done",
     "it did not end for", LITTLE},
    {"a_name_too_many_is_found", "ls | grep", "grep", "cat", "keel", 0},
    {"a_writer_that_ends_by_itself_is_found", "yes | head", "yes", "echo y",
     "yes: exit 0", 0},
    {"what_is_not_sorted_is_found", "redirection", "sort", "cat", "log: \"sea sand\"",
     0},
    {"errors_that_go_elsewhere_are_found", "redirection", "sh", "echo said",
     "\"sand sea said\" where", 0},
    {"a_child_that_echoes_is_found", "python child", "python3", "cat", "byte", 0},
    {"a_child_that_keeps_its_answers_is_found", "python child", "python3",
     "kept=$(cat)", "no answer for", LITTLE},
    {"a_child_that_takes_each_read_for_a_line_is_found", "node child", "node",
     REAL "node -e \"process.stdin.on('data', part => process.stdout.write("
          "[...String(part).trimEnd()].reverse().join('') + '\\n'))\"",
     "bytes arrived where 64 were sent", 0},
    {"a_child_that_does_not_read_is_found", "node child", "node", "while :; do :; done",
     "it read nothing for", LITTLE},
    {"a_child_that_fails_is_found_with_its_complaint", "python child", "python3",
     "read -r line; echo $line; echo sour >&2; exit 3",
     "it ended without an answer: sour", 0},
    {"a_child_that_ends_at_once_is_found", "python child", "python3", "exit 0",
     "it ended without an answer", 0},
    {"a_child_that_answers_and_then_fails_is_found", "python child", "python3",
     REAL "python3 \"$@\"; echo sour >&2; exit 3", "exit 3: sour", 0},
    {"a_child_that_says_too_much_is_found", "python child", "python3",
     REAL "python3 \"$@\"; echo goodbye", "more than it was asked", 0},
};

static void put_in_place(const char *program, const char *script)
{
    char text[TEXT_MOST];
    int size = snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
    harness_write_file(program, text, (size_t)size);
    CHECK_INT(chmod(harness_path(program), 0700), 0);
    (void)snprintf(text, sizeof(text), "%s:%s", harness_directory(), getenv("PATH"));
    CHECK_INT(setenv("PATH", text, 1), 0);
}

static void be_found(const void *argument)
{
    const struct lie *lie = argument;
    const struct tour_job *job = find_job(lie->job);
    need_programs(job);
    put_in_place(lie->program, lie->script);
    const struct tour_outcome outcome =
        run_job(job, lie->patience ? lie->patience : harness_stretch(PATIENCE));
    CHECK_INT(outcome.result, TOUR_WRONG);
    CHECK_CONTAINS(outcome.fault.text, lie->finds);
    CHECK(outcome.fault.text[0]);
}

TEST(a_child_that_cannot_start_is_missing_with_its_complaint)
{
    put_in_place("python3", "echo sour >&2; exit 127");
    const struct tour_outcome outcome = run_job(find_job("python child"), PATIENCE);
    CHECK_INT(outcome.result, TOUR_MISSING);
    CHECK_STRING(outcome.text, "python3 did not start: sour");
}

TEST(without_its_programs_a_job_is_missing)
{
    CHECK_INT(setenv("PATH", harness_directory(), 1), 0);
    for (const struct tour_job *job = tour_jobs; job->name; job++) {
        const struct tour_outcome outcome = run_job(job, PATIENCE);
        CHECK_INT(outcome.result, TOUR_MISSING);
        CHECK_CONTAINS(outcome.text, job->programs[0]);
        CHECK_CONTAINS(outcome.text, job->package);
    }
}

void harness_register(void)
{
    for (const struct tour_job *job = tour_jobs; job->name; job++) {
        char name[TOUR_TEXT];
        (void)snprintf(name, sizeof(name), "%s_is_right", job->name);
        for (char *at = name; *at; at++)
            *at = *at == ' ' || *at == '|' ? '_' : *at;
        harness_add(name, be_right, job);
    }
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
        harness_add(lies[i].test, be_found, &lies[i]);
}
