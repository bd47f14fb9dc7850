/* SPDX-License-Identifier: MIT */
/*
 * Where a program is looked for: at its path if it has a slash, else in each directory
 * of PATH, execvp(3).
 */
#include "process/process.h"

#include <stdlib.h>
#include <string.h>

#define USUAL_PATH "/bin:/usr/bin" // execvp(3), confstr(3)

static size_t directories(const char *path)
{
    size_t count = 1;
    for (; *path; path++)
        count += *path == ':';
    return count;
}

// "DIRECTORY/FILE", or "./FILE" for an empty directory; the end of what was written.
static char *join(char *out, const char *directory, size_t size, const char *file)
{
    if (size == 0)
        *out++ = '.';
    memcpy(out, directory, size);
    out += size;
    *out++ = '/';
    size_t rest = strlen(file) + 1;
    memcpy(out, file, rest);
    return out + rest;
}

const char **search_make(const char *file, const char *path)
{
    const char *in = path ? path : USUAL_PATH;
    bool is_path = strchr(file, '/') != NULL;
    size_t count = is_path ? 1 : directories(in);
    size_t bytes = count * (strlen(file) + 3) + strlen(in);
    const char **list = malloc((count + 1) * sizeof(*list) + bytes);
    if (!list)
        return NULL;
    char *text = (char *)(list + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t size = strcspn(in, ":");
        list[i] = is_path ? file : text;
        text = is_path ? text : join(text, in, size, file);
        in += in[size] ? size + 1 : size;
    }
    list[count] = NULL;
    return list;
}
