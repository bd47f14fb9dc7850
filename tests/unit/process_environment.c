/* SPDX-License-Identifier: MIT */
/*
 * Environments: what changes make of a list, and what is found in one.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include "process/process.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { ENTRIES = 6 };

static void check_same(const char **actual, const char *const *expected)
{
    size_t i = 0;
    CHECK(actual != NULL);
    for (; expected[i]; i++)
        CHECK_STRING(actual[i], expected[i]);
    CHECK_STRING(actual[i], NULL);
    free(actual);
}

/* --- made ---------------------------------------------------------------- */

static const struct {
    const char *base[ENTRIES];
    const char *changes[ENTRIES];
    const char *expected[ENTRIES];
} changed[] = {
    {{NULL}, {NULL}, {NULL}},
    {{"A=1", "B=2"}, {NULL}, {"A=1", "B=2"}},
    {{NULL}, {"A=1"}, {"A=1"}},
    {{NULL}, {"A"}, {NULL}},
    // Set, and set anew.
    {{"A=1"}, {"B=2"}, {"A=1", "B=2"}},
    {{"A=1"}, {"A=2"}, {"A=2"}},
    {{"A=1", "B=2", "C=3"}, {"A=9"}, {"B=2", "C=3", "A=9"}},
    {{"A=1", "B=2", "C=3"}, {"C=9"}, {"A=1", "B=2", "C=9"}},
    {{"A=1"}, {"A=1"}, {"A=1"}},
    {{"A=1"}, {"A="}, {"A="}},
    {{"A="}, {"A=1"}, {"A=1"}},
    {{"A=1"}, {"A=B=C"}, {"A=B=C"}},
    {{"A=B=C"}, {"A==2"}, {"A==2"}},
    // Taken out, the first, the middle and the last one.
    {{"A=1", "B=2", "C=3"}, {"A"}, {"B=2", "C=3"}},
    {{"A=1", "B=2", "C=3"}, {"B"}, {"A=1", "C=3"}},
    {{"A=1", "B=2", "C=3"}, {"C"}, {"A=1", "B=2"}},
    {{"A=1", "B=2", "C=3"}, {"C", "A", "B"}, {NULL}},
    {{"A="}, {"A"}, {NULL}},
    {{"A=1"}, {"X"}, {"A=1"}},
    // The last change of a name is the one.
    {{"A=1"}, {"A=2", "A=3"}, {"A=3"}},
    {{"A=1"}, {"A", "A=2"}, {"A=2"}},
    {{"A=1"}, {"A=2", "A"}, {NULL}},
    {{NULL}, {"A=1", "A"}, {NULL}},
    {{NULL}, {"A=1", "A", "A=2", "A", "A=3"}, {"A=3"}},
    {{NULL}, {"A=1", "B=2", "A=3"}, {"B=2", "A=3"}},
    // A name is the whole of it, and as it is written.
    {{"AB=1"}, {"A"}, {"AB=1"}},
    {{"A=1"}, {"AB"}, {"A=1"}},
    {{"AB=1", "A=1"}, {"A=2"}, {"AB=1", "A=2"}},
    {{"A=1"}, {"AB=2"}, {"A=1", "AB=2"}},
    {{"A=B"}, {"B"}, {"A=B"}},
    {{"a=1"}, {"A"}, {"a=1"}},
    {{"AB=1"}, {"AC"}, {"AB=1"}},
    // What this process was given may be no environment by the book.
    {{"A=1", "A=2"}, {NULL}, {"A=1", "A=2"}},
    {{"A=1", "B=2", "A=3"}, {"A"}, {"B=2"}},
    {{"A=1", "B=2", "A=3"}, {"A=4"}, {"B=2", "A=4"}},
    {{"A", "B=2"}, {NULL}, {"A", "B=2"}},
    {{"A", "B=2"}, {"A"}, {"B=2"}},
    {{"A", "B=2"}, {"A=1"}, {"B=2", "A=1"}},
    {{"", "=1"}, {"A=1"}, {"", "=1", "A=1"}},
};

TEST(changes_are_applied_one_after_the_other)
{
    for (size_t i = 0; i < COUNT(changed); i++)
        check_same(environment_make(changed[i].base, changed[i].changes),
                   changed[i].expected);
}

