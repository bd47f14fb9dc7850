/* SPDX-License-Identifier: MIT */
/*
 * Memory as processors have it: what a fiber stores waits in a buffer, and is seen by
 * that fiber at once, by the others when it has left.
 *
 * A buffer that does not hold back is emptied as soon as anything else happens, so it
 * has one store at most.  What is not shared is as it always is.
 */
#include <stdarg.h>

#include "parts.h"

static bool is_shared(const volatile void *at)
{
    return run_goes() &&
           (uintptr_t)at - (uintptr_t)run.scene->memory < run.scene->shared;
}

static struct fiber *self(void)
{
    return &run.fibers[run.now];
}

/* --- bytes --------------------------------------------------------------- */

// x86 has the least byte first.
static uint64_t plain_load(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    switch (size) {
    case 8:
        return *(const volatile uint64_t *)(const void *)at;
    case 4:
        return *(const volatile uint32_t *)(const void *)at;
    default:
        for (size_t i = 0; i < size; i++)
            value |= (uint64_t)at[i] << (8 * i);
        return value;
    }
}

static void plain_store(unsigned char *at, size_t size, uint64_t value)
{
    switch (size) {
    case 8:
        *(volatile uint64_t *)(void *)at = value;
        return;
    case 4:
        *(volatile uint32_t *)(void *)at = (uint32_t)value;
        return;
    default:
        for (size_t i = 0; i < size; i++)
            at[i] = (unsigned char)(value >> (8 * i));
    }
}

static bool overlap(const struct store *store, const unsigned char *at, size_t size)
{
    return at < store->at + store->size && store->at < at + size;
}

// Those bytes of a store that fall on what was loaded.
static uint64_t lay_over(uint64_t value, const struct store *store,
                         const unsigned char *at, size_t size)
{
    for (size_t i = 0; i < store->size; i++) {
        const size_t where = (size_t)(store->at + i - at);
        if (where >= size)
            continue;
        value &= ~((uint64_t)0xff << (8 * where));
        value |= (store->value >> (8 * i) & 0xff) << (8 * where);
    }
    return value;
}

// What the fiber sees there.
static uint64_t sight(const unsigned char *at, size_t size)
{
    const struct fiber *fiber = self();
    uint64_t value = plain_load(at, size);
    for (unsigned i = 0; i < fiber->count; i++)
        if (overlap(&fiber->stores[i], at, size))
            value = lay_over(value, &fiber->stores[i], at, size);
    return value;
}

/* --- buffers ------------------------------------------------------------- */

bool memory_is_hidden(unsigned number, const struct access *access)
{
    const struct fiber *fiber = &run.fibers[number];
    for (unsigned i = 0; i < fiber->count; i++)
        if (overlap(&fiber->stores[i], access->at, access->size))
            return true;
    return false;
}

void memory_show_one(unsigned number)
{
    struct fiber *fiber = &run.fibers[number];
    const struct store *first = &fiber->stores[0];
    plain_store(first->at, first->size, first->value);
    if (fiber->holds)
        run_say("    %s of %s is seen", first->site->text, run_name(number));
    run.version++;
    fiber->count--;
    memmove(fiber->stores, fiber->stores + 1, fiber->count * sizeof(*fiber->stores));
    fiber->holds = fiber->holds && fiber->count > 0;
}

void memory_show(unsigned number)
{
    while (run.fibers[number].count > 0)
        memory_show_one(number);
}

// The first that is hidden there; of one place the older is seen before the newer.
static unsigned find_hidden(const struct fiber *fiber, const struct access *access)
{
    unsigned i = 0;
    while (!overlap(&fiber->stores[i], access->at, access->size))
        i++;
    return i;
}

bool memory_can_overtake(unsigned number, const struct access *access)
{
    const struct fiber *fiber = &run.fibers[number];
    const unsigned found = find_hidden(fiber, access);
    for (unsigned i = 1; i <= found; i++)
        if (fiber->stores[i].is_fenced)
            return false;
    return found > 0 && !fiber->stores[found].is_release;
}

void memory_overtake(unsigned number, const struct access *access)
{
    struct fiber *fiber = &run.fibers[number];
    const unsigned found = find_hidden(fiber, access);
    const struct store *store = &fiber->stores[found];
    plain_store(store->at, store->size, store->value);
    run_say("    %s of %s is seen before older ones", store->site->text,
            run_name(number));
    run.version++;
    fiber->count--;
    memmove(fiber->stores + found, fiber->stores + found + 1,
            (fiber->count - found) * sizeof(*fiber->stores));
}

static void add_store(const struct store *store)
{
    struct fiber *fiber = self();
    if (fiber->count == STORES_MOST)
        memory_show_one(run.now);
    fiber->stores[fiber->count] = *store;
    fiber->stores[fiber->count++].is_fenced = fiber->has_fenced;
    fiber->has_fenced = false;
    fiber->looked = NULL;
}

/* --- telling ------------------------------------------------------------- */

static const char *base_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

static void tell(const struct explore_site *site, const char *what, uint64_t value)
{
    if (run.is_told)
        run_say("  %-8s %s:%d: %s%s%lld", run_name(run.now), base_name(site->file),
                site->line, *site->text == '&' ? site->text + 1 : site->text, what,
                (long long)value);
}

/* --- the hooks ----------------------------------------------------------- */

