/* SPDX-License-Identifier: MIT */
/*
 * shm:/NAME - POSIX shared memory, shm_overview(7).
 *
 * Any program's shm_open(3) finds it by that name.  It stays, with its contents, when
 * everybody has gone, until wherry_remove or the next start of the machine.
 */
#include "transport/region.h"

static const struct wherry_option *const options[] = {size_options, object_options,
                                                      named_options, NULL};

static int shm_check(const struct address *address)
{
    uint32_t mode;
    int r = endpoint_name(address, "region");
    return r < 0 ? r : endpoint_mode(address, &mode);
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
    return region_remove_path(path);
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
