/* SPDX-License-Identifier: MIT */
/*
 * describe of a process: its channels over memory, as they are seen from outside.
 */
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// see PLACE EXPRESSION: what Python finds in the lists that describe tells of a place.
#define SEE                                                                            \
    "see() {\n"                                                                        \
    "    wherry describe --json $1 | python3 -c '\n"                                   \
    "import json, sys\n"                                                               \
    "print(eval(sys.argv[1], json.load(sys.stdin)))' \"$2\"\n"                         \
    "}\n"

// $slow has read a first message and is stopped, $quick has read eight more of 2 bytes.
#define TOPIC                                                                          \
    SEE "mkfifo in; wherry listen 'local:news?fan=broadcast&ring=64K' < in & pid=$!\n" \
        "exec 3>in\n"                                                                  \
        "wherry dial --wait local:news > slow 3>&- & slow=$!\n"                        \
        "wherry dial --wait local:news > quick 3>&- & quick=$!\n"                      \
        "until echo 0 >&3; wherry describe $pid >all; test -s slow && test -s quick; " \
        "do :; done\n"                                                                 \
        "until test $(see $pid \"sum(r['behind_messages'] for r in readers)\") = 0\n"  \
        "do :; done; kill -STOP $slow\n"                                               \
        "for n in 1 2 3 4 5 6 7 8; do echo m$n; done >&3\n"                            \
        "until grep -q m8 quick; do :; done\n"

#define TOPIC_ENDS "exec 3>&-; kill -CONT $slow; wait; rm in quick slow all"

TEST(a_reader_of_a_topic_that_lags_is_named_by_its_process)
{
    shell(TOPIC "see $pid \"[(r['behind_messages'], r['behind_bytes'],\n"
                "    r['behind_age'] > 0, r['overtaken'], r['lost_messages'])\n"
                "    for r in readers if r['pid'] == $slow]\"\n"
                "see $pid \"[r['behind_messages'] for r in readers\n"
                "    if r['pid'] == $quick], channels[0]['is']\"\n" TOPIC_ENDS);
    CHECK_STRING(said.out, "[(8, 512, True, False, 0)]\n([0], 'topic')\n");
    CHECK_STRING(said.err, "");
}

TEST(for_people_there_is_a_table_of_readers)
{
    shell(TOPIC "wherry describe $pid; echo slow $slow\n" TOPIC_ENDS);
    char line[64];
    const char *slow = strstr(said.out, "\nslow ");
    CHECK(slow != NULL);
    snprintf(line, sizeof(line), " %.*s (wherry) ", (int)strcspn(slow + 6, "\n"),
             slow + 6);
    CHECK_CONTAINS(said.out, "\nchannels over memory\nCHANNEL IS    ADDRESS ");
    CHECK_CONTAINS(said.out, " topic local:news ");
    CHECK_CONTAINS(said.out, "\nreaders of topics\nCHANNEL PROCESS ");
    const char *row = strstr(said.out, line);
    CHECK(row != NULL);
    CHECK_CONTAINS(row, "      8   512 ");
    CHECK_STRING(said.err, "");
}

// $reader has read all of a burst that $pid sent, sleeps, and is stopped; five more
// wait.
#define BOAT                                                                           \
    SEE "mkfifo in; wherry recv 'local:boat?memory=always' > out & reader=$!\n"        \
        "wherry send --wait 'local:boat?memory=always' < in & pid=$!\n"                \
        "sent() { see $pid \"sum(f['sent_messages'] or 0 for f in flows)\"; }\n"       \
        "n=0; exec 3>in\n"                                                             \
        "until n=$((n + 200)); seq 200 >&3; test $(sent) -gt 0; do :; done\n"          \
        "until test $(wc -l < out) -eq $n; do :; done\n"                               \
        "until test $(see $reader \"any(f['reader_sleeps'] and "                       \
        "f['received_messages']\n"                                                     \
        "    and not f['waiting_messages'] for f in flows)\") = True; do :; done\n"    \
        "kill -STOP $reader; before=$(sent)\n"                                         \
        "for n in 1 2 3 4 5; do echo line$n; done >&3\n"                               \
        "until test $(sent) -eq $((before + 5)); do :; done\n"

#define BOAT_ENDS "exec 3>&-; kill -CONT $reader; wait; rm in out"

TEST(what_waits_in_a_channel_is_counted_for_both_of_its_processes)
{
    shell(BOAT "for process in $pid $reader; do\n"
               "    see $process \"[(f['way'], f['waiting_messages'],\n"
               "        f['waiting_bytes']) for f in flows if f['sent_messages']]\"\n"
               "done\n"
               "see $pid \"peers[0]['pid'] == $reader\"\n"
               "see $reader \"peers[0]['pid'] == $pid\"\n" BOAT_ENDS);
    CHECK_STRING(said.out, "[('out', 5, 25)]\n[('in', 5, 25)]\nTrue\nTrue\n");
    CHECK_STRING(said.err, "");
}

TEST(a_channel_is_found_by_the_number_of_its_memory_and_of_its_socket)
{
    shell(BOAT
          "told() { wherry describe $1 | grep -v '^not seen'; }; told $pid > all\n"
          "for number in channel socket; do\n"
          "    at=$(see $pid \"channels[0]['$number']\")\n"
          "    told $pid:$at | cmp - all\n"
          "done\n"
          "wherry fds $pid | grep -c 'channel of local:, sealed'\n"
          "wherry describe $pid:0 2>&1 | sed \"s/$pid/PID/g\"; rm all\n" BOAT_ENDS);
    CHECK_STRING(said.out,
                 "1\nwherry: describe: number 0 of process PID is no channel over "
                 "memory: `wherry fds PID` tells what it is\n");
    CHECK_STRING(said.err, "");
}

TEST(a_process_that_has_none_says_so)
{
    CHECK_SHELL(SEE "wherry describe $$ | sed -n 's/^channels *//p'\n"
                    "see $$ \"process[0]['name'], channels, flows\"",
                "none over memory\n('sh', [], [])\n");
}

TEST(what_is_not_allowed_to_see_is_said)
{
    if (geteuid() != 0)
        SKIP("only root can become another user");
    shell("wherry run --user 65534 wherry describe $$");
    CHECK_INT(said.status, 1);
    CHECK_STRING(said.out, "");
    CHECK_CONTAINS(said.err, "what it has open: not allowed to see: run as its user or "
                             "root\n");
}

TEST(words_that_are_no_process_are_told)
{
    shell("for word in 0 1e3 1: 1:x 1:-2 1:99999999999 99999999999 1:2:3; do\n"
          "    wherry describe $word; echo $?\n"
          "done\n"
          "wherry describe --messages $$; echo $?\n"
          "sh -c 'exit 0' & wait; wherry describe $!; echo $?");
    CHECK_STRING(said.out, "2\n2\n2\n2\n2\n2\n2\n2\n2\n1\n");
    CHECK_CONTAINS(said.err, "1:x: it must be PID or PID:NUMBER, ");
    CHECK_CONTAINS(said.err, "--json is the only option");
    CHECK_CONTAINS(said.err, "wherry: describe: there is no process ");
}
