/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target over the files of a folder, once each, as a plain test.
 *
 * Usage: replay FOLDER.  Any compiler will do; each input is given in memory of exactly
 * its size.  An empty folder is a failure, for it tests nothing.
 */
#include <dirent.h>
#include <errno.h>

#include "fuzz.h"

enum { LARGEST = 1 << 20 };

static void run_file(const char *folder, const char *name)
{
    static uint8_t room[LARGEST];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(1);
    }
    size_t size = fread(room, 1, sizeof room, file);
    fclose(file);
    uint8_t *exact = malloc(size ? size : 1);
    PROPERTY(exact);
    memcpy(exact, room, size);
    fprintf(stderr, "%s\n", name); // the last one named is the one that failed
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int count, char **arguments)
{
    DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
    size_t files = 0;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
        return 2;
    }
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        run_file(arguments[1], entry->d_name);
        files++;
    }
    closedir(folder);
    printf("%zu inputs, all properties hold\n", files);
    return files ? 0 : 1;
}
