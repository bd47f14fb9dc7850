/* SPDX-License-Identifier: MIT */
/*
 * Where programs are.
 */
#include "tour/tour.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_program(const char *folder, size_t length, const char *name)
{
    char path[4096];
    int size = snprintf(path, sizeof(path), "%.*s/%s", (int)length,
                        length ? folder : ".", name);
    return size > 0 && (size_t)size < sizeof(path) && access(path, X_OK) == 0;
}

bool tour_program_is_there(const char *name)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        if (is_program(path, length, name))
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}
