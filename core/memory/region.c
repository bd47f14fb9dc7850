/* SPDX-License-Identifier: MIT */
/*
 * Regions: memory that is mapped, and what can be asked of it.
 *
 * What others can make smaller is touched by nobody here: it is copied by the kernel,
 * which tells of a place that is gone where the processor would end the process.
 */
#include "memory/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t received_most = UINT64_C(1) << 30;

/* The seals behind each word of the interface, with those of the words before it. */
static const unsigned seals_of[] = {
    [WHERRY_SEAL_SIZE] = OS_SEAL_SHRINK | OS_SEAL_GROW,
    [WHERRY_SEAL_WRITERS] = OS_SEAL_SHRINK | OS_SEAL_GROW | OS_SEAL_WRITERS,
    [WHERRY_SEAL_CONTENTS] =
        OS_SEAL_SHRINK | OS_SEAL_GROW | OS_SEAL_WRITERS | OS_SEAL_WRITE,
};

/* --- making -------------------------------------------------------------- */

static int new_region(uint64_t size, enum wherry_region_access access,
                      wherry_region **out)
{
    if (size == 0)
        return failure(-EINVAL, "it is empty: who makes it is not done, or size= is "
                                "to be said");
    if (size > PTRDIFF_MAX)
        return failure(-EFBIG, "%llu bytes are more than a process can see",
                       (unsigned long long)size);
    wherry_region *region = calloc(1, sizeof(*region));
    if (!region)
        return failure_plain(-ENOMEM, "no memory for a region");
    region->size = (size_t)size;
    region->access = access;
    region->fd = region->segment = -1;
    atomic_init(&region->keepers, 1);
    *out = region;
    return 0;
}

static bool has_seals(unsigned seals, enum wherry_region_seal word)
{
    return (seals & seals_of[word]) == seals_of[word];
}

int region_of_file(int fd, uint64_t size, enum wherry_region_access access,
                   wherry_region **out)
{
    static const enum os_map_access ways[] = {
        [WHERRY_REGION_READ] = OS_MAP_READ,
        [WHERRY_REGION_WRITE] = OS_MAP_WRITE,
        [WHERRY_REGION_PRIVATE] = OS_MAP_PRIVATE,
    };

    wherry_region *region;
    void *data;
    int r = new_region(size, access, &region);
    if (r < 0)
        return r;
    int seals = os_seals(fd);
    region->seals = seals < 0 ? 0 : (unsigned)seals;
    bool is_still = access == WHERRY_REGION_READ && (region->seals & OS_SEAL_WRITE);
    r = os_map(fd, region->size, is_still ? OS_MAP_SEALED : ways[access], &data);
    if (r < 0) {
        free(region);
        return failure_plain(r, "mapping it");
    }
    region->data = data;
    region->fd = fd;
    region->is_steady = (region->seals & OS_SEAL_SHRINK) != 0;
    *out = region;
    return 0;
}

int region_of_segment(int segment, uint64_t size, enum wherry_region_access access,
                      wherry_region **out)
{
    wherry_region *region;
    void *data;
    int r = new_region(size, access, &region);
    if (r < 0)
        return r;
    r = os_shm_attach(segment, access == WHERRY_REGION_WRITE, &data);
    if (r < 0) {
        free(region);
        return r;
    }
    region->data = data;
    region->segment = segment;
    region->is_steady = true;
    *out = region;
    return 0;
}

void region_show(wherry_region *region, const char *scheme, const char *address)
{
    snprintf(region->scheme, sizeof(region->scheme), "%s", scheme);
    snprintf(region->address, sizeof(region->address), "%s", address);
}

/* --- received ------------------------------------------------------------ */

// In this order: seals are asked of the kernel alone, where a file system could lie.
static int check_received(int file, const struct wherry_region_wish *wish,
                          uint64_t *size)
{
    struct os_memory memory;
    const uint64_t most = wish->most ? wish->most : received_most;
    int seals = os_seals(file);
    int r = seals == -EBADF ? seals : os_memory_look(file, &memory);
    if (r < 0)
        return failure_plain(r, "a region from a peer");
    if (seals < 0 || !memory.is_tmpfs || !memory.is_regular)
        return failure(-ENOTSUP, "the open file from a peer is no memory of this "
                                 "machine (a memfd)");
    const bool is_sealed =
        has_seals((unsigned)seals, WHERRY_SEAL_SIZE) && (seals & OS_SEAL_SEAL);
    if (!is_sealed && !wish->unsealed)
        return failure(-EPERM, "the region from a peer is not sealed: its size could "
                               "change (seal=size where it is made)");
    if (wish->size ? memory.size != wish->size : memory.size > most)
        return failure(-EMSGSIZE, "the region from a peer has %llu bytes, not %s%llu",
                       (unsigned long long)memory.size, wish->size ? "" : "up to ",
                       (unsigned long long)(wish->size ? wish->size : most));
    if ((seals & (OS_SEAL_WRITE | OS_SEAL_WRITERS)) &&
        wish->access == WHERRY_REGION_WRITE)
        return failure(-EPERM, "the region from a peer is sealed against writing");
    *size = memory.size;
    return 0;
}

