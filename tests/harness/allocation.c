/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of the program and of libwherry goes through here (ld --wrap; other
 * libraries do not): counted, remembered until it is freed, and refused where a test
 * asks for that.  The set of live blocks is an open-addressed table in static memory
 * under one lock, which is held over fork, so that a child finds it whole.  Addresses
 * are stored inverted: a leak detector must not take the table for an owner.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

enum { SLOTS = 1 << 17, STRETCH = 128, NAMED_MOST = 20 };

struct block {
    uintptr_t key; // the address, inverted; 0 = no block
    size_t size;
    uintptr_t caller;
    unsigned long number; // of the call that made it
};

static struct block blocks[SLOTS];
static bool is_touched[SLOTS / STRETCH]; // where there ever was a block
static unsigned long live_blocks;
static size_t live_bytes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static atomic_ulong calls;
static atomic_ulong fail_at; // number of the call; 0 = none
static atomic_ulong failed;
static atomic_bool is_forever;
static _Thread_local int depth; // a C library linked in calls itself through here

void *real_malloc(size_t) __asm__("__real_malloc");
void *real_calloc(size_t, size_t) __asm__("__real_calloc");
void *real_realloc(void *, size_t) __asm__("__real_realloc");
void *real_reallocarray(void *, size_t, size_t) __asm__("__real_reallocarray");
void real_free(void *) __asm__("__real_free");
char *real_strdup(const char *) __asm__("__real_strdup");
char *real_strndup(const char *, size_t) __asm__("__real_strndup");
int real_posix_memalign(void **, size_t, size_t) __asm__("__real_posix_memalign");
void *real_aligned_alloc(size_t, size_t) __asm__("__real_aligned_alloc");

void *wrapped_malloc(size_t) __asm__("__wrap_malloc");
void *wrapped_calloc(size_t, size_t) __asm__("__wrap_calloc");
void *wrapped_realloc(void *, size_t) __asm__("__wrap_realloc");
void *wrapped_reallocarray(void *, size_t, size_t) __asm__("__wrap_reallocarray");
void wrapped_free(void *) __asm__("__wrap_free");
char *wrapped_strdup(const char *) __asm__("__wrap_strdup");
char *wrapped_strndup(const char *, size_t) __asm__("__wrap_strndup");
int wrapped_posix_memalign(void **, size_t, size_t) __asm__("__wrap_posix_memalign");
void *wrapped_aligned_alloc(size_t, size_t) __asm__("__wrap_aligned_alloc");

#define CALLER ((uintptr_t)__builtin_return_address(0))

static size_t home(uintptr_t key)
{
    return (size_t)((uint32_t)(key >> 4) * 2654435769u >> 15) % SLOTS;
}

static size_t find(uintptr_t key)
{
    size_t i = home(key);
    while (blocks[i].key && blocks[i].key != key)
        i = (i + 1) % SLOTS;
    return i;
}

static void take_out(size_t hole)
{
    live_blocks--;
    live_bytes -= blocks[hole].size;
    // What was put behind the hole because it was full moves up.
    for (size_t i = (hole + 1) % SLOTS; blocks[i].key; i = (i + 1) % SLOTS) {
        size_t at = home(blocks[i].key);
        if ((i - at) % SLOTS >= (i - hole) % SLOTS) {
            blocks[hole] = blocks[i];
            hole = i;
        }
    }
    blocks[hole].key = 0;
}

static void forget(uintptr_t key)
{
    pthread_mutex_lock(&lock);
    size_t i = find(key);
    if (blocks[i].key) // else another library's
        take_out(i);
    pthread_mutex_unlock(&lock);
}

static void remember(void *address, size_t size, uintptr_t caller)
{
    if (!address || depth)
        return;
    pthread_mutex_lock(&lock);
    size_t i = find(~(uintptr_t)address);
    if (blocks[i].key) // it was freed where we do not see it
        take_out(i);
    i = find(~(uintptr_t)address);
    if (live_blocks < SLOTS / 4 * 3) {
        blocks[i] = (struct block){~(uintptr_t)address, size, caller,
                                   atomic_load_explicit(&calls, memory_order_relaxed)};
        is_touched[i / STRETCH] = true;
        live_blocks++;
        live_bytes += size;
    }
    pthread_mutex_unlock(&lock);
}

/* Counts a call; false if it is to fail. */
static bool may_allocate(uintptr_t caller)
{
    if (depth)
        return true;
    unsigned long number = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fail_at);
    if (!at || number < at || (number > at && !atomic_load(&is_forever)))
        return true;
    atomic_fetch_add(&failed, 1);
    atomic_store(&harness_report->failed_at, caller);
    errno = ENOMEM;
    return false;
}

