/* SPDX-License-Identifier: MIT */
/*
 * A command as words: blanks part them, quotes and backslashes keep them together.
 */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "process/process.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { WORDS = 6 };

static const struct {
    const char *command;
    const char *expected[WORDS];
} commands[] = {
    {"ls", {"ls"}},
    {"ls -l", {"ls", "-l"}},
    {" \t\nls\t-l\n", {"ls", "-l"}},
    {"a  b", {"a", "b"}},
    // Quotes keep blanks, also in the middle of a word.
    {"'a b'", {"a b"}},
    {"\"a b\"", {"a b"}},
    {"x'a b'y", {"xa by"}},
    {"'a'\"b\"c", {"abc"}},
    {"grep 'a?b' \"c d\"", {"grep", "a?b", "c d"}},
    // A word may be empty, but not the first.
    {"a ''", {"a", ""}},
    {"a '' \"\"", {"a", "", ""}},
    {"''a", {"a"}},
    // Backslashes.
    {"a\\ b", {"a b"}},
    {"\\'a", {"'a"}},
    {"a\\\\", {"a\\"}},
    {"'a\\b'", {"a\\b"}},
    {"\"a\\\"b\"", {"a\"b"}},
    {"\"a\\\\\"", {"a\\"}},
    {"\"\\$x\\`\"", {"$x`"}},
    {"\"a\\nb\"", {"a\\nb"}},
    {"'it'\\''s'", {"it's"}},
    {"\"'\"", {"'"}},
    {"a\\\nb c", {"ab", "c"}},
    // Nothing else means anything.
    {"a | b > $c *", {"a", "|", "b", ">", "$c"}},
    {"# a", {"#", "a"}},
};

TEST(words_are_parted_as_a_shell_parts_them)
{
    for (size_t i = 0; i < COUNT(commands); i++) {
        CHECK_INT(command_check(commands[i].command), 0);
        const char **words = command_words(commands[i].command);
        CHECK(words);
        for (size_t word = 0; word + 1 < WORDS && commands[i].expected[word]; word++)
            CHECK_STRING(words[word], commands[i].expected[word]);
        free(words);
    }
}

TEST(there_are_no_more_words_than_there_are)
{
    for (size_t i = 0; i < COUNT(commands); i++) {
        const char **words = command_words(commands[i].command);
        size_t count = 0;
        size_t expected = 0;
        CHECK(words);
        while (words[count])
            count++;
        while (expected < WORDS && commands[i].expected[expected])
            expected++;
        // The last but one has more words than stand there.
        CHECK_INT(count, strchr(commands[i].command, '*') ? WORDS : expected);
        free(words);
    }
}

TEST(what_is_not_closed_is_refused)
{
    static const char *const open_ones[] = {"'",   "a 'b",    "\"",  "a\"",
                                            "a\\", "\"a\\\"", "'a''"};
    for (size_t i = 0; i < COUNT(open_ones); i++) {
        CHECK_INT(command_check(open_ones[i]), -EINVAL);
        CHECK(strstr(wherry_error_text(), "quote"));
    }
}

TEST(a_command_names_a_program)
{
    static const char *const none[] = {"", " ", "\n\t ", "''", "\"\" a", " '' a"};
    for (size_t i = 0; i < COUNT(none); i++) {
        CHECK_INT(command_check(none[i]), -EINVAL);
        CHECK(strstr(wherry_error_text(), "names no program"));
    }
}
