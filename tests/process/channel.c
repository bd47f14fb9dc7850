/* SPDX-License-Identifier: MIT */
/*
 * channel: what is said between a process and the one that started it.
 */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "start.h"

enum { MESSAGES_AT = 5 };

static wherry_process *start_with_messages(const char *task)
{
    const char *const arguments[] = {task, NULL};
    const struct wherry_laid laid[] = {
        {.number = 2, .from = WHERRY_FROM_PARENT},
        {.number = MESSAGES_AT, .from = WHERRY_FROM_MESSAGES},
    };
    struct wherry_plan plan = {
        .file = told(), .arguments = arguments, .laid = laid, .laid_count = 2};
    return start(&plan);
}

TEST(a_child_answers_its_parents_messages)
{
    wherry_process *process = start_with_messages("parent");
    wherry_channel *channel = end_of(process, MESSAGES_AT);
    char heard[HEARD] = "";
    int64_t kind = 0;
    WORKS(wherry_write(channel, "a\nb", 3, 42, 0, soon()));
    WORKS(wherry_read(channel, heard, sizeof(heard) - 1, &kind, NULL, soon()));
    CHECK_STRING(heard, "said a\nb");
    CHECK_INT(kind, 42);
    struct wherry_channel_info info = info_of(channel);
    CHECK_INT(info.peer.pid, wherry_process_id(process));
    CHECK_INT(info.peer.trust, WHERRY_TRUST_KERNEL);
    WORKS(wherry_finish(channel));
    hear_end(channel);
    wherry_close(channel);
    ends_with(process, "exit 0");
}

TEST(a_child_hears_of_its_parents_end)
{
    wherry_process *process = start_with_messages("parent");
    wherry_channel *channel = end_of(process, MESSAGES_AT);
    say(channel, "x");
    hear(channel, "said x");
    wherry_close(channel); // an orderly end
    ends_with(process, "exit 0");
}

TEST(each_end_can_be_had_once)
{
    wherry_channel *again = NULL;
    wherry_process *process = start_with_messages("parent");
    wherry_channel *channel = end_of(process, MESSAGES_AT);
    FAILS(wherry_process_channel(process, MESSAGES_AT, NULL, &again), -ENOENT,
          "given out before");
    FAILS(wherry_process_channel(process, 2, NULL, &again), -ENOENT, "number 2");
    wherry_close(channel);
    ends_with(process, "exit 0");
}

TEST(what_was_laid_out_for_both_can_be_asked)
{
    enum wherry_from from = WHERRY_FROM_NULL;
    const struct wherry_laid laid[] = {
        {.number = 2, .from = WHERRY_FROM_PARENT},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 7, .from = WHERRY_FROM_MESSAGES},
    };
    struct wherry_plan plan = {.line = "exit 0", .laid = laid, .laid_count = 3};
    wherry_process *process = start(&plan);
    CHECK_INT(wherry_process_laid(process, 0, &from), 1);
    CHECK_INT(from, WHERRY_FROM_PIPE);
    CHECK_INT(wherry_process_laid(process, 1, &from), 7);
    CHECK_INT(from, WHERRY_FROM_MESSAGES);
    CHECK_INT(wherry_process_laid(process, 1, NULL), 7);
    FAILS(wherry_process_laid(process, 2, &from), -ENOENT, "2 pipes and message");
    wherry_close(end_of(process, 1));
    CHECK_INT(wherry_process_laid(process, 0, NULL), 1);
    ends_with(process, "exit 0");
}

TEST(wrong_options_leave_the_end_where_it_was)
{
    wherry_channel *channel = NULL;
    wherry_process *process = start_with_messages("parent");
    char options[700];
    memset(options, 'x', sizeof(options) - 1);
    options[sizeof(options) - 1] = 0;
    FAILS(wherry_process_channel(process, MESSAGES_AT, "frming=raw", &channel), -EINVAL,
          "framing");
    FAILS(wherry_process_channel(process, MESSAGES_AT, options, &channel), -EINVAL,
          "options of a channel are at most");
    WORKS(wherry_process_channel(process, MESSAGES_AT, "message=1K", &channel));
    CHECK_INT(info_of(channel).message_limit, 1024);
    wherry_close(channel);
    ends_with(process, "exit 0");
}