// A look that only repeats the last one, while nothing has changed, leads nowhere else.
static void point_of_look(const struct access *access, const struct explore_site *site)
{
    struct fiber *fiber = self();
    if (fiber->looked == site && fiber->version == run.version && fiber->count == 0)
        return;
    moves_point(access);
    fiber->looked = site;
    fiber->version = run.version;
}

uint64_t explore_load(const volatile void *at, size_t size,
                      const struct explore_site *site)
{
    const unsigned char *bytes = (const unsigned char *)(uintptr_t)at;
    if (!is_shared(at))
        return plain_load(bytes, size);
    point_of_look(&(struct access){.at = bytes, .size = size}, site);
    const uint64_t value = sight(bytes, size);
    tell(site, " is ", value);
    return value;
}

// Nobody sees it yet: what was stored before may have to be seen first.
static void store(volatile void *at, size_t size, uint64_t value, bool is_release,
                  const struct explore_site *site)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)at;
    if (!is_shared(at)) {
        plain_store(bytes, size, value);
        return;
    }
    if (self()->count > 0 && !self()->holds)
        moves_point(&moves_plain);
    add_store(&(struct store){.at = bytes,
                              .size = (unsigned)size,
                              .value = value,
                              .is_release = is_release,
                              .site = site});
    tell(site, self()->holds ? " = (held) " : " = ", value);
}

void explore_store(volatile void *at, size_t size, uint64_t value,
                   const struct explore_site *site)
{
    store(at, size, value, false, site);
}

void explore_store_released(volatile void *at, size_t size, uint64_t value,
                            const struct explore_site *site)
{
    store(at, size, value, true, site);
}

// As what others see is to be exchanged.
static unsigned char *come_to(volatile void *at, size_t size)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)at;
    if (is_shared(at)) {
        moves_point(&(struct access){.at = bytes, .size = size, .is_full = true});
        memory_show(run.now);
        self()->looked = NULL;
        run.version++;
    }
    return bytes;
}

void explore_store_in_order(volatile void *at, size_t size, uint64_t value,
                            const struct explore_site *site)
{
    plain_store(come_to(at, size), size, value);
    if (is_shared(at))
        tell(site, " =, fenced, ", value);
}

uint64_t explore_change(volatile void *at, size_t size, enum explore_change change,
                        uint64_t value, const struct explore_site *site)
{
    unsigned char *bytes = come_to(at, size);
    const uint64_t old = plain_load(bytes, size);
    const uint64_t values[] = {
        [EXPLORE_EXCHANGE] = value,       [EXPLORE_ADD] = old + value,
        [EXPLORE_SUBTRACT] = old - value, [EXPLORE_OR] = old | value,
        [EXPLORE_AND] = old & value,
    };
    plain_store(bytes, size, values[change]);
    if (is_shared(at))
        tell(site, " is exchanged for ", values[change]);
    return old;
}

bool explore_compare_exchange(volatile void *at, size_t size, void *expected,
                              uint64_t value, const struct explore_site *site)
{
    unsigned char *bytes = come_to(at, size);
    const uint64_t old = plain_load(bytes, size);
    const bool is_so = old == plain_load(expected, size);
    if (is_so)
        plain_store(bytes, size, value);
    else
        plain_store(expected, size, old);
    if (is_shared(at))
        tell(site, is_so ? " is exchanged for " : " is not exchanged, but ",
             is_so ? value : old);
    return is_so;
}

void explore_fence(const struct explore_site *site)
{
    if (!run_goes() || self()->count == 0)
        return;
    moves_point(&moves_full);
    memory_show(run.now);
    self()->looked = NULL;
    if (run.is_told)
        run_say("  %-8s %s:%d: %s", run_name(run.now), base_name(site->file),
                site->line, site->text);
}

void explore_fence_stores(void)
{
    if (run_goes() && self()->count > 0)
        self()->has_fenced = true;
}

// In words, as far as both are at words.
void explore_copy(void *to, const void *from, size_t size,
                  const struct explore_site *site)
{
    if (!is_shared(to) && !is_shared(from)) {
        __builtin_memcpy(to, from, size);
        return;
    }
    size_t piece;
    for (size_t at = 0; at < size; at += piece) {
        const unsigned char *in = (const unsigned char *)from + at;
        unsigned char *out = (unsigned char *)to + at;
        piece = size - at < sizeof(uint64_t) ? size - at : sizeof(uint64_t);
        self()->looked = NULL; // the same site, but not the same look
        explore_store(out, piece, explore_load(in, piece, site), site);
    }
}

/* --- the system ---------------------------------------------------------- */

int64_t explore_now(void);
uint32_t explore_processor(void);
void explore_barrier_pass(void);
void explore_lock_wait(atomic_uint *lock);
void explore_lock_wake(atomic_uint *lock);

int64_t explore_now(void)
{
    return 1;
}

uint32_t explore_processor(void)
{
    return 0;
}

void explore_barrier_pass(void)
{
    if (!run_goes())
        return;
    moves_point(&moves_full);
    for (unsigned i = 0; i < run.count; i++)
        memory_show(i);
    self()->looked = NULL;
    run_say("  %-8s membarrier(2)", run_name(run.now));
}

// An os_lock is its word; nobody is stopped between a try and its outcome.
void explore_lock_wait(atomic_uint *lock)
{
    while (atomic_load(lock) != 0 && run_goes())
        explore_give_way();
    atomic_store(lock, 1);
}

void explore_lock_wake(atomic_uint *lock)
{
    (void)lock;
}
