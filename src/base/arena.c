/* arena.c - bump allocation in chained blocks. */
#include "base/arena.h"

#include <stdlib.h>

#include "base/mem.h"

enum { ARENA_BLOCK = 4096 };

struct arena_block {
    struct arena_block *older;
    size_t size;
    _Alignas(16) uint8_t bytes[];
};

static void add_block(struct arena *a, size_t at_least)
{
    size_t size = at_least > ARENA_BLOCK ? at_least : ARENA_BLOCK;
    struct arena_block *block = mem_new(sizeof *block + size);
    block->older = a->block;
    block->size = size;
    a->block = block;
    a->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (a->block == NULL || a->block->size - a->used < size) add_block(a, size);
    void *at = a->block->bytes + a->used;
    a->used += size;
    return at;
}

void *arena_zero(struct arena *a, size_t size)
{
    return memset(arena_alloc(a, size), 0, size);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    uint8_t *copy = arena_alloc(a, s.len + 1);
    if (s.len) memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return slice_of(copy, s.len);
}

static void free_chain(struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_reset(struct arena *a)
{
    if (a->block == NULL) return;
    free_chain(a->block->older);
    a->block->older = NULL;
    a->used = 0;
}

void arena_free(struct arena *a)
{
    free_chain(a->block);
    *a = (struct arena){0};
}

void arena_wipe(struct arena *a)
{
    for (struct arena_block *b = a->block; b; b = b->older) mem_wipe(b->bytes, b->size);
    arena_free(a);
}
