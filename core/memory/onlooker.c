/* SPDX-License-Identifier: MIT */
/*
 * Onlookers: what the pages of rings, fans and pools say, read from outside.
 *
 * Whoever looks on has a descriptor of another process's memory, and reads it as a
 * file: a page is copied once and then looked at, so that what is checked is what is
 * used; and nobody's smaller file is a signal here.
 */
#include <errno.h>
#include <string.h>

#include <wherry/memory.h>

#include "memory/memory.h"

/* The beginning of a piece of memory, of whichever sort. */
union page {
    char magic[8];
    struct ring_page ring;
    struct pool_page pool;
    struct pool_returns returns;
};

/* One sort of them. */
struct sort {
    const char *magic; // 8 bytes
    size_t size;       // of what is looked at
    int (*tell)(const union page *, uint64_t all, struct wherry_memory_info *out);
};

static int does_not_fit(void)
{
    return failure(-EPROTO, "the memory is broken: its numbers do not fit");
}

static int other_version(unsigned version, int ours)
{
    return failure(-EPROTO,
                   "the memory is of version %u, and this is %d: look with the release "
                   "of Wherry that its process has",
                   version, ours);
}

/* --- each sort ----------------------------------------------------------- */

static bool is_odd(const _Atomic(uint32_t) *epoch)
{
    return atomic_load_explicit(epoch, memory_order_relaxed) & 1;
}