TEST(pipes_are_lines_unless_another_framing_is_wanted)
{
    wherry_channel *to = NULL;
    wherry_channel *from = NULL;
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan plan = {.file = "cat", .laid = laid, .laid_count = 2};
    wherry_process *process = start(&plan);
    WORKS(wherry_process_channel(process, 0, "framing=raw", &to));
    WORKS(wherry_process_channel(process, 1, "framing=length", &from));
    WORKS(wherry_write(to, "\0\0\0\3a\nb", 7, 0, 0, soon()));
    hear(from, "a\nb");
    wherry_close(to);
    hear_end(from);
    wherry_close(from);
    ends_with(process, "exit 0");
}

TEST(what_one_says_another_can_read)
{
    char said[SAID];
    const struct wherry_laid writes[] = {{.number = 1, .from = WHERRY_FROM_PIPE}};
    struct wherry_plan first = {
        .line = "echo one; sleep 0.05; echo two", .laid = writes, .laid_count = 1};
    wherry_process *writer = start(&first);
    wherry_channel *between = end_of(writer, 1);
    const struct wherry_laid reads[] = {
        {.number = 0, .from = WHERRY_FROM_CHANNEL, .channel = between},
        {.number = 1, .from = WHERRY_FROM_PIPE},
        {.number = 2, .from = WHERRY_FROM_PARENT}};
    struct wherry_plan second = {.file = "cat", .laid = reads, .laid_count = 3};
    wherry_process *reader = start(&second);
    wherry_close(between);
    wherry_channel *from = end_of(reader, 1);
    CHECK_STRING(hear_all(from, said), "one\ntwo\n");
    wherry_close(from);
    ends_with(writer, "exit 0");
    ends_with(reader, "exit 0");
}

/* --- wherry_parent ------------------------------------------------------- */

TEST(who_was_not_given_a_channel_has_none)
{
    wherry_channel *parent = NULL;
    unsetenv("WHERRY_CHANNEL");
    unsetenv("NODE_CHANNEL_FD");
    FAILS(wherry_parent(&parent), -ENOENT, "without a channel to its parent");
}

static void refuses(const char *name, const char *value, int error, const char *part)
{
    wherry_channel *parent = NULL;
    setenv(name, value, 1);
    FAILS(wherry_parent(&parent), error, part);
    CHECK_STRING(getenv(name), value);
    unsetenv(name);
}

TEST(a_number_that_is_no_socket_is_refused)
{
    refuses("WHERRY_CHANNEL", "", -EBADF, "no socket is open");
    refuses("WHERRY_CHANNEL", "x", -EBADF, "no socket is open");
    refuses("WHERRY_CHANNEL", "-1", -EBADF, "no socket is open");
    refuses("WHERRY_CHANNEL", "3x", -EBADF, "no socket is open");
    refuses("WHERRY_CHANNEL", "999", -EBADF, "no socket is open");
    refuses("WHERRY_CHANNEL", "99999999999999999999", -EBADF, "no socket is open");
    refuses("WHERRY_CHANNEL", "0", -EBADF, "no socket is open");
    refuses("NODE_CHANNEL_FD", "0", -EBADF, "NODE_CHANNEL_FD=0");
}

