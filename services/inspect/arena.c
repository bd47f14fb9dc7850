/* SPDX-License-Identifier: MIT */
/*
 * Memory of a view: taken in pieces, freed at once.
 */
#include "inspect/inspect.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16384, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena *arena, size_t size)
{
    size_t room = size > BLOCK ? size : BLOCK;
    struct arena_block *block = calloc(1, sizeof(*block) + room);
    if (!block)
        return NULL;
    block->size = room;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_take(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!block || block->size - block->used < size)
        block = block_new(arena, size);
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    void *taken = block->bytes + block->used;
    block->used += size;
    return taken;
}

const char *arena_text(struct arena *arena, const char *text, size_t size)
{
    char *copy = size > 0 ? arena_take(arena, size + 1) : NULL;
    if (!copy)
        return "";
    memcpy(copy, text, size);
    return copy;
}

void *arena_room(struct arena *arena, void *list, size_t count, size_t size)
{
    bool is_full = (count & (count + 1)) == 0; // 0, 1, 3, 7 …
    if (!is_full)
        return list;
    void *more = arena_take(arena, (2 * count + 1) * size);
    if (more && count > 0)
        memcpy(more, list, count * size);
    return more;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
