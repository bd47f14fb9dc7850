/* SPDX-License-Identifier: MIT */
/*
 * run: programs that are started with bounds, and how they ended.
 */
#include "shell.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TEST(the_exit_status_is_the_programs_own)
{
    shell("wherry run true; echo $?; wherry run sh -c 'exit 3'; echo $?\n"
          "wherry run sh -c 'kill -9 $$'; echo $?");
    CHECK_STRING(said.out, "0\n3\n137\n");
    CHECK_CONTAINS(said.err, "wherry: run: sh: exit 3\n");
    CHECK_CONTAINS(said.err, "wherry: run: sh: SIGKILL, killed\n");
    CHECK(strstr(said.err, "exit 0") == NULL);
    shell("wherry run --quiet sh -c 'exit 3'; echo $?");
    CHECK_STRING(said.out, "3\n");
    CHECK_STRING(said.err, "");
}

TEST(what_cannot_be_run_has_the_status_that_env_gives)
{
    shell("wherry run no-such-program; echo $?; wherry run /dev/null; echo $?\n"
          "wherry run --umask 9 true; echo $?; wherry run; echo $?");
    CHECK_STRING(said.out, "127\n126\n2\n2\n");
    CHECK_CONTAINS(said.err, "there is no program no-such-program in PATH");
    CHECK_CONTAINS(said.err, "umask: \"9\" is not octal");
}

TEST(options_behind_the_program_are_its_own)
{
    CHECK_SHELL("wherry run echo --help -n --timeout x", "--help -n --timeout x\n");
    CHECK_SHELL("wherry run --timeout 9s -- echo -- --json", "-- --json\n");
    shell("wherry run --help | head -1");
    CHECK_CONTAINS(said.out, "usage: wherry run");
}

TEST(a_line_is_for_the_shell)
{
    CHECK_SHELL("wherry run --shell 'echo \"$1\" | tr a-z A-Z' 'two words'",
                "TWO WORDS\n");
}

TEST(it_reads_and_writes_as_wherry_does)
{
    CHECK_SHELL("printf 'b\\na\\n' | wherry run sort | cat", "a\nb\n");
}

TEST(its_open_files_can_be_files)
{
    CHECK_SHELL("echo text > in\n"
                "wherry run --stdin in --stdout out --stderr err --shell "
                "'cat; echo e >&2'; cat out err\n"
                "wherry run --append --stdout out --stderr out --shell "
                "'echo o; echo e >&2; echo o'; cat out; rm in out err",
                "text\ne\ntext\no\ne\no\n");
}

TEST(a_file_that_waits_for_its_other_end_can_be_given_up)
{
    CHECK_SHELL("mkfifo f; timeout -s INT 0.3 wherry run --stdout f echo hi; echo $?\n"
                "timeout -s INT 0.3 wherry run --stdin f cat; echo $?; rm f",
                "124\n124\n");
}

TEST(waiting_for_the_other_end_of_a_file_is_within_the_timeout)
{
    shell("mkfifo f; wherry run --timeout 100ms --stdout f echo hi; echo $?; rm f");
    CHECK_STRING(said.out, "124\n");
    CHECK_CONTAINS(said.err, "f: nobody has opened its other end in time");
}

TEST(an_alarm_that_it_was_started_with_rings)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to set one with");
    CHECK_SHELL(
        "for timeout in '' '--timeout 60s'; do\n"
        "    python3 -c '\n"
        "import os, signal, sys\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.3)\n"
        "os.execvp(\"wherry\", [\"wherry\", \"run\", \"--json\", *sys.argv[1:], "
        "\"sleep\", \"96\"])' $timeout >/dev/null 2>&1; echo $?\n"
        "done",
        "142\n142\n");
}

