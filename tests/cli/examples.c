/* SPDX-License-Identifier: MIT */
/*
 * Every example of --help is run as it stands, pasted into a shell in an empty
 * directory.
 */
#include "shell.h"

#include <stdio.h>
#include <string.h>

// What an example prints: all of it, or, with a part, at least that.
static const struct example {
    const char *verb;
    const char *all;
    const char *part;
} examples[] = {
    {"listen", "ahoy\n", NULL},
    {"dial", "ahoy\n", NULL},
    {"send", "ahoy\ncast off\n", NULL},
    {"recv", "7\tahoy\n", NULL},
    {"relay", "ahoy\n", NULL},
    {"signal", NULL, "RTMIN\t7\tprocess "},
    {"remove", "", NULL},
    {"transports", NULL, "fifo"},
    {"choose", NULL, "Take stdio:"},
    {"describe", NULL, "peer trust         kernel\n"},
    {"region", "ahoy\n", NULL},
    {"acquire", NULL, "my turn\naddress"},
    {"run", NULL, "\"ended\": \"exit 0\""},
    {"pipe", NULL, "/bin/"},
    {"fds", NULL, "open file descriptions\nDESCRIPTION"},
    {"list", NULL, "shm:/charts root"},
    {"bench", NULL, "One way: Wherry / bare system calls\n"},
    {"help", NULL, "fifo:PATH\n"},
};

// Those of these are run by suites of their own.
static const char *const elsewhere[] = {"tour"};

enum {
    EXAMPLES = sizeof(examples) / sizeof(examples[0]),
    ELSEWHERE = sizeof(elsewhere) / sizeof(elsewhere[0])
};

static void run_example(const void *argument)
{
    const struct example *example = argument;
    char script[4096];
    snprintf(script, sizeof(script), "wherry %s --help", example->verb);
    shell(script);
    CHECK_INT(said.status, 0);
    CHECK_STRING(said.err, "");
    const char *heading = strstr(said.out, "Example:\n");
    CHECK(heading != NULL);
    snprintf(script, sizeof(script), "%s", strchr(heading, '\n') + 1);
    CHECK(strlen(script) > 4);
    shell(script);
    CHECK_INT(said.status, 0);
    if (example->all)
        CHECK_STRING(said.out, example->all);
    else
        CHECK_CONTAINS(said.out, example->part);
    shell("rm -f heard");
}

void harness_register(void)
{
    static char names[EXAMPLES][64];
    for (size_t i = 0; i < EXAMPLES; i++) {
        snprintf(names[i], sizeof(names[i]), "the_example_of_%s_works_when_pasted",
                 examples[i].verb);
        harness_add(names[i], run_example, &examples[i]);
    }
}

static bool is_covered(const char *verb)
{
    for (size_t i = 0; i < EXAMPLES; i++)
        if (strcmp(examples[i].verb, verb) == 0)
            return true;
    for (size_t i = 0; i < ELSEWHERE; i++)
        if (strcmp(elsewhere[i], verb) == 0)
            return true;
    return false;
}

TEST(every_verb_has_a_tested_example)
{
    shell("wherry help | sed -n 's/^  \\([a-z]*\\)  .*/\\1/p' | grep -v '^wherry$'");
    int count = 0;
    for (char *verb = strtok(said.out, "\n"); verb; verb = strtok(NULL, "\n"), count++)
        if (!is_covered(verb))
            FAIL("the example of %s is not run by any test", verb);
    CHECK_RANGE(count, EXAMPLES, EXAMPLES + ELSEWHERE);
}

TEST(every_verb_explains_itself)
{
    shell("for verb in $(wherry help | sed -n 's/^  \\([a-z]*\\)  .*/\\1/p'); do\n"
          "    test $verb = wherry && continue\n"
          "    wherry $verb --help | grep -q '^Example:' || echo $verb has no example\n"
          "    wherry $verb --help | grep -q \"^usage: wherry $verb \" || echo $verb: "
          "usage\n"
          "    wherry help $verb > by-help; wherry $verb --help | cmp by-help -\n"
          "    wherry $verb --help | awk 'length > 80 { print \"too wide: \" $0 }'\n"
          "done; rm by-help");
    CHECK_STRING(said.out, "");
    CHECK_STRING(said.err, "");
}

TEST(every_scheme_explains_itself)
{
    shell(
        "for scheme in $(wherry transports --all | awk 'NR > 1 { print $1 }'); do\n"
        "    wherry help $scheme: | grep -qE '^(Options of the address:|absent )' ||\n"
        "        echo $scheme\n"
        "    wherry describe $scheme > by-describe\n"
        "    wherry help $scheme: | cmp by-describe -\n"
        "done; rm by-describe");
    CHECK_STRING(said.out, "");
    CHECK_STRING(said.err, "");
}
