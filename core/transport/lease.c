/* SPDX-License-Identifier: MIT */
/*
 * lease:NAME - a semaphore of our own, whose permits come back when their holder dies.
 *
 * Under a name it has a file (lease_named.c), without one it lives in a region.
 */
#include <errno.h>

#include "base/base.h"
#include "transport/lease.h"
#include "transport/named.h"

enum { STANDARD = 1, LEAST = 64 /* bytes of any */ };

static const struct wherry_option own_options[] = {
    {.name = "permits",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "0",
     .least = 0,
     .most = LEASE_PERMITS,
     .help =
         "How many permits it has; one that is there must have as many.  0: one, if "
         "it is made, else as many as it has."},
    {.name = "handles",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "256",
     .least = 2,
     .most = LEASE_HANDLES,
     .help = "How many can have one that is made open at the same time."},
    {.name = "create",
     .type = WHERRY_OPTION_CHOICE,
     .standard = "yes",
     .choices = "yes|no|exclusive",
     .help =
         "Whether it is made where there is none; with exclusive, one that is there "
         "already is an error."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, NULL};

static int lease_check(const struct address *address)
{
    return named_check(address, &named_lease);
}

uint32_t lease_permits(const struct address *address)
{
    const uint32_t permits = (uint32_t)address_number(address, "permits");
    return permits ? permits : STANDARD;
}

uint32_t lease_handles(const struct address *address)
{
    return (uint32_t)address_number(address, "handles");
}

int lease_check_permits(const struct address *address,
                        const wherry_semaphore *semaphore)
{
    const int64_t wanted = address_number(address, "permits");
    struct wherry_semaphore_info info;
    (void)wherry_semaphore_describe(semaphore, &info, sizeof(info));
    if (wanted == 0 || wanted == info.permits)
        return 0;
    return failure(
        -EEXIST,
        "the lease is there with %lld permits, not %lld: leave out permits=, "
        "or remove it when nobody uses it (wherry remove)",
        (long long)info.permits, (long long)wanted);
}

/* --- in a region --------------------------------------------------------- */

// What is taken as it is says itself how large it is.
static uint64_t lease_room(const struct address *address)
{
    if (object_create(address) == OS_CREATE_NO)
        return LEAST;
    return lease_size(lease_permits(address), lease_handles(address));
}

static int make_there(const struct address *address, const struct lease_plan *plan)
{
    if (object_create(address) != OS_CREATE_EXCLUSIVE)
        return 0;
    return lease_make(plan->region->data + plan->offset, lease_permits(address),
                      lease_handles(address));
}

static int lease_place(const struct address *address, wherry_region *region,
                       uint64_t offset, wherry_semaphore **out)
{
    struct lease_plan plan = {
        .region = region, .offset = offset, .directory = os_directory()};
    wherry_semaphore *lease = NULL;
    int r = plan.directory < 0 ? plan.directory : lease_new("", &lease);
    if (r >= 0)
        r = make_there(address, &plan);
    if (r < 0 && lease)
        lease_drop(lease);
    else if (r >= 0)
        r = lease_attach(lease, &plan);
    if (r < 0) {
        os_close(plan.directory);
        return named_refuse(address, r);
    }
    r = lease_check_permits(address, lease);
    if (r < 0) {
        wherry_semaphore_close(lease);
        return named_refuse(address, r);
    }
    *out = lease;
    return 0;
}

const struct transport transport_lease = {
    .mechanism = {.scheme = "lease",
                  .usage = "lease:NAME",
                  .mechanism = "a semaphore in shared memory",
                  .summary = "Turns of processes of one user, given back when their "
                             "holder dies.",
                  .example = "lease:printer?permits=3",
                  .abilities = WHERRY_ABLE_STRANGERS | WHERRY_ABLE_DESCRIPTOR,
                  .traits =
                      WHERRY_TRAIT_TURNS | WHERRY_TRAIT_NAME_STAYS | WHERRY_TRAIT_USER,
                  .limit = "it carries none",
                  .systems = "Linux"},
    .options = options,
    .check = lease_check,
    .turns = lease_named_open,
    .room = lease_room,
    .place = lease_place,
    .remove = lease_named_remove,
};
