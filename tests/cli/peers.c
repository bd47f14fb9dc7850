/* SPDX-License-Identifier: MIT */
/*
 * wherry bench --peers, as far as it can be right or wrong on any machine: who takes
 * part has figures of its own, who does not is told with the reason, and a bar is
 * judged by what was measured.
 */
#define _GNU_SOURCE
#include "shell.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define BRIEF "--seconds 0.001 --repetitions 1 --rest 0"

static void need_python(void)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
}

static void need_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) < 2)
        SKIP("there is but one core");
}

// A folder with some of the programs, and no others.
static void link_programs(const char *names)
{
    char script[512];
    snprintf(script, sizeof(script),
             "mkdir peers; for name in %s; do\n"
             "    ln -s \"$(dirname \"$(command -v wherry)\")/../bench/bench-$name\" "
             "peers\n"
             "done",
             names);
    CHECK_SHELL(script, "");
}

// A program that answers as if each message took so many nanoseconds.
static void write_fake(const char *name, int nanoseconds)
{
    char script[1024];
    snprintf(script, sizeof(script),
             "cat > peers/bench-%s <<'END'\n"
             "#!/bin/sh\n"
             "echo ready made up\n"
             "while read -r order count rest; do\n"
             "    echo took $((count * %d))\n"
             "done\n"
             "END\n"
             "chmod +x peers/bench-%s",
             name, nanoseconds, name);
    CHECK_SHELL(script, "");
}

TEST(each_that_takes_part_has_figures_and_each_that_does_not_a_reason)
{
    need_python();
    CHECK_SHELL(
        "wherry bench --peers pair: --place same --size 64 --way round " BRIEF
        " --json >json\n"
        "python3 -c '\n"
        "import json\n"
        "for row in json.load(open(\"json\"))[\"figures\"]:\n"
        "    if row[\"think\"]:\n"
        "        continue\n"
        "    if bool(row[\"median\"]) == bool(row[\"left_out\"]):\n"
        "        print(\"neither, or both:\", row)\n"
        "    if row[\"who\"] in (\"pair:\", \"futex\", \"pipe\", \"sysv\"):\n"
        "        whole = row[\"p999\"] >= row[\"p99\"] > 0 and row[\"settings\"]\n"
        "        print(row[\"who\"], bool(whole), row[\"left_out\"])\n"
        "    if row[\"who\"] == \"two-copies\":\n"
        "        print(row[\"who\"], row[\"left_out\"])'\n"
        "rm json",
        "pair: True None\n"
        "two-copies it never sleeps: each end needs a core of its own\n"
        "futex True None\n"
        "pipe True None\n"
        "sysv True None\n");
}

TEST(the_limits_are_measured_on_two_cores)
{
    need_python();
    need_cores();
    CHECK_SHELL(
        "wherry bench --peers pair: --place cross --size 8 " BRIEF " --json >json\n"
        "python3 -c '\n"
        "import json\n"
        "for row in json.load(open(\"json\"))[\"figures\"]:\n"
        "    if row[\"who\"] in (\"line\", \"two-copies\", \"descriptor\"):\n"
        "        if not row[\"left_out\"]:\n"
        "            print(row[\"who\"], row[\"workload\"], row[\"median\"] > 0,\n"
        "                  row[\"ping_ns\"] > 0)'\n"
        "rm json",
        "line round True True\n"
        "two-copies round True True\n"
        "descriptor lent True True\n");
}

TEST(a_peer_that_is_not_built_is_told_with_its_packages)
{
    link_programs("limits kernel wherry");
    CHECK_SHELL("export WHERRY_BENCH=$PWD/peers\n"
                "wherry bench --peers pair: --place same --size 64 --way timed " BRIEF
                " >table; echo $?\n"
                "grep -E '^(futex|zmq|nng|nanomsg|libqb|libuv|boost-queue|iceoryx) ' "
                "table |\n"
                "    sed 's/ .*there is no.*bench-[a-z]*, which/ which/; s/ (.*//;\n"
                "         s/ [ 0-9.]*$//' | sort\n"
                "rm -r peers table",
                "0\n"
                "boost-queue which is built where libboost-dev is installed\n"
                "futex\n"
                "futex sleeps at each turn; no bytes but the number\n"
                "iceoryx which is built where libiceoryx-posh-dev, "
                "libiceoryx-hoofs-dev, iceoryx is installed\n"
                "libqb which is built where libqb-dev is installed\n"
                "libuv which is built where libuv1-dev is installed\n"
                "nanomsg which is built where libnanomsg-dev is installed\n"
                "nng which is built where libnng-dev is installed\n"
                "zmq which is built where libzmq3-dev is installed\n");
}

