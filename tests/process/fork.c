/* SPDX-License-Identifier: MIT */
/*
 * fork: a process with a channel of messages to it; a script is run by its interpreter.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "guard.h"
#include "start.h"

/* A script in the test's directory. */
static const char *make_script(const char *name, const char *text)
{
    const char *path = harness_path(name);
    FILE *file = fopen(path, "w");
    CHECK(file);
    CHECK(fputs(text, file) >= 0);
    CHECK_INT(fclose(file), 0);
    return path;
}

struct forked {
    wherry_process *process;
    wherry_channel *messages;
};

static struct forked fork_of(const struct wherry_plan *plan)
{
    struct forked forked = {NULL, NULL};
    WORKS(wherry_fork(plan, sizeof(*plan), &forked.process, &forked.messages));
    return forked;
}

TEST(a_program_has_a_channel_of_messages_with_kinds)
{
    const char *const arguments[] = {"parent", NULL};
    struct forked forked =
        fork_of(&(struct wherry_plan){.file = told(), .arguments = arguments});
    int64_t kind = 0;
    char text[32] = "";
    WORKS(wherry_write(forked.messages, "hello", 5, 42, 0, soon()));
    WORKS(wherry_read(forked.messages, text, sizeof(text) - 1, &kind, NULL, soon()));
    CHECK_STRING(text, "said hello");
    CHECK_INT(kind, 42);
    wherry_close(forked.messages);
    ends_with(forked.process, "exit 0");
}

TEST(without_a_layout_its_0_1_and_2_are_the_parents_and_the_channel_is_3)
{
    const char *const arguments[] = {"fds", NULL};
    const char *path = harness_path("out");
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int kept = fcntl(1, F_DUPFD_CLOEXEC, 10);
    CHECK(file >= 0 && kept >= 0);
    CHECK_INT(dup2(file, 1), 1);
    struct forked forked =
        fork_of(&(struct wherry_plan){.file = told(), .arguments = arguments});
    CHECK_INT(dup2(kept, 1), 1);
    ends_with(forked.process, "exit 0");
    wherry_close(forked.messages);
    char text[32] = "";
    CHECK_INT(pread(file, text, sizeof(text), 0), 8);
    CHECK_STRING(text, "0 1 2 3\n");
    close(file);
    close(kept);
    unlink(path);
}

TEST(with_a_layout_the_channel_has_the_first_free_number)
{
    const char *const arguments[] = {"fds", NULL};
    const struct wherry_laid laid[] = {{.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 3, .from = WHERRY_FROM_NULL},
                                       {.number = 4, .from = WHERRY_FROM_NULL}};
    struct forked forked = fork_of(&(struct wherry_plan){
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 3});
    wherry_channel *from = end_of(forked.process, 1);
    char said[SAID];
    CHECK_STRING(hear_all(from, said), "0 1 2 3 4 5\n");
    wherry_close(from);
    wherry_close(forked.messages);
    ends_with(forked.process, "exit 0");
}

// What looks for its stdin would find the channel there.
static void has_none_of_0_1_and_2(int guarded)
{
    find_guard();
    const char *const arguments[] = {"parent", NULL};
    const struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .guarded = guarded};
    int kept = fcntl(2, F_DUPFD_CLOEXEC, 10);
    CHECK(kept >= 0);
    close(0);
    close(2);
    struct forked forked = fork_of(&plan);
    bool is_clean = fcntl(0, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
    CHECK_INT(dup2(kept, 2), 2);
    close(kept);
    CHECK(is_clean);
    say(forked.messages, "x");
    hear(forked.messages, "said x");
    wherry_close(forked.messages);
    ends_with(forked.process, "exit 0");
}

TEST(a_parent_without_a_stdin_and_a_stderr_gets_nothing_at_their_numbers)
{
    has_none_of_0_1_and_2(0);
    has_none_of_0_1_and_2(1);
}

TEST(the_channel_of_a_plan_is_taken_as_it_is)
{
    const char *const arguments[] = {"parent", NULL};
    const struct wherry_laid laid[] = {{.number = 9, .from = WHERRY_FROM_NODE}};
    struct forked forked = fork_of(&(struct wherry_plan){
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 1});
    say(forked.messages, "\"x\"");
    hear(forked.messages, "said \"x\"");
    wherry_close(forked.messages);
    ends_with(forked.process, "exit 0");
}

