/* SPDX-License-Identifier: MIT */
/*
 * The sockets of `local:`, which stand in the directory of this user's named objects.
 *
 * Whoever binds or dials one goes by its own descriptor of the directory, and that path
 * (/proc/self/fd/7/NAME.local) is all that the kernel has of it.  It leads elsewhere in
 * every process; so the inode that the kernel tells beside it decides whose it is.
 */
#include "inspect/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char scheme[] = "local:";
static const char suffix[] = ".local";
static const char bound_by[] = "unix:/proc/self/fd/";

bool own_is_local(const char *address)
{
    return strncmp(address, scheme, sizeof(scheme) - 1) == 0;
}

int own_path(const char *address, char *out, size_t size)
{
    char name[REST_MOST];
    char path[LINK_MOST];
    if (!rest_read(address, name, sizeof(name)) || !*name || strchr(name, '/'))
        return -EINVAL;
    const int directory = shelf_open_own(path, sizeof(path));
    if (directory < 0)
        return directory;
    const int used =
        snprintf(out, size, "/proc/self/fd/%d/%s%s", directory, name, suffix);
    if (used >= 0 && (size_t)used < size)
        return directory;
    close(directory);
    return -ENAMETOOLONG;
}

bool own_address(const char *name, struct words *out)
{
    const size_t size = strlen(name);
    const size_t tail = sizeof(suffix) - 1;
    if (size <= tail || strcmp(name + size - tail, suffix) != 0)
        return false;
    words_add(out, "%s", scheme);
    words_add_rest(out, name, size - tail);
    return true;
}

// The last part of the path that it was bound by.
static bool name_of(const struct socket_row *row, char name[ADDRESS_MOST])
{
    char path[ADDRESS_MOST];
    if (row->file == 0 || strncmp(row->local, bound_by, sizeof(bound_by) - 1) != 0 ||
        !rest_read(row->local, path, sizeof(path)))
        return false;
    snprintf(name, ADDRESS_MOST, "%s", strrchr(path, '/') + 1);
    return true;
}

static void name_one(struct sockets *sockets, struct socket_row *row, int directory)
{
    char name[ADDRESS_MOST];
    char address[ADDRESS_MOST];
    struct words words = {address, sizeof(address), 0};
    struct file_look look;
    if (name_of(row, name) && own_address(name, &words) &&
        file_look(directory, name, false, &look) == 0 && S_ISSOCK(look.mode) &&
        (uint32_t)look.inode == row->file)
        row->local = arena_text(&sockets->arena, address, words.used);
}

void sockets_name_own(struct sockets *sockets)
{
    char path[LINK_MOST];
    const int directory = shelf_open_own(path, sizeof(path));
    if (directory < 0)
        return;
    for (size_t i = 0; i < sockets->count; i++)
        name_one(sockets, &sockets->rows[i], directory);
    close(directory);
}