TEST(a_name_that_nobody_else_has_stands_where_the_address_leaves_it_open)
{
    need_python();
    CHECK_SHELL(
        "wherry bench --peers mq:/%s unix:@%s --place same --size 64 --way "
        "timed " BRIEF " --json >json; echo $?\n"
        "python3 -c '\n"
        "import json\n"
        "for row in json.load(open(\"json\"))[\"figures\"]:\n"
        "    if row[\"who\"].startswith((\"mq\", \"unix\")):\n"
        "        print(row[\"who\"], row[\"left_out\"] or row[\"median\"] > 0)'\n"
        "rm json",
        "0\nmq:/%s True\nunix:@%s True\n");
}

TEST(several_writers_and_readers_of_a_queue_are_measured_where_there_can_be_several)
{
    need_python();
    need_cores();
    CHECK_SHELL("wherry bench --peers mq:/%s pair: --place cross --size 64 --way four "
                "--way eight " BRIEF " --json >json; echo $?\n"
                "python3 -c '\n"
                "import json\n"
                "for row in json.load(open(\"json\"))[\"figures\"]:\n"
                "    if row[\"who\"] in (\"mq:/%s\", \"pair:\", \"sysv\"):\n"
                "        print(row[\"workload\"], row[\"who\"],\n"
                "              row[\"left_out\"] or row[\"median\"] > 0)'\n"
                "rm json",
                "0\n"
                "four mq:/%s True\n"
                "four pair: each of its channels has one reader\n"
                "four sysv True\n"
                "eight mq:/%s True\n"
                "eight pair: each of its channels has one reader\n"
                "eight sysv True\n");
}

TEST(messages_that_are_too_large_are_told_and_no_failure)
{
    CHECK_SHELL("wherry bench --peers pair: --place same --size 8M --way push " BRIEF
                " >table; echo $?\n"
                "grep -o '^pair: .* is over the mechanism.s limit' table |\n"
                "    sed 's/  */ /; s/ same .* is/ same: is/'; rm table",
                "0\npair: push, 8 MiB, same: is over the mechanism's limit\n");
}

TEST(a_mechanism_that_is_absent_is_told_and_no_failure)
{
    need_python();
    CHECK_SHELL(
        "wherry bench --peers ws:nowhere --place same --size 64 --way timed " BRIEF
        " --json >json; echo $?\n"
        "python3 -c '\n"
        "import json\n"
        "for row in json.load(open(\"json\"))[\"figures\"]:\n"
        "    if row[\"who\"].startswith(\"ws:\"):\n"
        "        print(row[\"median\"], row[\"left_out\"].split(\": \")[1])'\n"
        "rm json",
        "0\nNone is not there\n");
}

/* --- figures and bars ---------------------------------------------------- */

// With programs that make up what they took, it is known what must be said.
TEST(a_figure_is_what_was_measured_and_a_bar_is_judged_by_it)
{
    need_python();
    need_cores();
    link_programs("limits kernel");
    write_fake("wherry", 100);
    write_fake("zmq", 1000);
    write_fake("iceoryx", 150);
    CHECK_SHELL("export WHERRY_BENCH=$PWD/peers\n"
                "wherry bench --peers local: --place cross --size 64 --way push " BRIEF
                " --json >json\n"
                "python3 -c '\n"
                "import json\n"
                "told = json.load(open(\"json\"))\n"
                "for row in told[\"figures\"]:\n"
                "    if row[\"who\"] in (\"local:\", \"zmq\", \"iceoryx\"):\n"
                "        print(row[\"who\"], row[\"median\"])\n"
                "for row in told[\"bars\"]:\n"
                "    if row[\"unit\"] == \"rate\":\n"
                "        print(row[\"verdict\"], row[\"against\"], row[\"ratio\"], "
                "row[\"bar\"],\n"
                "              row[\"goal\"])'\n"
                "rm -r json peers",
                "local: 10000000\n"
                "iceoryx 6666666.67\n"
                "zmq 1000000\n"
                "met zmq 10 >= 4 None\n"
                "short of goal iceoryx 1.5 None >= 60\n");
}

