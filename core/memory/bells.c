/* SPDX-License-Identifier: MIT */
/*
 * Doorbells: a FIFO for each handle that has ever waited, in the user's directory.
 *
 * Its name has the lease's number, the place and its generation, so that nobody rings
 * at a door where somebody else lives by now.  One that is rung is readable until its
 * owner has looked.  One that cannot be rung (too few descriptors) costs time: its
 * owner looks by itself now and then.
 *
 * Its owner has it open to be read from as long as it lives, so one that nobody can be
 * found to read from is nobody's: wherry_inspect_remove takes those away.
 */
#include "memory/lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void path_of(const struct lease *lease, uint64_t owner, char *path)
{
    char name[OS_DIRECTORY_NAME];
    snprintf(name, sizeof(name), "%016llx.%u.%x.bell", (unsigned long long)lease->name,
             (unsigned)lease_place_of(owner),
             (unsigned)(uint32_t)(owner >> LEASE_PID_BITS));
    os_directory_path(lease->directory, name, path);
}

// One that is made and not open yet looks like nobody's: it may be taken away.
static int make_own(struct lease *lease)
{
    enum { TRIES = 64 };

    char path[OS_DIRECTORY_PATH];
    struct os_file file;
    bool made;
    int r = -ENOENT;
    path_of(lease, lease->owner, path);
    for (int tries = 0; r == -ENOENT && tries < TRIES; tries++) {
        r = os_make_fifo(path, 0, &made, &file);
        if (r >= 0)
            r = os_open_fifo(path, OS_FIFO_KEEP, &lease->bell);
    }
    return r < 0 ? failure_plain(r, "a doorbell") : 0;
}

int bells_prepare(struct lease *lease)
{
    int r = lease->bell.fd >= 0 ? 0 : make_own(lease);
    if (r < 0 || lease->watch >= 0)
        return r;
    if (!lease->watched)
        lease->watched = calloc(lease->seats, sizeof(*lease->watched));
    if (!lease->watched)
        return failure_plain(-ENOMEM, "no memory to wait");
    int watch = os_watch_new();
    r = watch < 0 ? watch : os_watch_add(watch, lease->bell.fd, os_wait_in);
    if (r < 0) {
        os_close(watch);
        return failure_plain(r, "waiting");
    }
    lease->watch = watch;
    return 0;
}

void bells_clear(struct lease *lease)
{
    char bytes[256];
    const struct os_room room = {bytes, sizeof(bytes)};
    while (os_read(&lease->bell, &room, 1) == (int64_t)sizeof(bytes))
        ;
}

/* --- those of others ----------------------------------------------------- */

static struct os_descriptor *find(struct lease *lease, uint64_t owner)
{
    struct lease_bell *bell = &lease->bells[lease_place_of(owner) % LEASE_BELLS];
    if (bell->owner == owner)
        return &bell->fifo;
    if (bell->owner != 0)
        os_release(&bell->fifo);
    char path[OS_DIRECTORY_PATH];
    path_of(lease, owner, path);
    const bool is_open = os_open_fifo(path, OS_FIFO_KEEP, &bell->fifo) >= 0;
    bell->owner = is_open ? owner : 0;
    return is_open ? &bell->fifo : NULL;
}

void bells_ring(struct lease *lease, uint64_t owner)
{
    static const char sound = 1;
    const struct os_bytes bytes = {&sound, 1};
    struct failure_aside why;
    failure_put_aside(&why);
    os_lock_take(&lease->lock);
    struct os_descriptor *fifo = find(lease, owner);
    if (fifo)
        (void)os_write(fifo, &bytes, 1); // a full one rings already
    os_lock_give(&lease->lock);
    failure_bring_back(&why);
}

void bells_remove(const struct lease *lease, uint64_t owner)
{
    char path[OS_DIRECTORY_PATH];
    path_of(lease, owner, path);
    (void)os_remove_fifo(path);
}

void bells_close(struct lease *lease)
{
    for (int i = 0; i < LEASE_BELLS; i++)
        if (lease->bells[i].owner != 0)
            os_release(&lease->bells[i].fifo);
    os_release(&lease->bell);
}
