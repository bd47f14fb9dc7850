/* SPDX-License-Identifier: MIT */
/*
 * memfd: - memory without a name, memfd_create(2).
 *
 * It is always a new one.  Others get it as an open file, with a message or at their
 * start, and it goes with the last who has it open.  Sealed, its size cannot change, so
 * whoever gets it can map it without fear of the others.
 */
#include "transport/region.h"

#include <errno.h>

#include "base/base.h"

static const struct wherry_option own_options[] = {
    {.name = "seal",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "size",
     .choices = "none|size|writers",
     .help =
         "What cannot be done any more: with size its size stays; with writers this "
         "process alone writes, too.  After none, wherry_region_seal."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {size_options, own_options, NULL};

enum { SEAL_NONE, SEAL_SIZE, SEAL_WRITERS };

static int memfd_check(const struct address *address)
{
    return address_rest_size(address) == 0
               ? 0
               : failure(-EINVAL, "memory without a name has none: memfd:?size=64K");
}

static int seal(wherry_region *region, const struct address *address)
{
    static const enum wherry_region_seal seals[] = {
        [SEAL_SIZE] = WHERRY_SEAL_SIZE, [SEAL_WRITERS] = WHERRY_SEAL_WRITERS};

    const int64_t choice = address_number(address, "seal");
    return choice == SEAL_NONE ? 0 : wherry_region_seal(region, seals[choice]);
}

static int memfd_map(const struct address *address, wherry_region **out)
{
    const uint64_t size = region_size(address);
    wherry_region *region;
    if (size == 0)
        return region_refuse(address, failure(-EINVAL, "how large?  memfd:?size=64K"));
    int fd = os_memfd("wherry:region", size);
    int r = fd < 0 ? fd : region_of_file(fd, size, WHERRY_REGION_WRITE, &region);
    if (r < 0) {
        os_close(fd);
        return region_refuse(address, r);
    }
    region_show(region, "memfd", "");
    r = seal(region, address);
    if (r < 0) {
        wherry_region_close(region);
        return region_refuse(address, r);
    }
    *out = region;
    return 0;
}

const struct transport transport_memfd = {
    .mechanism = {.scheme = "memfd",
                  .usage = "memfd:?size=SIZE",
                  .mechanism = "memfd_create(2)",
                  .summary =
                      "Memory without a name, sealed against change, handed over "
                      "as an open file.",
                  .example = "memfd:?size=64K",
                  .abilities = WHERRY_ABLE_DUPLEX | WHERRY_ABLE_STRANGERS,
                  .traits = WHERRY_TRAIT_MEMORY | WHERRY_TRAIT_CONTAINERS,
                  .limit = "any size that there is memory for",
                  .systems = "Linux, FreeBSD"},
    .options = options,
    .check = memfd_check,
    .map = memfd_map,
};