TEST(nodes_channel_is_found_and_its_other_serialization_refused)
{
    int ends[2];
    char number[16];
    char line[64] = "";
    wherry_channel *parent = NULL;
    CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    snprintf(number, sizeof(number), "%d", ends[1]);
    setenv("NODE_CHANNEL_SERIALIZATION_MODE", "advanced", 1);
    refuses("NODE_CHANNEL_FD", number, -ENOTSUP, "only json is understood here");
    setenv("NODE_CHANNEL_SERIALIZATION_MODE", "json", 1);
    setenv("NODE_CHANNEL_FD", number, 1);
    WORKS(wherry_parent(&parent));
    CHECK(getenv("NODE_CHANNEL_FD") == NULL);
    CHECK(getenv("NODE_CHANNEL_SERIALIZATION_MODE") == NULL);
    CHECK_INT(write(ends[0], "{\"a\":1}\n", 8), 8);
    hear(parent, "{\"a\":1}");
    say(parent, "[2]");
    CHECK_INT(read(ends[0], line, sizeof(line)), 4);
    CHECK_STRING(line, "[2]\n");
    wherry_close(parent);
    close(ends[0]);
}

TEST(a_channel_of_this_process_is_not_taken_for_that_of_a_child)
{
    char said[SAID];
    struct wherry_plan plan = {
        .line = "echo ${WHERRY_CHANNEL-none} ${NODE_CHANNEL_FD-none}",
        .laid = heard_laid,
        .laid_count = 2};
    setenv("WHERRY_CHANNEL", "7", 1);
    setenv("NODE_CHANNEL_FD", "8", 1);
    CHECK_STRING(what_is_said(&plan, said), "none none\n");
    const char *const changes[] = {"NODE_CHANNEL_FD=9", NULL};
    plan.changes = changes;
    CHECK_STRING(what_is_said(&plan, said), "none 9\n");
    unsetenv("WHERRY_CHANNEL");
    unsetenv("NODE_CHANNEL_FD");
}

/* --- others at the other end --------------------------------------------- */

TEST(a_python_child_answers_line_by_line_however_its_reads_split)
{
    const char *const arguments[] = {"-c",
                                     "import sys\n"
                                     "for line in sys.stdin:\n"
                                     "    print(line.strip().upper(), flush=True)\n",
                                     NULL};
    const struct wherry_laid laid[] = {{.number = 0, .from = WHERRY_FROM_PIPE},
                                       {.number = 1, .from = WHERRY_FROM_PIPE},
                                       {.number = 2, .from = WHERRY_FROM_PARENT}};
    struct wherry_plan plan = {
        .file = "python3", .arguments = arguments, .laid = laid, .laid_count = 3};
    if (!harness_have_program("python3"))
        SKIP("python3 is not here");
    wherry_process *process = start(&plan);
    wherry_channel *from = end_of(process, 1);
    wherry_channel *to = NULL;
    WORKS(wherry_process_channel(process, 0, "framing=raw", &to));
    say(to, "one\ntw");
    hear(from, "ONE");
    say(to, "o\nthree\n");
    hear(from, "TWO");
    hear(from, "THREE");
    wherry_close(to);
    hear_end(from);
    wherry_close(from);
    ends_with(process, "exit 0");
}

// Node takes what is said as JSON, so the child only answers with what is.
TEST(nodes_fork_and_a_child_that_asks_for_its_parent_talk)
{
    char said[SAID];
    const char *const arguments[] = {
        "-e",
        "const {spawn} = require('child_process');"
        "const child = spawn(process.argv[1], ['echo'],"
        "                    {stdio: ['ignore', 'inherit', 'inherit', 'ipc']});"
        "child.on('message', m => { console.log(JSON.stringify(m));"
        "                           child.disconnect(); });"
        "child.on('exit', code => console.log('exit', code));"
        "child.send({a: [1, 'x']});",
        told(), NULL};
    struct wherry_plan plan = plan_to_tell(arguments);
    plan.file = "node";
    if (!harness_have_program("node"))
        SKIP("node is not here");
    CHECK_STRING(what_is_said(&plan, said), "{\"a\":[1,\"x\"]}\nexit 0\n");
}
