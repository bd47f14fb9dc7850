/* SPDX-License-Identifier: MIT */
/*
 * What rows.h promises.
 */
#include "rows.h"

const struct row rows[] = {
    {.scheme = "memfd", .has_file = true},
    {.scheme = "shm",
     .has_name = true,
     .can_shrink = true,
     .has_file = true,
     .has_private = true},
    {.scheme = "shmv", .has_name = true},
    {.scheme = "file",
     .has_name = true,
     .can_shrink = true,
     .has_file = true,
     .has_private = true},
    {.scheme = NULL},
};

void add_rows(const char *name, void (*run)(const void *))
{
    for (const struct row *row = rows; row->scheme; row++) {
        char whole[128];
        snprintf(whole, sizeof(whole), "%s/%s", name, row->scheme);
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
    if (strcmp(row->scheme, "shm") == 0)
        snprintf(text, ADDRESS, "shm:/wherry-test-%ld%s", self(), options);
    else if (strcmp(row->scheme, "shmv") == 0)
        snprintf(text, ADDRESS, "shmv:0x%lx%s", 0x57000000 | self(), options);
    else if (strcmp(row->scheme, "file") == 0)
        snprintf(text, ADDRESS, "file:%s%s", harness_path("region"), options);
    else
        snprintf(text, ADDRESS, "memfd:%s", options);
    return text;
}

wherry_region *make(const struct row *row)
{
    wherry_region *region = NULL;
    WORKS(wherry_region_open(at(row, "?size=64K"), &region));
    return region;
}

static wherry_region *receive(const wherry_region *region,
                              enum wherry_region_access access)
{
    const struct wherry_region_wish wish = {.size = wherry_region_size(region),
                                            .access = access};
    wherry_region *received = NULL;
    wherry_native file;
    WORKS(wherry_region_file(region, &file));
    file = dup(file);
    CHECK(file >= 0);
    WORKS(wherry_region_receive(file, &wish, sizeof(wish), &received));
    return received;
}

wherry_region *again(const struct row *row, const wherry_region *region,
                     enum wherry_region_access access)
{
    static const char *const options[] = {
        [WHERRY_REGION_READ] = "?create=no&access=read",
        [WHERRY_REGION_WRITE] = "?create=no",
        [WHERRY_REGION_PRIVATE] = "?create=no&access=private"};

    wherry_region *found = NULL;
    if (!row->has_name)
        return receive(region, access);
    WORKS(wherry_region_open(at(row, options[access]), &found));
    return found;
}

void unmake(const struct row *row)
{
    if (row->has_name)
        WORKS(wherry_remove(at(row, "")));
}
