/* SPDX-License-Identifier: MIT */
/*
 * The tour's own directory, and where programs are.
 */
#include "tour/tour.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Short, and free of what has a meaning in an address of Wherry's or socat's.
static bool is_plain(const char *path)
{
    return path && path[0] == '/' && strlen(path) < TOUR_PATH / 2 &&
           strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                        "/._-") == strlen(path);
}

bool tour_directory_make(char path[TOUR_PATH], struct tour_fault *fault)
{
    const char *parent = getenv("TMPDIR");
    if (!is_plain(parent))
        parent = "/tmp";
    (void)snprintf(path, TOUR_PATH, "%s/wherry-tour-XXXXXX", parent);
    if (mkdtemp(path))
        return true;
    return tour_wrong(fault,
                      "no directory can be made in %s: %s; set TMPDIR to one where "
                      "this user may write",
                      parent, strerror(errno));
}

void tour_directory_remove(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));)
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    (void)closedir(directory);
    (void)rmdir(path);
}

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
