/* SPDX-License-Identifier: MIT */
/*
 * Short words for tests of the machine's objects.  Names are of the test's process
 * alone; other objects of the machine may come and go.
 */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "look.h"

#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

enum { SIZE = 8192 };

static inline struct wherry_ipc_view *view_of(const char *pattern)
{
    const char *const patterns[] = {pattern, NULL};
    const struct wherry_ipc_wish wish = {.patterns = patterns};
    struct wherry_ipc_view *view = NULL;
    CHECK_INT(wherry_inspect_objects(&wish, &view), 0);
    return view;
}

// The one object that is like the pattern; with the view, that is to be freed.
static inline const struct wherry_ipc_object *only(const char *pattern,
                                                   struct wherry_ipc_view **view)
{
    *view = view_of(pattern);
    CHECK_INT((*view)->object_count, 1);
    return (*view)->objects;
}

static inline unsigned how_of(const struct wherry_ipc_object *object, int64_t pid)
{
    unsigned how = 0;
    for (size_t i = 0; i < object->holder_count; i++)
        if (object->holders[i].pid == pid)
            how |= object->holders[i].how;
    return how;
}

static inline void check_left(const char *pattern, int left)
{
    struct wherry_ipc_view *view;
    const struct wherry_ipc_object *object = only(pattern, &view);
    if (object->left != left)
        FAIL("%s: left is %d (%s), not %d", object->address, object->left, object->why,
             left);
    wherry_ipc_view_free(view);
}

static inline int remove_it(const char *pattern)
{
    struct wherry_ipc_view *view;
    const int r = wherry_inspect_remove(only(pattern, &view));
    wherry_ipc_view_free(view);
    return r;
}

// "/wherry-test-4711-charts"
static inline const char *own_name(const char *what)
{
    static char names[4][128];
    static int next;
    char *name = names[next++ % 4];
    snprintf(name, sizeof(names[0]), "/wherry-test-%d-%s", (int)getpid(), what);
    return name;
}

static inline const char *address_of(const char *scheme, const char *rest)
{
    static char addresses[4][4096];
    static int next;
    char *address = addresses[next++ % 4];
    snprintf(address, sizeof(addresses[0]), "%s:%s", scheme, rest);
    return address;
}

static inline int make_region(const char *name)
{
    int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK_OK(fd);
    CHECK_INT(ftruncate(fd, SIZE), 0);
    return fd;
}

static inline bool is_recent(int64_t moment)
{
    struct timespec now;
    CHECK_INT(clock_gettime(CLOCK_REALTIME, &now), 0);
    return moment > (now.tv_sec - 3600) * INT64_C(1000000000) &&
           moment <= (now.tv_sec + 2) * INT64_C(1000000000);
}

#endif
