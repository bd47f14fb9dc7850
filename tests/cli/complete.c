/* SPDX-License-Identifier: MIT */
/*
 * Completion: what `wherry --complete` answers, and what becomes of a line in a real
 * bash and a real zsh when somebody presses the tab key (press.py).
 */
#include "shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { COMMAND_MOST = 4096 };

/* --- what the program answers -------------------------------------------- */

// The answers to the words, quoted for sh(1), without their help.
static void check_answers(const char *words, const char *expected)
{
    char command[COMMAND_MOST];
    snprintf(command, sizeof(command), "wherry --complete %s | cut -f 1 | sort", words);
    CHECK_SHELL(command, expected);
    CHECK_STRING(said.err, "");
}

TEST(the_beginning_of_a_verb_is_completed)
{
    check_answers("des", "describe\n");
    check_answers("re", "recv\nregion\nrelay\nremove\n");
    check_answers("--v", "--version\n");
}

TEST(each_answer_has_its_help)
{
    CHECK_SHELL("wherry --complete help",
                "help\tExplains a verb, a mechanism, or what all of them share.\n");
    CHECK_SHELL("wherry --complete send --kin",
                "--kind\tThe kind of the messages that are sent.\n");
    CHECK_SHELL(
        "wherry --complete dial 'tcp:h:1?node'",
        "tcp:h:1?nodelay=\tSends small messages at once (TCP_NODELAY) instead of "
        "gathering them.\n");
}

TEST(an_address_is_completed_to_its_scheme)
{
    check_answers("send un", "unix:\n");
    check_answers("relay unix:a fi", "fifo:\n");
    check_answers("remove unix:a unix:b m", "mq:\n");
    check_answers("send -- un", "unix:\n");
    check_answers("send -- --f", "");
}

TEST(memory_is_offered_where_a_verb_takes_it)
{
    check_answers("region re", "read\nremove\n");
    check_answers("region show sh", "shm:\nshmv:\n");
    check_answers("remove sh", "shm:\nshmv:\n");
    check_answers("remove se", "sem:\nsemv:\n");
    check_answers("dial sh", "");
}

TEST(a_scheme_that_a_shell_cannot_open_is_offered_where_it_is_explained_only)
{
    check_answers("send pai", "");
    check_answers("help pai", "pair\n");
    check_answers("tour pai", "pair\n");
    check_answers("tour pair proc", "processes\n");
    check_answers("help fau", "");
    check_answers("dial tl", "");
}

TEST(an_option_of_an_address_is_completed_with_its_choices)
{
    check_answers("dial 'unix:x?ty'", "unix:x?type=\n");
    check_answers("dial 'unix:x?type=s'", "unix:x?type=stream\n");
    check_answers("dial 'tcp:h:1?nodelay='",
                  "tcp:h:1?nodelay=no\ntcp:h:1?nodelay=yes\n");
    check_answers(
        "dial 'unix:x?type=stream&framing=l'",
        "unix:x?type=stream&framing=length\nunix:x?type=stream&framing=line\n");
}

TEST(an_option_that_is_given_already_is_not_offered_again)
{
    check_answers("dial 'unix:x?type=stream&ty'", "");
    check_answers("dial 'unix:x?mytype=1&ty'", "unix:x?mytype=1&type=\n");
}

TEST(each_scheme_offers_all_of_its_options_and_no_others)
{
    CHECK_SHELL(
        "wherry help --json | python3 -c '\n"
        "import json, subprocess, sys\n"
        "help = json.load(sys.stdin)\n"
        "for each in help[\"schemes\"]:\n"
        "    word = each[\"scheme\"] + \":x?\"\n"
        "    said = subprocess.run([\"wherry\", \"--complete\", \"describe\", word],\n"
        "                          capture_output=True, text=True).stdout\n"
        "    offered = [line.split(\"\\t\")[0] for line in said.splitlines()]\n"
        "    is_absent = \"absent\" in each[\"facts\"]\n"
        "    is_other = each[\"facts\"].get(\"moves\") in (\"memory\", \"turns\")\n"
        "    has_none = is_absent or is_other or each[\"scheme\"] == \"fault\"\n"
        "    shared = [] if has_none else help[\"channel\"]\n"
        "    wanted = [word + option[\"option\"] + \"=\"\n"
        "              for option in each[\"options\"] + shared]\n"
        "    assert sorted(offered) == sorted(wanted), (offered, wanted)\n"
        "    assert wanted or is_absent, each\n"
        "'",
        "");
    CHECK_STRING(said.err, "");
}

