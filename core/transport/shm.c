/* SPDX-License-Identifier: MIT */
/*
 * shm:/NAME - POSIX shared memory, shm_overview(7).
 *
 * Any program's shm_open(3) finds it by that name.  It stays, with its contents, when
 * everybody has gone, until wherry_remove or the next start of the machine.
 */
#include "transport/region.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

static const struct wherry_option *const options[] = {size_options, object_options,
                                                      named_options, NULL};

enum { NAME_MOST = 255 }; // bytes behind the slash, NAME_MAX

static int shm_check(const struct address *address)
{
    const char *name = address_rest(address);
    size_t size = address_rest_size(address);
    uint32_t mode;
    if (name[0] != '/' || size < 2 || strlen(name) != size || strchr(name + 1, '/'))
        return failure(-EINVAL, "a region's name is one slash and what follows it, "
                                "without another: shm:/NAME");
    if (size - 1 > NAME_MOST)
        return failure(-ENAMETOOLONG,
                       "a region's name has at most %d bytes, these are %zu", NAME_MOST,
                       size - 1);
    if (strcmp(name, "/.") == 0 || strcmp(name, "/..") == 0)
        return failure(-EINVAL, "a region cannot be called %s", name);
    return endpoint_mode(address, &mode);
}

static int shm_map(const struct address *address, wherry_region **out)
{
    char path[OS_SHM_PATH];
    os_shm_path(address_rest(address), path);
    return region_of_path(address, path, true, out);
}

static int shm_remove(const struct address *address)
{
    char path[OS_SHM_PATH];
    os_shm_path(address_rest(address), path);
    int r = os_memory_remove(path);
    return r == -EEXIST ? failure(r, "%s is %s, no region", path, os_path_word(path))
                        : r;
}

const struct transport transport_shm = {
    .mechanism = {.scheme = "shm",
                  .usage = "shm:/NAME",
                  .mechanism = "POSIX shared memory, shm_overview(7)",
                  .summary = "Memory under a name, for any programs of one machine.",
                  .example = "shm:/charts?size=64K",
                  .abilities =
                      WHERRY_ABLE_DUPLEX | WHERRY_ABLE_STRANGERS | WHERRY_ABLE_OUTLIVES,
                  .traits = WHERRY_TRAIT_MEMORY,
                  .limit = "any size that /dev/shm has room for",
                  .systems = "POSIX"},
    .options = options,
    .check = shm_check,
    .map = shm_map,
    .remove = shm_remove,
};
