/* SPDX-License-Identifier: MIT */
/*
 * The textbook programs: of each pair, the one with bare system calls and the one with
 * Wherry print the very same, which stands in textbook/NAME.expected.
 *
 * And what docs/mechanisms.md and docs/processes.md say of how they differ when
 * something goes wrong.
 */
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MOST = 1024 };

static const char *expected(const char *name)
{
    static char text[TEXT_MOST];
    char path[TEXT_MOST];
    snprintf(path, sizeof(path), EXPECTED "/%s.expected", name);
    CHECK_RANGE(harness_read_file(path, text, sizeof(text)), 1, sizeof(text) - 2);
    return text;
}

// The rest of what it says, to its end.
static void check_rest(struct beside *beside, const char *name)
{
    char lines[TEXT_MOST];
    snprintf(lines, sizeof(lines), "%s", expected(name));
    for (char *line = lines, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        CHECK_STRING(beside_line(beside), line);
    }
    CHECK_STRING(beside_line(beside), "");
    CHECK_INT(beside_end(beside), 0);
}

/* --- those that need nobody else ------------------------------------------ */

#define NOTES "printf 'a\\nb\\nc\\n' >notes.txt; touch list.txt boat.md; "
#define NO_NOTES " notes.txt && rm notes.txt list.txt boat.md"
#define WORDS "printf 'sea\\nsand\\n' >in; "
#define NO_WORDS " in out && cat out && rm in out"

static const struct alone {
    const char *test;
    const char *name;
    const char *command;
} alone[] = {
    {"numbers_end_with_the_pipe_bare", "numbers", "numbers-bare"},
    {"numbers_end_with_the_pipe_with_wherry", "numbers", "numbers-wherry"},
    {"a_queue_is_read_by_type_bare", "queue-by-type", "queue-by-type-bare"},
    {"a_queue_is_read_by_type_with_wherry", "queue-by-type", "queue-by-type-wherry"},
    {"a_queue_is_drained_by_priority_bare", "queue-drain",
     "queue-drain-bare /textbook-$$"},
    {"a_queue_is_drained_by_priority_with_wherry", "queue-drain",
     "queue-drain-wherry mq:/textbook-$$"},
    {"a_descriptor_is_handed_down_bare", "inherit", "inherit-bare"},
    {"a_descriptor_is_handed_down_with_wherry", "inherit", "inherit-wherry"},
    {"two_processes_count_up_in_turns_bare", "pair", "pair-bare"},
    {"two_processes_count_up_in_turns_with_wherry", "pair", "pair-wherry"},
    {"signals_are_held_and_delivered_later_bare", "signal", "signal-bare"},
    {"signals_are_held_and_delivered_later_with_wherry", "signal", "signal-wherry"},
    {"a_datagram_is_answered_to_its_sender_bare", "datagram", "datagram-bare"},
    {"a_datagram_is_answered_to_its_sender_with_wherry", "datagram", "datagram-wherry"},
    {"a_datagram_is_answered_over_udp_with_wherry", "datagram",
     "datagram-wherry udp:127.0.0.1:0"},
    {"four_count_and_one_is_killed_bare", "counters", "counters-bare"},
    {"four_count_and_one_is_killed_with_wherry", "counters", "counters-wherry"},
    {"processes_count_in_shared_memory_by_turns_bare", "counter", "counter-bare"},
    {"processes_count_in_shared_memory_by_turns_with_wherry", "counter",
     "counter-wherry"},
    {"no_more_are_inside_than_there_are_permits_bare", "permits", "permits-bare"},
    {"no_more_are_inside_than_there_are_permits_with_wherry", "permits",
     "permits-wherry"},
    {"processes_meet_at_a_barrier_bare", "barrier", "barrier-bare"},
    {"processes_meet_at_a_barrier_with_wherry", "barrier", "barrier-wherry"},
    {"programs_run_in_a_row_bare", "pipeline", NOTES "pipeline-bare" NO_NOTES},
    {"programs_run_in_a_row_with_wherry", "pipeline", NOTES "pipeline-wherry" NO_NOTES},
    // Whoever ignores SIGPIPE hands that down.
    {"a_row_is_ended_by_sigpipe_though_it_was_ignored_bare", "pipeline",
     NOTES "trap '' PIPE; pipeline-bare" NO_NOTES},
    {"a_row_is_ended_by_sigpipe_though_it_was_ignored_with_wherry", "pipeline",
     NOTES "trap '' PIPE; pipeline-wherry" NO_NOTES},
    {"numbers_are_redirected_bare", "redirect", WORDS "redirect-bare" NO_WORDS},
    {"numbers_are_redirected_with_wherry", "redirect",
     WORDS "redirect-wherry" NO_WORDS},
    {"descriptors_share_what_the_manual_says", "descriptors",
     "echo 0123456789 >ten; descriptors-bare ten; rm ten"},
};