TEST(each_verb_offers_all_of_its_options_and_no_others)
{
    CHECK_SHELL(
        "wherry help --json | python3 -c '\n"
        "import json, subprocess, sys\n"
        "for each in json.load(sys.stdin)[\"verbs\"]:\n"
        "    said = subprocess.run([\"wherry\", \"--complete\", each[\"verb\"], "
        "\"--\"],\n"
        "                          capture_output=True, text=True).stdout\n"
        "    offered = [line.split(\"\\t\")[0] for line in said.splitlines()]\n"
        "    wanted = [\"--\" + option[\"option\"] for option in each[\"options\"]]\n"
        "    assert offered == wanted + [\"--help\"], (offered, wanted)\n"
        "'",
        "");
    CHECK_STRING(said.err, "");
}

TEST(the_value_of_an_option_is_completed_where_words_are_wanted)
{
    check_answers("send --framing l", "length\nline\n");
    check_answers("send --framing=l", "--framing=length\n--framing=line\n");
    check_answers("bench --place ''", "both\ncross\nsame\n");
    check_answers("send --kind ''", "");
    check_answers("send --timeout 1", "");
    check_answers("send --kind fi fi", "fifo:\n");
}

TEST(a_signal_is_completed_by_its_name)
{
    check_answers("signal US", "USR1\nUSR2\n");
    check_answers("signal --value 7 TER", "TERM\n");
    check_answers("signal RTMIN+1", "RTMIN+1\nRTMIN+10\nRTMIN+11\nRTMIN+12\n"
                                    "RTMIN+13\nRTMIN+14\nRTMIN+15\n");
    check_answers("signal 1", "");
}

TEST(a_scenario_is_completed_by_its_name)
{
    check_answers("choose --for ed", "editor-plugin\n");
    check_answers("choose --for li", "list\n");
    check_answers("choose --across-hosts --for=tur", "--for=turns\n");
}

TEST(files_are_left_to_the_shell)
{
    CHECK_SHELL("wherry --complete send --file x", "\tfile\n");
    CHECK_SHELL("wherry --complete tour --html=", "\tfile\n");
}

TEST(paths_in_an_address_are_completed)
{
    CHECK_SHELL("mkdir d; touch boat .hidden 'a?b%c' 'a new' d/deep; touch 'bad\tname'",
                "");
    check_answers("recv unix:", "unix:a new\nunix:a%3Fb%25c\nunix:boat\nunix:d/\n"
                                "unix:wherry/\n");
    check_answers("recv fifo:b", "fifo:boat\n");
    check_answers("recv unix:d/", "unix:d/deep\n");
    check_answers("recv unix:.h", "unix:.hidden\n");
    check_answers("recv \"unix:$PWD/bo\" | sed \"s|$PWD||\"", "unix:/boat\n");
    check_answers("recv unix:nowhere/", "");
    check_answers("recv mq:/", "");
    shell("rm -r d boat .hidden a* bad*");
}

TEST(a_line_without_sense_has_no_answers)
{
    check_answers("", "");
    check_answers("nonsense ''", "");
    check_answers("send nonsense:", "");
    check_answers("send 'nonsense:?a'", "");
    check_answers("send 'unix:x?nonsense='", "");
    check_answers("send unix:x ''", "");
    check_answers("send --nonsense", "");
    check_answers("send --=x", "");
    check_answers("send ':'", "");
}

/* --- the tab key --------------------------------------------------------- */

