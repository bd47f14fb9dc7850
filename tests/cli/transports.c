/* SPDX-License-Identifier: MIT */
/*
 * wherry transports: figures that are measured here and now, and what is absent.
 */
#define _GNU_SOURCE
#include "shell.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static void need_python(void)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
}

TEST(every_mechanism_that_is_here_has_its_figures)
{
    need_python();
    CHECK_SHELL("wherry transports --measure --json | python3 -c '\n"
                "import json, sys\n"
                "for row in json.load(sys.stdin)[\"transports\"]:\n"
                "    figures = row[\"round_trip_us\"], row[\"throughput_mb_s\"]\n"
                "    if not row[\"here\"]:\n"
                "        wanted = figures == (None, None)\n"
                "    elif row[\"scheme\"] == \"fd\" or "
                "row[\"moves\"] in (\"memory\", \"turns\"):\n"
                // what somebody opened; messages in a turn, which others have not
                "        wanted = figures == (None, None)\n"
                "    else:\n"
                "        wanted = min(figures) > 0\n"
                "    if not wanted:\n"
                "        print(row[\"scheme\"], *figures)'",
                "");
    CHECK_STRING(said.err, "");
}

TEST(figures_say_what_they_are_of)
{
    shell("wherry transports --measure");
    CHECK_INT(said.status, 0);
    CHECK_CONTAINS(said.out, " ROUND TRIP US ");
    CHECK_CONTAINS(said.out, "\nMeasured here, just now, between ");
    CHECK_CONTAINS(said.out, "\nmq: one way in messages of 8 KiB, its largest.\n");
}

TEST(without_measure_there_are_no_figures)
{
    shell("wherry transports; wherry transports --json");
    CHECK(!strstr(said.out, "ROUND TRIP"));
    CHECK(!strstr(said.out, "round_trip"));
}

// Whether it has its directory, and processes at work.
static bool is_measuring(void *argument)
{
    const struct beside *beside = argument;
    char path[64];
    char children[64] = "";
    bool has_directory = false;
    DIR *directory = opendir(harness_directory());
    for (struct dirent *entry; (entry = readdir(directory));)
        has_directory |= strncmp(entry->d_name, "wherry-transports-", 18) == 0;
    closedir(directory);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)beside->pid,
             (int)beside->pid);
    harness_read_file(path, children, sizeof(children));
    return has_directory && strchr(children, ' ');
}

TEST(stopped_while_it_measures_it_leaves_nothing)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    if (strlen(harness_directory()) >= 40)
        SKIP("the path of this directory is too long for an address");
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct beside beside;
        beside_start(&beside, "wherry transports --measure");
        harness_until(is_measuring, &beside);
        kill(beside.pid, signals[i]);
        CHECK_STRING(beside_line(&beside), "");
        CHECK_INT(beside_end(&beside), -signals[i]);
        CHECK_SHELL("ls | grep wherry- || echo none", "none\n");
    }
}

TEST(what_is_measured_is_told_on_a_terminal)
{
    if (!harness_have_program("script"))
        SKIP("there is no script(1) to make a terminal");
    shell("TERM=dumb script -qec 'wherry transports --measure > table' /dev/null "
          "</dev/null; rm table");
    CHECK_CONTAINS(said.out, "wherry: transports: measuring pipe");
    CHECK_CONTAINS(said.out, "wherry: transports: measuring tcp");
}

TEST(every_verb_says_why_an_absent_mechanism_is_not_there)
{
    shell("for verb in dial listen send recv relay describe remove; do\n"
          "    wherry $verb tls:pier:1; echo $?\n"
          "done");
    CHECK_STRING(said.out, "2\n2\n2\n2\n2\n2\n2\n");
    shell("wherry send tls:pier:1 ahoy");
    CHECK_CONTAINS(said.err, "tls: is not there: later; the nearest that is: tcp:");
    CHECK_CONTAINS(said.err, "Try: wherry help tls:\n");
}

TEST(help_of_an_absent_mechanism_tells_what_to_take)
{
    shell("wherry help streams; wherry help npipe:");
    CHECK_CONTAINS(said.out, "\nabsent        absent on Linux: its kernel has none\n");
    CHECK_CONTAINS(said.out, "\nabsent        later, on Windows\n");
    CHECK_CONTAINS(said.out, "\ninstead       unix:");
}

TEST(the_tour_does_not_show_what_is_absent)
{
    shell("wherry tour tls");
    CHECK_INT(said.status, 2);
    CHECK_CONTAINS(said.err, "tls: cannot be shown: later; take tcp:");
}