TEST(any_number_can_be_laid_out)
{
    CHECK_SHELL(
        "echo words >in\n"
        "wherry run --fd '3=<in' --fd '4=>out' --fd '5=&4' --fd 0=null "
        "--fd 2=closed \\\n"
        "    --shell 'cat <&3 >&4; echo more >&5; readlink /proc/self/fd/0; "
        "[ -e /proc/self/fd/2 ] || echo none'\n"
        "wherry run --fd '4=>>out' --fd 7=1 --shell 'echo last >&4; echo 7 >&7'\n"
        "cat out; rm in out",
        "/dev/null\nnone\n7\nwords\nmore\nlast\n");
    shell("wherry run --fd 3=nothing true; wherry run --fd '3=<' true\n"
          "wherry run --fd 0=null --stdin /dev/null true");
    CHECK_CONTAINS(said.err, "--fd 3=nothing: it must be N=<PATH, ");
    CHECK_CONTAINS(said.err, "number 0 is laid out twice");
}

TEST(it_is_called_what_argv0_says_and_has_its_own_grace)
{
    CHECK_SHELL("wherry run --argv0 boat sh -c 'echo $0'\n"
                "wherry run --quiet --grace 50ms --timeout 50ms "
                "--shell 'trap \"\" TERM; exec sleep 97'; echo $?",
                "boat\n124\n");
}

TEST(files_are_the_programs_and_end_with_them)
{
    CHECK_SHELL("mkfifo q r; (cat q >/dev/null; echo go >r) &\n"
                "wherry pipe --stdout q \"sh -c 'read x <r'\" true; echo $?; rm q r",
                "0\n");
}

TEST(what_is_closed_here_is_closed_there)
{
    CHECK_SHELL("wherry run readlink /proc/self/fd/0 <&- || echo none\n"
                "wherry run --shell 'readlink /proc/self/fd/0 || echo none' <&-",
                "none\nnone\n");
}

TEST(how_it_ended_is_known_where_sigchld_is_ignored)
{
    CHECK_SHELL(
        "env --ignore-signal=CHLD wherry run sh -c 'exit 3'; echo $?\n"
        "env --ignore-signal=CHLD wherry run --json sh -c 'exit 4' >/dev/null; echo $?",
        "3\n4\n");
}

TEST(it_is_what_the_options_say)
{
    CHECK_SHELL("A=1 B=2 wherry run --set A=3 --unset B --set C= --directory / "
                "--umask 027 --limit nofile=64:64 --limit core=0 --shell "
                "'echo $A ${B-none} ${C-none}; pwd; umask; ulimit -n; ulimit -c'",
                "3 none\n/\n0027\n64\n0\n");
    CHECK_SHELL("wherry run --empty-environment --set A=1 /usr/bin/env", "A=1\n");
    CHECK_SHELL("wherry run --session --shell "
                "'set -- $(cat /proc/$$/stat); test $6 = $$ && echo leads'",
                "leads\n");
}

TEST(what_takes_too_long_is_stopped_with_all_that_it_started)
{
    shell("wherry run --timeout 200ms --shell 'echo begun; sleep 98 & sleep 98'\n"
          "echo $?");
    CHECK_STRING(said.out, "begun\n124\n");
    CHECK_CONTAINS(said.err, "SIGTERM, asked to end, stopped: it took longer than");
    shell("wherry run --timeout 100ms --stop-signal INT sleep 98; echo $?");
    CHECK_CONTAINS(said.err, "SIGINT, interrupt from the keyboard, stopped");
}

TEST(what_says_too_much_is_stopped_and_what_it_may_say_arrives)
{
    shell("wherry run --max-output 1K yes | wc -c; wherry run --max-output 2K --shell "
          "'head -c 2048 /dev/zero; head -c 2048 /dev/zero >&2' 2>err | wc -c\n"
          "wc -c < err; rm err\n"
          "wherry run --max-output 5 --shell 'echo 12345' 2>/dev/null; echo $?");
    CHECK_STRING(said.out, "1024\n2048\n2048\n12345125\n");
    CHECK_CONTAINS(said.err, "stopped: it said more than --max-output");
}