TEST(a_bar_that_is_missed_is_the_exit_status_when_bars_are_asked_for)
{
    need_cores();
    link_programs("limits kernel");
    write_fake("wherry", 1000);
    write_fake("zmq", 1000);
    shell(
        "export WHERRY_BENCH=$PWD/peers\n"
        "wherry bench --peers local: --place cross --size 64 --way push --bars " BRIEF);
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.out, "MISSED ");
    shell("export WHERRY_BENCH=$PWD/peers\n"
          "wherry bench --peers local: --place cross --size 64 --way push " BRIEF
          " >table; status=$?; rm -r peers table; exit $status");
    CHECK_INT(said.status, 0);
}

/* --- who does not do as it should ---------------------------------------- */

TEST(a_program_that_ends_or_says_nonsense_is_a_failure_and_the_others_go_on)
{
    link_programs("limits kernel wherry");
    CHECK_SHELL("printf '#!/bin/sh\\n' > peers/bench-zmq\n"
                "printf '#!/bin/sh\\necho ahoy\\n' > peers/bench-nng\n"
                "printf '#!/bin/sh\\necho ready here; echo failed it sank\\n' "
                "> peers/bench-libuv\n"
                "chmod +x peers/bench-*\n"
                "export WHERRY_BENCH=$PWD/peers\n"
                "wherry bench --peers pair: --place same --size 64 --way timed " BRIEF
                " >table 2>errors; echo $?; grep -c ^futex table; cat errors\n"
                "rm -r peers table errors",
                "1\n2\n"
                "wherry: bench: zmq timed 64 B same: it ended without a word\n"
                "wherry: bench: nng timed 64 B same: it says what it should not\n"
                "wherry: bench: libuv timed 64 B same: it sank\n");
}

TEST(what_makes_no_sense_together_is_refused)
{
    shell("wherry bench --peers --svg chart.svg");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "--svg is not for --peers");
    shell("wherry bench --peers pair:?type=none");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "type=none");
    shell("wherry bench --peers --way gathered");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "with --peers round, timed, lent, push, many, four");
    shell("wherry bench --peers --way forever");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "the workloads of --peers are round");
    shell("wherry bench --way round pipe");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "is a workload of --peers");
}

TEST(the_list_of_peers_measures_nothing)
{
    shell("wherry bench --peers --list");
    CHECK_INT(said.status, 0);
    CHECK_CONTAINS(said.out, "libzmq3-dev");
    CHECK_CONTAINS(said.out, "local:");
}

/* --- the end ------------------------------------------------------------- */

// Both processes of the one that takes part are there.
static bool is_measuring(void *argument)
{
    char path[64];
    char word[16] = "";
    const struct beside *beside = argument;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)beside->pid,
             (int)beside->pid);
    harness_read_file(path, word, sizeof(word));
    return word[0] != '\0';
}

static int count_scratch(void)
{
    int count = 0;
    DIR *directory = opendir(harness_directory());
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory));)
        count += strncmp(entry->d_name, "wherry-bench-", 13) == 0;
    closedir(directory);
    return count;
}

TEST(a_stopped_bench_of_peers_leaves_nothing)
{
    struct beside beside;
    if (strlen(harness_directory()) >= 40)
        SKIP("the path of this directory is too long for an address");
    beside_start(&beside, "wherry bench --peers pair: --place same --seconds 0.2 "
                          "--repetitions 101 --size 64 --way timed");
    harness_until(is_measuring, &beside);
    kill(beside.pid, SIGINT);
    while (*beside_line(&beside))
        ;
    CHECK_INT(beside_end(&beside), -SIGINT);
    CHECK_INT(count_scratch(), 0);
}
