/* SPDX-License-Identifier: MIT */
/*
 * wherry bench copies: what arrived is what was sent, by every way that is there, and
 * what is told of copies is what was copied.
 */
#include "shell.h"

#include <stdio.h>

// Not a whole number of pieces, pages or words.
#define MAKE "head -c 1000003 /dev/urandom > cargo\n"
#define ONCE "--repetitions 1"

static void need_python(void)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
}

TEST(a_file_arrives_whole_by_each_way_and_its_copies_are_counted)
{
    need_python();
    CHECK_SHELL(MAKE "wherry bench copies cargo " ONCE " --json | python3 -c '\n"
                     "import json, sys\n"
                     "for row in json.load(sys.stdin)[\"copies\"]:\n"
                     "    if row[\"address\"].startswith((\"queue\", \"local\")):\n"
                     "        continue\n"
                     "    print(row[\"way\"], row[\"copies\"], row[\"bytes_copied\"],\n"
                     "          row[\"whole\"], row[\"ms\"] > 0, row[\"why_not\"])'\n"
                     "rm cargo",
                "pipe 3 3000009 True True None\n"
                "POSIX queue 3 3000009 True True None\n"
                "System V queue 3 3000009 True True None\n"
                "socket 3 3000009 True True None\n"
                "region 1 1000003 True True None\n"
                "open file 0 0 True True None\n");
}

TEST(a_way_that_is_absent_says_why_and_is_no_failure)
{
    need_python();
    CHECK_SHELL(MAKE "wherry bench copies cargo " ONCE " --json | python3 -c '\n"
                     "import json, sys\n"
                     "rows = json.load(sys.stdin)[\"copies\"]\n"
                     "print(len(rows))\n"
                     "for row in rows:\n"
                     "    if bool(row[\"whole\"]) == bool(row[\"why_not\"]):\n"
                     "        print(row)'\n"
                     "rm cargo",
                "8\n");
}

TEST(a_file_of_one_byte_arrives_too)
{
    CHECK_SHELL(
        "printf w > cargo; wherry bench copies cargo " ONCE " --place same |\n"
        "    grep -cE '^(pipe|POSIX|System|socket|region|open).* yes '; rm cargo",
        "6\n");
}

TEST(nothing_stays_behind)
{
    CHECK_SHELL(
        "ls /dev/shm > before; ipcs -q >> before; " MAKE
        "wherry bench copies cargo " ONCE " >table\n"
        "ls /dev/shm > after; ipcs -q >> after; diff before after | grep bench\n"
        "ls | grep bench; rm before after cargo table",
        "");
}

TEST(what_is_no_file_of_bytes_is_refused)
{
    shell("wherry bench copies nowhere");
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "nowhere: No such file or directory");
    shell("wherry bench copies /dev/null");
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "/dev/null: it is no file with bytes of its own");
    shell("wherry bench copies .");
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "it is no file with bytes of its own");
    shell(": > empty; wherry bench copies empty; status=$?; rm empty; exit $status");
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "empty: it is empty");
    shell("truncate -s 1025M large; wherry bench copies large; status=$?\n"
          "rm large; exit $status");
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "it has more than 1 GiB");
}

TEST(copies_wants_one_file_and_no_options_of_others)
{
    shell("wherry bench copies");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "copies wants one FILE");
    shell("wherry bench copies one two");
    CHECK_INT(said.status, 2);
    shell("wherry bench copies one --size 64");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "--size, --way, --svg and --bars are not for copies");
}