TEST(as_json_all_of_it_is_told)
{
    shell("wherry run --json --shell 'echo \"a\\\"b\"; echo err >&2; exit 3'; echo $?");
    CHECK_CONTAINS(said.out, "\"ended\": \"exit 3\"");
    CHECK_CONTAINS(said.out, "\"exit\": 3,");
    CHECK_CONTAINS(said.out, "\"signal\": null");
    CHECK_CONTAINS(said.out, "\"stdout\": \"a\\\"b\\n\"");
    CHECK_CONTAINS(said.out, "\"stderr\": \"err\\n\"");
    CHECK_CONTAINS(said.out, "\n3\n");
    CHECK_STRING(said.err, "");
    shell("wherry run --json --timeout 100ms sleep 98; echo $?\n"
          "wherry run --json --max-output 3 yes; echo $?");
    CHECK_CONTAINS(said.out, "\"stopped\": \"timeout\"");
    CHECK_CONTAINS(said.out, "\n124\n");
    CHECK_CONTAINS(said.out, "\"stopped\": \"max output\"");
    CHECK_CONTAINS(said.out, "\n125\n");
}

TEST(as_json_what_is_no_text_is_marked_and_nothing_is_cut)
{
    shell("wherry run --json printf 'a\\0b\\377c\\303\\274\\303'");
    CHECK_CONTAINS(said.out, "\"stdout\": \"a\xef\xbf\xbd"
                             "b\xef\xbf\xbd"
                             "c\xc3\xbc\xef\xbf\xbd\",");
    CHECK_CONTAINS(said.out, "\"stderr\": null");
    shell("cp /bin/true \"$(printf 'a\\377b')\"; wherry run --json ./a*b; rm "
          "a*b");
    CHECK_CONTAINS(said.out, "\"program\": \"./a\xef\xbf\xbd"
                             "b\"");
}

TEST(where_nobody_reads_any_more_it_ends_as_if_it_wrote_there_itself)
{
    shell("{ wherry run --max-output 900G yes; echo $? >&2; } | head -1");
    CHECK_STRING(said.out, "y\n");
    CHECK_CONTAINS(said.err, "SIGPIPE, nobody reads what it wrote\n141\n");
}

TEST(what_is_collected_ends_with_wherry)
{
    shell("mkfifo f; wherry run --json --shell 'echo > f; exec sleep 94' &\n"
          "read x < f; kill $!; wait $!; echo $?; rm f");
    CHECK_STRING(said.out, "143\n");
}

TEST(with_die_with_parent_nothing_outlives_wherry)
{
    shell("wherry run --die-with-parent sh -c 'exit 3'; echo $?\n"
          "wherry run --die-with-parent sh -c 'kill -9 $$'; echo $?\n"
          "wherry run --json --die-with-parent --timeout 100ms sleep 98; echo $?");
    CHECK_CONTAINS(said.out, "3\n137\n");
    CHECK_CONTAINS(said.out, "\n124\n");
    CHECK_CONTAINS(said.err, "wherry: run: sh: exit 3\n");
    // cat ends when both who hold the FIFO are gone, of whom no signal tells one.
    shell("mkfifo f g; cat g & wherry run --die-with-parent sh -c "
          "'setsid sh -c \"sleep 94\" & echo > f; exec sleep 94' > g &\n"
          "read x < f; kill -9 $!; wait; echo gone; rm f g");
    CHECK_STRING(said.out, "gone\n");
    shell("WHERRY_GUARD=/none wherry run --die-with-parent true; echo $?");
    CHECK_STRING(said.out, "127\n");
    CHECK_CONTAINS(said.err, "the guard /none: it is not there");
}