void *wrapped_malloc(size_t size)
{
    if (!may_allocate(CALLER))
        return NULL;
    depth++;
    void *address = real_malloc(size);
    depth--;
    remember(address, size, CALLER);
    return address;
}

void *wrapped_calloc(size_t count, size_t size)
{
    if (!may_allocate(CALLER))
        return NULL;
    depth++;
    void *address = real_calloc(count, size);
    depth--;
    remember(address, count * size, CALLER);
    return address;
}

static void *resize(void *old, size_t size, uintptr_t caller)
{
    uintptr_t key = ~(uintptr_t)old;
    if (!may_allocate(caller))
        return NULL;
    depth++;
    void *address = real_realloc(old, size);
    depth--;
    if (old && !depth && (address || size == 0))
        forget(key);
    remember(address, size, caller);
    return address;
}

void *wrapped_realloc(void *old, size_t size)
{
    return resize(old, size, CALLER);
}

void *wrapped_reallocarray(void *old, size_t count, size_t size)
{
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole)) {
        errno = ENOMEM;
        return NULL;
    }
    return resize(old, whole, CALLER);
}

void wrapped_free(void *address)
{
    if (address && !depth)
        forget(~(uintptr_t)address); // before another thread can get it again
    real_free(address);
}

char *wrapped_strdup(const char *text)
{
    if (!may_allocate(CALLER))
        return NULL;
    depth++;
    char *copy = real_strdup(text);
    depth--;
    remember(copy, strlen(text) + 1, CALLER);
    return copy;
}

char *wrapped_strndup(const char *text, size_t most)
{
    if (!may_allocate(CALLER))
        return NULL;
    depth++;
    char *copy = real_strndup(text, most);
    depth--;
    remember(copy, strnlen(text, most) + 1, CALLER);
    return copy;
}

int wrapped_posix_memalign(void **address, size_t alignment, size_t size)
{
    if (!may_allocate(CALLER))
        return ENOMEM;
    depth++;
    int r = real_posix_memalign(address, alignment, size);
    depth--;
    if (r == 0)
        remember(*address, size, CALLER);
    return r;
}

void *wrapped_aligned_alloc(size_t alignment, size_t size)
{
    if (!may_allocate(CALLER))
        return NULL;
    depth++;
    void *address = real_aligned_alloc(alignment, size);
    depth--;
    remember(address, size, CALLER);
    return address;
}

static void hold(void)
{
    pthread_mutex_lock(&lock);
}

static void let_go(void)
{
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void survive_forks(void)
{
    pthread_atfork(hold, let_go, let_go);
}

unsigned long harness_allocations(void)
{
    return atomic_load(&calls);
}

unsigned long harness_live_blocks(void)
{
    pthread_mutex_lock(&lock);
    unsigned long count = live_blocks;
    pthread_mutex_unlock(&lock);
    return count;
}

size_t harness_live_bytes(void)
{
    pthread_mutex_lock(&lock);
    size_t size = live_bytes;
    pthread_mutex_unlock(&lock);
    return size;
}

void harness_fail_allocation(unsigned long n, bool forever)
{
    atomic_store(&failed, 0);
    atomic_store(&is_forever, forever);
    atomic_store(&fail_at, n ? atomic_load(&calls) + n : 0);
}

unsigned long harness_failed_allocations(void)
{
    return atomic_load(&failed);
}

void code_place(uintptr_t address, char *text, size_t size)
{
    Dl_info place;
    if (dladdr((void *)address, &place) == 0 || !place.dli_fname) {
        snprintf(text, size, "%#lx", (unsigned long)address);
        return;
    }
    const char *slash = strrchr(place.dli_fname, '/');
    snprintf(text, size, "%s+%#lx", slash ? slash + 1 : place.dli_fname,
             (unsigned long)(address - (uintptr_t)place.dli_fbase));
}

int harness_blocks_since(unsigned long allocations)
{
    int count = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < SLOTS; i++) {
        if (!is_touched[i / STRETCH]) {
            i += STRETCH - 1;
            continue;
        }
        if (!blocks[i].key || blocks[i].number <= allocations || ++count > NAMED_MOST)
            continue;
        char place[256];
        code_place(blocks[i].caller, place, sizeof place);
        dprintf(STDERR_FILENO, "left behind: %zu bytes, allocated at %s\n",
                blocks[i].size, place);
    }
    pthread_mutex_unlock(&lock);
    if (count > NAMED_MOST)
        dprintf(STDERR_FILENO, "left behind: %d more blocks\n", count - NAMED_MOST);
    return count;
}
