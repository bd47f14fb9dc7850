/* SPDX-License-Identifier: MIT */
/*
 * sem:/NAME - POSIX semaphores, sem_overview(7).
 *
 * Any program's sem_open(3) finds it by that name; it stays, with its value, until
 * wherry_remove or the next start of the machine.  Without a name it is 32 bytes of a
 * region.  Either way it is a sem_t of this C library, and made here as the library
 * makes it: with all its bytes and its rights before anybody can find it.  What is
 * there by that name and has not its size is none, of another library or of another
 * word size.
 */
#include "transport/sem.h"

#include <errno.h>

#include "base/base.h"
#include "transport/region.h"

static const struct wherry_option own_options[] = {
    {.name = "permits",
     .type = WHERRY_OPTION_NUMBER,
     .standard = "1",
     .least = 0,
     .most = OS_SEM_MOST,
     .help = "How many permits one that is made has; one that is there is taken as it "
             "is, for nobody knows with how many it was made."},
    {.name = NULL},
};

static const struct wherry_option *const options[] = {own_options, object_options,
                                                      NULL};

/* --- opening ------------------------------------------------------------- */

static int posix_check(const struct address *address)
{
    uint32_t mode;
    // In a region it has no name.
    int r = address_rest_size(address) == 0 ? 0 : endpoint_name(address, "semaphore");
    return r < 0 ? r : endpoint_mode(address, &mode);
}

static const struct complaint complaints[] = {
    {EINVAL, NULL},
    {EPROTO, NULL},
    {ENOTSUP, "what is at its place under /dev/shm is no file"},
    {EACCES, "this user may not open it: see who owns it, and its mode="},
    {ENOSPC, "there is no space left under /dev/shm"},
    {ELOOP, "a symbolic link stands at its place under /dev/shm"},
    {ENAMETOOLONG, "its name is too long: 251 bytes behind the slash at most"},
    {EEXIST, "the semaphore is there already: leave out create=exclusive, or remove "
             "it first (wherry remove)"},
    {0, NULL},
};

static const struct complaint missing[] = {
    {ENOENT, "there is no such semaphore: leave out create=no to make it"}, {0, NULL}};

static int refuse(const struct address *address, int error)
{
    const bool is_missing = error == -ENOENT && object_create(address) == OS_CREATE_NO;
    return endpoint_refuse(address, error, is_missing ? missing : complaints);
}

static int fill(wherry_region *region, const void *permits)
{
    return os_sem_make(region->data, *(const uint32_t *)permits);
}

// What any program can have put there is looked at before it is used.
static int check(size_t size)
{
    return size == OS_SEM_SIZE
               ? 0
               : failure(-EPROTO,
                         "what is there has %zu bytes, and a semaphore %d: it is "
                         "another C library's or word size's, or none: remove it first "
                         "(wherry remove)",
                         size, OS_SEM_SIZE);
}

static int map(const struct address *address, wherry_region **out)
{
    char path[OS_SHM_PATH];
    const uint32_t permits = (uint32_t)address_number(address, "permits");
    struct region_plan plan = {
        .file = {.path = path, .writes = true, .is_exact = true, .size = OS_SEM_SIZE},
        .create = object_create(address),
        .access = WHERRY_REGION_WRITE,
        .fill = fill,
        .with = &permits};
    bool is_made;
    os_sem_path(address_rest(address), path);
    int r = endpoint_mode(address, &plan.file.mode);
    if (r >= 0)
        r = region_find_or_make(&plan, &is_made, out);
    if (r == -EINVAL)
        return check(0);
    if (r >= 0 && (r = check((*out)->size)) < 0)
        wherry_region_close(*out);
    return r;
}

static int posix_turns(const struct address *address, wherry_semaphore **out)
{
    wherry_region *region;
    wherry_semaphore *semaphore = NULL;
    if (address_rest_size(address) == 0)
        return failure(-EINVAL,
                       "%s: without a name it lives in a region "
                       "(wherry_semaphore_place); a name is sem:/NAME",
                       address_text(address));
    // That its memory gets its name is the last thing that can fail.
    int r = sem_new(address_text(address), &semaphore);
    if (r >= 0)
        r = map(address, &region);
    if (r < 0) {
        wherry_semaphore_close(semaphore);
        return refuse(address, r);
    }
    region_show(region, "sem", address_text(address));
    sem_lives_in(semaphore, region);
    *out = semaphore;
    return 0;
}

static uint64_t posix_room(const struct address *address)
{
    enum { LINE = 64 };

    (void)address;
    return (uint64_t)(OS_SEM_SIZE + LINE - 1) / LINE * LINE;
}

static int posix_place(const struct address *address, wherry_region *region,
                       uint64_t offset, wherry_semaphore **out)
{
    const uint32_t permits = (uint32_t)address_number(address, "permits");
    void *const place = region->data + offset;
    wherry_semaphore *semaphore = NULL;
    int r = sem_new("", &semaphore);
    if (r >= 0 && object_create(address) == OS_CREATE_EXCLUSIVE)
        r = os_sem_make(place, permits);
    if (r < 0) {
        wherry_semaphore_close(semaphore);
        return refuse(address, r);
    }
    sem_lives_at(semaphore, place);
    *out = semaphore;
    return 0;
}

static int posix_remove(const struct address *address)
{
    char path[OS_SHM_PATH];
    if (address_rest_size(address) == 0)
        return -ENOENT;
    os_sem_path(address_rest(address), path);
    return region_remove_path(path);
}

const struct transport transport_sem = {
    .mechanism = {.scheme = "sem",
                  .usage = "sem:/NAME",
                  .mechanism = "POSIX semaphore, sem_overview(7)",
                  .summary =
                      "Turns on one machine, with programs that use sem_open(3).",
                  .example = "sem:/printer?permits=3",
                  .abilities = WHERRY_ABLE_STRANGERS | WHERRY_ABLE_OUTLIVES,
                  .traits = WHERRY_TRAIT_TURNS,
                  .limit = "it carries none",
                  .systems = "POSIX"},
    .options = options,
    .check = posix_check,
    .turns = posix_turns,
    .room = posix_room,
    .place = posix_place,
    .remove = posix_remove,
};
