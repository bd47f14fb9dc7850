/* SPDX-License-Identifier: MIT */
/*
 * lease:NAME - under its name: NAME.lease in the user's directory is its memory.
 *
 * It stays when everybody has gone, with all permits free.
 */
#include "transport/lease.h"

#include <errno.h>

#include "base/base.h"
#include "transport/named.h"

const struct named named_lease = {.noun = "lease", .ending = ".lease"};

// And what a handle needs of the region, before others see it.
static int fill(wherry_region *region, const void *address)
{
    struct region_life life;
    int r = lease_make(region->data, lease_permits(address), lease_handles(address));
    return r < 0 ? r : region_live(region, &life);
}

static int map(int directory, const struct address *address, enum os_create create,
               wherry_region **out)
{
    const struct named_plan plan = {
        .directory = directory,
        .create = create,
        .size = lease_size(lease_permits(address), lease_handles(address)),
        .fill = fill};
    return named_map(address, &named_lease, &plan, out);
}

// The handle comes first: when it is refused no lease was made for it.
static int open_in(int directory, const struct address *address, enum os_create create,
                   wherry_semaphore **out)
{
    struct lease_plan plan = {.is_alone = true, .directory = os_duplicate(directory)};
    wherry_semaphore *lease = NULL;
    int r = plan.directory < 0
                ? failure_plain(plan.directory, "the directory of named objects")
                : lease_new(address_text(address), &lease);
    if (r >= 0 && (r = map(directory, address, create, &plan.region)) < 0)
        lease_drop(lease);
    else if (r >= 0 && (r = lease_attach(lease, &plan)) < 0)
        wherry_region_close(plan.region);
    if (r < 0) {
        os_close(plan.directory);
        return r;
    }
    r = lease_check_permits(address, lease);
    if (r < 0)
        wherry_semaphore_close(lease);
    else
        *out = lease;
    return r;
}

int lease_named_open(const struct address *address, wherry_semaphore **out)
{
    if (address_rest_size(address) == 0)
        return named_refuse(
            address,
            failure(-EINVAL, "has no name: lease:NAME, or let it live in a region "
                             "(wherry_semaphore_place)"));
    int directory = os_directory();
    int r = directory < 0 ? directory
                          : open_in(directory, address, object_create(address), out);
    os_close(directory);
    return r < 0 ? named_refuse(address, r) : 0;
}

// What the dead left there goes, too: their doorbells.
static void sweep(int directory, const struct address *address)
{
    wherry_semaphore *semaphore;
    if (open_in(directory, address, OS_CREATE_NO, &semaphore) < 0)
        return; // it is something else, and goes all the same
    lease_sweep(semaphore);
    wherry_semaphore_close(semaphore);
}

int lease_named_remove(const struct address *address)
{
    int directory = os_directory();
    if (directory < 0)
        return directory;
    sweep(directory, address);
    int r = named_remove(directory, address, &named_lease);
    os_close(directory);
    return r;
}
