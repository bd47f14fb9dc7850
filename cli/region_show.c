/* SPDX-License-Identifier: MIT */
/*
 * What is known of a region, on stdout.
 */
#include "region.h"

#include <stdio.h>
#include <stdlib.h>

#include "known.h"
#include "say.h"

wherry_region *region_find(const char *verb, const char *address, const char *access,
                           int *status)
{
    wherry_region *region = NULL;
    char *quiet = address_with(verb, address, "create=no");
    char *whole = quiet ? address_with(verb, quiet, access) : NULL;
    *status = FAILED;
    if (whole && wherry_region_open(whole, &region) < 0)
        *status = address_failed(verb, address, whole);
    free(quiet);
    free(whole);
    return region;
}

static void collect(const struct wherry_region_info *info, struct known *known)
{
    known_text(known, "address", info->address);
    known_number(known, "size", (int64_t)info->size);
    known_number(known, "size now", (int64_t)info->size_now);
    known_number(known, "uid", info->uid);
    known_number(known, "gid", info->gid);
    known_mode(known, "mode", info->mode);
    known_flag(known, "removed", info->removed);
    known_number(known, "attached", info->attached);
    known_number(known, "creator", info->creator);
    known_number(known, "last user", info->last);
    known_time(known, "attached at", info->attached_at);
    known_time(known, "detached at", info->detached_at);
    known_time(known, "changed at", info->changed_at);
}

// One that may not be read is described all the same where it can be opened at all.
int region_describe(const char *verb, const char *address, bool as_json)
{
    static struct known known;
    struct wherry_region_info info;
    int status;
    wherry_region *region = region_find(verb, address, "access=read", &status);
    if (region) {
        (void)wherry_region_describe(region, &info, sizeof(info));
        snprintf(info.address, sizeof(info.address), "%s", address);
        collect(&info, &known);
        status = known_print(&known, "regions", verb, as_json);
    }
    wherry_region_close(region);
    return status;
}
