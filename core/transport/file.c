/* SPDX-License-Identifier: MIT */
/*
 * file:PATH - a file that is mapped, mmap(2).
 *
 * What is written is in the file, for whoever maps or reads it, as soon as it is
 * written; wherry_region_flush brings it to the disk.
 */
#include "transport/region.h"

#include <errno.h>
#include <string.h>

#include "base/base.h"

static const struct wherry_option *const options[] = {size_options, object_options,
                                                      named_options, NULL};

static int file_check(const struct address *address)
{
    const char *path = address_rest(address);
    uint32_t mode;
    if (!path[0] || strlen(path) != address_rest_size(address))
        return failure(-EINVAL, "a file is named by its path: file:PATH");
    return endpoint_mode(address, &mode);
}

static int file_map(const struct address *address, wherry_region **out)
{
    return region_of_path(address, address_rest(address), false, out);
}

static int file_remove(const struct address *address)
{
    return region_remove_path(address_rest(address));
}

const struct transport transport_file = {
    .mechanism = {.scheme = "file",
                  .usage = "file:PATH",
                  .mechanism = "a file, mmap(2)",
                  .summary = "Memory that is a file, and outlives the machine's next "
                             "start.",
                  .example = "file:charts.bin?size=64K",
                  .abilities =
                      WHERRY_ABLE_DUPLEX | WHERRY_ABLE_STRANGERS | WHERRY_ABLE_OUTLIVES,
                  .traits = WHERRY_TRAIT_MEMORY | WHERRY_TRAIT_CONTAINERS,
                  .limit = "any size that the file system has room for",
                  .systems = "POSIX, Windows"},
    .options = options,
    .check = file_check,
    .map = file_map,
    .remove = file_remove,
};