int wherry_region_receive(wherry_native file, const struct wherry_region_wish *given,
                          size_t size, wherry_region **out)
{
    struct wherry_region_wish wish = {.size = 0};
    uint64_t bytes;
    if (given)
        memcpy(&wish, given, size < sizeof(wish) ? size : sizeof(wish));
    if (wish.access < WHERRY_REGION_READ || wish.access > WHERRY_REGION_PRIVATE)
        return failure(-EINVAL, "access: %d is none", (int)wish.access);
    int r = check_received(file, &wish, &bytes);
    if (r >= 0)
        r = region_of_file(file, bytes, wish.access, out);
    if (r >= 0)
        region_show(*out, "memfd", "");
    return r;
}

/* --- what is asked of one ------------------------------------------------ */

void *wherry_region_data(const wherry_region *region)
{
    return region->data;
}

size_t wherry_region_size(const wherry_region *region)
{
    return region->size;
}

int wherry_region_file(const wherry_region *region, wherry_native *out)
{
    if (region->fd < 0)
        return failure(-ENOTSUP,
                       "%s: a System V segment has no descriptor: others open "
                       "it by its address",
                       region->address);
    *out = region->fd;
    return 0;
}

static int check_part(const wherry_region *region, uint64_t offset, size_t size)
{
    if (offset <= region->size && size <= region->size - offset)
        return 0;
    return failure(-ERANGE, "%zu bytes at %llu are not within the %zu of the region",
                   size, (unsigned long long)offset, region->size);
}

static int copy(const wherry_region *region, void *to, const void *from, size_t size)
{
    if (region->is_steady) {
        memcpy(to, from, size);
        return 0;
    }
    int r = os_copy(to, from, size);
    return r == -EFAULT ? failure(r,
                                  "the region was made smaller than the %zu bytes "
                                  "that it had",
                                  region->size)
           : r < 0      ? failure_plain(r, "copying")
                        : 0;
}

int wherry_region_read(const wherry_region *region, uint64_t offset, void *out,
                       size_t size)
{
    int r = check_part(region, offset, size);
    return r < 0 ? r : copy(region, out, region->data + offset, size);
}

int wherry_region_write(wherry_region *region, uint64_t offset, const void *bytes,
                        size_t size)
{
    int r = check_part(region, offset, size);
    if (r >= 0 && region->access == WHERRY_REGION_READ)
        r = failure(-EACCES, "the region is open for reading");
    return r < 0 ? r : copy(region, region->data + offset, bytes, size);
}

int wherry_region_flush(wherry_region *region, uint64_t offset, size_t size)
{
    int r = check_part(region, offset, size);
    if (r < 0 || region->fd < 0)
        return r;
    r = os_flush(region->data + offset, size ? size : region->size - (size_t)offset);
    return r < 0 ? failure_plain(r, "writing it to the disk") : 0;
}

/* --- its state ----------------------------------------------------------- */

static int look_at_segment(const wherry_region *region, struct wherry_region_info *out)
{
    struct os_shm_state now;
    int r = os_shm_look(region->segment, &now);
    if (r < 0)
        return r;
    out->uid = now.uid;
    out->gid = now.gid;
    out->mode = now.mode;
    out->size_now = now.size;
    out->removed = now.is_removed;
    out->attached = now.attached;
    out->creator = now.creator;
    out->last = now.last;
    out->attached_at = now.attached_at;
    out->detached_at = now.detached_at;
    out->changed_at = now.changed_at;
    return 0;
}

