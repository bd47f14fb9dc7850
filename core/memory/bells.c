/* SPDX-License-Identifier: MIT */
/*
 * Doorbells: a FIFO for each handle that has ever waited, in the user's directory.
 *
 * Its name has the object's number, the place and its generation, so that nobody rings
 * at a door where somebody else lives by now.  One that is rung is readable until its
 * owner has looked.  One that cannot be rung (too few descriptors) costs time: its
 * owner looks by itself now and then.
 *
 * Its owner has it open to be read from as long as it lives, so one that nobody can be
 * found to read from is nobody's: wherry_inspect_remove takes those away.
 */
#include "memory/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void path_of(const struct places *places, uint64_t owner, char *path)
{
    char name[OS_DIRECTORY_NAME];
    snprintf(name, sizeof(name), "%016llx.%u.%x.bell", (unsigned long long)places->name,
             (unsigned)owner_place(owner),
             (unsigned)(uint32_t)(owner >> OWNER_PID_BITS));
    os_directory_path(places->directory, name, path);
}

// One that is made and not open yet looks like nobody's: it may be taken away.
static int make_own(struct places *places)
{
    enum { TRIES = 64 };

    char path[OS_DIRECTORY_PATH];
    struct os_file file;
    bool made;
    int r = -ENOENT;
    path_of(places, places->owner, path);
    for (int tries = 0; r == -ENOENT && tries < TRIES; tries++) {
        r = os_make_fifo(path, 0, &made, &file);
        if (r >= 0)
            r = os_open_fifo(path, OS_FIFO_KEEP, &places->bell);
    }
    return r < 0 ? failure_plain(r, "a doorbell") : 0;
}

int bells_prepare(struct places *places)
{
    int r = places->bell.fd >= 0 ? 0 : make_own(places);
    if (r < 0 || places->watch >= 0)
        return r;
    int watch = os_watch_new();
    r = watch < 0 ? watch : os_watch_add(watch, places->bell.fd, os_wait_in);
    if (r < 0) {
        os_close(watch);
        return failure_plain(r, "waiting");
    }
    places->watch = watch;
    return 0;
}

void bells_clear(struct places *places)
{
    char bytes[256];
    const struct os_room room = {bytes, sizeof(bytes)};
    while (os_read(&places->bell, &room, 1) == (int64_t)sizeof(bytes))
        ;
}

/* --- those of others ----------------------------------------------------- */

static struct os_descriptor *find(struct places *places, uint64_t owner)
{
    struct places_bell *bell = &places->bells[owner_place(owner) % PLACES_BELLS];
    if (bell->owner == owner)
        return &bell->fifo;
    if (bell->owner != 0)
        os_release(&bell->fifo);
    char path[OS_DIRECTORY_PATH];
    path_of(places, owner, path);
    const bool is_open = os_open_fifo(path, OS_FIFO_KEEP, &bell->fifo) >= 0;
    bell->owner = is_open ? owner : 0;
    return is_open ? &bell->fifo : NULL;
}

void bells_ring(struct places *places, uint64_t owner)
{
    static const char sound = 1;
    const struct os_bytes bytes = {&sound, 1};
    struct failure_aside why;
    failure_put_aside(&why);
    os_lock_take(&places->lock);
    struct os_descriptor *fifo = find(places, owner);
    if (fifo)
        (void)os_write(fifo, &bytes, 1); // a full one rings already
    os_lock_give(&places->lock);
    failure_bring_back(&why);
}

void bells_ring_place(struct places *places, uint32_t place)
{
    bool left;
    const uint64_t owner = places_owner(places, place, &left);
    if (owner != 0)
        bells_ring(places, owner);
}

void bells_ring_all(struct places *places)
{
    const uint32_t used = places_used(places);
    for (uint32_t i = 0; i < used; i++)
        if (places_wait_of(places, i) != 0)
            bells_ring_place(places, i);
}

void bells_remove(const struct places *places, uint64_t owner)
{
    char path[OS_DIRECTORY_PATH];
    path_of(places, owner, path);
    (void)os_remove_fifo(path);
}

void bells_close(struct places *places)
{
    for (int i = 0; i < PLACES_BELLS; i++)
        if (places->bells[i].owner != 0)
            os_release(&places->bells[i].fifo);
    os_release(&places->bell);
}
