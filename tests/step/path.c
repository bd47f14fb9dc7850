/* SPDX-License-Identifier: MIT */
/*
 * The distinct points that an operation comes by, in their order, found again by a hash
 * of their address and state.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "harness.h"
#include "parts.h"

enum { ROOM_FIRST = 256 };

static size_t hash(const struct point *point)
{
    uint64_t mixed =
        (point->address ^ point->state * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
    return (size_t)(mixed ^ mixed >> 32) + point->is_asleep;
}

/* The slot of the point, or the free one that it would have. */
static uint32_t *find_slot(const struct path *path, const struct point *point)
{
    size_t i = hash(point) & (path->slot_count - 1);
    for (; path->slots[i]; i = (i + 1) & (path->slot_count - 1)) {
        const struct point *other = &path->points[path->slots[i] - 1];
        if (other->address == point->address && other->state == point->state &&
            other->is_asleep == point->is_asleep)
            break;
    }
    return &path->slots[i];
}

/* Pages of the kernel's, filled with 0: what is stepped is forked from this process,
 * and its heap has to be the same for each. */
static void *pages(size_t size)
{
    void *at =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        FAIL("no memory for points");
    return at;
}

static void give_back(struct path *path)
{
    if (path->room == 0)
        return;
    munmap(path->slots, path->slot_count * sizeof *path->slots);
    munmap(path->points, path->room * sizeof *path->points);
}

/* Twice the room, and slots for twice as many. */
static void grow(struct path *path)
{
    struct path more = {.count = path->count,
                        .room = path->room ? 2 * path->room : ROOM_FIRST};
    more.slot_count = 2 * more.room;
    more.slots = pages(more.slot_count * sizeof *more.slots);
    more.points = pages(more.room * sizeof *more.points);
    if (path->count > 0)
        memcpy(more.points, path->points, path->count * sizeof *more.points);
    give_back(path);
    *path = more;
    for (size_t i = 0; i < path->count; i++)
        *find_slot(path, &path->points[i]) = (uint32_t)i + 1;
}

bool path_add(struct path *path, struct point point)
{
    if (path->count == path->room)
        grow(path);
    uint32_t *slot = find_slot(path, &point);
    if (*slot)
        return false;
    path->points[path->count++] = point;
    *slot = (uint32_t)path->count;
    return true;
}

void path_free(struct path *path)
{
    give_back(path);
    *path = (struct path){.points = NULL};
}

void point_name(const struct point *point, char *text, size_t size)
{
    Dl_info place = {NULL, NULL, NULL, NULL};
    const char *file = "?";
    // Nothing that is dereferenced, and a table of addresses is what dladdr looks into.
    if (dladdr((void *)(uintptr_t)point->address, &place) && place.dli_fname)
        file = strrchr(place.dli_fname, '/') ? strrchr(place.dli_fname, '/') + 1
                                             : place.dli_fname;
    uint64_t base = (uintptr_t)place.dli_fbase;
    uint64_t symbol = (uintptr_t)place.dli_saddr;
    int n = snprintf(text, size, "%.60s+%#llx", file,
                     (unsigned long long)(point->address - base));
    if (place.dli_sname)
        n += snprintf(text + n, size - (size_t)n, " (%.60s+%#llx)", place.dli_sname,
                      (unsigned long long)(point->address - symbol));
    snprintf(text + n, size - (size_t)n, ", state %#llx%s",
             (unsigned long long)point->state, point->is_asleep ? ", asleep" : "");
}

void point_tell(const struct path *path, size_t i, char text[PLACE_SIZE])
{
    int n = snprintf(text, PLACE_SIZE, "at point %zu, ", i + 1);
    point_name(&path->points[i], text + n, PLACE_SIZE - (size_t)n);
}

bool is_tried(size_t i, size_t count, size_t bound)
{
    return bound == 0 || count <= bound || i == 0 ||
           i * bound / count != (i - 1) * bound / count;
}