static int look_at_file(const wherry_region *region, struct wherry_region_info *out)
{
    struct os_memory now;
    int r = os_memory_look(region->fd, &now);
    if (r < 0)
        return r;
    out->uid = now.uid;
    out->gid = now.gid;
    out->mode = now.mode;
    out->size_now = now.size;
    out->removed = region->address[0] && !now.is_named;
    out->changed_at = now.changed;
    return 0;
}

static int look(const wherry_region *region, struct wherry_region_info *out)
{
    *out = (struct wherry_region_info){.size = region->size,
                                       .access = region->access,
                                       .uid = -1,
                                       .gid = -1,
                                       .attached = -1,
                                       .creator = -1,
                                       .last = -1,
                                       .attached_at = -1,
                                       .detached_at = -1,
                                       .changed_at = -1};
    memcpy(out->scheme, region->scheme, sizeof(out->scheme));
    memcpy(out->address, region->address, sizeof(out->address));
    for (unsigned word = 0; word < sizeof(seals_of) / sizeof(seals_of[0]); word++)
        out->seals |= has_seals(region->seals, word) ? 1u << word : 0;
    return region->fd < 0 ? look_at_segment(region, out) : look_at_file(region, out);
}

int wherry_region_describe(const wherry_region *region, struct wherry_region_info *out,
                           size_t size)
{
    struct wherry_region_info whole;
    if (size == 0)
        return failure(-EINVAL, "a description of 0 bytes");
    (void)look(region, &whole); // what is not known says so
    memset(out, 0, size);
    memcpy(out, &whole, size < sizeof(whole) ? size : sizeof(whole));
    return 0;
}

int wherry_region_check(const wherry_region *region)
{
    struct wherry_region_info now;
    int r = look(region, &now);
    if (r >= 0 && now.size_now < region->size)
        return failure(-EFAULT,
                       "the region was made smaller: %llu bytes of %zu are left",
                       (unsigned long long)now.size_now, region->size);
    if (r == -EIDRM || (r >= 0 && now.removed && !region->is_private))
        return failure(-ESTALE, "%s was removed: who opens that name finds another one",
                       region->address);
    return r < 0 ? failure_plain(r, "looking at a region") : 0;
}

/* --- sealing ------------------------------------------------------------- */

// Nobody may have it mapped so that it could be written, not even we: so it is read at
// the same place from now on.
static int seal_contents(wherry_region *region)
{
    int r = region->seals & OS_SEAL_SEAL ? -EPERM : 0;
    if (r >= 0)
        r = os_map_again(region->fd, region->size, OS_MAP_SEALED, region->data);
    if (r < 0)
        return r;
    r = os_seal(region->fd, seals_of[WHERRY_SEAL_CONTENTS] | OS_SEAL_SEAL);
    if (r >= 0 ||
        os_map_again(region->fd, region->size, OS_MAP_WRITE, region->data) < 0)
        region->access = WHERRY_REGION_READ;
    return r;
}

int wherry_region_seal(wherry_region *region, enum wherry_region_seal word)
{
    if (word < WHERRY_SEAL_SIZE || word > WHERRY_SEAL_CONTENTS)
        return failure(-EINVAL, "there is no seal %d", (int)word);
    if (strcmp(region->scheme, "memfd") != 0)
        return failure(-ENOTSUP, "%s: only a memfd: can be sealed", region->scheme);
    if (word == WHERRY_SEAL_CONTENTS && region_is_kept(region))
        return failure(-EBUSY, "a lock in the region is open, which is written to");
    int r = word == WHERRY_SEAL_CONTENTS
                ? seal_contents(region)
                : os_seal(region->fd, seals_of[word] | OS_SEAL_SEAL);
    int seals = os_seals(region->fd);
    region->seals = seals < 0 ? region->seals : (unsigned)seals;
    region->is_steady = (region->seals & OS_SEAL_SHRINK) != 0;
    if (r == -EPERM)
        return failure(r, "the region is sealed already: open it with seal=none");
    if (r == -EBUSY)
        return failure(r, "somebody else has the region mapped for writing");
    return r < 0 ? failure_plain(r, "sealing a region") : 0;
}

/* --- its end ------------------------------------------------------------- */

void region_forget(wherry_region *region)
{
    region->data = NULL;
}

void region_free(wherry_region *region)
{
    if (region->fd < 0)
        os_shm_detach(region->data);
    else if (region->data)
        os_unmap(region->data, region->size);
    os_fork_word_free(atomic_load(&region->life));
    os_close(region->fd);
    free(region);
}

void wherry_region_close(wherry_region *region)
{
    if (region)
        region_let_go(region);
}
