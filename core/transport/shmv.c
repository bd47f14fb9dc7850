/* SPDX-License-Identifier: MIT */
/*
 * shmv:KEY - System V shared memory, shmop(2).
 *
 * Any program's shmget(2) finds it by that key.  To make one takes its size, to attach
 * it none.  Detaching does not remove it; wherry_remove marks it, and it goes with the
 * last process that has it attached, which can be by its number until then.  A private
 * one is marked at once, so that nobody's death leaves it behind.
 */
#include "transport/key.h"
#include "transport/region.h"

#include <errno.h>
#include <stdio.h>

#include "base/base.h"

static const char of_segment[] = "a segment that is there (ipcs -m)";

enum { SHOWN = 32 };

static const struct wherry_option own_options[] = {
    {.name = "access",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "write",
     .choices = "read|write",
     .help = "What this process does there: read, or write so that others see it."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {size_options, object_options,
                                                      own_options, NULL};

static int shmv_check(const struct address *address)
{
    struct key key;
    uint32_t mode;
    int r = key_read(address, of_segment, &key);
    return r < 0 ? r : endpoint_mode(address, &mode);
}

/* --- opening ------------------------------------------------------------- */

static int explain(int error)
{
    struct os_shm_limits limits;
    os_shm_limits(&limits);
    if (error == -EINVAL)
        return failure(error,
                       "size= is not from 1 to what the system allows "
                       "(kernel.shmmax, now %lld)",
                       (long long)limits.size_most);
    if (error == -ENOSPC)
        return failure(error,
                       "there are as many segments as the system allows "
                       "(kernel.shmmni, now %lld), or as much memory in them "
                       "(kernel.shmall, now %lld bytes): remove some",
                       (long long)limits.segments, (long long)limits.all_most);
    if (error == -ENOENT)
        return failure(error, "there is no such segment: make it with size=, and leave "
                              "out create=no");
    if (error == -EEXIST)
        return failure(error, "the segment is there already: leave out "
                              "create=exclusive, or remove it first (wherry remove)");
    return error;
}

static int find_or_make(const struct address *address, const struct key *key,
                        bool *is_made)
{
    struct os_object_plan plan = {.is_private = key->sort == KEY_PRIVATE,
                                  .create = object_create(address),
                                  .size = region_size(address)};
    *is_made = false;
    if (key->sort == KEY_OBJECT)
        return (int)key->number;
    int r = endpoint_mode(address, &plan.mode);
    if (r >= 0 && !plan.is_private)
        r = key_number(key, &plan.key);
    return r < 0 ? r : explain(os_shm_open(&plan, is_made));
}

static int attach(const struct address *address, int segment, wherry_region **out)
{
    struct os_shm_state there;
    int r = os_shm_look(segment, &there);
    if (r >= 0)
        r = region_check_size(address, there.size);
    if (r >= 0)
        r = region_of_segment(segment, there.size,
                              address_number(address, "access") ? WHERRY_REGION_WRITE
                                                                : WHERRY_REGION_READ,
                              out);
    return r;
}

static int shmv_map(const struct address *address, wherry_region **out)
{
    struct key key;
    char shown[SHOWN];
    bool is_made = false;
    int r = key_read(address, of_segment, &key);
    int segment = r < 0 ? r : find_or_make(address, &key, &is_made);
    if (segment < 0)
        return region_refuse(address, segment);
    wherry_region *region = NULL;
    r = attach(address, segment, &region);
    if (r >= 0 && key.sort == KEY_PRIVATE)
        r = os_shm_remove(segment);
    if (r < 0 && is_made)
        (void)os_shm_remove(segment);
    if (r < 0) {
        wherry_region_close(region);
        return region_refuse(address, r == -EIDRM ? explain(-ENOENT) : r);
    }
    snprintf(shown, sizeof(shown), "shmv:#%d", segment);
    region->is_private = key.sort == KEY_PRIVATE;
    region_show(region, "shmv", region->is_private ? shown : address_text(address));
    *out = region;
    return 0;
}

static int shmv_remove(const struct address *address)
{
    struct key key;
    int r = key_read(address, of_segment, &key);
    if (r >= 0)
        r = key_find(&key, os_shm_find);
    if (r >= 0)
        r = os_shm_remove(r);
    return r == -EIDRM ? -ENOENT : r;
}

const struct transport transport_shmv = {
    .mechanism = {.scheme = "shmv",
                  .usage = "shmv:KEY",
                  .mechanism = "System V shared memory, shmop(2)",
                  .summary = "Memory under a number, with programs that use shmget(2).",
                  .example = "shmv:4711?size=64K",
                  .abilities =
                      WHERRY_ABLE_DUPLEX | WHERRY_ABLE_STRANGERS | WHERRY_ABLE_OUTLIVES,
                  .traits = WHERRY_TRAIT_MEMORY | WHERRY_TRAIT_CONTAINERS,
                  .limit = "kernel.shmmax bytes",
                  .systems = "POSIX (XSI)"},
    .options = options,
    .check = shmv_check,
    .map = shmv_map,
    .remove = shmv_remove,
};
