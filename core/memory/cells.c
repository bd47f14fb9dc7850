/* SPDX-License-Identifier: MIT */
/*
 * Cells: an array of one type in a region, behind a head and a lock.
 *
 * What the head says is read once, when they are opened, and checked against the
 * region; from then on what is known here counts, whatever others write there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/memory.h"

enum { MAGIC = 0x73636c57, VERSION = 1, BYTES = 0x1000000, WORDS = 16, NAME = 32 };

/* As it is in the region. */
struct cells_head {
    atomic_uint magic; /* stored last */
    atomic_uint version;
    atomic_uint type;
    atomic_uint count;
    uint32_t unused[12];
};

enum { LOCK_AT = sizeof(struct cells_head) };

_Static_assert(sizeof(struct cells_head) == WORDS * sizeof(uint32_t), "so many words");
_Static_assert(LOCK_AT + WHERRY_LOCK_ROOM == WHERRY_CELLS_DATA, "as the manual says");

struct wherry_cells {
    wherry_lock *lock;
    uint8_t *data;
    uint32_t type;
    size_t size; /* of one */
    uint64_t count;
};

static const struct type {
    const char *name;
    size_t size;
    bool is_whole;
    int64_t least;
    uint64_t most;
} types[] = {
    [WHERRY_CELL_INT8] = {"int8", 1, true, INT8_MIN, INT8_MAX},
    [WHERRY_CELL_UINT8] = {"uint8", 1, true, 0, UINT8_MAX},
    [WHERRY_CELL_INT16] = {"int16", 2, true, INT16_MIN, INT16_MAX},
    [WHERRY_CELL_UINT16] = {"uint16", 2, true, 0, UINT16_MAX},
    [WHERRY_CELL_INT32] = {"int32", 4, true, INT32_MIN, INT32_MAX},
    [WHERRY_CELL_UINT32] = {"uint32", 4, true, 0, UINT32_MAX},
    [WHERRY_CELL_INT64] = {"int64", 8, true, INT64_MIN, INT64_MAX},
    [WHERRY_CELL_UINT64] = {"uint64", 8, true, 0, UINT64_MAX},
    [WHERRY_CELL_DOUBLE] = {"double", 8, .is_whole = false},
};

/* --- types --------------------------------------------------------------- */

// 0: there is no such type.
static size_t size_of(uint32_t type)
{
    if (type > BYTES && type < 2 * BYTES)
        return type - BYTES;
    return type < sizeof(types) / sizeof(types[0]) ? types[type].size : 0;
}

static const char *name_of(uint32_t type, char name[NAME])
{
    const size_t size = size_of(type);
    if (type > BYTES && size > 0)
        snprintf(name, NAME, "%zu bytes", size);
    else
        snprintf(name, NAME, "%s", size > 0 ? types[type].name : "no type");
    return name;
}

uint64_t wherry_cells_room(uint32_t type, uint64_t count)
{
    uint64_t bytes;
    const size_t size = size_of(type);
    if (size == 0 || count == 0 || count > UINT32_MAX ||
        __builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, WHERRY_CELLS_DATA, &bytes))
        return 0;
    return bytes;
}

/* --- opening ------------------------------------------------------------- */

static int make_head(struct cells_head *head, uint32_t type, uint64_t count)
{
    struct cells_head image;
    uint32_t words[WORDS];
    memset(&image, 0, sizeof(image));
    atomic_init(&image.magic, MAGIC);
    atomic_init(&image.version, VERSION);
    atomic_init(&image.type, type);
    atomic_init(&image.count, (uint32_t)count);
    memcpy(words, &image, sizeof(words));
    return publish((atomic_uint *)(void *)head, words, WORDS);
}

// What is wanted, and then what is there.
static int check_head(struct cells_head *head, uint64_t offset, uint32_t type,
                      uint64_t *count)
{
    char names[2][NAME];
    const unsigned magic = atomic_load(&head->magic);
    const unsigned version = atomic_load(&head->version);
    const unsigned found = atomic_load(&head->type);
    const uint64_t there = atomic_load(&head->count);
    if (magic != MAGIC)
        return failure(magic ? -EEXIST : -ENOENT, "at %llu are no cells",
                       (unsigned long long)offset);
    if (version != VERSION)
        return failure(-EPROTO, "the cells at %llu are of version %u, not %d",
                       (unsigned long long)offset, version, VERSION);
    if (found != type || (*count != 0 && there != *count))
        return failure(-EPROTO, "the cells at %llu are %llu of %s, not %llu of %s",
                       (unsigned long long)offset, (unsigned long long)there,
                       name_of(found, names[0]),
                       (unsigned long long)(*count ? *count : there),
                       name_of(type, names[1]));
    *count = there;
    return 0;
}

static int open_head(wherry_region *region, uint64_t offset, uint32_t type,
                     uint64_t *count)
{
    const uint64_t least = wherry_cells_room(type, *count ? *count : 1);
    if (least == 0)
        return failure(-EINVAL, "cells: there is no type %u, or not so many of it",
                       type);
    int r = publish_place(region, offset, least, "cells");
    if (r < 0)
        return r;
    struct cells_head *head = (struct cells_head *)(void *)(region->data + offset);
    if (*count != 0 && atomic_load(&head->magic) == 0)
        r = make_head(head, type, *count);
    if (r < 0)
        return failure(r, "at %llu is something else than cells",
                       (unsigned long long)offset);
    r = check_head(head, offset, type, count);
    if (r < 0)
        return r;
    // What the head says may be more than was asked for.
    const uint64_t room = wherry_cells_room(type, *count);
    if (room == 0 || room > region->size - offset)
        return failure(-EPROTO, "the cells at %llu are damaged: there cannot be %llu",
                       (unsigned long long)offset, (unsigned long long)*count);
    return 0;
}

