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

static const char *write_program(const char *name, const void *bytes, size_t size)
{
    const char *path = harness_path(name);
    harness_write_file(name, bytes, size);
    CHECK_INT(chmod(path, 0755), 0);
    return path;
}

TEST(an_interpreter_that_may_not_be_run)
{
    char script[600];
    const int size = snprintf(script, sizeof(script), "#!%s\n", harness_directory());
    refused_file(write_program("script", script, (size_t)size), -EACCES,
                 "or the interpreter that it asks for");
}

TEST(scripts_that_are_each_others_interpreters)
{
    char script[600];
    const char *path = harness_path("script");
    const int size = snprintf(script, sizeof(script), "#!%s\n", path);
    refused_file(write_program("script", script, (size_t)size), -ELOOP, path);
}

TEST(what_is_no_program_whatever_its_mode)
{
    static const struct {
        const char *bytes;
        size_t size;
    } files[] = {{"", 0}, {"\0\1\2\3", 4}, {"#!\n", 3}, {"\177ELF", 4}};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        refused_file(write_program("file", files[i].bytes, files[i].size), -ENOEXEC,
                     "file: no program");
}

TEST(links_that_lead_nowhere_and_in_a_ring)
{
    const char *first = harness_path("first");
    const char *second = harness_path("second");
    CHECK_INT(symlink(second, first), 0);
    refused_file(first, -ENOENT, first);
    CHECK_INT(symlink(first, second), 0);
    refused_file(first, -ELOOP, first);
    unlink(first);
    unlink(second);
}

TEST(a_name_that_is_too_long)
{
    char name[600];
    memset(name, 'x', sizeof(name) - 1);
    name[0] = '/';
    name[sizeof(name) - 1] = 0;
    refused_file(name, -ENAMETOOLONG, "/xxx");
    struct wherry_plan plan = {.file = "true", .directory = name};
    refused(&plan, -ENAMETOOLONG, "directory /xxx");
}

TEST(a_program_that_somebody_is_writing)
{
    static char bytes[1 << 16];
    const size_t size = harness_read_file(told(), bytes, sizeof(bytes));
    int writer = open(write_program("busy", bytes, size), O_WRONLY | O_CLOEXEC);
    wherry_process *process = NULL;
    struct wherry_plan plan = {.file = harness_path("busy")};
    CHECK(writer >= 0);
    int r = wherry_spawn(&plan, sizeof(plan), &process);
    close(writer);
    if (r == -ETXTBSY)
        CHECK_CONTAINS(wherry_error_text(), "busy");
    else if (r < 0)
        CHECK_ERROR(r, -ENOEXEC); // only its beginning is there
    if (r >= 0)
        wherry_process_wait(process, NULL, 0, soon());
    wherry_process_close(process);
    if (r != -ETXTBSY)
        SKIP("this kernel lets a program be written to while it runs");
}

static void vanish(void *unused)
{
    const char *gone = harness_path("gone");
    struct wherry_plan there = {.file = "true", .directory = gone};
    (void)unused;
    CHECK_INT(mkdir(gone, 0700), 0);
    ends_with(start(&there), "exit 0");
    CHECK_INT(chdir(gone), 0);
    CHECK_INT(rmdir(gone), 0);
    refused(&there, -ENOENT, "directory ");
    refused_file("./program", -ENOENT, "./program: there is no such file");
    // What does not need it does not miss it.
    ends_with(start(&(struct wherry_plan){.file = "true"}), "exit 0");
    there.directory = "/";
    ends_with(start(&there), "exit 0");
}

TEST(a_directory_that_vanishes_even_this_processs_own)
{
    CHECK_INT(harness_wait(harness_child(vanish, NULL)), 0);
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

TEST(what_the_user_that_is_asked_for_may_not)
{
    char directory[600];
    struct wherry_plan plan = {.file = told(), .user = "nobody", .directory = "/"};
    if (geteuid() != 0)
        SKIP("only root starts programs as others");
    plan.file = write_program("script", "#!/bin/sh\n", 10);
    CHECK_INT(chmod(plan.file, 0700), 0);
    refused(&plan, -EACCES, "this user may not run it");
    snprintf(directory, sizeof(directory), "%s/private", harness_directory());
    CHECK_INT(mkdir(directory, 0700), 0);
    plan =
        (struct wherry_plan){.file = "true", .user = "nobody", .directory = directory};
    refused(&plan, -EACCES, "directory ");
    rmdir(directory);
}

static void as_one_with_no_process_to_spare(void *unused)
{
    const struct rlimit one = {1, 1};
    (void)unused;
    CHECK_INT(setrlimit(RLIMIT_NPROC, &one), 0);
    CHECK_INT(setgid(54321), 0);
    CHECK_INT(setuid(54321), 0);
    refused_file("/bin/true", -EAGAIN, "/bin/true: this user has as many processes");
}

TEST(one_process_more_than_this_user_may_have)
{
    static const char sentence[] = "/bin/true: this user has as many processes";
    const struct wherry_limit none = {"nproc", 0, 0};
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE}};
    wherry_process *second = NULL;
    struct wherry_plan plan = {.file = "/bin/cat",
                               .user = "54321",
                               .group = "54321",
                               .laid = laid,
                               .laid_count = 1};
    if (geteuid() != 0)
        SKIP("only root can become a user without other processes");
    CHECK_INT(harness_wait(harness_child(as_one_with_no_process_to_spare, NULL)), 0);
    // Who becomes that user on the way is one too many, too.
    wherry_process *first = start(&plan);
    plan.file = "/bin/true";
    plan.limits = &none;
    plan.limit_count = 1;
    FAILS(wherry_spawn(&plan, sizeof(plan), &second), -EAGAIN, sentence);
    wherry_close(end_of(first, 0));
    ends_with(first, "exit 0");
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

TEST(an_environment_that_is_more_than_the_system_takes)
{
    enum { VALUE = 100000, VARIABLES = 100, ONE = 4 << 20 };

    static char values[VARIABLES][VALUE + 1];
    static char one[ONE + 1];
    const char *environment[VARIABLES + 1] = {NULL};
    struct wherry_plan plan = {.file = "/bin/true", .environment = environment};
    for (int i = 0; i < VARIABLES; i++) {
        memset(values[i], 'x', VALUE);
        values[i][snprintf(values[i], VALUE, "A%d=", i)] = 'x';
        environment[i] = values[i];
    }
    refused(&plan, -E2BIG, "the arguments and the environment together");
    // One of them alone is, too (execve(2), MAX_ARG_STRLEN).
    memset(one, 'x', ONE);
    memcpy(one, "ONE=", 4);
    environment[0] = one;
    environment[1] = NULL;
    refused(&plan, -E2BIG, "the arguments and the environment together");
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