TEST(a_signal_is_passed_on_and_ends_both)
{
    struct beside run;
    beside_start(&run, "wherry run --own-group sh -c "
                       "'trap \"echo told; exit 7\" TERM; echo ready; read x; exit 8'");
    CHECK_STRING(beside_line(&run), "ready");
    kill(run.pid, SIGTERM);
    CHECK_STRING(beside_line(&run), "told");
    CHECK_STRING(beside_line(&run), "wherry: run: sh: exit 7");
    CHECK_INT(beside_end(&run), -SIGTERM);
}

TEST(each_signal_is_passed_on_not_only_the_first)
{
    shell("mkfifo f g\n"
          "wherry run --shell 'trap \"echo one > g\" TERM; echo ready > f\n"
          "    while :; do sleep 0.01; done' 2>/dev/null &\n"
          "read x < f; kill $!; read x < g; echo $x; kill $!; read x < g; echo two\n"
          "kill -9 $(cat /proc/$!/task/$!/children); wait $!; rm f g");
    CHECK_STRING(said.out, "one\ntwo\n");
}

TEST(wrong_options_say_what_they_must_be)
{
    shell("wherry run --limit nofile true; wherry run --limit nofile=x true\n"
          "wherry run --limit nosuch=1 true; wherry run --nice 99 true\n"
          "wherry run --set A true; wherry run --unset A=1 true\n"
          "wherry run --max-output 0 true; wherry run --stop-signal NOPE true\n"
          "wherry run --session --own-group true; wherry run --append true\n"
          "wherry run --timeout 5 true; wherry run --tiemout 5s true; echo $?");
    CHECK_STRING(said.out, "2\n");
    static const char *const parts[] = {
        "--limit nofile: it must be NAME=N",
        "--limit nofile=x: it must be NAME=N",
        "there is no limit \"nosuch\"",
        "--nice 99: it must be a number from -40 to 40",
        "--set A: it must be NAME=VALUE",
        "--unset A=1: it must be a name",
        "--max-output 0: it must be a number of bytes from 1 on",
        "--stop-signal NOPE: it must be a signal",
        "--session and --own-group exclude each other",
        "--append is for --stdout and --stderr",
        "--timeout 5: it must be a time such as 500ms",
        "did you mean --timeout?",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        CHECK_CONTAINS(said.err, parts[i]);
}

/* --- with a channel ------------------------------------------------------ */

TEST(lines_are_messages_to_it_and_its_messages_are_lines)
{
    if (!harness_have_program("node"))
        SKIP("node is not here");
    CHECK_SHELL(
        "echo 'process.on(\"message\", m => process.send({got: m.n + 1}))' > a.js\n"
        "(echo '{\"n\":1}'; echo '{\"n\":2}') | wherry run --channel a.js; echo $?\n"
        "rm a.js",
        "{\"got\":2}\n{\"got\":3}\n0\n");
}

TEST(the_end_of_a_program_ends_the_conversation)
{
    shell(
        "mkfifo f; exec 3<>f; wherry run --channel sh -c 'exit 3' <&3; echo $?; rm f");
    CHECK_STRING(said.out, "3\n");
    CHECK_CONTAINS(said.err, "wherry: run: sh: exit 3\n");
}

TEST(a_conversation_has_no_shell_and_no_json)
{
    shell("wherry run --channel --json true; echo $?; wherry run --channel --shell x; "
          "echo $?");
    CHECK_STRING(said.out, "2\n2\n");
    CHECK_CONTAINS(said.err, "--channel excludes --shell and --json");
}

TEST(a_conversation_has_its_time_too)
{
    if (!harness_have_program("node"))
        SKIP("node is not here");
    shell(
        "echo 'process.on(\"message\", () => {})' > a.js\n"
        "mkfifo f; exec 3<>f; wherry run --timeout 300ms --channel a.js <&3; echo $?\n"
        "rm a.js f");
    CHECK_STRING(said.out, "124\n");
    CHECK_CONTAINS(said.err, "longer than --timeout");
}
