/* SPDX-License-Identifier: MIT */
/*
 * What rows.h promises.
 */
#include "rows.h"

const struct row rows[] = {
    {.name = "sem",
     .scheme = "sem",
     .made = "permits=",
     .most = INT32_MAX,
     .has_mode = true},
    {.name = "semv",
     .scheme = "semv",
     .made = "members=1&initial=",
     .most = 32767,
     .has_mode = true,
     .has_sets = true,
     .tells_waiters = true,
     .tells_removal = true},
    {.name = "sem-in-a-region",
     .scheme = "sem",
     .made = "permits=",
     .most = INT32_MAX,
     .is_placed = true},
    {.name = "lease",
     .scheme = "lease",
     .made = "handles=16&permits=",
     .most = 65536,
     .least = 1,
     .has_owner = true,
     .has_descriptor = true,
     .tells_permits = true,
     .tells_waiters = true},
    {.name = "lease-in-a-region",
     .scheme = "lease",
     .made = "handles=16&permits=",
     .most = 65536,
     .least = 1,
     .is_placed = true,
     .has_owner = true,
     .has_descriptor = true,
     .tells_permits = true,
     .tells_waiters = true},
    {.name = NULL},
};

void add_rows(const char *name, void (*run)(const void *))
{
    for (const struct row *row = rows; row->name; row++) {
        char whole[128];
        snprintf(whole, sizeof(whole), "%s/%s", name, row->name);
        harness_add(whole, run, row);
    }
}

// The test's process, in its children, too.
static long self(void)
{
    static long pid;
    if (pid == 0)
        pid = (long)getpid();
    return pid;
}

const char *at(const struct row *row, const char *options)
{
    static char texts[4][ADDRESS];
    static unsigned next;
    char *text = texts[next++ % 4];
    if (row->is_placed)
        snprintf(text, ADDRESS, "%s:%s", row->scheme, options);
    else if (strcmp(row->scheme, "semv") == 0)
        snprintf(text, ADDRESS, "semv:0x%lx%s", 0x57000000 | self(), options);
    else if (strcmp(row->scheme, "sem") == 0)
        snprintf(text, ADDRESS, "sem:/wherry-test-%ld%s", self(), options);
    else
        snprintf(text, ADDRESS, "%s:wherry-test-%ld%s", row->scheme, self(), options);
    return text;
}

const char *at_made(const struct row *row, uint32_t permits, const char *more)
{
    char options[96];
    snprintf(options, sizeof(options), "?%s%u%s", row->made, (unsigned)permits, more);
    return at(row, options);
}

/* --- in a region --------------------------------------------------------- */

enum { REGIONS = 16, SIZE = 65536, PLACE = 4096 };

static wherry_region *regions[REGIONS];
static size_t region_count;

// The memory once more, at another place of this process.
static wherry_region *map_again(void)
{
    const struct wherry_region_wish wish = {.size = SIZE,
                                            .access = WHERRY_REGION_WRITE};
    wherry_region *region = NULL;
    wherry_native file;
    CHECK(region_count > 0 && region_count < REGIONS);
    WORKS(wherry_region_file(regions[0], &file));
    file = dup(file);
    CHECK(file >= 0);
    WORKS(wherry_region_receive(file, &wish, sizeof(wish), &region));
    CHECK(wherry_region_data(region) != wherry_region_data(regions[0]));
    regions[region_count++] = region;
    return region;
}

/* --- making -------------------------------------------------------------- */

int try_make(const struct row *row, uint32_t permits, wherry_semaphore **out)
{
    const char *address = at_made(row, permits, "&create=exclusive");
    if (!row->is_placed)
        return wherry_semaphore_open(address, out);
    if (region_count == 0) {
        WORKS(wherry_region_open("memfd:?size=64K", &regions[0]));
        region_count = 1;
    }
    return wherry_semaphore_place(address, regions[0], PLACE, out);
}

wherry_semaphore *make(const struct row *row, uint32_t permits)
{
    wherry_semaphore *semaphore = NULL;
    WORKS(try_make(row, permits, &semaphore));
    return semaphore;
}

wherry_semaphore *again(const struct row *row)
{
    wherry_semaphore *semaphore = NULL;
    const char *address = at(row, "?create=no");
    if (row->is_placed)
        WORKS(wherry_semaphore_place(address, map_again(), PLACE, &semaphore));
    else
        WORKS(wherry_semaphore_open(address, &semaphore));
    return semaphore;
}

void unmake(const struct row *row)
{
    if (!row->is_placed)
        WORKS(wherry_remove(at(row, "")));
    while (region_count > 0)
        wherry_region_close(regions[--region_count]);
}

int64_t value_of(const wherry_semaphore *semaphore)
{
    int64_t value = wherry_semaphore_value(semaphore);
    WORKS(value);
    return value;
}