// What is typed, and what stands in the line then; other where zsh has its own way.
static const struct line {
    const char *name;
    const char *keys;
    const char *bash;
    const char *zsh; // NULL: the same
} lines[] = {
    {"a_verb", "wherry desc\tX", "wherry describe X", NULL},
    {"a_verb_behind_others", "echo; wherry desc\tX", "echo; wherry describe X", NULL},
    {"what_is_ambiguous", "wherry d\tX", "wherry dX", NULL},
    {"an_option", "wherry send --fr\tle\tX", "wherry send --framing length X", NULL},
    {"a_value_behind_equals", "wherry send --framing=le\tX",
     "wherry send --framing=length X", NULL},
    {"a_scheme", "wherry send un\tX", "wherry send unix:X", NULL},
    {"a_path_in_an_address", "wherry send unix:bo\tX", "wherry send unix:boat X", NULL},
    {"a_path_with_a_blank", "wherry send unix:a\tX", "wherry send unix:a\\ file X",
     NULL},
    {"a_directory", "wherry send unix:s\tX", "wherry send unix:sub/X", NULL},
    {"a_name_with_an_at", "wherry send unix:@x?ty\tX", "wherry send unix:@x\\?type=X",
     NULL},
    {"an_option_of_an_address", "wherry send unix:x?ty\tX",
     "wherry send unix:x\\?type=X", NULL},
    {"a_choice", "wherry send unix:x\\?type=da\tX",
     "wherry send unix:x\\?type=datagram X", NULL},
    {"a_second_option", "wherry send unix:x\\?type=stream\\&fra\tX",
     "wherry send unix:x\\?type=stream\\&framing=X", NULL},
    {"an_option_within_quotes", "wherry send 'unix:x?type=stream&fra\tX",
     "wherry send 'unix:x?type=stream&framing=X", NULL},
    {"a_choice_within_quotes", "wherry send \"unix:x?type=da\t X",
     "wherry send \"unix:x?type=datagram\"  X",
     "wherry send \"unix:x?type=datagram\" X"},
    {"a_quotation_that_begins_late", "wherry send unix:x'?ty\tX",
     "wherry send unix:x'?type=X", "wherry send unix:x\\?type=X"},
    {"a_file", "wherry send --file bo\tX", "wherry send --file boat X", NULL},
    {"a_file_behind_equals", "wherry send --file=bo\tX", "wherry send --file=boat X",
     NULL},
    {"nothing_where_there_is_nothing", "wherry nonsense \tX", "wherry nonsense X",
     NULL},
};

enum { LINES = sizeof(lines) / sizeof(lines[0]), SHELLS = 2 };

struct press {
    const char *shell;
    const struct line *line;
};

static void press(const void *argument)
{
    const struct press *press = argument;
    const bool is_zsh = strcmp(press->shell, "zsh") == 0;
    char expected[COMMAND_MOST];
    if (!harness_have_program(press->shell))
        SKIP("%s is not installed", press->shell);
    setenv("KEYS", press->line->keys, 1);
    setenv("PRESSED", press->shell, 1);
    shell("mkdir sub; touch boat 'a file'\n"
          "python3 \"$WHERRY_SOURCE/tests/cli/press.py\" $PRESSED "
          "\"$WHERRY_SOURCE/cli/completion\" \"$KEYS\"\n"
          "rm -r sub boat a*");
    CHECK_STRING(said.err, "");
    snprintf(expected, sizeof(expected), "%s\n",
             is_zsh && press->line->zsh ? press->line->zsh : press->line->bash);
    CHECK_STRING(said.out, expected);
}

void harness_register(void)
{
    static const char *const shells[SHELLS] = {"bash", "zsh"};
    static struct press all[SHELLS * LINES];
    for (size_t i = 0; i < SHELLS * LINES; i++) {
        char name[128];
        all[i] = (struct press){shells[i % SHELLS], &lines[i / SHELLS]};
        snprintf(name, sizeof(name), "the_tab_key_of_%s_completes_%s", all[i].shell,
                 all[i].line->name);
        harness_add(name, press, &all[i]);
    }
}