/* --- scripts ------------------------------------------------------------- */

TEST(a_js_script_is_run_by_node_and_speaks_its_protocol)
{
    const char *const arguments[] = {"--word", NULL};
    if (!harness_have_program("node"))
        SKIP("node is not here");
    const char *path = make_script(
        "-child.js", "process.on('message', m => {\n"
                     "    process.send({got: m.n + 1, words: process.argv.slice(2)});\n"
                     "    process.disconnect();\n"
                     "});\n");
    struct forked forked =
        fork_of(&(struct wherry_plan){.file = path, .arguments = arguments});
    say(forked.messages, "{\"n\":41}");
    hear(forked.messages, "{\"got\":42,\"words\":[\"--word\"]}");
    hear_end(forked.messages);
    wherry_close(forked.messages);
    ends_with(forked.process, "exit 0");
    unlink(path);
}

TEST(a_script_whose_name_begins_with_a_dash_is_a_script)
{
    if (!harness_have_program("node"))
        SKIP("node is not installed");
    make_script("-e.js", "process.send(7)\n");
    CHECK_INT(chdir(harness_directory()), 0);
    struct forked forked = fork_of(&(struct wherry_plan){.file = "-e.js"});
    hear(forked.messages, "7");
    wherry_close(forked.messages);
    ends_with(forked.process, "exit 0");
    unlink("-e.js");
}

TEST(a_py_script_is_run_by_python_and_reads_lines_of_json)
{
    if (!harness_have_program("python3"))
        SKIP("python3 is not here");
    const char *path = make_script(
        "child.py",
        "import json, os, socket\n"
        "channel = socket.socket(fileno=int(os.environ['NODE_CHANNEL_FD']))\n"
        "for line in channel.makefile('r'):\n"
        "    got = json.loads(line)['n'] + 1\n"
        "    channel.sendall((json.dumps({'got': got}) + '\\n').encode())\n");
    struct forked forked = fork_of(&(struct wherry_plan){.file = path});
    say(forked.messages, "{\"n\":41}");
    hear(forked.messages, "{\"got\": 42}");
    say(forked.messages, "{\"n\":1}");
    hear(forked.messages, "{\"got\": 2}");
    wherry_close(forked.messages);
    ends_with(forked.process, "exit 0");
    unlink(path);
}

/* --- what cannot be forked ----------------------------------------------- */

TEST(a_fork_needs_a_file)
{
    struct forked forked = {NULL, NULL};
    FAILS(wherry_fork(&(struct wherry_plan){.line = "true"}, sizeof(struct wherry_plan),
                      &forked.process, &forked.messages),
          -EINVAL, "file");
    FAILS(wherry_fork(&(struct wherry_plan){.file = ""}, sizeof(struct wherry_plan),
                      &forked.process, &forked.messages),
          -EINVAL, "empty name");
    FAILS(wherry_fork(&(struct wherry_plan){.file = "x", .laid_count = 3},
                      sizeof(struct wherry_plan), &forked.process, &forked.messages),
          -EINVAL, "no list");
    FAILS(wherry_fork(&(struct wherry_plan){.file = "/no/such.bin"},
                      sizeof(struct wherry_plan), &forked.process, &forked.messages),
          -ENOENT, "/no/such.bin");
    CHECK(!forked.process && !forked.messages);
}

static void fork_or_fail(void *unused)
{
    (void)unused;
    const char *const arguments[] = {"a", NULL};
    const struct wherry_plan plan = {.file = "cat", .arguments = arguments};
    struct forked forked = {NULL, NULL};
    int r = wherry_fork(&plan, sizeof(plan), &forked.process, &forked.messages);
    if (r < 0) {
        CHECK_ERROR(r, -ENOMEM);
        CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
        CHECK_INT(errno, ECHILD);
        return;
    }
    wherry_close(forked.messages);
    (void)wherry_process_kill(forked.process, SIGKILL, WHERRY_ONE);
    WORKS(wherry_process_wait(forked.process, NULL, 0, soon()));
    wherry_process_close(forked.process);
}

TEST(each_allocation_that_fails_is_told_and_leaves_nothing)
{
    harness_note("%lu allocations", harness_each_allocation(fork_or_fail, NULL));
}
