/* SPDX-License-Identifier: MIT */
/*
 * What the mechanisms of memory share: their options, what is mapped by a path, and
 * what an error means to whoever wrote the address.
 */
#include "transport/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

const struct wherry_option size_options[] = {
    {.name = "size",
     .type = WHERRY_OPTION_SIZE,
     .standard = "0",
     .least = 0,
     .most = INT64_C(1) << 46,
     .help = "How many bytes a region that is made has, reserved at once; one that is "
             "there must have so many.  0 makes none, and takes one as it is."},
    {.name = NULL},
};

const struct wherry_option named_options[] = {
    {.name = "access",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "write",
     .choices = "read|write|private",
     .help =
         "What this process does there: read, write so that others see it, or write "
         "into a copy of its own."},
    {.name = NULL},
};

enum wherry_region_access region_access(const struct address *address)
{
    static const enum wherry_region_access choices[] = {
        WHERRY_REGION_READ, WHERRY_REGION_WRITE, WHERRY_REGION_PRIVATE};

    return choices[address_number(address, "access")];
}

uint64_t region_size(const struct address *address)
{
    return (uint64_t)address_number(address, "size");
}

int region_check_size(const struct address *address, uint64_t size)
{
    const uint64_t wanted = region_size(address);
    if (wanted == 0 || wanted == size)
        return 0;
    return failure(-EEXIST,
                   "the region is there with %llu bytes, not %llu: leave out size=, or "
                   "remove it first (wherry remove)",
                   (unsigned long long)size, (unsigned long long)wanted);
}

static const struct complaint complaints[] = {
    {ENOENT, NULL},
    {EEXIST, NULL},
    {EINVAL, NULL},
    {EFBIG, NULL},
    {ENOTSUP, NULL},
    {ENODATA, "there is no such region, and none is made without its size: size=64K"},
    {EACCES, "this user may not open it: see who owns it, and its mode= "
             "(access=read may do)"},
    {EPERM, "this user may not open it, or it is sealed against that"},
    {ENOSPC, "there is not so much space left there for its size="},
    {ELOOP, "a symbolic link stands at its name, or too many lead there"},
    {ETXTBSY, "it is a program that runs"},
    {EIDRM, "it was removed"},
    {0, NULL},
};

int region_refuse(const struct address *address, int error)
{
    // What there is not, and cannot be made, is not there.
    int r = endpoint_refuse(address, error, complaints);
    return r == -ENODATA ? -ENOENT : r;
}

/* --- by a path ----------------------------------------------------------- */

enum { TRIES = 64 }; // others may make and remove it all the time

static int explain(int error, const struct region_plan *plan)
{
    const char *path = plan->file.path;
    if (error == -ENOENT && plan->create != OS_CREATE_NO)
        return failure(error, "the directory that it is to be in is not there");
    if (error == -ENOENT)
        return failure(error, "there is no such region: make it with size=, and leave "
                              "out create=no");
    if (error == -ENOTSUP)
        return failure(error, "%s is %s, not a file to be mapped", path,
                       os_path_word(path));
    if (error == -EEXIST)
        return failure(error, "the region is there already: leave out "
                              "create=exclusive, or remove it first (wherry remove)");
    return error;
}

// One that is there.
static int map_there(const struct region_plan *plan, int fd, wherry_region **out)
{
    struct os_memory memory;
    int r = os_memory_look(fd, &memory);
    if (r >= 0)
        r = region_of_file(fd, memory.size, plan->access, out);
    if (r < 0)
        os_close(fd);
    return r;
}

// With what is to be in it.
static int map_filled(const struct region_plan *plan, int fd, wherry_region **out)
{
    int r = region_of_file(fd, plan->file.size, plan->access, out);
    if (r < 0)
        os_close(fd);
    if (r >= 0 && plan->fill && (r = plan->fill(*out, plan->with)) < 0)
        wherry_region_close(*out);
    return r;
}

// A new one.  That it gets its name is the last thing that can fail.
static int map_new(const struct region_plan *plan, wherry_region **out)
{
    const char *path = plan->file.path;
    char *beside = malloc(strlen(path) + OS_MEMORY_BESIDE);
    if (!beside)
        return failure_plain(-ENOMEM, "no memory for a region");
    int fd = os_memory_make(&plan->file, beside);
    int r = fd < 0 ? fd : map_filled(plan, fd, out);
    if (r >= 0) {
        r = os_memory_name(fd, beside, path);
        if (r < 0)
            wherry_region_close(*out);
    }
    if (fd >= 0)
        os_memory_settle(beside);
    free(beside);
    return r;
}

int region_find_or_make(const struct region_plan *plan, bool *is_made,
                        wherry_region **out)
{
    int r = -EEXIST;
    for (int tries = 0; r == -EEXIST && tries < TRIES; tries++) {
        int fd =
            plan->create == OS_CREATE_EXCLUSIVE ? -ENOENT : os_memory_open(&plan->file);
        *is_made = fd == -ENOENT && plan->create != OS_CREATE_NO;
        if (!*is_made)
            return fd < 0 ? fd : map_there(plan, fd, out);
        if (plan->file.size == 0)
            return -ENODATA;
        r = map_new(plan, out);
        if (plan->create == OS_CREATE_EXCLUSIVE)
            break;
    }
    return r;
}

int region_of_path(const struct address *address, const char *path, bool is_exact,
                   wherry_region **out)
{
    struct region_plan plan = {
        .file = {.path = path, .is_exact = is_exact, .size = region_size(address)},
        .create = object_create(address),
        .access = region_access(address)};
    bool is_made = false;
    wherry_region *region = NULL;
    plan.file.writes = plan.access == WHERRY_REGION_WRITE;
    int r = endpoint_mode(address, &plan.file.mode);
    if (r >= 0)
        r = explain(region_find_or_make(&plan, &is_made, &region), &plan);
    if (r >= 0 && !is_made && (r = region_check_size(address, region->size)) < 0)
        wherry_region_close(region);
    if (r < 0)
        return region_refuse(address, r);
    region_show(region, address_scheme(address), address_text(address));
    *out = region;
    return 0;
}

int region_remove_path(const char *path)
{
    int r = os_memory_remove(path);
    return r == -EEXIST ? failure(r, "%s is %s, not a file to be mapped", path,
                                  os_path_word(path))
                        : r;
}