TEST(a_list_that_is_not_there_is_empty)
{
    static const char *const one[] = {"A=1", NULL};
    static const char *const none[] = {NULL};
    check_same(environment_make(NULL, NULL), none);
    check_same(environment_make(NULL, one), one);
    check_same(environment_make(one, NULL), one);
}

TEST(neither_list_is_written_and_what_they_point_to_is_borrowed)
{
    static char old[] = "A=1";
    static char other[] = "B=1";
    static char change[] = "A=2";
    const char *base[] = {old, other, NULL};
    const char *changes[] = {"C=1", change, "C", NULL};
    const char **list = environment_make(base, changes);
    CHECK(list[0] == other);
    CHECK(list[1] == change);
    CHECK(!list[2]);
    CHECK(base[0] == old && base[1] == other && !base[2]);
    CHECK(changes[1] == change && !changes[3]);
    free(list);
}

TEST(a_thousand_changes_of_a_thousand_names_are_applied)
{
    enum { THOUSAND = 1000 };

    static char entries[THOUSAND][16];
    static char sets[THOUSAND][16];
    static const char *base[THOUSAND + 1];
    static const char *changes[THOUSAND + 1];
    for (int i = 0; i < THOUSAND; i++) {
        snprintf(entries[i], sizeof(entries[i]), "N%d=old", i);
        snprintf(sets[i], sizeof(sets[i]), i % 2 ? "N%d=new" : "N%d", i);
        base[i] = entries[i];
        changes[i] = sets[i];
    }
    const char **list = environment_make(base, changes);
    for (int i = 0; i < THOUSAND / 2; i++)
        CHECK(list[i] == sets[2 * i + 1]);
    CHECK(!list[THOUSAND / 2]);
    free(list);
}

static void make_one(void *argument)
{
    static const char *const base[] = {"A=1", NULL};
    static const char *const changes[] = {"B=1", NULL};
    (void)argument;
    const char **list = environment_make(base, changes);
    if (list)
        CHECK_STRING(list[1], "B=1");
    free(list);
}

TEST(without_memory_there_is_no_environment)
{
    CHECK_INT(harness_each_allocation(make_one, NULL), 1);
}

/* --- looked up ----------------------------------------------------------- */

TEST(a_value_is_found_by_its_name)
{
    static const char *const list[] = {"PATHS=no", "PATH=/bin:/usr/bin",
                                       "EMPTY=",   "SIGN=a=b",
                                       "TWICE=1",  "TWICE=2",
                                       "lower=1",  "BARE",
                                       NULL};
    CHECK_STRING(environment_find(list, "PATH"), "/bin:/usr/bin");
    CHECK_STRING(environment_find(list, "PATHS"), "no");
    CHECK_STRING(environment_find(list, "EMPTY"), "");
    CHECK_STRING(environment_find(list, "SIGN"), "a=b");
    CHECK_STRING(environment_find(list, "lower"), "1");
    // As getenv(3).
    CHECK_STRING(environment_find(list, "TWICE"), "1");
    CHECK(environment_find(list, "PATH") == list[1] + 5);
}

TEST(what_is_not_there_is_not_found)
{
    static const char *const list[] = {"PATHS=no", "BARE", "SIGN=a=b", "lower=1", NULL};
    static const char *const none[] = {NULL};
    static const char *const names[] = {"PATH", "PATHSX", "BARE",   "SIGN=a",
                                        "a",    "LOWER",  "lower=", "B"};
    for (size_t i = 0; i < COUNT(names); i++)
        CHECK_STRING(environment_find(list, names[i]), NULL);
    CHECK_STRING(environment_find(none, "PATH"), NULL);
}

TEST(a_name_without_a_value_hides_none)
{
    static const char *const list[] = {"A", "A=1", NULL};
    CHECK_STRING(environment_find(list, "A"), "1");
}

TEST(what_was_made_is_looked_up)
{
    static const char *const base[] = {"PATH=/bin", "HOME=/", NULL};
    static const char *const changes[] = {"PATH=/opt", "HOME", NULL};
    const char **list = environment_make(base, changes);
    CHECK_STRING(environment_find(list, "PATH"), "/opt");
    CHECK_STRING(environment_find(list, "HOME"), NULL);
    free(list);
}
