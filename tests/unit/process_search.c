/* SPDX-License-Identifier: MIT */
/*
 * Where a program is looked for: at its path, or in each directory of PATH.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/process.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

enum { PATHS = 6 };

static const struct {
    const char *file;
    const char *path;
    const char *expected[PATHS];
} searches[] = {
    {"ls", "/bin", {"/bin/ls"}},
    {"ls", "/bin:/usr/bin", {"/bin/ls", "/usr/bin/ls"}},
    {"l", "/a:/b:/c", {"/a/l", "/b/l", "/c/l"}},
    {"ls", "/", {"//ls"}},
    {"ls", "/bin/", {"/bin//ls"}},
    {"ls", "bin:..", {"bin/ls", "../ls"}},
    {"a b", "/x y", {"/x y/a b"}},
    {"-", "/bin", {"/bin/-"}},
    // The system's usual one.
    {"ls", NULL, {"/bin/ls", "/usr/bin/ls"}},
    // An empty directory is the one where the process is, at whichever end.
    {"ls", "", {"./ls"}},
    {"ls", ":", {"./ls", "./ls"}},
    {"ls", ":/bin", {"./ls", "/bin/ls"}},
    {"ls", "/bin:", {"/bin/ls", "./ls"}},
    {"ls", "/a::/b", {"/a/ls", "./ls", "/b/ls"}},
    {"ls", "::/b::", {"./ls", "./ls", "/b/ls", "./ls", "./ls"}},
    {"ls", ".", {"./ls"}},
    // A path is a path, whatever PATH says.
    {"/bin/ls", "/usr/bin:/opt", {"/bin/ls"}},
    {"./ls", "/bin", {"./ls"}},
    {"../ls", "/bin", {"../ls"}},
    {"a/b", "/bin:", {"a/b"}},
    {"ls/", "/bin", {"ls/"}},
    {"/", "/bin", {"/"}},
    {"/bin/ls", NULL, {"/bin/ls"}},
    {"/bin/ls", "", {"/bin/ls"}},
};

TEST(a_program_is_looked_for_in_each_directory)
{
    for (size_t i = 0; i < COUNT(searches); i++) {
        const char **list = search_make(searches[i].file, searches[i].path);
        size_t j = 0;
        CHECK(list != NULL);
        for (; searches[i].expected[j]; j++)
            CHECK_STRING(list[j], searches[i].expected[j]);
        CHECK_STRING(list[j], NULL);
        free(list);
    }
}

TEST(the_paths_need_not_the_text_they_were_made_of)
{
    char file[] = "ls";
    char path[] = "/a:/b";
    const char **list = search_make(file, path);
    memset(file, 'x', strlen(file));
    memset(path, 'x', strlen(path));
    CHECK_STRING(list[0], "/a/ls");
    CHECK_STRING(list[1], "/b/ls");
    free(list);
}

// What is behind the block is seen by valgrind and by the sanitizers.
TEST(there_is_room_for_directories_and_names_of_any_length)
{
    static char path[4096];
    static char file[512];
    for (size_t size = 0; size < 1200; size++) {
        size_t at = size;
        memset(path, 'd', size);
        // As many empty ones as long ones, and more than either.
        for (size_t i = 0; i < size % 5; i++)
            path[at++] = ':';
        path[at] = 0;
        memset(file, 'f', 1 + size % 300);
        file[1 + size % 300] = 0;
        const char **list = search_make(file, path);
        size_t count = 0;
        for (; list[count]; count++) {
            size_t directory = count == 0 && size > 0 ? size : 1;
            CHECK_INT(strlen(list[count]), directory + 1 + strlen(file));
            CHECK_STRING(list[count] + directory + 1, file);
            CHECK_INT(list[count][directory], '/');
            CHECK_INT(list[count][0], count == 0 && size > 0 ? 'd' : '.');
        }
        CHECK_INT(count, size % 5 + 1);
        free(list);
    }
}

TEST(a_thousand_directories_are_searched)
{
    enum { THOUSAND = 1000 };

    static char path[THOUSAND * 8];
    size_t length = 0;
    for (int i = 0; i < THOUSAND; i++)
        length += (size_t)snprintf(path + length, sizeof(path) - length, "%s/%d",
                                   i ? ":" : "", i);
    const char **list = search_make("program", path);
    for (int i = 0; i < THOUSAND; i++) {
        char expected[32];
        snprintf(expected, sizeof(expected), "/%d/program", i);
        CHECK_STRING(list[i], expected);
    }
    CHECK_STRING(list[THOUSAND], NULL);
    free(list);
}

static void make_one(void *argument)
{
    (void)argument;
    const char **list = search_make("ls", "/a:/b");
    if (list)
        CHECK_STRING(list[1], "/b/ls");
    free(list);
}

TEST(without_memory_nothing_is_searched)
{
    CHECK_INT(harness_each_allocation(make_one, NULL), 1);
}
