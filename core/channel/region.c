/* SPDX-License-Identifier: MIT */
/*
 * Opening regions: from an address to memory.
 */
#include "channel/channel.h"

#include <errno.h>

int wherry_region_open(const char *text, wherry_region **out)
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = transport->map
            ? transport->map(address, out)
            : failure(-ENOTSUP, "%s: is no memory: memfd:, shm:, shmv: and file: are",
                      transport->mechanism.scheme);
    address_free(address);
    return r;
}