static uint64_t count_of(const _Atomic(uint64_t) *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

static int check_ring(const struct ring_page *page, uint64_t all)
{
    const bool has_ring = page->use != RING_OF_READER;
    const bool is_ring = page->size >= RING_LEAST && page->size <= RING_MOST &&
                         (page->size & (page->size - 1)) == 0;
    if (page->version != RING_VERSION)
        return other_version(page->version, RING_VERSION);
    if (page->layout != ring_layout())
        return failure(-EPROTO, "the memory is of layout %08x, and this is %08x",
                       page->layout, ring_layout());
    if (page->use == 0 || page->use >= RING_USES || all != RING_FRONT + page->size ||
        (has_ring ? !is_ring : page->size != 0))
        return does_not_fit();
    return 0;
}

static int tell_ring(const union page *page, uint64_t all,
                     struct wherry_memory_info *out)
{
    static const enum wherry_memory_use uses[RING_USES] = {
        [RING_OF_CHANNEL] = WHERRY_MEMORY_CHANNEL,
        [RING_OF_TOPIC] = WHERRY_MEMORY_TOPIC,
        [RING_OF_READER] = WHERRY_MEMORY_READER,
    };

    const struct ring_page *ring = &page->ring;
    int r = check_ring(ring, all);
    if (r < 0)
        return r;
    *out = (struct wherry_memory_info){
        .use = uses[ring->use],
        .size = ring->size,
        .maker = ring->pid,
        .carrier = ring->carrier,
        .reads = count_of(&ring->reads),
        .sent_messages = count_of(&ring->writer.messages),
        .sent_bytes = count_of(&ring->writer.bytes),
        .written = count_of(&ring->writer.tail),
        .oldest = count_of(&ring->fan.floor),
        .received_messages = count_of(&ring->received.messages),
        .received_bytes = count_of(&ring->received.bytes),
        .read = count_of(&ring->reader.head),
        .lost_messages = count_of(&ring->reader.lost),
        .waits_for_messages = is_odd(&ring->sleeps.reader),
        .waits_for_room = is_odd(&ring->sleeps.writer)};
    return 0;
}

static int tell_pool(const union page *page, uint64_t all,
                     struct wherry_memory_info *out)
{
    const struct pool_page *pool = &page->pool;
    if (pool->version != POOL_VERSION)
        return other_version(pool->version, POOL_VERSION);
    if (pool->size < POOL_LEAST || pool->size > POOL_MOST ||
        all != POOL_FRONT + pool->size)
        return does_not_fit();
    *out = (struct wherry_memory_info){.use = WHERRY_MEMORY_POOL,
                                       .size = pool->size,
                                       .carrier = pool->carrier,
                                       .waits_for_room = is_odd(&pool->sleeps),
                                       .blocks = count_of(&pool->count)};
    return 0;
}

static int tell_returns(const union page *page, uint64_t all,
                        struct wherry_memory_info *out)
{
    const struct pool_returns *returns = &page->returns;
    if (returns->version != POOL_VERSION)
        return other_version(returns->version, POOL_VERSION);
    if (all != POOL_RETURNS_SIZE)
        return does_not_fit();
    *out = (struct wherry_memory_info){.use = WHERRY_MEMORY_RETURNS,
                                       .carrier = returns->carrier,
                                       .blocks = count_of(&returns->count)};
    return 0;
}

static const struct sort sorts[] = {
    {RING_MAGIC, sizeof(struct ring_page), tell_ring},
    {POOL_MAGIC, sizeof(struct pool_page), tell_pool},
    {POOL_MAGIC_OF_RETURNS, offsetof(struct pool_returns, blocks), tell_returns},
};

/* --- looking ------------------------------------------------------------- */

static int no_memory_of_ours(void)
{
    return failure(-EPROTO, "it is no memory of local:");
}

static int read_page(int fd, union page *page, uint64_t *all)
{
    int r = sealed_check(fd, all);
    if (r == -EPROTO)
        return no_memory_of_ours();
    const int64_t size = r < 0 ? r : os_memory_read(fd, 0, page, sizeof(*page));
    if (size < 0)
        return failure_plain((int)size, "looking at memory");
    memset((char *)page + size, 0, sizeof(*page) - (size_t)size);
    return 0;
}

static int look(int fd, union page *page, struct wherry_memory_info *out)
{
    uint64_t all;
    int r = read_page(fd, page, &all);
    for (size_t i = 0; r == 0 && i < sizeof(sorts) / sizeof(sorts[0]); i++) {
        if (memcmp(page->magic, sorts[i].magic, sizeof(page->magic)) != 0)
            continue;
        r = all < sorts[i].size ? does_not_fit() : sorts[i].tell(page, all, out);
        out->memory = all;
        return r;
    }
    return r < 0 ? r : no_memory_of_ours();
}

int wherry_memory_describe(wherry_native memory, struct wherry_memory_info *out,
                           size_t size)
{
    union page page;
    struct wherry_memory_info info = {.use = 0};
    if (size == 0)
        return failure(-EINVAL, "a description needs room");
    int r = look(memory, &page, &info);
    if (r < 0)
        return r;
    memset(out, 0, size);
    memcpy(out, &info, size < sizeof(info) ? size : sizeof(info));
    return 0;
}

const char *wherry_memory_use_name(enum wherry_memory_use use)
{
    static const char *const names[] = {
        [WHERRY_MEMORY_CHANNEL] = "channel", [WHERRY_MEMORY_TOPIC] = "topic",
        [WHERRY_MEMORY_READER] = "reader",   [WHERRY_MEMORY_POOL] = "pool",
        [WHERRY_MEMORY_RETURNS] = "returns",
    };

    const size_t number = (size_t)use;
    return number < sizeof(names) / sizeof(names[0]) && names[number] ? names[number]
                                                                      : "";
}

/* --- how far behind ------------------------------------------------------ */

static bool load_from_file(const void *from, uint64_t at, struct fan_head *out)
{
    const int *fd = from;
    return os_memory_read(*fd, RING_FRONT + at, out, sizeof(*out)) == sizeof(*out);
}

// All has been passed where it cannot be read.
static uint64_t floor_in_file(const void *from)
{
    const int *fd = from;
    uint64_t floor;
    const uint64_t at = offsetof(struct ring_page, fan.floor);
    const int64_t size = os_memory_read(*fd, at, &floor, sizeof(floor));
    return size == sizeof(floor) ? floor : INT64_MAX;
}

int wherry_memory_behind(wherry_native topic, uint64_t read, struct wherry_reader *out)
{
    union page page;
    struct wherry_memory_info info;
    struct fan_lag lag;
    int r = look(topic, &page, &info);
    if (r < 0)
        return r;
    if (info.use != WHERRY_MEMORY_TOPIC)
        return failure(-EPROTO, "it is not the memory of a topic");
    const struct fan_sight sight = {.size = info.size,
                                    .tail = info.written,
                                    .messages = info.sent_messages,
                                    .load = load_from_file,
                                    .floor = floor_in_file,
                                    .from = &topic};
    fan_measure_lag(&sight, read, &lag);
    out->behind_messages = lag.messages;
    out->behind_bytes = lag.bytes;
    out->behind_age = lag.since > 0 ? wherry_now() - lag.since : 0;
    out->overtaken = lag.is_overtaken;
    return 0;
}