int wherry_cells_open(wherry_region *region, uint64_t offset, uint32_t type,
                      uint64_t count, wherry_cells **out)
{
    int r = open_head(region, offset, type, &count);
    if (r < 0)
        return r;
    wherry_cells *cells = calloc(1, sizeof(*cells));
    if (!cells)
        return failure_plain(-ENOMEM, "no memory for cells");
    *cells = (wherry_cells){.data = region->data + offset + WHERRY_CELLS_DATA,
                            .type = type,
                            .size = size_of(type),
                            .count = count};
    r = wherry_lock_open(region, offset + LOCK_AT, &cells->lock);
    if (r < 0) {
        free(cells);
        return r;
    }
    *out = cells;
    return 0;
}

/* --- use ----------------------------------------------------------------- */

static int check_cells(const wherry_cells *cells, uint64_t first, uint64_t many)
{
    if (first <= cells->count && many <= cells->count - first)
        return 0;
    return failure(-ERANGE, "%llu cells from %llu on: there are %llu",
                   (unsigned long long)many, (unsigned long long)first,
                   (unsigned long long)cells->count);
}

static int check_bytes(const wherry_cells *cells, uint64_t first, size_t size)
{
    char name[NAME];
    if (size == 0 || size % cells->size != 0)
        return failure(-EINVAL, "%zu bytes are no cells of %s", size,
                       name_of(cells->type, name));
    return check_cells(cells, first, size / cells->size);
}

static uint8_t *cell(const wherry_cells *cells, uint64_t index)
{
    return cells->data + index * cells->size;
}

int wherry_cells_get(wherry_cells *cells, uint64_t first, void *out, size_t size,
                     wherry_deadline deadline)
{
    int r = check_bytes(cells, first, size);
    if (r >= 0)
        r = wherry_lock_take(cells->lock, deadline);
    if (r < 0)
        return r;
    memcpy(out, cell(cells, first), size);
    return wherry_lock_give(cells->lock);
}

int wherry_cells_set(wherry_cells *cells, uint64_t first, const void *values,
                     size_t size, wherry_deadline deadline)
{
    int r = check_bytes(cells, first, size);
    if (r >= 0)
        r = wherry_lock_take(cells->lock, deadline);
    if (r < 0)
        return r;
    memcpy(cell(cells, first), values, size);
    return wherry_lock_give(cells->lock);
}

// Where a number of fewer bytes stands in one of eight.
static uint8_t *low_end(uint64_t *number, size_t size)
{
    const bool is_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    return (uint8_t *)number + (is_big ? sizeof(*number) - size : 0);
}

// The sum has the bits of the type's number, and those before them of its sign.
static bool add(const struct type *type, uint8_t *at, int64_t amount, uint64_t *sum)
{
    const unsigned unused = 64 - 8 * (unsigned)type->size;
    uint64_t bits = 0;
    memcpy(low_end(&bits, type->size), at, type->size);
    int64_t number = (int64_t)(bits << unused) >> unused;
    bool is_over =
        type->least < 0
            ? __builtin_add_overflow(number, amount, &number) || number < type->least ||
                  number > (int64_t)type->most
            : __builtin_add_overflow(bits, amount, &bits) || bits > type->most;
    *sum = type->least < 0 ? (uint64_t)number : bits;
    if (!is_over)
        memcpy(at, low_end(sum, type->size), type->size);
    return !is_over;
}

int wherry_cells_add(wherry_cells *cells, uint64_t index, int64_t amount, int64_t *now,
                     wherry_deadline deadline)
{
    uint64_t sum = 0;
    if (cells->type > BYTES || !types[cells->type].is_whole)
        return failure(-EINVAL, "these cells are no whole numbers");
    int r = check_cells(cells, index, 1);
    if (r >= 0)
        r = wherry_lock_take(cells->lock, deadline);
    if (r < 0)
        return r;
    const struct type *type = &types[cells->type];
    const bool is_added = add(type, cell(cells, index), amount, &sum);
    r = wherry_lock_give(cells->lock);
    if (r >= 0 && !is_added)
        return failure(-EOVERFLOW, "cell %llu and %lld: %s has no such number",
                       (unsigned long long)index, (long long)amount, type->name);
    if (r >= 0 && now)
        *now = (int64_t)sum;
    return r;
}

int wherry_cells_add_double(wherry_cells *cells, uint64_t index, double amount,
                            double *now, wherry_deadline deadline)
{
    double sum;
    if (cells->type != WHERRY_CELL_DOUBLE)
        return failure(-EINVAL, "these cells are no doubles");
    int r = check_cells(cells, index, 1);
    if (r >= 0)
        r = wherry_lock_take(cells->lock, deadline);
    if (r < 0)
        return r;
    memcpy(&sum, cell(cells, index), sizeof(sum));
    sum += amount;
    memcpy(cell(cells, index), &sum, sizeof(sum));
    r = wherry_lock_give(cells->lock);
    if (r >= 0 && now)
        *now = sum;
    return r;
}

int wherry_cells_recover(wherry_cells *cells)
{
    int r = wherry_lock_recover(cells->lock);
    return r < 0 ? r : wherry_lock_give(cells->lock);
}

/* --- what is borrowed, and the end --------------------------------------- */

wherry_lock *wherry_cells_lock(const wherry_cells *cells)
{
    return cells->lock;
}

void *wherry_cells_data(const wherry_cells *cells)
{
    return cells->data;
}

uint64_t wherry_cells_count(const wherry_cells *cells)
{
    return cells->count;
}

void wherry_cells_close(wherry_cells *cells)
{
    if (!cells)
        return;
    wherry_lock_close(cells->lock);
    free(cells);
}
