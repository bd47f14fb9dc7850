/* SPDX-License-Identifier: MIT */
/*
 * However the program ends, it cleans up, and the shell can tell how it ended.
 */
#include "shell.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wherry.h>

/* --- Ctrl-C -------------------------------------------------------------- */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

// Each signal ends the command, once it waits, and its name in the directory is gone.
static void check_stopped(const char *command, const char *name)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct beside beside;
        beside_start(&beside, command);
        wait_for_path(name);
        kill(beside.pid, signals[i]);
        CHECK_STRING(beside_line(&beside), "");
        CHECK_INT(beside_end(&beside), -signals[i]);
        CHECK(!path_is_there(name));
    }
}

TEST(a_stopped_listener_removes_its_socket)
{
    check_stopped("wherry listen unix:s", "s");
}

TEST(a_stopped_receiver_removes_its_socket)
{
    check_stopped("wherry recv --keep unix:s", "s");
}

TEST(a_stopped_reader_removes_its_fifo)
{
    check_stopped("wherry recv fifo:f", "f");
}

TEST(a_stopped_writer_whom_nobody_reads_removes_its_fifo)
{
    check_stopped("wherry send fifo:f ahoy", "f");
}

TEST(a_stopped_relay_removes_its_socket)
{
    check_stopped("wherry relay unix:s fifo:f", "s");
}

TEST(a_conversation_that_is_stopped_ends_in_order_for_the_peer)
{
    struct beside here, there;
    beside_start(&here, "wherry listen unix:s");
    beside_start(&there, "wherry dial --wait unix:s");
    beside_tell(&there, "ahoy\n");
    CHECK_STRING(beside_line(&here), "ahoy");
    kill(there.pid, SIGINT);
    CHECK_INT(beside_end(&there), -SIGINT);
    CHECK_STRING(beside_line(&here), ""); // no word of an error
    CHECK_INT(beside_end(&here), 0);
    CHECK(!path_is_there("s"));
}

TEST(a_peer_that_was_killed_is_an_error_that_names_it)
{
    struct beside here, there;
    char who[32];
    beside_start(&here, "wherry listen unix:s");
    beside_start(&there, "wherry dial --wait unix:s");
    beside_tell(&there, "ahoy\n");
    CHECK_STRING(beside_line(&here), "ahoy");
    kill(there.pid, SIGKILL);
    CHECK_INT(beside_end(&there), -SIGKILL);
    snprintf(who, sizeof(who), "process %d", (int)there.pid);
    CHECK_CONTAINS(beside_line(&here), who);
    CHECK_INT(beside_end(&here), 1);
}

TEST(a_sender_that_is_stopped_says_how_many_were_not_confirmed)
{
    struct beside beside;
    wherry_listener *listener;
    wherry_channel *channel;
    char address[512];
    snprintf(address, sizeof(address), "unix:%s", harness_path("s"));
    CHECK_OK(wherry_listen(address, &listener));
    beside_start(&beside, "wherry send unix:s a b c");
    CHECK_OK(wherry_accept(listener, wherry_after(HARNESS_PATIENCE), &channel));
    for (int i = 0; i < 3; i++) {
        wherry_message *message;
        CHECK_INT(wherry_recv(channel, &message, wherry_after(HARNESS_PATIENCE)), 1);
        wherry_message_free(message);
    }
    // Another recv would confirm the last one.
    kill(beside.pid, SIGTERM);
    CHECK_STRING(beside_line(&beside),
                 "wherry: send: 3 of 3 messages were not confirmed");
    CHECK_INT(beside_end(&beside), -SIGTERM);
    wherry_close(channel);
    wherry_close_listener(listener);
}

TEST(a_signal_that_is_ignored_stays_so)
{
    struct beside beside;
    beside_start(&beside, "sh -c 'trap \"\" INT; exec wherry recv unix:s'");
    wait_for_path("s");
    kill(beside.pid, SIGINT);
    CHECK_SHELL("wherry send --wait unix:s ahoy", "");
    CHECK_STRING(beside_line(&beside), "ahoy");
    CHECK_INT(beside_end(&beside), 0);
}

/* --- stdout -------------------------------------------------------------- */

TEST(a_reader_of_stdout_that_left_ends_it_quietly)
{
    shell("seq 100000 | wherry send --wait unix:s 2>/dev/null &\n"
          "{ wherry recv unix:s; echo $? > status; } | head -n 1; wait\n"
          "cat status; rm status");
    CHECK_STRING(said.out, "1\n141\n"); // 128 + SIGPIPE
    CHECK_STRING(said.err, "");
    CHECK(!path_is_there("s"));
}

TEST(a_table_into_a_closed_pipe_is_quiet_too)
{
    shell("mkfifo p; exec 3<>p; exec 4>p; exec 3<&-; rm p\n"
          "wherry transports >&4; echo $?");
    CHECK_STRING(said.out, "141\n"); // 128 + SIGPIPE
    CHECK_STRING(said.err, "");
}

TEST(a_full_disk_under_stdout_is_told)
{
    shell("wherry send --wait unix:s a 2>/dev/null & wherry recv unix:s > /dev/full;"
          "echo $?; wait");
    CHECK_STRING(said.out, "1\n");
    CHECK_STRING(said.err, "wherry: recv: stdout: No space left on device\n");
}

