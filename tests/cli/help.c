/* SPDX-License-Identifier: MIT */
/*
 * Help as JSON says what help says to people, of every verb, mechanism and framing; and
 * who is sent there.
 */
#include "shell.h"

// A check of `wherry help --json`, in Python, with the object as `help`.
#define CHECK_HELP(lines)                                                              \
    do {                                                                               \
        CHECK_SHELL("wherry help --json > help\n"                                      \
                    "python3 - <<'END'\n"                                              \
                    "import json, subprocess\n"                                        \
                    "help = json.load(open('help'))\n"                                 \
                    "def ask(*words):\n"                                               \
                    "    return subprocess.run(['wherry', 'help', *words],\n"          \
                    "        capture_output=True, text=True, check=True).stdout\n"     \
                    "def same(text):\n"                                                \
                    "    return ' '.join(text.split())\n" lines "END\n"                \
                    "rm help",                                                         \
                    "");                                                               \
        CHECK_STRING(said.err, "");                                                    \
    } while (0)

TEST(each_verb_is_told_whole)
{
    CHECK_HELP("listed = ask()\n"
               "for verb in help['verbs']:\n"
               "    text = same(ask(verb['verb']))\n"
               "    usage = f\"usage: wherry {verb['verb']} {verb['arguments']}\"\n"
               "    parts = [usage, verb['summary'], verb['text'], verb['example']]\n"
               "    for option in verb['options']:\n"
               "        parts += [f\"--{option['option']} {option['value']}\",\n"
               "                  option['help']]\n"
               "    for part in parts:\n"
               "        assert same(part) in text, (verb['verb'], part)\n"
               "    assert verb['example'] and verb['summary'] in listed, verb\n"
               "assert len(help['verbs']) == listed.count('\\n  ') - 4, listed\n");
}

TEST(each_mechanism_is_told_whole)
{
    CHECK_HELP(
        "rows = subprocess.run(['wherry', 'transports', '--all', '--json'],\n"
        "    capture_output=True, text=True, check=True).stdout\n"
        "schemes = [row['scheme'] for row in json.loads(rows)['transports']]\n"
        "assert [each['scheme'] for each in help['schemes']] == schemes\n"
        "for each in help['schemes']:\n"
        "    text = same(ask(each['scheme'] + ':'))\n"
        "    parts = [each['usage'], each['summary'], *each['lacks']]\n"
        "    parts += [f'{name} {told}' for name, told in each['facts'].items()]\n"
        "    for option in each['options']:\n"
        "        parts += [f\"{option['option']}={option['values']} (\",\n"
        "                  option['usually'], option['help']]\n"
        "    for part in parts:\n"
        "        assert same(part) in text, (each['scheme'], part)\n");
}

TEST(what_every_mechanism_has_is_told_once)
{
    CHECK_HELP("text = same(ask('channel'))\n"
               "shared = [option['option'] for option in help['channel']]\n"
               "assert 'full' in shared and 'message' in shared\n"
               "for name in shared:\n"
               "    assert f'{name}=' in text, name\n"
               "for each in help['schemes']:\n"
               "    own = [option['option'] for option in each['options']]\n"
               "    assert not set(own) & set(shared), (each['scheme'], own)\n");
}

TEST(each_framing_is_told_whole)
{
    CHECK_HELP("text = same(ask('framing'))\n"
               "assert len(help['framings']) > 1\n"
               "for each in help['framings']:\n"
               "    parts = [each['framing'], each['summary']]\n"
               "    for part in parts + [f\"carries {each['carries']}\"]:\n"
               "        assert same(part) in text, part\n");
}

TEST(the_version_is_the_program_s)
{
    CHECK_HELP("said = subprocess.run(['wherry', '--version'], text=True,\n"
               "    capture_output=True).stdout\n"
               "assert said == f\"wherry {help['version']}\\n\", said\n");
}

TEST(json_takes_no_word)
{
    shell("wherry help --json send");
    CHECK_INT(said.status, 2);
    CHECK_STRING(said.out, "");
    CHECK_CONTAINS(said.err, "--json prints all there is");
}

// Good for a pair, and so found wrong only when it is used.
TEST(an_address_without_its_name_is_a_wrong_word)
{
    shell("for verb in listen dial recv send; do\n"
          "wherry $verb local: < /dev/null; echo $?; done");
    CHECK_STRING(said.out, "2\n2\n2\n2\n");
    CHECK_CONTAINS(said.err, "it needs a name here: local:NAME");
    CHECK_CONTAINS(said.err, "Try: wherry help local:");
}
