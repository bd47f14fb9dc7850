/* SPDX-License-Identifier: MIT */
/*
 * semaphores: what the verbs that are not made for them tell of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wherry.h>

#include "harness.h"
#include "shell.h"

enum { TEXT = 512 };

static const char *sem(void)
{
    static char text[64];
    snprintf(text, sizeof(text), "sem:/wherry-test-%ld", (long)getpid());
    return text;
}

static const char *semv(void)
{
    static char text[64];
    snprintf(text, sizeof(text), "semv:0x%lx", 0x57000000 | (long)getpid());
    return text;
}

static void make(const char *address, const char *options)
{
    char text[TEXT];
    wherry_semaphore *semaphore = NULL;
    snprintf(text, sizeof(text), "%s?%s", address, options);
    if (wherry_semaphore_open(text, &semaphore) < 0)
        FAIL("%s", wherry_error_text());
    wherry_semaphore_close(semaphore);
}

static void ask(const char *format, const char *address)
{
    char script[TEXT];
    snprintf(script, sizeof(script), "%s", format);
    char *place = strstr(script, "IT");
    CHECK(place != NULL);
    snprintf(place, sizeof(script) - (size_t)(place - script), "'%s'%s", address,
             strstr(format, "IT") + 2);
    shell(script);
}

TEST(a_semaphore_is_described_and_removed)
{
    make(sem(), "permits=3");
    ask("wherry describe IT", sem());
    CHECK_INT(said.status, 0);
    CHECK_CONTAINS(said.out, sem());
    CHECK_CONTAINS(said.out, "value              3\n");
    CHECK_CONTAINS(said.out, "mode               600\n");
    CHECK(strstr(said.out, "waiters") == NULL); // which nobody knows
    ask("wherry remove IT", sem());
    CHECK_INT(said.status, 0);
    ask("wherry describe IT", sem());
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "no such semaphore");
    ask("wherry remove IT", sem());
    CHECK_INT(said.status, 1);
}

// Whoever asked wrote neither create=no nor what else is added to look and not to
// touch.
TEST(what_cannot_be_described_is_told_by_the_address_as_it_was_written)
{
    CHECK_INT(setenv("PATH_OF_LEASE", harness_path("wherry/broken.lease"), 1), 0);
    shell("dd if=/dev/zero of=$PATH_OF_LEASE bs=4096 count=1 2>/dev/null\n"
          "wherry describe lease:broken; wherry describe lease:none\n"
          "wherry describe shm:/wherry-none; rm $PATH_OF_LEASE");
    CHECK_STRING(said.err,
                 "wherry: describe: lease:broken: what is there is no lease\n"
                 "wherry: describe: lease:none: there is no such lease\n"
                 "wherry: describe: shm:/wherry-none: there is no such region\n");
    shell("wherry describe 'lease:none?create=no'");
    CHECK_STRING(said.err, "wherry: describe: lease:none?create=no: there is no such "
                           "lease: leave out create=no to make it\n");
}

TEST(a_set_is_described_with_the_values_of_all_members)
{
    make(semv(), "members=3&initial=1,0,5");
    ask("wherry describe IT?member=2", semv());
    CHECK_CONTAINS(said.out, "value              5\n");
    CHECK_CONTAINS(said.out, "waiters            0\n");
    CHECK_CONTAINS(said.out, "members            3\n");
    CHECK_CONTAINS(said.out, "values             1 0 5\n");
    CHECK_CONTAINS(said.out, "undo               yes\n");
    ask("wherry describe IT?member=3", semv());
    CHECK_INT(said.status, 1);
    CHECK_CONTAINS(said.err, "none of 3");
    ask("wherry remove IT", semv());
    CHECK_INT(said.status, 0);
}

TEST(a_set_of_many_is_cut_where_it_is_too_long)
{
    make(semv(), "members=300&initial=32767");
    ask("wherry describe IT", semv());
    CHECK_INT(said.status, 0);
    CHECK_CONTAINS(said.out, " 32767 ...\n");
    ask("wherry remove IT", semv());
}

TEST(a_semaphore_is_described_in_json)
{
    if (!harness_have_program("python3"))
        SKIP("there is no python3 to parse with");
    make(semv(), "members=2&initial=4");
    ask("wherry describe --json IT | python3 -c '\n"
        "import json, sys\n"
        "it = json.load(sys.stdin)[\"semaphores\"][0]\n"
        "print(it[\"value\"], it[\"values\"], it[\"permits\"], it[\"undo\"])'",
        semv());
    CHECK_STRING(said.out, "4 4 4 None True\n");
    ask("wherry remove IT", semv());
}
