/* SPDX-License-Identifier: MIT */
/*
 * spawn: each row of a plan, seen from the process that was started.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "start.h"

/* --- what is run --------------------------------------------------------- */

TEST(a_program_gets_its_arguments_as_they_are)
{
    char said[SAID];
    const char *const arguments[] = {"words", "", "a b", "$HOME *", "'\"\\", NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    plan.name = "another name";
    CHECK_STRING(what_is_said(&plan, said),
                 "another name\nwords\n\na b\n$HOME *\n'\"\\\n");
}

TEST(without_a_name_of_its_own_argv0_is_the_file)
{
    char said[SAID];
    const char *const arguments[] = {"words", NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    what_is_said(&plan, said);
    CHECK(strncmp(said, told(), strlen(told())) == 0);
}

TEST(a_line_is_for_the_shell_and_its_arguments_are_numbered_there)
{
    char said[SAID];
    const char *const arguments[] = {"one two", "*", NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    plan.file = NULL;
    plan.line = "echo \"$1\" | cat; echo \"$2\"; echo $#";
    CHECK_STRING(what_is_said(&plan, said), "one two\n*\n2\n");
    plan.arguments = NULL;
    plan.line = "echo $0 $#";
    CHECK_STRING(what_is_said(&plan, said), "sh 0\n");
}

TEST(a_line_may_begin_with_a_dash)
{
    char said[SAID];
    struct wherry_plan plan = {.line = "-x 2>/dev/null; echo $?; echo $1",
                               .laid = heard_laid,
                               .laid_count = 2};
    CHECK_STRING(what_is_said(&plan, said), "127\n\n");
}

TEST(a_program_without_a_slash_is_looked_for_in_its_own_path)
{
    char said[SAID];
    char first[600];
    static const char script[] = "#!/bin/sh\necho found me\n";
    const char *const changes[] = {first, NULL};
    struct wherry_plan plan = plan_to_tell(NULL);
    harness_write_file("wherry-test-found", script, sizeof(script) - 1);
    CHECK_INT(chmod(harness_path("wherry-test-found"), 0755), 0);
    snprintf(first, sizeof(first), "PATH=/nonexistent::%s:/bin", harness_directory());
    plan.file = "wherry-test-found";
    plan.changes = changes;
    CHECK_STRING(what_is_said(&plan, said), "found me\n");
}

TEST(one_that_may_not_be_run_is_passed_over_in_path)
{
    char said[SAID];
    char path[600];
    const char *const changes[] = {path, NULL};
    const char *const arguments[] = {"hello", NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    harness_write_file("echo", "no program", 10);
    snprintf(path, sizeof(path), "PATH=%s:/bin:/usr/bin", harness_directory());
    plan.file = "echo";
    plan.changes = changes;
    CHECK_STRING(what_is_said(&plan, said), "hello\n");
}

/* --- environment --------------------------------------------------------- */

TEST(the_environment_is_inherited_and_can_be_changed)
{
    char said[SAID];
    const char *const changes[] = {"WHERRY_A=1", "WHERRY_B", "WHERRY_A=2=3",
                                   "WHERRY_C=", NULL};
    struct wherry_plan plan = {.line = "echo \"$WHERRY_A,${WHERRY_B-none},"
                                       "${WHERRY_C-none},$WHERRY_D\"",
                               .laid = heard_laid,
                               .laid_count = 2,
                               .changes = changes};
    setenv("WHERRY_B", "inherited", 1);
    setenv("WHERRY_D", "inherited", 1);
    CHECK_STRING(what_is_said(&plan, said), "2=3,none,,inherited\n");
    unsetenv("WHERRY_B");
    unsetenv("WHERRY_D");
}

TEST(an_environment_can_be_given_whole_or_empty)
{
    char said[SAID];
    const char *const arguments[] = {"environment", NULL};
    const char *const one[] = {"ONE=1", "TWO=2", NULL};
    const char *const none[] = {NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    plan.environment = one;
    CHECK_STRING(what_is_said(&plan, said), "ONE=1\nTWO=2\n");
    plan.environment = none;
    CHECK_STRING(what_is_said(&plan, said), "");
}

/* --- what it is ---------------------------------------------------------- */

TEST(directory_umask_nice_and_limits_are_as_the_plan_says)
{
    char said[SAID];
    char expected[700];
    const char *const arguments[] = {"standing", NULL};
    const struct wherry_limit limits[] = {{"nofile", 77, 99}, {"core", 0, 0}};
    struct wherry_plan plan = plan_to_tell(arguments);
    const int nice_now = getpriority(PRIO_PROCESS, 0);
    plan.directory = harness_directory();
    plan.umask = "027";
    plan.nice = 3;
    plan.limits = limits;
    plan.limit_count = 2;
    what_is_said(&plan, said);
    snprintf(expected, sizeof(expected),
             "directory %s\numask 027\nnice %d\n"
             "nofile 77 99\n",
             harness_directory(), nice_now + 3 > 19 ? 19 : nice_now + 3);
    CHECK_CONTAINS(said, expected);
    CHECK_INT(getpriority(PRIO_PROCESS, 0), nice_now);
}

TEST(a_process_can_lead_a_group_or_a_session)
{
    char said[SAID];
    const char *const arguments[] = {"standing", NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    CHECK_CONTAINS(what_is_said(&plan, said), "leads nothing\n");
    plan.place = WHERRY_GROUP_OWN;
    CHECK_CONTAINS(what_is_said(&plan, said), "leads a group\n");
    plan.place = WHERRY_GROUP_SESSION;
    CHECK_CONTAINS(what_is_said(&plan, said), "leads a session\n");
}

TEST(root_starts_a_program_as_another_user_with_that_users_groups_alone)
{
    char said[SAID];
    struct wherry_plan plan = {.line = "id -u; id -g; id -G",
                               .laid = heard_laid,
                               .laid_count = 2,
                               .directory = "/"};
    if (geteuid() != 0)
        SKIP("only root may");
    plan.user = "nobody";
    CHECK_STRING(what_is_said(&plan, said), "65534\n65534\n65534\n");
    plan.user = "12345";
    plan.group = "54321";
    CHECK_STRING(what_is_said(&plan, said), "12345\n54321\n54321\n");
    plan.user = NULL;
    CHECK_STRING(what_is_said(&plan, said), "0\n54321\n54321\n");
}

static void start_with_less(void *unused)
{
    char said[SAID];
    (void)unused;
    struct wherry_plan plan = {.line = "grep -E '^(Uid|Gid|Groups):' /proc/self/status",
                               .laid = heard_laid,
                               .laid_count = 2,
                               .user = "nobody",
                               .directory = "/"};
    wherry_process *process = NULL;
    CHECK_CONTAINS(what_is_said(&plan, said), "Uid:\t65534\t65534\t65534\t65534\n");
    CHECK_CONTAINS(said, "Gid:\t65534\t65534\t65534\t65534\n");
    CHECK_CONTAINS(said, "Groups:\t65534");
    // That user for now, and root at heart: it would stay so.
    CHECK_INT(setresgid(65534, 65534, 65534), 0);
    CHECK_INT(setresuid(0, 65534, 0), 0);
    FAILS(wherry_spawn(&plan, sizeof(plan), &process), -EPERM, "user nobody");
}

TEST(who_runs_as_another_user_has_no_way_back)
{
    if (geteuid() != 0)
        SKIP("only root may");
    CHECK_INT(harness_wait(harness_child(start_with_less, NULL)), 0);
}

TEST(whoever_names_itself_as_the_user_needs_no_rights)
{
    char said[SAID];
    char own[16];
    struct wherry_plan plan = {.line = "id -u", .laid = heard_laid, .laid_count = 2};
    snprintf(own, sizeof(own), "%d", (int)geteuid());
    plan.user = own;
    snprintf(said, sizeof(said), "%s", "");
    what_is_said(&plan, said);
    CHECK_INT(atoi(said), geteuid());
}

static void take_note(int number)
{
    (void)number;
}

TEST(no_signal_is_blocked_or_ignored_whatever_this_process_does)
{
    char said[SAID];
    sigset_t all;
    sigset_t before;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGRTMIN + 3, SIG_IGN);
    signal(SIGUSR1, take_note);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    what_is_told("signals", said);
    sigset_t now;
    sigprocmask(SIG_SETMASK, &before, &now);
    CHECK_STRING(said, "that is all\n");
    CHECK_INT(sigismember(&now, SIGTERM), 1);
    CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
    CHECK(signal(SIGUSR1, SIG_DFL) == take_note);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGRTMIN + 3, SIG_DFL);
}

TEST(errno_and_the_mask_are_as_before)
{
    sigset_t before;
    sigset_t after;
    struct wherry_plan plan = {.file = "true"};
    sigprocmask(SIG_SETMASK, NULL, &before);
    errno = 42;
    wherry_process *process = start(&plan);
    CHECK_INT(errno, 42);
    sigprocmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < 32; i++)
        CHECK_INT(sigismember(&after, i), sigismember(&before, i));
    ends_with(process, "exit 0");
}

static void start_and_end(void *argument)
{
    struct wherry_plan plan = {.line = "exec sleep 100",
                               .laid = heard_laid,
                               .laid_count = 2,
                               .death_signal = SIGKILL};
    (void)argument;
    wherry_process *process = start(&plan);
    char number[16];
    int size =
        snprintf(number, sizeof(number), "%lld", (long long)wherry_process_id(process));
    harness_write_file("number", number, (size_t)size);
    harness_exit(0);
}

static bool is_gone(void *argument)
{
    const int *pid = argument;
    char stat[256] = "";
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/stat", *pid);
    if (access(path, F_OK) != 0)
        return true;
    harness_read_file(path, stat, sizeof(stat));
    return strstr(stat, ") Z ") != NULL;
}

TEST(a_death_signal_comes_when_the_thread_that_started_it_ends)
{
    char number[16] = "";
    pid_t child = harness_child(start_and_end, NULL);
    CHECK_INT(harness_wait(child), 0);
    harness_read_file(harness_path("number"), number, sizeof(number));
    int pid = atoi(number);
    CHECK(pid > 1);
    harness_until(is_gone, &pid);
}
