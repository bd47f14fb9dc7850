/* SPDX-License-Identifier: MIT */
/*
 * The block of memory that a lease is: header, line, permits, waits, places.
 */
#include "memory/lease.h"

#include <errno.h>
#include <string.h>

enum { VERSION = 1, LINE = 64 /* bytes of the processor's cache */ };

static const char magic[8] = "wherry-l";

/* Where each part begins, from the header on, in bytes. */
struct parts {
    uint64_t owners;
    uint64_t waits;
    uint64_t places;
    uint64_t size;
};

static uint64_t round_up(uint64_t size)
{
    return (size + LINE - 1) / LINE * LINE;
}

// The first permits share a line with what everybody looks at beside them.
static struct parts lay_out(uint32_t permits, uint32_t places)
{
    struct parts parts;
    parts.owners = sizeof(struct lease_header) + sizeof(struct lease_line);
    parts.waits = round_up(parts.owners + permits * sizeof(uint64_t));
    parts.places = round_up(parts.waits + places * sizeof(uint64_t));
    parts.size = parts.places + places * sizeof(struct place);
    return parts;
}

static uint32_t layout(void)
{
    return (uint32_t)(sizeof(struct lease_header) << 16 |
                      sizeof(struct lease_line) << 8 | sizeof(struct place));
}

uint64_t lease_size(uint32_t permits, uint32_t handles)
{
    return lay_out(permits, handles).size;
}

// The magic comes last: who sees it sees all the rest.
int lease_make(void *at, uint32_t permits, uint32_t handles)
{
    struct lease_header *header = at;
    const uint64_t size = lease_size(permits, handles);
    uint64_t name;
    struct os_era era;
    int r = os_directory_number(&name);
    if (r >= 0)
        r = os_era(&era);
    if (r < 0)
        return failure_plain(r, "making a lease");
    memset(at, 0, size);
    header->version = VERSION;
    header->layout = layout();
    header->permits = permits;
    header->places = handles;
    header->space = era.namespace;
    header->name = name | UINT64_C(1) << 63; // written with 16 digits, always
    header->size = size;
    atomic_thread_fence(memory_order_release);
    memcpy(header->magic, magic, sizeof(magic));
    return 0;
}

static int check(const struct lease_header *at, uint64_t size, uint64_t space)
{
    if (size < sizeof(*at) || memcmp(at->magic, magic, sizeof(magic)) != 0)
        return failure(-EPROTO, "what is there is no lease");
    if (at->version != VERSION || at->layout != layout())
        return failure(-EPROTO,
                       "the lease there is of version %u (layout %x), and this is %d "
                       "(%x): remove it when nobody uses it (wherry remove)",
                       (unsigned)at->version, (unsigned)at->layout, VERSION,
                       (unsigned)layout());
    if (at->permits == 0 || at->permits > LEASE_PERMITS || at->places == 0 ||
        at->places > LEASE_HANDLES || at->size > size ||
        at->size != lease_size(at->permits, at->places))
        return failure(-EPROTO, "the lease there is broken: its numbers do not fit");
    if (at->space != space)
        return failure(-EXDEV, "the lease belongs to another pid namespace, whose "
                               "processes cannot be told from here: take another name, "
                               "or remove it when nobody uses it (wherry remove)");
    return 0;
}

int lease_take(struct lease *lease, struct lease_header *at, uint64_t size)
{
    // Nobody else's change of it meanwhile counts.
    struct lease_header header = {.magic = {0}};
    if (size >= sizeof(header))
        memcpy(&header, at, sizeof(header));
    atomic_thread_fence(memory_order_acquire);
    int r = check(&header, size, lease->places.space);
    if (r < 0)
        return r;
    const struct parts parts = lay_out(header.permits, header.places);
    uint8_t *base = (uint8_t *)at;
    lease->line = (struct lease_line *)(void *)(base + sizeof(header));
    lease->owners = (_Atomic(uint64_t) *)(void *)(base + parts.owners);
    lease->places.waits = (_Atomic(uint64_t) *)(void *)(base + parts.waits);
    lease->places.all = (struct place *)(void *)(base + parts.places);
    lease->places.attached = &lease->line->attached;
    lease->places.used = &lease->line->used;
    lease->permits = header.permits;
    lease->places.seats = header.places;
    lease->places.name = header.name;
    return 0;
}
