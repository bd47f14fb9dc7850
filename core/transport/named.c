/* SPDX-License-Identifier: MIT */
/*
 * Named objects of our own: NAME.SORT in the user's directory is the memory of one.
 *
 * It is there for others when it is whole.  It stays when everybody has gone.
 */
#include "transport/named.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "transport/region.h"

enum { NAME = 100 };

int named_check(const struct address *address, const struct named *sort)
{
    const char *name = address_rest(address);
    const size_t size = address_rest_size(address);
    if (size > NAME)
        return failure(-ENAMETOOLONG, "the name of a %s has up to %d bytes", sort->noun,
                       NAME);
    if (strlen(name) != size || strchr(name, '/') || name[0] == '.')
        return failure(-EINVAL,
                       "a %s is named %s:NAME, without a slash and not beginning with "
                       "a dot",
                       sort->noun, address_scheme(address));
    return 0;
}

static void path_of(int directory, const struct address *address,
                    const struct named *sort, char path[OS_DIRECTORY_PATH])
{
    char file[OS_DIRECTORY_NAME];
    snprintf(file, sizeof(file), "%s%s", address_rest(address), sort->ending);
    os_directory_path(directory, file, path);
}

static int explain(int error, const char *noun)
{
    if (error == -ENOENT)
        return failure(error, "there is no such %s: leave out create=no to make it",
                       noun);
    if (error == -EEXIST)
        return failure(error,
                       "the %s is there already: leave out create=exclusive, "
                       "or remove it first (wherry remove)",
                       noun);
    if (error == -ENOTSUP || error == -ELOOP)
        return failure(error, "something else stands in the place of the %s's file",
                       noun);
    return error == -EINVAL ? failure(-EPROTO, "what is there is no %s", noun) : error;
}

int named_map(const struct address *address, const struct named *sort,
              const struct named_plan *plan, wherry_region **out)
{
    char path[OS_DIRECTORY_PATH];
    const struct region_plan region = {.file = {.path = path,
                                                .writes = true,
                                                .is_exact = true,
                                                .mode = 0600,
                                                .size = plan->size},
                                       .create = plan->create,
                                       .access = WHERRY_REGION_WRITE,
                                       .fill = plan->fill,
                                       .with = address};
    bool is_made;
    path_of(plan->directory, address, sort, path);
    int r = region_find_or_make(&region, &is_made, out);
    if (r >= 0)
        region_show(*out, address_scheme(address), address_text(address));
    return r < 0 ? explain(r, sort->noun) : 0;
}

int named_remove(int directory, const struct address *address, const struct named *sort)
{
    char path[OS_DIRECTORY_PATH];
    path_of(directory, address, sort, path);
    const int r = os_memory_remove(path);
    return r == -EEXIST
               ? failure(r, "what stands in its place is %s: remove that by hand",
                         os_path_word(path))
               : r;
}

static const struct complaint complaints[] = {
    {ENOENT, NULL},
    {EEXIST, NULL},
    {EINVAL, NULL},
    {EPROTO, NULL},
    {EXDEV, NULL},
    {EUSERS, NULL},
    {EPERM, NULL},
    {ENAMETOOLONG, NULL},
    {ENOTSUP, NULL},
    {ENOTDIR, NULL},
    {ELOOP, NULL},
    {EROFS, "the directory of named objects (WHERRY_DIR) can only be read"},
    {ENOSPC, "there is not enough space left for it"},
    {0, NULL},
};

int named_refuse(const struct address *address, int error)
{
    return endpoint_refuse(address, error, complaints);
}
