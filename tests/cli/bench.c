/* SPDX-License-Identifier: MIT */
/*
 * wherry bench, as far as it can be right or wrong on any machine: what it prints can
 * be read by programs, and whatever way it ends, nothing of it is left.
 */
#define _GNU_SOURCE
#include "shell.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// So short that the figures mean nothing, and so long that it ends by force only.
#define BRIEF "--seconds 0.001 --repetitions 1 --place same --size 64"
#define ENDLESS "--seconds 10 --repetitions 101 --place same --size 64"

static void need_python(void)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
}

TEST(each_way_has_its_figures_in_json)
{
    need_python();
    CHECK_SHELL(
        "wherry bench pair-stream " BRIEF " --json | python3 -c '\n"
        "import json, sys\n"
        "rows = json.load(sys.stdin)[\"bench\"]\n"
        "print(*sorted({row[\"way\"] for row in rows}))\n"
        "print({row[\"error\"] for row in rows}, {row[\"size\"] for row in rows})\n"
        "print(min(row[\"median\"] for row in rows\n"
        "          if not row[\"way\"].startswith(\"rest\")) > 0)'",
        "bare bare-each bare-gathered deadline each forever many more "
        "rest-cpu rest-memory rest-wakes\n"
        "{None} {64}\n"
        "True\n");
}

TEST(only_the_ways_that_are_asked_for_are_measured)
{
    need_python();
    CHECK_SHELL("wherry bench pipe " BRIEF " --way each --way bare-each --json |\n"
                "    python3 -c '\n"
                "import json, sys\n"
                "rows = json.load(sys.stdin)[\"bench\"]\n"
                "for row in rows:\n"
                "    if row[\"ratio\"]:\n"
                "        print(row[\"mechanism\"], row[\"way\"], row[\"against\"])'",
                "pipe each bare-each\n");
}

TEST(the_chart_is_a_picture_with_every_mechanism)
{
    need_python();
    CHECK_SHELL("wherry bench pair " BRIEF " --svg chart.svg > tables\n"
                "python3 -c '\n"
                "import xml.etree.ElementTree as xml\n"
                "texts = [text.text for text in xml.parse(\"chart.svg\").iter()\n"
                "         if text.tag.endswith(\"}text\")]\n"
                "print(*sorted(text for text in texts if text.startswith(\"pair\")))'\n"
                "grep -c '^Round trips' tables; rm chart.svg tables",
                "pair-datagram, 1 core pair-packet, 1 core pair-stream, 1 core\n1\n");
}

TEST(every_bar_has_a_verdict)
{
    shell(
        "wherry bench pair-packet --seconds 0.001 --repetitions 1 --size 64 --bars\n");
    CHECK_CONTAINS(said.out, "WHERRY_FOREVER");
    CHECK_CONTAINS(said.out, " bars met, ");
    CHECK_INT(said.status, strstr(said.out, ", 0 missed\n") ? 0 : 1);
}

/* --- processes ----------------------------------------------------------- */

#define STARTS "--seconds 0.001 --repetitions 1 --place same"

TEST(processes_and_locks_have_a_figure_for_each_way_and_ratios_of_what_is_compared)
{
    need_python();
    CHECK_SHELL(
        "wherry bench process lock " STARTS " --json 2>notices | python3 -c '\n"
        "import json, sys\n"
        "rows = json.load(sys.stdin)[\"bench\"]\n"
        "for row in rows:\n"
        "    if not row[\"way\"].startswith((\"node\", \"python\")):\n"
        "        whole = row[\"median\"] > 0 and row[\"p99\"] >= row[\"median\"]\n"
        "        whole = whole and (not row[\"against\"] or row[\"ratio\"] > 0)\n"
        "        print(row[\"mechanism\"], row[\"way\"], row[\"bar\"], whole,\n"
        "              row[\"error\"])'\n"
        "grep -v 'is left out' notices; rm notices",
        "process-spawn channel 1 True None\n"
        "process-spawn descriptor 1 True None\n"
        "process-spawn posix_spawn None True None\n"
        "process-spawn vfork None True None\n"
        "process-spawn fork None True None\n"
        "process-large channel None True None\n"
        "process-large channel-large 1.05 True None\n"
        "process-large posix_spawn None True None\n"
        "process-large posix_spawn-large None True None\n"
        "process-large fork None True None\n"
        "process-large fork-large None True None\n"
        "process-collect collect 1.1 True None\n"
        "process-collect posix_spawn None True None\n"
        "process-collect vfork None True None\n"
        "process-pipeline spawn 1.05 True None\n"
        "process-pipeline sh None True None\n"
        "lock lock 2 True None\n"
        "lock cells-add None True None\n"
        "lock robust None True None\n");
}

