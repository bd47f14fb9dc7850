/* SPDX-License-Identifier: MIT */
/*
 * local:NAME - its name: NAME.local in the user's directory, the socket where the two
 * ends meet.
 *
 * It is reached through that directory's descriptor: a long path does no harm, nor does
 * a directory that somebody exchanges meanwhile.
 */
#include "transport/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static void path_of(int directory, const struct address *address,
                    char path[OS_DIRECTORY_PATH])
{
    char file[OS_DIRECTORY_NAME];
    snprintf(file, sizeof(file), "%s.local", address_rest(address));
    os_directory_path(directory, file, path);
}

static int need_name(const struct address *address)
{
    return address_rest_size(address) > 0
               ? 0
               : failure(-EINVAL, "it needs a name here: local:NAME");
}

static const struct complaint complaints[] = {
    {EINVAL, NULL},
    {EPERM, NULL},
    {ENAMETOOLONG, NULL},
    {ENOENT, "nobody listens there"},
    {ECONNREFUSED, "nobody listens there any more: its listener has gone"},
    {EADDRINUSE, "somebody listens there already"},
    {EEXIST, "something that is no socket stands in its place"},
    {0, NULL},
};

static int connect_to(const struct address *address, int directory,
                      wherry_deadline deadline, struct os_descriptor *out)
{
    char path[OS_DIRECTORY_PATH];
    struct os_name name;
    path_of(directory, address, path);
    int r = os_name_unix(path, strlen(path), false, &name);
    struct os_socket_plan plan = {.kind = OS_KIND_STREAM,
                                  .name = &name,
                                  .buffer = address_number(address, "buffer"),
                                  .identify = true};
    return r < 0 ? r : os_connect(&plan, deadline, out);
}

int local_dial(const struct address *address, wherry_deadline deadline,
               struct endpoint *out)
{
    struct os_descriptor socket;
    int directory = need_name(address);
    if (directory >= 0)
        directory = os_directory();
    int r =
        directory < 0 ? directory : connect_to(address, directory, deadline, &socket);
    os_close(directory);
    return r < 0 ? endpoint_refuse(address, r, complaints)
                 : local_make(address, socket, out);
}

/* --- listening ----------------------------------------------------------- */

// The directory stays open: its descriptor is part of the path.
static void leave_directory(struct harbour *harbour)
{
    int *directory = harbour->own;
    if (harbour->path)
        os_remove(harbour->path, &harbour->made);
    free(harbour->path);
    harbour->path = NULL;
    os_close(*directory);
    free(directory);
}

static int bind_in(struct harbour *harbour, int directory)
{
    const struct address *address = harbour->address;
    char path[OS_DIRECTORY_PATH];
    struct os_name name;
    path_of(directory, address, path);
    int r = os_name_unix(path, strlen(path), false, &name);
    struct os_socket_plan plan = {.kind = OS_KIND_STREAM,
                                  .name = &name,
                                  .buffer = address_number(address, "buffer"),
                                  .backlog = (int)address_number(address, "backlog"),
                                  .identify = true};
    char *copy = r < 0 ? NULL : strdup(path);
    if (r >= 0)
        r = copy ? os_bind_path(&plan, &harbour->descriptor, &harbour->made) : -ENOMEM;
    if (r >= 0)
        harbour->path = copy;
    else
        free(copy);
    return r;
}

static int open_harbour(struct harbour *harbour, const void *with)
{
    (void)with;
    int r = need_name(harbour->address);
    int directory = r < 0 ? r : os_directory();
    if (directory < 0)
        return directory;
    int *own = malloc(sizeof(*own));
    if (!own) {
        os_close(directory);
        return -ENOMEM;
    }
    *own = directory;
    harbour->own = own;
    harbour->leave = leave_directory;
    harbour->welcome = local_make;
    return bind_in(harbour, directory);
}

int local_listen(const struct address *address, void **state, char *shown)
{
    static const struct harbour_plan plan = {open_harbour, NULL, complaints};
    return harbour_listen(address, &plan, state, shown);
}

int local_remove(const struct address *address)
{
    char path[OS_DIRECTORY_PATH];
    struct os_file there;
    int r = need_name(address);
    int directory = r < 0 ? r : os_directory();
    if (directory < 0)
        return directory;
    path_of(directory, address, path);
    r = os_look(path, &there);
    if (r >= 0)
        r = os_sweep(path);
    os_close(directory);
    return r;
}