TEST(a_closed_stdin_is_no_end_of_our_own)
{
    shell("wherry recv --dial stdio: <&-; echo $?");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "stdio:");
    CHECK_CONTAINS(said.err, "descriptor 0 or 1 is closed");
}

TEST(a_closed_stdout_loses_no_message_silently)
{
    shell("wherry send --wait unix:s a 2>/dev/null & wherry recv unix:s <&- >&-;"
          "echo $?; wait");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "stdout: Bad file descriptor");
}

TEST(a_full_disk_under_a_table_is_told)
{
    shell("wherry transports > /dev/full; echo $?");
    CHECK_STRING(said.out, "1\n");
    CHECK_STRING(said.err, "wherry: stdout: No space left on device\n");
}

/* --- terminals ----------------------------------------------------------- */

TEST(what_a_peer_sends_cannot_steer_a_terminal)
{
    if (!harness_have_program("script"))
        SKIP("there is no script(1) to make a terminal");
    shell("printf 'a\\033[31mb\\302\\233c\\td\\303\\251\\n' |"
          "    wherry send --wait unix:s &\n"
          "export TERM=dumb; script -qec 'wherry recv unix:s' /dev/null </dev/null; "
          "wait");
    CHECK_STRING(said.out, "wherry: recv: listening at unix:s\r\n"
                           "a\\x1b[31mb\\xc2\\x9bc\td\303\251\r\n");
}

TEST(the_table_fits_into_80_columns_of_a_terminal)
{
    if (!harness_have_program("script"))
        SKIP("there is no script(1) to make a terminal");
    shell("TERM=xterm script -qec 'stty cols 80; wherry transports' /dev/null "
          "</dev/null |"
          "    tr -d '\\r' | sed 's/\033\\[[0-9;]*m//g' > table\n"
          "awk 'length > 80' table; grep -c . table; rm table");
    CHECK_RANGE(atoi(said.out), 60, 140); // a wide line would stand before the number
}

TEST(whoever_waits_for_more_than_a_second_is_told_on_a_terminal)
{
    if (!harness_have_program("script"))
        SKIP("there is no script(1) to make a terminal");
    struct beside beside;
    beside_start(&beside, "env TERM=dumb script -qec 'wherry send fifo:f x' /dev/null");
    CHECK_STRING(beside_line(&beside), "wherry: send: waiting for fifo:f\r");
    CHECK_SHELL("cat f", "x\n");
    CHECK_INT(beside_end(&beside), 0);
}

TEST(there_is_colour_on_a_terminal_that_wants_it)
{
    if (!harness_have_program("script"))
        SKIP("there is no script(1) to make a terminal");
    shell("TERM=xterm script -qec 'wherry help fifo' /dev/null </dev/null");
    CHECK_CONTAINS(said.out, "\033[1mfifo:PATH\033[0m");
    shell("NO_COLOR=1 TERM=xterm script -qec 'wherry help fifo' /dev/null </dev/null");
    CHECK(!strchr(said.out, '\033'));
    shell("TERM=xterm wherry help fifo");
    CHECK(!strchr(said.out, '\033'));
}

/* --- tables as JSON ------------------------------------------------------ */

TEST(json_parses)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
    CHECK_SHELL("wherry transports --json | python3 -c '\n"
                "import json, sys\n"
                "rows = json.load(sys.stdin)[\"transports\"]\n"
                "print(len(rows), rows[1][\"scheme\"], rows[1][\"open_files\"])'",
                "27 fifo False\n");
    CHECK_SHELL(
        "wherry recv unix:s & wherry describe --wait --json unix:s | python3 -c '\n"
        "import json, sys\n"
        "[row] = json.load(sys.stdin)[\"channels\"]\n"
        "print(row[\"address\"], row[\"peer_trust\"], row[\"sent_messages\"])';"
        "wait",
        "unix:s kernel 0\n");
}

TEST(describe_names_the_peer)
{
    struct beside beside;
    char peer[64];
    beside_start(&beside, "wherry recv unix:s");
    wait_for_path("s");
    shell("wherry describe --wait unix:s");
    snprintf(peer, sizeof(peer), "peer pid           %d\n", (int)beside.pid);
    CHECK_CONTAINS(said.out, peer);
    CHECK_CONTAINS(said.out, "framing            wherry\n");
    CHECK_INT(beside_end(&beside), 0);
}

/* --- one to many --------------------------------------------------------- */

TEST(the_end_of_what_is_published_ends_all_who_read_it)
{
    CHECK_SHELL("wherry dial --wait local:t < /dev/null > read &"
                "printf 'one\\ntwo\\n' | wherry listen 'local:t?fan=broadcast'; wait;"
                "cat read; rm read",
                "one\ntwo\n");
    CHECK_SHELL("wherry recv --dial --wait --show-kind local:t > read &"
                "wherry send --listen --kind 3 'local:t?fan=broadcast' a b; wait;"
                "cat read; rm read",
                "3\ta\n3\tb\n");
    CHECK_SHELL("wherry recv 'local:t?fan=broadcast' 2>&1 | grep -c 'no channels'",
                "1\n");
}
