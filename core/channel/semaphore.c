/* SPDX-License-Identifier: MIT */
/*
 * Opening semaphores: from an address to turns.
 */
#include "channel/channel.h"

#include <errno.h>

enum { ALIGNMENT = 64 }; /* a line of the cache */

int wherry_semaphore_open(const char *text, wherry_semaphore **out)
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = transport->turns
            ? transport->turns(address, out)
            : failure(-ENOTSUP, "%s: is no semaphore: lease:, sem: and semv: are",
                      transport->mechanism.scheme);
    address_free(address);
    return r;
}

/* --- without a name, in a region ----------------------------------------- */

static int check_unnamed(const struct transport *transport,
                         const struct address *address)
{
    if (!transport->place)
        return failure(-ENOTSUP, "%s: cannot live in a region: lease: and sem: can",
                       transport->mechanism.scheme);
    return *address_rest(address) == 0
               ? 0
               : failure(-EINVAL,
                         "%s: has a name: in a region it has none (%s:?permits=1)",
                         address_text(address), transport->mechanism.scheme);
}

int64_t wherry_semaphore_room(const char *text)
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = check_unnamed(transport, address);
    int64_t room = r < 0 ? r : (int64_t)transport->room(address);
    address_free(address);
    return room;
}

static int check_place(const wherry_region *region, uint64_t offset, uint64_t room)
{
    if (region->access == WHERRY_REGION_READ)
        return failure(-EACCES, "the region is open for reading");
    if (region->access == WHERRY_REGION_PRIVATE)
        return failure(-ENOTSUP, "of that region each process has a copy of its own");
    if (offset % ALIGNMENT != 0)
        return failure(-EINVAL, "offset %llu is no multiple of %d",
                       (unsigned long long)offset, ALIGNMENT);
    if (room <= region->size && offset <= region->size - room)
        return 0;
    return failure(-ERANGE, "%llu bytes at %llu are not within the %zu of the region",
                   (unsigned long long)room, (unsigned long long)offset, region->size);
}

int wherry_semaphore_place(const char *text, wherry_region *region, uint64_t offset,
                           wherry_semaphore **out)
{
    const struct transport *transport;
    struct address *address;
    int r = transport_address(text, &transport, &address);
    if (r < 0)
        return r;
    r = check_unnamed(transport, address);
    if (r >= 0 && object_create(address) == OS_CREATE_YES)
        r = failure(-EINVAL, "in a region nobody can tell whether it is there: "
                             "create=exclusive makes it, create=no takes it");
    if (r >= 0)
        r = check_place(region, offset, transport->room(address));
    if (r >= 0)
        r = transport->place(address, region, offset, out);
    address_free(address);
    return r;
}
