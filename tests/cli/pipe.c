/* SPDX-License-Identifier: MIT */
/*
 * pipe: programs in a row, and how each ended.
 */
#include "shell.h"

#include <stdio.h>
#include <string.h>

TEST(each_reads_what_the_one_before_it_writes)
{
    CHECK_SHELL(
        "printf 'b\\na\\nb\\n' | wherry pipe cat sort 'uniq -c' 'sed s/^.*1/one/'",
        "one a\n      2 b\n");
    CHECK_SHELL("wherry pipe 'echo alone'", "alone\n");
}

TEST(words_are_parted_as_in_a_shell_without_one)
{
    CHECK_SHELL("wherry pipe \"echo 'a  b' \\$HOME '*' ';' '|'\" 'cat -'",
                "a  b $HOME * ; |\n");
    CHECK_SHELL("wherry pipe --shell 'echo a b; echo c >&2' 'wc -w | tr -d \" \"' 2>&1",
                "c\n2\n");
}

TEST(the_exit_status_is_that_of_the_last_that_failed)
{
    shell("wherry pipe --shell 'exit 3' 'cat; exit 4' cat; echo $?\n"
          "wherry pipe true cat; echo $?\n"
          "wherry pipe --quiet yes 'head -n 1'; echo $?\n"
          "wherry pipe --shell 'kill -9 $$' cat; echo $?");
    CHECK_STRING(said.out, "4\n0\ny\n141\n137\n");
    CHECK_CONTAINS(said.err, "wherry: pipe: exit 3: exit 3\n");
    CHECK_CONTAINS(said.err, "wherry: pipe: cat; exit 4: exit 4\n");
    CHECK_CONTAINS(said.err, "SIGKILL");
    CHECK(strstr(said.err, "SIGPIPE") == NULL);
}

TEST(one_that_cannot_be_started_is_named_and_none_is_left)
{
    shell("wherry pipe 'sleep 1000' no-such-program cat; echo $?\n"
          "wherry pipe \"grep 'a\" cat; echo $?; wherry pipe; echo $?");
    CHECK_STRING(said.out, "127\n2\n2\n");
    CHECK_CONTAINS(said.err, "stage 2 of 3: there is no program no-such-program");
    CHECK_CONTAINS(said.err, "stage 1 of 2: \"grep 'a\": a quote");
}

TEST(a_bound_that_one_passes_stops_all)
{
    shell("wherry pipe --timeout 100ms 'sleep 1000' cat 'sleep 1000'; echo $?\n"
          "wherry pipe --max-output 4 yes cat | head -c 100; echo\n"
          "wherry pipe --quiet --max-output 4 --shell 'yes >&2' 'sleep 1000' 2>&1 | "
          "head -c 100");
    CHECK_CONTAINS(said.out, "124\n");
    CHECK_CONTAINS(said.out, "y\ny\n\ny\ny\n");
    CHECK_CONTAINS(said.err,
                   "wherry: pipe: sleep 1000: SIGTERM, asked to end, stopped: "
                   "it took longer than --timeout\n");
    CHECK_CONTAINS(said.err, "stopped: it said more than --max-output\n");
}

TEST(their_ends_can_be_files)
{
    CHECK_SHELL("echo text > in\n"
                "wherry pipe --stdin in --stdout out --stderr err --shell "
                "'cat; echo e1 >&2' 'cat; echo e2 >&2'\n"
                "cat out; sort err\n"
                "wherry pipe --append --stdout out --stderr out --shell 'echo e3 >&2' "
                "'cat; echo last'\n"
                "sort out; rm in out err",
                "text\ne1\ne2\ne3\nlast\ntext\n");
    shell("wherry pipe --stderr /no/such/file cat cat </dev/null; echo $?");
    CHECK_STRING(said.out, "1\n");
    CHECK_CONTAINS(said.err, "/no/such/file");
}

TEST(json_has_one_object_for_each)
{
    if (!harness_have_program("python3"))
        SKIP("python3 is not here");
    CHECK_SHELL("echo a | wherry pipe --json --shell 'cat; echo e >&2' 'cat; exit 3' | "
                "python3 -c '\n"
                "import json, sys\n"
                "for all in json.load(sys.stdin)[\"pipe\"]:\n"
                "    print(all[\"exit\"], all[\"stdout\"], all[\"stderr\"])'",
                "0 None e\n\n3 a\n None\n");
}