static void run_alone(const void *argument)
{
    const struct alone *program = argument;
    shell(program->command);
    CHECK_STRING(said.err, "");
    CHECK_STRING(said.out, expected(program->name));
    CHECK_INT(said.status, 0);
}

TEST(a_file_that_is_not_there_is_named_by_both)
{
    static const char *const programs[] = {"redirect-bare", "redirect-wherry"};
    for (int i = 0; i < 2; i++) {
        char script[TEXT_MOST];
        snprintf(script, sizeof(script),
                 "%s none out; status=$?; rm -f out; exit $status", programs[i]);
        shell(script);
        CHECK_CONTAINS(said.err, "none: ");
        CHECK_INT(said.status, 1);
    }
}

TEST(what_is_no_descriptor_is_refused_by_both)
{
    shell("inherit-bare none");
    CHECK_CONTAINS(said.err, "no descriptor: none");
    CHECK_INT(said.status, 2);
    shell("inherit-bare 99");
    CHECK_CONTAINS(said.err, "Bad file descriptor");
    CHECK_INT(said.status, 1);
    shell("inherit-wherry none; inherit-wherry 99");
    CHECK_CONTAINS(said.err, "fd:none: a descriptor is a number");
    CHECK_CONTAINS(said.err, "fd:99: no such descriptor is open");
    CHECK_INT(said.status, 1);
}

/* --- a child of another language --------------------------------------------- */

static const struct child {
    const char *test;
    const char *interpreter;
    const char *command; /* $S is where the scripts are */
    const char *finds;   /* the complaint; NULL: it answers */
} children[] = {
    {"a_child_in_python_answers_line_by_line_bare", "python3",
     "child-bare 30 python3 \"$S/answer.py\"", NULL},
    {"a_child_in_python_answers_line_by_line_with_wherry", "python3",
     "child-wherry 30 \"exec:python3 '$S/answer.py'\"", NULL},
    {"a_child_in_node_answers_line_by_line_bare", "node",
     "child-bare 30 node \"$S/answer.js\"", NULL},
    {"a_child_in_node_answers_line_by_line_with_wherry", "node",
     "child-wherry 30 \"exec:node '$S/answer.js'\"", NULL},
    {"a_child_in_python_that_does_not_flush_is_given_up_bare", "python3",
     "child-bare 1 python3 \"$S/answer-unflushed.py\"",
     "no answer for 1 s: does it flush"},
    {"a_child_in_python_that_does_not_flush_is_given_up_with_wherry", "python3",
     "child-wherry 1 \"exec:python3 '$S/answer-unflushed.py'\"", "unflushed.py"},
    {"a_child_in_node_that_does_not_flush_is_given_up_bare", "node",
     "child-bare 1 node \"$S/answer-unflushed.js\"",
     "no answer for 1 s: does it flush"},
    {"a_child_in_node_that_does_not_flush_is_given_up_with_wherry", "node",
     "child-wherry 1 \"exec:node '$S/answer-unflushed.js'\"", "unflushed.js"},
};

static void run_child(const void *argument)
{
    const struct child *child = argument;
    char script[2 * TEXT_MOST];
    if (!harness_have_program(child->interpreter))
        SKIP("%s is not installed", child->interpreter);
    // With that variable Python flushes by itself.
    snprintf(script, sizeof(script), "unset PYTHONUNBUFFERED; S='%s'; %s", SCRIPTS,
             child->command);
    shell(script);
    if (child->finds)
        CHECK_CONTAINS(said.err, child->finds);
    else
        CHECK_STRING(said.err, "");
    CHECK_STRING(said.out, child->finds ? "" : expected("child"));
    CHECK_INT(said.status, child->finds ? 1 : 0);
}

/* --- an array shared with another language ---------------------------------- */

static const struct array {
    const char *test;
    const char *interpreter;
    const char *needs; /* a command that works where what it needs is there */
    const char *command;
} arrays[] = {
    {"an_array_of_python_is_squared_bare", "python3", "true",
     "python3 \"$S/squares.py\" squares-bare"},
    {"an_array_of_python_is_squared_with_wherry", "python3", "true",
     "python3 \"$S/squares.py\" squares-wherry shm:"},
    {"an_array_of_node_is_squared_bare", "node",
     "node -e 'require(\"shm-typed-array\")'", "node \"$S/squares.js\" squares-bare"},
    {"an_array_of_node_is_squared_with_wherry", "node",
     "node -e 'require(\"shm-typed-array\")'",
     "node \"$S/squares.js\" squares-wherry shmv:"},
};

