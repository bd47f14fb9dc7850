/* SPDX-License-Identifier: MIT */
/*
 * The block of memory that a lease is: header, line, permits, waits, places.
 */
#include "memory/lease.h"

#include <string.h>

enum { LINE = 64 /* bytes of the processor's cache */ };

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

uint64_t lease_size(uint32_t permits, uint32_t handles)
{
    return lay_out(permits, handles).size;
}

int lease_make(void *at, uint32_t permits, uint32_t handles)
{
    struct lease_header *header = at;
    const uint64_t size = lease_size(permits, handles);
    memset(at, 0, size);
    int r = places_header_make(&header->common, &lease_ways, handles, size);
    if (r < 0)
        return r;
    header->permits = permits;
    places_header_show(&header->common, &lease_ways);
    return 0;
}

static int check(const struct lease_header *at, uint64_t size, uint64_t space)
{
    const struct places_header *common = &at->common;
    int r = places_header_check(common, &lease_ways, size, space);
    if (r < 0)
        return r;
    if (at->permits == 0 || at->permits > LEASE_PERMITS || common->places == 0 ||
        common->places > LEASE_HANDLES ||
        common->size != lease_size(at->permits, common->places))
        return places_header_broken(&lease_ways);
    return 0;
}

int lease_take(struct lease *lease, struct lease_header *at, uint64_t size)
{
    // Nobody else's change of it meanwhile counts.
    struct lease_header header = {.permits = 0};
    if (size >= sizeof(header))
        memcpy(&header, at, sizeof(header));
    atomic_thread_fence(memory_order_acquire);
    int r = check(&header, size, lease->places.space);
    if (r < 0)
        return r;
    const struct parts parts = lay_out(header.permits, header.common.places);
    uint8_t *base = (uint8_t *)at;
    lease->line = (struct lease_line *)(void *)(base + sizeof(header));
    lease->owners = (_Atomic(uint64_t) *)(void *)(base + parts.owners);
    lease->places.waits = (_Atomic(uint64_t) *)(void *)(base + parts.waits);
    lease->places.all = (struct place *)(void *)(base + parts.places);
    lease->places.attached = &lease->line->attached;
    lease->places.used = &lease->line->used;
    lease->permits = header.permits;
    lease->places.seats = header.common.places;
    lease->places.name = header.common.name;
    return 0;
}