TEST(an_interpreter_that_is_not_there_is_told_and_no_failure)
{
    CHECK_SHELL("mkdir bin && ln -s \"$(command -v wherry)\" bin/wherry\n"
                "PATH=$PWD/bin wherry bench process-collect " STARTS " >table 2>&1\n"
                "echo $?; grep -c '^posix_spawn' table\n"
                "grep -o '.*left out: there is no program [a-z0-9]*' table\n"
                "rm -r bin table",
                "0\n1\n"
                "wherry: bench: process-collect node-execFile is left out: there is no "
                "program node\n"
                "wherry: bench: process-collect node-exec is left out: there is no "
                "program node\n"
                "wherry: bench: process-collect python-run is left out: there is no "
                "program python3\n");
}

TEST(every_bar_of_processes_has_a_verdict)
{
    shell("wherry bench process-spawn process-collect " STARTS " --bars\n");
    CHECK_CONTAINS(said.out, "channel to posix_spawn");
    CHECK_CONTAINS(said.out, "collect to posix_spawn");
    CHECK_CONTAINS(said.out, " bars met, ");
    CHECK_INT(said.status, strstr(said.out, ", 0 missed\n") ? 0 : 1);
}

TEST(processes_are_not_mixed_with_mechanisms_nor_with_their_options)
{
    shell("wherry bench process pipe");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "processes are measured by themselves");
    shell("wherry bench process --size 64");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "--size, --way and --svg are for mechanisms");
    shell("wherry bench process-spa");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "\"process-spa\" is not measured");
}

/* --- the end ------------------------------------------------------------- */

// The directory of a bench, or NULL: it has none (any more).
static const char *scratch(void)
{
    static char name[256];
    const char *found = NULL;
    DIR *directory = opendir(harness_directory());
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) && !found;) {
        if (strncmp(entry->d_name, "wherry-bench-", 13) == 0) {
            snprintf(name, sizeof(name), "%s", entry->d_name);
            found = name;
        }
    }
    closedir(directory);
    return found;
}

// Both processes are there, and what they talk over has a name.
static bool is_measuring(void *argument)
{
    const struct beside *beside = argument;
    char path[64];
    char children[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)beside->pid,
             (int)beside->pid);
    harness_read_file(path, children, sizeof(children));
    return scratch() && strchr(children, ' ') != strrchr(children, ' ');
}

static void start_endless(struct beside *beside)
{
    if (strlen(harness_directory()) >= 40)
        SKIP("the path of this directory is too long for an address");
    beside_start(beside, "wherry bench fifo " ENDLESS);
    harness_until(is_measuring, beside);
}

TEST(a_stopped_bench_leaves_nothing)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct beside beside;
        start_endless(&beside);
        kill(beside.pid, signals[i]);
        CHECK_STRING(beside_line(&beside), "");
        CHECK_INT(beside_end(&beside), -signals[i]);
        CHECK(!scratch());
    }
}

// What it starts programs by is a leader of its own group.
static bool is_starting(void *argument)
{
    const struct beside *beside = argument;
    char path[64];
    char children[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)beside->pid,
             (int)beside->pid);
    harness_read_file(path, children, sizeof(children));
    return scratch() && children[0];
}

TEST(a_stopped_bench_of_processes_leaves_nothing)
{
    struct beside beside;
    beside_start(&beside, "wherry bench process-pipeline --seconds 10");
    harness_until(is_starting, &beside);
    kill(beside.pid, SIGINT);
    CHECK_STRING(beside_line(&beside), "");
    CHECK_INT(beside_end(&beside), -SIGINT);
    CHECK(!scratch());
}

TEST(a_process_of_the_bench_that_dies_is_told_with_what_it_did)
{
    struct beside beside;
    char command[64];
    start_endless(&beside);
    snprintf(command, sizeof(command), "pkill -KILL -n -P %d", (int)beside.pid);
    CHECK_SHELL(command, "");
    CHECK_CONTAINS(beside_line(&beside), "wherry: bench: fifo same 64 B: ");
    CHECK_STRING(beside_line(&beside), ""); // nothing was measured
    CHECK_INT(beside_end(&beside), 1);
    CHECK(!scratch());
}