static void run_array(const void *argument)
{
    const struct array *array = argument;
    char script[2 * TEXT_MOST];
    if (!harness_have_program(array->interpreter))
        SKIP("%s is not installed", array->interpreter);
    shell(array->needs);
    if (said.status != 0)
        SKIP("the npm package shm-typed-array is not built: ./dev setup");
    snprintf(script, sizeof(script), "S='%s'; %s", SCRIPTS, array->command);
    shell(script);
    CHECK_STRING(said.err, "");
    CHECK_STRING(said.out, expected("squares"));
    CHECK_INT(said.status, 0);
}

TEST(a_child_that_is_not_there_or_goes_is_told_by_both)
{
    shell("child-bare 30 ./nosuch; child-bare 30 false");
    CHECK_CONTAINS(said.err, "./nosuch: No such file or directory");
    CHECK_INT(said.status, 1);
    shell("child-wherry 30 exec:./nosuch; child-wherry 30 exec:false");
    CHECK_CONTAINS(said.err, "exec:./nosuch: ");
    CHECK_CONTAINS(said.err, "exec:false: ");
    CHECK_INT(said.status, 1);
}

/* --- a filter, which answers each line before the next ---------------------- */

static void filter_lines(const void *argument)
{
    struct beside filter;
    beside_start(&filter, argument);
    beside_tell(&filter, "ahoy\n");
    CHECK_STRING(beside_line(&filter), "1: ahoy");
    beside_tell(&filter, "\nno newline here");
    CHECK_STRING(beside_line(&filter), "2: ");
    beside_hush(&filter);
    CHECK_STRING(beside_line(&filter), "3: no newline here");
    CHECK_STRING(beside_line(&filter), "");
    CHECK_INT(beside_end(&filter), 0);
}

/* --- a FIFO, and a shell that writes -------------------------------------- */

static void feed_by_shell(const void *argument)
{
    struct beside reader;
    beside_start(&reader, argument);
    wait_for_path("boat");
    CHECK_SHELL("{ echo ahoy; echo; echo cast off; printf 'no newline here'; } >boat",
                "");
    check_rest(&reader, "fifo");
    CHECK(!path_is_there("boat"));
}

TEST(what_is_no_fifo_is_refused_by_both)
{
    harness_write_file("boat", "ahoy\n", 5);
    shell("fifo-bare boat");
    CHECK_CONTAINS(said.err, "boat: File exists");
    CHECK_INT(said.status, 1);
    shell("fifo-wherry fifo:boat");
    CHECK_CONTAINS(said.err, "boat");
    CHECK_INT(said.status, 1);
    CHECK(path_is_there("boat"));
}

/* --- an echo, and who asks for it ------------------------------------------ */

#define LINES "unix:pier?type=stream&framing=line"

static const struct echo {
    const char *test;
    const char *server;
    const char *client;
} echoes[] = {
    {"an_echo_is_heard_bare", "echo-bare server pier", "echo-bare client pier"},
    {"an_echo_is_heard_with_wherry", "echo-wherry server '" LINES "'",
     "echo-wherry client '" LINES "'"},
    {"a_bare_client_hears_the_echo_of_wherry", "echo-wherry server '" LINES "'",
     "echo-bare client pier"},
    {"a_client_with_wherry_hears_a_bare_echo", "echo-bare server pier",
     "echo-wherry client '" LINES "'"},
};

// Starts it, and gives the address at which it says that it listens.
static const char *start_server(struct beside *server, const char *command)
{
    static const char said_first[] = "listening at ";
    beside_start(server, command);
    const char *line = beside_line(server);
    CHECK_CONTAINS(line, said_first);
    return line + strlen(said_first);
}

static void ask(struct beside *server, const char *client)
{
    char script[TEXT_MOST];
    snprintf(script, sizeof(script),
             "printf 'ahoy\\n\\ncast off\\nno newline here' | %s", client);
    shell(script);
    CHECK_STRING(said.err, "");
    CHECK_STRING(said.out, expected("echo-client"));
    CHECK_INT(said.status, 0);
    check_rest(server, "echo-server");
    CHECK(!path_is_there("pier"));
}

static void run_echo(const void *argument)
{
    const struct echo *echo = argument;
    struct beside server;
    start_server(&server, echo->server);
    ask(&server, echo->client);
}

static void echo_over(const void *address)
{
    struct beside server;
    char command[TEXT_MOST];
    snprintf(command, sizeof(command), "echo-wherry server '%s'",
             (const char *)address);
    const char *shown = start_server(&server, command);
    snprintf(command, sizeof(command), "echo-wherry client '%s'", shown);
    ask(&server, command);
}

TEST(a_line_that_is_too_long_is_refused_by_both)
{
    static const char *const clients[] = {"echo-bare client pier",
                                          "echo-wherry client '" LINES "'"};
    for (int i = 0; i < 2; i++) {
        struct beside server;
        char script[TEXT_MOST];
        start_server(&server, "echo-bare server pier");
        snprintf(script, sizeof(script), "head -c 4097 /dev/zero | tr '\\0' a | %s",
                 clients[i]);
        shell(script);
        CHECK_STRING(said.err, "echo: a line is too long\n");
        CHECK_INT(said.status, 1);
        check_rest(&server, "echo-server");
    }
}

