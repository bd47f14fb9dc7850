/* SPDX-License-Identifier: MIT */
/*
 * What is known of a region, on stdout.
 */
#include "region.h"

#include <stdio.h>
#include <stdlib.h>

#include "known.h"
#include "say.h"

wherry_region *region_find(const char *verb, const char *address, int *status)
{
    wherry_region *region = NULL;
    int r = wherry_region_open(address, &region);
    if (r >= 0)
        return region;
    *status = wherry_address_check(address) < 0
                  ? say_bad_address(verb, address, wherry_error_text())
                  : say_error(verb, "%s", wherry_error_text());
    return NULL;
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
    int status = FAILED;
    char *quiet = address_with(verb, address, "create=no");
    char *whole = quiet ? address_with(verb, quiet, "access=read") : NULL;
    wherry_region *region = whole ? region_find(verb, whole, &status) : NULL;
    if (region) {
        (void)wherry_region_describe(region, &info, sizeof(info));
        snprintf(info.address, sizeof(info.address), "%s", address);
        collect(&info, &known);
        status = known_print(&known, "regions", verb, as_json);
    }
    wherry_region_close(region);
    free(quiet);
    free(whole);
    return status;
}
