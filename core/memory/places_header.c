/* SPDX-License-Identifier: MIT */
/*
 * places_header: how the block of each named object begins, and how one is known.
 */
#include "memory/places.h"

#include <errno.h>
#include <string.h>

int places_header_make(struct places_header *header, const struct places_ways *ways,
                       uint32_t places, uint64_t size)
{
    uint64_t name;
    struct os_era era;
    int r = os_directory_number(&name);
    if (r >= 0)
        r = os_era(&era);
    if (r < 0)
        return failure(r, "making a %s: %s", ways->noun, error_words(r));
    *header = (struct places_header){
        .version = ways->version,
        .layout = ways->layout,
        .space = era.namespace,
        .name = name | UINT64_C(1) << 63, // written with 16 digits, always
        .size = size,
        .places = places};
    return 0;
}

void places_header_show(struct places_header *header, const struct places_ways *ways)
{
    atomic_thread_fence(memory_order_release);
    memcpy(header->magic, ways->magic, sizeof(header->magic));
}

int places_header_check(const struct places_header *header,
                        const struct places_ways *ways, uint64_t size, uint64_t space)
{
    if (size < sizeof(*header) ||
        memcmp(header->magic, ways->magic, sizeof(header->magic)) != 0)
        return failure(-EPROTO, "what is there is no %s", ways->noun);
    if (header->version != ways->version || header->layout != ways->layout)
        return failure(-EPROTO,
                       "the %s there is of version %u (layout %x), and this is %u "
                       "(%x): remove it when nobody uses it (wherry remove)",
                       ways->noun, (unsigned)header->version, (unsigned)header->layout,
                       (unsigned)ways->version, (unsigned)ways->layout);
    if (header->space != space)
        return failure(-EXDEV,
                       "the %s belongs to another pid namespace, whose processes "
                       "cannot be told from here: take another name, or remove it when "
                       "nobody uses it (wherry remove)",
                       ways->noun);
    if (header->size > size)
        return places_header_broken(ways);
    return 0;
}

int places_header_broken(const struct places_ways *ways)
{
    return failure(-EPROTO, "the %s there is broken: its numbers do not fit",
                   ways->noun);
}