/* --- what goes wrong -------------------------------------------------------- */

// The server is killed while its client is there, which then says no more.  Its pid.
static pid_t kill_server(const char *server_command, const char *client_command,
                         struct beside *client)
{
    struct beside server;
    start_server(&server, server_command);
    beside_start(client, client_command);
    beside_tell(client, "ahoy\n");
    CHECK_STRING(beside_line(client), "ahoy");
    harness_kill(server.pid);
    close(server.in);
    close(server.out);
    beside_hush(client);
    return server.pid;
}

TEST(a_killed_server_looks_finished_to_bare_calls)
{
    struct beside client;
    kill_server("echo-bare server pier", "echo-bare client pier", &client);
    CHECK_STRING(beside_line(&client), "the server has finished");
    CHECK_INT(beside_end(&client), 0);
}

TEST(a_killed_server_is_an_error_to_wherry)
{
    struct beside client;
    char gone[TEXT_MOST];
    pid_t server = kill_server("echo-wherry server unix:pier",
                               "echo-wherry client unix:pier", &client);
    snprintf(gone, sizeof(gone), "the peer (process %ld) has gone away", (long)server);
    CHECK_CONTAINS(beside_line(&client), gone);
    CHECK_INT(beside_end(&client), 1);
}

TEST(a_path_that_a_killed_server_left_stops_the_bare_one_only)
{
    struct beside server;
    start_server(&server, "echo-bare server pier");
    harness_kill(server.pid);
    close(server.in);
    close(server.out);
    shell("echo-bare server pier");
    CHECK_STRING(said.err, "echo: pier: Address already in use\n");
    CHECK_INT(said.status, 1);
    start_server(&server, "echo-wherry server '" LINES "'");
    ask(&server, "echo-bare client pier");
}

TEST(whoever_is_given_no_arguments_says_which_are_needed)
{
    static const char *const programs[] = {
        "echo-bare",        "echo-wherry",        "fifo-bare",     "fifo-wherry",
        "queue-drain-bare", "queue-drain-wherry", "pipeline-bare", "pipeline-wherry",
        "redirect-bare",    "redirect-wherry",    "child-bare",    "child-wherry",
        "descriptors-bare"};
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        shell(programs[i]);
        CHECK_CONTAINS(said.err, "usage: ");
        CHECK_CONTAINS(said.err, programs[i]);
        CHECK_INT(said.status, 2);
    }
}

// Reads the one block of commands in docs/mechanisms.md.
static const char *commands_of_the_manual(void)
{
    static char text[1 << 16];
    static const char fence[] = "\n```sh\n";
    CHECK_RANGE(harness_read_file(MANUAL, text, sizeof(text)), 1, sizeof(text) - 2);
    char *block = strstr(text, fence);
    CHECK(block != NULL);
    block += strlen(fence);
    char *end = strstr(block, "```");
    CHECK(end != NULL);
    *end = 0;
    return block;
}

TEST(the_commands_of_the_manual_work_when_pasted)
{
    static const char fed[] = "line 1: ahoy\nthe last writer has left (lines: 1)\n";
    char both[2 * TEXT_MOST];
    shell(commands_of_the_manual());
    const char *numbers = expected("numbers");
    snprintf(both, sizeof(both), "%s%s%s%s", numbers, numbers, fed, fed);
    CHECK_STRING(said.err, "");
    CHECK_STRING(said.out, both);
    CHECK_INT(said.status, 0);
}

void harness_register(void)
{
    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++)
        harness_add(alone[i].test, run_alone, &alone[i]);
    for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
        harness_add(children[i].test, run_child, &children[i]);
    for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++)
        harness_add(arrays[i].test, run_array, &arrays[i]);
    for (size_t i = 0; i < sizeof(echoes) / sizeof(echoes[0]); i++)
        harness_add(echoes[i].test, run_echo, &echoes[i]);
    harness_add("a_filter_answers_each_line_bare", filter_lines, "filter-bare");
    harness_add("a_filter_answers_each_line_with_wherry", filter_lines,
                "filter-wherry");
    harness_add("a_fifo_is_written_by_a_shell_bare", feed_by_shell, "fifo-bare boat");
    harness_add("a_fifo_is_written_by_a_shell_with_wherry", feed_by_shell,
                "fifo-wherry fifo:boat");
    harness_add("an_echo_by_packets_is_the_same", echo_over, "unix:pier");
    harness_add("an_echo_at_a_name_without_a_path_is_the_same", echo_over, "unix:@");
    harness_add("an_echo_over_tcp_is_the_same", echo_over, "tcp:127.0.0.1:0");
}
