/* SPDX-License-Identifier: MIT */
/*
 * wherry choose: the answer to every scenario and to every need, and that a need is met
 * by just those whose row of the table says so.
 *
 * Answers are the schemes in the order of the ranking.  Only the first ones are given
 * here, so that another mechanism further down breaks nothing.
 */
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <wherry.h>

// Prints the schemes of a ranking, one after another.
#define RANKING " --all | sed -n 's/^ *[0-9]*[.] \\([a-z]*\\).*/\\1/p' | tr '\\n' ' '"

static const struct question {
    const char *asked; /* what stands behind `wherry choose` */
    const char *first; /* how the ranking begins */
} questions[] = {
    {"--for editor-plugin", "stdio unix "},
    {"--for network-service", "tcp unix "},
    {"--for browser", "ws http tcp "},
    {"--for containers", "unix mq sysv tcp "},
    {"--for bulk-data", "memfd shm shmv file local unix "},
    {"--for script", "stdio exec pipe fifo "},
    {"--for notice", "signal "},
    {"--for turns", "lease sem semv "},
    {"--for workers", "queue mq sysv "},
    {"--for topics", "local "},
    {"--for children", "pair local pipe "},
    {"--for sandbox", "pair unix local "},
    {"--across-hosts", "tcp tls ws "},
    {"--both-ways", "pair stdio pipe local unix "},
    {"--many", "local unix fifo tcp "},
    {"--strangers", "local unix fifo tcp "},
    {"--other-users", "pair stdio pipe unix "},
    {"--children", "pair pipe "},
    {"--started", "stdio exec fd "},
    {"--containers", "unix fifo tcp "},
    {"--browser", "ws http "},
    {"--shell", "stdio pipe exec fifo "},
    {"--large", "pair stdio pipe local unix "},
    {"--messages", "pair local unix "},
    {"--stream", "pair stdio pipe unix "},
    {"--files", "pair local unix fd "},
    {"--kinds", "pair stdio pipe local unix "},
    {"--priority", "mq "},
    {"--pick", "queue sysv "},
    {"--outlives", "queue mq sysv "},
    {"--workers", "queue mq sysv "},
    {"--topic", "local "},
    {"--shared-memory", "memfd shm shmv file "},
    {"--turns", "lease sem semv "},
    {"--notice", "signal "},
    {"--sender", "pair local unix fd "},
    {"--confirmed", "pair stdio pipe local unix "},
    {"--lossless", "pair stdio pipe local unix "},
    {"--encrypted", "tls "},
    {"--descriptor", "pair stdio pipe local unix "},
    // several at once
    {"--strangers --both-ways --files", "local unix "},
    {"--strangers --both-ways --files --other-users", "unix "},
    {"--strangers --both-ways --stream", "unix tcp "},
    {"--strangers --both-ways --containers", "unix tcp "},
    {"--turns --other-users", "sem semv "},
    {"--across-hosts --messages --both-ways", "ws "},
    {"--outlives --priority", "mq "},
    {"--workers --descriptor", "queue mq "},
    {"--for containers --outlives", "mq sysv shmv "},
    {"--for bulk-data --across-hosts", "tcp tls ws "},
    {"--shared-memory --turns", "memfd shm "},
};

enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };

static void check_answer(const void *argument)
{
    const struct question *question = argument;
    char script[512];
    snprintf(script, sizeof(script), "wherry choose %s" RANKING, question->asked);
    shell(script);
    CHECK_INT(said.status, 0);
    CHECK_STRING(said.err, "");
    if (strncmp(said.out, question->first, strlen(question->first)) != 0)
        FAIL("%s: the ranking is %s and does not begin with %s", question->asked,
             said.out, question->first);
}

// "--for bulk-data" makes a name of a test.
static void name_of(const struct question *question, char name[96])
{
    snprintf(name, 96, "the_answer_to_%s", question->asked);
    for (char *at = name; *at; at++)
        if (*at == '-' || *at == ' ')
            *at = '_';
}

void harness_register(void)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        char name[96];
        name_of(&questions[i], name);
        harness_add(name, check_answer, &questions[i]);
    }
}

/* --- nothing is left without a test --------------------------------------- */

static bool is_asked(const char *word)
{
    for (size_t i = 0; i < QUESTIONS; i++)
        if (strcmp(questions[i].asked, word) == 0)
            return true;
    return false;
}

TEST(every_need_has_its_question)
{
    shell("wherry choose --help | sed -n 's/^  \\(--[a-z-]*\\).*/\\1/p' |"
          "    grep -vxe --for -e --all -e --json -e --help");
    int count = 0;
    for (char *need = strtok(said.out, "\n"); need; need = strtok(NULL, "\n"), count++)
        if (!is_asked(need))
            FAIL("no test asks for %s", need);
    CHECK_RANGE(count, 20, 64);
}

TEST(every_scenario_has_its_question)
{
    shell("wherry choose --for list | sed -n 's/^\\([a-z][a-z-]*\\) .*/--for \\1/p'");
    int count = 0;
    for (char *each = strtok(said.out, "\n"); each; each = strtok(NULL, "\n"), count++)
        if (!is_asked(each))
            FAIL("no test asks %s", each);
    CHECK_RANGE(count, 10, 64);
}

/* --- the ranking and the table -------------------------------------------- */

