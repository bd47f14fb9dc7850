/* SPDX-License-Identifier: MIT */
/*
 * refuse: what cannot be started says why, and leaves nothing behind.  (What a plan
 * alone is wrong about is tested in ../unit/process_plan.c.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "start.h"

static void refused(const struct wherry_plan *plan, int error, const char *part)
{
    wherry_process *process = NULL;
    int before = harness_descriptors();
    FAILS(wherry_spawn(plan, sizeof(*plan), &process), error, part);
    CHECK(process == NULL);
    CHECK_INT(harness_descriptors(), before);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
    CHECK_INT(errno, ECHILD);
}

static void refused_file(const char *file, int error, const char *part)
{
    refused(&(struct wherry_plan){.file = file}, error, part);
}

TEST(a_program_that_is_not_there)
{
    refused_file("/nonexistent/program", -ENOENT,
                 "/nonexistent/program: there is no such file");
    refused_file("wherry-no-such-program", -ENOENT,
                 "no program wherry-no-such-program in PATH (");
    refused_file("/dev/null/program", -ENOTDIR, "/dev/null/program");
}

TEST(a_path_that_is_not_set_is_said_to_be_so)
{
    const char *const none[] = {NULL};
    refused(
        &(struct wherry_plan){.file = "wherry-no-such-program", .environment = none},
        -ENOENT, "PATH (which is not set)");
}

TEST(a_file_that_may_not_be_run)
{
    harness_write_file("plain", "#!/bin/sh\n", 10);
    CHECK_INT(chmod(harness_path("plain"), 0644), 0);
    refused_file(harness_path("plain"), -EACCES, "chmod +x");
}

TEST(a_directory)
{
    refused_file(harness_directory(), -EACCES, "is a directory, not a program");
}

TEST(a_script_without_an_interpreter)
{
    harness_write_file("script", "echo no first line\n", 19);
    CHECK_INT(chmod(harness_path("script"), 0755), 0);
    refused_file(harness_path("script"), -ENOEXEC, "a script begins with #!");
}

TEST(a_script_whose_interpreter_is_not_there)
{
    harness_write_file("script", "#!/nonexistent/shell\n", 21);
    CHECK_INT(chmod(harness_path("script"), 0755), 0);
    refused_file(harness_path("script"), -ENOENT,
                 "the interpreter that it asks for is not there");
}

TEST(a_directory_that_has_vanished_or_is_none)
{
    struct wherry_plan plan = {.file = "true", .directory = "/nonexistent"};
    refused(&plan, -ENOENT, "directory /nonexistent");
    plan.directory = "/dev/null";
    refused(&plan, -ENOTDIR, "directory /dev/null");
}

TEST(a_script_in_path_whose_interpreter_is_not_there)
{
    char path[600];
    const char *const changes[] = {path, NULL};
    harness_write_file("wherry-script", "#!/nonexistent/shell\n", 21);
    CHECK_INT(chmod(harness_path("wherry-script"), 0755), 0);
    snprintf(path, sizeof(path), "PATH=%s", harness_directory());
    refused(&(struct wherry_plan){.file = "wherry-script", .changes = changes}, -ENOENT,
            "the interpreter that it asks for is not there");
}

TEST(a_user_without_an_entry_needs_a_group)
{
    refused(&(struct wherry_plan){.file = "true", .user = "987654"}, -ENOENT,
            "user 987654 has no entry: name its group, too");
}

TEST(a_user_or_group_that_there_is_not)
{
    struct wherry_plan plan = {.file = "true", .user = "wherry-nobody"};
    refused(&plan, -ENOENT, "there is no user wherry-nobody");
    plan.user = NULL;
    plan.group = "wherry-nobody";
    refused(&plan, -ENOENT, "there is no group wherry-nobody");
}

static void as_nobody(void *argument)
{
    struct wherry_plan plan = {.file = "/bin/true", .user = "root"};
    struct wherry_plan nice = {.file = "/bin/true", .nice = -5};
    const struct wherry_limit limit = {"nofile", 1 << 20, 1 << 20};
    const struct rlimit low = {512, 512};
    struct wherry_plan limits = {
        .file = "/bin/true", .limits = &limit, .limit_count = 1};
    (void)argument;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &low), 0);
    CHECK_INT(setgid(65534), 0);
    CHECK_INT(setuid(65534), 0);
    refused(&plan, -EPERM, "this user may not start a program as user root");
    refused(&nice, -EACCES, "nice -5");
    refused(&limits, -EPERM, "limit nofile");
}

TEST(what_only_root_may)
{
    if (geteuid() != 0)
        SKIP("only root can become nobody to be refused");
    CHECK_INT(harness_wait(harness_child(as_nobody, NULL)), 0);
}

TEST(a_number_at_which_this_process_has_nothing)
{
    const struct wherry_laid laid[] = {
        {.number = 5, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 987}};
    const struct wherry_laid same[] = {{.number = 986, .from = WHERRY_FROM_PARENT}};
    refused(&(struct wherry_plan){.file = "true", .laid = laid, .laid_count = 1},
            -EBADF, "number 5: this process has nothing open at 987");
    refused(&(struct wherry_plan){.file = "true", .laid = same, .laid_count = 1},
            -EBADF, "number 986: this process has nothing open at 986");
}

TEST(a_file_that_cannot_be_opened)
{
    struct wherry_laid laid[] = {
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 0, .from = WHERRY_FROM_FILE, .path = "/nonexistent/file"}};
    struct wherry_plan plan = {.file = "true", .laid = laid, .laid_count = 2};
    refused(&plan, -ENOENT, "number 0: /nonexistent/file");
    laid[1].path = harness_directory();
    laid[1].access = WHERRY_ACCESS_WRITE;
    refused(&plan, -EISDIR, "number 0: ");
}

TEST(a_number_beyond_what_the_new_process_may_have_open)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct wherry_laid laid[] = {{.number = 1000000, .from = WHERRY_FROM_NULL}};
    struct wherry_plan plan = {.file = "true", .laid = laid, .laid_count = 1};
    if (limit.rlim_cur > 1000000) {
        limit.rlim_cur = 4096;
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    refused(&plan, -EBADF, "number 1000000: the new process may not have as many open");
}

TEST(what_is_exchanged_needs_a_number_above_all)
{
    struct rlimit limit;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit few = {64, limit.rlim_max};
    const struct wherry_laid laid[] = {
        {.number = 0, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 1},
        {.number = 1, .from = WHERRY_FROM_DESCRIPTOR, .descriptor = 0},
        {.number = 63, .from = WHERRY_FROM_NULL}};
    struct wherry_plan plan = {.file = "true", .laid = laid, .laid_count = 3};
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
    refused(&plan, -EMFILE,
            "number 63: what stands in another's place needs one above");
}

TEST(more_words_than_the_system_takes)
{
    enum { WORD = 100000, WORDS = 100 };

    static char word[WORD + 1];
    const char *arguments[WORDS + 1];
    memset(word, 'x', WORD);
    for (int i = 0; i < WORDS; i++)
        arguments[i] = word;
    arguments[WORDS] = NULL;
    refused(&(struct wherry_plan){.file = "true", .arguments = arguments}, -E2BIG,
            "the arguments and the environment together");
}

TEST(no_descriptor_left_for_what_is_laid_out)
{
    struct rlimit limit;
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 2, .from = WHERRY_FROM_NULL},
                                       {.number = 3, .from = WHERRY_FROM_MESSAGES}};
    struct wherry_plan plan = {.file = "true", .laid = laid, .laid_count = 4};
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int lowest = dup(0);
    close(lowest);
    // Six of its own, one for looking, one for the process: each missing in turn.
    for (int i = 0; i < 7; i++) {
        wherry_process *process = NULL;
        struct rlimit less = {(rlim_t)(lowest + i), limit.rlim_max};
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &less), 0);
        int r = wherry_spawn(&plan, sizeof(plan), &process);
        CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK_ERROR(r, -EMFILE);
        CHECK_INT(dup(0), lowest);
        close(lowest);
    }
}

TEST(a_plan_of_a_program_that_knows_less_of_plans)
{
    wherry_process *process = NULL;
    struct wherry_plan plan;
    memset(&plan, 0x5a, sizeof(plan));
    plan.file = "/bin/true";
    plan.command = NULL;
    plan.line = NULL;
    WORKS(wherry_spawn(&plan, offsetof(struct wherry_plan, name), &process));
    ends_with(process, "exit 0");
}