// Whoever fits is whoever has it in the column of `wherry transports`, which is worked
// out elsewhere.
TEST(a_need_is_met_by_just_those_whose_row_says_so)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
    CHECK_SHELL(
        "cat > check.py <<'END'\n"
        "import json, subprocess\n"
        "def rows(*words):\n"
        "    said = subprocess.run(['wherry', *words, '--json'], stdout=-1)\n"
        "    return json.loads(said.stdout).popitem()[1]\n"
        "elsewhere = ('npipe', 'streams')\n"
        "table = [row for row in rows('transports') if row['scheme'] not in "
        "elsewhere]\n"
        "needs = {\n"
        "    'across-hosts': lambda row: row['across_hosts'],\n"
        "    'both-ways': lambda row: row['ways'] in ('both ways', 'one or both'),\n"
        "    'many': lambda row: row['processes'] == 'many',\n"
        "    'strangers': lambda row: row['between'] != 'kin',\n"
        "    'other-users': lambda row: row['between'] != 'one user',\n"
        "    'files': lambda row: row['open_files'],\n"
        "    'kinds': lambda row: row['kinds'] != 'no',\n"
        "    'priority': lambda row: row['kinds'] in ('priority', 'the signal'),\n"
        "    'pick': lambda row: row['kinds'] == 'picked',\n"
        "    'outlives': lambda row: row['outlives'].endswith(' too'),\n"
        "    'shared-memory': lambda row: row['shares_memory'],\n"
        "    'turns': lambda row: row['synchronises'] == 'by turns',\n"
        "    'messages': lambda row: row['moves'].startswith(('messages', 'one ')),\n"
        "    'large': lambda row: not row['largest'] and row['moves'] != 'turns',\n"
        "    'sender': lambda row: row['sender_known'],\n"
        "}\n"
        "for need, has in needs.items():\n"
        "    fit = {row['scheme'] for row in rows('choose', '--' + need)\n"
        "           if row['fits']}\n"
        "    wanted = {row['scheme'] for row in table if has(row)}\n"
        "    if fit != wanted:\n"
        "        print(need, fit ^ wanted)\n"
        "END\n"
        "python3 check.py; rm check.py",
        "");
}

TEST(json_has_a_row_for_every_mechanism_and_says_what_it_lacks)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
    CHECK_SHELL(
        "wherry transports --json > table\n"
        "wherry choose --strangers --files --json > ranking\n"
        "python3 -c '\n"
        "import json\n"
        "table = json.load(open(\"table\"))[\"transports\"]\n"
        "ranking = json.load(open(\"ranking\"))[\"choose\"]\n"
        "print(len(ranking) == len(table), ranking[0][\"scheme\"],\n"
        "      ranking[0][\"rank\"], ranking[0][\"has\"])\n"
        "print({row[\"scheme\"]: row[\"lacks\"] for row in ranking}[\"tcp\"],\n"
        "      {row[\"scheme\"]: row[\"fits\"] for row in ranking}[\"streams\"])'\n"
        "rm table ranking",
        "True local 1 --strangers --files\n--files False\n");
}

/* --- what cannot be had --------------------------------------------------- */

TEST(what_is_not_there_yet_is_marked_and_the_best_that_is_there_is_named)
{
    shell("wherry choose --for bulk-data | tr '\\n' ' ' | tr -s ' '");
    CHECK_CONTAINS(said.out, "1. memfd Memory");
    CHECK_CONTAINS(said.out, "together with lease, a semaphore");
    shell("wherry choose --for browser | tr '\\n' ' ' | tr -s ' '");
    CHECK_CONTAINS(said.out, "1. ws (later)");
    CHECK_CONTAINS(said.out, "Not there yet: ws (later). The best that is: tcp:");
    shell("wherry choose --turns | tail -1");
    CHECK_CONTAINS(said.out, "Take lease:NAME");
    shell("wherry choose --topic --both-ways | tail -1");
    CHECK_CONTAINS(said.out, "Take local:NAME?fan=broadcast ");
    shell("wherry choose --both-ways --strangers | tail -1");
    CHECK_CONTAINS(said.out, "Take local:NAME (");
    shell("wherry choose --encrypted | tr '\\n' ' '");
    CHECK_CONTAINS(said.out, "Nothing of this is there yet. In place of tls: tcp:");
}

TEST(what_excludes_each_other_is_an_error_that_says_whom)
{
    shell("wherry choose --across-hosts --files");
    CHECK_INT(said.status, 1);
    CHECK_STRING(said.out, "");
    CHECK_CONTAINS(said.err, "no mechanism has all of --across-hosts --files\n");
    CHECK_CONTAINS(said.err, "\n  --across-hosts excludes all but tcp tls ws http udp");
    CHECK_CONTAINS(said.err, "\n  --files excludes all but pair local unix fd\n");
    CHECK_CONTAINS(said.err, "\n    without it, take pair local unix fd\n");
    CHECK_CONTAINS(said.err, "\n    without it, take tcp tls ws http udp nats\n");
}

TEST(what_excludes_each_other_is_told_in_json_too)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
    shell(
        "wherry choose --browser --shared-memory --json 2> /dev/null > ranking;"
        "echo $?\n"
        "python3 -c '\n"
        "import json\n"
        "print({row[\"fits\"] for row in json.load(open(\"ranking\"))[\"choose\"]})'\n"
        "rm ranking");
    CHECK_STRING(said.out, "1\n{False}\n");
}

/* --- speed ---------------------------------------------------------------- */

// Processor time, of the shell too: what else runs on the machine does not count.
TEST(choose_and_transports_answer_in_less_than_50_ms)
{
    static const char *const commands[] = {
        "wherry transports > out; rm out", "wherry transports --json > out; rm out",
        "wherry choose --for bulk-data > out; rm out",
        "wherry choose --strangers --all --json > out; rm out"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        int64_t before = processor_time();
        CHECK_SHELL(commands[i], "");
        int64_t took = (processor_time() - before) / 1000000;
        printf("# %lld ms: %s\n", (long long)took, commands[i]);
        CHECK_RANGE(took, 0, harness_stretch(50) - 1);
    }
}
